//! `ezsync rollback`: back to what stood on the hosts before. It needs an inventory and nothing else: settings
//! and templates that are broken must not stand in the way back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::access::{Rights, warn};
use super::drive::{Moved, drive};
use super::lock::Lock;
use super::operator::operator;
use super::{keep, nothing, print_names, show, visit};
use crate::cli::{Cli, Rollback};
use crate::cluster::{self, Node};
use crate::desired::{HostVars, Recipe};
use crate::exit::Exit;
use crate::fleet::{self, Job, Mode, Order, Part};
use crate::problem::Problem;
use crate::project::Project;
use crate::report::Run;

pub(super) fn run(cli: &Cli, project: &Project, options: &Rollback) -> Result<Exit> {
    let nodes = visit::nodes(project, &options.hosts, None)?;
    if options.hosts.list_hosts {
        return print_names(nodes.iter().map(|node| node.name.as_str()));
    }
    let name = &options.hosts.cluster;
    let mode = if options.check { Mode::RollbackCheck } else { Mode::Rollback };
    // Held until the end.
    let _lock = match options.check {
        true => None,
        false => Some(Lock::take(name, options.hosts.shard, "rollback", options.break_lock)?),
    };
    if nodes.is_empty() {
        return nothing(cli, name, options.hosts.shard, mode, options.access.json);
    }
    let mut access = options.access.settings(Rights::Root)?;
    let job = |node: &Node| {
        Ok(Job {
            name: node.name.clone(),
            part: Part::Node,
            reach: access.reach(&node.name, &node.connection)?,
            vars: HostVars::default(),
            subjects: Arc::default(),
            notes: node.notes.clone(),
        })
    };
    let jobs: Result<Vec<Job>, Problem> = nodes.iter().map(job).collect();
    warn(&access);
    let jobs = jobs?;
    let names = jobs.iter().map(|job| job.name.clone()).collect();
    let order = order(name, mode, options);
    let on_interrupt = "hosts whose turn has not come are left as they are; the run waits for those that are being changed \
         to finish or undo";
    let recipe = Recipe::empty(project);
    let moved = drive(cli, options.access.forks, on_interrupt, names, |means| {
        fleet::run(means, recipe, jobs, order)
    })?;
    let Moved { hosts, started, seconds, interrupted } = moved;
    let mut run = Run::new(name, mode, started, seconds, interrupted, hosts);
    run.shard = options.hosts.shard;
    keep(&run);
    show(cli, options.access.json, &run, options.diff)
}

/// What holds for all hosts: no times are proved, and nobody waits for a source.
fn order(cluster: &str, mode: Mode, options: &Rollback) -> Order {
    Order {
        by: operator(),
        cluster: cluster.to_owned(),
        mode,
        force: options.force,
        pristine: options.pristine,
        time_role: cluster::TIME_ROLE.to_owned(),
        verify: false,
        fresh: false,
        verify_timeout: Duration::ZERO,
        source_timeout: Duration::ZERO,
        upstreams: Vec::new(),
        local_stratum: 0,
        max_offset: 0.0,
        sources: Vec::new(),
        bundle: None,
        partial: false,
        confirm: None,
        policy: None,
        break_lock: options.break_lock,
    }
}
