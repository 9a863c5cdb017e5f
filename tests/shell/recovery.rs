//! Changes that are cut off, and what brings them to an end: whole old or whole new, and nothing else left.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ezsync::facts::{ChronyFacts, Facts, Platform};
use ezsync::plan::Plan;
use ezsync::remote::{Ending, Errand, Outcome, Sight, Word, apply_script, recover_script};
use serde_json::json;

use crate::host::Host;
use crate::run::{Answer, Running, assert_same, errand, task};

const CONF: &str = "/etc/app/app.conf";
pub const HOME: &str = "/var/lib/ezsync";

/// A step that does not end before `/srv/busy` is gone.
pub const BUSY: &str = ": >/srv/busy; while [ -e /srv/busy ]; do sleep 0.02; done";

/// A host with a service that reads a file, and a plan with a step of each kind.
fn prepared(host: &Host, blocks: bool) -> Plan {
    host.systemd();
    host.write(CONF, "old\n");
    host.chown(CONF, 7, 8);
    host.write("/etc/app/gone", "old\n");
    fs::create_dir_all(host.at("/etc/app/folder")).unwrap();
    host.write("/etc/app/folder/file", "old\n");
    host.write("/etc/app/mode", "old\n");
    host.service("app", &["active"], CONF);
    let mut steps = vec![
        task("file", json!({"path": "/etc/new/sub", "state": "directory"})),
        task("copy", json!({"dest": "/etc/new/sub/file", "content": "new\n"})),
        task("copy", json!({"dest": CONF, "content": "new\n"})),
        task("file", json!({"path": "/etc/app/gone", "state": "absent"})),
        task("file", json!({"path": "/etc/app/folder", "state": "absent"})),
        task("file", json!({"path": "/etc/app/mode", "mode": "0600"})),
        task("service", json!({"name": "app", "state": "restarted"})),
        task("service", json!({"name": "app", "enabled": true})),
    ];
    if blocks {
        steps.push(task("shell", json!({"cmd": BUSY})));
    }
    host.plan(steps)
}

pub fn start(host: &Host, errand: &Errand<'_>) -> Running {
    let (mark, token) = (Word::random().unwrap(), Word::random().unwrap());
    let script = apply_script(errand, &mark, &token);
    Running::start(host, script.as_bytes(), &mark)
}

fn chrony() -> ChronyFacts {
    Facts::typical(Platform::Debian).chrony
}

pub fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not so: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// The run's folder, when there is one.
pub fn run_folder(host: &Host) -> Option<String> {
    let entries = fs::read_dir(host.at(HOME)).into_iter().flatten();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find(|name| name.starts_with("run.")).map(|name| format!("{HOME}/{name}"))
}

