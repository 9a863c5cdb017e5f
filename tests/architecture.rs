//! Who may know what: the table that ARCHITECTURE.md explains, held against the code.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More lines than this do not fit in a head.
const MAX_LINES: usize = 400;

/// Each module of src/ and all others that it may use. What a stage does not know it cannot
/// depend on: a change of SSH never reaches a template, a change of the report never a host.
const MAY_USE: &[(&str, &str)] = &[
    // What anything may rest on.
    ("sanitise", ""),
    ("exit", ""),
    ("length", ""),
    ("interrupt", "exit"),
    ("exec", "sanitise"),
    ("problem", "sanitise"),
    ("project", "problem"),
    ("yaml", "problem"),
    ("shard", "problem"),
    ("template", "problem yaml"),
    ("facts", "template"),
    // From files to what is wanted on a host. None of these knows that there is SSH.
    ("inventory", "interrupt problem sanitise yaml"),
    ("resource", "bundle length problem verify"),
    ("role", "problem project resource template yaml"),
    ("desired", "cluster facts problem project resource role template"),
    (
        "cluster",
        "desired facts inventory length openshift problem project resource role shard template verify yaml",
    ),
    ("plan", "desired resource"),
    ("openshift", "desired facts plan problem resource sanitise template yaml"),
    ("history", "desired package plan resource"),
    // Packages for hosts without internet.
    ("package", ""),
    ("bundle", "package problem sanitise"),
    ("repository", "bundle package problem"),
    // A host's side: scripts out, answers in, verdicts. None of these opens a connection.
    ("remote", "bundle facts plan resource verify"),
    ("verify", "length"),
    // Connections, and the hosts that are reached by them.
    ("ssh", "exec problem sanitise"),
    ("local", "exec"),
    ("access", "inventory problem remote ssh"),
    (
        "fleet",
        "access bundle cluster desired exec facts history length local plan problem remote resource sanitise ssh verify",
    ),
    // What is shown. None of these knows how results come about.
    ("report", "exit facts fleet history length plan problem sanitise shard verify"),
    ("ui", "fleet length plan repository sanitise ssh verify"),
    // What is typed.
    ("cli", "cluster length package shard"),
    (
        "command",
        "access bundle cli cluster desired exit facts fleet interrupt inventory length openshift package problem project remote report repository resource role sanitise shard ssh ui yaml",
    ),
];

/// Crates that one module alone may use.
const ALONE: &[(&str, &str)] = &[
    ("russh", "ssh"),
    ("indicatif", "ui"),
    ("tera", "template"),
    ("serde_yaml", "yaml"),
    ("clap", "cli"),
    ("comfy_table", "report"),
    ("include_dir", "project"),
    ("similar", "plan problem inventory"),
];

struct File {
    path: PathBuf,
    /// The name of the module in src/ that it is part of.
    module: String,
    text: String,
}

impl File {
    /// Its lines without those of tests and comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        let is_test =
            self.path.ends_with("tests.rs") || self.path.to_string_lossy().contains("/tests/");
        let end = if is_test { 0 } else { usize::MAX };
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]").take(end);
        lines.map(str::trim_start).filter(|line| !line.starts_with("//"))
    }
}

fn files() -> Vec<File> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                collect(&entry.path(), found);
            } else if entry.path().extension().is_some_and(|end| end == "rs") {
                found.push(entry.path());
            }
        }
    }
    let mut paths = Vec::new();
    collect(Path::new("src"), &mut paths);
    paths.sort();
    let file = |path: PathBuf| {
        let first = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        File { text: fs::read_to_string(&path).unwrap(), path, module }
    };
    let files: Vec<File> = paths.into_iter().map(file).collect();
    assert!(files.len() > 50, "the sources are missing");
    files
}

/// The modules that a line names behind `crate::`, also in braces: `use crate::{facts, plan};`.
fn used(line: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    line.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list.split(',').map(name).collect(),
            None => vec![name(rest)],
        })
        .collect()
}

/// The words of a line of code, with the `::` in them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
}

fn allowed<'a>(table: &'a [(&str, &str)], name: &str) -> Option<BTreeSet<&'a str>> {
    let row = table.iter().find(|(known, _)| *known == name)?;
    Some(row.1.split_whitespace().collect())
}

