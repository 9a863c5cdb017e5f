//! `ezsync setup`, `verify` and `doctor`: the fleet, from the files to the report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::access::{Rights, warn};
use super::drive::{Moved, drive};
use super::lock::Lock;
use super::operator::operator;
use super::rerun;
use super::{keep, list_hosts, nothing, print, show};
use crate::access::Access;
use crate::bundle::Bundle;
use crate::cli::{self, Cli, Doctor, Setup, Status, Verify};
use crate::cluster::{self, Cluster, FailurePolicy, Member, TimeSource};
use crate::exit::Exit;
use crate::fleet::{self, Job, Mode, Order, Part, Terms, Timebase};
use crate::problem::Problem;
use crate::project::Project;
use crate::report::Run;
use crate::resource::Subject;
use crate::role::tags::Choice;

pub(super) fn setup(cli: &Cli, project: &Project, options: &Setup) -> Result<Exit> {
    let tags = Choice { only: options.tags.clone(), skip: options.skip_tags.clone() };
    let mut cluster =
        options.hosts.load(project, options.step.as_deref(), tags, options.settings())?;
    if options.list_tasks {
        return list_tasks(&cluster);
    }
    let caution = &options.caution;
    // Held until the report is out. Before anything is asked, of the user or of a host.
    let changes = !options.check && !options.hosts.list_hosts;
    let lock =
        changes.then(|| Lock::take(&cluster.name, cluster.shard, "setup", caution.break_lock));
    let _lock = lock.transpose()?;
    if caution.rerun.is_some() && !cluster.members.is_empty() {
        rerun::only_failed(&mut cluster)?;
    }
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    let mode = if options.check { Mode::Check } else { Mode::Setup };
    if cluster.members.is_empty() {
        return nothing(cli, &cluster.name, cluster.shard, mode, options.access.json);
    }
    if options.set_clock {
        sets_clock(&cluster)?;
    }
    if cluster.settings.set_clock {
        clock_is_sane(Timestamp::now(), env!("EZSYNC_BUILT"))?;
    }
    let bundle = bundle(project, options, &cluster)?;
    let source_timeout = Duration::from_secs(options.source_timeout.into());
    let verify_timeout = Duration::from_secs(options.proof.verify_timeout.into());
    let partial = options.partial;
    let (diff, force) = (options.diff, options.force);
    let policy = caution.max_fail.clone().or_else(|| cluster.settings.failure_policy.clone());
    let plan = Plan {
        mode,
        source_timeout,
        verify_timeout,
        diff,
        force,
        fresh: caution.rerun.is_some(),
        bundle,
        partial,
        confirm: options.confirm(),
        policy,
        break_lock: caution.break_lock,
    };
    carry_out(cli, cluster, &options.access, &plan)
}

/// The bundle that packages come from, all of it checked; none when they come from repositories.
fn bundle(
    project: &Project,
    options: &Setup,
    cluster: &Cluster,
) -> Result<Option<Arc<Bundle>>, Problem> {
    let named = match &options.bundle {
        // Nothing typed for it means none, whatever the settings say.
        Some(path) => Some((PathBuf::from(path), None)).filter(|_| !path.is_empty()),
        None => cluster.settings.bundle.as_ref().map(|(path, place)| {
            let path = project.path(path);
            // Nobody typed it here: where it was looked for is told in full.
            (std::path::absolute(&path).unwrap_or(path), place.clone())
        }),
    };
    match named {
        Some((path, place)) => {
            let bundle = Bundle::open(&path).map_err(|problem| problem.at(place))?;
            Ok(Some(Arc::new(bundle)))
        }
        None if options.partial => {
            Err(Problem::new("--partial is for runs with a bundle, and this is none")
                .hint("leave it out, or give the bundle with --bundle"))
        }
        None => Ok(None),
    }
}

