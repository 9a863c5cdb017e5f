//! The rules: a reading held against what is expected of the host.

use super::cause::Cause;
use super::chronyc::{Peer, Refusal, SourceMode, SourceState, Tracking};
use super::notes::notes;
use super::reading::{DaemonState, Reading};
use super::sources::Wanted;
use super::standby;
use super::verdict::{Expectation, Role, State, Verdict};

/// A judgement with its cause, before the measured values are put beside it.
pub(super) struct Finding {
    state: State,
    pub cause: Option<Cause>,
}

impl Finding {
    pub fn passed(state: State) -> Self {
        Self { state, cause: None }
    }

    pub fn waiting(cause: Cause) -> Self {
        Self { state: State::Waiting, cause: Some(cause) }
    }

    /// The same cause, where waiting can still help.
    pub fn but_waiting(self) -> Self {
        Self { state: State::Waiting, ..self }
    }

    pub fn failed(cause: Cause) -> Self {
        Self { state: State::Failed, cause: Some(cause) }
    }
}

/// Judges one reading of a host.
///
/// chronyc decides. timedatectl alone is never accepted, and where chronyd steers the clock its
/// `no` is not overruled either; under `local` it says `no` for ever and does not count.
#[must_use]
pub fn judge(expectation: &Expectation, reading: &Reading) -> Verdict {
    let tracking = reading.chronyc.tracking.as_ref();
    let finding = match tracking {
        Some(tracking) => answered(expectation, reading, tracking),
        None => unanswered(reading),
    };
    // Under `local` there is nothing to compare with, nor where a host only remembers whom it followed.
    let leads = finding.state == State::Local;
    let followed = tracking.filter(|t| t.follows().is_some() && !leads);
    Verdict {
        state: finding.state,
        stratum: tracking.filter(|t| t.follows().is_some() || t.is_local()).map(|t| t.stratum),
        reference: tracking.and_then(|tracking| match tracking.follows() {
            Some(peer) if !leads => Some(peer.to_string()),
            _ => (leads || tracking.is_local()).then(|| "local".to_owned()),
        }),
        // chrony's correction is what the clock lacks. Subtracting keeps 0 from becoming -0.
        offset: followed.map(|tracking| 0.0 - tracking.correction),
        bound: followed.map(Tracking::bound),
        timedatectl: reading.timedatectl.word(),
        notes: notes(expectation, reading, finding.state),
        cause: finding.cause,
        warnings: Vec::new(),
    }
}

/// chronyd told what it follows.
fn answered(expectation: &Expectation, reading: &Reading, tracking: &Tracking) -> Finding {
    if reading.steers_clock() && !reading.rivals.is_empty() {
        return Finding::failed(Cause::SecondDaemon { daemons: reading.rivals.clone() });
    }
    match &expectation.role {
        Role::Client { source, standbys } => {
            let wanted = standby::followed(standbys, reading, tracking)
                .unwrap_or_else(|| Wanted::source(source, &reading.source_addresses));
            if !tracking.is_local() {
                return following(expectation, reading, tracking, &wanted);
            }
            // chronyd leaves its `local` as soon as it selects a source.
            if reading.chronyc.sources.iter().any(|row| wanted.includes(&row.peer)) {
                wanted.why_not_selected(reading)
            } else {
                Finding::failed(Cause::FreeRunningClient)
            }
        }
        Role::Standby { sources, upstreams, local_stratum } => {
            let wanted = standby::ahead(sources, upstreams, reading, tracking);
            if tracking.is_local() && tracking.stratum != *local_stratum {
                return wrong_stratum(tracking.stratum, *local_stratum);
            }
            let finding = following(expectation, reading, tracking, &wanted);
            // One that asks nobody never goes back to the source before it.
            if finding.state.passes() || matches!(finding.cause, Some(Cause::Offline { .. })) {
                finding
            } else if expectation.accept_local && standby::leads(tracking, &wanted) {
                Finding::passed(State::Local)
            } else if tracking.is_local() {
                finding.but_waiting()
            } else {
                finding
            }
        }
        Role::Source { upstreams, local_stratum } => {
            let wanted = Wanted::upstreams(upstreams);
            if tracking.is_local() {
                return if tracking.stratum != *local_stratum {
                    wrong_stratum(tracking.stratum, *local_stratum)
                } else if upstreams.is_empty() || expectation.accept_local {
                    Finding::passed(State::Local)
                } else {
                    wanted.why_not_selected(reading).but_waiting()
                };
            }
            match tracking.follows() {
                None if upstreams.is_empty() => {
                    Finding::waiting(Cause::NotServing { sources: reading.chronyc.sources.len() })
                }
                Some(peer) if upstreams.is_empty() && !is_own_clock(reading, peer) => {
                    Finding::failed(Cause::UnexpectedUpstream { found: peer.to_string() })
                }
                // It serves what it had from them for hours before it calls that its own clock.
                Some(peer)
                    if expectation.accept_local
                        && wanted.includes(peer)
                        && !reading.hears(peer) =>
                {
                    Finding::passed(State::Local)
                }
                _ => following(expectation, reading, tracking, &wanted),
            }
        }
    }
}

