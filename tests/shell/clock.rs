//! What the scripts tell of the clock, and how it is set.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ezsync::facts::{Facts, Platform};
use ezsync::remote::{
    ASK_TIME, Glance, Request, TIME_READY, TIME_TOLD, Word, probe_script, watch_script,
};
use ezsync::verify::ClockOffset;

use crate::host::{Host, Shell};
use crate::run::Running;

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
                watch_script(&Glance::Look, &chrony, &[], &mark)
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
