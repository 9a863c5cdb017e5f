//! Plans and diffs.

use std::fmt::Write;

use super::Run;
use super::group::{group, names};
use super::paint::{BAD, BOLD, CHANGE, GOOD, PLACE, PLAIN, Paint, clean, clean_lines};
use super::units::count;
use crate::fleet::{Mode, Outcome};

/// The planned changes of a check, once for all hosts that have the same.
pub(super) fn plans(run: &Run) -> String {
    if !run.mode.is_check() && run.mode != Mode::Status {
        return String::new();
    }
    let planned = run.hosts.iter().filter(|host| !host.plan.is_empty()).map(|host| {
        let summaries: Vec<&str> =
            host.plan.changes.iter().map(|change| change.summary.as_str()).collect();
        let word = match host.outcome {
            _ if run.mode == Mode::Status => "to make",
            Outcome::Failed(_) => "planned, and refused",
            _ => "planned",
        };
        ((summaries, word), host.host.as_str())
    });
    let mut text = String::new();
    for ((summaries, word), hosts) in group(planned) {
        let each = if hosts.len() > 1 { " each" } else { "" };
        let number = count(summaries.len(), "change");
        let _ = writeln!(text, "{}: {number} {word}{each}", names(&hosts).paint(BOLD));
        for summary in summaries {
            let (sign, style) = sign(summary);
            let _ = writeln!(text, "  {} {}", sign.paint(style), clean(summary));
        }
    }
    text
}

/// From which change to which hosts went back, or would.
pub(super) fn ways(run: &Run) -> String {
    let on_way = run.hosts.iter().filter(|host| host.applied || run.mode.is_check());
    let ways = on_way
        .filter_map(|host| Some((host.back.as_deref()?.words(&run.cluster), host.host.as_str())));
    let mut text = String::new();
    for (way, hosts) in group(ways) {
        let _ = writeln!(text, "{}: {}", names(&hosts).paint(BOLD), clean(&way));
    }
    text
}

/// The sign before a change: something comes, goes, or becomes different.
fn sign(summary: &str) -> (&'static str, anstyle::Style) {
    match summary.split(' ').next().unwrap_or_default() {
        "install" | "write" | "make" => ("+", GOOD),
        "remove" => ("-", BAD),
        _ => ("~", CHANGE),
    }
}

/// The diffs of all changes, once for all hosts that have the same.
pub(super) fn diffs(run: &Run) -> String {
    let all = run.hosts.iter().flat_map(|host| {
        let stands = host.applied || run.mode.is_check() || run.mode == Mode::Status;
        let changes = host.plan.changes.iter().filter(|change| !change.diff.is_empty());
        changes.map(move |change| ((&change.summary, &change.diff, stands), host.host.as_str()))
    });
    let mut text = String::new();
    for ((summary, diff, stands), hosts) in group(all) {
        let besides = if stands { "" } else { " (not in place)" };
        let hosts = names(&hosts).paint(BOLD);
        let space = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{space}{hosts}: {}{besides}", clean(summary));
        text += &diff_lines(diff);
    }
    text
}

/// The lines of a unified diff in their colours.
pub(super) fn diff_lines(diff: &str) -> String {
    let mut text = String::new();
    if diff.is_empty() {
        return text;
    }
    for line in clean_lines(diff) {
        let style = match line.get(..1) {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") => BOLD,
            Some("+") => GOOD,
            Some("-") => BAD,
            Some("@") => PLACE,
            _ => PLAIN,
        };
        let _ = writeln!(text, "{}", line.paint(style));
    }
    text
}
