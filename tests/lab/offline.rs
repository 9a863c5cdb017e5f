//! Clusters without internet, set up from a bundle: nothing comes from anywhere else, and nobody waits for
//! somebody who does not answer.

use std::path::Path;
use std::time::{Duration, Instant};

use ezsync_hosts::{Image, LabSpec, Suite};
use serde_json::Value;

use crate::bundles;
use crate::support::{Bench, LITTER, host, line, skipped};

/// Fresh hosts, the first of `image` and `suite`, with name servers and routes that swallow everything.
pub fn offline(suite: &str, others: &[(Image, &str)]) -> LabSpec {
    let others: Vec<(usize, Image, Suite)> = (1..)
        .zip(others)
        .map(|(number, (image, suite))| (number, *image, suite.parse().unwrap()))
        .collect();
    let spec = LabSpec::new(Image::Bare, 1 + others.len());
    LabSpec { others, suite: suite.parse().unwrap(), repository: false, swallowed: true, ..spec }
}

/// Lets the package manager know a repository by a name that nobody resolves.
pub const REMOTE: &str =
    "echo 'deb http://packages.example/debian stable main' >/etc/apt/sources.list
     [ ! -d /etc/yum.repos.d ] || sed -i s/10.99.0.1/packages.example/ /etc/yum.repos.d/lab.repo";

pub fn setup<'a>(bundle: &'a Path, options: &[&'a str]) -> Vec<&'a str> {
    [&["setup", "c1", "--bundle", bundle.to_str().unwrap()], options].concat()
}

/// Nothing to do, and it took one command.
pub fn assert_unchanged(run: &Value) {
    for host in run["hosts"].as_array().unwrap() {
        assert_eq!(host["plan"]["changes"].as_array().unwrap().len(), 0, "{host:#}");
        assert_eq!(host["execs"], 1, "{host:#}");
    }
}

/// Packages that lie about.
const STAGED: &str =
    "find /var /tmp /root /run -xdev -name '*.deb' -o -name '*.rpm' | grep -v '^/var/lib/rpm'";

#[test]
fn releases_and_distributions_are_set_up_in_one_run() {
    if skipped() {
        return;
    }
    let Some(bundle) = bundles::all() else { return };
    let others = [(Image::Bare, "bookworm"), (Image::Bare, "trixie"), (Image::Rpm, "bookworm")];
    let bench = Bench::of(&offline("bullseye", &others));
    bench.everywhere(REMOTE);
    // node2's user becomes root with a password, node3's on a terminal besides.
    for node in [1, 2] {
        bench.on(
            node,
            "useradd -m -s /bin/bash pw; echo 'pw:geheim' | chpasswd
             echo 'pw ALL=(ALL:ALL) ALL' >/etc/sudoers.d/pw",
        );
    }
    bench.on(2, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
    bench.write("password", "geheim\n");
    let mut lines: Vec<String> = bench.hosts().iter().map(line).collect();
    for node in [1, 2] {
        lines[node] += " ansible_user=pw ansible_become=true";
    }
    bench.inventory(&lines);

    let asked_for = |node| bench.on(node, "apt-mark showmanual");
    let before: Vec<String> = (0..3).map(asked_for).collect();
    let start = Instant::now();
    let options = ["--become-password-file", "password"];
    let (code, run) = bench.json(&setup(bundle, &options));
    let seconds = start.elapsed().as_secs();
    assert_eq!(code, 0, "{run:#}");
    assert!(seconds < 100, "somebody waited for the network: {seconds} s");
    for (node, version) in ["4.0", "4.3", "4.6"].iter().enumerate() {
        let name = &bench.hosts()[node].name;
        if node > 0 {
            assert!(host(&run, name)["synchronised_after"].is_number(), "{run:#}");
        }
        let installed = bench.on(node, "dpkg-query -W -f '${Version}' chrony");
        assert!(installed.starts_with(version), "{installed}");
        assert_eq!(bench.on(node, "systemctl is-active chrony"), "active");
        assert_eq!(bench.on(node, "systemctl is-active systemd-timesyncd || :"), "inactive");
        // What chrony needs goes when chrony goes.
        let after = asked_for(node);
        let more = after.lines().filter(|name| !before[node].lines().any(|known| known == *name));
        assert_eq!(more.collect::<Vec<_>>(), ["chrony"]);
        assert_eq!(bench.on(node, "dpkg --audit; apt-get -qq check"), "");
        assert_eq!(bench.on(node, &format!("{STAGED} || :; {LITTER}")), "");
    }
    assert_eq!(bench.on(3, "systemctl is-active chronyd"), "active");
    let (code, run) = bench.json(&setup(bundle, &options));
    assert_eq!(code, 0, "{run:#}");
    for (node, execs) in [(0, 1), (1, 1), (2, 2), (3, 1)] {
        let host = host(&run, &bench.hosts()[node].name);
        assert_eq!(host["plan"]["changes"].as_array().unwrap().len(), 0, "{host:#}");
        // The host that wants a terminal says so once.
        assert_eq!(host["execs"], execs, "{host:#}");
    }
}

#[test]
fn dnf_installs_what_the_bundle_has() {
    if skipped() {
        return;
    }
    let bundle = bundles::rocky();
    let spec = LabSpec { repository: false, swallowed: true, ..LabSpec::new(Image::Rpm, 2) };
    let bench = Bench::of(&spec);
    bench.everywhere(REMOTE);
    let start = Instant::now();
    let (code, run) = bench.json(&setup(bundle, &[]));
    assert_eq!(code, 0, "{run:#}");
    // dnf alone waits 40 s for a name.
    assert!(start.elapsed() < Duration::from_secs(30), "somebody waited for the network");
    assert!(host(&run, "node2")["synchronised_after"].is_number(), "{run:#}");
    let installed = bench.everywhere("rpm -q --qf '%{NAME} ' chrony libedit; rpm -V chrony || :");
    assert!(installed.iter().all(|said| said.starts_with("chrony libedit ")), "{installed:?}");
    assert_eq!(bench.on(1, "systemctl is-active systemd-timesyncd || :"), "inactive");
    assert_eq!(bench.on(1, &format!("{STAGED} || :; {LITTER}")), "");

    let (code, run) = bench.json(&setup(bundle, &[]));
    assert_eq!(code, 0, "{run:#}");
    assert_unchanged(&run);
}
