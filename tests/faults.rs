//! Holds docs/faults.md: every test that it names exists, and every test of a fault stands in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files whose tests are all of faults.
const ALL_OF_FAULTS: &[&str] = &[
    "lab/cuts",
    "lab/faults",
    "lab/installs",
    "lab/kernels",
    "lab/offline_faults",
    "lab/policy",
    "lab/rivals",
    "lab/steps",
    "lab/transaction",
    "lab/trial",
    "shell/stopped",
    "ssh/hostile",
    "ssh/misbehaving",
];

/// The file of a module that the table names (`lab/faults`, `hosts/lab`).
fn file(module: &str) -> PathBuf {
    let module = module.replace("hosts/", "hosts/tests/");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(module).with_extension("rs")
}

/// The tests of a module, by their whole names (`lab/faults::NAME`).
fn tests(module: &str) -> BTreeSet<String> {
    let file = file(module);
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let mut lines = text.lines();
    let mut names = BTreeSet::new();
    while lines.find(is_test).is_some() {
        let declared = lines.find_map(|line| line.split_once("fn ")).unwrap().1;
        names.insert(format!("{module}::{}", declared.split('(').next().unwrap()));
    }
    names
}

/// The tests that the table names.
fn named() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let last_cells = rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next());
    let words = last_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

#[test]
fn every_test_that_the_table_names_exists() {
    let named = named();
    assert!(named.len() > 50, "the table is not read");
    for name in &named {
        let (module, _) = name.split_once("::").unwrap_or_else(|| panic!("{name} is no test"));
        assert!(tests(module).contains(name), "docs/faults.md names {name}, which is not there");
    }
}

#[test]
fn every_test_of_a_fault_stands_in_the_table() {
    let named = named();
    for module in ALL_OF_FAULTS {
        let tests = tests(module);
        assert!(!tests.is_empty(), "{module} has no tests");
        let missing: Vec<&String> = tests.difference(&named).collect();
        assert!(missing.is_empty(), "docs/faults.md lacks {missing:?}");
    }
}
