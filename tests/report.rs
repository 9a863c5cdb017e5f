//! Reports compared with what they should look like: `tests/cases/report/NAME.txt`.
//!
//! `UPDATE_CASES=1 cargo test --test report` writes the files anew, for review.

// A test's own helpers may fail loudly; clippy only knows the `#[test]` functions by itself.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ezsync::cluster::FailurePolicy;
use ezsync::exit::Exit;
use ezsync::fleet::{Back, HostResult, Mode, Outcome, Part, Standing, Status, Trouble, spent};
use ezsync::history::{Drift, Since, Thing};
use ezsync::plan::{Change, Plan};
use ezsync::remote::{About, Holder, Unfinished};
use ezsync::report::{Look, Run, archive, last, text};
use ezsync::verify::{Cause, Heard, Silence, State, Verdict};

#[path = "report/merge.rs"]
mod merge;

const WIDE: Look = Look { width: Some(100), diff: true };

/// A host that has ended well and where nothing was to change.
fn host(name: &str, part: Part) -> HostResult {
    HostResult {
        host: name.to_owned(),
        address: "192.0.2.1".to_owned(),
        part,
        outcome: Outcome::Ok,
        left_as: None,
        facts: None,
        plan: Plan { changes: Vec::new(), unchanged: 7 },
        applied: false,
        went_back: false,
        synchronised_after: None,
        verdict: None,
        clock: None,
        explained: None,
        drift: Vec::new(),
        back: None,
        status: None,
        notes: Vec::new(),
        execs: 1,
        seconds: 1.5,
    }
}

fn verdict(state: State, reference: &str, stratum: u8) -> Verdict {
    let local = state == State::Local;
    Verdict {
        state,
        stratum: Some(stratum),
        reference: Some(reference.to_owned()),
        offset: (!local).then_some(12.4e-6),
        bound: (!local).then_some(430e-6),
        timedatectl: if local { "no" } else { "yes" },
        cause: None,
        warnings: Vec::new(),
        notes: Vec::new(),
    }
}

fn local_source(name: &str) -> HostResult {
    let mut source = host(name, Part::Source);
    let mut local = verdict(State::Local, "local", 10);
    local.notes = vec![
        "the cluster agrees with itself, not with UTC: its source serves its own clock".to_owned(),
        "timedatectl says no, as it always does under a `local` clock".to_owned(),
    ];
    source.verdict = Some(local);
    source
}

fn client(name: &str, source: &str, stratum: u8) -> HostResult {
    let mut client = host(name, Part::Client);
    client.verdict = Some(verdict(State::Synchronised, source, stratum));
    client.synchronised_after = Some(4.26);
    client
}

fn change(number: usize, summary: &str, diff: &str) -> Change {
    Change {
        number,
        role: "chrony".to_owned(),
        task: "a task".to_owned(),
        summary: summary.to_owned(),
        diff: diff.to_owned(),
        ..Change::default()
    }
}

fn changing(mut host: HostResult, applied: bool, server: &str) -> HostResult {
    let conf = "/etc/chrony/chrony.conf";
    let diff = format!(
        "--- {conf}\n+++ {conf}\n@@ -1,3 +1,3 @@\n # time\n-pool\tdebian.pool.ntp.org iburst\r\n+server {server} iburst\n rtcsync\n"
    );
    host.plan.unchanged = 4;
    host.plan.changes = vec![
        change(1, "install chrony", ""),
        change(2, &format!("change {conf}"), &diff),
        change(3, "remove /etc/chrony/sources.d/old.sources", ""),
    ];
    host.applied = applied;
    host.plan.changes.iter_mut().for_each(|change| change.done = applied);
    host
}

fn failing(mut host: HostResult, trouble: Trouble) -> HostResult {
    host.outcome = Outcome::Failed(trouble);
    host
}

