//! A change is kept when it is proved, and goes back by itself when it is not.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ezsync_hosts::Image;
use serde_json::Value;

use crate::cutter::Cutter;
use crate::support::{Bench, EVERYTHING, LITTER, UNANSWERED, host, skipped, trouble};

const CONF: &str = "cat /etc/chrony/chrony.conf; stat -c '%a %U %G %Y' /etc/chrony/chrony.conf";

/// What no run leaves behind.
const GUARD: &str = "
    find /etc/systemd -name 'ezsync*'; systemctl list-units --all --plain --no-legend 'ezsync*'
    ls -d /var/lib/ezsync/lock /var/lib/ezsync/run.* /var/lib/ezsync/gone.* /usr/sbin/policy-rc.d 2>/dev/null
    true";

pub fn await_that(what: &str, patience: u64, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(patience), "not so: {what}");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_change_that_is_not_proved_goes_back() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let before = bench.everywhere(CONF);

    // One client that would follow nobody.
    let silent = "server {{ time_source }} iburst\nrtcsync\n{{ more | default(value='') }}\n";
    bench.write(
        "templates/chrony/client.conf.tera",
        &silent.replace("{{ time_source }}", "{{ follow }}"),
    );
    bench.write("inventories/c1/group_vars/all.yml", "follow: 10.99.0.11\n");
    bench.write("inventories/c1/host_vars/node3.yml", "follow: 10.99.0.99\n");
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "6"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node3", "failed");
    assert!(what.ends_with("its previous configuration was put back"), "{what}");
    assert_eq!(host(&run, "node3")["went_back"], true);
    assert_eq!(host(&run, "node3")["applied"], false);
    assert_eq!(host(&run, "node2")["outcome"]["state"], "ok", "{run:#}");
    assert_eq!(bench.on(2, CONF), before[2]);
    assert_ne!(bench.on(1, CONF), before[1]);
    assert_eq!(bench.on(2, "systemctl is-active chrony; ls /var/lib/ezsync/changes"), "active\n1");
    assert_eq!(bench.everywhere(GUARD), [""; 3]);
    assert_eq!(bench.everywhere(LITTER), [""; 3]);

    // A source that nobody can follow any more goes back when all of them have ended.
    bench.write("inventories/c1/host_vars/node3.yml", "follow: 10.99.0.11\n");
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let before = (bench.on(0, CONF), bench.on(0, "ls /var/lib/ezsync/changes"));
    bench.write(
        "templates/chrony/server.conf.tera",
        "local stratum {{ local_stratum }}\ndeny\nrtcsync\n",
    );
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "6"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.starts_with("none of its clients follows it; its previous"), "{what}");
    assert_eq!(host(&run, "node1")["went_back"], true);
    // It was not asked: its old configuration would have answered.
    let what = trouble(&run, "node2", "failed");
    assert!(!what.contains("allow"), "{what}");
    assert_eq!((bench.on(0, CONF), bench.on(0, "ls /var/lib/ezsync/changes")), before);
    assert_eq!(bench.run(&["verify", "c1"]).code, 0);

    // Told to, it keeps it.
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "6", "--no-confirm"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(host(&run, "node1")["went_back"], false);
    assert!(bench.on(0, CONF).contains("\ndeny\n"));
}

