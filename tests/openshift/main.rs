//! What `ezsync export` writes: the examples that people know, and what those say who read it in a cluster.
//!
//! Each folder in tests/cases/openshift is one case: `ezsync export ocp` with the words of `args`, in `project`, writes
//! all documents of `expected.yaml` among others, value by value.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod matrix;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ezsync::openshift::{self, Purpose};
use ezsync::yaml::{self, Node};
use serde_json::Value;

use matrix::ALL;

/// The documents of a YAML text.
fn documents(text: &str) -> Vec<Value> {
    let nodes: Vec<Node> = yaml::parse_all("test", text).unwrap();
    nodes.into_iter().map(Node::into_value).collect()
}

/// What `ezsync export ocp` writes in `project`.
fn export(project: &Path, args: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ezsync"));
    let output = program.args(["export", "ocp"]).args(args).current_dir(project).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_come_out() {
    let mut cases = 0;
    for case in fs::read_dir("tests/cases/openshift").unwrap().map(|entry| entry.unwrap().path()) {
        let args = fs::read_to_string(case.join("args")).unwrap();
        let args: Vec<&str> = args.split_whitespace().collect();
        let found = documents(&export(&case.join("project"), &args));
        for expected in documents(&fs::read_to_string(case.join("expected.yaml")).unwrap()) {
            let same = found.contains(&expected);
            assert!(same, "{}: {expected:#} is not among {found:#?}", case.display());
        }
        cases += 1;
    }
    assert!(cases >= 7, "the cases are missing: {cases}");
}

#[test]
fn what_is_exported_is_read_back_over_the_whole_matrix() {
    let mut checked = 0;
    let mut forms = [0; 3];
    for exported in ALL.iter() {
        let text = &exported.machine_config;
        let dumps = openshift::read("exported", text, Purpose::Import).unwrap();
        // Butane's form has the texts as they are.
        let butane = documents(&exported.butane);
        assert_eq!(dumps.configs.len(), butane.len());
        for (config, butane) in dumps.configs.iter().zip(&butane) {
            assert_eq!(config.name, butane["metadata"]["name"]);
            let files = butane["storage"]["files"].as_array().unwrap();
            assert_eq!(config.files.len(), files.len());
            for (file, expected) in config.files.iter().zip(files) {
                assert_eq!(file.path, expected["path"]);
                assert_eq!(file.mode, expected["mode"]);
                let inline = expected["contents"]["inline"].as_str().unwrap();
                assert_eq!(String::from_utf8_lossy(&file.bytes), inline, "{}", exported.name);
                checked += 1;
            }
        }
        let count = |word: &str| text.matches(word).count();
        forms[0] += count("source: data:,");
        forms[1] += count("source: data:;base64,") - count("compression: gzip");
        forms[2] += count("compression: gzip");
    }
    assert!(checked >= 60, "{checked}");
    assert!(forms.iter().all(|number| *number > 0), "not every form came up: {forms:?}");
}

/// Whether Ignition is there to be asked.
fn has_ignition() -> bool {
    let there = std::env::var_os("PATH").unwrap();
    let has =
        std::env::split_paths(&there).any(|folder| folder.join("ignition-validate").is_file());
    if !has {
        ezsync_hosts::skip("there is no ignition-validate: tests/needs.sh installs it");
    }
    has
}

/// What Ignition says of a configuration.
fn ignition(config: &str) -> (bool, String) {
    let mut program = Command::new("timeout");
    program.args(["60", "ignition-validate", "-"]);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    program.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// What Ignition says of a configuration for a newer one: Debian's does not know the last versions by their names.
/// All that is written here was in each version before.
fn ignition_of_any_version(config: &str) -> (bool, String) {
    for version in ["3.5.0", "3.5.0-experimental", "3.4.0", "3.4.0-experimental", "3.3.0", "3.2.0"]
    {
        let known = ["3.5.0", "3.4.0", "3.2.0"].into_iter().find(|known| config.contains(known));
        if version > known.unwrap() && !version.starts_with(known.unwrap()) {
            continue;
        }
        let (passes, said) = ignition(&config.replacen(known.unwrap(), version, 1));
        if passes || !said.contains("unsupported config version") {
            return (passes, said);
        }
    }
    (false, "no version of it is known".to_owned())
}

#[test]
fn ignition_takes_every_configuration() {
    if !has_ignition() {
        return;
    }
    let mut taken = 0;
    for exported in ALL.iter().filter(|exported| !exported.ignition.is_empty()) {
        for config in exported.ignition.split("---\n") {
            let (passes, said) = ignition_of_any_version(config);
            assert!(passes, "{}: {said}\n{config}", exported.name);
            taken += 1;
        }
    }
    // It does see mistakes.
    let config = ALL[0].ignition.split("---\n").next().unwrap();
    for (good, bad) in [("\"mode\":4", "\"mode\":-4"), ("data:", "dada:"), ("/etc/", "etc/")] {
        assert!(!ignition_of_any_version(&config.replacen(good, bad, 1)).0, "{bad}");
    }
    assert!(taken >= 40, "{taken}");
}

/// Forms of contents and paths, good and bad.
const SOURCES: [&str; 27] = [
    "data:,",
    "data:,ab%20c%0A",
    "data:,a b",
    "data:,a\tb",
    "data:,a\nb",
    "data:,\u{e9}",
    "data:,a#b",
    "data:,a<b{}",
    "data:,a|b^`[]",
    "data:,%zz",
    "data:,a?b&c=d;e,f'(g)*!~@$+:/",
    "data:;base64,",
    "data:;base64,YQ==",
    "data:;base64,YR==",
    "data:;base64,YQ",
    "data:;base64,Y Q==",
    "data:;base64,Y\nQ==",
    "data:;base64,YQ%3D%3D",
    "data:;BASE64,YQ==",
    "DATA:,a",
    "data:text,a",
    "data:text/plain;charset=utf-8;base64,YQ==",
    "data:text/plain; charset=utf-8,a",
    "data:text/plain;base64;charset=utf-8,YQ==",
    "data:x-a/b;c=\"d,e\",f",
    "data:;charset,a",
    "data:base64,YQ==",
];
const PATHS: [&str; 8] =
    ["/etc/a", "/etc/a b", "etc/a", "//etc//a", "/etc/../x", "/etc/./x", "/etc/", "/etc/a/."];

#[test]
fn what_ignition_refuses_is_not_read() {
    if !has_ignition() {
        return;
    }
    let sources = SOURCES.map(|source| (source, "/etc/a"));
    for (source, path) in sources.into_iter().chain(PATHS.map(|path| ("data:,a", path))) {
        let file = serde_json::json!({ "path": path, "contents": { "source": source } });
        let config = serde_json::json!({ "ignition": { "version": "3.2.0" }, "storage": { "files": [file] } });
        let metadata = serde_json::json!({
            "name": "a",
            "labels": { "machineconfiguration.openshift.io/role": "worker" }
        });
        let object = serde_json::json!({
            "kind": "MachineConfig", "metadata": metadata, "spec": { "config": config }
        });
        let (passes, said) = ignition(&config.to_string());
        let read = openshift::read("there", &object.to_string(), Purpose::Import);
        assert_eq!(read.is_ok(), passes, "{source:?} {path:?}: {said} {read:?}");
    }
}

/// The folder with the schemas, and the programs that hold objects against them.
fn judge() -> Option<(PathBuf, PathBuf)> {
    let programs = ezsync_hosts::judge(Path::new("tests/kubernetes/requirements.txt"))?;
    let folder =
        Command::new("timeout").args(["300", "tests/openshift/schemas.sh"]).output().unwrap();
    if !folder.status.success() {
        ezsync_hosts::skip("the schemas of OpenShift cannot be had");
        return None;
    }
    Some((programs, PathBuf::from(String::from_utf8(folder.stdout).unwrap().trim())))
}

/// What the schemas say of objects.
fn judged(judge: &(PathBuf, PathBuf), objects: &[Value]) -> (bool, String) {
    let mut program = Command::new("timeout");
    program.arg("120").arg(judge.0.join("python3")).arg("tests/openshift/judge.py").arg(&judge.1);
    program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let text = serde_json::to_string(objects).unwrap();
    program.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_schemas_of_openshift_take_every_object() {
    let Some(judge) = judge() else { return };
    let objects: Vec<Value> =
        ALL.iter().flat_map(|exported| documents(&exported.machine_config)).collect();
    let (passes, said) = judged(&judge, &objects);
    assert!(passes, "{said}");
    // They know all kinds but that of the PTP operator, and they do see mistakes.
    let unknown = said.lines().filter(|line| *line != "no schema: PtpConfig");
    assert_eq!(unknown.count(), 0, "{said}");
    let kinds = ["MachineConfig", "MachineConfigPool", "MachineConfiguration", "DNS", "PtpConfig"];
    for kind in kinds {
        let object = objects.iter().rfind(|object| object["kind"] == kind).unwrap();
        let mut spoilt = object.clone();
        spoilt["spec"]["unknown"] = Value::Bool(true);
        assert_eq!(judged(&judge, &[spoilt]).0, kind == "PtpConfig", "{kind}");
    }
}
