//! The last line: what came of the whole run in a sentence.

use super::Run;
use super::group::some_names;
use super::paint::{BAD, GOOD, Paint, clean};
use super::units::{count, duration, seconds};
use crate::fleet::{HostResult, Mode, Outcome, Part, Spent, Standing};
use crate::verify::{State, Verdict};

/// What came of the run.
pub(super) fn closing(run: &Run) -> String {
    let total = run.hosts.len();
    let number = |wanted: fn(&Outcome) -> bool| {
        run.hosts.iter().filter(|host| wanted(&host.outcome)).count()
    };
    let failed = number(|outcome| matches!(outcome, Outcome::Failed(it) if !it.held_back));
    let held = number(|outcome| matches!(outcome, Outcome::Failed(it) if it.held_back));
    let unreachable = number(|outcome| matches!(outcome, Outcome::Unreachable(_)));
    let open = number(|outcome| matches!(outcome, Outcome::Interrupted));
    let hosts = count(total, "host");
    let mut bad = Vec::new();
    let words = [
        (open, "not finished"),
        (failed, "failed"),
        (unreachable, "unreachable"),
        (held, "held back"),
    ];
    for (number, word) in words {
        match (number, bad.is_empty()) {
            (0, _) => {}
            (_, true) => bad.push(format!("{number} of {hosts} {word}")),
            (_, false) => bad.push(format!("{number} {word}")),
        }
    }
    let interrupted = run.interrupted || open > 0;
    let (said, style) = match (interrupted, bad.is_empty()) {
        (false, true) => (good(run), GOOD),
        (false, false) => (bad.join(", "), BAD),
        (true, true) => (format!("interrupted when {hosts} had ended"), BAD),
        (true, false) => (format!("interrupted, {}", bad.join(", ")), BAD),
    };
    let said = said.paint(style);
    format!("{}: {said}. {}{}\n", clean(&run.cluster), policy(run), work(run))
}

/// Which failure policy stopped the run, and by whom.
fn policy(run: &Run) -> String {
    let Some(Spent { policy, failed, .. }) = &run.max_fail else { return String::new() };
    let failed: Vec<&str> = failed.iter().map(String::as_str).collect();
    format!("{} was used up by {}. ", clean(policy), some_names(&failed))
}

/// What was done, and in what time.
fn work(run: &Run) -> String {
    let changes = run.recap.values().map(|counts| counts.changed).sum();
    let time = duration(run.seconds);
    if run.hosts.iter().any(|host| host.left_as == Some(Standing::Changing)) {
        return format!(
            "Not all changes were waited for, after {time}: in a minute `ezsync status {}` says what came of them.",
            clean(&run.cluster)
        );
    }
    match run.mode {
        Mode::Verify => format!("Verified in {time}."),
        Mode::Doctor => {
            let of_host = |host: &HostResult| host.verdict.as_ref().map(|v| v.warnings.len());
            let warnings: usize = run.hosts.iter().filter_map(of_host).sum();
            format!("Examined in {time}, with {}.", count(warnings, "warning"))
        }
        Mode::Rollback if run.hosts.iter().any(|host| host.applied) => {
            format!("It took {time}; `ezsync verify {}` proves the time.", clean(&run.cluster))
        }
        Mode::Rollback => format!("No changes in {time}."),
        Mode::Check | Mode::RollbackCheck | Mode::Status => {
            format!("Nothing was changed; it took {time}.")
        }
        Mode::Setup if changes == 0 => format!("No changes in {time}."),
        Mode::Setup => format!("{} in {time}{}.", count(changes, "change"), waited(run)),
    }
}

/// How long the slowest client took to be in time.
fn waited(run: &Run) -> String {
    let clients = run.hosts.iter().filter(|host| host.part == Part::Client);
    let slowest = clients.filter_map(|host| host.synchronised_after).reduce(f64::max);
    slowest.map_or(String::new(), |time| {
        format!(", clients in time {} after the restart", duration(time))
    })
}

/// What holds when no host failed.
fn good(run: &Run) -> String {
    let total = count(run.hosts.len(), "host");
    if run.mode.is_check() {
        let changes = run.recap.values().map(|counts| counts.changed).sum();
        let hosts = run.recap.values().filter(|counts| counts.changed > 0).count();
        if hosts == 0 {
            return format!("nothing to change on {total}");
        }
        return format!("{} planned on {hosts} of {total}", count(changes, "change"));
    }
    if run.mode == Mode::Rollback {
        let back = run.hosts.iter().filter(|host| host.applied).count();
        return match back {
            0 => format!("nothing to go back from on {total}"),
            _ => format!("{back} of {total} went back"),
        };
    }
    let of_part = |part: Part| {
        run.hosts
            .iter()
            .filter(move |host| host.part == part)
            .filter_map(|host| host.verdict.as_ref().map(|verdict| (host, verdict)))
    };
    let source = of_part(Part::Source).next();
    let followers = of_part(Part::Client).count();
    let bounds = run.hosts.iter().filter_map(|host| host.verdict.as_ref()?.bound);
    let within = seconds(bounds.fold(0.0, f64::max));
    match (source, followers) {
        (None, 0) => format!("{total} as wanted"),
        (None, _) => format!("{} synchronised within {within}", count(followers, "client")),
        (Some((source, verdict)), 0) => {
            format!("{} serves time ({})", clean(&source.host), led(verdict))
        }
        (Some((source, verdict)), _) => agreement(source, verdict, &total, &within),
    }
}

fn agreement(source: &HostResult, verdict: &Verdict, total: &str, within: &str) -> String {
    let name = clean(&source.host);
    // A bound reaches to the root of a clock's time: to the source when that runs free, else
    // through the source to beyond its upstream.
    let of = match (verdict.state, &verdict.reference) {
        (State::Synchronised | State::Unsteered, Some(upstream)) => {
            format!("{}, led by {name}", clean(upstream))
        }
        _ => name,
    };
    let stratum = verdict.stratum.map(|stratum| match verdict.state {
        State::Local => format!(" (local, stratum {stratum})"),
        _ => format!(" (stratum {stratum})"),
    });
    format!("{total} agree, each within {within} of {of}{}", stratum.unwrap_or_default())
}

/// What leads the source: `local, stratum 10`, `192.0.2.1, stratum 3`.
fn led(verdict: &Verdict) -> String {
    let reference = clean(verdict.reference.as_deref().unwrap_or("no reference"));
    match verdict.stratum {
        Some(stratum) => format!("{reference}, stratum {stratum}"),
        None => reference,
    }
}
