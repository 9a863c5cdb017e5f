//! Runs that have installed packages and are not kept: the history has the packages, and nothing else of the run stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::time::Duration;

use ezsync::desired::Step;
use ezsync::facts::{Facts, Platform};
use ezsync::plan::Plan;
use ezsync::remote::{
    About, Depth, Ending, Errand, Outcome, Past, Request, Sight, packages_that_stay,
};
use serde_json::json;

use crate::host::Host;
use crate::packages::debian;
use crate::recovery::{
    BUSY, HOME, await_that, cut, kill, recover, run_folder, start, start_recover,
};
use crate::run::{Running, assert_same, errand, task};

const CONF: &str = "/etc/app/app.conf";

/// A host that can have chrony and rsync, and has a service that reads a file.
fn bare(host: &Host) {
    host.systemd();
    debian(host, &[("chrony", "index"), ("rsync", "index")]);
    host.write(CONF, "old\n");
    host.service("app", &["active", "enabled"], CONF);
}

/// Installs chrony, writes a file, makes folders and restarts a service.
fn steps() -> Vec<Step> {
    vec![
        task("package", json!({"name": ["chrony", "rsync"]})),
        task("file", json!({"path": "/etc/new/sub", "state": "directory"})),
        task("copy", json!({"dest": CONF, "content": "new\n"})),
        task("service", json!({"name": "app", "state": "restarted"})),
    ]
}

fn plan(host: &Host, more: &str) -> Plan {
    let mut steps = steps();
    if !more.is_empty() {
        steps.push(task("shell", json!({"cmd": more})));
    }
    host.plan(steps)
}

fn staged(host: &Host, errand: &Errand<'_>) -> Running {
    let mut running = start(host, errand);
    running.until(&["staged", "result"]);
    running
}

fn past(host: &Host, depth: Depth) -> Past {
    host.probe(&Request::new(&BTreeSet::new(), &[]).with_past(depth)).past
}

fn newest(past: &Past) -> About {
    past.about(past.newest).cloned().unwrap_or_default()
}

/// Runs the script that undoes the run, as the host does when it boots.
fn boot(host: &Host) {
    let undo = format!("{}/undo", run_folder(host).unwrap());
    let mut child = host.shell().spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "sh {undo} boot").unwrap();
    assert!(child.wait().unwrap().success());
}

/// What the history must be after a first run that was not kept, and that the next one is as any other.
fn assert_noted(host: &Host, way: &str) {
    let shell = host.shell;
    host.assert_tidy();
    assert_eq!(host.read(CONF), "old\n", "{shell:?} {way}");
    assert!(!host.has("/etc/new") && host.has("/units/app/active"), "{shell:?} {way}");
    let change = format!("{HOME}/changes/1");
    let journal = host.read(&format!("{change}/journal"));
    let lines: BTreeSet<&str> = journal.lines().collect();
    let wanted = ["package\tchrony\trsync", "unit\tapp\tyes\tyes\tno"];
    assert_eq!(lines, wanted.into_iter().collect(), "{shell:?} {way}");
    let about = host.read(&format!("{change}/about"));
    assert!(
        about.starts_with("number\t1\n") && about.ends_with("\nstays\tchrony rsync\n"),
        "{about}"
    );
    for gone in ["saved", "state"] {
        assert!(!host.has(&format!("{change}/{gone}")), "{shell:?} {way} {gone}");
    }
    assert!(!host.has(&format!("{HOME}/state")), "{shell:?} {way}");
    // Who went back without anybody to hear it says so to the next one.
    let unheard = ["watchdog", "boot"].contains(&way);
    assert_eq!(host.has(&format!("{HOME}/left")), unheard, "{shell:?} {way}");
    assert!(!host.has(&format!("{HOME}/originals")), "{shell:?} {way}: no path was changed");
    assert_eq!(host.read(&format!("{HOME}/originals.units/app")), "yes\tyes\tno\n");
    // Every look tells it.
    let told = newest(&past(host, Depth::Present));
    assert_eq!((told.number, told.by.as_str()), (1, "tester@here"), "{shell:?} {way}");
    assert_eq!(told.stays, ["chrony", "rsync"]);
    assert_eq!(past(host, Depth::Changes).changes.len(), 1, "it is told once");
}

/// The next run is as any other; then all is taken back, and where the packages came from is known to the end.
fn assert_goes_on(host: &Host) {
    let plan = host.plan(steps());
    assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed, "{:?}", host.shell);
    assert!(!host.read(&format!("{HOME}/changes/2/journal")).contains("package"));
    assert_eq!(past(host, Depth::Present).changes, [], "what was left is mended");
    for number in [2, 1] {
        let plan = Plan::default();
        let errand = Errand { ending: Ending::Pop(number), state: None, ..errand(host, &plan) };
        let mut running = staged(host, &errand);
        running.say("go\n");
        assert_eq!(running.finish().outcome(), Outcome::Changed, "{:?}", host.shell);
        let past = past(host, Depth::Origins);
        assert_eq!(
            (past.newest, past.origin_packages),
            (number - 1, vec!["chrony".into(), "rsync".into()])
        );
    }
    let plan = Plan::default();
    let pristine = Errand { ending: Ending::Pristine, state: None, ..errand(host, &plan) };
    let mut running = staged(host, &pristine);
    running.say("go\n");
    assert_eq!(running.finish().outcome(), Outcome::Changed);
    assert!(!host.has(HOME), "{:?}", host.shell);
    fs::remove_dir_all(host.at("/etc/new")).unwrap();
}

