//! Hosts with clocks of their own, which chronyd and ezsync really set.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, host, line, skipped, trouble};

/// A year, in seconds.
const YEAR: i64 = 365 * 24 * 3600;

/// How far the clocks of one cluster may be apart, in seconds.
const NEAR: f64 = 0.01;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// How far a host's clock is ahead of this machine's, and how far that may be wrong: the test's own
/// reading, by ssh and bash. The narrowest of many counts.
fn ahead(bench: &Bench, number: usize) -> (f64, f64) {
    let known_hosts = format!("UserKnownHostsFile={}", bench.lab.known_hosts().display());
    let mut ssh = bench.lab.command("timeout");
    ssh.args(["60", "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", &known_hosts, "-i"])
        .arg(bench.lab.key())
        .arg(format!("root@{}", bench.hosts()[number].address))
        .arg("exec bash -c 'while read -r _; do echo $EPOCHREALTIME; done'")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut ssh = ssh.spawn().unwrap();
    let (mut ask, answers) = (ssh.stdin.take().unwrap(), ssh.stdout.take().unwrap());
    let mut answers = BufReader::new(answers);
    let mut best = (0.0, f64::INFINITY);
    for _ in 0..30 {
        let sent = now();
        ask.write_all(b"now\n").unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let (theirs, width) = (line.trim().parse::<f64>().unwrap(), now() - sent);
        if width / 2.0 < best.1 {
            best = (theirs - sent - width / 2.0, width / 2.0);
        }
    }
    drop(ask);
    ssh.wait().unwrap();
    assert!(best.1 < NEAR / 4.0, "no reading is narrow enough: {best:?}");
    best
}

/// All hosts' clocks are within [`NEAR`] of each other. How far they are ahead of this machine's.
fn assert_near(bench: &Bench) -> f64 {
    let all: Vec<(f64, f64)> =
        (0..bench.hosts().len()).map(|number| ahead(bench, number)).collect();
    let most = all.iter().map(|(ahead, wrong)| ahead + wrong).fold(f64::MIN, f64::max);
    let least = all.iter().map(|(ahead, wrong)| ahead - wrong).fold(f64::MAX, f64::min);
    assert!(most - least < NEAR, "{all:?}");
    all[0].0
}

