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

fn journal(lines: &[&str]) -> Journal {
    Journal::parse(&lines.join("\n")).unwrap()
}

/// What chrony's role does to a fresh host, roughly.
fn first_change() -> Journal {
    journal(&[
        "package\tchrony",
        "clock\t-1.5\t-2",
        "made\t/etc/c.d",
        "path\t/etc/c.conf\tsaved/1",
        "path\t/etc/c.keys\t-",
        "path\t/etc/c.conf\tsaved/2",
        "attributes\t/etc/c.log\t600\t0\t7",
        "attributes\t/etc/c.conf\t600\t0\t7",
        "unit\ttimesyncd\tyes\tno\tyes",
        "unit\tchrony\tyes\tyes\tno",
        "unit\ttimesyncd\tyes\tyes\tno",
        "",
    ])
}

#[test]
fn a_journal_tells_what_stood_there_before_the_change() {
    let journal = first_change();
    let saved = Some("saved/1".to_owned());
    let paths = [("/etc/c.conf".to_owned(), saved), ("/etc/c.keys".to_owned(), None)];
    assert_eq!(journal.paths, paths, "the first word on a path counts");
    assert_eq!(journal.made, ["/etc/c.d"]);
    assert_eq!(journal.packages, ["chrony"]);
    assert_eq!(journal.attributes.len(), 1, "what is put back whole has its attributes");
    let all = Stood { active: true, enabled: true, masked: false };
    let units = [("timesyncd".to_owned(), all), ("chrony".to_owned(), all)];
    assert_eq!(journal.units, units, "the last word on a service counts");
}

#[test]
fn a_journal_that_is_not_ours_is_refused() {
    for line in [
        "path\t/etc/x",
        "path\tetc/x\t-",
        "path\t/etc/../x\t-",
        "path\t/\t-",
        "path\t/etc/x\t/etc/shadow",
        "path\t/etc/x\tsaved/../../x",
        "path\t/etc/x\tsaved/",
        "path\t/etc/x\tsaved/.",
        "path\t/etc/\u{1b}[31m\t-",
        "made\tx",
        "attributes\t/x\t0644\troot\t0",
        "attributes\t/x\t0644\t0",
        "unit\t-x\tyes\tyes\tno",
        "unit\ta b\tyes\tyes\tno",
        "unit\tx\tyes\tyes",
        "unit\tx\tyes\tyes\tperhaps",
        "surprise\tx",
        "rubbish",
    ] {
        assert_eq!(Journal::parse(&format!("made\t/x\n{line}\n")), Err(line.to_owned()));
    }
}

/// The host of [`first_change`] after it: `chrony` runs, `timesyncd` does not.
fn changed_host() -> Observed {
    let mut host = host("one\n");
    for (path, state) in [
        ("/var/lib/ezsync/changes/1/saved/1", file("distribution\n", 0o644)),
        ("/var/lib/ezsync/written/etc/c.conf", file("one\n", 0o644)),
        ("/var/lib/ezsync/written/etc/c.keys", file("secret\n", 0o640)),
        ("/etc/c.log", file("", 0o644)),
    ] {
        host.paths.insert(path.to_owned(), state);
    }
    host
}

/// Each change of a plan: what it says, and what it runs.
fn said(plan: &crate::plan::Plan) -> Vec<String> {
    let words = |change: &crate::plan::Change| {
        let call = change.work.activate.as_ref().unwrap();
        format!("{}: {} {}", change.summary, call.function, call.args.join(" "))
    };
    plan.changes.iter().map(words).collect()
}

#[test]
fn the_way_back_is_a_plan() {
    let way = Way::from_change(1, &first_change());
    let host = changed_host();
    let plan = way.plan(&host).unwrap();
    assert_eq!(
        said(&plan),
        [
            "remove /etc/c.keys: path_remove /etc/c.keys",
            "put back /etc/c.conf: restore_commit /etc/c.conf",
            "set owner and mode of /etc/c.log: attributes_set /etc/c.log 600 0 7",
            "remove the folder /etc/c.d if it is empty: restore_folder /etc/c.d",
            "restart chrony: service_restart chrony no",
            "enable and start timesyncd: service_set timesyncd yes yes no no",
            "restart timesyncd: service_restart timesyncd no",
        ]
    );
    let diffs: Vec<&str> = plan.changes.iter().map(|change| change.diff.as_str()).collect();
    assert!(diffs[1].ends_with("-one\n+distribution\n"), "{}", diffs[1]);
    assert_eq!(diffs[0], "", "not everyone may read the keys");
    assert_eq!(way.packages, ["chrony"]);
    // Everything that it speaks of is looked at.
    let subjects: Vec<resource::Subject> = way.subjects().collect();
    for path in ["/etc/c.conf", "/var/lib/ezsync/changes/1/saved/1", "/etc/c.log", "/etc/c.d"] {
        assert!(subjects.contains(&resource::Subject::Path(path.to_owned())), "{path}");
    }
    assert!(subjects.contains(&resource::Subject::Unit("timesyncd".to_owned())));
}