/// Kills the process that a file of the run's folder tells of.
pub fn kill(host: &Host, file: &str) {
    let text = host.read(&format!("{}/{file}", run_folder(host).unwrap()));
    let pid = text.lines().find_map(|line| line.strip_prefix("pid\t")).unwrap().to_owned();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    // The test is the parent of one, nobody of the other: a dead one is no process any more either way.
    await_that("it is dead", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

/// Kills script and watchdog, as a power cut would.
pub fn cut(host: &Host) {
    let watchdog = || Some(host.has(&format!("{}/watchdog", run_folder(host)?)));
    await_that("the watchdog runs", || {
        watchdog() == Some(true)
            && !host.read(&format!("{}/watchdog", run_folder(host).unwrap())).is_empty()
    });
    kill(host, "watchdog");
    kill(host, "owner");
}

pub fn recover(host: &Host, break_lock: bool) -> Answer {
    begin_recovery(host, break_lock).finish()
}

pub fn start_recover(host: &Host) -> Running {
    begin_recovery(host, false)
}

fn begin_recovery(host: &Host, break_lock: bool) -> Running {
    let (mark, token) = (Word::random().unwrap(), Word::random().unwrap());
    let script = recover_script("next@here", break_lock, &mark, &token);
    Running::start(host, script.as_bytes(), &mark)
}

pub fn told(answer: &Answer) -> String {
    let told = answer.sections.iter().filter(|section| section.name == "told");
    told.map(ezsync::remote::Section::text).collect()
}

/// Takes away what the next one who looks is told; then the folder may go.
pub fn take_left(host: &Host) -> String {
    let path = format!("{HOME}/left");
    if !host.has(&path) {
        return String::new();
    }
    let told = host.read(&path);
    fs::remove_file(host.at(&path)).unwrap();
    let _ = fs::remove_dir(host.at(HOME));
    told
}

/// Takes a run as far as `until` and gives it.
fn run_until(host: &Host, plan: &Plan, until: &str) -> Running {
    let mut running = start(host, &errand(host, plan));
    running.until(&["staged", "result"]);
    if until == "begun" {
        running.say("go\n");
        await_that("it is busy", || host.has("/srv/busy"));
    }
    running
}

#[test]
fn the_watchdog_puts_back_what_a_killed_script_had_changed() {
    for host in Host::each() {
        let plan = prepared(&host, true);
        let before = host.snapshot();
        for until in ["staged", "begun"] {
            let _running = run_until(&host, &plan, until);
            if until == "begun" {
                assert_eq!(host.read(CONF), "new\n");
                assert!(host.has("/units/app/enabled"));
            }
            kill(&host, "owner");
            await_that("the watchdog has ended it", || !host.has(&format!("{HOME}/lock")));
            // Nobody heard it: who looks next does. Where nothing had changed there is nothing to hear.
            let told = take_left(&host);
            let back = "UTC: it went back by itself: a change by tester@here, begun";
            assert_eq!(told.contains(back), until == "begun", "{:?}: {told}", host.shell);
            await_that("nothing is left", || !host.has(HOME));
            let _ = fs::remove_file(host.at("/srv/busy"));
            assert_same(&before, &host.snapshot(), &host);
            assert!(!host.has("/units/app/enabled") && host.has("/units/app/active"));
            assert_eq!(host.read("/units/app/running"), "old\n", "{:?} {until}", host.shell);
        }
    }
}

#[test]
fn the_next_run_ends_what_a_power_cut_left() {
    for host in Host::each() {
        let plan = prepared(&host, true);
        let before = host.snapshot();
        for (until, words) in [
            ("staged", "before anything was changed"),
            ("begun", "what stood there before was put back"),
        ] {
            let _running = run_until(&host, &plan, until);
            cut(&host);
            let _ = fs::remove_file(host.at("/srv/busy"));
            // A run that was planned before sees another host than it planned for.
            let answer = host.carry_out_untidy(&plan);
            assert_eq!(answer.outcome(), Outcome::Moved, "{:?}", host.shell);
            let note = told(&answer);
            assert!(note.contains("tester@here") && note.contains(words), "{note}");
            assert_same(&before, &host.snapshot(), &host);
            assert!(!host.has(HOME), "{:?}", host.shell);

            let _running = run_until(&host, &plan, until);
            cut(&host);
            let _ = fs::remove_file(host.at("/srv/busy"));
            let answer = recover(&host, false);
            assert_eq!(answer.outcome(), Outcome::Changed, "{:?} {}", host.shell, answer.stderr);
            assert!(told(&answer).contains(words), "{}", told(&answer));
            assert_same(&before, &host.snapshot(), &host);
            assert!(!host.has(HOME), "{:?}", host.shell);
        }
    }
}

/// A way back that is cut off is gone again from its beginning.
#[test]
fn undoing_may_be_cut_off_at_every_file_and_is_done_again() {
    for host in Host::each() {
        let plan = prepared(&host, true);
        let before = host.snapshot();
        for calls in 0..6 {
            let _running = run_until(&host, &plan, "begun");
            cut(&host);
            let _ = fs::remove_file(host.at("/srv/busy"));
            // So many of its renames work, then the power fails.
            host.write("/srv/left", calls.to_string());
            host.program(
                "mv",
                "#!/bin/sh\ncase $2 in *.old) read -r left </srv/left; \
                 if [ \"$left\" = 0 ]; then kill -9 $(sed -n 's/^pid\t//p' /var/lib/ezsync/lock/owner) $PPID; exit 1; fi; echo $((left - 1)) >/srv/left ;; esac\n\
                 exec /host/usr/bin/mv \"$@\"\n",
            );
            start_recover(&host).finish_any();
            // Three of the paths stood there before.
            assert_eq!(run_folder(&host).is_some(), calls < 3, "{:?} {calls}", host.shell);
            fs::remove_file(host.at("/srv/left")).unwrap();
            host.program("mv", "#!/bin/sh\nexec /host/usr/bin/mv \"$@\"\n");
            recover(&host, false);
            let mut after = host.snapshot();
            let mut before = before.clone();
            before.remove("/usr/bin/mv");
            after.remove("/usr/bin/mv");
            assert_same(&before, &after, &host);
            assert!(run_folder(&host).is_none());
        }
    }
}

#[test]
fn a_change_goes_back_or_stays_as_it_is_told() {
    for host in Host::each() {
        let plan = prepared(&host, false);
        let before = host.snapshot();
        let chrony = chrony();
        let sight = Some(Sight::of(&chrony));
        let confirm = Some(Duration::from_secs(60));
        for word in ["back\n", "end\n", ""] {
            let mut running = start(&host, &Errand { confirm, sight, ..errand(&host, &plan) });
            running.until(&["staged"]);
            running.say("go\n");
            running.until(&["activated", "result"]);
            // The one that waits for what it has started.
            running.say("explain 127.0.0.1\n");
            running.until(&["looked"]);
            assert_eq!(host.read(CONF), "new\n");
            running.say(word);
            running.hang_up();
            assert_eq!(
                running.finish().outcome(),
                Outcome::WentBack(true),
                "{:?} {word}",
                host.shell
            );
            assert_same(&before, &host.snapshot(), &host);
            // Who said that it shall go back knows it; who fell silent does not.
            let told = take_left(&host);
            let by_itself =
                told.contains("it went back by itself: a change by tester@here was made");
            assert_eq!(by_itself, word != "back\n", "{:?} {word}: {told}", host.shell);
            assert!(!host.has(HOME));
            assert_eq!(host.read("/units/app/running"), "old\n", "{:?} {word}", host.shell);
        }
        // Nothing is said: it goes back by itself, also when the line is open.
        let confirm = Some(Duration::from_secs(2));
        let mut running = start(&host, &Errand { confirm, sight, ..errand(&host, &plan) });
        running.until(&["staged"]);
        running.say("go\n");
        running.until(&["activated", "result"]);
        await_that("the host has gone back", || !host.has(&format!("{HOME}/lock")));
        assert!(take_left(&host).contains("it went back by itself"));
        await_that("nothing else is left", || !host.has(HOME));
        assert_same(&before, &host.snapshot(), &host);
        drop(running);
        // Without a doubt it keeps the change, whatever becomes of the line.
        for (number, confirm, word) in [(1, None, ""), (2, Some(Duration::from_secs(60)), "keep\n")]
        {
            let plan = prepared(&host, false);
            let mut running = start(&host, &Errand { confirm, sight, ..errand(&host, &plan) });
            running.until(&["staged"]);
            running.say("go\n");
            running.until(&["activated", "result"]);
            running.say(word);
            running.hang_up();
            assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?} {word}", host.shell);
            assert_eq!((host.read(CONF), host.newest()), ("new\n".to_owned(), number));
        }
    }
}

#[test]
fn what_was_kept_is_in_the_history() {
    for host in Host::each() {
        let plan = prepared(&host, false);
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        let change = format!("{HOME}/changes/1");
        let journal = host.read(&format!("{change}/journal"));
        for line in [
            "made\t/etc/new\n",
            "made\t/etc/new/sub\n",
            "path\t/etc/new/sub/file\t-\n",
            "path\t/etc/app/app.conf\tsaved/1\n",
            "path\t/etc/app/gone\tsaved/2\n",
            "path\t/etc/app/folder\tsaved/3\n",
            "attributes\t/etc/app/mode\t644\t0\t0\n",
            "unit\tapp\tyes\tno\tno\n",
        ] {
            assert!(journal.contains(line), "{:?}: no {line:?} in {journal}", host.shell);
        }
        assert_eq!(host.read(&format!("{change}/saved/1")), "old\n");
        assert_eq!(host.attributes(&format!("{change}/saved/1")), (0o644, 7, 8));
        assert_eq!(host.read(&format!("{change}/saved/3/file")), "old\n");
        let about = host.read(&format!("{change}/about"));
        assert!(
            about.starts_with("number\t1\n") && about.contains("\nby\ttester@here\n"),
            "{about}"
        );
        assert_eq!(host.read(&format!("{HOME}/state")), "{}\n");
        assert!(!host.has(&format!("{change}/state")), "there was none");
        assert_eq!(host.read(&format!("{HOME}/originals.units/app")), "yes\tno\tno\n");
        assert_eq!(host.original(CONF).as_deref(), Some("old\n"));
        assert!(!host.has(&format!("{HOME}/lock")));

        // The last ten stay.
        for number in 2..=12 {
            let text = format!("{number}\n");
            host.apply(|| vec![task("copy", json!({"dest": CONF, "content": text}))]);
        }
        assert_eq!(host.newest(), 12);
        assert!(!host.has(&format!("{HOME}/changes/2")) && host.has(&format!("{HOME}/changes/3")));
        assert_eq!(host.read(&format!("{HOME}/changes/12/saved/1")), "11\n");
        assert!(host.has(&format!("{HOME}/changes/12/state")));

        // Taken away, and all of it.
        let plan = host.plan(vec![task("copy", json!({"dest": CONF, "content": "11\n"}))]);
        let pop = Errand { ending: Ending::Pop(12), ..errand(&host, &plan) };
        let go = |errand: &Errand<'_>| {
            let mut running = start(&host, errand);
            running.until(&["staged", "result"]);
            running.say("go\n");
            assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?}", host.shell);
        };
        go(&pop);
        assert_eq!(host.newest(), 11);
        let plan = host.plan(vec![task("copy", json!({"dest": CONF, "content": "old\n"}))]);
        go(&Errand { ending: Ending::Pristine, state: None, ..errand(&host, &plan) });
        assert!(!host.has(HOME), "{:?}", host.shell);
    }
}