fn unreachable(name: &str) -> HostResult {
    let trouble = Trouble::new(
        "the TCP connection to 192.0.2.9:22 was refused",
        "see that sshd runs there and listens on that port",
    );
    let plan = Plan::default();
    HostResult { outcome: Outcome::Unreachable(trouble), plan, ..host(name, Part::Client) }
}

fn run(mode: Mode, interrupted: bool, hosts: Vec<HostResult>) -> Run {
    let started = "2026-11-21T03:42:06.123Z".parse().expect("a time");
    Run::new("cluster01", mode, started, 3.21, interrupted, hosts)
}

fn plain(run: &Run, look: &Look) -> String {
    anstream::adapter::strip_str(&text(run, look)).to_string()
}

/// Compares the report of `run` with its file.
fn holds(case: &str, run: &Run, look: &Look) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/report/{case}.txt"));
    let found = plain(run, look);
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, &found).expect("the case file can be written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{case}: found\n{found}\nwanted\n{wanted}");
    // What is printed is read again as it was.
    let json = run.to_json().expect("JSON");
    let again: Run = serde_json::from_str(&json).expect("a run");
    assert_eq!(again.to_json().expect("JSON"), json, "{case}");
    assert_eq!(plain(&again, look), found, "{case}");
    assert!(ezsync::report::Document::parse(case, &json).is_ok(), "{case}");
}

#[test]
fn all_green_with_a_local_source() {
    let clients = ["node2", "node3", "node4"].map(|name| client(name, "10.0.0.1", 11));
    let mut hosts = vec![changing(local_source("node1"), true, "a")];
    hosts.extend(clients.map(|client| changing(client, true, "10.0.0.1")));
    hosts[3].verdict.as_mut().expect("one").offset = Some(-1.24e-3);
    hosts[3].verdict.as_mut().expect("one").bound = Some(2.6e-3);
    for host in &mut hosts {
        host.notes.push("its host key was not known and is now".to_owned());
    }
    let run = run(Mode::Setup, false, hosts);
    holds("local-source", &run, &Look { diff: false, ..WIDE });
    assert_eq!(run.exit(), Exit::Ok);
}

#[test]
fn an_online_source_and_nothing_to_change() {
    let mut source = host("node1", Part::Source);
    source.verdict = Some(verdict(State::Synchronised, "198.51.100.7", 3));
    let hosts = vec![source, client("node2", "10.0.0.1", 4)];
    holds("online-source", &run(Mode::Setup, false, hosts.clone()), &WIDE);
    holds("verify", &run(Mode::Verify, false, hosts), &WIDE);
}

#[test]
fn those_to_blame_stand_before_those_held_back() {
    let held = Trouble::new("the bundle does not do for node3", "see there").held_back();
    let misfit = Trouble::new("the bundle has nothing for debian-11", "make it again");
    let mut hosts = vec![failing(local_source("node1"), held.clone())];
    hosts.push(failing(client("node2", "10.0.0.1", 11), held));
    hosts.push(failing(client("node3", "10.0.0.1", 11), misfit));
    for host in &mut hosts {
        host.verdict = None;
    }
    let run = run(Mode::Setup, false, hosts);
    holds("held-back", &run, &WIDE);
    assert_eq!(run.exit(), Exit::HostFailed);
}

#[test]
fn a_policy_that_is_used_up_is_named_with_those_who_did_it() {
    let held =
        Trouble::new("not begun, since node1 failed, and --max-fail 0 allows no more", "see")
            .held_back();
    let hosts = vec![
        failing(host("node1", Part::Client), Trouble::new("it broke", "mend it")),
        unreachable("node2"),
        failing(host("node3", Part::Client), held),
    ];
    let mut run = run(Mode::Setup, false, hosts);
    let policy = FailurePolicy::parse("50%").expect("a policy");
    run.max_fail = spent(&policy, &run.hosts);
    holds("policy", &run, &WIDE);
    assert_eq!(run.exit(), Exit::HostFailed);
    assert_eq!(run.max_fail.as_ref().map(|spent| spent.allows), Some(1));
    let json: serde_json::Value =
        serde_json::from_str(&run.to_json().expect("JSON")).expect("JSON");
    assert_eq!(json["max_fail"]["failed"], serde_json::json!(["node1", "node2"]));
    // Who was held back is not to blame, and two thirds may fail here.
    let policy = FailurePolicy::parse("67%").expect("a policy");
    assert_eq!(spent(&policy, &run.hosts), None);
}

