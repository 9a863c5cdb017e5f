//! `ezsync setup` and `ezsync verify`: the fleet, from the files to the report.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::{list_hosts, print};
use crate::cli::{Access, Cli, Setup, Verify};
use crate::cluster::{self, Cluster, Member};
use crate::exit::Exit;
use crate::fleet::{self, Job, Mode, Order, Part};
use crate::problem::Problem;
use crate::project::Project;
use crate::report::{self, Look, Run};
use crate::ssh::{Client, Endpoint, HostKeyPolicy, Options, Target};
use crate::ui;

pub(super) fn setup(cli: &Cli, project: &Project, options: &Setup) -> Result<Exit> {
    let cluster = options.hosts.load(project, options.step.as_deref(), &options.tags)?;
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    let mode = if options.check { Mode::Check } else { Mode::Setup };
    let source_timeout = Duration::from_secs(options.source_timeout.into());
    let plan = Plan { mode, source_timeout, diff: options.diff };
    carry_out(cli, cluster, &options.access, &plan)
}

pub(super) fn verify(cli: &Cli, project: &Project, options: &Verify) -> Result<Exit> {
    let cluster = options.hosts.load(project, None, &[])?;
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

/// What this run is to do.
struct Plan {
    mode: Mode,
    source_timeout: Duration,
    diff: bool,
}

fn carry_out(cli: &Cli, cluster: Cluster, access: &Access, plan: &Plan) -> Result<Exit> {
    let jobs = jobs(&cluster, access)?;
    let client = Client::new(ssh_options(access)).map_err(anyhow::Error::from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let run = runtime.block_on(fleet(cli, cluster, jobs, client, access, plan));
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
    access: &Access,
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
    let ui = tokio::spawn(async move { ui::show(told, &names, settings).await });
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

fn ssh_options(access: &Access) -> Options {
    let policy =
        if access.accept_new_host_keys { HostKeyPolicy::AcceptNew } else { HostKeyPolicy::Strict };
    let mut options = Options::for_this_user(Duration::from_secs(access.timeout.into()), policy);
    if let Some(file) = &access.known_hosts {
        options.known_hosts_files = vec![file.clone()];
    }
    options
}

fn jobs(cluster: &Cluster, access: &Access) -> Result<Vec<Job>, Problem> {
    cluster.members.iter().map(|member| job(member, &cluster.source, access)).collect()
}

fn job(member: &Member, source: &str, access: &Access) -> Result<Job, Problem> {
    let connection = &member.connection;
    let refuse =
        |what: &str, hint: &str| Err(Problem::new(format!("{}: {what}", member.name)).hint(hint));
    if connection.local {
        return refuse(
            "ansible_connection=local is not supported",
            "reach this machine over SSH, as any other",
        );
    }
    if connection.become_password.is_some() {
        return refuse(
            "a password for sudo is not supported",
            "allow sudo without a password for this user, or log in as root",
        );
    }
    if let Some(user) = connection.become_user.as_deref().filter(|user| *user != "root") {
        return refuse(
            &format!("ansible_become_user={user} is not supported"),
            "everything that ezsync does is root's: leave it out",
        );
    }
    let method = connection.become_method.as_deref().unwrap_or("sudo");
    if method != "sudo" {
        return refuse(
            &format!("ansible_become_method={method} is not supported"),
            "use sudo, or log in as root",
        );
    }
    let user = connection.user.clone().or_else(|| access.user.clone()).or_else(this_user);
    let Some(user) = user else {
        return refuse("nobody says who logs in", "set ansible_user, or give -u USER");
    };
    // As in Ansible, what the inventory says of a host goes before the command line.
    let key = connection.private_key_file.as_deref().map(expand).or(access.private_key.clone());
    Ok(Job {
        name: member.name.clone(),
        part: if member.name == source { Part::Source } else { Part::Client },
        sudo: connection.become_.unwrap_or(user != "root") && user != "root",
        target: Target {
            endpoint: Endpoint { address: connection.address.clone(), port: connection.port },
            user,
            identity_files: key.into_iter().collect(),
            password: connection.password.clone(),
        },
        vars: member.vars.clone(),
        subjects: member.subjects.clone(),
        notes: member.notes.clone(),
    })
}

/// The user who runs this program, as OpenSSH and Ansible take it.
fn this_user() -> Option<String> {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok().filter(|name| !name.is_empty())
}

/// `~/...` is below the home folder.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
