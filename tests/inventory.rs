//! Inventories in, answers out: each folder in tests/cases/inventory is one case.
//!
//! A case holds an inventory and either `expected.json` (groups, each host's groups and
//! variables, and what the patterns in `patterns` select) or `error.txt` (the whole message).
//! Every expected.json is what ansible-core 2.19 itself answers for that folder, unless the
//! case's name starts with `own-`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ezsync::inventory::Inventory;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::{Map, Value, json};

const CASES: &str = "tests/cases/inventory";

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(CASES).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    cases
}

/// Everything that can be asked of an inventory, in the shape of expected.json.
fn answers(inventory: &Inventory, patterns: &str) -> Value {
    let hosts: Map<_, _> = inventory
        .hosts()
        .map(|host| {
            let vars = inventory.vars(host);
            for (name, value) in &vars {
                assert_eq!(inventory.var(host, name), Some(value), "{host} {name}");
                assert!(inventory.place_of_var(host, name).is_some_and(|place| place.line > 0));
            }
            let groups = inventory.group_names_of(host);
            (host.to_owned(), json!({"group_names": groups, "vars": vars}))
        })
        .collect();
    let mut answers = json!({"groups": inventory.groups(), "hosts": hosts});
    if !patterns.is_empty() {
        answers["select"] = patterns
            .lines()
            .map(|pattern| {
                let selected = match inventory.select(pattern) {
                    Ok(hosts) => json!(hosts),
                    Err(problem) => json!(problem.to_string()),
                };
                (pattern.to_owned(), selected)
            })
            .collect::<Map<_, _>>()
            .into();
    }
    answers
}

/// What is wrong with a case, if anything.
fn check(case: &Path) -> Option<String> {
    let loaded = Inventory::load_cluster(case);
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
    let expected_error = read("error.txt");
    match loaded {
        Err(problem) => {
            let shown = problem.to_string().replace(&format!("{}/", case.display()), "");
            (shown.trim_end() != expected_error.trim_end()).then(|| format!("fails with:\n{shown}"))
        }
        Ok(_) if !expected_error.is_empty() => Some("loads, and should not".to_owned()),
        Ok(inventory) => {
            let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
            let found = answers(&inventory, &read("patterns"));
            // As text, since the order of groups and hosts matters, but not that of variables.
            let [expected, found] = [sorted_vars(expected), sorted_vars(found)]
                .map(|value| serde_json::to_string_pretty(&value).unwrap());
            (expected != found).then(|| {
                let diff = similar::TextDiff::from_lines(&expected, &found);
                format!("differs:\n{}", diff.unified_diff().header("expected", "found"))
            })
        }
    }
}

fn sorted_vars(mut answers: Value) -> Value {
    for host in answers["hosts"].as_object_mut().unwrap().values_mut() {
        host["vars"].as_object_mut().unwrap().sort_keys();
    }
    answers
}

#[test]
fn every_case_gets_its_answer() {
    let cases = cases();
    assert!(cases.len() > 25, "the cases are missing");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).map(|what| format!("{}: {what}", case.display())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hundred_thousand_hosts_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    let racks: String = (0..10)
        .map(|rack| format!("[rack{rack}]\nr{rack}n[00001:10000] zone=z{rack}\n"))
        .chain((0..10).map(|rack| format!("[site:children]\nrack{rack}\n")))
        .collect();
    fs::write(&file, racks + "[site:vars]\nbase=/srv\n").unwrap();
    let inventory = Inventory::load(&[file.display().to_string()]).unwrap();
    assert_eq!(inventory.hosts().count(), 100_000);
    assert_eq!(inventory.group("site").unwrap().len(), 100_000);
    assert_eq!(inventory.select("rack9[-1]").unwrap(), ["r9n10000"]);
    assert_eq!(inventory.select("site:!r[1-9]*").unwrap().len(), 10_000);
    let vars = inventory.vars("r9n10000");
    assert_eq!(Value::Object(vars), json!({"base": "/srv", "zone": "z9"}));
}

/// CPU that reading 10,000 hosts may take, in seconds: this build takes 0.3, an optimised one a quarter of that.
const CPU_MAX: f64 = 1.5;

#[test]
fn ten_thousand_hosts_take_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    let host =
        |n: usize| format!("node{n} ansible_host=10.0.{}.{} zone=z{}\n", n / 250, n % 250, n % 7);
    let rack = |rack: usize| {
        let hosts: String = (rack * 100..(rack + 1) * 100).map(host).collect();
        format!("[rack{rack}]\n{hosts}[site:children]\nrack{rack}\n")
    };
    fs::write(&file, (0..100).map(rack).collect::<String>()).unwrap();
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    };
    let before = spent();
    let mut ezsync = Command::new(env!("CARGO_BIN_EXE_ezsync"));
    let output = ezsync.args(["inventory", "--list", "-i"]).arg(&file).output().unwrap();
    let took = spent() - before;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["_meta"]["hostvars"].as_object().unwrap().len(), 10_000);
    assert!(took < CPU_MAX, "{took} s");
}
