//! `ezsync setup` and `ezsync verify`: the fleet, from the files to the report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::{list_hosts, print};
use crate::access::{self, Access};
use crate::cli::{self, Cli, Setup, Verify};
use crate::cluster::{self, Cluster, Member};
use crate::exit::Exit;
use crate::fleet::{self, Job, Mode, Order, Part};
use crate::problem::Problem;
use crate::project::Project;
use crate::report::{self, Look, Run};
use crate::role::tags::Choice;
use crate::ssh::{Client, HostKeyPolicy};
use crate::ui;

pub(super) fn setup(cli: &Cli, project: &Project, options: &Setup) -> Result<Exit> {
    let tags = Choice { only: options.tags.clone(), skip: options.skip_tags.clone() };
    let cluster = options.hosts.load(project, options.step.as_deref(), tags)?;
    if options.list_tasks {
        return list_tasks(&cluster);
    }
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    let mode = if options.check { Mode::Check } else { Mode::Setup };
    let source_timeout = Duration::from_secs(options.source_timeout.into());
    let plan = Plan { mode, source_timeout, diff: options.diff };
    carry_out(cli, cluster, &options.access, &plan)
}

pub(super) fn verify(cli: &Cli, project: &Project, options: &Verify) -> Result<Exit> {
    let cluster = options.hosts.load(project, None, Choice::default())?;
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    if !cluster.has_time() {
        return Err(Problem::new(
            "the role chrony is not among the cluster's roles: there is no time to verify",
        )
        .hint("add chrony to `roles` in config.yml")
        .into());
    }
    let plan = Plan { mode: Mode::Verify, source_timeout: Duration::ZERO, diff: false };
    carry_out(cli, cluster, &options.access, &plan)
}

/// `--list-tasks`: what a run would see to, in order.
fn list_tasks(cluster: &Cluster) -> Result<Exit> {
    let recipe = &cluster.recipe;
    let picked: Vec<String> = recipe
        .roles
        .iter()
        .flat_map(|role| role.tasks.iter().map(move |task| (&role.name, task)))
        .filter(|(_, task)| recipe.tags.picks(&task.tags))
        .map(|(role, task)| {
            format!("    {role} : {}  TAGS: [{}]\n", task.name, task.tags.join(", "))
        })
        .collect();
    print(&format!("  tasks ({}):\n{}", picked.len(), picked.concat()))?;
    Ok(Exit::Ok)
}

/// What this run is to do.
struct Plan {
    mode: Mode,
    source_timeout: Duration,
    diff: bool,
}

fn carry_out(cli: &Cli, cluster: Cluster, access: &cli::Access, plan: &Plan) -> Result<Exit> {
    let jobs = jobs(&cluster, access)?;
    let screen = ui::Screen::default();
    let client = client(&screen);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let run = runtime.block_on(fleet(cli, cluster, jobs, client, screen, access, plan));
    // A name service that does not answer must not hold up the report.
    runtime.shutdown_background();
    keep(&run);
    if access.json {
        print(&run.to_json()?)?;
    } else {
        report::print(&run, &Look::of_stdout(plan.diff), cli.colours())?;
    }
    Ok(run.exit())
}

/// A client that asks the person at the terminal, when there is one.
fn client(screen: &ui::Screen) -> Client {
    match ui::ask::Terminal::find(screen) {
        Some(terminal) => Client::with_prompt(Arc::new(terminal)),
        None => Client::default(),
    }
}

/// Keeps the result for later. The hosts are as they are, also when that fails.
fn keep(run: &Run) {
    if let Err(error) = report::state_folder().and_then(|folder| report::archive(run, &folder)) {
        eprintln!("warning: the result could not be kept: {error:#}");
    }
}

async fn fleet(
    cli: &Cli,
    cluster: Cluster,
    jobs: Vec<Job>,
    client: Client,
    screen: ui::Screen,
    access: &cli::Access,
    plan: &Plan,
) -> Run {
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let order = Order {
        mode: plan.mode,
        forks: access.forks.into(),
        time_role: cluster::TIME_ROLE.to_owned(),
        verify: cluster.has_time(),
        verify_timeout: Duration::from_secs(access.verify_timeout.into()),
        source_timeout: plan.source_timeout,
        upstreams: cluster.settings.ntp_servers.clone(),
        local_stratum: cluster.settings.local_stratum,
        max_offset: cluster.settings.max_offset,
        source_address: cluster.settings.source_address.clone(),
    };
    let cancel = CancellationToken::new();
    let interrupt = tokio::spawn(interrupt(cancel.clone()));
    let (events, told) = unbounded_channel();
    let settings = ui::Settings::choose(cli.colours(), cli.verbose > 0);
    let ui = tokio::spawn(async move { ui::show(told, &names, settings, screen).await });
    let hosts = fleet::run(client, cluster.recipe, jobs, order, events, cancel.clone()).await;
    // The display ends by itself when nobody sends any more.
    let _ = ui.await;
    interrupt.abort();
    let seconds = clock.elapsed().as_secs_f64();
    Run::new(&cluster.name, plan.mode, started, seconds, cancel.is_cancelled(), hosts)
}

/// The first Ctrl-C ends the run in order; the second one ends the program at once.
async fn interrupt(cancel: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        eprintln!(
            "interrupted: hosts whose turn has not come are left as they are, the others finish; press Ctrl-C again to stop at once"
        );
        cancel.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted.code().into());
        }
    }
}

fn jobs(cluster: &Cluster, options: &cli::Access) -> Result<Vec<Job>> {
    let access = options.settings()?;
    let jobs = cluster.members.iter().map(|member| job(member, &cluster.source, &access));
    Ok(jobs.collect::<Result<_, Problem>>()?)
}

fn job(member: &Member, source: &str, access: &Access) -> Result<Job, Problem> {
    Ok(Job {
        name: member.name.clone(),
        part: if member.name == source { Part::Source } else { Part::Client },
        reach: access.reach(&member.name, &member.connection)?,
        vars: member.vars.clone(),
        subjects: member.subjects.clone(),
        notes: member.notes.clone(),
    })
}

impl cli::Access {
    /// What was typed on how hosts are reached. Asks for the password if that is wanted.
    fn settings(&self) -> Result<Access> {
        let accept_new = self.accept_new_host_keys;
        Ok(Access {
            user: self.user.clone(),
            private_key: self.private_key.clone(),
            connect_timeout: Duration::from_secs(self.timeout.into()),
            host_keys: if accept_new { HostKeyPolicy::AcceptNew } else { HostKeyPolicy::Strict },
            known_hosts: self.known_hosts.clone(),
            password: self.password()?,
            host_key_checking: access::host_key_checking(),
        })
    }

    fn password(&self) -> Result<Option<SecretString>> {
        if !self.ask_pass {
            return Ok(None);
        }
        let password = ui::ask::secret("SSH password: ").context("the password of -k")?;
        Ok(Some(password).filter(|password| !password.expose_secret().is_empty()))
    }
}
