//! Labs on this machine: real hosts boot, can be logged in to, install packages, cannot touch the
//! clock, and leave nothing behind. Skipped, with the reason, where hosts cannot be brought up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of it is test"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ezsync_hosts::{Image, Lab, LabSpec, TestHost, cache, unavailable};

/// Whether to skip the calling test; says why.
fn skip() -> bool {
    let reason = unavailable();
    if let Some(reason) = &reason {
        ezsync_hosts::skip(reason);
    }
    reason.is_some()
}

fn name(lab: &Lab) -> String {
    lab.network().file_name().unwrap().to_str().unwrap().to_owned()
}

/// What still exists of the lab of that name.
fn traces(lab: &str) -> Vec<String> {
    let of_lab = |text: &str| text.contains(&format!("{lab}/")) || text.ends_with(lab);
    let mut found: Vec<String> = [
        PathBuf::from("/run/netns").join(lab),
        Path::new("/sys/fs/cgroup/ezsync-hosts").join(lab),
        Path::new("/sys/fs/cgroup/unified/ezsync-hosts").join(lab),
        Path::new("/sys/fs/cgroup/systemd/ezsync-hosts").join(lab),
        cache().join("labs").join(lab),
    ]
    .into_iter()
    .filter(|path| path.exists())
    .map(|path| path.display().to_string())
    .collect();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    found.extend(mounts.lines().filter(|line| of_lab(line)).map(ToOwned::to_owned));
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        if words.split('\0').any(of_lab) {
            found.push(format!("{}: {}", entry.path().display(), words.replace('\0', " ")));
        }
    }
    found
}

