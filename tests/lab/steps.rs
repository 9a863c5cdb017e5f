//! Steps that fail on real hosts: the old files and the old unit states are back, what ran before runs, and
//! the report names the failure and the way back.

use ezsync_hosts::Image;
use serde_json::Value;

use crate::cutter::{Cutter, OTHER_DAEMON, STATE, apart, cluster, configure, difference, state_of};
use crate::support::{Bench, LITTER, host, line, skipped, trouble};

const CONFIG: &str = "ntp_servers: []\ntime_key: generate\ntimezone: Europe/Berlin\n";

/// Something that is wrong with a host.
struct Fault {
    /// Breaks the host before the run; mended by `lift`.
    arrange: &'static str,
    lift: &'static str,
    /// Breaks it in the middle of the run, before this command: a shell's pattern.
    meanwhile: Option<(&'static str, &'static str)>,
    /// What the report says of the failure, and of the way back.
    what: &'static [&'static str],
    /// What it shows of the command that failed.
    log: &'static str,
}

const NOTHING: &str = "nothing was changed";
const PUT_BACK: &str = "put back";
const LEFT: &str = "rm /etc/systemd/system/chrony.service.d/broken.conf; systemctl daemon-reload";
const UMOUNT: &str = "umount /etc/chrony";
const NO_SPACE: &str = "No space left on device";

/// Before the run.
const STANDING: &[Fault] = &[
    // The unit does not start.
    Fault {
        arrange: r"printf '[Service]\nExecStartPre=/bin/false\n' >/etc/systemd/system/chrony.service.d/broken.conf
            systemctl daemon-reload",
        lift: LEFT,
        meanwhile: None,
        what: &["start chrony", PUT_BACK],
        log: "status=1",
    },
    // It hangs until systemd gives it up.
    Fault {
        arrange: r"printf '[Service]\nExecStartPre=/bin/sleep infinity\nTimeoutStartSec=3\n' >/etc/systemd/system/chrony.service.d/broken.conf
            systemctl daemon-reload",
        lift: LEFT,
        meanwhile: None,
        what: &["start chrony", PUT_BACK],
        log: "timeout",
    },
    // No room beside chrony's files.
    Fault {
        arrange: "cp -a /etc/chrony /tmp/chrony; mount -t tmpfs -o size=64k none /etc/chrony
            cp -a /tmp/chrony/. /etc/chrony/; cat /dev/zero >/etc/chrony/full 2>/dev/null || :",
        lift: UMOUNT,
        meanwhile: None,
        what: &["/etc/chrony/chrony.keys", NOTHING],
        log: NO_SPACE,
    },
    // No room for what is kept for the way back.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount -t tmpfs -o size=64k none /var/lib/ezsync
            cat /dev/zero >/var/lib/ezsync/full 2>/dev/null || :",
        lift: "umount /var/lib/ezsync",
        meanwhile: None,
        what: &["/var/lib/ezsync cannot be written"],
        log: "",
    },
    // No room for one more file.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount -t tmpfs -o nr_inodes=4 none /var/lib/ezsync",
        lift: "umount /var/lib/ezsync",
        meanwhile: None,
        what: &["/var/lib/ezsync cannot be written"],
        log: "",
    },
    // chrony's folder is read-only.
    Fault {
        arrange: "mount --bind /etc/chrony /etc/chrony; mount -o remount,ro,bind /etc/chrony",
        lift: UMOUNT,
        meanwhile: None,
        what: &["/etc/chrony/chrony.keys", NOTHING],
        log: "Read-only file system",
    },
    // Our own folder is.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount --bind /var/lib/ezsync /var/lib/ezsync
            mount -o remount,ro,bind /var/lib/ezsync",
        lift: "umount /var/lib/ezsync",
        meanwhile: None,
        what: &["/var/lib/ezsync"],
        log: "",
    },
    // Nobody may change or rename the configuration (`chattr +i`: FS_IOC_SETFLAGS, FS_IMMUTABLE_FL).
    Fault {
        arrange: "cp -a /etc/chrony /tmp/chrony; mount -t tmpfs none /etc/chrony
            cp -a /tmp/chrony/. /etc/chrony/
            perl -e 'open F, \"<\", $ARGV[0]; $flags = pack \"l\", 16; ioctl F, 0x40086602, $flags or die $!' \\
              /etc/chrony/chrony.conf",
        lift: UMOUNT,
        meanwhile: None,
        what: &["/etc/chrony/chrony.conf", PUT_BACK],
        log: "Operation not permitted",
    },
];

/// Room for little, for chrony's files and for ezsync's own.
const LITTLE_ROOM: &str =
    "cp -a /etc/chrony /tmp/chrony; mount -t tmpfs -o size=256k none /etc/chrony
    cp -a /tmp/chrony/. /etc/chrony/
    mkdir -p /var/lib/ezsync; mount -t tmpfs -o size=512k none /var/lib/ezsync";
const FILL: &str = "cat /dev/zero >/etc/chrony/.updated; cat /dev/zero >/var/lib/ezsync/full; :";

