//! Runs that wait, lose what they stand on, or cannot put everything back.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ezsync::plan::Plan;
use ezsync::remote::{Ending, Errand, Outcome, Request};
use ezsync::resource::{Call, Work};
use serde_json::json;

use crate::host::Host;
use crate::recovery::{
    BUSY, HOME, await_that, cut, kill, recover, run_folder, start, start_recover, take_left, told,
};
use crate::run::{Running, assert_same, errand, task};

const CONF: &str = "/etc/app/app.conf";

fn written(host: &Host, blocks: bool) -> Plan {
    host.write(CONF, "old\n");
    let mut steps = vec![task("copy", json!({"dest": CONF, "content": "new\n"}))];
    if blocks {
        steps.push(task("shell", json!({"cmd": BUSY})));
        steps.push(task("shell", json!({"cmd": "exit 1"})));
    }
    host.plan(steps)
}

fn staged(host: &Host, plan: &Plan) -> Running {
    let mut running = start(host, &errand(host, plan));
    running.until(&["staged", "result"]);
    running
}

fn deadline(host: &Host) -> u64 {
    let text = host.read(&format!("{}/deadline", run_folder(host).unwrap()));
    text.trim().parse().unwrap()
}

fn uptime() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    text.split('.').next().unwrap().parse().unwrap()
}

#[test]
fn a_staged_host_waits_for_as_long_as_it_is_told_to() {
    for host in Host::each() {
        let plan = written(&host, false);
        let mut running = staged(&host, &plan);
        assert!(deadline(&host) <= uptime() + 60, "{:?}", host.shell);
        let file = format!("{}/deadline", run_folder(&host).unwrap());
        host.write(&file, "99999999\n");
        running.say("wait\n");
        await_that("it is heard", || deadline(&host) <= uptime() + 60);
        running.say("go\n");
        assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?}", host.shell);

        // Not a word: it is as if nothing had been.
        let plan = written(&host, false);
        let before = host.snapshot();
        let running = staged(&host, &plan);
        let file = format!("{}/deadline", run_folder(&host).unwrap());
        host.write(&file, "0\n");
        await_that("the watchdog ends it", || run_folder(&host).is_none());
        assert_same(&before, &host.snapshot(), &host);
        running.finish_any();
        await_that("the lock is free", || !host.has(&format!("{HOME}/lock")));
    }
}

#[test]
fn the_guard_at_boot_lets_a_run_be_that_goes_on() {
    for host in Host::each() {
        let plan = written(&host, false);
        let mut running = staged(&host, &plan);
        let undo = format!("{}/undo", run_folder(&host).unwrap());
        let mut shell: Command = host.shell();
        let mut child = shell.spawn().unwrap();
        std::io::Write::write_all(
            &mut child.stdin.take().unwrap(),
            format!("sh {undo} boot\n").as_bytes(),
        )
        .unwrap();
        assert!(child.wait().unwrap().success());
        running.say("go\n");
        assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?}", host.shell);
        assert_eq!(host.read(CONF), "new\n");
    }
}

#[test]
fn a_way_back_that_fails_takes_the_folder_away_that_it_had_put_back() {
    for host in Host::each() {
        fs::create_dir_all(host.at("/srv/saved/in")).unwrap();
        host.write("/srv/saved/in/file", "old\n");
        host.write(CONF, "new\n");
        let mut plan = host.plan(vec![
            task("copy", json!({"dest": CONF, "content": "x\n"})),
            task("shell", json!({"cmd": "exit 1"})),
        ]);
        plan.changes[0].work = Work {
            prepare: Some(Call {
                function: "restore_stage",
                args: vec!["/etc/app/back".into(), "/srv/saved".into()],
            }),
            activate: Some(Call { function: "restore_commit", args: vec!["/etc/app/back".into()] }),
            ..Work::default()
        };
        let before = host.snapshot();
        let mut running = start(&host, &Errand { ending: Ending::Pop(1), ..errand(&host, &plan) });
        running.until(&["staged", "result"]);
        running.say("go\n");
        let outcome = running.finish().outcome();
        assert!(matches!(outcome, Outcome::Undone(_)), "{:?}: {outcome:?}", host.shell);
        assert_same(&before, &host.snapshot(), &host);
        host.assert_tidy();
    }
}

fn left(host: &Host) -> String {
    host.probe(&Request::new(&BTreeSet::new(), &[])).past.left
}

/// Somebody else puts a folder where the file stood.
fn in_the_way(host: &Host) {
    fs::remove_file(host.at(CONF)).unwrap();
    fs::create_dir(host.at(CONF)).unwrap();
}

#[test]
fn what_could_not_be_put_back_is_told_until_a_change_is_kept() {
    for host in Host::each() {
        for is_cut in [false, true] {
            let plan = written(&host, true);
            let mut running = staged(&host, &plan);
            running.say("go\n");
            await_that("it is busy", || host.has("/srv/busy"));
            in_the_way(&host);
            if is_cut {
                cut(&host);
                fs::remove_file(host.at("/srv/busy")).unwrap();
                assert_eq!(recover(&host, false).outcome(), Outcome::Changed);
            } else {
                fs::remove_file(host.at("/srv/busy")).unwrap();
                let outcome = running.finish().outcome();
                assert!(matches!(outcome, Outcome::NotUndone(_)), "{:?}: {outcome:?}", host.shell);
            }
            let told = left(&host);
            assert!(told.contains("a change by tester@here"), "{:?} {told}", host.shell);
            let kept = told.split("is kept as ").nth(1).unwrap().trim();
            assert_eq!(host.read(kept), "old\n", "{told}");
            fs::remove_file(host.at(kept)).unwrap();
            fs::remove_dir(host.at(CONF)).unwrap();
            assert_eq!(host.carry_out(&written(&host, false)).outcome(), Outcome::Changed);
            assert_eq!(left(&host), "", "{:?}", host.shell);
        }
    }
}

