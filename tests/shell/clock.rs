//! What the scripts tell of the clock, and how it is set.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ezsync::desired::{Desired, Step};
use ezsync::facts::{Facts, Platform};
use ezsync::plan::Plan;
use ezsync::remote::{
    ASK_TIME, Glance, MORE, Outcome, Request, Sight, TIME_AROUND, TIME_READY, TIME_TOLD, Word,
    probe_script, watch_script,
};
use ezsync::resource::Observed;
use ezsync::verify::ClockOffset;
use serde_json::json;

use crate::host::{Host, Shell};
use crate::run::{Running, task};

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

#[test]
fn a_host_tells_the_time_as_often_as_it_is_asked() {
    for host in Host::each() {
        for (has_bash, watches) in [(false, false), (false, true), (true, false), (true, true)] {
            if has_bash && !host.has("/usr/bin/bash") {
                host.link_tool("bash", "bash");
            }
            let mark = Word::random().unwrap();
            let chrony = Facts::typical(Platform::Debian).chrony;
            let script = if watches {
                watch_script(&Glance::Look, Sight::of(&chrony), &mark)
            } else {
                probe_script(&Request::new(&BTreeSet::new(), &[]), &mark)
            };
            let sent = now();
            let mut running = Running::start(&host, script.as_bytes(), &mark);
            if watches {
                running.until(&["looked"]);
                running.say(&format!("{ASK_TIME}\n"));
            }
            running.until(&[TIME_READY]);
            running.say(&format!("{ASK_TIME}\n{ASK_TIME}\nend\n"));
            let answer = running.finish();
            let told: Vec<&str> = answer
                .sections
                .iter()
                .filter(|section| section.name == TIME_TOLD)
                .map(|section| section.args[0].as_str())
                .collect();
            assert_eq!(told.len(), 2, "{:?}: {:?}", host.shell, answer.sections);
            for printed in told {
                let measure = ClockOffset::read(printed, sent, now()).unwrap().measure();
                // The one clock that there is; busybox may tell whole seconds.
                assert!(!measure.exceeds(0.0), "{:?}: {printed}: {measure:?}", host.shell);
                let digits = printed.split_once('.').map_or("", |(_, digits)| digits);
                let wanted = match (has_bash, host.shell) {
                    (true, _) => 6,
                    (false, Shell::Ash) => digits.len(),
                    (false, _) => 9,
                };
                assert_eq!(digits.len(), wanted, "{:?}: {printed}", host.shell);
            }
            assert!(answer.status.success() && answer.stderr.is_empty(), "{}", answer.stderr);
        }
    }
}

/// A probe, and a word behind it that another script follows.
#[test]
fn a_shell_goes_on_with_another_script() {
    for host in Host::each() {
        for (has_bash, far) in [(false, false), (false, true), (true, false), (true, true)] {
            if has_bash && !host.has("/usr/bin/bash") {
                host.link_tool("bash", "bash");
            }
            let mark = Word::random().unwrap();
            let request = Request::new(&BTreeSet::new(), &[]).from_afar(far);
            let sent = now();
            let script = probe_script(&request, &mark);
            let mut running = Running::start(&host, script.as_bytes(), &mark);
            running.until(&[if far { "end" } else { TIME_READY }]);
            if far && has_bash {
                running.say(&format!("{ASK_TIME}\n"));
                running.until(&[TIME_READY]);
            }
            // All at once: no shell may lose a part of it.
            let next = format!("printf '\\n%s second %s\\n' {} \"${{far-new}}\"", mark.as_str());
            running.say(&format!("{MORE}\n{{\n{next}\nread -r word\n{next}\nexit\n}}\n"));
            running.until(&["second"]);
            running.say("on\n");
            let answer = running.finish();
            let args = |name: &str| -> Vec<&str> {
                let of = answer.sections.iter().filter(|section| section.name == name);
                of.map(|section| section.args[0].as_str()).collect()
            };
            assert_eq!(args("second"), ["new"; 2], "{:?}: {:?}", host.shell, answer.sections);
            let told = TIME_AROUND.map(args);
            if far {
                let around = [told[0][0], told[1][0]];
                let offset = ClockOffset::around(around, sent, now()).unwrap();
                assert!(!offset.measure().exceeds(0.0), "{:?}: {offset:?}", host.shell);
            } else {
                assert!(told.concat().is_empty(), "{told:?}");
            }
            assert!(answer.status.success() && answer.stderr.is_empty(), "{}", answer.stderr);
        }
    }
}

/// A plan that sets the clock back by 3600.25 s, and what else comes.
fn plan(steps: Vec<Step>) -> Plan {
    let printed = "1700003600.250000000";
    let here = Duration::from_secs(1_700_000_000);
    let clock = ClockOffset::read(printed, here, here);
    let steps = [task("clock", json!({"max_offset": 0.05}))].into_iter().chain(steps).collect();
    let desired = Desired { steps, handlers: Vec::new(), notes: Vec::new() };
    Plan::new(&desired, &Observed { clock, ..Observed::default() }).unwrap()
}

/// A `date` that sets nothing and notes what it was to set. Without `relative` it knows only what busybox's
/// does.
fn stand_in(host: &Host, relative: bool) {
    let refuses = if relative { "" } else { "*now*) exit 1 ;;" };
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n{refuses}\n*-s*) echo \"date $*\" >>/calls ;;\n+%s) echo 1700003600 ;;\nesac\nexit 0\n"
    );
    host.program("date", text);
    host.program("hwclock", "#!/bin/sh\necho \"hwclock $*\" >>/calls\nexit 1\n");
}

#[test]
fn a_clock_is_set_from_where_it_stands_and_put_back() {
    // busybox's shell takes its own `date` before all others.
    for host in Host::each().into_iter().filter(|host| host.shell != Shell::Ash) {
        for (relative, set, undone) in [
            (true, "date -u -s now -3600.250000 seconds", "date -u -s now +3600.250000 seconds"),
            (false, "date -u -s @1700000000", "date -u -s @1700007200"),
        ] {
            stand_in(&host, relative);
            let plan_alone = plan(Vec::new());
            let summary = &plan_alone.changes[0].summary;
            assert_eq!(summary, "set the clock back by 1 h 0 min (3,600.3 s) ± 0 ns");
            assert_eq!(host.carry_out(&plan_alone).outcome(), Outcome::Changed);
            // A machine without a hardware clock is none the worse for it.
            assert_eq!(host.calls(), [set, "hwclock -w"], "{:?}", host.shell);

            let failing = plan(vec![task("shell", json!({"cmd": "exit 3"}))]);
            host.carry_out(&failing).undone();
            assert_eq!(host.calls(), [set, "hwclock -w", undone, "hwclock -w"], "{:?}", host.shell);
        }
    }
}

#[test]
fn a_host_that_may_not_set_its_clock_says_so() {
    for host in Host::each() {
        let log = host.carry_out(&plan(Vec::new())).undone();
        assert!(log.contains("Operation not permitted"), "{:?}: {log}", host.shell);
        assert_eq!(host.calls(), [""; 0]);
    }
}
