//! `ezsync status`: what stands on each host, and what somebody else has changed of it.

use std::fmt::Write;

use jiff::Timestamp;

use super::Run;
use super::changes::diff_lines;
use super::group::{group, names};
use super::paint::{BAD, BOLD, CHANGE, GOOD, Paint, clean};
use super::table::{Cell, Column, lay_out};
use super::units::{count, duration};
use crate::fleet::{HostResult, Mode, Outcome, Status};
use crate::history::Drift;
use crate::length;

/// How much of a digest is shown: as much as tells two apart.
const DIGITS: usize = 12;

/// The table of all hosts.
pub(super) fn table(run: &Run, limit: Option<usize>) -> String {
    let of = |tell: fn(&Status) -> Option<String>| {
        move |host: &HostResult| {
            Cell::plain(&host.status.as_deref().and_then(tell).unwrap_or_default())
        }
    };
    let columns = vec![
        Column::new("HOST", &run.hosts, |host| Cell::plain(&host.host)).name(),
        Column::new("STATE", &run.hosts, state),
        Column::new("CHANGE", &run.hosts, of(|it| Some(it.change.as_ref()?.number.to_string())))
            .right(),
        Column::new("SINCE", &run.hosts, of(|it| moment(it.change.as_ref()?.at?))),
        Column::new("BY", &run.hosts, of(|it| Some(it.change.as_ref()?.by.clone()))).name(),
        Column::new("CLUSTER", &run.hosts, |host| {
            let status = host.status.as_deref();
            Cell::plain(&status.map(|it| cluster(it, run)).unwrap_or_default())
        })
        .name(),
        Column::new("EZSYNC", &run.hosts, of(|it| Some(it.change.as_ref()?.ezsync.clone()))),
        Column::new("WANTED", &run.hosts, of(|it| Some(short(&it.desired)))),
        Column::new("THERE", &run.hosts, of(|it| Some(short(&it.actual)))),
    ];
    lay_out(columns, limit)
}

/// The cluster that a host was set up for, where one was set up for another than the run's.
fn cluster(status: &Status, run: &Run) -> String {
    let of = |status: &Status| status.change.as_ref().map(|change| change.cluster.clone());
    let all = run.hosts.iter().filter_map(|host| of(host.status.as_deref()?));
    let of_other = all.into_iter().any(|cluster| cluster != run.cluster);
    of(status).filter(|_| of_other).unwrap_or_default()
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}

/// A host's state in a word or two.
fn state(host: &HostResult) -> Cell {
    let cell = |text: String, style| Cell { text, style };
    let Some(status) = &host.status else {
        let word = match host.outcome {
            Outcome::Unreachable(_) => "unreachable",
            Outcome::Interrupted => "interrupted",
            Outcome::Ok | Outcome::Failed(_) => "failed",
        };
        return cell(word.to_owned(), BAD);
    };
    match (status.would_change, &host.drift) {
        _ if status.is_changing() => cell("being changed".to_owned(), CHANGE),
        _ if !status.unfinished.is_empty() => cell("cut off".to_owned(), BAD),
        (_, drift) if !drift.is_empty() => cell("drifted".to_owned(), BAD),
        (None, _) => cell("failed".to_owned(), BAD),
        (Some(0), _) => cell("in step".to_owned(), GOOD),
        (Some(_), _) if status.change.is_none() => cell("not set up".to_owned(), CHANGE),
        (Some(number), _) => cell(format!("{} to make", count(number, "change")), CHANGE),
    }
}

/// `2026-11-21 15:04`, in UTC.
fn moment(at: i64) -> Option<String> {
    let at = Timestamp::from_second(at).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// What somebody else has changed; with `diff` what exactly, and always where that kept a host from being
/// changed.
pub(super) fn drifts(run: &Run, diff: bool) -> String {
    let all = run.hosts.iter().flat_map(|host| {
        let shown = diff || matches!(host.outcome, Outcome::Failed(_));
        host.drift.iter().map(move |drift| ((drift, shown), host.host.as_str()))
    });
    let mut text = String::new();
    for ((drift, shown), hosts) in group(all) {
        text += &one(drift, shown, &names(&hosts));
    }
    text
}

fn one(drift: &Drift, shown: bool, hosts: &str) -> String {
    let mut text = format!(
        "{} {}: {}\n  as ezsync left it: {}\n",
        hosts.paint(BOLD),
        "drift".paint(CHANGE),
        clean(&drift.words()),
        clean(&drift.origin())
    );
    if shown {
        text += &diff_lines(&drift.diff);
    }
    text
}

/// What else is to be known of hosts: locks, and changes that were cut off.
pub(super) fn remarks(run: &Run) -> String {
    let remarks =
        run.hosts.iter().filter_map(|host| Some((remark(host.status.as_deref()?)?, host)));
    let mut text = String::new();
    for (remark, hosts) in group(remarks.map(|(remark, host)| (remark, host.host.as_str()))) {
        let _ = writeln!(text, "{}: {}", names(&hosts).paint(BOLD), clean(&remark));
    }
    text
}

fn remark(status: &Status) -> Option<String> {
    if let Some(lock) = status.lock.as_ref().filter(|lock| lock.alive) {
        let since = lock.age.map(|age| match age {
            ..=1 => ", since a moment ago".to_owned(),
            age => format!(", for {}", length::rough(age_seconds(age))),
        });
        let by = if lock.by.is_empty() { "somebody" } else { lock.by.as_str() };
        return Some(format!("is being changed by {by}{}", since.unwrap_or_default()));
    }
    let cut_off = "a change was cut off: the next setup sees to it before anything else";
    (!status.unfinished.is_empty()).then(|| cut_off.to_owned())
}

#[allow(clippy::cast_precision_loss, reason = "seconds of a lock's age are few")]
fn age_seconds(age: i64) -> f64 {
    age as f64
}

/// Whether it is a look at what ezsync did, and it finds a host that is not as it should be.
pub(super) fn finds_something(run: &Run) -> bool {
    let seen = |host: &&HostResult| host.status.is_some();
    is_status(run) && !run.hosts.iter().filter(seen).all(is_in_step)
}

/// Whether it is as it should be.
fn is_in_step(host: &HostResult) -> bool {
    host.status.as_ref().is_some_and(|status| status.is_in_step()) && host.drift.is_empty()
}

/// The last line.
pub(super) fn closing(run: &Run) -> String {
    let (total, time) = (run.hosts.len(), duration(run.seconds));
    let silent = |host: &&HostResult| matches!(host.outcome, Outcome::Unreachable(_));
    let silent = run.hosts.iter().filter(silent).count();
    let odd = run.hosts.iter().filter(|host| !is_in_step(host)).count() - silent;
    let hosts = count(total, "host");
    let (said, style) = match (odd, silent) {
        (0, 0) => (format!("{hosts} in step with the settings"), GOOD),
        (0, _) => (format!("{silent} of {hosts} unreachable"), BAD),
        (_, 0) => (format!("{odd} of {hosts} not as the settings want"), BAD),
        _ => (format!("{odd} of {hosts} not as the settings want, {silent} unreachable"), BAD),
    };
    format!("{}: {}. Looked in {time}.\n", clean(&run.cluster), said.paint(style))
}

/// Whether a run's report is made here.
pub(super) fn is_status(run: &Run) -> bool {
    run.mode == Mode::Status
}
