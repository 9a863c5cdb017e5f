//! Logging in: who may, who may not, and what is said of it.

use std::fs;

use ezsync_hosts::Image;

use crate::support::{Bench, Ran, host, line, skipped, trouble};

#[test]
fn each_host_that_cannot_be_used_is_explained_and_the_others_go_on() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 6);
    let hosts = bench.hosts();
    // node3 has another key than is known, node4 is switched off, node5's port is closed, node6
    // has a user without sudo.
    let known = fs::read_to_string(bench.lab.known_hosts()).unwrap();
    let mut lines: Vec<String> = known.lines().map(ToOwned::to_owned).collect();
    let of = |text: &str, host: usize| text.contains(&hosts[host].address.to_string());
    let other = lines.iter().find(|text| of(text, 0)).unwrap().clone();
    for text in lines.iter_mut().filter(|text| of(text, 2)) {
        let names = text.split_whitespace().next().unwrap().to_owned();
        let key = other.split_once(char::is_whitespace).unwrap().1;
        *text = format!("{names} {key}");
    }
    let known_hosts = bench.folder.path().join("known_hosts");
    fs::write(&known_hosts, lines.join("\n") + "\n").unwrap();
    bench.lab.stop(&hosts[3]).unwrap();
    let mut inventory: Vec<String> = hosts.iter().map(line).collect();
    inventory[4] += " ansible_port=2222";
    inventory[5] += " ansible_user=nosudo";
    bench.inventory(&inventory);

    let args = ["setup", "c1", "--json", "-T", "3"];
    let output = bench.command_with(&known_hosts, &args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let run = serde_json::from_slice(&output.stdout).unwrap();
    for good in ["node1", "node2"] {
        assert_eq!(host(&run, good)["outcome"]["state"], "ok", "{run:#}");
    }
    let changed = trouble(&run, "node3", "unreachable");
    assert!(
        changed.contains("has changed") && changed.matches("SHA256:").count() == 2,
        "{changed}"
    );
    let off = trouble(&run, "node4", "unreachable");
    assert!(off.contains("no answer in time") || off.contains("cannot reach"), "{off}");
    assert!(
        trouble(&run, "node5", "unreachable").contains("10.99.0.15:2222 refuses the connection")
    );
    let sudo = trouble(&run, "node6", "failed");
    assert!(sudo.contains("sudo did not make nosudo root without a password"), "{sudo}");
    assert!(!bench.on(2, "cat /etc/chrony/chrony.conf").contains("ezsync"));
    assert!(!bench.on(5, "cat /etc/chrony/chrony.conf").contains("ezsync"));
}

#[test]
fn a_user_with_sudo_does_as_well_as_root() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    let lines: Vec<String> =
        bench.hosts().iter().map(|host| line(host) + " ansible_user=ops").collect();
    bench.inventory(&lines);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.on(1, "stat -c '%U %a' /etc/chrony/chrony.conf"), "root 644");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!((code, &host(&run, "node2")["execs"]), (0, &1.into()), "{run:#}");

    // Without sudo nothing can be read, let alone changed.
    let ran = bench.run(&["setup", "c1", "-e", "ansible_become=false"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("ops is not root, and become is off"), "{}", ran.stdout);
}

#[test]
fn unknown_host_keys_are_refused_or_learned() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    let known_hosts = bench.folder.path().join(".ssh/known_hosts");
    let run = |more: &[&str]| {
        let args: Vec<&str> = ["verify", "c1"].iter().chain(more).copied().collect();
        Ran::from(bench.command_with(&known_hosts, &args).output().unwrap())
    };
    let refused = run(&[]);
    assert_eq!(refused.code, 4, "{}", refused.stdout);
    assert!(refused.stdout.contains("--accept-new-host-keys"), "{}", refused.stdout);
    assert!(!known_hosts.exists());
    let learned = run(&["--accept-new-host-keys", "--verify-timeout", "0"]);
    assert_ne!(learned.code, 4, "{}", learned.stdout);
    assert_eq!(fs::read_to_string(&known_hosts).unwrap().lines().count(), 2);
    assert_ne!(run(&["--verify-timeout", "0"]).code, 4);
}