#[test]
fn a_run_that_was_stopped_at_once_says_in_which_state_each_host_is() {
    let left = |name: &str, standing: Standing| HostResult {
        outcome: Outcome::Interrupted,
        left_as: Some(standing),
        ..host(name, Part::Client)
    };
    let mut hosts = vec![host("node1", Part::Source)];
    hosts.extend((2..5).map(|n| left(&format!("node{n}"), Standing::Unchanged)));
    hosts.push(left("node5", Standing::Staging));
    hosts.extend((6..8).map(|n| left(&format!("node{n}"), Standing::Changing)));
    hosts.push(left("node8", Standing::Changed));
    let run = run(Mode::Setup, true, hosts);
    holds("stopped", &run, &WIDE);
    assert_eq!(run.exit(), Exit::Interrupted);
    assert!(run.to_json().expect("JSON").contains("\"left_as\": \"changing\""));
}

#[test]
fn the_last_run_of_each_host_says_how_it_ended() {
    let state = tempfile::tempdir().expect("a folder");
    let keep = |started: &str, mode: Mode, hosts: Vec<HostResult>| {
        let started = started.parse().expect("a time");
        archive(&Run::new("c1", mode, started, 1.0, false, hosts), state.path()).expect("kept")
    };
    let named = BTreeSet::from(["a", "b", "c", "new"]);
    let last = || {
        let (found, complaints) = last(state.path(), "c1", None, "setup", &named).expect("read");
        let mut found: Vec<String> = found
            .iter()
            .map(|last| format!("{} {} {}", last.host, last.state, last.what))
            .collect();
        found.sort();
        (found, complaints)
    };
    assert_eq!(last(), (Vec::new(), Vec::new()), "nothing is kept");
    let held = Trouble::new("of others", "mend them").held_back();
    keep(
        "2026-11-21T01:00:00Z",
        Mode::Setup,
        vec![
            failing(host("a", Part::Client), Trouble::new("it broke", "mend it")),
            failing(host("b", Part::Client), held),
            host("c", Part::Client),
            host("gone", Part::Client),
        ],
    );
    // One host alone, and modes that change nothing.
    keep("2026-11-21T02:00:00Z", Mode::Setup, vec![host("a", Part::Client)]);
    keep("2026-11-21T03:00:00Z", Mode::Check, vec![host("b", Part::Client)]);
    assert_eq!(
        last(),
        (vec!["a ok ".into(), "b held back of others".into(), "c ok ".into()], vec![])
    );
    // Of an older version, with less in it, and of a newer one.
    let write = |name: &str, text: &str| std::fs::write(state.path().join("c1").join(name), text);
    write(
        "2026-11-21T04-00-00.000Z.json",
        r#"{"mode": "setup", "started": "2026-11-21T04:00:00Z", "more": 1, "hosts": [
            {"host": "c", "outcome": {"state": "unreachable", "trouble": {"other": true}}, "x": []}]}"#,
    )
    .expect("written");
    for (name, text) in [("05", ""), ("06", "{\"mode\": \"setup\"}"), ("07", "\u{fffd}[")] {
        write(&format!("2026-11-21T{name}-00-00.000Z.json"), text).expect("written");
    }
    let (found, complaints) = last();
    assert_eq!(found, ["a ok ", "b held back of others", "c unreachable "]);
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(complaints[0].contains("07-00-00.000Z.json cannot be read: "), "{complaints:?}");
}

