//! `ezsync ping` and `ezsync exec`: looking in on hosts. They need an inventory and nothing else.

use std::time::Duration;

use anyhow::Result;

use super::access::{Rights, warn};
use super::drive::{Moved, drive};
use super::{print, print_names};
use crate::cli::{self, Cli, Exec, Ping};
use crate::cluster::{Node, Wish};
use crate::exit::Exit;
use crate::fleet::{self, Visitee};
use crate::problem::Problem;
use crate::project::Project;
use crate::report::{self, Report, Visits};

pub(super) fn ping(cli: &Cli, project: &Project, options: &Ping) -> Result<Exit> {
    let nodes = nodes(project, &options.hosts, options.pattern.as_deref())?;
    if options.hosts.list_hosts {
        return print_names(nodes.iter().map(|node| node.name.as_str()));
    }
    if nodes.is_empty() && !options.access.json {
        return Ok(Exit::Ok);
    }
    let hosts = visitees(&nodes, &options.access, Rights::RootOrOther)?;
    let names = nodes.into_iter().map(|node| node.name).collect();
    let moved = drive(cli, options.access.forks, "no more hosts are asked", names, |means| {
        fleet::ping(means, hosts)
    })?;
    finish(cli, &options.access, &report::pings(&visits(&options.hosts, None, moved)))
}

pub(super) fn exec(cli: &Cli, project: &Project, options: &Exec) -> Result<Exit> {
    let nodes = nodes(project, &options.hosts, Some(&options.pattern))?;
    if options.hosts.list_hosts {
        return print_names(nodes.iter().map(|node| node.name.as_str()));
    }
    // As ssh does it: what was quoted for the shell here is not quoted for the one there.
    let command = options.command.join(" ");
    if command.trim().is_empty() || command.contains('\0') {
        return Err(Problem::new("there is no command to run")
            .hint("write it behind --, as in: ezsync exec cluster01 all -- timedatectl")
            .into());
    }
    if nodes.is_empty() && !options.access.json {
        return Ok(Exit::Ok);
    }
    let hosts = visitees(&nodes, &options.access, Rights::Login)?;
    let names = nodes.into_iter().map(|node| node.name).collect();
    let limit = Some(options.command_timeout).filter(|seconds| *seconds > 0);
    let limit = limit.map(|seconds| Duration::from_secs(seconds.into()));
    let moved = drive(cli, options.access.forks, "commands that run are ended", names, |means| {
        fleet::exec(means, hosts, command.clone(), limit)
    })?;
    finish(
        cli,
        &options.access,
        &report::execs(&visits(&options.hosts, Some(command.clone()), moved)),
    )
}

/// The hosts of the inventory that are meant.
pub(super) fn nodes(
    project: &Project,
    hosts: &cli::Hosts,
    pattern: Option<&str>,
) -> Result<Vec<Node>> {
    let wish = Wish {
        inventory: hosts.inventory.clone(),
        extra: hosts.extra_vars.clone(),
        limit: hosts.limit.clone(),
        shard: hosts.shard,
        ..Wish::default()
    };
    let (nodes, warnings) = Node::load(project, &hosts.cluster, &wish, pattern)?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    hosts.note_empty(nodes.len());
    Ok(nodes)
}

fn visitees(nodes: &[Node], access: &cli::Access, rights: Rights) -> Result<Vec<Visitee>> {
    let mut access = access.settings(rights)?;
    let visitee = |node: &Node| {
        Ok(Visitee {
            name: node.name.clone(),
            reach: access.reach(&node.name, &node.connection)?,
            notes: node.notes.clone(),
        })
    };
    let visitees: Result<_, Problem> = nodes.iter().map(visitee).collect();
    warn(&access);
    Ok(visitees?)
}

fn visits<T>(
    hosts: &cli::Hosts,
    command: Option<String>,
    moved: Moved<fleet::Visit<T>>,
) -> Visits<T> {
    let Moved { hosts: visits, started, seconds, interrupted } = moved;
    Visits::new(&hosts.cluster, command, started, seconds, interrupted, visits)
}

fn finish(cli: &Cli, access: &cli::Access, report: &Report) -> Result<Exit> {
    match access.json {
        true => print(&report.json)?,
        false => report::print_text(&report.text, cli.colours())?,
    }
    Ok(report.exit)
}
