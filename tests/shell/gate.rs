//! The frame of a run: the gate, a connection that goes away, a script that comes in part.

use std::fs;

use ezsync::desired::Step;
use ezsync::plan::Plan;
use ezsync::remote::{Outcome, Word, apply_script};
use serde_json::json;

use crate::host::Host;
use crate::run::{Running, assert_same, errand, go_and_leave, task};

/// One step of each kind.
fn steps() -> Vec<Step> {
    vec![
        task("file", json!({"path": "/etc/new", "state": "directory"})),
        task("copy", json!({"dest": "/etc/new/file", "content": "text\n"})),
        task("copy", json!({"dest": "/etc/app/app.conf", "content": "new\n"})),
        task("file", json!({"path": "/etc/app/gone", "state": "absent"})),
        task("service", json!({"name": "app", "state": "started", "enabled": true})),
        task("shell", json!({"cmd": "touch /etc/app/ran"})),
    ]
}

fn prepared(host: &Host) -> Plan {
    host.systemd();
    host.write("/etc/app/app.conf", "old\n");
    host.write("/etc/app/gone", "old\n");
    host.service("app", &[], "/etc/app/app.conf");
    host.plan(steps())
}

#[test]
fn nothing_but_go_lets_it_go_on() {
    for host in Host::each() {
        let plan = prepared(&host);
        let before = host.snapshot();
        for word in ["", "stop\n", "go on\n", "g\n", "\n", "\\go\n"] {
            let mut running = host.start(&plan);
            running.until(&["staged"]);
            running.say(word);
            running.signal("HUP");
            running.hang_up();
            assert_eq!(running.finish().outcome(), Outcome::Dropped, "{:?} {word}", host.shell);
            assert_same(&before, &host.snapshot(), &host);
            host.assert_tidy();
            assert!(host.calls().is_empty(), "{:?} {word}", host.shell);
        }
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert!(host.has("/etc/app/ran"));
    }
}

#[test]
fn a_lost_controller_does_not_stop_it_halfway() {
    for host in Host::each() {
        let plan = prepared(&host);
        let status = go_and_leave(&host, &plan);
        assert!(status.success(), "{:?}: {status}", host.shell);
        assert!(host.plan(steps()).changes.iter().all(|change| change.summary.starts_with("run")));
        assert_eq!(host.read("/etc/app/app.conf"), "new\n", "{:?}", host.shell);
        assert!(!host.has("/etc/app/gone"));
        assert_eq!(host.calls(), ["systemctl enable app", "systemctl start app"]);
        host.assert_tidy();
    }
}

#[test]
fn it_is_undone_also_when_nobody_listens() {
    for host in Host::each() {
        prepared(&host);
        let plan = host
            .plan(steps().into_iter().chain([task("shell", json!({"cmd": "false"}))]).collect());
        let before = host.snapshot();
        go_and_leave(&host, &plan);
        host.assert_tidy();
        fs::remove_file(host.at("/etc/app/ran")).unwrap();
        assert_same(&before, &host.snapshot(), &host);
    }
}

#[test]
fn signals_do_not_stop_it_halfway() {
    for host in Host::each() {
        host.write("/etc/app/app.conf", "old\n");
        let plan = host.plan(vec![
            task("copy", json!({"dest": "/etc/app/app.conf", "content": "new\n"})),
            task(
                "shell",
                json!({"cmd": ": >/srv/busy; while [ -e /srv/busy ]; do sleep 0.02; done"}),
            ),
            task("copy", json!({"dest": "/etc/app/last", "content": "new\n"})),
        ]);
        let mut running = host.start(&plan);
        running.until(&["staged"]);
        running.say("go\n");
        while !host.has("/srv/busy") {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        for signal in ["HUP", "PIPE", "INT", "TERM"] {
            running.signal(signal);
        }
        fs::remove_file(host.at("/srv/busy")).unwrap();
        assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?}", host.shell);
        assert!(host.has("/etc/app/last"));
        host.assert_tidy();
    }
}

#[test]
fn part_of_a_script_does_nothing() {
    let cut_on = |host: &Host| {
        let plan = prepared(host);
        let mark = Word::random().unwrap();
        let script = apply_script(&errand(host, &plan), &mark, &Word::random().unwrap());
        let before = host.snapshot();
        // Everywhere in the plan's own part, and at many places before it.
        let own = script.find("content_2() {").unwrap();
        let cuts = (0..own).step_by(211).chain((own..script.len() - 1).step_by(5));
        for cut in cuts.chain(script.len() - 40..script.len() - 1) {
            let mut running = Running::start(host, &script.as_bytes()[..cut], &mark);
            running.hang_up();
            let answer = running.finish();
            let said = &script[cut.saturating_sub(20)..cut];
            assert!(
                answer.sections.is_empty(),
                "{:?}: {said:?}: {:?}",
                host.shell,
                answer.sections
            );
            assert!(!host.has("/var/lib/ezsync"), "{:?}: {said:?}", host.shell);
            assert!(host.calls().is_empty(), "{:?}: {said:?}", host.shell);
        }
        assert_same(&before, &host.snapshot(), host);
    };
    std::thread::scope(|scope| {
        for host in Host::each() {
            scope.spawn(move || cut_on(&host));
        }
    });
}

#[test]
fn a_host_that_cannot_be_written_says_so() {
    for host in Host::each() {
        let plan = prepared(&host);
        let before = host.snapshot();
        host.write("/var/lib/ezsync", "a file in the way");
        assert_eq!(host.carry_out_untidy(&plan).outcome(), Outcome::Unwritable, "{:?}", host.shell);
        fs::remove_file(host.at("/var/lib/ezsync")).unwrap();
        // Somebody else could swap what root keeps there.
        fs::create_dir(host.at("/var/lib/ezsync")).unwrap();
        host.chown("/var/lib/ezsync", 7, 8);
        assert_eq!(host.carry_out_untidy(&plan).outcome(), Outcome::Unwritable, "{:?}", host.shell);
        assert_same(&before, &host.snapshot(), &host);
        fs::remove_dir(host.at("/var/lib/ezsync")).unwrap();
        // An administrator may have moved it to another disk.
        fs::create_dir(host.at("/srv/ezsync")).unwrap();
        std::os::unix::fs::symlink("/srv/ezsync", host.at("/var/lib/ezsync")).unwrap();
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed, "{:?}", host.shell);
        assert_eq!(host.attributes("/srv/ezsync").0, 0o700);
    }
}

#[test]
fn what_it_starts_has_the_usual_umask_and_words() {
    for host in Host::each() {
        let plan = host.plan(vec![task("shell", json!({"cmd": "umask; echo \"$LC_ALL\"; false"}))]);
        assert_eq!(host.carry_out(&plan).undone(), "0022\nC", "{:?}", host.shell);
    }
}
