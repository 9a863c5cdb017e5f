//! Several runs as one: what the shards of a cluster printed, put together.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use super::Run;
use super::group::some_names;
use crate::fleet::{HostResult, Mode, Part, Spent, Terms, Timebase, agree_together};
use crate::problem::Problem;
use crate::shard::Shard;

/// A run as it was printed, and where it was read.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    run: Run,
}

impl Document {
    /// The run that `text` is, as [`Run::to_json`] prints it; it was read from the file `name`.
    ///
    /// # Errors
    /// It is none, or one of another version, which may have meant something else by the same words; or it has
    /// something in it that would be lost.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        let refused = |what: String| Problem::new(format!("{name}: {what}"));
        let hint =
            "give what `ezsync setup --json` and its like printed, each in a file of its own";
        let broken = |error: &dyn std::fmt::Display| {
            refused(format!("this is no result of a run: {error}")).hint(hint)
        };
        if text.trim().is_empty() {
            return Err(refused(
                "the file is empty: its run has ended before it could print a result".to_owned(),
            )
            .hint("look at what that run said on standard error"));
        }
        let found: Value = serde_json::from_str(text).map_err(|error| broken(&error))?;
        let (version, ours) =
            (found.get("ezsync").and_then(Value::as_str), env!("CARGO_PKG_VERSION"));
        if let Some(version) = version.filter(|version| *version != ours) {
            return Err(refused(format!("ezsync {version} wrote it, and this is {ours}"))
                .hint("merge with the same version that ran"));
        }
        let run: Run = serde_json::from_value(found.clone()).map_err(|error| broken(&error))?;
        let kept = serde_json::to_value(&run).map_err(|error| broken(&error))?;
        match lost(&found, &kept) {
            Some(path) => Err(refused(format!("`{path}` is not as this ezsync would write it"))
                .hint("give the documents as they were printed")),
            None => Ok(Self { name: name.to_owned(), run }),
        }
    }
}

/// The first place in which two documents differ, as in `/hosts/0/host`.
fn lost(found: &Value, kept: &Value) -> Option<String> {
    let below = |key: &str, inner: String| format!("/{key}{inner}");
    match (found, kept) {
        (Value::Object(found), Value::Object(kept)) => {
            let known = found.iter().find_map(|(key, value)| match kept.get(key) {
                Some(other) => lost(value, other).map(|inner| below(key, inner)),
                None => Some(below(key, String::new())),
            });
            let new = || kept.keys().find(|key| !found.contains_key(*key));
            known.or_else(|| new().map(|key| below(key, String::new())))
        }
        (Value::Array(found), Value::Array(kept)) if found.len() == kept.len() => {
            let mut pairs = found.iter().zip(kept).enumerate();
            pairs.find_map(|(n, (one, other))| {
                lost(one, other).map(|inner| below(&n.to_string(), inner))
            })
        }
        (found, kept) => (found != kept).then(String::new),
    }
}

/// What came of merging.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The run over all hosts.
    pub run: Run,
    /// What it cannot say, and what may be missing.
    pub warnings: Vec<String>,
}

/// The run over all hosts of `documents`, as if it had been one. Clocks are held against each other where all
/// were read in the time of one machine.
///
/// # Errors
/// The documents are of different clusters, modes or thresholds, or two have the same host; or there is none.
pub fn merge(documents: Vec<Document>) -> Result<Merged, Problem> {
    let Some(first) = documents.first() else {
        return Err(Problem::new("there is nothing to merge"));
    };
    alike(first, &documents)?;
    let Run { cluster, mode, .. } = first.run.clone();
    let mut warnings: Vec<String> = missing(&documents).into_iter().collect();
    let mut runs: Vec<Run> = documents.into_iter().map(|document| document.run).collect();
    let timebase = one_timebase(&mut runs);
    if timebase.is_err() {
        warnings.push(
            "the runs read clocks on different machines, and nobody knows how far the clocks of these are apart: \
             hosts of different documents are not held against each other"
                .to_owned(),
        );
    }
    let (started, seconds) = span(&runs);
    let interrupted = runs.iter().any(|run| run.interrupted);
    let set_clock = runs.iter().any(|run| run.set_clock);
    let max_offset = runs.iter().find_map(|run| run.max_offset);
    let spent = runs.iter().filter_map(|run| run.max_fail.clone()).reduce(both);
    let mut hosts = in_order(runs);
    let clocks = timebase.as_ref().ok().zip(max_offset).and_then(|(_, max_offset)| {
        agree_together(&mut hosts, Terms { mode, max_offset, set_clock })
    });
    let mut run = Run::new(&cluster, mode, started, seconds, interrupted, hosts);
    run.max_fail = spent;
    (run.clocks, run.timebase) = (clocks, timebase.unwrap_or_default());
    (run.max_offset, run.set_clock) = (max_offset, set_clock);
    Ok(Merged { run, warnings })
}

