//! What may become a trouble on a host, whether it passes or not.

use super::cause::Cause;
use super::chronyc::SourceState;
use super::reading::Reading;
use super::sources::Wanted;
use super::verdict::{Expectation, Role};

/// A clock that runs so far off its nominal speed has something wrong with it, in ppm: crystals keep
/// within 100, and NTP itself gives up at 500.
const LARGE_FREQUENCY: f64 = 250.0;

/// The warnings on an examined host that does not pass because of `cause`, if anything.
#[must_use]
pub fn warnings(expectation: &Expectation, reading: &Reading, cause: Option<&Cause>) -> Vec<Cause> {
    let around = &reading.surroundings;
    let mut found = Vec::new();
    if around.complaints.iter().any(|line| line.contains("interference")) {
        found.push(Cause::Interference);
    }
    if around.vmware {
        found.push(Cause::HypervisorTime { by: "VMware Tools".to_owned() });
    }
    if around.virtualbox() {
        found.push(Cause::HypervisorTime { by: "VirtualBox's guest additions".to_owned() });
    }
    // Where chronyd steers the clock other daemons are why the host fails.
    if !reading.rivals.is_empty() && reading.chronyc.tracking.is_some() {
        found.push(Cause::SecondDaemon { daemons: reading.rivals.clone() });
    }
    if !reading.at_boot.is_empty() {
        found.push(Cause::SecondDaemonAtBoot { daemons: reading.at_boot.clone() });
    }
    if around.lacks("rtcsync") && around.lacks("rtcfile") {
        found.push(Cause::RtcsyncMissing);
    }
    if let Some(said) = around.complaints.iter().rev().find(|line| is_of_drift(line)) {
        found.push(Cause::DriftNotKept { said: said.clone() });
    }
    if cause.is_none() {
        found.extend(of_clock(reading));
    }
    found.extend(of_upstreams(expectation, reading));
    if cause.is_none() {
        found.extend(of_names(expectation, reading));
    }
    found.retain(|warning| cause != Some(warning));
    found
}

fn is_of_drift(line: &str) -> bool {
    line.to_lowercase().contains("drift") && line.contains("Could not")
}

/// What the numbers say.
fn of_clock(reading: &Reading) -> Vec<Cause> {
    let mut found = Vec::new();
    let chosen = reading.chronyc.sources.iter().filter(|row| row.state == SourceState::Selected);
    for row in chosen {
        // The register fills from below: with holes in it, answers were lost.
        let asked = u16::BITS - row.reach.leading_zeros();
        let lost = asked - row.reach.count_ones();
        if lost > 0 {
            let source = row.peer.to_string();
            found.push(Cause::LostReplies { source, lost, asked });
        }
    }
    if let Some(tracking) = &reading.chronyc.tracking
        && tracking.frequency.abs() > LARGE_FREQUENCY
    {
        found.push(Cause::LargeFrequency { ppm: tracking.frequency });
    }
    found
}

/// Why a source that serves its own clock follows none of its upstreams.
fn of_upstreams(expectation: &Expectation, reading: &Reading) -> Option<Cause> {
    let Role::Source { upstreams, .. } = &expectation.role else { return None };
    if upstreams.is_empty() {
        return None;
    }
    if let Some(sources) = reading.offline() {
        return Some(Cause::Offline { sources });
    }
    let local = reading.chronyc.tracking.as_ref().is_some_and(|tracking| tracking.is_local());
    if !local {
        return None;
    }
    Wanted::upstreams(upstreams).why_not_selected(reading).cause
}

/// Which upstreams have names that mean nothing, while others can be asked.
fn of_names(expectation: &Expectation, reading: &Reading) -> Option<Cause> {
    let (Role::Source { upstreams, .. } | Role::Standby { upstreams, .. }) = &expectation.role
    else {
        return None;
    };
    let wanted = Wanted::upstreams(upstreams).unresolved(reading)?;
    Some(Cause::Unresolved { wanted, address: None })
}