#[test]
fn what_is_as_it_was_is_left_alone() {
    let way = Way::from_change(1, &first_change());
    let mut host = changed_host();
    host.paths.insert("/etc/c.conf".to_owned(), file("distribution\n", 0o644));
    host.paths.remove("/etc/c.keys");
    host.paths.remove("/etc/c.d");
    host.paths.insert(
        "/etc/c.log".to_owned(),
        PathState { group: Account { name: "log".to_owned(), number: 7 }, ..file("", 0o600) },
    );
    host.units.insert("timesyncd".to_owned(), unit(true, true));
    let plan = way.plan(&host).unwrap();
    assert_eq!(said(&plan), [""; 0]);
    assert_eq!(plan.unchanged, 5);
    assert_eq!(way.proof(&host, &host), [""; 0]);
    // With other bytes, and with others than its owner may read it.
    for other in [file("Distribution\n", 0o644), file("distribution\n", 0o666)] {
        host.paths.insert("/etc/c.conf".to_owned(), other);
        assert_eq!(way.plan(&host).unwrap().changes[0].summary, "put back /etc/c.conf");
    }
}

#[test]
fn what_is_not_kept_any_more_stops_the_way_back() {
    let way = Way::from_change(1, &first_change());
    let mut host = changed_host();
    host.paths.remove("/var/lib/ezsync/changes/1/saved/1");
    let lost = way.plan(&host).unwrap_err();
    assert_eq!(lost, "/var/lib/ezsync/changes/1/saved/1");
}

#[test]
fn services_whose_package_is_gone_are_told_and_left() {
    let way = Way::from_change(1, &first_change());
    let mut host = changed_host();
    host.units.remove("timesyncd");
    let plan = way.plan(&host).unwrap();
    assert!(said(&plan).iter().all(|words| !words.contains("timesyncd")));
    assert_eq!(way.lost(&host).collect::<Vec<_>>(), ["timesyncd"]);
}

#[test]
fn the_origin_is_what_was_kept_first() {
    let origins: Vec<String> = ["/etc/c.conf", "/etc/c.keys.none", "/etc/half.part", "/etc/../x"]
        .iter()
        .map(|path| format!("/var/lib/ezsync/originals{path}"))
        .chain(["/elsewhere".to_owned()])
        .collect();
    let later =
        journal(&["made\t/etc/c.d/x", "package\tmore", "attributes\t/etc/c.log\t644\t0\t0"]);
    let units = "timesyncd\tyes\tyes\tno\nchrony\tno\tno\tyes\nodd\n-x\tno\tno\tno\n";
    let way = Way::to_origin(
        &origins,
        units,
        &["kept".to_owned(), "more".to_owned()],
        &[first_change(), later],
    );
    let mut host = changed_host();
    let original = "/var/lib/ezsync/originals/etc/c.conf";
    host.paths.insert(original.to_owned(), file("distribution\n", 0o600));
    host.paths.insert("/etc/c.d/x".to_owned(), host.paths["/etc/c.d"].clone());
    assert_eq!(
        said(&way.plan(&host).unwrap()),
        [
            "put back /etc/c.conf: restore_commit /etc/c.conf",
            "remove /etc/c.keys: path_remove /etc/c.keys",
            "set owner and mode of /etc/c.log: attributes_set /etc/c.log 600 0 7",
            "remove the folder /etc/c.d/x if it is empty: restore_folder /etc/c.d/x",
            "remove the folder /etc/c.d if it is empty: restore_folder /etc/c.d",
            "mask and disable and stop chrony: service_set chrony no no yes no",
            "enable and start timesyncd: service_set timesyncd yes yes no no",
            "restart timesyncd: service_restart timesyncd no",
        ]
    );
    assert_eq!(way.packages, ["chrony", "kept", "more"]);
}

#[test]
fn a_service_file_that_is_put_back_is_read_again() {
    let journal = journal(&[
        "path\t/etc/systemd/system/chrony.service.d/x.conf\t-",
        "unit\tchrony\tyes\tyes\tno",
    ]);
    let mut host = changed_host();
    let path = "/etc/systemd/system/chrony.service.d/x.conf";
    host.paths.insert(path.to_owned(), file("x", 0o644));
    let plan = Way::from_change(1, &journal).plan(&host).unwrap();
    assert_eq!(said(&plan)[1], "restart chrony: service_restart chrony yes");
}