fn wrong_stratum(found: u8, wanted: u8) -> Finding {
    Finding::failed(Cause::WrongLocalStratum { found, wanted })
}

/// The host should follow one of `wanted`, within the threshold.
fn following(
    expectation: &Expectation,
    reading: &Reading,
    tracking: &Tracking,
    wanted: &Wanted,
) -> Finding {
    let Some(peer) = tracking.follows() else {
        return wanted.why_not_selected(reading);
    };
    let serves = !matches!(expectation.role, Role::Client { .. });
    let own_clock = serves && is_own_clock(reading, peer);
    if !own_clock && !wanted.includes(peer) {
        return if wanted.is_unresolved() {
            Finding::waiting(Cause::Unresolved { wanted: wanted.label.clone(), address: None })
        } else {
            let wanted = wanted.label.clone();
            Finding::failed(Cause::WrongReference { found: peer.to_string(), wanted })
        };
    }
    // What was followed is remembered long after it has fallen silent, or was taken out: its row tells.
    // The rest of a burst would hide for a while that nobody is asked any more. What a source serves
    // goes on being of use.
    if !own_clock
        && !matches!(expectation.role, Role::Source { .. })
        && let Some(sources) = reading.offline()
    {
        return Finding::failed(Cause::Offline { sources });
    }
    let mut rows = reading.chronyc.sources.iter();
    let Some(row) = rows.find(|row| row.peer == *peer) else {
        return wanted.why_not_selected(reading);
    };
    if row.state != SourceState::Selected || row.reach == 0 {
        return wanted.why_not_selected(reading).but_waiting();
    }
    let silent = row.last_sample.map_or(f64::INFINITY, f64::from);
    if expectation.heard_within.is_some_and(|limit| silent > limit) {
        return Finding::waiting(wanted.no_answer(reading, row, None));
    }
    if row.is_late() {
        return Finding::waiting(wanted.no_answer(reading, row, Some(row.interval())));
    }
    let max_offset = expectation.max_offset;
    let bound = tracking.bound();
    // Asked this way round, a threshold that is no number lets nothing pass.
    let near_enough = bound <= max_offset;
    if !near_enough {
        return Finding::waiting(if tracking.correction.abs() <= max_offset {
            let (delay, dispersion) = (tracking.root_delay, tracking.root_dispersion);
            Cause::BoundTooLarge { bound, delay, dispersion, allowed: max_offset }
        } else if reading.shows_interference() {
            Cause::Interference
        } else {
            Cause::Slewing {
                correction: tracking.correction,
                allowed: max_offset,
                steered: !reading.daemon.leaves_clock(),
            }
        });
    }
    if reading.timedatectl.synchronized == Some(false) && reading.steers_clock() {
        return Finding::waiting(Cause::KernelFlag);
    }
    Finding::passed(match reading.daemon.leaves_clock() {
        true => State::Unsteered,
        false => State::Synchronised,
    })
}