#[test]
fn a_standby_that_leads_in_place_of_the_source() {
    let trouble = Trouble::new("chrony.service is not running", "run setup for this host");
    let source = failing(host("node1", Part::Source), trouble);
    let mut standby = host("node2", Part::Standby);
    let mut local = verdict(State::Local, "10.0.0.1", 11);
    local.notes.push("gives the cluster its time in place of the source 10.0.0.1".to_owned());
    standby.verdict = Some(local);
    let mut follower = client("node3", "10.0.0.2", 12);
    let words = "follows the standby 10.0.0.2: the source 10.0.0.1 does not answer".to_owned();
    follower.verdict.as_mut().expect("one").notes.push(words);
    holds("standby-leads", &run(Mode::Verify, false, vec![source, standby, follower]), &WIDE);
}

#[test]
fn clients_without_their_source_and_hosts_without_verification() {
    let clients = vec![client("node2", "10.0.0.1", 4), client("node3", "10.0.0.1", 4)];
    holds("limited", &run(Mode::Setup, false, clients), &WIDE);
    holds("source-alone", &run(Mode::Setup, false, vec![local_source("node1")]), &WIDE);
    let hosts = vec![
        changing(host("node1", Part::Source), true, "a"),
        changing(host("node2", Part::Client), true, "b"),
        host("node3", Part::Client),
    ];
    holds("not-verified", &run(Mode::Setup, false, hosts), &WIDE);
}

#[test]
fn failures_show_what_hosts_said_but_do_as_they_say() {
    let mut undone = failing(
        changing(host("node3", Part::Client), false, "10.0.0.1"),
        Trouble::new(
            "chrony : Install chrony: `install chrony` failed; what had been changed was put back",
            "mend the cause\x1b[2J and run again",
        )
        .log("E: \x1b[31mUnable\x1b[0m to fetch\rall is well\nE: \u{202e}txt.exe\n\ttabbed"),
    );
    undone.notes.push("title \x1b]0;owned\x07".to_owned());
    let mut waiting = client("node4", "10.0.0.1\x1b[8m", 11);
    let Verdict { state, cause, timedatectl, .. } = waiting.verdict.as_mut().expect("one");
    (*state, *timedatectl) = (State::Waiting, "no");
    *cause = Some(Cause::KernelFlag);
    let trouble = Trouble::new(
        "hosts:2:5: two lines\n  2 | node[5:1]",
        "wait 12 s or longer, or run `chronyc makestep` on this host",
    );
    let hosts = vec![
        local_source("node1"),
        unreachable("node2"),
        undone,
        failing(waiting, trouble),
        unreachable("node5"),
    ];
    let run = run(Mode::Setup, false, hosts);
    holds("failed-and-unreachable", &run, &WIDE);
    assert_eq!(run.exit(), Exit::HostFailed, "a failure outranks an unreachable host");
    let coloured = text(&run, &WIDE);
    let foreign = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let stripped = plain(&run, &WIDE);
    assert!(!stripped.contains(foreign), "{stripped:?}");
    assert!(!coloured.contains("\x1b[2J") && !coloured.contains("\x1b[8m"), "{coloured:?}");
    assert!(coloured.contains('\x1b'), "it has colours of its own");
}

#[test]
fn a_check_shows_plans_and_diffs() {
    let hosts = vec![
        host("node1", Part::Source),
        changing(host("node2", Part::Client), false, "10.0.0.1"),
        changing(host("node3", Part::Client), false, "10.0.0.1"),
        changing(host("node4", Part::Client), false, "10.0.0.9"),
    ];
    let run = run(Mode::Check, false, hosts);
    holds("check-with-diffs", &run, &WIDE);
    holds("check", &run, &Look { diff: false, ..WIDE });
    assert_eq!(run.exit(), Exit::Ok);
}

#[test]
fn an_interrupted_run_says_what_was_left() {
    let mut open = host("node2", Part::Client);
    open.outcome = Outcome::Interrupted;
    open.plan = Plan::default();
    let hosts = vec![local_source("node1"), open, unreachable("node3")];
    let run = run(Mode::Setup, true, hosts);
    holds("interrupted", &run, &WIDE);
    assert_eq!(run.exit(), Exit::Interrupted);
}

