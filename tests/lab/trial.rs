//! Changes on trial: a host goes back by itself when its time is not proved, also when nobody is left to
//! tell it.

use std::time::{Duration, Instant};

use ezsync_hosts::Image;
use serde_json::Value;

use crate::cutter::{Cut, Cutter, Made, STATE, difference, state_of};
use crate::support::{Bench, LITTER, host, skipped, trouble};

/// A cluster that is in time, and how its hosts are.
fn set_up(hosts: usize) -> (Bench, Vec<String>) {
    let bench = Bench::new(Image::Chrony, hosts);
    let ran = bench.run(&["setup", "c1"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let states = bench.everywhere(STATE);
    (bench, states)
}

/// Another configuration for all.
const OTHER: &str = "ntp_servers: []\nlocal_stratum: 7\ntime_key: generate\n";

fn assert_back(bench: &Bench, states: &[String]) {
    for (number, state) in states.iter().enumerate() {
        let now = state_of(bench, number, &[state]);
        assert_eq!(difference(&now, state), "", "host {number}");
        assert_eq!(bench.on(number, LITTER), "");
    }
}

fn assert_told(run: &Value, name: &str) {
    let what = trouble(run, name, "failed");
    assert!(what.contains("its previous configuration was put back"), "{what}");
    assert_eq!(host(run, name)["went_back"], true, "{run:#}");
    assert_eq!(host(run, name)["applied"], false, "{run:#}");
}

#[test]
fn a_source_that_serves_nobody_goes_back_with_its_clients() {
    if skipped() {
        return;
    }
    let (bench, states) = set_up(3);
    // Only the clients see it: the port is shut on the way in, and the source's own word is well.
    bench.on(
        0,
        "nft add table inet t && nft 'add chain inet t c { type filter hook input priority 0; }' \
         && nft add rule inet t c udp dport 123 drop",
    );
    bench.write("inventories/c1/config.yml", OTHER);
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "8"]);
    assert_eq!(code, 2, "{run:#}");
    for name in ["node1", "node2", "node3"] {
        assert_told(&run, name);
    }
    // What the source says by now is of another configuration.
    let why = trouble(&run, "node2", "failed");
    assert!(why.contains("node1 had a new configuration then, which was put back"), "{why}");
    assert!(!why.contains("the source allows"), "{why}");
    bench.on(0, "nft flush ruleset");
    assert_back(&bench, &states);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
}

#[test]
fn a_client_whose_new_source_is_not_there_goes_back_alone() {
    if skipped() {
        return;
    }
    let (bench, states) = set_up(3);
    bench.write(
        "templates/chrony/client.conf.tera",
        "server {% if inventory_hostname == 'node3' %}10.99.0.99{% else %}{{ time_source }}{% endif %} iburst\nrtcsync\n",
    );
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "8"]);
    assert_eq!(code, 2, "{run:#}");
    assert_told(&run, "node3");
    assert_eq!(host(&run, "node2")["outcome"]["state"], "ok", "{run:#}");
    let now = state_of(&bench, 2, &[&states[2]]);
    assert_eq!(difference(&now, &states[2]), "");
    // Who does not want that says so.
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "8", "--no-confirm"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(host(&run, "node3")["went_back"], false, "{run:#}");
    assert!(bench.on(2, "cat /etc/chrony/chrony.conf").contains("10.99.0.99"));
}

/// The controller dies right after the host has changed, with and without a word of it; so does the cable.
#[test]
fn without_its_controller_a_host_on_trial_goes_back() {
    if skipped() {
        return;
    }
    let (bench, _) = set_up(1);
    bench.write("inventories/c1/config.yml", OTHER);
    let cutter = Cutter::new(&bench, 0);
    let setup = ["setup", "c1"];
    // The first look at the daemon comes when all is changed.
    let look = "chronyc *";
    let restore = "ntp_servers: []\n";
    for cut in [Cut::Controller, Cut::Connection, Cut::Cable] {
        bench.write("inventories/c1/config.yml", restore);
        let ran = bench.run(&["setup", "c1", "--no-confirm"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let before = bench.on(0, STATE);
        bench.write("inventories/c1/config.yml", OTHER);
        let start = Instant::now();
        let Made::Cut(_) = cutter.cut(&setup, look, cut) else { panic!("{cut:?}: not cut") };
        assert!(start.elapsed() < Duration::from_secs(100), "{cut:?}: {:?}", start.elapsed());
        let now = state_of(&bench, 0, &[&before]);
        assert_eq!(difference(&now, &before), "", "{cut:?}");
        assert_eq!(bench.on(0, LITTER), "", "{cut:?}");
    }
    let ran = bench.run(&setup);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}
