//! Faults on hosts: nothing is half done, and the others go on.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use ezsync_hosts::{Image, LabSpec};

use crate::support::{Bench, EVERYTHING, LITTER, host, line, skipped, trouble};

#[test]
fn a_config_that_chronyd_rejects_changes_nothing() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    bench.write(
        "templates/chrony/client.conf.tera",
        "server {{ time_source }} iburst\nrtcsync\n{{ more }}\n",
    );
    bench.write("inventories/c1/group_vars/all.yml", "more: ''\n");
    bench.write("inventories/c1/host_vars/node3.yml", "more: nonsense 1\n");
    let before = (bench.on(2, EVERYTHING), bench.starts()[2].clone());
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node3", "failed");
    assert!(what.contains("change /etc/chrony/chrony.conf"), "{what}");
    let log = host(&run, "node3")["outcome"]["trouble"]["log"].to_string();
    assert!(log.contains("Invalid directive") || log.contains("Could not parse"), "{log}");
    assert!(log.contains("/etc/chrony/chrony.conf"), "{log}");
    assert!(what.ends_with("nothing was changed"), "{what}");
    assert_eq!((bench.on(2, EVERYTHING), bench.starts()[2].clone()), before);
    assert_eq!(host(&run, "node2")["outcome"]["state"], "ok", "{run:#}");
    assert_eq!(bench.on(2, LITTER), "");
}

#[test]
fn a_daemon_that_does_not_start_is_put_back() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    // chronyd's check passes this file, but no daemon starts with it: its folder is a file.
    bench.write(
        "templates/chrony/client.conf.tera",
        "server {{ time_source }} iburst\nrtcsync\n{% if inventory_hostname == \"node3\" %}bindcmdaddress /etc/hosts/x\npidfile /etc/hosts/pid{% endif %}\n",
    );
    let before =
        bench.on(2, "cat /etc/chrony/chrony.conf; stat -c '%a %U %G %Y' /etc/chrony/chrony.conf");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node3", "failed");
    assert!(what.contains("restart chrony") && what.contains("put back"), "{what}");
    let after =
        bench.on(2, "cat /etc/chrony/chrony.conf; stat -c '%a %U %G %Y' /etc/chrony/chrony.conf");
    assert_eq!(after, before);
    assert_eq!(bench.on(2, "systemctl is-active chrony"), "active");
    assert_eq!(host(&run, "node2")["outcome"]["state"], "ok", "{run:#}");
}

#[test]
fn without_chrony_and_without_network_a_host_fails_soon_and_says_why() {
    if skipped() {
        return;
    }
    let spec = LabSpec { repository: false, ..LabSpec::new(Image::Bare, 2) };
    let bench = Bench::of(&spec);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node1", "failed");
    assert!(what.contains("install chrony"), "{what}");
    let log = host(&run, "node1")["outcome"]["trouble"]["log"].to_string();
    assert!(log.contains("10.99.0.1"), "{log}");
    assert_eq!(bench.everywhere("systemctl is-active systemd-timesyncd"), ["active"; 2]);
}

#[test]
fn a_dead_source_leaves_its_clients_as_they_are() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    bench.lab.cut(&bench.hosts()[0]).unwrap();
    let before = bench.on(1, EVERYTHING);
    let (code, run) = bench.json(&["setup", "c1", "-T", "2"]);
    assert_eq!(code, 2, "{run:#}");
    trouble(&run, "node1", "unreachable");
    for client in ["node2", "node3"] {
        let what = trouble(&run, client, "failed");
        assert!(what.contains("the time source node1 is unreachable"), "{what}");
    }
    assert_eq!(bench.on(1, EVERYTHING), before);
    assert_eq!(bench.on(1, LITTER), "");

    // The cable back in: all is well.
    bench.lab.mend(&bench.hosts()[0]).unwrap();
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
}

