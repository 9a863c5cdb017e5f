//! The rules: a reading held against what is expected of the host.

use super::cause;
use super::chronyc::{Leap, Peer, Refusal, SourceMode, SourceState, Tracking};
use super::reading::{DaemonState, Reading};
use super::sources::Wanted;
use super::standby;
use super::verdict::{Cause, Expectation, Role, State, Verdict};

/// A judgement with its cause, before the measured values are put beside it.
pub(super) struct Finding {
    state: State,
    cause: Option<Cause>,
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
    // Under `local` there is nothing to compare with, nor where a standby only remembers its source.
    let followed = tracking.filter(|t| t.follows().is_some() && finding.state != State::Local);
    Verdict {
        state: finding.state,
        stratum: tracking.filter(|t| t.follows().is_some() || t.is_local()).map(|t| t.stratum),
        reference: tracking.and_then(|tracking| match tracking.follows() {
            Some(peer) => Some(peer.to_string()),
            None => tracking.is_local().then(|| "local".to_owned()),
        }),
        // chrony's correction is what the clock lacks. Subtracting keeps 0 from becoming -0.
        offset: followed.map(|tracking| 0.0 - tracking.correction),
        bound: followed.map(Tracking::bound),
        timedatectl: reading.timedatectl.word(),
        notes: notes(expectation, reading, finding.state),
        cause: finding.cause,
    }
}

/// chronyd told what it follows.
fn answered(expectation: &Expectation, reading: &Reading, tracking: &Tracking) -> Finding {
    if reading.steers_clock() && !reading.rivals.is_empty() {
        return Finding::failed(cause::second_daemon(&reading.rivals));
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
                Finding::failed(cause::free_running_client())
            }
        }
        Role::Standby { sources, upstreams, local_stratum } => {
            let wanted = standby::ahead(sources, upstreams, reading, tracking);
            let leads = if tracking.is_local() {
                if tracking.stratum != *local_stratum {
                    return wrong_stratum(tracking.stratum, *local_stratum);
                }
                true
            } else {
                // It keeps the time that it had for hours before it calls itself local.
                tracking.follows().is_some_and(|peer| wanted.includes(peer))
            };
            let finding = following(expectation, reading, tracking, &wanted);
            if !finding.state.passes() && leads && expectation.accept_local {
                return Finding::passed(State::Local);
            }
            if tracking.is_local() { finding.but_waiting() } else { finding }
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
                None if upstreams.is_empty() => Finding::waiting(cause::not_serving_yet()),
                Some(peer) if upstreams.is_empty() && !is_own_clock(reading, peer) => {
                    Finding::failed(cause::unexpected_upstream(&peer.to_string()))
                }
                _ => following(expectation, reading, tracking, &wanted),
            }
        }
    }
}

fn wrong_stratum(found: u8, wanted: u8) -> Finding {
    Finding::failed(cause::wrong_local_stratum(found, wanted))
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
            Finding::waiting(cause::unresolved(&wanted.label))
        } else {
            Finding::failed(cause::wrong_reference(&peer.to_string(), &wanted.label))
        };
    }
    // What was followed is remembered long after it has fallen silent: its row tells.
    let mut rows = reading.chronyc.sources.iter();
    if let Some(row) = rows.find(|row| row.peer == *peer) {
        if row.state != SourceState::Selected || row.reach == 0 {
            return wanted.why_not_selected(reading).but_waiting();
        }
        let silent = row.last_sample.map_or(f64::INFINITY, f64::from);
        if expectation.heard_within.is_some_and(|limit| silent > limit) {
            return Finding::waiting(cause::not_heard_again(&wanted.label));
        }
        // Its reach is 0 only after eight polls in vain. Two answers may be lost on the way; after
        // three intervals it is silent.
        let interval = 2.0_f64.powi(i32::from(row.poll));
        if silent > 3.0 * interval + 2.0 {
            return Finding::waiting(cause::fallen_silent(&wanted.label, silent, interval));
        }
    }
    let max_offset = expectation.max_offset;
    let bound = tracking.bound();
    // Asked this way round, a threshold that is no number lets nothing pass.
    let near_enough = bound <= max_offset;
    if !near_enough {
        return Finding::waiting(if tracking.correction.abs() <= max_offset {
            cause::bound_too_large(bound, tracking.root_delay, tracking.root_dispersion, max_offset)
        } else if interference_logged(reading) {
            cause::interference()
        } else {
            cause::slewing(tracking.correction, max_offset)
        });
    }
    if reading.timedatectl.synchronized == Some(false) && reading.steers_clock() {
        return Finding::waiting(cause::kernel_flag());
    }
    Finding::passed(State::Synchronised)
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
    let unit = daemon.unit.as_deref().unwrap_or("chronyd");
    let down = matches!(
        daemon.state,
        DaemonState::Inactive | DaemonState::Failed | DaemonState::Missing | DaemonState::Masked
    );
    let chronyc_missing = reading.chronyc.refusal == Some(Refusal::Missing);

    if chronyc_missing && matches!(daemon.state, DaemonState::Missing | DaemonState::Unknown) {
        return Finding::failed(cause::not_installed());
    }
    if down && reading.container && (daemon.skipped || clock_is_denied(reading)) {
        return Finding { state: State::NotOurClock, cause: Some(cause::container_clock()) };
    }
    if down && !reading.rivals.is_empty() {
        return Finding::failed(cause::second_daemon(&reading.rivals));
    }
    match (daemon.state, reading.chronyc.refusal) {
        (DaemonState::Masked, _) => Finding::failed(cause::masked(unit)),
        (DaemonState::Failed, _) => Finding::failed(if logged(reading, "Another chronyd") {
            cause::another_chronyd(unit)
        } else {
            cause::failed(unit, last_fatal_error(reading))
        }),
        (DaemonState::Inactive, _) if daemon.skipped => Finding::failed(cause::skipped(unit)),
        (DaemonState::Inactive | DaemonState::Missing, _) => Finding::failed(cause::inactive(unit)),
        (DaemonState::Changing, _) => Finding::waiting(cause::starting(unit)),
        (_, Some(Refusal::Missing)) => Finding::failed(cause::chronyc_missing(unit)),
        (_, Some(Refusal::NotAuthorised)) => Finding::failed(cause::not_authorised()),
        (_, Some(Refusal::Other(code))) => Finding::failed(cause::refused(code)),
        (_, None) if !reading.chronyc.unreadable.is_empty() => Finding::failed(cause::unreadable()),
        // A daemon that has only just started opens its socket a moment later.
        (_, Some(Refusal::NoDaemon) | None) => {
            Finding::waiting(cause::silent(unit, daemon.state == DaemonState::Active))
        }
    }
}

