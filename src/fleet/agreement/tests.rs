//! What clocks that differ mean to their hosts.

use std::time::Duration;

use super::*;
use crate::fleet::Trouble;
use crate::plan::{Change, Plan};
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
        left_as: None,
        facts: None,
        plan: Plan::default(),
        applied: false,
        went_back: false,
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
        drift: Vec::new(),
        back: None,
        status: None,
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
        assert!(said.contains(failed) && said.is_empty() == failed.is_empty(), "{ahead}: {said}");
        let found = hosts[1].verdict.as_ref().unwrap().state;
        assert_eq!(found, if failed.is_empty() { state } else { State::Failed });
        assert_eq!(hosts[0].outcome, Outcome::Ok);
        assert_eq!(agreement.agree, ahead > 3.0 && failed.is_empty(), "{ahead}");
    }
}

#[test]
fn a_check_warns_of_clocks_that_would_be_stepped() {
    let note = |ahead: f64, changes: bool, set_clock: bool| {
        let mut client = host(Part::Client, ahead, State::Waiting);
        if changes {
            client.plan.changes.push(Change::default());
        }
        let mut hosts = [host(Part::Source, 0.0, State::Local), client];
        agree(&mut hosts, Terms { set_clock, ..terms(Mode::Check) }).unwrap();
        hosts[1].notes.join(";")
    };
    let forward = "setup would set its clock forward by 1 h 0 min (3,600.0 s)";
    for (ahead, changes, set_clock, said) in [
        (5.0, true, false, "setup would set its clock back by 5.0 s to that of the source node1"),
        (-3600.0, true, false, &format!("{forward} to that of the source node1")),
        (-3600.0, false, true, &format!("{forward} to this controller's")),
        (-3600.0, false, false, ""),
        // 2 ms of uncertainty.
        (1.0015, true, false, ""),
    ] {
        assert_eq!(note(ahead, changes, set_clock), said, "{ahead}");
    }
}

#[test]
fn a_check_says_that_a_clock_need_not_be_set() {
    let note = |ahead: f64, mode: Mode, set_clock: bool| {
        let mut hosts = [host(Part::Source, ahead, State::Local)];
        agree(&mut hosts, Terms { set_clock, ..terms(mode) }).unwrap();
        hosts[0].notes.join(";")
    };
    let said = "setup would not set its clock: it is 20 ms ± 1.0 ms ahead of this controller's, and 50 ms are allowed";
    assert_eq!(note(0.02, Mode::Check, true), said);
    assert_eq!(note(0.02, Mode::Check, false), "");
    assert_eq!(note(0.02, Mode::Setup, true), "");
    assert!(!note(3.0, Mode::Check, true).contains("would not"), "the plan says by how much");
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
