//! Faults that need a host with a kernel of its own: AppArmor that refuses something, and power cuts that lose
//! what the disk does not have yet.

use ezsync_hosts::{Image, LabSpec};

use crate::cutter::{Cut, Cutter, Made, STATE, apart_of, configure, difference, state_of};
use crate::support::{Bench, LITTER, host, skipped, trouble};

/// A host with a kernel and a disk of its own.
fn bench() -> Bench {
    apart_of(&LabSpec { clock_offsets: vec![0], apparmor: true, ..LabSpec::new(Image::Chrony, 1) })
}

const FIRST: &str = "ntp_servers: []\nlocal_stratum: 8\n";
const SECOND: &str = "ntp_servers: []\nlocal_stratum: 9\n";
const THIRD: &str = "ntp_servers: []\nlocal_stratum: 7\ntime_key: generate\n";

fn assert_green(bench: &Bench) {
    let ran = bench.run(&["setup", "c1"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

/// `setup` fails and says `what` and, of the command that failed, `log`; the host is as it was.
fn assert_refused(bench: &Bench, old: &String, what: &[&str], log: &str) {
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let said = trouble(&run, "node1", "failed");
    assert!(what.iter().all(|word| said.contains(word)), "{said}");
    let outcome = &host(&run, "node1")["outcome"]["trouble"];
    assert!(outcome["log"].to_string().contains(log), "{outcome:#}");
    assert_eq!(difference(&state_of(bench, 0, &[old]), old), "");
    assert_eq!(bench.on(0, LITTER), "");
}

/// A configuration that reads a file which chrony's profile does not allow, as one in an unusual place.
const ELSEWHERE: &str = "local stratum {{ local_stratum }}\ninclude /opt/more.conf\nrtcsync\n";

#[test]
fn apparmor_that_keeps_chronyd_from_a_file() {
    if skipped() {
        return;
    }
    let bench = bench();
    configure(&bench, FIRST);
    assert_green(&bench);
    let enforced = "grep -c '^/usr/sbin/chronyd (enforce)' /sys/kernel/security/apparmor/profiles";
    assert_eq!(bench.on(0, enforced), "1");
    let old = bench.on(0, STATE);

    // chrony's own check is refused as well.
    bench.on(0, "echo 'allow 10/8' >/opt/more.conf");
    bench.write("templates/chrony/server.conf.tera", ELSEWHERE);
    let unchanged = ["/etc/chrony/chrony.conf", "nothing was changed"];
    assert_refused(&bench, &old, &unchanged, "Permission denied");

    // It is allowed for the check, and not any more when the daemon starts.
    bench.on(
        0,
        r"mkdir -p /etc/systemd/system/chrony.service.d
          profile=/etc/apparmor.d/local/usr.sbin.chronyd; echo '/opt/more.conf r,' >$profile
          printf '%s\n' '[Service]' \
            'ExecStartPre=+/usr/sbin/apparmor_parser -r /opt/profile' >/etc/systemd/system/chrony.service.d/deny.conf
          sed 's|#include <local/.*|deny /opt/more.conf r,|' /etc/apparmor.d/usr.sbin.chronyd >/opt/profile
          apparmor_parser -r /etc/apparmor.d/usr.sbin.chronyd; systemctl daemon-reload",
    );
    let old = bench.on(0, STATE);
    assert_refused(&bench, &old, &["restart chrony", "put back"], "more.conf");

    bench.on(
        0,
        "rm /etc/systemd/system/chrony.service.d/deny.conf; systemctl daemon-reload
         apparmor_parser -r /etc/apparmor.d/usr.sbin.chronyd",
    );
    assert_green(&bench);
}

/// What counts of a change that was kept: it is in force, it is in the history, and a run has nothing to do.
fn assert_kept(bench: &Bench, stratum: &str, changes: &str) {
    let state = "grep ^local /etc/chrony/chrony.conf; echo $(ls /var/lib/ezsync/changes)";
    assert_eq!(bench.on(0, state), format!("local stratum {stratum}\n{changes}"));
    // What was being tidied up when the power failed is brought to its end.
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.on(0, LITTER), "");
    let plan = &host(&run, "node1")["plan"]["changes"];
    assert_eq!(plan.as_array().map(Vec::len), Some(0), "{plan:#}");
}

#[test]
fn what_is_said_to_be_kept_outlives_a_power_cut() {
    if skipped() {
        return;
    }
    let bench = bench();
    let node = &bench.hosts()[0];
    // Right after it was said that all is well.
    configure(&bench, FIRST);
    assert_green(&bench);
    let before = bench.on(0, "cat /etc/chrony/chrony.conf");
    configure(&bench, SECOND);
    assert_green(&bench);
    bench.lab.power_cut(node).unwrap();
    assert_kept(&bench, "9", "1 2");

    // Right after the word to begin was heard: all that the way back needs is there.
    let old = bench.on(0, STATE);
    configure(&bench, THIRD);
    for at in ["mv *chrony.keys.*new*", "systemctl restart chrony"] {
        let cutter = Cutter::new(&bench, 0);
        let Made::Cut(_) = cutter.cut(&["setup", "c1"], at, Cut::Power) else { panic!("{at}") };
        assert_eq!(difference(&state_of(&bench, 0, &[&old]), &old), "", "{at}");
        assert_eq!(bench.on(0, LITTER), "");
    }
    configure(&bench, SECOND);
    assert_kept(&bench, "9", "1 2");

    // What the history holds is there as well.
    let ran = bench.run(&["rollback", "c1"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(bench.on(0, "cat /etc/chrony/chrony.conf"), before);
}
