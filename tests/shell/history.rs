//! What the probe tells of a host's past, and the copies of what was written.

use std::collections::BTreeSet;
use std::fs;

use ezsync::remote::{Holder, Past, Request, Unfinished};

use crate::host::Host;

fn past(host: &Host) -> Past {
    host.probe(&Request::new(&BTreeSet::new(), &[])).past
}

fn folder(host: &Host, path: &str) {
    fs::create_dir_all(host.at(path)).unwrap();
}

#[test]
fn a_host_without_a_past_has_none() {
    for host in Host::each() {
        assert_eq!(past(&host), Past::default());
        folder(&host, "/var/lib/ezsync/originals");
        assert_eq!(past(&host), Past::default());
    }
}

#[test]
fn the_newest_change_is_found_among_others_and_the_record_comes_whole() {
    for host in Host::each() {
        for name in ["1", "2", "10", "9", "010", "x", "7x", "99999999999999999999", "11 "] {
            folder(&host, &format!("/var/lib/ezsync/changes/{name}"));
        }
        let text = "{\"a\": \"it's $HOME \\\\n\"}\n";
        host.write("/var/lib/ezsync/state", text);
        let past = past(&host);
        assert_eq!(past.newest, 10, "{:?}", host.shell);
        assert_eq!(past.state.unwrap().trim_end(), text.trim_end());
        assert_eq!((past.lock, past.unfinished.len()), (None, 0));
    }
}

#[test]
fn runs_that_have_not_ended_are_told_with_how_far_they_came() {
    for host in Host::each() {
        for (name, marks) in [
            ("run.aaaaaa", &[][..]),
            ("run.bbbbbb", &["begun"]),
            ("run.cccccc", &["begun", "kept"]),
        ] {
            let run = format!("/var/lib/ezsync/{name}");
            folder(&host, &run);
            for mark in marks {
                host.write(&format!("{run}/{mark}"), "");
            }
        }
        let wanted = [Unfinished::Staged, Unfinished::Begun, Unfinished::Kept];
        assert_eq!(past(&host).unfinished, wanted, "{:?}", host.shell);
    }
}

#[test]
fn the_lock_is_told_with_its_owner_and_whether_that_is_alive() {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let start = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().to_owned();
    let me = std::process::id().to_string();
    for host in Host::each() {
        folder(&host, "/var/lib/ezsync/lock");
        assert_eq!(past(&host).lock, Some(Holder::default()), "no word of its owner");
        for (pid, start, boot, alive) in [
            (me.as_str(), start.as_str(), boot.trim(), true),
            (&me, "1", boot.trim(), false),
            (&me, &start, "another", false),
            ("999999999", &start, boot.trim(), false),
            ("../self", &start, boot.trim(), false),
            ("", "", "", false),
        ] {
            let at = jiff::Timestamp::now().as_second() - 90;
            let owner = format!(
                "by\tops team@here\nat\t{at}\nrun\tx\npid\t{pid}\nstart\t{start}\nboot\t{boot}\n"
            );
            host.write("/var/lib/ezsync/lock/owner", owner);
            let lock = past(&host).lock.unwrap();
            assert_eq!((lock.by.as_str(), lock.alive), ("ops team@here", alive), "{pid} {start}");
            assert!((90..120).contains(&lock.age.unwrap()), "{:?}", lock.age);
        }
    }
}
