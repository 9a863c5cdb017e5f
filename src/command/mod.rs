//! The subcommands, one file each: they wire stages together and know no details.

mod access;
mod bundle;
mod drive;
mod export;
mod import;
mod inventory;
mod lock;
mod new;
mod operator;
mod render;
mod report;
mod rerun;
mod rollback;
mod run;
mod visit;

use std::collections::HashSet;
use std::io::{self, Write};

use anyhow::{Error, Result};
use jiff::Timestamp;

use self::lock::NoLock;
use crate::cli::{Cli, Command, Hosts};
use crate::cluster::{Cluster, OptionSetting, Wish};
use crate::exit::Exit;
use crate::fleet::Mode;
use crate::interrupt::Interrupts;
use crate::problem::Problem;
use crate::project::Project;
use crate::report::{self as results, Look, Run};
use crate::role::tags::Choice;
use crate::shard::Shard;

/// Does what was typed.
///
/// # Errors
/// What went wrong before any host was touched, or besides the hosts: theirs are in the result.
pub fn run(cli: &Cli) -> Result<Exit> {
    let project = Project::new(&cli.project_dir);
    match &cli.command {
        Command::New { cluster } => new::run(&project, cluster),
        Command::Inventory(options) => inventory::run(&project, options),
        Command::Render(options) => render::run(&project, options),
        Command::Export(options) => export::export(&project, options),
        Command::Import(options) => import::import(options),
        Command::Setup(options) => run::setup(cli, &project, options),
        Command::Ping(options) => visit::ping(cli, &project, options),
        Command::Exec(options) => visit::exec(cli, &project, options),
        Command::Verify(options) => run::verify(cli, &project, options),
        Command::Doctor(options) => run::doctor(cli, &project, options),
        Command::Status(options) => run::status(cli, &project, options),
        Command::Rollback(options) => rollback::run(cli, &project, options),
        Command::Report(report) => report::run(cli, report),
        Command::Bundle(bundle) => bundle::run(cli, &project, bundle),
    }
}

/// How the program ends with `error`, and the JSON document of it for a run that was to print one: nothing else
/// has come to standard output then.
#[must_use]
pub fn fail(cli: &Cli, error: &Error) -> (Exit, Option<String>) {
    let is_interrupt = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
    let exit = match error.downcast_ref::<io::Error>() {
        Some(error) if is_interrupt(error) => Exit::Interrupted,
        // What was waited for when the user wanted to end was given up.
        _ if Interrupts::heard() => Exit::Interrupted,
        _ if error.is::<Problem>() => Exit::Usage,
        _ => Exit::Error,
    };
    let known =
        error.downcast_ref::<Problem>().or_else(|| Some(error.downcast_ref::<NoLock>()?.problem()));
    let problem = known.cloned().unwrap_or_else(|| Problem::new(format!("{error:#}")));
    (exit, cli.wants_json().then(|| results::error(&problem, exit)))
}

impl Hosts {
    /// The cluster as the options want it; `settings` are what other options set.
    fn load(
        &self,
        project: &Project,
        step: Option<&str>,
        tags: Choice,
        settings: Vec<OptionSetting>,
    ) -> Result<Cluster> {
        let wish = Wish {
            inventory: self.inventory.clone(),
            extra: self.extra_vars.clone(),
            options: settings,
            limit: self.limit.clone(),
            shard: self.shard,
            tags,
            step: step.map(ToOwned::to_owned),
        };
        let cluster = Cluster::load(project, &self.cluster, &wish)?;
        for warning in &cluster.warnings {
            eprintln!("warning: {warning}");
        }
        self.note_empty(cluster.members.len());
        Ok(cluster)
    }

    /// Says why there is nothing to do. More shards than hosts are no mistake: whoever divides the work need
    /// not know how much there is.
    fn note_empty(&self, hosts: usize) {
        if let Some(shard) = self.shard.filter(|_| hosts == 0) {
            let limited = if self.limit.is_some() { " that are meant" } else { "" };
            say(&format!("the shard {shard} of {} has no hosts{limited}", self.cluster));
        }
    }
}

/// Prints `text`.
fn print(text: &str) -> Result<()> {
    printed(anstream::stdout().write_all(text.as_bytes()))
}

/// Whoever reads what was `written` may have read enough: a closed pipe is no mistake.
fn printed(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(()),
    }
}

/// Keeps the result for later. The hosts are as they are, also when that fails.
fn keep(run: &Run) {
    if let Err(error) = results::state_folder().and_then(|folder| results::archive(run, &folder)) {
        say(&format!("warning: the result could not be kept: {error:#}"));
    }
}

/// Shows `run`, as one JSON document or as text, with `diff` how files change; and gives how the program ends.
fn show(cli: &Cli, json: bool, run: &Run, diff: bool) -> Result<Exit> {
    if json {
        printed(run.write_json(anstream::stdout()))?;
    } else {
        results::print(run, &Look::of_stdout(diff), cli.colours())?;
    }
    Ok(run.exit())
}

/// A run that has no host to see to. It is not kept: it says nothing of any host.
fn nothing(cli: &Cli, cluster: &str, shard: Option<Shard>, mode: Mode, json: bool) -> Result<Exit> {
    let mut run = Run::new(cluster, mode, Timestamp::now(), 0.0, false, Vec::new());
    run.shard = shard;
    if json { show(cli, json, &run, false) } else { Ok(run.exit()) }
}

/// Says a line on standard error, which may be gone when a run has ended: that is no mistake.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// `--list-hosts`, as Ansible prints it: a limit says who, and the order is that of `all`.
fn list_hosts(cluster: &Cluster) -> Result<Exit> {
    let ours: HashSet<&str> = cluster.members.iter().map(|member| member.name.as_str()).collect();
    let listed = cluster.listed.iter().map(String::as_str).filter(|name| ours.contains(name));
    print_names(listed.collect::<Vec<_>>().into_iter())
}

fn print_names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Result<Exit> {
    let mut text = format!("  hosts ({}):\n", names.len());
    for name in names {
        text.push_str(&format!("    {name}\n"));
    }
    print(&text)?;
    Ok(Exit::Ok)
}
