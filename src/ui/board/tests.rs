//! The board and the plain lines, from the same events.

use super::super::plain::Plain;
use super::*;
use crate::fleet::{HostResult, Judged, Part, Trouble};
use crate::plan::{Change, Plan};
use crate::verify::{Cause, Silence, State, Verdict};

fn event(host: &str, doing: Doing) -> Event {
    Event { host: host.to_owned(), doing }
}

fn judged(host: &str, state: State, cause: Option<Cause>) -> Event {
    after(20, host, state, cause)
}

fn after(seconds: u64, host: &str, state: State, cause: Option<Cause>) -> Event {
    let watched = Duration::from_secs(seconds);
    let patience = Duration::from_secs(60);
    event(host, Doing::Verifying(Some(Judged { state, cause, watched, patience })))
}

/// A source that does not speak is not to blame before it has had its time.
#[test]
fn a_first_answer_is_waited_for_before_a_fault_is_looked_for() {
    let silent = |seconds, silent| {
        let wanted = "the source 10.0.0.1".to_owned();
        let cause = Cause::NoReply(Silence { wanted, silent, ..Silence::default() });
        after(seconds, "b", State::Waiting, Some(cause))
    };
    let mut plain = Plain::new(false);
    let events = [silent(0, None), silent(14, None), silent(15, None), silent(16, None)];
    let mut lines: Vec<String> = events.iter().flat_map(|event| plain.lines(event)).collect();
    // One that has fallen silent has spoken before.
    lines.extend(Plain::new(false).lines(&silent(1, Some(90.0))));
    assert_eq!(
        lines,
        [
            "b: verifying, up to 60 s: waiting for the first answer of the source 10.0.0.1",
            "b: verifying, up to 60 s: no answer from the source 10.0.0.1, UDP port 123 (reach 0)",
            "b: verifying, up to 60 s: no answer from the source 10.0.0.1, UDP port 123 (for 90 s)",
        ]
    );
}

fn late(correction: f64) -> Option<Cause> {
    Some(Cause::Slewing { correction, allowed: 0.05, steered: true })
}

fn done(host: &str, outcome: Outcome, changes: usize, applied: bool) -> Event {
    let mut facts = crate::facts::Facts::typical(crate::facts::Platform::Debian);
    facts.pretty_name = "Debian\x1b[31m 12".to_owned();
    facts.chrony.installed = true;
    facts.chrony.version = "4.3".to_owned();
    let result = HostResult {
        host: host.to_owned(),
        address: String::new(),
        part: Part::Client,
        outcome,
        left_as: None,
        facts: Some(facts),
        plan: Plan { changes: vec![Change::default(); changes], unchanged: 0 },
        applied,
        went_back: false,
        synchronised_after: None,
        verdict: None,
        clock: None,
        explained: None,
        drift: Vec::new(),
        back: None,
        status: None,
        notes: Vec::new(),
        execs: 0,
        seconds: 0.0,
    };
    event(host, Doing::Done(Box::new(result)))
}

fn trouble(what: &str) -> Trouble {
    Trouble::new(what, "")
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("node{number}")).collect()
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn plain_lines_tell_what_means_something_and_only_once() {
    let mut synchronised = done("b", Outcome::Ok, 2, true);
    if let Doing::Done(result) = &mut synchronised.doing {
        result.verdict = Some(Verdict {
            state: State::Synchronised,
            stratum: None,
            reference: None,
            offset: None,
            bound: None,
            timedatectl: "yes",
            cause: None,
            warnings: Vec::new(),
            notes: Vec::new(),
        });
    }
    let events = [
        event("b", Doing::Connecting("root@b:22".to_owned())),
        event("b", Doing::Probing),
        event("b", Doing::Planned(2)),
        event("b", Doing::Sending { sent: 0, total: 2_950_001 }),
        event("b", Doing::Sending { sent: 131_072, total: 2_950_001 }),
        event("b", Doing::Sending { sent: 2_950_001, total: 2_950_001 }),
        event("b", Doing::Sending { sent: 0, total: 63_000_000 }),
        event("b", Doing::Changing("install chrony\x1b[2J".to_owned())),
        event("b", Doing::WaitingForSource),
        event("b", Doing::Verifying(None)),
        judged("b", State::Waiting, None),
        judged("b", State::Waiting, None),
        judged("c", State::Waiting, late(1.0)),
        judged("c", State::Waiting, late(2.0)),
        judged("b", State::Synchronised, None),
        synchronised,
        done("c", Outcome::Failed(trouble("no\x07 room\nsecond line")), 2, false),
        done("d", Outcome::Unreachable(trouble("refused")), 0, false),
        done("e", Outcome::Interrupted, 0, false),
        done("f", Outcome::Ok, 0, false),
        done("g", Outcome::Ok, 3, false),
    ];
    let lines = |verbose: bool| -> String {
        let mut plain = Plain::new(verbose);
        events.iter().flat_map(|event| plain.lines(event)).map(|line| line + "\n").collect()
    };
    assert_eq!(
        lines(false),
        "b: sending 3.0 MB\n\
         b: sending 63.0 MB\n\
         b: install chrony\\x1b[2J\n\
         b: waits for the time source\n\
         b: verifying, up to 60 s: not yet synchronised\n\
         c: verifying, up to 60 s: the clock is still 1.0 s off (50 ms is allowed) and is being slewed\n\
         b: done, 2 changed, synchronised\n\
         c: failed: no\\x07 room\n\
         d: unreachable: refused\n\
         e: interrupted\n\
         f: done, nothing changed\n\
         g: done, 3 planned\n"
    );
    let verbose = lines(true);
    assert!(verbose.starts_with("b: connecting to root@b:22\nb: 2 changes planned\n"), "{verbose}");
    assert!(verbose.contains("g: Debian\\x1b[31m 12, systemd, chrony 4.3\ng: done"), "{verbose}");
}

