//! Two operators at once, and hosts whose files do not stand where they do elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ezsync_hosts::Image;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Bench, LITTER, UNANSWERED, host, skipped, trouble};
use crate::transaction::await_that;

const CLIENT: &str = "templates/chrony/client.conf.tera";
const CONF: &str = "/etc/chrony/chrony.conf";

/// A client's configuration with a line that tells who has written it.
fn client(mark: &str) -> String {
    format!("server 10.99.0.11 iburst\nrtcsync\n# {mark}\n")
}

/// `setup` of the same cluster from another folder, as another controller would.
fn rival(bench: &Bench, folder: &Path) -> Command {
    let mut command = bench.command(&["setup", "c1", "--json"]);
    command.current_dir(folder).env("XDG_STATE_HOME", folder.join("state"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn of_two_operators_at_once_each_host_obeys_one_and_tells_the_other() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let other = TempDir::new().unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(bench.folder.path().join(".")).arg(other.path());
    assert!(copy.status().unwrap().success());
    fs::create_dir_all(other.path().join("templates/chrony")).unwrap();
    for round in 0..4 {
        bench.write(CLIENT, &client(&format!("ours {round}")));
        fs::write(other.path().join(CLIENT), client(&format!("theirs {round}"))).unwrap();
        let runs = [bench.folder.path(), other.path()]
            .map(|folder| rival(&bench, folder).spawn().unwrap());
        let runs: Vec<Value> = runs
            .into_iter()
            .map(|run| serde_json::from_slice(&run.wait_with_output().unwrap().stdout).unwrap())
            .collect();
        for (number, name) in [(1, "node2"), (2, "node3")] {
            let conf = bench.on(number, &format!("cat {CONF}"));
            let newest = ["ours", "theirs"]
                .map(|whose| conf == client(&format!("{whose} {round}")).trim_end());
            assert!(newest.contains(&true), "{name} {round}: {conf}");
            for (run, stands) in runs.iter().zip(newest) {
                if host(run, name)["outcome"]["state"] == "ok" {
                    // Both may have come one after the other: then it stood for a while.
                    continue;
                }
                assert!(!stands, "{name} {round}: {run:#}");
                let what = trouble(run, name, "failed");
                let told = [
                    "another run has this host",
                    "changed since it was looked at",
                    "somebody else has changed",
                ];
                assert!(told.iter().any(|words| what.contains(words)), "{what}");
            }
        }
        assert_eq!(bench.everywhere(LITTER), [""; 3]);
        assert_eq!(
            bench.everywhere("ls -d /var/lib/ezsync/lock /var/lib/ezsync/run.* 2>/dev/null; true"),
            [""; 3]
        );
    }
}

/// The one whose lock is broken says by whom that was, and what became of its change.
#[test]
fn who_loses_a_host_to_another_run_says_so() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let before = bench.on(1, &format!("cat {CONF}"));
    bench.write(CLIENT, UNANSWERED);
    let mut first = bench.command(&["setup", "c1", "--json", "--verify-timeout", "100"]);
    let first = first.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    await_that("it is on trial", 60, || {
        bench
            .on(1, &format!("cat {CONF} /var/lib/ezsync/run.*/deadline; true"))
            .contains("port 1123")
    });
    let other = TempDir::new().unwrap();
    let copy =
        Command::new("cp").arg("-R").arg(bench.folder.path().join(".")).arg(other.path()).status();
    assert!(copy.unwrap().success());
    fs::remove_dir_all(other.path().join("templates")).unwrap();
    let mut second = bench.command(&["setup", "c1", "--break-lock", "-l", "node2"]);
    second.current_dir(other.path()).env("XDG_STATE_HOME", other.path().join("state"));
    let second = second.output().unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout));
    let told = String::from_utf8_lossy(&second.stdout).into_owned();
    assert_eq!(
        told.matches("was cut off: what stood there before was put back").count(),
        1,
        "{told}"
    );
    let run: Value = serde_json::from_slice(&first.wait_with_output().unwrap().stdout).unwrap();
    let what = trouble(&run, "node2", "failed");
    assert!(what.starts_with("its change was ended on the host: 20"), "{what}");
    assert!(what.contains(" broke its lock: a change by root@"), "{what}");
    assert!(what.ends_with("what stood there before was put back"), "{what}");
    assert_eq!(host(&run, "node2")["went_back"], true);
    assert_eq!(bench.on(1, &format!("cat {CONF}")), before);
    assert_eq!(bench.on(1, LITTER), "");
}

/// An image of a container may have a policy-rc.d that lets packages neither start nor stop anything.
#[test]
fn a_daemon_that_outlives_its_package_is_stopped() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 1);
    let policy =
        "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d";
    let active = "systemctl is-active systemd-timesyncd chrony";
    assert_eq!(bench.on(0, &format!("{policy}; systemctl is-active systemd-timesyncd")), "active");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.on(0, &format!("{active}; true")), "inactive\nactive");
    let ran = bench.run(&["status", "c1"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

/// A link to another file system, a home that the power takes, and no programs that start others.
#[test]
fn odd_hosts_are_changed_and_go_back_all_the_same() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    bench.on(
        1,
        &format!(
            "mkdir /srv/conf /var/lib/ezsync; chmod 700 /var/lib/ezsync; mount -t tmpfs x /srv/conf
             mount -t tmpfs -o mode=0700 x /var/lib/ezsync; cp -p {CONF} /srv/conf/it; ln -sf /srv/conf/it {CONF}"
        ),
    );
    bench.on(2, "rm -f /usr/bin/systemd-run /usr/bin/setsid");
    let ran = bench.run(&["setup", "c1"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        bench.on(1, &format!("readlink {CONF}; stat -c %F /srv/conf/it")),
        "/srv/conf/it\nregular file"
    );
    let stand = format!("cat {CONF}; stat -L -c '%a %U %G %Y' {CONF}; readlink {CONF}; true");
    let before = bench.everywhere(&stand);
    // Nobody can follow that: both go back.
    bench.write(CLIENT, UNANSWERED);
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "6"]);
    assert_eq!(code, 2, "{run:#}");
    for name in ["node2", "node3"] {
        assert_eq!(host(&run, name)["went_back"], true, "{run:#}");
        let what = trouble(&run, name, "failed");
        assert!(what.ends_with("its previous configuration was put back"), "{what}");
    }
    assert_eq!(bench.everywhere(&stand), before);
    assert_eq!(bench.everywhere(LITTER), [""; 3]);
    // The watchdog as well, where nothing but the shell can start it.
    let mut child = bench
        .command(&["setup", "c1", "--verify-timeout", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_that("they are activated", 60, || {
        (1..3).all(|number| bench.on(number, &format!("cat {CONF}")).contains("port 1123"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    await_that("they have gone back", 90, || bench.everywhere(&stand) == before);
    assert_eq!(bench.run(&["verify", "c1"]).code, 0);
    assert_eq!(
        bench.everywhere("ls -d /var/lib/ezsync/lock /var/lib/ezsync/run.* 2>/dev/null; true"),
        [""; 3]
    );
}
