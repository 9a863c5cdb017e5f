//! Failures with their logs and next steps, and notes.

use std::fmt::Write;

use super::Run;
use super::group::{group, names, some_names};
use super::paint::{BAD, BOLD, DIM, Paint, clean, clean_lines};
use crate::fleet::Outcome;

/// Every failure: the hosts, what failed, the last lines of its log, the next step.
pub(super) fn failures(run: &Run) -> String {
    let all = run.hosts.iter().filter_map(|host| match &host.outcome {
        Outcome::Unreachable(trouble) => Some((("unreachable", trouble), host.host.as_str())),
        Outcome::Failed(trouble) => Some((("failed", trouble), host.host.as_str())),
        Outcome::Ok | Outcome::Interrupted => None,
    });
    let mut text = String::new();
    for ((word, trouble), hosts) in group(all) {
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

/// What the reader should know besides: each note once, with its hosts.
pub(super) fn notes(run: &Run) -> String {
    let all = run.hosts.iter().flat_map(|host| {
        let of_verdict = host.verdict.iter().flat_map(|verdict| &verdict.notes);
        host.notes.iter().chain(of_verdict).map(|note| (note.as_str(), host.host.as_str()))
    });
    let mut text = String::new();
    for (note, hosts) in group(all) {
        let _ = writeln!(text, "note: {}: {}", some_names(&hosts), clean(note));
    }
    text
}