fn notes(run: &Value, name: &str) -> String {
    let notes = host(run, name)["notes"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What ezsync read of a host's clock: how far it was ahead of this machine's before the run. After it, it is
/// where this test sees it as well.
fn assert_read(run: &Value, name: &str, now: f64) -> f64 {
    let clock = &host(run, name)["clock"];
    let number = |when: &str, key: &str| clock[when][key].as_f64().unwrap();
    let off = (number("after", "seconds") - now).abs();
    // Hosts are as near to each other, and this test's own reading to the truth.
    assert!(off <= number("after", "uncertainty") + NEAR, "{name}: {now}: {clock}");
    number("before", "seconds")
}

fn changes(run: &Value) -> Vec<usize> {
    let hosts = run["hosts"].as_array().unwrap();
    hosts.iter().map(|host| host["plan"]["changes"].as_array().unwrap().len()).collect()
}

fn assert_clients_say_yes(bench: &Bench, run: &Value) {
    for (number, name) in [(1, "node2"), (2, "node3")] {
        assert_eq!(host(run, name)["verdict"]["state"], "synchronised", "{run:#}");
        assert_eq!(bench.on(number, "timedatectl show -p NTPSynchronized"), "NTPSynchronized=yes");
    }
}

#[test]
fn clocks_that_are_years_apart_agree_and_are_set_from_here_when_that_is_asked_for() {
    if skipped() {
        return;
    }
    // About 2021, 2025 and 2031: leap years do not matter.
    let offsets = vec![-5 * YEAR, -YEAR, 5 * YEAR];
    let bench = Bench::of(&LabSpec { clock_offsets: offsets, ..LabSpec::new(Image::Chrony, 3) });

    // After one setup they have the time of their source, which nobody has told that it is years late.
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let behind = assert_near(&bench);
    assert!((behind + 5.0 * YEAR as f64).abs() < 60.0, "{behind}");
    assert_clients_say_yes(&bench, &run);
    assert_eq!(run["clocks"]["agree"], true, "{run:#}");
    assert_read(&run, "node1", behind);
    assert!(notes(&run, "node1").contains("behind this controller's"), "{run:#}");
    for (name, years) in [("node2", "4 y"), ("node3", "10 y")] {
        assert!(
            notes(&run, name).contains(&format!("its clock was set back by {years}")),
            "{run:#}"
        );
        assert!(assert_read(&run, name, behind) - behind > 3.9 * YEAR as f64, "{run:#}");
    }
    let (code, run) = bench.json(&["verify", "c1"]);
    assert_eq!((code, &run["clocks"]["agree"]), (0, &true.into()), "{run:#}");

    the_controllers_time(&bench);
    a_daemon_that_is_content(&bench);
    a_clock_that_no_package_is_valid_for(&bench);
}

/// A cluster that has agreed on another time gets this machine's.
fn the_controllers_time(bench: &Bench) {
    let ran = bench.run(&["setup", "c1", "--set-clock", "--check", "--diff"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in
        ["~ set the clock forward by 5 y 0 d", "-5 y 0 d (157,6", "behind the controller's\n"]
    {
        assert!(ran.stdout.contains(part), "no {part} in\n{}", ran.stdout);
    }
    assert!(ahead(bench, 0).0 < -60.0);

    // A change that does not restart chronyd: what it remembers of the old time proves nothing either.
    let mut lines: Vec<String> = bench.hosts().iter().map(line).collect();
    lines[2] += " timezone=Europe/Paris";
    bench.inventory(&lines);
    let (code, run) = bench.json(&["setup", "c1", "--set-clock"]);
    assert_eq!(code, 0, "{run:#}");
    // No daemon is started again: the source's serves the time that it finds, and clients are told to follow.
    assert_eq!(changes(&run), [1, 0, 1], "{run:#}");
    // `date` reads the clock and then sets it: where this machine is busy it may have to wait in between.
    let ahead = assert_near(bench);
    assert!(ahead.abs() < 0.05, "{ahead}");
    assert!(assert_read(&run, "node1", ahead) < -4.9 * YEAR as f64, "{run:#}");
    assert_clients_say_yes(bench, &run);
    assert!(notes(&run, "node1").contains("its clock was set forward by 5 y 0 d"), "{run:#}");
    assert!(notes(&run, "node1").contains("from this controller's, and is now"), "{run:#}");
    for name in ["node2", "node3"] {
        assert!(notes(&run, name).contains("its clock was set forward by 5 y 0 d"), "{run:#}");
        assert!(host(&run, name)["seconds"].as_f64().unwrap() < 30.0, "{run:#}");
    }

    let (code, run) = bench.json(&["setup", "c1", "--set-clock"]);
    assert_eq!((code, changes(&run)), (0, vec![0; 3]), "{run:#}");
}

/// A daemon that does not steer its clock finds nothing wrong with it.
fn a_daemon_that_is_content(bench: &Bench) {
    bench.on(
        2,
        "echo 'DAEMON_OPTS=\"-x -F 1\"' >/etc/default/chrony; systemctl stop chrony
         date -s '3 seconds'; systemctl start chrony",
    );
    let (code, run) = bench.json(&["verify", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(host(&run, "node2")["outcome"]["state"], "ok", "{run:#}");
    let what = trouble(&run, "node3", "failed");
    let said = what.contains("by its daemon's word all is well, but its clock is 3.0 s ±");
    assert!(said && what.contains("ahead of that of node1"), "{what}");
    assert_eq!(host(&run, "node3")["verdict"]["cause"]["code"], "clock_differs");
}

/// A source without chrony that is years behind: packages can be had when its clock has been set.
fn a_clock_that_no_package_is_valid_for(bench: &Bench) {
    bench.on(2, "echo 'DAEMON_OPTS=\"-F 1\"' >/etc/default/chrony; systemctl restart chrony");
    bench.on(
        0,
        "dpkg --purge chrony; rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
         apt-get clean; date -s '5 years ago'",
    );
    let (code, run) = bench.json(&["setup", "c1", "--limit", "node1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.ends_with("`install chrony` failed; nothing was changed"), "{what}");
    let next = host(&run, "node1")["outcome"]["trouble"]["next"].as_str().unwrap();
    assert!(next.contains("behind this controller's, and package managers take nothing"), "{next}");
    assert!(next.contains("--set-clock"), "{next}");

    let (code, run) = bench.json(&["setup", "c1", "--set-clock"]);
    assert_eq!(code, 0, "{run:#}");
    let changes = host(&run, "node1")["plan"]["changes"].as_array().unwrap();
    assert!(changes[0]["summary"].as_str().unwrap().starts_with("set the clock forward by"));
    assert_eq!(changes[1]["summary"], "install chrony");
    assert!(assert_near(bench).abs() < 0.05);
}