fn ssh(lab: &Lab, login: &str, script: &str) -> Output {
    lab.command("ssh")
        .arg("-i")
        .arg(lab.key())
        .arg(format!("-oUserKnownHostsFile={}", lab.known_hosts().display()))
        .args(["-F/dev/null", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes"])
        .args(["-oConnectTimeout=3", login, script])
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What `script` says as root on `host`; it must succeed.
fn on(lab: &Lab, host: &TestHost, script: &str) -> String {
    let output = lab.shell(host, script).unwrap();
    assert!(output.status.success(), "{script}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// What the kernel has of clock corrections: offset, frequency, status, tick.
fn kernel_clock() -> Vec<String> {
    let output = Command::new("busybox").arg("adjtimex").output().unwrap();
    let wanted = ["offset:", "freq.adjust:", "status:", "tick:"];
    let said = text(&output);
    said.lines().filter(|line| wanted.iter().any(|w| line.contains(w))).map(String::from).collect()
}

const INSTALL: &str =
    "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install chrony tree";

#[test]
fn bare_hosts_are_real_and_leave_nothing_behind() {
    if skip() {
        return;
    }
    let clock_before = kernel_clock();
    let lab = Lab::up(&LabSpec::new(Image::Bare, 2)).unwrap();
    let [one, two] = lab.hosts() else { panic!("not two hosts") };

    // Logins, with host keys checked, by address of either kind.
    for (login, expected) in [
        (format!("root@{}", one.address), "root node1\nroot\n"),
        (format!("root@{}", two.address6), "root node2\nroot\n"),
        (format!("ops@{}", one.address), "ops node1\nroot\n"),
        (format!("nosudo@{}", one.address), "nosudo node1\nsudo: a password is required\n"),
    ] {
        let output = ssh(&lab, &login, "echo $(id -un) $(hostname); sudo -n id -un");
        assert_eq!(text(&output), expected, "{login}");
    }

    // Bare: no chrony, no Python, the rival runs.
    let missing = "for p in chronyd python3 python; do ! command -v $p || exit 1; done";
    on(&lab, one, missing);
    assert_eq!(on(&lab, one, "systemctl is-active systemd-timesyncd"), "active");
    assert_ne!(on(&lab, one, "cat /etc/machine-id"), on(&lab, two, "cat /etc/machine-id"));

    // No network but the lab's.
    let output = lab.shell(one, "ip route get 198.51.100.1").unwrap();
    assert!(text(&output).contains("unreachable"), "{}", text(&output));

    // Packages come from the lab, and chrony takes timesyncd's place.
    for host in [one, two] {
        on(&lab, host, INSTALL);
        assert_eq!(on(&lab, host, "systemctl is-active chrony"), "active");
        let active = lab.shell(host, "systemctl is-active systemd-timesyncd").unwrap();
        assert_eq!(String::from_utf8_lossy(&active.stdout).trim(), "inactive");
        let command = on(&lab, host, "tr '\\0' ' ' </proc/$(cat /run/chrony/chronyd.pid)/cmdline");
        assert!(command.starts_with("/usr/sbin/chronyd -x "), "{command}");
    }

    // They synchronise over the bridge, and the machine's clock does not notice.
    on(
        &lab,
        one,
        "printf 'local stratum 10\\nallow\\nrtcsync\\n' >/etc/chrony/chrony.conf && systemctl restart chrony",
    );
    on(
        &lab,
        two,
        "printf 'server 10.99.0.11 iburst\\nrtcsync\\n' >/etc/chrony/chrony.conf && systemctl restart chrony \
         && chronyc waitsync 60 0.01 0 0.5",
    );
    let tracking = on(&lab, two, "chronyc -n -c tracking");
    assert!(tracking.contains("10.99.0.11,11,"), "{tracking}");
    assert_eq!(kernel_clock(), clock_before);
    // Nobody may set the clock. (The value it has already: were it allowed, nothing would change.)
    let tick = clock_before.iter().find_map(|line| line.split("tick:").nth(1)).unwrap();
    let set = format!("busybox adjtimex -t {}", tick.trim().trim_end_matches(" us"));
    let outputs = [
        ssh(&lab, &format!("root@{}", one.address), &set),
        lab.shell(one, &set).unwrap(),
        lab.command("sh").args(["-c", &set]).output().unwrap(),
    ];
    for output in outputs {
        assert!(text(&output).contains("not permitted"), "{}", text(&output));
    }

    // Cables and power.
    let login = format!("root@{}", two.address);
    let answers = || ssh(&lab, &login, "true").status.success();
    lab.cut(two).unwrap();
    assert!(!answers());
    lab.mend(two).unwrap();
    assert!(answers());
    lab.stop(two).unwrap();
    assert!(!answers());
    assert!(lab.shell(two, "true").unwrap_err().to_string().contains("was stopped"));

    let name = name(&lab);
    assert!(!traces(&name).is_empty());
    drop(lab);
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn somebody_elses_chrony_runs() {
    if skip() {
        return;
    }
    let lab = Lab::up(&LabSpec::new(Image::Chrony, 1)).unwrap();
    let host = &lab.hosts()[0];
    assert_eq!(
        on(&lab, host, "systemctl is-active chrony; systemctl is-enabled chrony"),
        "active\nenabled"
    );
    assert!(on(&lab, host, "cat /etc/chrony/chrony.conf").contains("Ask Mallory"));
    assert!(on(&lab, host, "chronyc -n sources").contains("198.51.100.123"));
}

#[test]
fn a_delay_line_makes_the_way_longer_while_it_is_there() {
    if skip() {
        return;
    }
    let lab = Lab::up(&LabSpec::new(Image::Bare, 1)).unwrap();
    let host = &lab.hosts()[0];
    // One round trip to be connected, and half of one more until the server's greeting is here.
    let greeting = || {
        let address = format!("exec 3<>/dev/tcp/{}/22; read -r line <&3", host.address);
        let start = Instant::now();
        assert!(lab.command("bash").args(["-c", &address]).status().unwrap().success());
        start.elapsed()
    };
    let (round_trip, least) = (Duration::from_millis(500), Duration::from_millis(750));
    {
        let _line = lab.delay(host, round_trip).unwrap();
        // The first packets ask who has the addresses.
        greeting();
        let taken = greeting();
        assert!(taken > least, "{taken:?}");
        assert!(taken < 3 * least, "{taken:?}");
        // There is one a host, and a second one does the first no harm.
        assert!(lab.delay(host, round_trip).is_err());
        assert!(greeting() > least);
    }
    let taken = greeting();
    assert!(taken < least, "{taken:?}");
}

#[test]
fn without_a_repository_apt_fails_at_once() {
    if skip() {
        return;
    }
    let lab = Lab::up(&LabSpec { repository: false, ..LabSpec::new(Image::Bare, 1) }).unwrap();
    let start = Instant::now();
    let output = lab.shell(&lab.hosts()[0], INSTALL).unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("Connection refused"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// A host of Red Hat's family: its own package manager resolves, installs and says what there is.
#[test]
fn dnf_installs_rpm_packages() {
    if skip() {
        return;
    }
    let lab = Lab::up(&LabSpec::new(Image::Rpm, 1)).unwrap();
    let host = &lab.hosts()[0];
    assert_eq!(on(&lab, host, ". /etc/os-release; echo $ID $VERSION_ID"), "rocky 9.6");
    on(&lab, host, "for p in apt-get dpkg chronyd; do ! command -v $p || exit 1; done");
    assert_eq!(on(&lab, host, "systemctl is-active systemd-timesyncd"), "active");

    let said = on(&lab, host, "dnf -y install chrony 2>&1");
    assert!(!said.contains("releasever"), "{said}");
    assert_eq!(on(&lab, host, "rpm -q --qf '%{NAME} ' chrony libedit"), "chrony libedit");
    assert_eq!(on(&lab, host, "rpm -qf --qf '%{NAME}' /usr/sbin/useradd"), "shadow-utils");
    on(&lab, host, "rpm -V chrony && systemctl start chronyd && chronyc -n tracking");
    assert_eq!(on(&lab, host, "systemctl is-enabled chronyd"), "enabled");
    let command = on(&lab, host, "tr '\\0' ' ' </proc/$(cat /run/chrony/chronyd.pid)/cmdline");
    assert!(command.starts_with("/usr/sbin/chronyd -x "), "{command}");
    let user = on(&lab, host, "stat -c %U /proc/$(cat /run/chrony/chronyd.pid)");
    assert_eq!(user, "chrony");
}

/// What is sent outside is neither answered nor refused.
#[test]
fn an_outside_that_swallows_is_silent() {
    if skip() {
        return;
    }
    let spec = LabSpec { repository: false, swallowed: true, ..LabSpec::new(Image::Bare, 1) };
    let lab = Lab::up(&spec).unwrap();
    for ask in ["getent hosts packages.example", "busybox nc 198.51.100.1 80 </dev/null"] {
        let output = lab.shell(&lab.hosts()[0], &format!("timeout 4 {ask}")).unwrap();
        assert_eq!(output.status.code(), Some(124), "{ask}: {}", text(&output));
    }
    // The lab's own network is as ever.
    let host = &lab.hosts()[0];
    assert!(ssh(&lab, &format!("root@{}", host.address), "true").status.success());
}

/// After a power cut and after a reboot it is the same host, and it boots anew.
#[test]
fn hosts_come_back_from_their_disks() {
    if skip() {
        return;
    }
    // One that shares this machine's clock, and one with a kernel and a disk of its own.
    let spec = LabSpec::new(Image::Bare, 1);
    let own = LabSpec { clock_offsets: vec![0], ..spec.clone() };
    for spec in [spec, own] {
        let lab = Lab::up(&spec).unwrap();
        let host = &lab.hosts()[0];
        on(&lab, host, "echo kept >/etc/kept; sync; echo gone >/run/gone");
        let boot = "cat /etc/kept; cat /run/gone 2>/dev/null; systemctl show -p UserspaceTimestamp";
        let mut boots = vec![on(&lab, host, boot)];
        for switch in [Lab::power_cut, Lab::reboot] {
            let start = Instant::now();
            switch(&lab, host).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60));
            let login = ssh(&lab, &format!("root@{}", host.address), "true");
            assert!(login.status.success(), "{}", text(&login));
            boots.push(on(&lab, host, boot));
            on(&lab, host, "echo gone >/run/gone");
        }
        assert!(boots[0].starts_with("kept\ngone\n"), "{boots:?}");
        for after in &boots[1..] {
            assert!(after.starts_with("kept\nUser"), "{boots:?}");
        }
        boots.dedup();
        assert_eq!(boots.len(), 3, "{boots:?}");
        assert!(lab.start(host).unwrap_err().to_string().contains("is not off"));
    }
}

#[test]
fn a_panic_leaves_nothing_behind() {
    if skip() {
        return;
    }
    let thread = std::thread::spawn(|| {
        let lab = Lab::up(&LabSpec::new(Image::Bare, 1)).unwrap();
        std::panic::panic_any(name(&lab));
    });
    let name = thread.join().unwrap_err().downcast::<String>().unwrap();
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn what_a_killed_process_leaves_is_cleaned_and_nothing_else() {
    if skip() {
        return;
    }
    // Builds the image before the folder is borrowed below.
    let other = Lab::up(&LabSpec::new(Image::Bare, 1)).unwrap();
    // A cache of its own, with the same images: tests beside this one clean theirs.
    let own_cache = tempfile::tempdir().unwrap();
    for folder in ["images", "locks"] {
        symlink(cache().join(folder), own_cache.path().join(folder)).unwrap();
    }
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ezsync-hosts"));
        command.env("EZSYNC_HOSTS_CACHE", own_cache.path());
        command
    };
    let mut up = program().arg("up").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "node1 10.99.0.11 fd00:99::11");
    let name = format!("ezs-{}-1", up.id());

    let cleaned = program().arg("clean").output().unwrap();
    assert_eq!(text(&cleaned), "", "a lab whose owner lives was cleaned");
    assert!(!traces(&name).is_empty());

    up.kill().unwrap();
    up.wait().unwrap();
    assert!(!traces(&name).is_empty(), "the owner was killed, but the lab is gone");
    let cleaned = program().arg("clean").output().unwrap();
    assert_eq!(text(&cleaned), format!("removed {name}\n"));
    assert_eq!(traces(&name), Vec::<String>::new());
    on(&other, &other.hosts()[0], "true");
}

#[test]
fn run_gives_a_command_its_hosts_and_ends_with_its_code() {
    if skip() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster/hosts");
    let script = "ssh -F/dev/null -i $EZSYNC_LAB_KEY -oUserKnownHostsFile=$EZSYNC_LAB_KNOWN_HOSTS \
                  -oBatchMode=yes root@10.99.0.12 hostname; exit 7";
    let output = Command::new(env!("CARGO_BIN_EXE_ezsync-hosts"))
        .args(["run", "--names", "alpha,beta", "--inventory"])
        .arg(&file)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "beta\n");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("[chrony]\nalpha ansible_host=10.99.0.11\n"), "{written}");
}
