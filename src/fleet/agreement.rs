//! The hosts' clocks held against each other, whatever their daemons say.

use serde::Serialize;

use super::result::{HostResult, Outcome, Trouble};
use super::{Mode, Part};
use crate::length::exact;
use crate::verify::{Cause, ClockOffset, Measure, State, Words};

/// From here on a clock is said to be set, below to be moved: chronyd steps what is more (`makestep 1.0 3`),
/// and slews what is less.
pub(super) const STEP: f64 = 1.0;

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

/// What the clocks are held against.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How far the run went.
    pub mode: Mode,
    /// How far two clocks may be apart, in seconds.
    pub max_offset: f64,
    /// Whether the source's clock was to be set from the controller's.
    pub set_clock: bool,
}

/// Holds the clocks of all `hosts` of a run against each other. Hosts that passed by what their daemons
/// say, but whose clocks are for certain more than `max_offset` seconds from that of the source in
/// charge, fail; other differences are noted. None when no host's clock was read.
pub fn agree(hosts: &mut [HostResult], terms: Terms) -> Option<Agreement> {
    let Terms { mode, max_offset, set_clock } = terms;
    for host in hosts.iter_mut() {
        let is_source = host.part == Part::Source;
        note_moved(host, is_source && set_clock, max_offset);
        if is_source {
            hold_against_controller(host, terms);
        }
    }
    let lead = lead(hosts);
    match &lead {
        _ if mode == Mode::Check => {}
        Some(lead) => {
            for host in hosts.iter_mut() {
                hold_against(host, lead, max_offset);
            }
        }
        None => hold_against_each_other(hosts, max_offset),
    }
    let read = hosts.iter().filter_map(|host| Some((host.host.as_str(), latest(host)?)));
    let spread = spread(&read.clone().collect::<Vec<_>>());
    let agree = spread.as_ref().is_none_or(|spread| !spread.by.exceeds(max_offset));
    let (_, first) = read.clone().next()?;
    let all = read.fold(first, |all, (_, clock)| all.widened(clock));
    let source = hosts.iter().find(|host| host.part == Part::Source).and_then(latest);
    let controller = match source {
        Some(clock) => Some(clock.measure()),
        None => agree.then(|| all.measure()),
    };
    Some(Agreement { agree, spread, controller })
}

/// The clock that the others follow.
struct Lead {
    host: String,
    clock: ClockOffset,
    /// What its daemon knows to be wrong with it and may still take off, in seconds.
    under_way: f64,
}

