//! Whole clusters: from nothing, from somebody else's chrony, and again.

use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, EVERYTHING, LITTER, host, line, skipped};

/// Changes and commands of every host.
fn effort(run: &Value) -> Vec<(usize, u64)> {
    let hosts = run["hosts"].as_array().unwrap();
    hosts
        .iter()
        .map(|host| {
            (host["plan"]["changes"].as_array().unwrap().len(), host["execs"].as_u64().unwrap())
        })
        .collect()
}

/// Runs ezsync where nothing is left to change: one command a host. On a busy machine a daemon may
/// just be between two sources, and is looked at once more: then it is tried again.
fn run_unchanged(bench: &Bench, args: &[&str]) -> Value {
    let mut run = Value::Null;
    for _ in 0..3 {
        let code;
        (code, run) = bench.json(args);
        assert_eq!(code, 0, "{run:#}");
        assert!(effort(&run).iter().all(|(changes, _)| *changes == 0), "{run:#}");
        if effort(&run).iter().all(|(_, execs)| *execs == 1) {
            return run;
        }
    }
    panic!("a host needs more than one command: {run:#}")
}

/// The first host serves, all others follow it within a millisecond.
fn assert_synchronised(run: &Value, source: &str) {
    assert_eq!(run["clocks"]["agree"], true, "{run:#}");
    for host in run["hosts"].as_array().unwrap() {
        assert_eq!(host["outcome"]["state"], "ok", "{host:#}");
        let verdict = &host["verdict"];
        // They all have this machine's clock: nothing but the reading's own uncertainty is in between.
        let clock = &host["clock"]["after"];
        let [seconds, uncertainty] =
            ["seconds", "uncertainty"].map(|key| clock[key].as_f64().unwrap());
        assert!(seconds.abs() <= uncertainty, "{clock}");
        if host["host"] == source {
            assert_eq!(verdict["state"], "local", "{verdict:#}");
            assert_eq!(verdict["stratum"], 10);
        } else {
            assert_eq!(verdict["state"], "unsteered", "{verdict:#}");
            assert_eq!(verdict["stratum"], 11);
            let offset = verdict["offset"].as_f64().unwrap();
            assert!(offset.abs() < 0.001, "{verdict:#}");
        }
    }
}

#[test]
fn bare_hosts_become_a_cluster_and_a_second_run_changes_nothing() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 4);

    let (code, first) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{first:#}");
    assert_synchronised(&first, "node1");
    assert!(effort(&first).iter().all(|(_, execs)| *execs <= 3), "{:?}", effort(&first));
    for said in bench.everywhere("dpkg-query -W -f '${Status}' chrony; systemctl is-enabled chrony")
    {
        assert_eq!(said, "install ok installedenabled");
    }
    assert!(bench.on(0, "cat /etc/chrony/chrony.conf").contains("\nallow 10.99.0.0/24\n"));
    for client in 1..4 {
        let conf = bench.on(client, "cat /etc/chrony/chrony.conf");
        assert!(conf.contains("\nserver 10.99.0.11 iburst"), "{conf}");
        assert!(!conf.contains("allow"), "{conf}");
        assert!(bench.on(client, "chronyc -n -c tracking").contains(",10.99.0.11,11,"));
    }

    let before = (bench.starts(), bench.everywhere(EVERYTHING));
    let second = run_unchanged(&bench, &["setup", "c1"]);
    assert_synchronised(&second, "node1");
    for (_, counts) in second["recap"].as_object().unwrap() {
        assert_eq!(counts["changed"], 0);
    }
    assert_eq!((bench.starts(), bench.everywhere(EVERYTHING)), before);

    assert_synchronised(&run_unchanged(&bench, &["verify", "c1"]), "node1");

    // One variable of the source's template: its file and its service change, nothing else does.
    let starts = bench.starts();
    let (code, third) = bench.json(&["setup", "c1", "-e", "local_stratum=9"]);
    assert_eq!(code, 0, "{third:#}");
    let changes: Vec<usize> = effort(&third).iter().map(|(changes, _)| *changes).collect();
    assert_eq!(changes, [2, 0, 0, 0], "{third:#}");
    assert_eq!(host(&third, "node1")["verdict"]["stratum"], 9);
    let after = bench.starts();
    assert_ne!(after[0], starts[0]);
    assert_eq!(after[1..], starts[1..]);
}

#[test]
fn somebody_elses_chrony_is_replaced_and_its_originals_are_kept() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    let originals = bench.everywhere("cat /etc/chrony/chrony.conf");
    assert!(originals.iter().all(|text| !text.contains("ezsync")), "{originals:?}");

    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_synchronised(&run, "node1");
    assert!(effort(&run).iter().all(|(changes, execs)| *changes == 2 && *execs <= 3), "{run:#}");
    let kept = "cat /var/lib/ezsync/originals/etc/chrony/chrony.conf";
    assert_eq!(bench.everywhere(kept), originals);

    // The next change keeps the first original.
    let (code, run) = bench.json(&["setup", "c1", "-e", "local_stratum=9"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.everywhere(kept), originals);
    assert_eq!(bench.everywhere(LITTER), [""; 4]);
}