#[test]
fn modules_use_what_the_table_lets_them_use() {
    let modules: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !["lib", "main"].contains(&file.module.as_str())) {
        let Some(mut may_use) = allowed(MAY_USE, &file.module) else {
            wrong.push(format!("{}: this module has no row in the table", file.path.display()));
            continue;
        };
        may_use.insert(&file.module);
        for line in file.code() {
            for name in used(line) {
                if name.is_empty() {
                    wrong.push(format!("{}: one module on one `use` line", file.path.display()));
                }
                let Some(name) = modules.get(name.as_str()) else { continue };
                if !may_use.contains(name) {
                    wrong.push(format!(
                        "{}: {} may not use {name}",
                        file.path.display(),
                        file.module
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn some_crates_are_for_one_module_alone() {
    let mut wrong = Vec::new();
    for file in files() {
        for (name, modules) in ALONE {
            let mark = format!("{name}::");
            let used = file.code().any(|line| words(line).any(|word| word.starts_with(&mark)));
            let main = file.module == "main" && *name == "clap";
            if used && !main && !modules.split_whitespace().any(|module| module == file.module) {
                wrong.push(format!("{}: only {modules} may use {name}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_fit_in_a_head_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for file in files() {
        let path = file.path.display();
        let lines = file.text.lines().count();
        let is_test = file.path.ends_with("tests.rs");
        if lines > MAX_LINES && !is_test {
            wrong.push(format!("{path}: {lines} lines are more than {MAX_LINES}"));
        }
        if !file.text.starts_with("//! ") && !is_test {
            wrong.push(format!(
                "{path}: it does not start with a //! line that says what it is for"
            ));
        }
        if file.code().any(|line| words(line).any(|word| word == "unsafe")) {
            wrong.push(format!("{path}: `unsafe` is not used here"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lints_hold_everywhere() {
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let root = read("Cargo.toml");
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "todo", "unimplemented"]
    {
        assert!(root.contains(&format!("\n{lint} = \"deny\"\n")), "{lint} is not denied");
    }
    assert!(root.contains("\nunsafe_code = \"forbid\"\n"));
    assert!(root.contains("members = [\"tests/hosts\"]"), "look at the new member here, too");
    for member in ["Cargo.toml", "tests/hosts/Cargo.toml"] {
        assert!(read(member).contains("[lints]\nworkspace = true\n"), "{member}");
    }
    // A workspace of its own, whose targets are to panic.
    assert!(read("fuzz/Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    // What ships lets none of them pass; tests say so for themselves.
    let lenient =
        ["allow(unsafe", "allow(clippy::unwrap", "allow(clippy::expect", "allow(clippy::panic"];
    for file in files() {
        let found = file.code().find(|line| lenient.iter().any(|word| line.contains(word)));
        assert_eq!(found, None, "{}", file.path.display());
    }
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        assert!(Path::new(lock).is_file(), "{lock} is part of the tree");
    }
}

#[test]
fn the_reader_of_this_test_reads_what_it_should() {
    assert_eq!(used("use crate::ssh::{Client, Target};"), ["ssh"]);
    assert_eq!(used("use crate::{facts, plan::Plan};"), ["facts", "plan"]);
    assert_eq!(used("let x = crate::yaml::parse(crate::ui::show);"), ["yaml", "ui"]);
    assert!(used("use super::ssh;").is_empty());
}

/// A mend that waits upstream must fit the version that is in use, or it helps nobody who wants to try it.
#[test]
fn patches_for_upstream_apply() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let folder = root.join("docs/upstream");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for patch in files.filter(|path| path.extension().is_some_and(|ending| ending == "patch")) {
        // NAME-VERSION-WHAT.patch
        let name = patch.file_name().unwrap().to_str().unwrap();
        let of = packages.iter().find(|package| {
            let of = |key: &str| package[key].as_str().unwrap();
            name.starts_with(&format!("{}-{}-", of("name"), of("version")))
        });
        let package = of.unwrap_or_else(|| panic!("{name}: no such version is in use"));
        let source = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let check = Command::new("git")
            .args(["apply", "--check"])
            .arg(&patch)
            .current_dir(source)
            .output()
            .unwrap();
        assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stderr));
    }
}
