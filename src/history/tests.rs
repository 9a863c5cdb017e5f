use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::desired::{Desired, Step};
use crate::problem::Place;
use crate::resource::{self, Account, Args, Observed, PathState, UnitState};

/// What tasks with these modules and arguments want.
fn desired(tasks: &[(&str, Value)]) -> Desired {
    let step = |(module, args): &(&str, Value)| {
        let Value::Object(args) = args.clone() else { panic!("arguments are a map") };
        let place = Place::in_source("tasks.yml", "", 0, 0);
        Step {
            role: "role".to_owned(),
            task: (*module).to_owned(),
            resource: resource::make(module, Args::new(module, args, place)).unwrap(),
            notify: Vec::new(),
        }
    };
    Desired { steps: tasks.iter().map(step).collect(), ..Desired::default() }
}

fn wishes(tasks: &[(&str, Value)]) -> Wishes {
    Wishes::of(&desired(tasks))
}

fn root() -> Account {
    Account { name: "root".to_owned(), number: 0 }
}

/// A file of root's with this mode.
fn file(text: &str, mode: u32) -> PathState {
    PathState {
        kind: "regular file".to_owned(),
        mode,
        owner: root(),
        group: root(),
        size: text.len() as u64,
        content: Some(text.as_bytes().to_vec()),
    }
}

fn unit(active: bool, enabled: bool) -> UnitState {
    UnitState {
        exists: true,
        active,
        enabled: Some(enabled),
        condition: true,
        ..UnitState::default()
    }
}

fn stamp(change: u64) -> Stamp {
    let by = format!("op{change}@here");
    Stamp { cluster: "c1".to_owned(), change, at: 1000 + i64::try_from(change).unwrap(), by }
}

/// What chrony's role wants, roughly.
fn usual(text: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("package", json!({"name": "chrony"})),
        (
            "template",
            json!({"dest": "/etc/c.conf", "content": text, "mode": "0644", "owner": "root"}),
        ),
        ("copy", json!({"dest": "/etc/c.keys", "content": "secret\n", "mode": "0640"})),
        ("file", json!({"path": "/etc/c.d", "state": "directory", "group": "0"})),
        ("file", json!({"path": "/etc/c.old", "state": "absent"})),
        ("service", json!({"name": "timesyncd", "state": "stopped", "enabled": false})),
        ("timezone", json!({"name": "UTC"})),
        ("service", json!({"name": "chrony", "state": "started", "enabled": true})),
        ("command", json!({"cmd": "true"})),
    ]
}

/// A host that is as [`usual`] wants it.
fn host(text: &str) -> Observed {
    let folder = PathState { kind: "directory".to_owned(), content: None, ..file("", 0o755) };
    Observed {
        packages: HashMap::from([("chrony".to_owned(), "4.3".to_owned())]),
        paths: HashMap::from([
            ("/etc/c.conf".to_owned(), file(text, 0o644)),
            ("/etc/c.keys".to_owned(), file("secret\n", 0o640)),
            ("/etc/c.d".to_owned(), folder),
        ]),
        units: HashMap::from([
            ("timesyncd".to_owned(), unit(false, false)),
            ("chrony".to_owned(), unit(true, true)),
        ]),
        timezone: Some("UTC".to_owned()),
        ..Observed::default()
    }
}

#[test]
fn a_record_keeps_what_was_wanted_and_survives_its_own_text() {
    let wanted = wishes(&usual("one\n"));
    let record = Record::next(None, &wanted, &Observed::default(), &stamp(1));
    assert_eq!(record.wishes(), wanted);
    assert_eq!(record.digest, wanted.digest());
    let text = record.to_json();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains("secret"), "only its digest: {text}");
    assert_eq!(Record::parse(&text).unwrap(), record);
    let json: Value = serde_json::from_str(&text).unwrap();
    let file = json!({
        "kind": "file",
        // printf 'one\n' | sha256sum
        "sha256": "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806",
        "mode": "0644",
        "owner": "root",
        "since": {"change": 1, "at": 1001, "by": "op1@here"},
    });
    assert_eq!(json["paths"]["/etc/c.conf"], file);
    assert_eq!(json["paths"]["/etc/c.old"]["kind"], "absent");
    assert_eq!(json["units"]["timesyncd"]["active"], false);
    assert_eq!(json["timezone"]["name"], "UTC");
    assert_eq!(json["version"], 1);
    assert!(record.wrote("/etc/c.conf") && !record.wrote("/etc/c.d") && !record.wrote("/etc/x"));
}

#[test]
fn a_part_keeps_the_rest_and_what_is_the_same_keeps_its_age() {
    let first = Record::next(None, &wishes(&usual("one\n")), &Observed::default(), &stamp(1));
    let part = [
        (
            "template",
            json!({"dest": "/etc/c.conf", "content": "two\n", "mode": "0644", "owner": "root"}),
        ),
        ("service", json!({"name": "chrony", "state": "started", "enabled": true})),
    ];
    let second = Record::next(Some(&first), &wishes(&part), &host("one\n"), &stamp(2));
    let since = |record: &Record, path: &str| record.managed.paths[path].since.change;
    assert_eq!((since(&second, "/etc/c.conf"), since(&second, "/etc/c.keys")), (2, 1));
    assert_eq!(second.managed.units["chrony"].since.change, 1);
    assert_eq!((second.change, second.by.as_str(), second.at), (2, "op2@here", 1002));
    // Who runs everything with the same wishes finds nothing to do.
    assert_eq!(second.digest, wishes(&usual("two\n")).digest());
    assert_ne!(second.digest, first.digest);
}

