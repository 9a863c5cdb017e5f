use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::problem::Place;
use crate::resource::{self, Account, Args, PathState};

/// A step whose task is called `name`.
fn step(name: &str, module: &str, args: Value, notify: &[usize]) -> Step {
    let Value::Object(args) = args else { panic!("arguments are a map") };
    let place = Place::in_source("tasks.yml", "", 0, 0);
    Step {
        role: "role".to_owned(),
        task: name.to_owned(),
        resource: resource::make(module, Args::new(module, args, place)).unwrap(),
        notify: notify.to_vec(),
    }
}

fn file(path: &str, content: &str, notify: &[usize]) -> Step {
    step(path, "copy", json!({"dest": path, "content": content}), notify)
}

fn restart(unit: &str) -> Step {
    step(unit, "service", json!({"name": unit, "state": "restarted"}), &[])
}

/// A host where these files stand.
fn host(files: &[(&str, &str)]) -> Observed {
    let root = || Account { name: "root".to_owned(), number: 0 };
    let state = |text: &str| PathState {
        kind: "regular file".to_owned(),
        mode: 0o644,
        owner: root(),
        group: root(),
        size: text.len() as u64,
        content: Some(text.as_bytes().to_vec()),
    };
    let paths: HashMap<_, _> =
        files.iter().map(|(path, text)| ((*path).to_owned(), state(text))).collect();
    Observed { paths, ..Observed::default() }
}

fn summaries(plan: &Plan) -> Vec<&str> {
    plan.changes.iter().map(|change| change.summary.as_str()).collect()
}

#[test]
fn an_equal_host_has_an_empty_plan() {
    let desired = Desired {
        steps: vec![file("/a", "a\n", &[0]), file("/b", "b\n", &[0])],
        handlers: vec![restart("x")],
        ..Desired::default()
    };
    let plan = Plan::new(&desired, &host(&[("/a", "a\n"), ("/b", "b\n")])).unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.unchanged, 2);
}