#[test]
fn packages_of_a_run_that_is_not_kept_are_in_the_history() {
    for host in Host::each() {
        for way in
            ["dropped", "unprepared", "undone", "back", "watchdog", "boot", "next", "next, begun"]
        {
            bare(&host);
            let before = host.snapshot();
            let more = match way {
                "undone" => "exit 1",
                "watchdog" | "boot" | "next, begun" => BUSY,
                _ => "",
            };
            let mut plan = plan(&host, more);
            if way == "unprepared" {
                let calls =
                    plan.changes.iter_mut().filter_map(|change| change.work.prepare.as_mut());
                calls
                    .filter(|call| call.function == "file_stage")
                    .for_each(|call| call.function = "false");
            }
            let chrony = Facts::typical(Platform::Debian).chrony;
            let sight = (way == "back").then_some(Sight::of(&chrony));
            let confirm = sight.map(|_| Duration::from_secs(60));
            let errand = Errand { sight, confirm, ..errand(&host, &plan) };
            let mut running = staged(&host, &errand);
            if !["dropped", "unprepared", "next"].contains(&way) {
                running.say("go\n");
            }
            if more == BUSY {
                await_that("it is busy", || host.has("/srv/busy"));
            }
            match way {
                "watchdog" => {
                    kill(&host, "owner");
                    await_that("the watchdog has ended it", || run_folder(&host).is_none());
                    let ours = ["lock", "originals"].map(|name| format!("{HOME}/{name}"));
                    await_that("it is gone", || !ours.iter().any(|path| host.has(path)));
                }
                "boot" => {
                    cut(&host);
                    // What was never brought to the disk may be gone with the power.
                    fs::write(host.at(&format!("{HOME}/lock/owner")), "").unwrap();
                    boot(&host);
                    assert!(!host.has(&format!("{HOME}/lock")), "{:?}", host.shell);
                }
                "next" | "next, begun" => {
                    cut(&host);
                    assert_eq!(recover(&host, false).outcome(), Outcome::Changed);
                }
                _ => {
                    if way == "back" {
                        running.until(&["activated"]);
                        running.say("back\n");
                    }
                    running.hang_up();
                    let answer = running.finish();
                    let outcome = answer.outcome();
                    let as_wanted = match way {
                        "dropped" => outcome == Outcome::Dropped,
                        "back" => outcome == Outcome::WentBack(true),
                        _ => matches!(&outcome, Outcome::Undone(failure) if failure.installed),
                    };
                    assert!(as_wanted, "{:?} {way}: {outcome:?}", host.shell);
                    assert_eq!(packages_that_stay(&answer.sections), ["chrony", "rsync"]);
                    assert_eq!(answer.stderr, "", "{:?} {way}", host.shell);
                }
            }
            let _ = fs::remove_file(host.at("/srv/busy"));
            assert_noted(&host, way);
            let mut after = host.snapshot();
            after.retain(|path, _| !path.starts_with("/apt/"));
            let mut before = before;
            before.retain(|path, _| !path.starts_with("/apt/"));
            assert_same(&before, &after, &host);
            assert_goes_on(&host);
            fs::remove_dir_all(host.at("/apt")).unwrap();
        }
    }
}

/// Each rename of the end is the last one that works once, then the power fails.
#[test]
fn noting_packages_may_be_cut_off_at_every_step_and_is_done_again() {
    for host in Host::each() {
        let mv = host.at("/usr/bin/mv");
        let link = fs::read_link(&mv).unwrap();
        let real = if host.shell == crate::host::Shell::Ash { "busybox mv" } else { "mv" };
        let mut cuts = 0;
        loop {
            bare(&host);
            let plan = plan(&host, BUSY);
            let mut running = staged(&host, &errand(&host, &plan));
            running.say("go\n");
            await_that("it is busy", || host.has("/srv/busy"));
            cut(&host);
            fs::remove_file(host.at("/srv/busy")).unwrap();
            host.write("/srv/left", cuts.to_string());
            host.program(
                "mv",
                format!(
                    "#!/bin/sh\ncase $* in */run.*) read -r left </srv/left; \
                     if [ \"$left\" = 0 ]; then kill -9 $(sed -n 's/^pid\t//p' {HOME}/lock/owner) $PPID; exit 1; fi; \
                     echo $((left - 1)) >/srv/left ;; esac\nexec /host/usr/bin/{real} \"$@\"\n"
                ),
            );
            start_recover(&host).finish_any();
            let was_cut = run_folder(&host).is_some();
            fs::remove_file(&mv).unwrap();
            std::os::unix::fs::symlink(&link, &mv).unwrap();
            fs::remove_file(host.at("/srv/left")).unwrap();
            assert_eq!(recover(&host, false).outcome(), Outcome::Changed);
            assert_noted(&host, &format!("cut {cuts}"));
            fs::remove_dir_all(host.at(HOME)).unwrap();
            fs::remove_dir_all(host.at("/apt")).unwrap();
            if !was_cut {
                break;
            }
            cuts += 1;
        }
        // The journal, what is about the change, the change, and the run's folder.
        assert!(cuts >= 4, "{:?}: {cuts}", host.shell);
    }
}