/// The first of the sources that has passed: one that has lost its time leads nobody.
fn lead(hosts: &[HostResult]) -> Option<Lead> {
    hosts.iter().filter(|host| host.part != Part::Client && host.outcome == Outcome::Ok).find_map(
        |host| {
            let under_way = host.verdict.as_ref().and_then(|verdict| verdict.offset);
            Some(Lead {
                host: host.host.clone(),
                clock: latest(host)?,
                under_way: under_way.map_or(0.0, f64::abs),
            })
        },
    )
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

/// Says by how much a clock was set in this run, `from_here` or by its daemon.
fn note_moved(host: &mut HostResult, from_here: bool, max_offset: f64) {
    let Some(clock) = host.clock.filter(|clock| clock.moved().exceeds(max_offset)) else { return };
    let moved = clock.moved().seconds;
    let word = if moved.abs() < STEP && !from_here { "moved" } else { "set" };
    let way = if moved < 0.0 { "back" } else { "forward" };
    let mut note = format!("its clock was {word} {way} by {}", exact(moved));
    if from_here {
        let of = clock.after.measure().of();
        note += &format!(" from this controller's, and is now {of} it (at {})", time(clock.after));
    }
    host.notes.push(note);
}

/// The controller's time when `clock` was read.
fn time(clock: ClockOffset) -> String {
    // Whole seconds will do, and no controller's clock is beyond what a timestamp holds.
    #[allow(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let time = jiff::Timestamp::from_second(clock.at() as i64).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Fails a source whose clock was to be set from here, and is not. Otherwise nobody knows which clock is
/// right, and the difference is noted.
fn hold_against_controller(source: &mut HostResult, terms: Terms) {
    let Some(ahead) = latest(source).map(ClockOffset::measure) else { return };
    if !ahead.exceeds(terms.max_offset) {
        return;
    }
    if terms.set_clock && terms.mode == Mode::Setup {
        fail(source, Cause::ClockNotSet { ahead });
    } else {
        let free = source.verdict.as_ref().is_some_and(|verdict| verdict.state == State::Local);
        let hint = if free { "; `ezsync setup --set-clock` would set it from here" } else { "" };
        let of = ahead.of();
        source
            .notes
            .push(format!("its clock is {of} this controller's: either may be wrong{hint}"));
    }
}

/// Fails a host whose daemon is content and whose clock is not that of `lead`.
fn hold_against(host: &mut HostResult, lead: &Lead, max_offset: f64) {
    let Some(ahead) = latest(host).map(|clock| clock.ahead_of(lead.clock)) else { return };
    if host.host != lead.host && ahead.exceeds(max_offset + lead.under_way) {
        fail(host, Cause::ClockDiffers { source: lead.host.clone(), ahead });
    }
}

/// Fails hosts whose daemons are content and whose clocks are not those of most others. Each may be
/// off by `max_offset`.
fn hold_against_each_other(hosts: &mut [HostResult], max_offset: f64) {
    let content = hosts.iter().filter(|host| host.outcome == Outcome::Ok && host.verdict.is_some());
    let clocks: Vec<(String, ClockOffset)> =
        content.filter_map(|host| Some((host.host.clone(), latest(host)?))).collect();
    for host in hosts.iter_mut() {
        let Some(clock) = latest(host) else { continue };
        let apart = clocks.iter().filter_map(|(name, other)| {
            let ahead = clock.ahead_of(*other);
            (*name != host.host && ahead.exceeds(2.0 * max_offset)).then_some((name, ahead))
        });
        let apart: Vec<_> = apart.collect();
        let others = clocks.iter().filter(|(name, _)| *name != host.host).count();
        if let Some((name, ahead)) = apart.first().filter(|_| 2 * apart.len() > others) {
            fail(host, Cause::ClockDiffers { source: (*name).clone(), ahead: *ahead });
        }
    }
}

/// Fails a host that has passed so far.
fn fail(host: &mut HostResult, cause: Cause) {
    let (Outcome::Ok, Some(verdict)) = (&host.outcome, &mut host.verdict) else { return };
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

    fn terms(mode: Mode) -> Terms {
        Terms { mode, max_offset: 0.05, set_clock: false }
    }

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
            explained: None,
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
            let agreement = agree(&mut hosts, terms(mode)).unwrap();
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
        agree(&mut hosts, terms(Mode::Verify)).unwrap();
        assert!(hosts.iter().all(|host| host.outcome == Outcome::Ok), "{hosts:#?}");

        for (under_way, fails) in [(0.04, false), (0.0, true)] {
            let mut source = host(Part::Source, 3.0, State::Synchronised);
            source.verdict.as_mut().unwrap().offset = Some(-under_way);
            let mut hosts = [source, host(Part::Client, 3.06, State::Synchronised)];
            agree(&mut hosts, terms(Mode::Verify)).unwrap();
            assert_eq!(!failure(&hosts[1]).is_empty(), fails, "{under_way}");
        }
        assert_eq!(agree(&mut [], terms(Mode::Verify)), None);
    }

    #[test]
    fn without_the_source_hosts_are_held_against_each_other_only() {
        let one = |ahead| host(Part::Client, ahead, State::Synchronised);
        let mut hosts = [one(3.0), one(3.01)];
        let agreement = agree(&mut hosts, terms(Mode::Verify)).unwrap();
        assert!(agreement.agree && hosts.iter().all(|host| host.notes.is_empty()));
        let controller = agreement.controller.unwrap();
        assert!((controller.seconds - 3.005).abs() < 1e-3 && controller.uncertainty > 0.005);

        let mut hosts = [one(3.0), one(8.0)];
        hosts[0].host = "node3".to_owned();
        let agreement = agree(&mut hosts, terms(Mode::Verify)).unwrap();
        assert!(!agreement.agree && agreement.controller.is_none());
        assert!((agreement.spread.unwrap().by.seconds - 5.0).abs() < 1e-3);
        assert!(failure(&hosts[0]).contains("5.0 s ± 2.0 ms behind that of node2"), "{hosts:#?}");
        assert!(failure(&hosts[1]).contains("5.0 s ± 2.0 ms ahead of that of node3"), "{hosts:#?}");

        // Most of them are right. Each may be off by the threshold.
        let mut hosts = [one(3.0), one(8.0), one(3.09)];
        for (number, host) in hosts.iter_mut().enumerate() {
            host.host = format!("node{}", number + 2);
        }
        agree(&mut hosts, terms(Mode::Verify)).unwrap();
        let failed: Vec<bool> = hosts.iter().map(|host| !failure(host).is_empty()).collect();
        assert_eq!(failed, [false, true, false], "{hosts:#?}");
    }

    #[test]
    fn who_leads_is_what_others_are_held_against() {
        let mut lost = host(Part::Source, 0.0, State::Failed);
        lost.outcome = Outcome::Failed(Trouble::new("chronyd is down", "start it"));
        let mut standby = host(Part::Standby, 3.0, State::Local);
        standby.host = "node3".to_owned();
        let mut off = host(Part::Client, 8.0, State::Synchronised);
        off.host = "node4".to_owned();
        let mut hosts = [lost, standby, host(Part::Client, 3.0, State::Synchronised), off];
        agree(&mut hosts, terms(Mode::Verify)).unwrap();
        assert_eq!(failure(&hosts[0]), "chronyd is down");
        assert_eq!([failure(&hosts[1]), failure(&hosts[2])], ["", ""]);
        assert!(failure(&hosts[3]).contains("ahead of that of node3"), "{:?}", hosts[3]);
    }

    #[test]
    fn a_source_that_was_set_from_here_has_the_time_from_here() {
        let set = Terms { set_clock: true, ..terms(Mode::Setup) };
        for (after, terms, note, failed) in [
            (
                0.003,
                set,
                "its clock was set back by 3.0 s from this controller's, and is now 3.0 ms",
                "",
            ),
            (2.9, set, "its clock was set back by 100 ms", "is 2.9 s ± 1.0 ms ahead of it"),
            (2.9, Terms { mode: Mode::Check, ..set }, "its clock was set back by 100 ms", ""),
        ] {
            let mut source = host(Part::Source, 3.0, State::Local);
            source.clock.as_mut().unwrap().after = clock(after, 0.002);
            let mut hosts = [source];
            agree(&mut hosts, terms).unwrap();
            assert!(hosts[0].notes[0].starts_with(note), "{:?}", hosts[0].notes);
            let said = failure(&hosts[0]);
            assert!(said.contains(failed) && said.is_empty() == failed.is_empty(), "{said}");
        }
        assert_eq!(time(clock(0.0, 0.0)), "2023-11-14 22:13:20 UTC");
    }

    #[test]
    fn what_became_of_a_clock_is_told() {
        let mut client = host(Part::Client, -157_766_400.0, State::Synchronised);
        client.clock.as_mut().unwrap().after = clock(3.0, 0.002);
        let mut slewed = host(Part::Client, 2.8, State::Synchronised);
        slewed.clock.as_mut().unwrap().after = clock(3.0, 0.002);
        let mut hosts = [host(Part::Source, 3.0, State::Local), client, slewed];
        agree(&mut hosts, terms(Mode::Setup)).unwrap();
        let notes: Vec<String> = hosts.iter().flat_map(|host| host.notes.clone()).collect();
        assert_eq!(
            notes,
            [
                "its clock is 3.0 s ± 1.0 ms ahead of this controller's: either may be wrong; \
                 `ezsync setup --set-clock` would set it from here",
                "its clock was set forward by 5 y 1 d (157,766,403.0 s)",
                "its clock was moved forward by 200 ms",
            ]
        );
    }
}
