//! What the reader of a verdict should know besides.

use super::chronyc::Leap;
use super::reading::{DaemonState, Reading};
use super::standby;
use super::timedatectl::Answer;
use super::verdict::{Expectation, Role, State};

/// The notes on a host in `state`.
pub(super) fn notes(expectation: &Expectation, reading: &Reading, state: State) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    let no = reading.timedatectl.synchronized == Some(false);
    let runs = reading.chronyc.tracking.is_some();

    if state == State::Local {
        note("the cluster agrees with itself, not with UTC: its source serves its own clock");
        if matches!(&expectation.role, Role::Source { upstreams, .. } if !upstreams.is_empty()) {
            note(
                "it follows none of its upstreams (ntp_servers), and passes all the same, also with --confirm, since it serves its own clock until it does: `ezsync doctor` says why",
            );
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
    if state == State::FlagOnly {
        note(
            "there is no chronyc: that the clock is synchronised is the kernel's word alone \
             (timedatectl), and not by which server",
        );
    }
    if runs && reading.timedatectl.answer == Answer::NoSystemd {
        note("timedatectl gives no answer here (no systemd): chronyc alone speaks for this host");
    }
    if matches!(state, State::Synchronised | State::Unsteered) && no {
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
    if state.passes() && reading.shows_interference() {
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
