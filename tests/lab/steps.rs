//! Steps that fail on real hosts: the old files and the old unit states are back, what ran before runs, and
//! the report names the failure and the way back.

use ezsync_hosts::Image;
use serde_json::Value;

use crate::cutter::{Cutter, OTHER_DAEMON, STATE, apart, cluster, configure, difference, state_of};
use crate::support::{Bench, LITTER, host, skipped, trouble};

const CONFIG: &str = "ntp_servers: []\ntime_key: generate\ntimezone: Europe/Berlin\n";

/// Something that is wrong with a host.
struct Fault {
    /// Breaks the host; mended by `lift`.
    arrange: &'static str,
    lift: &'static str,
    /// The command of the change before which it is broken; none: before the run.
    at: Option<&'static str>,
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
        at: None,
        what: &["start chrony", PUT_BACK],
        log: "status=1",
    },
    // It hangs until systemd gives it up.
    Fault {
        arrange: r"printf '[Service]\nExecStartPre=/bin/sleep infinity\nTimeoutStartSec=3\n' >/etc/systemd/system/chrony.service.d/broken.conf
            systemctl daemon-reload",
        lift: LEFT,
        at: None,
        what: &["start chrony", PUT_BACK],
        log: "timeout",
    },
    // No room beside chrony's files.
    Fault {
        arrange: "cp -a /etc/chrony /tmp/chrony; mount -t tmpfs -o size=64k none /etc/chrony
            cp -a /tmp/chrony/. /etc/chrony/; cat /dev/zero >/etc/chrony/full 2>/dev/null || :",
        lift: UMOUNT,
        at: None,
        what: &["/etc/chrony/chrony.keys", NOTHING],
        log: NO_SPACE,
    },
    // No room for what is kept for the way back.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount -t tmpfs -o size=64k none /var/lib/ezsync
            cat /dev/zero >/var/lib/ezsync/full 2>/dev/null || :",
        lift: "umount /var/lib/ezsync",
        at: None,
        what: &["/var/lib/ezsync cannot be written"],
        log: "",
    },
    // No room for one more file.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount -t tmpfs -o nr_inodes=4 none /var/lib/ezsync",
        lift: "umount /var/lib/ezsync",
        at: None,
        what: &["/var/lib/ezsync cannot be written"],
        log: "",
    },
    // chrony's folder is read-only.
    Fault {
        arrange: "mount --bind /etc/chrony /etc/chrony; mount -o remount,ro,bind /etc/chrony",
        lift: UMOUNT,
        at: None,
        what: &["/etc/chrony/chrony.keys", NOTHING],
        log: "Read-only file system",
    },
    // Our own folder is.
    Fault {
        arrange: "mkdir -p /var/lib/ezsync; mount --bind /var/lib/ezsync /var/lib/ezsync
            mount -o remount,ro,bind /var/lib/ezsync",
        lift: "umount /var/lib/ezsync",
        at: None,
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
        at: None,
        what: &["/etc/chrony/chrony.conf", PUT_BACK],
        log: "Operation not permitted",
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
    let (old, ran) = match fault.at {
        None => {
            bench.on(number, fault.arrange);
            (bench.on(number, STATE), bench.run(&setup))
        }
        Some(at) => {
            let old = bench.on(number, STATE);
            (old, Cutter::new(bench, number).meddle(&setup, at, fault.arrange))
        }
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
    if fault.at.is_some() {
        bench.on(number, fault.lift);
    }
    wrong += &difference(&state_of(bench, number, &[&old]), &old);
    wrong += &bench.on(number, LITTER);
    if fault.at.is_none() {
        bench.on(number, fault.lift);
    }
    let ran = bench.run(&setup[..2]);
    if ran.code != 0 {
        wrong += &format!("the next setup:\n{}{}", ran.stdout, ran.stderr);
    }
    wrong += &bench.on(number, LITTER);
    if wrong.is_empty() { wrong } else { format!("{}\n{wrong}\n\n", fault.arrange) }
}

#[test]
fn faults_that_stand_in_the_way() {
    if skipped() {
        return;
    }
    fail(STANDING);
}
