//! Packages that come over the connection: how they get to real hosts, and what happens when they do not.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ezsync::bundle::{self, Manifest, Member, Set};
use ezsync::package::{Architecture, Target, deb};
use ezsync_hosts::{Image, LabSpec, Suite};

use crate::on_node::OnNode;
use crate::support::{Bench, LITTER, Ran, host, line, skipped, trouble};

/// Connections that the host has opened itself since it booted.
const OPENED: &str = "awk '/^Tcp: [0-9]/ {print $6}' /proc/net/snmp";

/// apt's own lists and archives, and what dpkg may leave. (debconf's hook looks at templates with the host's
/// own settings, and brings apt's binary caches up to date.)
const APT: &str = "find /var/lib/apt/lists /var/cache/apt/archives -type f -exec sha256sum {} + | sort; ls /var/lib/dpkg/updates";

/// Bare hosts of `suite`, and in their project folder a bundle with chrony and what it needs. Gives its
/// packages' size in bytes as well.
fn bench(suite: &str, release: &str, count: usize) -> (Bench, u64) {
    let suite: Suite = suite.parse().unwrap();
    let bench = Bench::of(&LabSpec { suite, ..LabSpec::new(Image::Bare, count) });
    let folder = bench.lab.packages();
    let list = BufReader::new(File::open(folder.join("Packages")).unwrap());
    let mut packages = deb::read_packages(list, Architecture::Amd64).unwrap();
    // What belongs to other tests stays away.
    packages.retain(|package| package.name == "chrony" || package.name.starts_with("lib"));
    packages.retain(|package| !package.name.contains("pam") && !package.name.contains("qrencode"));
    let member = |package: &ezsync::package::Package| Member {
        bytes: fs::read(folder.join(&package.file)).unwrap().into(),
        package: package.clone(),
    };
    let members: Vec<Member> = packages.iter().map(member).collect();
    let size = packages.iter().map(|package| package.size).sum();
    let target = Target { release: release.parse().unwrap(), architecture: Architecture::Amd64 };
    let set = Set { target, wanted: vec!["chrony".to_owned()], packages };
    let file = bench.folder.path().join("time.bundle");
    bundle::write(&Manifest { sets: vec![set] }, &members, &file).unwrap();
    (bench, size)
}

const SETUP: [&str; 4] = ["setup", "c1", "--bundle", "time.bundle"];