/// Refuses `--set-clock` where it would do nothing.
fn sets_clock(cluster: &Cluster) -> Result<(), Problem> {
    let source = cluster.sources.first().map(|source| source.name.as_str()).unwrap_or_default();
    match cluster.members.iter().find(|member| member.name == source) {
        None => Err(Problem::new(format!(
            "--set-clock sets the clock of {source}, which is not among the hosts of this run"
        ))
        .hint("leave out --limit and --shard: a cluster's clocks are set together")),
        Some(member) if !member.subjects.contains(&Subject::Clock) => Err(Problem::new(
            "--set-clock: no task of this run sets the clock",
        )
        .hint(
            "look at --tags, and at the project's own roles/chrony: it needs a task with `clock`",
        )),
        Some(_) => Ok(()),
    }
}

/// Refuses to set other clocks from one that is wrong for certain: it was later when ezsync was built.
fn clock_is_sane(now: Timestamp, built: &str) -> Result<(), Problem> {
    let built = built.parse().ok().and_then(|built| Timestamp::from_second(built).ok());
    match built.filter(|built| now < *built) {
        None => Ok(()),
        Some(built) => Err(Problem::new(format!(
            "this machine's clock says {now:.0}, and this ezsync was built on {built:.0}: no clock is set from that"
        ))
        .hint("set this machine's clock first")),
    }
}

pub(super) fn verify(cli: &Cli, project: &Project, options: &Verify) -> Result<Exit> {
    let settings = options.proof.threshold.settings();
    let cluster = options.hosts.load(project, None, Choice::default(), settings)?;
    let verify_timeout = Duration::from_secs(options.proof.verify_timeout.into());
    look(cli, cluster, &options.hosts, &options.access, Mode::Verify, verify_timeout)
}

pub(super) fn doctor(cli: &Cli, project: &Project, options: &Doctor) -> Result<Exit> {
    let settings = options.threshold.settings();
    let cluster = options.hosts.load(project, None, Choice::default(), settings)?;
    look(cli, cluster, &options.hosts, &options.access, Mode::Doctor, Duration::ZERO)
}

/// Judges the time of the hosts as they are.
fn look(
    cli: &Cli,
    cluster: Cluster,
    hosts: &cli::Hosts,
    access: &cli::Access,
    mode: Mode,
    verify_timeout: Duration,
) -> Result<Exit> {
    if hosts.list_hosts {
        return list_hosts(&cluster);
    }
    if !cluster.has_time() {
        return Err(Problem::new(
            "the role chrony is not among the cluster's roles: there is no time to verify",
        )
        .hint("add chrony to `roles` in config.yml")
        .into());
    }
    let plan = Plan { verify_timeout, ..Plan::look(mode) };
    carry_out(cli, cluster, access, &plan)
}

pub(super) fn status(cli: &Cli, project: &Project, options: &Status) -> Result<Exit> {
    let cluster = options.hosts.load(project, None, Choice::default(), Vec::new())?;
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    let plan = Plan { diff: options.diff, ..Plan::look(Mode::Status) };
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
    verify_timeout: Duration,
    diff: bool,
    force: bool,
    fresh: bool,
    bundle: Option<Arc<Bundle>>,
    partial: bool,
    confirm: Option<bool>,
    policy: Option<FailurePolicy>,
    break_lock: bool,
}

impl Plan {
    /// One that changes nothing.
    fn look(mode: Mode) -> Self {
        Self {
            mode,
            source_timeout: Duration::ZERO,
            verify_timeout: Duration::ZERO,
            diff: false,
            force: false,
            fresh: false,
            bundle: None,
            partial: false,
            confirm: None,
            policy: None,
            break_lock: false,
        }
    }
}