#[test]
fn without_its_controller_a_host_goes_back_by_itself() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let before = bench.everywhere(EVERYTHING);
    bench.write("templates/chrony/client.conf.tera", UNANSWERED);
    let start = || {
        let mut child = bench
            .command(&["setup", "c1", "--verify-timeout", "120"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        await_that("it is activated", 60, || bench.on(1, CONF).contains("port 1123"));
        let rest = std::thread::spawn(move || told.by_ref().count());
        (child, rest)
    };
    let is_back = || {
        let said = bench.on(1, GUARD);
        // After a boot systemd remembers the unit that it ran then.
        let left =
            said.lines().filter(|line| !line.contains("ezsync-guard.service loaded inactive"));
        bench.on(1, CONF).contains("10.99.0.11") && left.count() == 0
    };

    // The controller is killed.
    let (mut child, rest) = start();
    await_that("it is proved", 20, || {
        bench.on(1, "ls /var/lib/ezsync/run.*/deadline").contains("deadline")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    rest.join().unwrap();
    await_that("it has gone back", 20, is_back);
    assert_eq!(bench.everywhere(EVERYTHING), before);
    // Whoever looks next is told, until a change is kept.
    for command in ["status", "verify"] {
        let (_, run) = bench.json(
            &[command, "c1", "--verify-timeout", "0"][..if command == "status" { 2 } else { 4 }],
        );
        let notes = host(&run, "node2")["notes"].to_string();
        assert!(notes.contains("UTC: it went back by itself: a change by root@"), "{run:#}");
    }

    // The power fails: it has gone back before chronyd starts.
    let (mut child, rest) = start();
    await_that("it has begun", 20, || {
        bench.on(1, "ls /var/lib/ezsync/run.*/begun").contains("begun")
    });
    bench.lab.power_cut(&bench.hosts()[1]).unwrap();
    let _ = Command::new("kill").args(["-9", &child.id().to_string()]).status();
    child.wait().unwrap();
    rest.join().unwrap();
    await_that("it has gone back", 20, is_back);
    let after = bench.on(1, EVERYTHING);
    let files = |all: &str| {
        all.lines().filter(|line| line.contains("/etc/")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(files(&after), files(&before[1]));
    await_that("chronyd follows its old source", 60, || {
        bench.on(1, "chronyc -n -c tracking || true").contains("10.99.0.11")
    });
}

/// A host that has lost its connection when it was told to keep its change is asked what it has done.
#[test]
fn whether_a_change_is_kept_is_asked_again_when_the_connection_is_lost() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 1);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let cutter = Cutter::new(&bench, 0);
    let at_the_word = |stratum: &str, what: &str| {
        bench.write(
            "inventories/c1/config.yml",
            &format!("ntp_servers: []\nlocal_stratum: {stratum}\n"),
        );
        let args = ["setup", "c1", "--json"];
        let ran = cutter.meddle(&args, "mv *kept.new*", what);
        let run: Value = serde_json::from_str(&ran.stdout).unwrap();
        await_that("it has ended", 20, || bench.on(0, GUARD).is_empty());
        (ran.code, run)
    };
    let stratum = "sed -n 's/^local stratum //p' /etc/chrony/chrony.conf | cut -d ' ' -f 1";

    // The connection is lost, and the host goes on.
    let (code, run) = at_the_word("7", "pkill -9 -f '^sshd: root@notty'");
    assert_eq!(code, 0, "{run:#}");
    let notes = host(&run, "node1")["notes"].to_string();
    assert!(
        notes.contains("the connection was lost") && notes.contains("it has kept it"),
        "{notes}"
    );
    assert_eq!(host(&run, "node1")["applied"], true);
    assert_eq!(bench.on(0, stratum), "7");

    // So is its script, before it has kept anything: the host's guard puts it back.
    let killed = "read -r waits _ </run/cut/at
        kill -9 $(sed -n 's/^pid\t//p' /var/lib/ezsync/lock/owner) $waits";
    let (code, run) = at_the_word("9", killed);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.ends_with("its previous configuration was put back"), "{what}");
    assert_eq!(host(&run, "node1")["went_back"], true);
    assert_eq!(bench.on(0, stratum), "7");
    assert_eq!(bench.on(0, LITTER), "");
}

/// What Debian would start at once waits until it is configured.
#[test]
fn a_fresh_chronyd_is_started_once() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    let begun = Instant::now();
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    eprintln!("first setup: {:?}", begun.elapsed());
    let starts = "journalctl -q -u chrony -o cat | grep -c '^Started chrony'";
    assert_eq!(bench.everywhere(starts), ["1"; 2]);
    assert_eq!(bench.everywhere(GUARD), [""; 2]);
    assert_eq!(bench.on(1, "cat /var/lib/ezsync/originals.units/chrony"), "yes\tyes\tno");
}