/// In the middle of the run.
const MEANWHILE: &[Fault] = &[
    // No room any more, neither for chrony's files nor for the way back.
    Fault {
        arrange: LITTLE_ROOM,
        lift: "umount /etc/chrony /var/lib/ezsync",
        meanwhile: Some(("ln /etc/chrony/chrony.keys *", FILL)),
        what: &[NOTHING],
        log: "is the disk full?",
    },
    // The service manager does not answer. Nobody waits for a quarter of an hour here: the time is shortened.
    Fault {
        arrange: "",
        lift: "rm -f /usr/local/sbin/systemctl",
        meanwhile: Some((
            "mv */begun.new *",
            r#"cat >/run/systemctl <<'STUB'
#!/bin/sh
case "$*" in *'start chrony') if mkdir /run/hangs 2>/dev/null; then exec sleep 120; fi ;; esac
exec /usr/bin/systemctl "$@"
STUB
            /bin/chmod 755 /run/systemctl; /bin/mv -f /run/systemctl /usr/local/sbin/systemctl
            setsid sh -c 'until [ -d /run/hangs ]; do /bin/sleep 0.1; done
              echo 0 >/run/now; /bin/mv -f /run/now /var/lib/ezsync/run.*/deadline' >/dev/null 2>&1 </dev/null &"#,
        )),
        what: &["its change was ended on the host", "it went back by itself", PUT_BACK],
        log: "",
    },
];

/// One host for each fault. Each is set up and fails, has its old state, and is set up without the fault.
fn fail(faults: &[Fault]) {
    let bench = apart(Image::Chrony, faults.len());
    configure(&bench, CONFIG);
    bench.everywhere(OTHER_DAEMON);
    let said: Vec<String> = std::thread::scope(|scope| {
        let one = |(number, fault)| {
            let bench = &bench;
            scope.spawn(move || fail_one(bench, number, fault))
        };
        let threads: Vec<_> = faults.iter().enumerate().map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let said = said.concat();
    assert!(said.is_empty(), "{said}");
}

/// What is wrong when the fault was there; nothing: all is well.
fn fail_one(bench: &Bench, number: usize, fault: &Fault) -> String {
    let setup = ["setup", &cluster(number), "--json"];
    let name = &bench.hosts()[number].name;
    bench.on(number, fault.arrange);
    let old = bench.on(number, STATE);
    let ran = match fault.meanwhile {
        None => bench.run(&setup),
        Some((at, script)) => Cutter::new(bench, number).meddle(&setup, at, script),
    };
    let mut wrong = String::new();
    let run: Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    if ran.code == 2 {
        let what = trouble(&run, name, "failed");
        let log = host(&run, name)["outcome"]["trouble"]["log"].to_string();
        if !fault.what.iter().all(|word| what.contains(word)) || !log.contains(fault.log) {
            wrong += &format!("it says: {what}\n{log}\n");
        }
    } else {
        wrong += &format!("{} {run:#}\n", ran.code);
    }
    wrong += &difference(&state_of(bench, number, &[&old]), &old);
    wrong += &bench.on(number, LITTER);
    bench.on(number, fault.lift);
    let ran = bench.run(&setup[..2]);
    if ran.code != 0 {
        wrong += &format!("the next setup:\n{}{}", ran.stdout, ran.stderr);
    }
    wrong += &bench.on(number, LITTER);
    if wrong.is_empty() {
        wrong
    } else {
        format!("{} {:?}\n{wrong}\n\n", fault.arrange, fault.meanwhile)
    }
}

#[test]
fn faults_that_stand_in_the_way() {
    if skipped() {
        return;
    }
    fail(STANDING);
}

#[test]
fn faults_that_come_in_the_middle() {
    if skipped() {
        return;
    }
    fail(MEANWHILE);
}

/// All that it takes from then on are renames: it goes to its end, and nothing of it is left over.
#[test]
fn disks_that_fill_up_when_the_change_has_begun_do_not_stop_it() {
    if skipped() {
        return;
    }
    let bench = apart(Image::Chrony, 1);
    configure(&bench, CONFIG);
    bench.on(0, OTHER_DAEMON);
    bench.on(0, LITTLE_ROOM);
    let ran = Cutter::new(&bench, 0).meddle(&["setup", "c1"], "mv */begun.new *", FILL);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("not all could be noted for the way back"), "{}", ran.stdout);
    assert_eq!(bench.on(0, LITTER), "");
    assert_eq!(bench.on(0, "ls /var/lib/ezsync/changes; systemctl is-active chrony"), "1\nactive");
    bench.on(0, "rm /etc/chrony/.updated /var/lib/ezsync/full");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node1")["plan"]["changes"].as_array().map(Vec::len), Some(0), "{run:#}");
}

/// Nothing of ours is run from there.
const NOEXEC: &str =
    "for folder in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o noexec none $folder; done";

#[test]
fn a_noexec_tmp_and_rights_that_are_lost_in_the_middle_do_not_matter() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 1);
    bench.on(0, NOEXEC);
    bench.inventory(&[line(&bench.hosts()[0]) + " ansible_user=ops"]);
    let setup = ["setup", "c1", "--become"];
    let lose = "grep -rl ops /etc/sudoers.d | xargs -I{} /bin/mv {} /root/";
    let ran = Cutter::new(&bench, 0).meddle(&setup, "mv */begun.new *", lose);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(bench.on(0, LITTER), "");
    let state = bench.on(0, STATE);
    // The next run finds out before it does anything.
    let (code, run) = bench.json(&setup);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.contains("sudo did not make ops root"), "{what}");
    assert_eq!(difference(&bench.on(0, STATE), &state), "");
}