#[test]
fn verify_says_what_is_wrong_with_a_client() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    bench.on(1, "systemctl stop chrony");
    bench.on(
        2,
        "printf 'server 10.99.0.14 iburst\\n' >/etc/chrony/chrony.conf; systemctl restart chrony",
    );
    let (code, run) = bench.json(&["verify", "c1", "--verify-timeout", "5"]);
    assert_eq!(code, 2, "{run:#}");
    let down = trouble(&run, "node2", "failed");
    assert!(
        down.contains("not run") || down.contains("inactive") || down.contains("stopped"),
        "{down}"
    );
    trouble(&run, "node3", "failed");
    assert_eq!(host(&run, "node4")["outcome"]["state"], "ok", "{run:#}");
    // And setup mends both, one of them only when it may: somebody else has written its file.
    assert_eq!(bench.run(&["setup", "c1"]).code, 2);
    assert_eq!(bench.run(&["setup", "c1", "--force"]).code, 0);

    // What somebody has masked stays so, and every command says the same.
    bench.on(1, "systemctl mask --now chrony");
    for args in [&["verify", "c1", "--verify-timeout", "0"][..], &["setup", "c1"]] {
        let (code, run) = bench.json(args);
        assert_eq!(code, 2, "{run:#}");
        let what = trouble(&run, "node2", "failed");
        assert!(what.contains("chrony.service is masked"), "{what}");
        let next = &host(&run, "node2")["outcome"]["trouble"]["next"];
        assert_eq!(next, "run `systemctl unmask chrony.service` on this host, then setup");
        assert_eq!(host(&run, "node2")["applied"], false);
    }
    assert_eq!(bench.on(1, "systemctl show -p LoadState chrony"), "LoadState=masked");
}

#[test]
fn a_source_that_shuts_its_clients_out_is_noticed_at_once() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    // Only the source changes. What its clients remember of it looks well for a minute.
    bench.write(
        "templates/chrony/server.conf.tera",
        "local stratum {{ local_stratum }}\nallow\ndeny 10.99.0.12\nrtcsync\n",
    );
    let (code, run) = bench.json(&["setup", "c1", "--verify-timeout", "6"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node2", "failed");
    assert!(what.contains("the source denies 10.99.0.12"), "{what}");
    assert_eq!(host(&run, "node3")["outcome"]["state"], "ok", "{run:#}");

    // Later on `verify` sees by itself that nobody answers any more.
    bench.on(1, "chronyc burst 1/1; for n in $(seq 120); do chronyc -n -c sources | grep -q ',0,[0-9]*,' && exit; sleep 0.5; done; chronyc -n -c sources; exit 1");
    let (code, run) = bench.json(&["verify", "c1", "--verify-timeout", "0"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(host(&run, "node2")["verdict"]["cause"]["code"], "denied", "{run:#}");
}

#[test]
fn one_host_at_a_time_still_begins_with_the_source() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    // The source stands last in the inventory.
    let mut lines: Vec<String> = bench.hosts().iter().map(line).collect();
    lines.rotate_left(1);
    bench.inventory_of(&lines, "node1");
    let (code, run) = bench.json(&["setup", "c1", "-f", "1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node1")["part"], "source");
}

#[test]
fn packages_that_stay_after_a_run_is_called_off_are_told() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    // A source that is only lost when its client has installed what it needs.
    bench.on(
        0,
        "cd /etc/systemd/system/chrony.service.d
         printf '[Service]\\nExecStartPre=/bin/false\\n' >broken.conf; systemctl daemon-reload",
    );
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node2", "failed");
    assert!(what.contains("called off") && what.contains("node1"), "{what}");
    let note = host(&run, "node2")["notes"][0].as_str().unwrap();
    assert!(note.starts_with("chrony was installed and stays; what it starts runs with"), "{note}");
    assert_eq!(run["recap"]["node2"]["changed"], 1);
    assert!(!bench.on(1, "cat /etc/chrony/chrony.conf").contains("ezsync"));
}

#[test]
fn ctrl_c_ends_in_order_and_changes_no_client() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    // A source that looks for its server for a minute: time to press Ctrl-C.
    bench.write("inventories/c1/config.yml", "ntp_servers: [10.99.0.99]\n");
    let before = bench.on(1, EVERYTHING);
    let mut child = bench
        .command(&["setup", "c1", "--source-timeout", "60", "--verify-timeout", "120"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut waiting = 0;
    while waiting < 2 {
        let line = told.next().expect("clients wait before the program ends").unwrap();
        waiting += usize::from(line.contains("waits for the time source"));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest = std::thread::spawn(move || told.map_while(Result::ok).collect::<Vec<_>>());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(99), "{}", String::from_utf8_lossy(&output.stdout));
    rest.join().unwrap();
    assert_eq!(bench.on(1, EVERYTHING), before);
    assert_eq!(bench.on(1, LITTER), "");
}