#[test]
fn many_hosts() {
    let mut hosts = vec![local_source("node01")];
    hosts.extend((2..=30).map(|number| {
        let mut host = client(&format!("node{number:02}"), "10.0.0.1", 11);
        host.notes.push("a container shares its host's clock".to_owned());
        host
    }));
    hosts[16] = unreachable("node17");
    holds("many", &run(Mode::Setup, false, hosts), &Look { width: Some(80), diff: false });
}

#[test]
fn long_names_fit_or_are_shortened() {
    let source = "2001:db8:1234:5678:9abc:def0:1234:5678";
    let long = "storage-node-0001.rack-17.datacentre-north.example.org";
    let hosts = vec![
        local_source("fd00:1234:5678:9abc:def0:1234:5678:1"),
        client(long, source, 11),
        client("日本語のホスト名", source, 11),
    ];
    let run = run(Mode::Setup, false, hosts);
    for width in [None, Some(120), Some(80), Some(50)] {
        let case = width.map_or("long-names".to_owned(), |width| format!("long-names-{width}"));
        holds(&case, &run, &Look { width, diff: false });
    }
}

#[test]
fn exit_codes() {
    let fine = || host("a", Part::Client);
    for (hosts, exit, code) in [
        (vec![fine()], Exit::Ok, 0),
        (vec![fine(), unreachable("b")], Exit::Unreachable, 4),
        (vec![unreachable("b"), failing(fine(), Trouble::new("", ""))], Exit::HostFailed, 2),
    ] {
        let run = run(Mode::Setup, false, hosts);
        assert_eq!((run.exit(), run.exit().code()), (exit, code));
    }
    assert_eq!(run(Mode::Setup, true, vec![fine()]).exit().code(), 99);
    assert_eq!((Exit::Error.code(), Exit::Usage.code()), (1, 5));
}

#[test]
fn a_doctor_tells_causes_and_warnings_once_for_all_hosts() {
    let mut gone = client("node2", "10.0.0.1", 11);
    let Verdict { state, cause, .. } = gone.verdict.as_mut().expect("one");
    *state = State::Waiting;
    let silence = Silence {
        wanted: "the source 10.0.0.1".to_owned(),
        requests: Some(6),
        replies: Some(0),
        from: Some([10, 0, 0, 2].into()),
        allowed: Some(true),
        heard: Heard::Never,
        ..Silence::default()
    };
    let words = Cause::NoReply(silence.clone()).words();
    *cause = Some(Cause::NoReply(silence));
    let gone = failing(gone, Trouble::new(words.what, words.next));
    let mut hosts = vec![local_source("node1"), gone];
    for name in ["node3", "node4"] {
        let mut client = client(name, "10.0.0.1", 11);
        let verdict = client.verdict.as_mut().expect("one");
        verdict.warnings = vec![Cause::HypervisorTime { by: "VMware Tools".to_owned() }];
        hosts.push(client);
    }
    let verdict = hosts[3].verdict.as_mut().expect("one");
    verdict.state = State::FlagOnly;
    let said = "Could not open\x1b[2J /x".to_owned();
    verdict.warnings.push(Cause::DriftNotKept { said });
    let mut unsteered = client("node5", "10.0.0.1", 11);
    unsteered.verdict.as_mut().expect("one").state = State::Unsteered;
    hosts.push(unsteered);
    holds("doctor", &run(Mode::Doctor, false, hosts), &WIDE);
}

