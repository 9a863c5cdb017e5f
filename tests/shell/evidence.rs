//! What is asked of a host that must be explained, and of the source about it.

use std::time::Duration;

use ezsync::facts::{Facts, Platform};
use ezsync::remote::{Glance, Look, Sight, Word, source_script, source_side, watch_script};
use ezsync::verify::{Cause, Heard, Peer, Reading, Silence};

use crate::host::Host;
use crate::run::Running;

/// chronyc as it speaks on a client whose source is silent, and on a source that denies a client.
const CHRONYC: &str = r#"#!/bin/sh
echo "chronyc $*" >>/calls
case "$*" in
  *ntpdata) echo '10.0.0.1,0A000001,123,[UNSPEC],00000000,Normal,0,Invalid,0,0,1,0,1.0,0.0,0.0,00000000,,0.0,0.0,0.0,0.0,0.0,0.00,000,000,0000,No,No,Invalid,Invalid,8,0,0,0' ;;
  *authdata) echo '10.0.0.1,SK,5,1,128,4294967295,0,0,0,0' ;;
  *accheck*10.0.0.2) echo '209 Access denied' ;;
  *accheck*) echo '208 Access allowed' ;;
  *clients) echo '10.0.0.3,8,0,1,127,4,0,0,127,4294967295' ;;
esac
"#;

const CHRONYD: &str = r#"#!/bin/sh
echo "chronyd $*" >>/calls
echo 'System clock wrong by -0.000002 seconds (ignored)'
echo 'chronyd exiting'
"#;

/// What a host says when it is looked at so.
fn looked(host: &Host, glance: &Glance) -> Reading {
    host.systemd();
    host.service("chronyd", &["active"], "");
    host.program("chronyc", CHRONYC);
    host.program("chronyd", CHRONYD);
    host.program("ip", "#!/bin/sh\necho '10.0.0.1 dev eth0 src 10.0.0.2 uid 0'\n");
    host.program("journalctl", "#!/bin/sh\necho 'Could not open /var/lib/chrony/drift.tmp'\n");
    host.program("vmware-toolbox-cmd", "#!/bin/sh\necho Enabled\n");
    host.write("/etc/chrony.conf", "# a comment\nserver 10.0.0.1\n rtcsync\n");
    let facts = Facts::typical(Platform::RedHat);
    let mark = Word::random().unwrap();
    let script = watch_script(glance, Sight::of(&facts.chrony), &mark);
    let mut running = Running::start(host, script.as_bytes(), &mark);
    running.until(&["looked"]);
    running.hang_up();
    let answer = running.finish();
    assert!(answer.status.success(), "{:?}: {}", host.shell, answer.stderr);
    Look::watched(&answer.sections, &facts).reading()
}

#[test]
fn a_silent_source_is_asked_beside_the_daemon() {
    for host in Host::each() {
        let silent = vec!["10.0.0.1".parse().unwrap()];
        let reading = looked(&host, &Glance::Explain(silent));
        let [query] = reading.evidence.queries.as_slice() else { panic!("{reading:?}") };
        assert_eq!(query.from, Some("10.0.0.2".parse().unwrap()), "{:?}", host.shell);
        assert_eq!(query.answered, Some(true), "{:?}", host.shell);
        assert_eq!(reading.evidence.ntpdata[0].peer, Peer::Address("10.0.0.1".parse().unwrap()));
        assert_eq!(reading.evidence.ntpdata[0].sent, 8);
        assert_eq!(reading.evidence.authdata[0].key, 5);
        assert!(reading.surroundings.conf.is_none(), "nobody looked around");
        let asked: Vec<String> =
            host.calls().into_iter().filter(|call| call.starts_with("chronyd")).collect();
        let [asked] = asked.as_slice() else { panic!("{asked:?}") };
        assert!(asked.starts_with(
            "chronyd -Q -t 2 server 10.0.0.1 iburst maxsamples 1 pidfile /run/ezsync-"
        ));
    }
}

#[test]
fn a_host_is_examined_without_being_touched() {
    for host in Host::each() {
        let before = host.snapshot();
        let reading = looked(&host, &Glance::Examine(Vec::new()));
        let around = &reading.surroundings;
        assert_eq!(around.conf.as_deref(), Some(["rtcsync".to_owned()].as_slice()));
        assert!(around.vmware, "{:?}: {around:?}", host.shell);
        assert_eq!(around.complaints, ["Could not open /var/lib/chrony/drift.tmp"]);
        assert!(reading.evidence.queries.is_empty());
        let calls = host.calls();
        let changing = |call: &&String| call.contains("burst") || call.starts_with("chronyd");
        assert_eq!(calls.iter().find(changing), None);
        let after = host.snapshot();
        let new = after.keys().filter(|path| !before.contains_key(*path));
        // What the test itself has put there.
        let ours =
            ["chronyc", "chronyd", "/ip", "journalctl", "vmware", "chrony.conf", "calls", "system"];
        let new: Vec<_> = new.filter(|path| !ours.iter().any(|part| path.contains(part))).collect();
        assert!(new.is_empty(), "{new:?}");
    }
}

#[test]
fn the_source_is_asked_about_its_clients() {
    for host in Host::each() {
        host.program("chronyc", CHRONYC);
        let addresses = ["10.0.0.2", "10.0.0.3"].map(|address| address.parse().unwrap());
        let mark = Word::random().unwrap();
        let script = source_script(&addresses, &mark);
        let answer = Running::start(&host, script.as_bytes(), &mark).finish();
        let said = source_side(&answer.sections).unwrap();
        let explained = |address| said.explain(&Silence::default(), address, Duration::ZERO);
        assert!(matches!(explained(addresses[0]), Cause::Denied(_)), "{:?}", host.shell);
        let Cause::NoReply(silence) = explained(addresses[1]) else { panic!("{said:?}") };
        assert_eq!((silence.allowed, silence.heard), (Some(true), Heard::Ago(4)));
        assert_eq!(source_side(&answer.sections[..1]), None, "a part of an answer is none");
    }
}