#[test]
fn all_hosts_are_shown_in_order_when_there_is_room() {
    let now = Instant::now();
    let mut board = Board::new(&names(10), now);
    board.apply(&event("node10", Doing::Probing), now);
    board.apply(&done("node2", Outcome::Ok, 2, true), now);
    board.apply(&event("stranger", Doing::Probing), now);
    let lines = board.lines(10, 80, now);
    assert_eq!(lines.len(), 10);
    assert_eq!(
        [&texts(&lines)[..2], &texts(&lines)[9..]].concat(),
        ["node1   waiting", "node2   done, 2 changed", "node10  probing"]
    );
    assert_eq!(board.summary(80, now), "1/10, 0 s: 1 done, 1 probing, 8 waiting");
}

#[test]
fn a_small_screen_shows_failures_and_the_slowest() {
    let begun = Instant::now();
    let mut board = Board::new(&names(100), begun);
    for number in 1..=60 {
        let later = begun + Duration::from_millis(100 - number);
        board.apply(
            &event(&format!("node{number}"), Doing::Connecting("root@b:22".to_owned())),
            later,
        );
    }
    for number in 1..=20 {
        board.apply(&done(&format!("node{number}"), Outcome::Ok, 0, false), begun);
    }
    for number in 21..=40 {
        let outcome = Outcome::Failed(trouble("no room"));
        board.apply(&done(&format!("node{number}"), outcome, 0, false), begun);
    }
    let now = begun + Duration::from_secs(7);
    let lines = board.lines(9, 22, now);
    assert_eq!(
        texts(&lines),
        [
            "node21  failed: no ro…",
            "node22  failed: no ro…",
            "node23  failed: no ro…",
            "node60  connecting (6…",
            "node59  connecting (6…",
            "node58  connecting (6…",
            "node57  connecting (6…",
            "node56  connecting (6…",
            "node55  connecting (6…",
        ]
    );
    assert_eq!(board.lines(9, 80, now)[3].text, "node60  connecting (6 s)");
    assert_eq!(
        board.summary(80, now),
        "40/100, 7 s: 20 done, 20 failed, 20 connecting, 40 waiting"
    );
}

/// Where a cable is cut nothing comes any more for most of a minute.
#[test]
fn a_host_that_has_fallen_silent_shows_since_when() {
    let begun = Instant::now();
    let after = |seconds| begun + Duration::from_secs(seconds);
    let mut board = Board::new(&names(3), begun);
    board.apply(&event("node1", Doing::Changing("restart chrony".to_owned())), begun);
    board.apply(&event("node2", Doing::WaitingForSource), begun);
    board.apply(&event("node3", Doing::Verifying(None)), begun);
    board.apply(&judged("node3", State::Waiting, late(1.0)), after(25));
    let shown = |seconds| board.lines(5, 80, after(seconds)).into_iter().map(|line| line.text);
    assert_eq!(
        shown(9).collect::<Vec<_>>()[..2],
        ["node1  restart chrony (9 s)", "node2  waits for the time source (9 s)"]
    );
    assert_eq!(
        shown(31).collect::<Vec<_>>(),
        [
            "node1  restart chrony (31 s, silent for 31 s)",
            "node2  waits for the time source (31 s)",
            "node3  verifying: not yet synchronised (31 s)",
        ]
    );
    let last = shown(36).next_back().unwrap();
    assert_eq!(last, "node3  verifying: not yet synchronised (36 s, silent for 11 s)");
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let now = Instant::now();
    let long = ["日本".repeat(30), "x".repeat(100), "a\x1bb".to_owned()];
    let board = Board::new(&long, now);
    for columns in [0, 1, 7, 39, 80] {
        for line in board.lines(5, columns, now) {
            assert!(line.text.width() <= columns.max(1), "{columns}: {:?}", line.text);
            assert!(!line.text.contains('\x1b'));
        }
        assert!(board.summary(columns, now).width() <= columns.max(1));
    }
}