#[test]
fn a_host_is_one_runs_alone() {
    for host in Host::each() {
        let plan = prepared(&host, false);
        let before = host.snapshot();
        let mut first = start(&host, &errand(&host, &plan));
        first.until(&["staged"]);
        let answer = host.carry_out_untidy(&plan);
        let Outcome::Held(whose) = answer.outcome() else { panic!("{:?}", answer.outcome()) };
        assert!(whose.starts_with("tester@here has held it for "), "{whose}");
        // Broken, it is as the first one found it.
        let broken = recover(&host, true);
        assert_eq!(broken.outcome(), Outcome::Changed, "{:?}", host.shell);
        assert!(told(&broken).contains("before anything was changed"), "{}", told(&broken));
        assert_same(&before, &host.snapshot(), &host);
        // The first one finds there who it was.
        let left = host.read(&format!("{HOME}/left"));
        assert!(left.contains("UTC: next@here broke its lock: a change by tester@here"), "{left}");
        drop(first);
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed, "{:?}", host.shell);
        // Planned for another state of things.
        let answer = {
            let mut running = start(&host, &Errand { expects: 0, ..errand(&host, &plan) });
            running.until(&["result"]);
            running.finish()
        };
        assert_eq!(answer.outcome(), Outcome::Moved, "{:?}", host.shell);
    }
}
