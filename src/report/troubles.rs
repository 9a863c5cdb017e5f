//! Failures and warnings with their next steps, and notes.

use std::fmt::Write;

use super::group::{group, names, some_names};
use super::paint::{BAD, BOLD, CHANGE, DIM, Paint, clean, clean_lines};
use crate::fleet::Outcome;
use crate::verify::Cause;

/// Every failure: the hosts, what failed, the last lines of its log, the next step.
pub(super) fn failures<'a>(ends: impl Iterator<Item = (&'a str, &'a Outcome)>) -> String {
    let all = ends.filter_map(|(host, outcome)| match outcome {
        Outcome::Unreachable(trouble) => Some((("unreachable", trouble), host)),
        Outcome::Failed(trouble) if trouble.held_back => Some((("held back", trouble), host)),
        Outcome::Failed(trouble) => Some((("failed", trouble), host)),
        Outcome::Ok | Outcome::Interrupted => None,
    });
    let mut groups = group(all);
    // Those to blame stand before those that they held back.
    groups.sort_by_key(|((_, trouble), _)| trouble.held_back);
    let mut text = String::new();
    for ((word, trouble), hosts) in groups {
        let mut what = clean_lines(&trouble.what);
        let first = what.next().unwrap_or_default();
        let _ = writeln!(text, "{} {}: {first}", names(&hosts).paint(BOLD), word.paint(BAD));
        for line in what {
            let _ = writeln!(text, "  {line}");
        }
        for line in trouble.log.iter().flat_map(|line| clean_lines(line)) {
            let _ = writeln!(text, "{}", format!("  | {line}").paint(DIM));
        }
        let _ = writeln!(text, "  next: {}", clean(&trouble.next));
    }
    text
}

/// What may become a trouble: each with its hosts and its next step.
pub(super) fn warnings<'a>(all: impl Iterator<Item = (&'a str, &'a Cause)>) -> String {
    let mut text = String::new();
    for (words, hosts) in group(all.map(|(host, cause)| (cause.words(), host))) {
        let _ = writeln!(
            text,
            "{} {}: {}",
            names(&hosts).paint(BOLD),
            "warning".paint(CHANGE),
            clean(&words.what)
        );
        let _ = writeln!(text, "  next: {}", clean(&words.next));
    }
    text
}

/// What the reader should know besides: each note once, with its hosts.
pub(super) fn notes<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (note, hosts) in group(all.map(|(host, note)| (note, host))) {
        let _ = writeln!(text, "note: {}: {}", some_names(&hosts), clean(note));
    }
    text
}