#[test]
fn the_folder_of_ours_may_go_with_another_run_just_when_the_lock_is_taken() {
    for host in Host::each() {
        let plan = written(&host, false);
        host.write("/srv/once", "");
        let real = if host.shell == crate::host::Shell::Ash { "busybox mkdir" } else { "mkdir" };
        host.program(
            "mkdir",
            format!(
                "#!/bin/sh\ncase $1 in */ezsync/lock) if [ -e /srv/once ]; then rm /srv/once; rmdir {HOME}; fi ;; esac\n\
                 exec /host/usr/bin/{real} \"$@\"\n"
            ),
        );
        let outcome = host.carry_out(&plan).outcome();
        assert_eq!(outcome, Outcome::Changed, "{:?}", host.shell);
        assert!(!host.has("/srv/once"));
    }
}

#[test]
fn services_are_held_back_no_longer_than_the_run_that_was_cut_off() {
    for host in Host::each() {
        let plan = written(&host, false);
        let _running = staged(&host, &plan);
        let run = run_folder(&host).unwrap();
        host.write(&format!("{run}/hold"), "");
        host.write(
            "/usr/sbin/policy-rc.d",
            format!("[ -d {run} ] || exit 0\necho x >>{run}/denied\n"),
        );
        cut(&host);
        recover(&host, false);
        assert!(!host.has("/usr/sbin/policy-rc.d"), "{:?}", host.shell);
    }
}

/// What is removed is kept on another file system when `/var` is one.
#[test]
fn a_folder_is_kept_on_another_file_system() {
    for host in Host::each() {
        fs::create_dir_all(host.at("/etc/app/folder/in")).unwrap();
        host.write("/etc/app/folder/in/file", "old\n");
        let plan =
            host.plan(vec![task("file", json!({"path": "/etc/app/folder", "state": "absent"}))]);
        let real = if host.shell == crate::host::Shell::Ash { "busybox stat" } else { "stat" };
        let stat = format!(
            "#!/bin/sh\ncase $2:$3 in %d:*.old) echo another; exit ;; esac\nexec /host/usr/bin/{real} \"$@\"\n"
        );
        host.program("stat", stat);
        // The power fails in the middle of the copy.
        let cp = host.at("/usr/bin/cp");
        let real = fs::read_link(&cp).unwrap();
        host.program(
            "cp",
            format!(
                "#!/bin/sh\nmkdir -p \"$5\"; kill -9 $(sed -n 's/^pid\t//p' {HOME}/run.*/watchdog {HOME}/lock/owner) $PPID\n"
            ),
        );
        let mut running = staged(&host, &plan);
        running.say("go\n");
        running.finish_any();
        assert!(run_folder(&host).is_some(), "{:?}", host.shell);
        fs::remove_file(&cp).unwrap();
        std::os::unix::fs::symlink(real, &cp).unwrap();
        recover(&host, false);
        let saved = format!("{HOME}/changes/1/saved");
        assert_eq!(host.read(&format!("{saved}/1/in/file")), "old\n", "{:?}", host.shell);
        assert_eq!(fs::read_dir(host.at(&saved)).unwrap().count(), 1);
        assert!(!host.has("/etc/app/folder"));
        host.assert_tidy();
    }
}

/// Of two that put back what a run had changed, one waits for the other.
#[test]
fn the_next_run_waits_for_a_watchdog_that_is_at_work() {
    for host in Host::each() {
        host.systemd();
        let plan = written(&host, true);
        let before = host.snapshot();
        let mut running = staged(&host, &plan);
        running.say("go\n");
        await_that("it is busy", || host.has("/srv/busy"));
        let mv = host.at("/usr/bin/mv");
        let real = fs::read_link(&mv).unwrap();
        // The watchdog's first rename takes its time.
        host.program(
            "mv",
            "#!/bin/sh\ncase $2 in *.old) : >/srv/slow; while [ -e /srv/slow ]; do sleep 0.02; done ;; esac\n\
             exec /host/usr/bin/mv \"$@\"\n",
        );
        kill(&host, "owner");
        await_that("the watchdog is at it", || host.has("/srv/slow"));
        let _ = fs::remove_file(host.at("/srv/busy"));
        let mut next = start_recover(&host);
        await_that("the next one has come", || {
            host.has(&format!("{HOME}/lock/owner"))
                && host.read(&format!("{HOME}/lock/owner")).contains("next@here")
        });
        fs::remove_file(host.at("/srv/slow")).unwrap();
        next.until(&["result"]);
        let answer = next.finish();
        assert!(
            told(&answer).contains("was just being ended by the host itself"),
            "{}",
            told(&answer)
        );
        fs::remove_file(&mv).unwrap();
        std::os::unix::fs::symlink(real, &mv).unwrap();
        assert_same(&before, &host.snapshot(), &host);
        assert!(take_left(&host).contains("it went back by itself"));
        await_that("nothing is left", || !host.has(HOME));
    }
}