#[test]
fn only_packages_that_came_by_ezsync_are_called_installed() {
    let wanted = wishes(&[("package", json!({"name": ["a", "b"]}))]);
    let packages = HashMap::from([("a".to_owned(), "1".to_owned())]);
    let before = Observed { packages, ..Observed::default() };
    let first = Record::next(None, &wanted, &before, &stamp(1));
    assert_eq!(first.installed().collect::<Vec<_>>(), ["b"]);
    // Later it is there, and came by ezsync all the same.
    let packages = HashMap::from([("a".into(), "1".into()), ("b".into(), "1".into())]);
    let after = Observed { packages, ..Observed::default() };
    let second = Record::next(Some(&first), &wanted, &after, &stamp(2));
    assert_eq!(second.installed().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_record_that_says_nothing_is_told_from_a_newer_one() {
    for text in ["", "{", "[]", "null", "{\"version\": \"x\"}", "{\"version\": 1}", "\0\u{1b}[31m"]
    {
        assert!(matches!(Record::parse(text), Err(Unreadable::Damaged(_))), "{text:?}");
    }
    let newer = Record::parse("{\"version\": 2, \"paths\": 7}").unwrap_err();
    assert_eq!(newer, Unreadable::Newer(2));
    assert!(newer.to_string().contains("a newer ezsync"), "{newer}");
    // What this version does not know it does not mind.
    let record = Record::next(None, &wishes(&usual("x")), &Observed::default(), &stamp(1));
    let text = record.to_json().replacen('{', "{\"more\": [1], ", 1);
    assert_eq!(Record::parse(&text).unwrap(), record);
}

/// The words of all that has drifted where `change` was made by hand.
fn drifted(wanted: &Wishes, change: impl FnOnce(&mut Observed)) -> Vec<String> {
    let record = Record::next(None, &wishes(&usual("one\n")), &Observed::default(), &stamp(1));
    let mut observed = host("one\n");
    change(&mut observed);
    drifts(&record, wanted, &observed).iter().map(Drift::words).collect()
}

#[test]
fn drift_is_what_differs_from_the_record() {
    let wanted = wishes(&usual("one\n"));
    let edit = |path: &'static str, to: fn(&mut PathState)| {
        move |host: &mut Observed| to(host.paths.get_mut(path).unwrap())
    };
    let drifted = |change: &dyn Fn(&mut Observed)| drifted(&wanted, change);
    assert!(drifted(&|_| ()).is_empty());
    let none: [&str; 0] = [];
    assert_eq!(
        drifted(&edit("/etc/c.conf", |file| file.content = Some(b"two\n".to_vec()))),
        ["/etc/c.conf: content"]
    );
    // Too many bytes to be fetched.
    assert_eq!(drifted(&edit("/etc/c.conf", |file| file.content = None)), ["/etc/c.conf: content"]);
    assert_eq!(
        drifted(&edit("/etc/c.conf", |file| {
            file.mode = 0o600;
            file.owner = Account { name: "bin".to_owned(), number: 2 };
        })),
        ["/etc/c.conf: mode 0600, not 0644, owner bin, not root"]
    );
    // Nothing was said of who owns the keys.
    assert_eq!(drifted(&edit("/etc/c.keys", |file| file.owner.name = "bin".to_owned())), none);
    // By number, it is still root's.
    assert_eq!(drifted(&edit("/etc/c.d", |file| file.group.name = "wheel".to_owned())), none);
    assert_eq!(
        drifted(&edit("/etc/c.d", |file| file.kind = "regular file".to_owned())),
        ["/etc/c.d: is a file"]
    );
    assert_eq!(
        drifted(&|host| drop(host.paths.remove("/etc/c.keys"))),
        ["/etc/c.keys: was removed"]
    );
    assert_eq!(
        drifted(&|host| drop(host.paths.insert("/etc/c.old".to_owned(), file("x", 0o644)))),
        ["/etc/c.old: is there again"]
    );
    assert_eq!(
        drifted(&|host| drop(host.units.insert("chrony".to_owned(), unit(false, false)))),
        ["service chrony: does not run, does not start at boot"]
    );
    assert_eq!(
        drifted(&|host| drop(host.units.insert("timesyncd".to_owned(), unit(true, false)))),
        ["service timesyncd: runs"]
    );
    // What is gone altogether neither runs nor starts.
    assert_eq!(drifted(&|host| drop(host.units.remove("timesyncd"))), none);
    // Its own condition keeps it from starting.
    let held = UnitState { condition: false, ..unit(false, true) };
    assert_eq!(drifted(&|host| drop(host.units.insert("chrony".to_owned(), held.clone()))), none);
    assert_eq!(drifted(&|host| host.packages.clear()), ["package chrony: was removed"]);
    assert_eq!(
        drifted(&|host| host.timezone = Some("Asia/Tokyo".to_owned())),
        ["time zone: Asia/Tokyo, not UTC"]
    );
}

#[test]
fn what_is_wanted_by_now_is_no_drift() {
    let edit = |host: &mut Observed| {
        host.paths.insert("/etc/c.conf".to_owned(), file("two\n", 0o644));
    };
    assert_eq!(drifted(&wishes(&usual("two\n")), edit), [""; 0]);
    assert_eq!(drifted(&wishes(&usual("three\n")), edit), ["/etc/c.conf: content"]);
    // What no role speaks of any more is still known.
    assert_eq!(drifted(&Wishes::default(), edit), ["/etc/c.conf: content"]);
}

#[test]
fn wishes_are_met_when_the_digests_are_equal() {
    let wanted = wishes(&usual("one\n"));
    assert_eq!(wanted.actual(&host("one\n")).digest(), wanted.digest());
    assert_ne!(wanted.actual(&host("two\n")).digest(), wanted.digest());
}
