//! Hosts of Red Hat's family, where dnf and rpm know the packages.

use ezsync_hosts::{Image, LabSpec};

use crate::support::{Bench, host, skipped, trouble};

#[test]
fn dnf_brings_chrony_and_its_rival_goes() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Rpm, 2);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let client = host(&run, "node2");
    assert_eq!(client["facts"]["distribution"], "rocky", "{client:#}");
    assert!(client["synchronised_after"].is_number(), "{client:#}");
    assert!(bench.on(1, "cat /etc/chrony.conf").contains("server 10.99.0.11 iburst"));
    bench.on(1, "rpm -q chrony libedit && [ ! -e /etc/chrony ]");
    for (of, state) in [("chronyd", "active enabled"), ("systemd-timesyncd", "inactive disabled")] {
        let said =
            bench.on(1, &format!("echo $(systemctl is-active {of}) $(systemctl is-enabled {of})"));
        assert_eq!(said, state, "{of}");
    }

    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    for name in ["node1", "node2"] {
        assert_eq!(host(&run, name)["plan"]["changes"].as_array().unwrap().len(), 0, "{run:#}");
        assert_eq!(host(&run, name)["execs"], 1, "{run:#}");
    }
    let (code, run) = bench.json(&["verify", "c1"]);
    assert_eq!(code, 0, "{run:#}");
}

#[test]
fn dnf_without_a_repository_fails_and_changes_nothing() {
    if skipped() {
        return;
    }
    let bench = Bench::of(&LabSpec { repository: false, ..LabSpec::new(Image::Rpm, 1) });
    // No counts of links: they change when overlayfs takes a folder up.
    let all = "rpm -qa | sort; find /etc -printf '%M %u %g %s %l %p\\n' | sort; systemctl is-active systemd-timesyncd";
    let before = bench.on(0, all);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.contains("chrony"), "{what}");
    let log = host(&run, "node1")["outcome"]["trouble"]["log"].to_string();
    assert!(log.contains("repo 'lab'"), "{log}");
    assert_eq!(bench.on(0, all), before);
}
