//! Sources that stand by for the first: who follows whom when it dies, and when it comes back.

use std::time::{Duration, Instant};

use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, host, line, skipped, trouble};

/// How soon clients must have left a source that died.
const MOVED: Duration = Duration::from_secs(60);

/// A cluster of three sources (node1, node2, node3) and two clients.
fn cluster(spec: &LabSpec, more: &str) -> Bench {
    let bench = Bench::of(spec);
    let lines: Vec<String> = bench.hosts()[..5].iter().map(line).collect();
    bench.inventory_of(&lines, "node1\nnode2\nnode3");
    bench.write("inventories/c1/config.yml", &format!("chrony_standby: true\n{more}"));
    bench
}

/// What each host follows: its reference in the report.
fn references(run: &Value) -> Vec<&str> {
    let hosts = run["hosts"].as_array().unwrap();
    hosts.iter().map(|host| host["verdict"]["reference"].as_str().unwrap_or("-")).collect()
}

fn assert_ok(run: &Value, names: &[&str]) {
    for name in names {
        assert_eq!(host(run, name)["outcome"]["state"], "ok", "{name}: {run:#}");
    }
}

fn notes(run: &Value, name: &str) -> String {
    host(run, name)["verdict"]["notes"].to_string()
}

/// Waits until chronyd on a host follows `address`, and says how long that took.
fn wait_until_follows(bench: &Bench, number: usize, address: &str) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < 2 * MOVED {
        let tracking = bench.on(number, "chronyc -n -c tracking");
        if tracking.split(',').nth(1) == Some(address) {
            return begun.elapsed();
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("node{} does not follow {address}", number + 1)
}

#[test]
fn clients_follow_the_standby_when_the_source_dies_and_return_to_it() {
    if skipped() {
        return;
    }
    // chrony 4.3, 4.0 and 4.6 as sources and as clients.
    let [bullseye, trixie] = ["bullseye", "trixie"].map(|suite| suite.parse().unwrap());
    let spec = LabSpec {
        others: vec![(1, Image::Chrony, bullseye), (2, Image::Chrony, trixie)],
        ..LabSpec::new(Image::Chrony, 5)
    };
    let bench = cluster(&spec, "ntp_servers: []\n");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let parts: Vec<&Value> = run["hosts"].as_array().unwrap().iter().map(|h| &h["part"]).collect();
    assert_eq!(parts, ["source", "standby", "standby", "client", "client"]);
    assert_eq!(references(&run), ["local", "10.99.0.11", "10.99.0.11", "10.99.0.11", "10.99.0.11"]);
    let starts = bench.starts();
    let (code, again) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{again:#}");
    assert_eq!((bench.starts(), &again["recap"]["node2"]["changed"]), (starts, &Value::from(0)));

    bench.on(0, "systemctl kill --signal=KILL chrony; systemctl stop chrony");
    let died = Instant::now();
    for client in [3, 4] {
        wait_until_follows(&bench, client, "10.99.0.12");
    }
    assert!(died.elapsed() < MOVED, "{:?}", died.elapsed());
    wait_until_follows(&bench, 2, "10.99.0.12");
    let (code, run) = bench.json(&["verify", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    trouble(&run, "node1", "failed");
    assert_ok(&run, &["node2", "node3", "node4", "node5"]);
    assert_eq!(references(&run)[1..], ["local", "10.99.0.12", "10.99.0.12", "10.99.0.12"]);
    assert_eq!(host(&run, "node2")["verdict"]["state"], "local", "{run:#}");
    let says = "follows the standby 10.99.0.12: the source 10.99.0.11 does not answer";
    assert!(notes(&run, "node4").contains(says), "{}", notes(&run, "node4"));
    let says = "gives the cluster its time in place of the source 10.99.0.11";
    assert!(notes(&run, "node2").contains(says), "{}", notes(&run, "node2"));

    // It asks those who kept the time before it serves again, and all return to it.
    bench.on(0, "systemctl start chrony");
    let log = bench.on(0, "journalctl --unit chrony --output=cat --lines=20");
    assert!(log.contains("System's initial offset"), "{log}");
    for follower in [1, 2, 3, 4] {
        wait_until_follows(&bench, follower, "10.99.0.11");
    }
    let (code, run) = bench.json(&["verify", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(!notes(&run, "node4").contains("standby"), "{}", notes(&run, "node4"));
}

#[test]
fn without_its_source_a_cluster_is_set_up_by_the_standby() {
    if skipped() {
        return;
    }
    let bench = cluster(&LabSpec::new(Image::Chrony, 6), "ntp_servers: [10.99.0.16]\n");
    // The sixth host plays the public server.
    bench.on(
        5,
        "printf 'local stratum 3\\nallow\\n' >/etc/chrony/chrony.conf; systemctl restart chrony",
    );
    bench.lab.stop(&bench.hosts()[0]).unwrap();
    let (code, run) = bench.json(&["setup", "c1", "-T", "3"]);
    assert_eq!(code, 4, "{run:#}");
    trouble(&run, "node1", "unreachable");
    assert_ok(&run, &["node2", "node3", "node4", "node5"]);
    // The first that serves has the upstream alone; further ones choose between the two.
    assert_eq!(references(&run)[1], "10.99.0.16");
    assert!(["10.99.0.16", "10.99.0.12"].contains(&references(&run)[2]), "{run:#}");
    assert!(["10.99.0.12", "10.99.0.13"].contains(&references(&run)[3]), "{run:#}");
    assert!(notes(&run, "node4").contains("follows the standby"), "{run:#}");

    // Without any of the three nothing is changed.
    for source in [1, 2] {
        bench.lab.stop(&bench.hosts()[source]).unwrap();
    }
    let conf = bench.on(3, "cat /etc/chrony/chrony.conf");
    let (code, run) = bench.json(&["setup", "c1", "-T", "3", "-e", "chrony_standby=false"]);
    assert_eq!(code, 2, "{run:#}");
    assert!(trouble(&run, "node4", "failed").contains("node1 is unreachable"), "{run:#}");
    assert_eq!(bench.on(3, "cat /etc/chrony/chrony.conf"), conf);
}

#[test]
fn a_clock_that_is_set_from_here_is_not_set_back_by_the_standby() {
    if skipped() {
        return;
    }
    const HOUR: i64 = 3600;
    let spec = LabSpec { clock_offsets: vec![HOUR; 3], ..LabSpec::new(Image::Chrony, 3) };
    let bench = Bench::of(&spec);
    let lines: Vec<String> = bench.hosts().iter().map(line).collect();
    bench.inventory_of(&lines, "node1\nnode2");
    bench.write("inventories/c1/config.yml", "chrony_standby: true\nntp_servers: []\n");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let ahead = |run: &Value, name: &str| {
        host(run, name)["clock"]["after"]["seconds"].as_f64().expect("a clock that was read")
    };
    assert!((ahead(&run, "node3") - 3600.0).abs() < 5.0, "{run:#}");

    let (code, run) = bench.json(&["setup", "c1", "--set-clock"]);
    assert_eq!(code, 0, "{run:#}");
    for name in ["node1", "node2", "node3"] {
        assert!(ahead(&run, name).abs() < 0.5, "{name}: {run:#}");
    }
    assert_eq!(references(&run), ["local", "10.99.0.11", "10.99.0.11"]);
}