#[test]
fn a_way_back_spares_what_somebody_else_has_changed() {
    let record = Record::next(None, &wishes(&usual("one\n")), &Observed::default(), &stamp(1));
    let way = Way::from_change(1, &first_change());
    let drifted = |record: Option<&Record>, change: &dyn Fn(&mut Observed)| -> Vec<String> {
        let mut host = changed_host();
        change(&mut host);
        way.drifts(record, &host, 1).iter().map(Drift::words).collect()
    };
    let edit = |host: &mut Observed| {
        host.paths.insert("/etc/c.conf".to_owned(), file("mine\n", 0o644));
    };
    assert_eq!(drifted(Some(&record), &|_| ()), [""; 0]);
    assert_eq!(drifted(Some(&record), &edit), ["/etc/c.conf: content"]);
    // Without a record the copy of what was written tells.
    assert_eq!(drifted(None, &|_| ()), [""; 0]);
    assert_eq!(drifted(None, &edit), ["/etc/c.conf: content"]);
    // What is removed is not lost once more, and what is put back anyway is lost to nobody.
    let back = |host: &mut Observed| {
        host.paths.remove("/etc/c.keys");
        host.paths.insert("/etc/c.conf".to_owned(), file("distribution\n", 0o644));
    };
    assert_eq!(drifted(Some(&record), &back), [""; 0]);
    // Services are put back in any case, and what the way does not touch is none of its business.
    let others = |host: &mut Observed| {
        host.units.clear();
        host.packages.clear();
        host.paths.remove("/etc/c.d");
        host.timezone = Some("Asia/Tokyo".to_owned());
    };
    assert_eq!(drifted(Some(&record), &others), [""; 0]);
}

#[test]
fn what_somebody_else_had_made_is_known_once_it_is_put_back() {
    let way = Way::from_change(1, &first_change());
    let mut record = Record::next(None, &wishes(&usual("one\n")), &Observed::default(), &stamp(1));
    let then = way.arrived(&changed_host());
    let since = Since { change: 1, at: 5000, by: "op@there".to_owned() };
    let names = way.correct(&mut record, &then, &since);
    assert_eq!(names, ["/etc/c.keys", "/etc/c.conf", "service timesyncd"]);
    assert_eq!(record.managed.paths["/etc/c.conf"].since, since);
    assert_eq!(record.digest, record.wishes().digest());
    let of_way = |drift: &Drift| names.iter().any(|name| drift.words().starts_with(name.as_str()));
    let drifted = drifts(&record, &Wishes::default(), &then);
    assert!(!drifted.iter().any(of_way), "{drifted:#?}");
    assert_eq!(way.correct(&mut record, &then, &since), [""; 0]);
}

#[test]
fn the_proof_names_what_is_not_as_it_was() {
    let way = Way::from_change(1, &first_change());
    let (before, mut now) = (changed_host(), changed_host());
    now.paths.insert("/etc/c.conf".to_owned(), file("distribution\n", 0o644));
    now.units.insert("chrony".to_owned(), unit(false, true));
    now.units.insert("timesyncd".to_owned(), unit(true, false));
    assert_eq!(
        way.proof(&before, &now),
        [
            "/etc/c.keys is not as it was",
            "chrony does not run",
            "timesyncd is not as it was: it would take enable",
        ]
    );
}

#[test]
fn what_was_changed_is_shown_by_a_copy_that_is_the_right_one() {
    let record = Record::next(None, &wishes(&usual("one\n")), &Observed::default(), &stamp(1));
    let found = |mode: u32, copy: &str| {
        let mut host = host("one\n");
        host.paths.insert("/etc/c.conf".to_owned(), file("mine\n", mode));
        let mut drift = drifts(&record, &wishes(&usual("two\n")), &host).remove(0);
        let written = file(copy, 0o644);
        drift.show(Some(&record), Some(&written), host.paths.get("/etc/c.conf"));
        drift.diff
    };
    assert!(found(0o644, "one\n").ends_with("-one\n+mine\n"), "{}", found(0o644, "one\n"));
    assert_eq!(found(0o644, "another\n"), "", "it is not what was written");
    assert_eq!(found(0o640, "one\n"), "", "not everyone may read it");
}

#[test]
fn a_change_that_is_taken_back_leaves_the_record_before_and_packages() {
    let first = Record::next(None, &wishes(&usual("one\n")[1..]), &Observed::default(), &stamp(1));
    let second =
        Record::next(Some(&first), &wishes(&usual("two\n")), &Observed::default(), &stamp(2));
    let back = second.taken_back(Some(&first)).unwrap();
    assert_eq!((back.change, back.installed().collect::<Vec<_>>()), (1, vec!["chrony"]));
    assert_eq!(back.managed.paths, first.managed.paths);
    assert_eq!(first.taken_back(None), None);
    let only = second.taken_back(None).unwrap();
    assert!(only.managed.paths.is_empty() && only.managed.packages.contains_key("chrony"));
    assert_eq!(only.change, 0);
}
