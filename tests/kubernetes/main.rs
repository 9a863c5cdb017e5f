//! The manifest in docs/kubernetes: Kubernetes takes it, and its runs share all hosts of a cluster.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const MANIFEST: &str = "docs/kubernetes/ezsync-jobs.yaml";

/// The oldest and the newest Kubernetes that the judge knows.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];

/// What the judge says of a manifest for a version of Kubernetes, and whether it takes it.
fn judged(programs: &Path, version: &str, manifest: &Path) -> (bool, String) {
    let mut judge = Command::new("timeout");
    judge.arg("120").arg(programs.join("kubernetes-validate")).args(["--strict", "-k", version]);
    let output = judge.arg(manifest).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn kubernetes_takes_the_manifest() {
    let requirements = Path::new("tests/kubernetes/requirements.txt");
    let Some(programs) = ezsync_hosts::judge(requirements) else { return };
    let text = fs::read_to_string(MANIFEST).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spoilt = folder.path().join("spoilt.yaml");
    for version in VERSIONS {
        let (passes, said) = judged(&programs, version, Path::new(MANIFEST));
        assert!(passes, "{said}");
        for job in ["ezsync-sources", "ezsync-clients"] {
            let words = format!("passed for resource job/{job} against version {version}");
            assert!(said.contains(&words), "{said}");
        }
        // The judge does see mistakes.
        for (good, bad) in [("completions: 4", "completions: four"), ("parallelism", "threads")] {
            fs::write(&spoilt, text.replacen(good, bad, 1)).unwrap();
            assert!(!judged(&programs, version, &spoilt).0, "{bad}");
        }
    }
}

/// The jobs of the manifest by their names.
fn jobs() -> Vec<(String, Value)> {
    let text = fs::read_to_string(MANIFEST).unwrap();
    // What others may read is no key for ssh.
    assert_eq!(text.matches("defaultMode: 0400").count(), 2);
    let documents: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
    let name = |job: &Value| job["metadata"]["name"].as_str().unwrap().to_owned();
    documents.into_iter().map(|job| (name(&job), job["spec"].clone())).collect()
}

fn words(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap())
}

/// A project as the volume of a job has it, and a folder with ezsync.
struct Bench(tempfile::TempDir);

impl Bench {
    /// With one source and so many clients.
    fn new(job: &Value, clients: u32) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let lines: Vec<String> =
            (1..=clients).map(|n| format!("node{n} ansible_host=192.0.2.{n}\n")).collect();
        let hosts =
            format!("[kube_node]\n{}[chrony]\nsource ansible_host=192.0.2.99\n", lines.concat());
        let items = &job["template"]["spec"]["volumes"][0]["configMap"]["items"];
        for item in items.as_array().unwrap() {
            let text = match item["key"].as_str().unwrap() {
                "hosts" => &hosts,
                "config.yml" => "ntp_servers: []\n",
                "known_hosts" => "",
                other => panic!("what is {other}?"),
            };
            let path = bench.0.path().join("project").join(item["path"].as_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_ezsync"), bench.0.path().join("ezsync")).unwrap();
        bench
    }

    /// The hosts that the container's command is about, with this completion index.
    fn hosts(&self, container: &Value, index: u64) -> Vec<String> {
        let command: Vec<&str> = words(&container["command"]).collect();
        // The image starts ezsync where nothing else is said.
        let command = if command.is_empty() { vec!["ezsync"] } else { command };
        let output = Command::new("timeout")
            .arg("60")
            .args(command)
            .args(words(&container["args"]))
            .arg("--list-hosts")
            .current_dir(self.0.path().join("project"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display()))
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
    }
}

#[test]
fn the_runs_of_the_manifest_share_all_hosts() {
    let jobs = jobs();
    let [(first, sources), (second, clients)] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("ezsync-sources", "ezsync-clients"));
    for clients_there in [2, 11] {
        let bench = Bench::new(clients, clients_there);
        let pod = &clients["template"]["spec"];
        let source = ["source".to_owned()];
        assert_eq!(bench.hosts(&sources["template"]["spec"]["containers"][0], 0), source);
        assert_eq!(bench.hosts(&pod["initContainers"][0], 0), source);
        let completions = clients["completions"].as_u64().unwrap();
        let shares = (0..completions).map(|index| bench.hosts(&pod["containers"][0], index));
        let shared: Vec<String> = shares.flatten().collect();
        let expected: BTreeSet<String> = (1..=clients_there).map(|n| format!("node{n}")).collect();
        assert_eq!(shared.iter().cloned().collect::<BTreeSet<_>>(), expected);
        assert_eq!(shared.len(), expected.len(), "a host is in two shards: {shared:?}");
    }
}