#[test]
fn json_has_its_documented_keys() {
    let trouble = Trouble::new("bad \x1b[31m", "next").log("log \x1b[2J");
    let hosts = vec![
        failing(client("node1", "10.0.0.1", 11), trouble),
        changing(host("node2", Part::Client), true, "a"),
    ];
    let json = run(Mode::Setup, false, hosts).to_json().expect("JSON");
    assert!(!json.contains('\x1b') && json.ends_with("}\n"), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let keys = |value: &serde_json::Value| -> String {
        let map = value.as_object().expect("an object");
        map.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        keys(&value),
        "ezsync cluster mode started seconds interrupted exit hosts clocks recap"
    );
    let host = &value["hosts"][0];
    assert_eq!(
        keys(host),
        "host address part outcome facts plan applied went_back synchronised_after verdict clock drift notes execs seconds"
    );
    assert_eq!(keys(&host["outcome"]), "state trouble");
    assert_eq!(keys(&host["outcome"]["trouble"]), "what next log");
    assert_eq!(
        keys(&host["verdict"]),
        "state stratum reference offset bound timedatectl cause warnings notes"
    );
    assert_eq!(keys(&host["plan"]), "changes unchanged");
    assert_eq!(
        keys(&value["hosts"][1]["plan"]["changes"][0]),
        "number role task summary diff handler done"
    );
    assert_eq!(value["started"], "2026-11-21T03:42:06.123Z");
    assert_eq!((&value["mode"], &value["exit"]), (&"setup".into(), &2.into()));
    assert_eq!(host["outcome"]["state"], "failed");
    assert_eq!(host["outcome"]["trouble"]["what"], "bad \x1b[31m");
    let recap = serde_json::json!({
        "ok": 7, "changed": 3, "unreachable": 0, "failed": 0, "held_back": 0
    });
    assert_eq!(value["recap"]["node2"], recap);
}

#[test]
fn the_newest_runs_are_kept_and_nobody_else_reads_them() {
    let state = tempfile::tempdir().expect("a folder");
    let folder = state.path().join("ezsync/cluster01");
    let mut run = run(Mode::Verify, false, vec![local_source("node1")]);
    let first = archive(&run, &state.path().join("ezsync")).expect("it is written");
    assert_eq!(first, folder.join("2026-11-21T03-42-06.123Z.verify.json"));
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&first)), (0o700, 0o600));
    assert_eq!(std::fs::read_to_string(&first).expect("text"), run.to_json().expect("JSON"));

    // Somebody has opened the folder meanwhile.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("opened");
    std::fs::write(folder.join("0.json"), "mine").expect("written");
    // What older versions kept did not say what it was, and goes with the others.
    std::fs::write(folder.join("2026-11-20T00-00-00.000Z.json"), "old").expect("written");
    let mut setup = run.clone();
    setup.mode = Mode::Setup;
    let setup = archive(&setup, &state.path().join("ezsync")).expect("it is written");
    for _ in 0..50 {
        run.started += jiff::SignedDuration::from_millis(1);
        archive(&run, &state.path().join("ezsync")).expect("it is written");
    }
    assert_eq!(mode(&folder), 0o700);
    let entries = std::fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(
        (entries, first.exists()),
        (52, false),
        "50 looks, a setup and one that is not ours"
    );
    let newest = folder.join("2026-11-21T03-42-06.173Z.verify.json");
    assert!(newest.exists() && folder.join("0.json").exists() && setup.exists());

    std::fs::write(state.path().join("file"), "").expect("written");
    assert!(archive(&run, &state.path().join("file")).is_err());
}