fn logged(reading: &Reading, words: &str) -> bool {
    reading.log.iter().any(|line| line.contains(words))
}

/// chronyd's own words when the kernel does not let it touch the clock.
fn clock_is_denied(reading: &Reading) -> bool {
    reading
        .log
        .iter()
        .any(|line| line.contains("adjtimex") && line.contains("Operation not permitted"))
}

/// chrony 4.7 and later notice when something else moves the clock.
fn interference_logged(reading: &Reading) -> bool {
    logged(reading, "System clock interference detected")
}

/// What chronyd wrote last before it gave up, without the log's own date and host in front.
fn last_fatal_error(reading: &Reading) -> Option<&str> {
    let line = reading.log.iter().rev().find(|line| line.contains("Fatal error"))?;
    line.split_once("Fatal error").map(|(_, words)| words.trim_start_matches([' ', ':']))
}

fn notes(expectation: &Expectation, reading: &Reading, state: State) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    let no = reading.timedatectl.synchronized == Some(false);
    let runs = reading.chronyc.tracking.is_some();

    if state == State::Local {
        note("the cluster agrees with itself, not with UTC: its source serves its own clock");
        if matches!(&expectation.role, Role::Source { upstreams, .. } if !upstreams.is_empty()) {
            note("no upstream could be followed in time");
        }
        if no {
            note("timedatectl says no, as it always does under a `local` clock");
        }
    }
    if state == State::NotOurClock && reading.timedatectl.synchronized == Some(true) {
        note("timedatectl says yes: the container's host keeps the clock synchronised");
    }
    if runs && reading.daemon.leaves_clock() {
        note(
            "chronyd runs with -x: it does not steer the clock, and the offset is its own reckoning",
        );
    }
    if state == State::Synchronised && no {
        note(
            "timedatectl says no, which does not count where the clock is not this host's to steer",
        );
    }
    if runs && !reading.steers_clock() && !reading.rivals.is_empty() {
        note(&format!("other time daemons run here: {}", reading.rivals.join(", ")));
    }
    if runs && reading.container && !reading.daemon.leaves_clock() {
        note("a container shares its host's clock: if chronyd steers it here, it does so for all");
    }
    if runs && matches!(reading.daemon.state, DaemonState::Inactive | DaemonState::Failed) {
        note("a chronyd answers that is not the unit's own");
    }
    if state.passes() && interference_logged(reading) {
        note("chronyd's log says that something else moves the clock too");
    }
    if let Some(text) = standby::note(expectation, reading, state) {
        note(&text);
    }
    match reading.chronyc.tracking.as_ref().map(|tracking| tracking.leap) {
        Some(Leap::Insert) => note("a leap second will be inserted at the end of the day"),
        Some(Leap::Delete) => note("a second will be left out at the end of the day"),
        _ => {}
    }
    notes
}