/// Bytes and packets that the host has received.
fn received(bench: &Bench, number: usize) -> (u64, u64) {
    let text = bench.on(
        number,
        "cat /sys/class/net/host0/statistics/rx_bytes /sys/class/net/host0/statistics/rx_packets",
    );
    let mut numbers = text.lines().map(|line| line.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn packages_travel_over_the_connection_by_every_way_to_root() {
    if skipped() {
        return;
    }
    let (bench, size) = bench("trixie", "debian-13", 4);
    assert!(size > 2_500_000, "{size}");
    bench.everywhere(
        "useradd -m -s /bin/bash pw; echo pw:geheim | chpasswd; echo 'pw ALL=(ALL:ALL) ALL' >/etc/sudoers.d/pw",
    );
    bench.on(3, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
    let users = ["root", "ops", "pw", "pw"];
    let lines: Vec<String> = bench
        .hosts()
        .iter()
        .zip(users)
        .map(|(host, user)| format!("{} ansible_user={user}", line(host)))
        .collect();
    bench.inventory(&lines);
    bench.write("password", "geheim\n");
    let before = (bench.everywhere(APT), bench.everywhere(OPENED), received(&bench, 0));

    let (code, run) = bench.json(&[&SETUP[..], &["--become-password-file", "password"]].concat());
    assert_eq!(code, 0, "{run:#}");
    for name in ["node1", "node2", "node3", "node4"] {
        let notes = host(&run, name)["notes"].to_string();
        assert!(notes.contains("systemd-timesyncd was removed"), "{notes}");
    }
    assert_eq!(bench.everywhere(LITTER), [""; 4]);
    // A repository is a cable away, and none of the hosts has asked for it.
    assert_eq!((bench.everywhere(APT), bench.everywhere(OPENED)), (before.0, before.1));
    // What has come beside the packages: two scripts, the handshake, chrony's first packets, and the heads
    // of all packets.
    let after = received(&bench, 0);
    let came = after.0 - before.2.0 - 66 * (after.1 - before.2.1);
    assert!(came < size + size / 50 + 60_000, "{came} bytes for {size}");
    let (code, run) = bench.json(&[&SETUP[..], &["--become-password-file", "password"]].concat());
    assert_eq!((code, &host(&run, "node1")["execs"]), (0, &1.into()), "{run:#}");
}

#[test]
fn the_controllers_own_machine_gets_them_too() {
    if skipped() {
        return;
    }
    let (bench, _) = bench("bookworm", "debian-12", 1);
    let on = OnNode::new(&bench, 0, Path::new(env!("CARGO_BIN_EXE_ezsync")));
    on.send(&bench.folder.path().join("time.bundle"), "/root/p/time.bundle");
    let ran = on.run("setup c1 --bundle time.bundle --known-hosts /root/known_hosts");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("node1: sending 28"), "{}", ran.stderr);
    assert_eq!(bench.on(0, LITTER), "");
}

/// Waits until `condition` holds on the host.
fn wait(bench: &Bench, number: usize, condition: &str, limit: Duration) {
    let tries = limit.as_millis() / 100;
    bench.on(number, &format!(
        "n=0; while ! ( {condition} ); do sleep 0.1; n=$((n+1)); [ $n -lt {tries} ] || exit 1; done"
    ));
}

/// An operator with a state folder of his own: one cluster has one run from each.
fn start(bench: &Bench, operator: &str, args: &[&str]) -> Child {
    let mut command = bench.command(args);
    command.env("XDG_STATE_HOME", bench.folder.path().join(operator));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Something of a package has come, and not all of it.
const UNDER_WAY: &str = "find /var/lib/ezsync/run.*/files -size +0 2>/dev/null | grep -q .";

#[test]
fn a_cable_that_is_cut_in_the_middle_of_sending() {
    if skipped() {
        return;
    }
    let (bench, _) = bench("trixie", "debian-13", 2);
    for number in 0..2 {
        bench.lab.slow(&bench.hosts()[number], 2).unwrap();
    }
    // One host loses its cable, and with the other the controller goes away.
    let child = start(&bench, "one", &[&SETUP[..], &["--json", "-l", "node1"]].concat());
    let mut killed = start(&bench, "other", &[&SETUP[..], &["-l", "node2"]].concat());
    for number in 0..2 {
        wait(&bench, number, UNDER_WAY, Duration::from_secs(20));
    }
    bench.lab.cut(&bench.hosts()[0]).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let cut = Instant::now();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(cut.elapsed() < Duration::from_secs(50), "{:?}", cut.elapsed());
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let run = serde_json::from_str(&ran.stdout).unwrap();
    let what = trouble(&run, "node1", "unreachable");
    assert!(what.contains("it took in nothing of the files that it was sent for 30 s"), "{what}");
    // Nobody tells that host; it finds out by itself.
    for number in 0..2 {
        wait(&bench, number, "! ls -d /var/lib/ezsync/run.*", Duration::from_secs(60));
    }
    assert_eq!(bench.everywhere(LITTER), [""; 2]);
    assert_eq!(
        bench.everywhere("dpkg-query -W -f '${Status}' systemd-timesyncd"),
        ["install ok installed"; 2]
    );

    bench.lab.mend(&bench.hosts()[0]).unwrap();
    for number in 0..2 {
        bench.lab.slow(&bench.hosts()[number], 1000).unwrap();
    }
    let (code, run) = bench.json(&SETUP);
    assert_eq!(code, 0, "{run:#}");
}

/// Holds dpkg's lock as another apt does, until /tmp/unlock stands there: F_SETLK with an F_WRLCK of the whole
/// file (fcntl(2), struct flock of 64-bit machines).
const LOCK: &str = r#"setsid perl -e '
    $lock = pack("s s x4 q q i x4", 1, 0, 0, 0, 0);
    open F, ">>", "/var/lib/dpkg/lock-frontend"; fcntl(F, 6, $lock) or die;
    open L, ">", "/tmp/locked"; close L;
    until (-e "/tmp/unlock" or $n++ > 600) { select undef, undef, undef, 0.1 }
' >/dev/null 2>&1 </dev/null &"#;

#[test]
fn hosts_that_are_full_or_half_done_or_busy() {
    if skipped() {
        return;
    }
    let (bench, _) = bench("bookworm", "debian-12", 5);
    let small = "mkdir -p /var/lib/ezsync; mount -t tmpfs -o size=200k none /var/lib/ezsync";
    // It has no room, and says so.
    bench.on(1, small);
    // It has no room, and does not know.
    bench.on(
        2,
        &format!("{small}; printf '#!/bin/sh\n' >/usr/local/bin/df; chmod +x /usr/local/bin/df"),
    );
    // Somebody has switched it off while dpkg was at work.
    bench.on(3, "awk '/^Package: tzdata$/,/^$/' /var/lib/dpkg/status | sed 's/^Status: .*/Status: install ok half-configured/' >/var/lib/dpkg/updates/0001");
    // Another apt is at work.
    bench.on(4, LOCK);
    wait(&bench, 4, "[ -e /tmp/locked ]", Duration::from_secs(20));
    let child = start(&bench, "one", &[&SETUP[..], &["--json"]].concat());
    wait(&bench, 4, "pgrep -f 'apt-get.*Lists' >/dev/null", Duration::from_secs(30));
    bench.on(4, "touch /tmp/unlock");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let run = serde_json::from_str(&ran.stdout).unwrap();
    for (name, expected) in
        [("node2", "MB in /var/lib/ezsync, 0 MB are free"), ("node3", "No space left on device")]
    {
        let what = trouble(&run, name, "failed");
        assert!(what.ends_with("nothing was changed"), "{what}");
        let log = host(&run, name)["outcome"]["trouble"]["log"].to_string();
        assert!(log.contains(expected), "{log}");
    }
    for name in ["node1", "node4", "node5"] {
        assert_eq!(host(&run, name)["outcome"]["state"], "ok", "{run:#}");
    }
    assert_eq!(bench.everywhere(LITTER), [""; 5]);
    assert_eq!(bench.on(3, "dpkg --audit; ls /var/lib/dpkg/updates"), "");
    let timesyncd = "dpkg-query -W -f '${Status}' systemd-timesyncd";
    assert_eq!([bench.on(1, timesyncd), bench.on(2, timesyncd)], ["install ok installed"; 2]);

    // With room they get there.
    bench.on(1, "umount /var/lib/ezsync");
    bench.on(2, "umount /var/lib/ezsync; rm /usr/local/bin/df");
    let (code, run) = bench.json(&SETUP);
    assert_eq!(code, 0, "{run:#}");
}
