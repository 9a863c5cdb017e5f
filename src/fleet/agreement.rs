//! The hosts' clocks held against each other, whatever their daemons say.

use serde::Serialize;

use super::result::{HostResult, Outcome, Trouble};
use super::{Mode, Part};
use crate::length::exact;
use crate::verify::{Cause, ClockOffset, Measure, State, Words};

/// From here on a clock is said to be set, below to be moved: chronyd steps what is more (`makestep 1.0 3`),
/// and slews what is less.
const STEP: f64 = 1.0;

/// What the clocks of all hosts are together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Whether nothing speaks against it that all hosts have the same time, within the threshold.
    pub agree: bool,
    /// The two clocks that are furthest apart; none when only one host was read.
    pub spread: Option<Spread>,
    /// How far they are ahead of the controller's clock: the source's is, or all of them when they agree.
    pub controller: Option<Measure>,
}

/// Two clocks that differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The host whose clock is ahead.
    pub ahead: String,
    /// The host whose clock is behind.
    pub behind: String,
    /// By how much.
    #[serde(flatten)]
    pub by: Measure,
}

/// Holds the clocks of all `hosts` of a run against each other. Hosts that passed by what their daemons
/// say, but whose clocks are for certain more than `max_offset` seconds from the source's, fail; other
/// differences are noted. None when no host's clock was read.
pub fn agree(hosts: &mut [HostResult], mode: Mode, max_offset: f64) -> Option<Agreement> {
    let source = hosts.iter().find(|host| host.part == Part::Source);
    let lead = source.and_then(|source| Some((source.host.clone(), latest(source)?)));
    // The source may still take off what it knows to be wrong with its clock.
    let under_way = source.and_then(|source| source.verdict.as_ref()?.offset).map_or(0.0, f64::abs);
    for host in hosts.iter_mut() {
        note_moved(host, max_offset);
        match &lead {
            Some((_, clock)) if host.part == Part::Source => {
                note_controller(host, *clock, max_offset)
            }
            Some((name, clock)) if mode != Mode::Check => {
                let limit = max_offset + under_way;
                hold_against(host, name, *clock, limit);
            }
            _ => {}
        }
    }
    let read = hosts.iter().filter_map(|host| Some((host.host.as_str(), latest(host)?)));
    let spread = spread(&read.clone().collect::<Vec<_>>());
    let agree = spread.as_ref().is_none_or(|spread| !spread.by.exceeds(max_offset));
    let (_, first) = read.clone().next()?;
    let all = read.fold(first, |all, (_, clock)| all.widened(clock));
    let controller = match lead {
        Some((_, clock)) => Some(clock.measure()),
        None => agree.then(|| all.measure()),
    };
    Some(Agreement { agree, spread, controller })
}

fn latest(host: &HostResult) -> Option<ClockOffset> {
    host.clock.map(|clock| clock.after)
}

/// The clocks that are furthest apart.
fn spread(clocks: &[(&str, ClockOffset)]) -> Option<Spread> {
    let by = |a: &&(&str, ClockOffset), b: &&(&str, ClockOffset)| {
        a.1.measure().seconds.total_cmp(&b.1.measure().seconds)
    };
    let (ahead, behind) = (clocks.iter().max_by(by)?, clocks.iter().min_by(by)?);
    (clocks.len() > 1).then(|| Spread {
        ahead: ahead.0.to_owned(),
        behind: behind.0.to_owned(),
        by: ahead.1.ahead_of(behind.1),
    })
}

/// Says by how much a clock was set in this run.
fn note_moved(host: &mut HostResult, max_offset: f64) {
    let Some(moved) = host.clock.map(|clock| clock.moved()) else { return };
    if moved.exceeds(max_offset) {
        let word = if moved.seconds.abs() < STEP { "moved" } else { "set" };
        let way = if moved.seconds < 0.0 { "back" } else { "forward" };
        host.notes.push(format!("its clock was {word} {way} by {}", exact(moved.seconds)));
    }
}

/// Says when the source's clock is another than the controller's: nobody knows which one is right.
fn note_controller(source: &mut HostResult, clock: ClockOffset, max_offset: f64) {
    let measure = clock.measure();
    if measure.exceeds(max_offset) {
        let of = measure.of();
        source.notes.push(format!("its clock is {of} this controller's: either may be wrong"));
    }
}