/// Whether `peer` is a reference clock of the host's own, which no list of servers names.
fn is_own_clock(reading: &Reading, peer: &Peer) -> bool {
    reading.chronyc.sources.iter().any(|row| {
        row.mode == SourceMode::ReferenceClock
            && row.state == SourceState::Selected
            && row.peer == *peer
    })
}

/// chronyc gave no tracking row.
fn unanswered(reading: &Reading) -> Finding {
    let daemon = &reading.daemon;
    let unit = daemon.unit.clone().unwrap_or_else(|| "chronyd".to_owned());
    let down = matches!(
        daemon.state,
        DaemonState::Inactive | DaemonState::Failed | DaemonState::Missing | DaemonState::Masked
    );
    let chronyc_missing = reading.chronyc.refusal == Some(Refusal::Missing);

    if chronyc_missing && matches!(daemon.state, DaemonState::Missing | DaemonState::Unknown) {
        return Finding::failed(Cause::NotInstalled);
    }
    if down && reading.container && (daemon.skipped || clock_is_denied(reading)) {
        return Finding { state: State::NotOurClock, cause: Some(Cause::ContainerClock) };
    }
    if down && !reading.rivals.is_empty() {
        return Finding::failed(Cause::SecondDaemon { daemons: reading.rivals.clone() });
    }
    match (daemon.state, reading.chronyc.refusal) {
        (DaemonState::Masked, _) => Finding::failed(Cause::DaemonMasked { unit }),
        (DaemonState::Failed, _) => Finding::failed(if reading.logged("Another chronyd") {
            Cause::AnotherChronyd { unit }
        } else {
            let limited = reading.is_limited();
            Cause::DaemonFailed { unit, said: last_fatal_error(reading), limited }
        }),
        (DaemonState::Inactive, _) if daemon.skipped => {
            Finding::failed(Cause::DaemonSkipped { unit })
        }
        (DaemonState::Inactive | DaemonState::Missing, _) => {
            Finding::failed(Cause::DaemonDown { unit })
        }
        (DaemonState::Changing, _) => Finding::waiting(Cause::DaemonStarting { unit }),
        (_, Some(Refusal::Missing)) => unasked(reading, unit),
        (_, Some(Refusal::NotAuthorised)) => Finding::failed(Cause::NotAuthorised),
        (_, Some(Refusal::Other(code))) => Finding::failed(Cause::Refused { answer: code }),
        (_, None) if !reading.chronyc.unreadable.is_empty() => Finding::failed(Cause::Unreadable),
        // A daemon that has only just started opens its socket a moment later.
        (_, Some(Refusal::NoDaemon) | None) => Finding::waiting(Cause::DaemonSilent {
            unit,
            runs: daemon.state == DaemonState::Active,
        }),
    }
}

/// chronyd runs, and there is no chronyc to ask it: the kernel's flag is what is left.
fn unasked(reading: &Reading, unit: String) -> Finding {
    let cause = Cause::ChronycMissing { unit };
    // The flag of a clock that is not chronyd's to set says nothing of chronyd.
    match reading.timedatectl.synchronized.filter(|_| reading.steers_clock()) {
        Some(_) if !reading.rivals.is_empty() => {
            Finding::failed(Cause::SecondDaemon { daemons: reading.rivals.clone() })
        }
        Some(true) => Finding::passed(State::FlagOnly),
        Some(false) => Finding::waiting(cause),
        None => Finding::failed(cause),
    }
}

/// chronyd's own words when the kernel does not let it touch the clock.
fn clock_is_denied(reading: &Reading) -> bool {
    reading
        .log
        .iter()
        .any(|line| line.contains("adjtimex") && line.contains("Operation not permitted"))
}

/// What chronyd wrote last before it gave up, without the log's own date and host in front.
fn last_fatal_error(reading: &Reading) -> Option<String> {
    let line = reading.log.iter().rev().find(|line| line.contains("Fatal error"))?;
    line.split_once("Fatal error").map(|(_, words)| words.trim_start_matches([' ', ':']).to_owned())
}