#[test]
fn check_with_diff_shows_the_plan_and_changes_nothing() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    let before = bench.everywhere(EVERYTHING);
    let ran = bench.run(&["setup", "c1", "--check", "--diff"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["+server 10.99.0.11 iburst", "+local stratum 10", "+ install chrony", "changed=5"]
    {
        assert!(ran.stdout.contains(part), "no {part} in\n{}", ran.stdout);
    }
    assert_eq!(bench.everywhere(EVERYTHING), before);
    bench.on(0, "! test -e /var/lib/ezsync");
}

#[test]
fn a_source_with_servers_follows_one_of_them() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    // The fourth host plays the public server.
    bench.on(
        3,
        "printf 'local stratum 3\\nallow\\n' >/etc/chrony/chrony.conf; systemctl restart chrony",
    );
    let members: Vec<String> = bench.hosts()[..3].iter().map(line).collect();
    bench.inventory(&members);
    bench.write("inventories/c1/config.yml", "ntp_servers: [10.99.0.14]\n");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let source = &host(&run, "node1")["verdict"];
    assert_eq!(
        (&source["state"], &source["reference"]),
        (&"unsteered".into(), &"10.99.0.14".into())
    );
    assert_eq!(host(&run, "node3")["verdict"]["stratum"], 5);

    // Servers that do not answer: the source serves its own clock after its time is up.
    bench.write("inventories/c1/config.yml", "ntp_servers: [10.99.0.99]\n");
    let (code, run) = bench.json(&["setup", "c1", "--source-timeout", "2"]);
    assert_eq!(code, 0, "{run:#}");
    let source = &host(&run, "node1")["verdict"];
    assert_eq!(source["state"], "local", "{source:#}");
    assert!(!source["notes"].as_array().unwrap().is_empty());
}

#[test]
fn names_and_ipv6_reach_the_source() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let six: Vec<String> = bench
        .hosts()
        .iter()
        .map(|host| format!("{} ansible_host={}", host.name, host.address6))
        .collect();
    bench.inventory(&six);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node2")["verdict"]["reference"], "fd00:99::11");
    assert!(bench.on(0, "cat /etc/chrony/chrony.conf").contains("\nallow fd00:99::/64\n"));

    // By name alone: hosts know each other's names, the controller learns them for this test.
    let names: Vec<String> = bench.hosts().iter().map(|host| host.name.clone()).collect();
    bench.inventory(&names);
    let table: Vec<String> =
        bench.hosts().iter().map(|host| format!("{} {}", host.address, host.name)).collect();
    bench.write("etc-hosts", &(table.join("\n") + "\n127.0.0.1 localhost\n"));
    let script = format!(
        "mount --bind {}/etc-hosts /etc/hosts && exec {} setup c1 --json --known-hosts {}",
        bench.folder.path().display(),
        env!("CARGO_BIN_EXE_ezsync"),
        bench.lab.known_hosts().display()
    );
    let output = bench
        .lab
        .command("unshare")
        .args(["--mount", "sh", "-c", &script])
        .current_dir(bench.folder.path())
        .env("XDG_STATE_HOME", bench.folder.path().join("state"))
        .output()
        .unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{run:#}");
    assert!(bench.on(1, "cat /etc/chrony/chrony.conf").contains("\nserver node1 iburst"));
    assert_eq!(host(&run, "node2")["verdict"]["state"], "unsteered");
    // Nobody's address is known before the source has told its subnets.
    assert!(bench.on(0, "cat /etc/chrony/chrony.conf").contains("\nallow 10.99.0.0/24\n"));
}

#[test]
fn older_and_newer_debian_too() {
    if skipped() {
        return;
    }
    for suite in ["bullseye", "trixie"] {
        let spec = LabSpec { suite: suite.parse().unwrap(), ..LabSpec::new(Image::Bare, 2) };
        let bench = Bench::of(&spec);
        let (code, run) = bench.json(&["setup", "c1"]);
        assert_eq!(code, 0, "{suite}: {run:#}");
        assert_synchronised(&run, "node1");
        run_unchanged(&bench, &["setup", "c1"]);
    }
}

#[test]
fn dash_bash_and_busybox_run_the_scripts() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 3);
    bench.on(0, "ln -sf bash /bin/sh && ls -l /bin/sh");
    bench.on(1, "ln -sf busybox /bin/sh && ls -l /bin/sh");
    bench.on(2, "readlink -f /bin/sh | grep dash");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_synchronised(&run, "node1");
    run_unchanged(&bench, &["setup", "c1"]);
}