/// Fails a host whose daemon is content and whose clock is not the source's.
fn hold_against(host: &mut HostResult, source: &str, lead: ClockOffset, limit: f64) {
    let Some(difference) = latest(host).map(|clock| clock.ahead_of(lead)) else { return };
    let (Outcome::Ok, Some(verdict)) = (&host.outcome, &mut host.verdict) else { return };
    if !difference.exceeds(limit) {
        return;
    }
    let cause = Cause::ClockDiffers { source: source.to_owned(), ahead: difference };
    let Words { what, next } = cause.words();
    verdict.state = State::Failed;
    verdict.cause = Some(cause);
    host.outcome = Outcome::Failed(Trouble::new(what, next));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::Plan;
    use crate::verify::{Clock, Verdict};

    /// A clock that was read within `width` seconds: so far ahead of the controller's.
    fn clock(ahead: f64, width: f64) -> ClockOffset {
        let sent = Duration::from_secs(1_700_000_000);
        let received = sent + Duration::from_secs_f64(width);
        let printed = format!("{:.6}", 1.7e9 + ahead + width / 2.0);
        ClockOffset::read(&printed, sent, received).unwrap()
    }

    /// A host that ended well by what its daemon says.
    fn host(part: Part, ahead: f64, state: State) -> HostResult {
        HostResult {
            host: if part == Part::Source { "node1" } else { "node2" }.to_owned(),
            address: "192.0.2.1".to_owned(),
            part,
            outcome: Outcome::Ok,
            facts: None,
            plan: Plan::default(),
            applied: false,
            synchronised_after: None,
            verdict: Some(Verdict {
                state,
                stratum: None,
                reference: None,
                offset: (state == State::Synchronised).then_some(1e-5),
                bound: None,
                timedatectl: "yes",
                cause: None,
                warnings: Vec::new(),
                notes: Vec::new(),
            }),
            clock: Some(Clock::new(clock(ahead, 0.002))),
            notes: Vec::new(),
            execs: 1,
            seconds: 1.0,
        }
    }

    fn failure(host: &HostResult) -> &str {
        match &host.outcome {
            Outcome::Failed(trouble) => &trouble.what,
            _ => "",
        }
    }

    #[test]
    fn a_clock_that_is_off_fails_though_its_daemon_is_content() {
        let source = || host(Part::Source, 3.0, State::Local);
        for (ahead, state, mode, failed) in [
            (3.01, State::Synchronised, Mode::Verify, ""),
            // 1 ms of uncertainty for each of the two.
            (3.0515, State::Synchronised, Mode::Verify, ""),
            (3.053, State::Synchronised, Mode::Verify, "is 53 ms ± 2.0 ms ahead of that of node1"),
            (0.0, State::Synchronised, Mode::Setup, "is 3.0 s ± 2.0 ms behind that of node1"),
            (0.0, State::NotOurClock, Mode::Setup, "is 3.0 s ± 2.0 ms behind"),
            (0.0, State::Synchronised, Mode::Check, ""),
        ] {
            let mut hosts = [source(), host(Part::Client, ahead, state)];
            let agreement = agree(&mut hosts, mode, 0.05).unwrap();
            let said = failure(&hosts[1]);
            assert!(
                said.contains(failed) && said.is_empty() == failed.is_empty(),
                "{ahead}: {said}"
            );
            let found = hosts[1].verdict.as_ref().unwrap().state;
            assert_eq!(found, if failed.is_empty() { state } else { State::Failed });
            assert_eq!(hosts[0].outcome, Outcome::Ok);
            assert_eq!(agreement.agree, ahead > 3.0 && failed.is_empty(), "{ahead}");
        }
    }

    #[test]
    fn a_wide_reading_and_what_the_source_still_corrects_fail_nobody() {
        let mut wide = host(Part::Client, 3.5, State::Synchronised);
        wide.clock = Some(Clock::new(clock(3.5, 1.0)));
        let mut unread = host(Part::Client, 3.5, State::Synchronised);
        unread.clock = None;
        let mut hosts = [host(Part::Source, 3.0, State::Local), wide, unread];
        agree(&mut hosts, Mode::Verify, 0.05).unwrap();
        assert!(hosts.iter().all(|host| host.outcome == Outcome::Ok), "{hosts:#?}");

        for (under_way, fails) in [(0.04, false), (0.0, true)] {
            let mut source = host(Part::Source, 3.0, State::Synchronised);
            source.verdict.as_mut().unwrap().offset = Some(-under_way);
            let mut hosts = [source, host(Part::Client, 3.06, State::Synchronised)];
            agree(&mut hosts, Mode::Verify, 0.05).unwrap();
            assert_eq!(!failure(&hosts[1]).is_empty(), fails, "{under_way}");
        }
        assert_eq!(agree(&mut [], Mode::Verify, 0.05), None);
    }

    #[test]
    fn without_the_source_hosts_are_held_against_each_other_only() {
        let one = |ahead| host(Part::Client, ahead, State::Synchronised);
        let mut hosts = [one(3.0), one(3.01)];
        let agreement = agree(&mut hosts, Mode::Verify, 0.05).unwrap();
        assert!(agreement.agree && hosts.iter().all(|host| host.notes.is_empty()));
        let controller = agreement.controller.unwrap();
        assert!((controller.seconds - 3.005).abs() < 1e-3 && controller.uncertainty > 0.005);

        let mut hosts = [one(3.0), one(8.0)];
        let agreement = agree(&mut hosts, Mode::Verify, 0.05).unwrap();
        assert!(!agreement.agree && agreement.controller.is_none());
        assert!((agreement.spread.unwrap().by.seconds - 5.0).abs() < 1e-3);
        assert!(hosts.iter().all(|host| host.outcome == Outcome::Ok));
    }

    #[test]
    fn what_became_of_a_clock_is_told() {
        let mut client = host(Part::Client, -157_766_400.0, State::Synchronised);
        client.clock.as_mut().unwrap().after = clock(3.0, 0.002);
        let mut slewed = host(Part::Client, 2.8, State::Synchronised);
        slewed.clock.as_mut().unwrap().after = clock(3.0, 0.002);
        let mut hosts = [host(Part::Source, 3.0, State::Local), client, slewed];
        agree(&mut hosts, Mode::Setup, 0.05).unwrap();
        let notes: Vec<String> = hosts.iter().flat_map(|host| host.notes.clone()).collect();
        assert_eq!(
            notes,
            [
                "its clock is 3.0 s ± 1.0 ms ahead of this controller's: either may be wrong",
                "its clock was set forward by 5 y 1 d (157,766,403.0 s)",
                "its clock was moved forward by 200 ms",
            ]
        );
    }
}