#[test]
fn clocks_are_held_against_the_controller() {
    use ezsync::fleet::{Agreement, Spread};
    use ezsync::verify::{Clock, ClockOffset, Measure};
    use std::time::Duration;

    let read = |mut host: HostResult, printed: &str| {
        let sent = Duration::from_secs(1_700_000_000);
        let read = ClockOffset::read(printed, sent, sent + Duration::from_millis(2));
        host.clock = read.map(Clock::new);
        host
    };
    let mut set = client("node2", "10.0.0.1", 11);
    set.notes.push("its clock was set back by 4 y 1 d (126,230,400.0 s)".to_owned());
    let hosts = vec![
        read(local_source("node1"), "1699999996.900000000"),
        read(set, "1699999996.900400000"),
        read(client("node3", "10.0.0.1", 11), "1600000000"),
        unreachable("node4"),
    ];
    let mut run = run(Mode::Setup, false, hosts);
    let controller = Some(Measure { seconds: -3.101, uncertainty: 0.001 });
    let by = |seconds| Spread {
        ahead: "node2".to_owned(),
        behind: "node3\x1b[2J".to_owned(),
        by: Measure { seconds, uncertainty: 0.0012 },
    };
    run.clocks = Some(Agreement { agree: true, spread: Some(by(0.0008)), controller });
    holds("clocks-agree", &run, &WIDE);
    holds("clocks-narrow", &run, &Look { width: Some(80), diff: false });
    run.clocks = Some(Agreement { agree: false, spread: Some(by(99_999_996.9)), controller });
    holds("clocks-differ", &run, &WIDE);
    run.clocks = Some(Agreement { agree: true, spread: None, controller });
    assert!(
        plain(&run, &WIDE).contains("\nthe clock is 3.1 s ± 1.0 ms behind this controller's\n")
    );
    // What is no more than its uncertainty is no fact.
    let noise = Measure { seconds: 0.027, uncertainty: 0.028 };
    let spread = Some(Spread { by: noise, ..by(0.0) });
    for (spread, said) in [
        (None, "the clock is within 55 ms of this controller's"),
        (
            spread,
            "clocks agree within 55 ms, as far as can be read from here; they are within 55 ms of this controller's",
        ),
    ] {
        run.clocks = Some(Agreement { agree: true, spread, controller: Some(noise) });
        let text = plain(&run, &WIDE);
        assert!(text.contains(&format!("\n{said}\n")), "{text}");
    }
}

/// A host in a look at what ezsync did there.
fn known(name: &str, change: u64, would_change: usize) -> HostResult {
    let about = About {
        number: change,
        at: Some(1_795_230_000),
        by: "ops@bastion".to_owned(),
        ezsync: "0.1.0".to_owned(),
        cluster: "cluster01".to_owned(),
        run: "20261121T150000.000000Z".to_owned(),
        stays: Vec::new(),
    };
    let digest = |digit: char| digit.to_string().repeat(64);
    let status = Status {
        change: (change > 0).then_some(about),
        desired: digest('a'),
        actual: digest(if would_change == 0 { 'a' } else { 'b' }),
        would_change: Some(would_change),
        unfinished: Vec::new(),
        lock: None,
        changes: Vec::new(),
    };
    HostResult { status: Some(Box::new(status)), ..host(name, Part::Client) }
}

fn drift(name: &str, differs: &str, diff: &str) -> Drift {
    Drift {
        thing: if name.starts_with('/') { Thing::Path } else { Thing::Unit },
        name: name.to_owned(),
        differs: vec![differs.to_owned()],
        since: Since { change: 2, at: 1_795_230_000, by: "ops@bastion".to_owned() },
        is_edited: true,
        diff: diff.to_owned(),
    }
}

const EDITED: &str = "--- /etc/chrony/chrony.conf\n+++ /etc/chrony/chrony.conf\n@@ -1,2 +1,2 @@\n-server 10.0.0.1 iburst\n+server 10.9.9.9 iburst\n rtcsync\n";

#[test]
fn a_status_of_hosts_in_step_ends_well() {
    let run = run(Mode::Status, false, vec![known("node1", 3, 0), known("node2", 12, 0)]);
    holds("status", &run, &WIDE);
    assert_eq!(run.exit(), Exit::Ok);
}

