//! Runs on parts of one cluster, side by side on one controller.

use std::fs;

use ezsync_hosts::Image;
use serde_json::Value;

use crate::policy::Running;
use crate::support::{Bench, Ran, skipped};

/// chronyd starts when the test says so: until then a run that restarts it goes on.
const WAITS: &str = "mkdir -p /etc/systemd/system/chrony.service.d
    printf '[Service]\\nExecStartPre=/bin/sh -c \"until [ -e /run/go ]; do sleep 0.1; done\"\\n' \
      >/etc/systemd/system/chrony.service.d/waits.conf
    systemctl daemon-reload";

fn names(run: &Value) -> Vec<&str> {
    run["hosts"].as_array().unwrap().iter().map(|host| host["host"].as_str().unwrap()).collect()
}

#[test]
fn shards_set_up_a_cluster_side_by_side() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 5);
    let document = |name: &str| bench.folder.path().join(name).display().to_string();
    let (code, sources) = bench.json(&["setup", "c1", "--shard", "sources"]);
    assert_eq!((code, names(&sources)), (0, vec!["node1"]), "{sources:#}");
    fs::write(document("sources.json"), sources.to_string()).unwrap();

    for client in 1..5 {
        bench.on(client, WAITS);
    }
    let start =
        |shard: &str| Running::start(bench.command(&["setup", "c1", "--shard", shard, "--json"]));
    let (mut one, mut two) = (start("1/2"), start("2/2"));
    one.until(": restart chrony", 2);
    two.until(": restart chrony", 2);
    // Both are at work now. Nobody else is let in.
    for (args, whose) in [
        (&["setup", "c1"][..], "(ezsync setup c1 --shard "),
        (&["rollback", "c1"], "(ezsync setup c1 --shard "),
        (&["setup", "c1", "--break-lock"], "(ezsync setup c1 --shard "),
        (&["setup", "c1", "--shard", "2/2"], "(ezsync setup c1 --shard 2/2, process "),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 1, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("the cluster is being changed by"), "{}", ran.stderr);
        assert!(ran.stderr.contains(whose), "{}", ran.stderr);
    }
    bench.everywhere("touch /run/go");
    for (running, name, expected) in
        [(one, "1.json", ["node2", "node4"]), (two, "2.json", ["node3", "node5"])]
    {
        let (ran, _) = running.end();
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let run: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(names(&run), expected, "{run:#}");
        fs::write(document(name), &ran.stdout).unwrap();
    }

    let files = [document("2.json"), document("sources.json"), document("1.json")];
    let merge = [&["report", "merge"], &files.each_ref().map(String::as_str)[..]].concat();
    let merged = |more: &[&str]| {
        // It asks nobody, so it needs no keys.
        let mut command = bench.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        Ran::from(command.args(&merge).args(more).output().unwrap())
    };
    let ran = merged(&[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("c1: 5 hosts agree, each within "), "{}", ran.stdout);
    assert!(ran.stdout.contains("clocks agree within "), "{}", ran.stdout);
    let run: Value = serde_json::from_str(&merged(&["--json"]).stdout).unwrap();
    assert_eq!(names(&run), ["node1", "node2", "node3", "node4", "node5"]);
    assert_eq!((&run["exit"], &run["clocks"]["agree"]), (&0.into(), &true.into()), "{run:#}");

    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!((code, names(&run).len()), (0, 5), "{run:#}");
    let changes: Vec<_> =
        run["hosts"].as_array().unwrap().iter().map(|it| &it["plan"]["changes"]).collect();
    assert!(changes.iter().all(|changes| **changes == serde_json::json!([])), "{run:#}");
}