fn carry_out(cli: &Cli, cluster: Cluster, access: &cli::Access, plan: &Plan) -> Result<Exit> {
    if cluster.members.is_empty() {
        return nothing(cli, &cluster.name, cluster.shard, plan.mode, access.json);
    }
    if let Some(key) = cluster.settings.made_key().filter(|_| plan.mode == Mode::Setup) {
        key.make()?;
    }
    let order = order(&cluster, plan);
    let Cluster { name, shard, sources, members, recipe, settings, .. } = cluster;
    let jobs = jobs(members, &sources, access)?;
    let names = jobs.iter().map(|job| job.name.clone()).collect();
    let Order { mode, max_offset, .. } = order;
    let terms = Terms { mode, max_offset, set_clock: settings.set_clock };
    let on_interrupt = match plan.mode {
        Mode::Setup => {
            "hosts whose turn has not come or that are still being sent files are left as they are; the run \
             waits for those that are being changed to finish or undo, and for others to clear away what \
             was made ready"
        }
        _ => "no more hosts are asked",
    };
    let moved = drive(cli, access.forks, on_interrupt, names, |means| {
        fleet::run(means, recipe, jobs, order)
    })?;
    let Moved { mut hosts, started, seconds, interrupted } = moved;
    let is_status = plan.mode == Mode::Status;
    let clocks = if is_status { None } else { fleet::agree(&mut hosts, terms) };
    let mut run = Run::new(&name, plan.mode, started, seconds, interrupted, hosts);
    run.shard = shard;
    run.timebase = clocks.is_some().then(Timebase::here).flatten();
    run.max_offset = (!is_status).then_some(max_offset);
    run.set_clock = terms.set_clock;
    run.clocks = clocks;
    let policy = plan.policy.as_ref().filter(|_| plan.mode == Mode::Setup);
    run.max_fail = policy.and_then(|policy| fleet::spent(policy, &run.hosts));
    if !is_status {
        keep(&run);
    }
    show(cli, access.json, &run, plan.diff)
}

/// What holds for all hosts.
fn order(cluster: &Cluster, plan: &Plan) -> Order {
    Order {
        by: operator(),
        cluster: cluster.name.clone(),
        mode: plan.mode,
        force: plan.force,
        pristine: false,
        time_role: cluster::TIME_ROLE.to_owned(),
        verify: cluster.has_time() && plan.mode != Mode::Status,
        fresh: plan.fresh,
        verify_timeout: plan.verify_timeout,
        source_timeout: plan.source_timeout,
        upstreams: cluster.settings.ntp_servers.clone(),
        local_stratum: cluster.settings.local_stratum,
        max_offset: cluster.settings.max_offset,
        sources: cluster.sources.clone(),
        bundle: plan.bundle.clone(),
        confirm: plan.confirm,
        partial: plan.partial,
        policy: plan.policy.clone(),
        break_lock: plan.break_lock,
    }
}

/// One for each of `members`, who are needed no longer: they may be many.
fn jobs(members: Vec<Member>, sources: &[TimeSource], options: &cli::Access) -> Result<Vec<Job>> {
    let mut access = options.settings(Rights::Root)?;
    let jobs: Result<Vec<Job>, Problem> =
        members.into_iter().map(|member| job(member, sources, &mut access)).collect();
    warn(&access);
    Ok(jobs?)
}

fn job(member: Member, sources: &[TimeSource], access: &mut Access) -> Result<Job, Problem> {
    let part = match sources.iter().position(|source| source.name == member.name) {
        Some(0) => Part::Source,
        Some(_) => Part::Standby,
        None => Part::Client,
    };
    let Member { name, connection, vars, subjects, notes } = member;
    let reach = access.reach(&name, &connection)?;
    Ok(Job { name, part, reach, vars, subjects, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_set_from_one_that_is_wrong_for_certain() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert!(clock_is_sane(now, "999999").is_ok());
        let problem = clock_is_sane(now, "1700000000").unwrap_err().to_string();
        assert!(problem.contains("says 1970-01-12T13:46:40Z, and"), "{problem}");
        assert!(clock_is_sane(Timestamp::now(), env!("EZSYNC_BUILT")).is_ok());
    }
}