#[test]
fn a_status_shows_what_is_not_as_it_should_be() {
    let mut drifted = known("node1", 3, 1);
    drifted.drift = vec![
        drift("/etc/chrony/chrony.conf", "content", EDITED),
        drift("chrony", "does not run", ""),
    ];
    drifted.plan.changes = vec![change(1, "change /etc/chrony/chrony.conf", "")];
    let mut twin = known("node2", 2, 1);
    twin.drift.clone_from(&drifted.drift);
    twin.plan = drifted.plan.clone();
    let mut busy = known("node3", 3, 0);
    let by = "eve@\u{1b}[31mlaptop".to_owned();
    let lock = Holder { by, age: Some(75), alive: true };
    busy.status.as_mut().expect("one").lock = Some(lock);
    let mut cut = known("node4", 3, 0);
    cut.status.as_mut().expect("one").unfinished = vec![Unfinished::Begun];
    let fresh = changing(known("node5", 0, 3), false, "10.0.0.1");
    let mut moved = known("node6", 1, 2);
    let change = moved.status.as_mut().expect("one").change.as_mut().expect("one");
    change.cluster = "lab2".to_owned();
    let hosts = vec![drifted, twin, busy, cut, fresh, moved, unreachable("node7")];
    let run = run(Mode::Status, false, hosts);
    holds("status-odd", &run, &WIDE);
    holds("status-odd-brief", &run, &Look { width: Some(80), diff: false });
    assert_eq!(run.exit(), Exit::HostFailed);
    let json = run.to_json().expect("it is JSON");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["mode"], "status");
    assert_eq!(json["hosts"][0]["drift"][0]["thing"], "path");
    assert_eq!(json["hosts"][0]["drift"][0]["since"]["change"], 2);
    assert_eq!(json["hosts"][3]["status"]["unfinished"][0], "begun");
}

#[test]
fn one_host_out_of_step_is_told_by_the_exit_code() {
    let run = |host: HostResult| run(Mode::Status, false, vec![known("node1", 3, 0), host]);
    assert_eq!(run(known("node2", 3, 1)).exit(), Exit::HostFailed);
    let drifted = HostResult { drift: vec![drift("chrony", "runs", "")], ..known("node2", 3, 0) };
    assert_eq!(run(drifted).exit(), Exit::HostFailed);
    let mut cut = known("node2", 3, 0);
    cut.status.as_mut().expect("one").unfinished = vec![Unfinished::Staged];
    assert_eq!(run(cut).exit(), Exit::HostFailed);
}

#[test]
fn a_setup_that_would_lose_an_edit_shows_it() {
    let mut host = changing(host("node2", Part::Client), false, "10.0.0.1");
    host.drift = vec![drift("/etc/chrony/chrony.conf", "content", EDITED)];
    let trouble = Trouble::new("somebody else has changed it", "run again with --force");
    let brief = Look { width: Some(100), diff: false };
    holds("drift-refused", &run(Mode::Setup, false, vec![failing(host, trouble)]), &brief);
}

#[test]
fn a_way_back_ends_with_the_next_step() {
    let went = |name: &str, applied: bool| {
        let mut host = host(name, Part::Node);
        host.plan.changes = vec![
            change(1, "put back /etc/chrony/chrony.conf", EDITED),
            change(2, "remove /etc/chrony/chrony.keys", ""),
            change(3, "restart chrony", ""),
        ];
        host.plan.changes.iter_mut().for_each(|change| change.done = applied);
        host.plan.unchanged = 1;
        let about = |number: u64, cluster: &str| About {
            number,
            at: Some(1_795_230_000),
            by: "ops@bastion".to_owned(),
            cluster: cluster.to_owned(),
            ..About::default()
        };
        let to = (name == "node1").then(|| about(2, "lab2"));
        let back = Some(Box::new(Back { from: Some(about(3, "cluster01")), to }));
        HostResult { applied, back, ..host }
    };
    let mut nothing = host("node3", Part::Node);
    nothing.plan.unchanged = 0;
    nothing.notes = vec!["ezsync has changed nothing here that it could go back from".to_owned()];
    let refused =
        failing(went("node4", false), Trouble::new("somebody else has changed it", "save it"));
    let hosts = |applied| {
        vec![went("node1", applied), went("node2", applied), nothing.clone(), refused.clone()]
    };
    holds("rollback", &run(Mode::Rollback, false, hosts(true)), &WIDE);
    holds("rollback-check", &run(Mode::RollbackCheck, false, hosts(false)), &WIDE);
}