/// Refuses documents that cannot have been parts of one run.
fn alike(first: &Document, documents: &[Document]) -> Result<(), Problem> {
    let differ = |other: &Document, what: &str, of: &dyn Fn(&Run) -> String| {
        let (one, two) = (of(&first.run), of(&other.run));
        let (first, other) = (&first.name, &other.name);
        Problem::new(format!("{first} is of the {what} {one}, and {other} of the {what} {two}"))
            .hint("merge results of one command on one cluster")
    };
    let judge = documents.iter().find(|document| document.run.max_offset.is_some());
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for document in documents {
        let Document { name, run } = document;
        if run.cluster != first.run.cluster {
            return Err(differ(document, "cluster", &|run| run.cluster.clone()));
        }
        if run.mode != first.run.mode {
            return Err(differ(document, "mode", &|run| mode_name(run.mode)));
        }
        let others = judge.and_then(|judge| Some((judge, judge.run.max_offset?)));
        if let (Some((judge, theirs)), Some(ours)) = (others, run.max_offset)
            && ours != theirs
        {
            let judge = &judge.name;
            let what =
                format!("{judge} was judged by a max_offset of {theirs} s, and {name} by {ours} s");
            return Err(Problem::new(what).hint("give all runs the same --max-offset"));
        }
        for host in &run.hosts {
            match seen.entry(&host.host) {
                Entry::Vacant(free) => free.insert(name),
                Entry::Occupied(other) => {
                    let (host, other) = (&host.host, other.get());
                    let what = format!("the host {host} is in {other} and in {name}");
                    return Err(Problem::new(what).hint("give one result for each host"));
                }
            };
        }
    }
    Ok(())
}

/// The mode as documents have it.
fn mode_name(mode: Mode) -> String {
    let value = serde_json::to_value(mode).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Which shards nobody gave, where all documents are of shards, in equal parts.
fn missing(documents: &[Document]) -> Option<String> {
    let shards: Option<Vec<Shard>> = documents.iter().map(|document| document.run.shard).collect();
    let shards = shards?;
    let mut parts = shards.iter().filter_map(|shard| match shard {
        Shard::Clients { of, .. } => Some(*of),
        Shard::Sources => None,
    });
    let of = parts.next()?;
    if parts.any(|other| other != of) {
        return None;
    }
    let clients = (1..=of.get())
        .filter_map(|number| Some(Shard::Clients { number: number.try_into().ok()?, of }));
    let absent =
        std::iter::once(Shard::Sources).chain(clients).filter(|shard| !shards.contains(shard));
    let absent: Vec<String> = absent.map(|shard| shard.to_string()).collect();
    let names: Vec<&str> = absent.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| format!("there is no result of {}", some_names(&names)))
}

/// Tells all clocks in the time of the first run that read some, and gives that time, as far as it is known.
///
/// # Errors
/// They were read on different machines: then they stay as they were told.
fn one_timebase(runs: &mut [Run]) -> Result<Option<Timebase>, Incomparable> {
    let mut runs = runs.iter_mut().filter(|run| run.clocks.is_some());
    let Some(first) = runs.next() else { return Ok(None) };
    let mut others = Vec::new();
    for run in runs {
        let ahead = run.timebase.as_ref().zip(first.timebase.as_ref());
        let ahead = ahead.and_then(|(theirs, ours)| theirs.ahead_of(ours)).ok_or(Incomparable)?;
        others.push((run, ahead));
    }
    for (run, ahead) in others {
        for clock in run.hosts.iter_mut().filter_map(|host| host.clock.as_mut()) {
            clock.before = clock.before.told_in(ahead);
            clock.after = clock.after.told_in(ahead);
        }
    }
    Ok(first.timebase.clone())
}

/// Nobody knows how far the times are apart that clocks were read in.
struct Incomparable;

/// When the first of them began, and how many seconds after that the last one ended.
fn span(runs: &[Run]) -> (Timestamp, f64) {
    let started = runs.iter().map(|run| run.started).min().unwrap_or_default();
    let ends =
        runs.iter().map(|run| run.started.duration_since(started).as_secs_f64() + run.seconds);
    (started, ends.fold(0.0, f64::max))
}

/// Two failure policies that were used up, as one.
fn both(one: Spent, other: Spent) -> Spent {
    let policy = match one.policy == other.policy {
        true => one.policy,
        false => format!("{} and {}", one.policy, other.policy),
    };
    let failed = one.failed.into_iter().chain(other.failed).collect();
    Spent { policy, allows: one.allows + other.allows, failed }
}

/// All hosts in the order of one run: the sources, then the others as the inventory has them. Shards took them in
/// turn; other documents stand one after the other.
fn in_order(runs: Vec<Run>) -> Vec<HostResult> {
    let parts = runs.iter().filter_map(|run| match run.shard {
        Some(Shard::Sources) => None,
        Some(Shard::Clients { of, .. }) => Some(Some(of)),
        None => Some(None),
    });
    let parts: BTreeSet<_> = parts.collect();
    let in_turn = parts.len() == 1 && parts.iter().all(Option::is_some);
    let mut placed = Vec::new();
    for (number, run) in runs.into_iter().enumerate() {
        let shard = run.shard;
        for (place, host) in run.hosts.into_iter().enumerate() {
            let rank = match (host.part, shard) {
                (Part::Source, _) => 0,
                (Part::Standby, _) => 1,
                (_, Some(Shard::Sources)) => 2,
                _ => 3,
            };
            let key = match shard {
                Some(Shard::Clients { number, .. }) if in_turn => {
                    (rank, place, usize::try_from(number.get()).unwrap_or(usize::MAX))
                }
                _ => (rank, number, place),
            };
            placed.push((key, host));
        }
    }
    placed.sort_by_key(|(key, _)| *key);
    placed.into_iter().map(|(_, host)| host).collect()
}