#[test]
fn handlers_run_once_and_in_their_own_order() {
    let desired = Desired {
        steps: vec![
            file("/a", "new\n", &[2]),
            file("/b", "same\n", &[1]),
            file("/c", "new\n", &[0, 2]),
        ],
        handlers: vec![restart("first"), restart("never"), restart("last")],
        ..Desired::default()
    };
    let plan = Plan::new(&desired, &host(&[("/b", "same\n"), ("/c", "old\n")])).unwrap();
    assert_eq!(summaries(&plan), ["write /a", "change /c", "restart first", "restart last"]);
    assert_eq!(plan.unchanged, 1);
    let numbers: Vec<_> = plan.changes.iter().map(|change| change.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let handlers: Vec<_> = plan.changes.iter().map(|change| change.handler).collect();
    assert_eq!(handlers, [false, false, true, true]);
    assert_eq!((plan.changes[1].role.as_str(), plan.changes[1].task.as_str()), ("role", "/c"));
}

#[test]
fn a_handler_that_has_nothing_to_do_is_none() {
    let desired = Desired {
        steps: vec![file("/a", "new\n", &[0])],
        handlers: vec![file("/b", "same\n", &[])],
        ..Desired::default()
    };
    let plan = Plan::new(&desired, &host(&[("/b", "same\n")])).unwrap();
    assert_eq!(summaries(&plan), ["write /a"]);
    assert_eq!(plan.unchanged, 0);
}

#[test]
fn diffs_are_unified() {
    let long: String = (1..=20).map(|number| format!("line {number}\n")).collect();
    let edited = long.replace("line 10\n", "line ten\n");
    for (before, after, diff) in [
        (
            long.as_str(),
            edited.as_str(),
            "--- /a\n+++ /a\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+line ten\n \
             line 11\n line 12\n line 13\n",
        ),
        ("one\n", "", "--- /a\n+++ /a\n@@ -1 +0,0 @@\n-one\n"),
        ("one", "one\n", "--- /a\n+++ /a\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n"),
    ] {
        let desired = Desired { steps: vec![file("/a", after, &[])], ..Desired::default() };
        let plan = Plan::new(&desired, &host(&[("/a", before)])).unwrap();
        assert_eq!(plan.changes[0].diff, diff);
    }
    let desired = Desired { steps: vec![file("/new", "one\n", &[])], ..Desired::default() };
    let plan = Plan::new(&desired, &host(&[])).unwrap();
    assert_eq!(plan.changes[0].diff, "--- /dev/null\n+++ /new\n@@ -0,0 +1 @@\n+one\n");
}

#[test]
fn a_change_without_texts_has_no_diff() {
    let desired = Desired { steps: vec![restart("x")], ..Desired::default() };
    let plan = Plan::new(&desired, &host(&[])).unwrap();
    assert_eq!(plan.changes[0].diff, "");
}

#[test]
fn a_host_that_cannot_be_brought_there_says_which_task_wants_it() {
    let steps = vec![step("make it", "file", json!({"path": "/a", "state": "directory"}), &[])];
    let desired = Desired { steps, ..Desired::default() };
    let why = Plan::new(&desired, &host(&[("/a", "")])).unwrap_err();
    assert_eq!(why.what, "role : make it: /a is a regular file, not a folder");
}

#[test]
fn a_plan_is_shown_without_what_is_run() {
    let desired = Desired { steps: vec![file("/a", "secret\n", &[])], ..Desired::default() };
    let plan = Plan::new(&desired, &host(&[])).unwrap();
    let shown = serde_json::to_value(&plan).unwrap();
    assert_eq!(shown["unchanged"], 0);
    let keys: Vec<_> = shown["changes"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["number", "role", "task", "summary", "diff", "handler", "done"]);
}

/// A host without any package, and a bundle that has none for it but the one called `other`.
fn with_bundle(folder: &tempfile::TempDir) -> Observed {
    use crate::bundle::{self, Bundle, Host, Manifest, Member, Set, Stock, Supply};
    use crate::package::{Package, Target};
    let bytes = bytes::Bytes::from_static(b"other");
    let package = Package {
        name: "other".to_owned(),
        version: "1".to_owned(),
        architecture: "amd64".to_owned(),
        file: "other_1_amd64.deb".to_owned(),
        size: 5,
        sha256: bundle::sha256(&bytes),
        ..Package::default()
    };
    let target =
        Target { release: "debian-12".parse().unwrap(), architecture: "amd64".parse().unwrap() };
    let set = Set { target, wanted: vec!["other".to_owned()], packages: vec![package.clone()] };
    let path = folder.path().join("x.bundle");
    bundle::write(&Manifest { sets: vec![set] }, &[Member { package, bytes }], &path).unwrap();
    let host = Host {
        distribution: "debian".to_owned(),
        version: "12".to_owned(),
        architecture: "amd64".to_owned(),
        package_manager: "apt".to_owned(),
    };
    let bundle = std::sync::Arc::new(Bundle::open(&path).unwrap());
    Observed {
        supply: Some(Supply::new(bundle, host, &Stock::default()).unwrap()),
        ..Observed::default()
    }
}

#[test]
fn what_a_bundle_lacks_is_told_for_all_tasks_at_once() {
    let package = |name: &str| step(name, "package", json!({"name": name}), &[]);
    let zone = step("zone", "timezone", json!({"name": "Europe/Berlin"}), &[]);
    let steps = vec![package("chrony"), zone, package("other"), package("tree")];
    let folder = tempfile::TempDir::new().unwrap();
    let observed = with_bundle(&folder);
    let told = |steps| {
        let desired = Desired { steps, ..Desired::default() };
        Plan::new(&desired, &observed).unwrap_err()
    };
    let first = told(steps);
    assert!(first.misfit, "{first:?}");
    assert!(first.what.contains("role : chrony: "), "{first:?}");
    // The zone is in the way too, and may be so for want of a package.
    assert!(!first.what.contains("role : zone: "), "{first:?}");
    assert!(!first.what.contains("role : tree: "), "{first:?}");
    let all = told(vec![package("chrony"), package("other"), package("tree")]);
    for part in ["role : chrony: ", "there is no chrony; role : tree: ", "there is no tree"] {
        assert!(all.what.contains(part), "{part}: {all:?}");
    }
    assert!(
        all.next.contains("--for debian-12 --arch amd64 --package chrony,other,tree`"),
        "{all:?}"
    );
}