#[test]
fn only_packages_that_came_by_the_run_are_noted() {
    for host in Host::each() {
        // Somebody else installs one of them before the run, and one cannot be had.
        bare(&host);
        let only = |names: &[&str]| host.plan(vec![task("package", json!({"name": names}))]);
        let both = only(&["chrony", "rsync"]);
        fs::create_dir_all(host.at("/apt/installed")).unwrap();
        host.write("/apt/installed/rsync", "");
        let mut running = staged(&host, &errand(&host, &both));
        running.hang_up();
        assert_eq!(packages_that_stay(&running.finish().sections), ["chrony"], "{:?}", host.shell);
        assert_eq!(host.read(&format!("{HOME}/changes/1/journal")), "package\tchrony\n");
        let past = past(&host, Depth::Origins);
        assert_eq!(past.origin_packages, ["chrony"]);
        let running = staged(&host, &errand(&host, &only(&["tree"])));
        let answer = running.finish();
        assert!(matches!(answer.outcome(), Outcome::Undone(failure) if !failure.installed));
        assert_eq!(host.newest(), 1, "{:?}", host.shell);

        // What is there by half counts: whoever ends it has the package.
        host.write("/apt/index/tree", "");
        let plan = only(&["tree"]);
        let mut running = staged(&host, &errand(&host, &plan));
        fs::create_dir_all(host.at("/apt/half")).unwrap();
        fs::rename(host.at("/apt/installed/tree"), host.at("/apt/half/tree")).unwrap();
        running.hang_up();
        assert_eq!(packages_that_stay(&running.finish().sections), ["tree"], "{:?}", host.shell);
        let past = self::past(&host, Depth::Present);
        let told: Vec<_> = past.only_packages(2).flat_map(|about| &about.stays).collect();
        assert_eq!(
            told,
            ["tree", "chrony"],
            "{:?}: what an earlier run has left is told as well",
            host.shell
        );
    }
}

/// The record of an earlier setup is not that of a run that is not kept.
#[test]
fn the_record_stays_as_it_was() {
    for host in Host::each() {
        bare(&host);
        host.write(CONF, "old\n");
        let first = host.plan(vec![task("copy", json!({"dest": CONF, "content": "first\n"}))]);
        assert_eq!(host.carry_out(&first).outcome(), Outcome::Changed);
        let state = Some("{\"other\": 1}\n".to_owned());
        let plan = plan(&host, "");
        let running = staged(&host, &Errand { state, ..errand(&host, &plan) });
        assert_eq!(running_dropped(running), Outcome::Dropped);
        assert_eq!(host.read(&format!("{HOME}/state")), "{}\n", "{:?}", host.shell);
        assert_eq!(host.read(&format!("{HOME}/changes/2/state")), "{}\n");
        assert_eq!(newest(&past(&host, Depth::Present)).stays, ["chrony", "rsync"]);
        assert_eq!(host.original(CONF).as_deref(), Some("old\n"));
    }
}

fn running_dropped(mut running: Running) -> Outcome {
    running.hang_up();
    running.finish().outcome()
}

/// A package manager goes on when the script that has started it is killed.
#[test]
fn a_package_manager_that_outlives_its_script_is_waited_for() {
    for host in Host::each() {
        bare(&host);
        let fake = fs::read_to_string(host.at("/usr/bin/apt-get")).unwrap();
        let wait = "#!/bin/sh\ncase \"$*\" in *--no-download*) : >/srv/busy; while [ -e /srv/busy ]; do sleep 0.02; done ;; esac\n";
        host.program("apt-get", fake.replacen("#!/bin/sh\n", wait, 1));
        let plan = plan(&host, "");
        let mut running = start(&host, &errand(&host, &plan));
        await_that("it installs", || host.has("/srv/busy"));
        kill(&host, "owner");
        let run = run_folder(&host).unwrap();
        await_that("the watchdog is at it", || host.has(&format!("{run}/ends")));
        // It has had its time to go on, and waits.
        std::thread::sleep(Duration::from_millis(1500));
        assert!(host.has(&run), "{:?}", host.shell);
        fs::remove_file(host.at("/srv/busy")).unwrap();
        await_that("the watchdog has ended it", || run_folder(&host).is_none());
        assert_eq!(
            newest(&past(&host, Depth::Present)).stays,
            ["chrony", "rsync"],
            "{:?}",
            host.shell
        );
        running.hang_up();
        running.finish_any();
    }
}
