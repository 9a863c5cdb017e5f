//! `--rerun failed`: only the hosts whose last setup did not end well.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::problem::Problem;
use crate::report::{Last, last, state_folder};
use crate::sanitise::sanitise;

/// Leaves those of the cluster's hosts that did not end well in the last kept setup they were part of, and says
/// on standard error which these are, and why.
///
/// # Errors
/// No setup of them is kept, so that nothing is known; or the results cannot be read.
pub(super) fn only_failed(cluster: &mut Cluster) -> Result<()> {
    for line in leave_failed(cluster, &state_folder()?)? {
        eprintln!("{line}");
    }
    Ok(())
}

fn leave_failed(cluster: &mut Cluster, state: &Path) -> Result<Vec<String>> {
    let all: BTreeSet<&str> = cluster.members.iter().map(|member| member.name.as_str()).collect();
    let (known, complaints) = last(state, &cluster.name, cluster.shard, "setup", &all)?;
    let mut lines: Vec<String> =
        complaints.iter().map(|complaint| format!("warning: {}", sanitise(complaint))).collect();
    if known.is_empty() {
        for line in lines {
            eprintln!("{line}");
        }
        let of = cluster.shard.map(|shard| format!("the shard {shard} of ")).unwrap_or_default();
        return Err(Problem::new(format!(
            "--rerun failed: no setup of {of}{} is kept here that could say which hosts failed",
            cluster.name
        ))
        .hint("run it without --rerun")
        .into());
    }
    let of = |host: &str| known.iter().find(|last| last.host == host);
    let new: Vec<&str> = all.iter().copied().filter(|host| of(host).is_none()).collect();
    if !new.is_empty() {
        let names = new.join(", ");
        lines.push(format!(
            "rerun: not {names}: no setup of that is kept; run without --rerun for it"
        ));
    }
    let wanted = |host: &str| of(host).filter(|last| last.state != "ok");
    lines.extend(cluster.members.iter().filter_map(|member| wanted(&member.name)).map(words));
    let left = cluster.members.iter().filter(|member| wanted(&member.name).is_some()).count();
    let source = cluster.sources.first().map(|source| source.name.as_str()).unwrap_or_default();
    if left == 0 {
        lines.push(
            "rerun: nothing to do: all hosts ended well when they were last set up".to_owned(),
        );
    } else if wanted(source).is_none() {
        lines.push(format!("rerun: the time source {source} is taken as it is"));
    }
    let wanted: BTreeSet<String> =
        known.iter().filter(|last| last.state != "ok").map(|last| last.host.clone()).collect();
    cluster.members.retain(|member| wanted.contains(&member.name));
    Ok(lines)
}

/// `rerun: node3: failed on 2026-11-21T15:33:29Z: install chrony failed`.
fn words(last: &Last) -> String {
    let Last { host, started, state, what } = last;
    let what = what.lines().next().map(|what| format!(": {what}")).unwrap_or_default();
    sanitise(&format!("rerun: {host}: {state} on {started:.0}{what}")).into_owned()
}
