//! Events in words. What came from a host is made safe to show here.

use std::time::Duration;

use crate::fleet::{Doing, HostResult, Judged, Outcome};
use crate::length;
use crate::sanitise::sanitise;
use crate::verify::{Cause, State};

/// What a host is at, in a few words.
pub(super) fn doing(doing: &Doing) -> String {
    match doing {
        Doing::Connecting(_) => "connecting".to_owned(),
        Doing::Probing => "probing".to_owned(),
        Doing::Planned(0) => "nothing to change".to_owned(),
        Doing::Planned(1) => "1 change planned".to_owned(),
        Doing::Planned(number) => format!("{number} changes planned"),
        Doing::Sending { sent: 0, total } => format!("sending {}", length::bytes(*total)),
        Doing::Sending { sent, total } => {
            format!("sending: {} of {}", length::bytes(*sent), length::bytes(*total))
        }
        Doing::Changing(what) => sanitise(what).into_owned(),
        Doing::WaitingForHosts => "waits for the other hosts".to_owned(),
        Doing::WaitingForSource => "waits for the time source".to_owned(),
        Doing::Verifying(None) => "verifying".to_owned(),
        Doing::Verifying(Some(found)) => format!("verifying: {}", state(found.state)),
        Doing::Running => "running".to_owned(),
        Doing::Done(result) => match &result.outcome {
            Outcome::Ok => done(result),
            outcome => ended(outcome),
        },
        Doing::Left(outcome) => ended(outcome),
    }
}

/// How long a source's first answer may take without being a sign of anything: a daemon that has just been
/// started takes some seconds, on busy hosts more.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// Whose first answer a host waits for, as long as that is normal.
pub(super) fn awaited(judged: &Judged) -> Option<&str> {
    match &judged.cause {
        Some(Cause::NoReply(silence)) if judged.state == State::Waiting => {
            let is_normal = silence.silent.is_none() && judged.watched < FIRST_ANSWER;
            is_normal.then_some(silence.wanted.as_str())
        }
        _ => None,
    }
}

/// Why a host's time does not pass yet, and how long that may take; on one line.
pub(super) fn waiting(judged: &Judged) -> String {
    let why = match (awaited(judged), &judged.cause) {
        (Some(wanted), _) => first_line(&format!("waiting for the first answer of {wanted}")),
        (None, Some(cause)) => first_line(&cause.words().what),
        (None, None) => state(judged.state).to_owned(),
    };
    match judged.state {
        State::Waiting => format!("verifying, up to {} s: {why}", judged.patience.as_secs()),
        _ => format!("verifying: {why}"),
    }
}

/// How a host ended, on one line.
fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok => "done".to_owned(),
        Outcome::Failed(trouble) => format!("failed: {}", first_line(&trouble.what)),
        Outcome::Unreachable(trouble) => format!("unreachable: {}", first_line(&trouble.what)),
        Outcome::Interrupted => "interrupted".to_owned(),
    }
}

fn done(result: &HostResult) -> String {
    let number = result.plan.changes.len();
    if result.status.is_some() {
        return "looked at".to_owned();
    }
    let mut text = match (number, result.applied) {
        (0, _) => "done, nothing changed".to_owned(),
        (_, true) => format!("done, {number} changed"),
        (_, false) => format!("done, {number} planned"),
    };
    if let Some(verdict) = &result.verdict {
        text += ", ";
        text += state(verdict.state);
    }
    text
}

fn first_line(text: &str) -> String {
    sanitise(text.lines().next().unwrap_or_default()).into_owned()
}

fn state(state: State) -> &'static str {
    match state {
        State::Synchronised => "synchronised",
        State::Local => "runs free on its own clock",
        State::Unsteered => "follows its source, does not steer the clock",
        State::FlagOnly => "synchronised by the kernel's flag alone",
        State::Waiting => "not yet synchronised",
        State::Failed => "failed",
        State::NotOurClock => "not our clock",
    }
}

/// What only those are told who want to hear more: the way to a host, and what it is.
pub(super) fn detail(doing: &Doing) -> Option<String> {
    match doing {
        Doing::Connecting(way) => Some(format!("connecting to {}", sanitise(way))),
        Doing::Done(result) => facts(result),
        _ => None,
    }
}

/// What a host is: `Debian GNU/Linux 12 (bookworm), systemd, chrony 4.3`.
fn facts(result: &HostResult) -> Option<String> {
    let facts = result.facts.as_ref()?;
    let chrony = match facts.chrony.installed {
        true => format!("chrony {}", facts.chrony.version),
        false => "no chrony".to_owned(),
    };
    let container = match facts.container.as_str() {
        "" => String::new(),
        kind => format!(", in a container ({kind})"),
    };
    let text = format!("{}, {}, {chrony}{container}", facts.pretty_name, facts.service_manager);
    Some(sanitise(&text).into_owned())
}
