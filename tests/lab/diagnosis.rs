//! Faults that all look alike from afar, and the names that `ezsync doctor` has for them.

use std::time::{Duration, Instant};

use ezsync_hosts::Image;
use serde_json::Value;

use crate::support::{Bench, host, line, skipped};

/// What every configuration of these tests ends with.
const COMMON: &str = "driftfile /var/lib/chrony/drift\nrtcsync\nmakestep 1.0 3";

/// What a client of the cluster's source has.
const CLIENT: &str = "server 10.99.0.11 iburst minpoll 2 maxpoll 6";

/// How long a fault may take until chronyd has noticed it: eight requests in vain, two seconds each.
const NOTICED: Duration = Duration::from_secs(40);

/// Drops UDP packets with these ports on the host's way `hook` (input or output).
fn drop(hook: &str, rule: &str) -> String {
    format!(
        "nft add table inet t && nft 'add chain inet t c {{ type filter hook {hook} priority 0; }}' \
         && nft add rule inet t c {rule} drop"
    )
}

/// Writes the host's configuration and a key file with this key, and runs `more`.
fn configure(conf: &str, more: &str) -> String {
    let secret = "HEX:AABBCCDDEEFF00112233445566778899";
    format!(
        "nft flush ruleset
         printf '%s\\n' '{conf}' '{COMMON}' >/etc/chrony/chrony.conf
         echo '5 MD5 {secret}' >/etc/chrony/t.keys
         {more}
         systemctl restart chrony"
    )
}

/// A fault on a client: its code, how it is made, and what is to be seen by chronyc when it has
/// shown itself.
struct Fault {
    code: &'static str,
    make: String,
    sign: &'static str,
}

/// No answer has come to several requests.
const SILENT: &str = "chronyc -n -c ntpdata | grep -E ',([4-9]|[1-9][0-9]),0,0(,|$)'";
/// Nothing was sent, which takes a moment to be so on purpose.
const NOTHING_SENT: &str = "chronyc -n -c activity | grep '^0,0,1,'";

/// A client with these options of its server, and more directives after them.
fn fault(code: &'static str, conf: &str, more: &str, sign: &'static str) -> Fault {
    Fault { code, make: configure(&format!("{CLIENT}{conf}"), more), sign }
}

/// A client that is well.
fn well() -> Fault {
    fault("", "", "", "chronyc -n -c tracking | grep Normal")
}

/// Faults of the clients node2 and up by which no answer comes.
fn silences() -> Vec<Fault> {
    let keyed = " key 5\nkeyfile /etc/chrony/t.keys";
    vec![
        // Answers are dropped on the client, requests on the source.
        fault("no_reply", "", &drop("input", "udp sport 123"), SILENT),
        fault("no_reply", "", "", SILENT),
        fault("denied", "", "", SILENT),
        fault("key_mismatch", keyed, "sed -i s/AABB/CCDD/ /etc/chrony/t.keys", SILENT),
        fault("key_missing", " key 7\nkeyfile /etc/chrony/t.keys", "", NOTHING_SENT),
        fault("cannot_send", "", &drop("output", "udp dport 123"), NOTHING_SENT),
        well(),
    ]
}

/// Faults of the clients by which the source is not chosen, or not asked.
fn choices() -> Vec<Fault> {
    let other = "\nserver 10.99.0.19 iburst minpoll 2 maxpoll 6 offset 3";
    let unresolved =
        "sed -i /node1$/d /etc/hosts; ".to_owned() + &configure("server node1 iburst", "");
    vec![
        fault("min_sources", "\nminsources 2", "", "chronyc -n -c selectdata | grep ^W"),
        fault("max_distance", "\nmaxdistance 0.000001", "", "chronyc -n -c selectdata | grep ^d"),
        Fault { code: "unresolved", make: unresolved, sign: "chronyc -n -c activity | grep ',1$'" },
        fault("offline", " offline", "", "chronyc -n -c activity | grep '^0,1,'"),
        fault("disagreement", other, "", "chronyc -n -c sources | grep ^.,x"),
        fault("delay", " maxdelay 0.000001", "", "chronyc -n -c ntpdata | grep ,0111,"),
        well(),
    ]
}

/// Makes these faults on the clients and examines the cluster: each has its name, and nothing else
/// is found.
fn examined(bench: &Bench, faults: &[Fault], others: Vec<(usize, String)>) -> Value {
    let clients = faults.iter().enumerate().map(|(number, fault)| (number + 1, fault.make.clone()));
    everywhere(bench, &clients.chain(others).collect::<Vec<_>>());
    for (number, fault) in faults.iter().enumerate() {
        await_sign(bench, number + 1, fault.sign);
    }
    let before = bench.starts();
    let names: Vec<&str> = bench.hosts()[1..].iter().map(|host| host.name.as_str()).collect();
    let code_of =
        |run: &Value, name: &str| cause(run, name)["code"].as_str().unwrap_or("").to_owned();
    let has_all =
        |run: &Value| names.iter().zip(faults).all(|(name, f)| code_of(run, name) == f.code);
    // A fault may be away for a moment: on a busy machine one answer in many is well within `maxdelay`.
    let mut runs = (0..5).map(|_| bench.json(&["doctor", "c1"]));
    let first = runs.next().unwrap();
    let (code, run) =
        if has_all(&first.1) { first } else { runs.find(|(_, run)| has_all(run)).unwrap_or(first) };
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(bench.starts(), before, "nothing is restarted");
    for (name, fault) in names.iter().zip(faults) {
        assert_eq!(code_of(&run, name), fault.code, "{name}: {run:#}");
        assert!(host(&run, name)["verdict"]["warnings"].as_array().unwrap().is_empty(), "{run:#}");
    }
    assert_eq!(host(&run, "node1")["verdict"]["state"], "local", "{run:#}");
    assert_eq!(host(&run, "node8")["verdict"]["state"], "unsteered", "{run:#}");
    run
}

/// Runs each of these scripts on its host, all at once.
fn everywhere(bench: &Bench, scripts: &[(usize, String)]) {
    std::thread::scope(|scope| {
        for (number, script) in scripts {
            scope.spawn(move || bench.on(*number, script));
        }
    });
}

/// Waits until a command succeeds on a host.
fn await_sign(bench: &Bench, number: usize, sign: &str) {
    let begun = Instant::now();
    let name = &bench.hosts()[number].name;
    loop {
        let said = bench.lab.shell(&bench.hosts()[number], sign).unwrap();
        if said.status.success() {
            return;
        }
        assert!(begun.elapsed() < NOTICED, "{name}: no {sign}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The inventory of a cluster `name` with these hosts, the first of which is the source.
fn cluster(bench: &Bench, name: &str, lines: &[String]) {
    let source = lines[0].split(' ').next().unwrap();
    let text = format!(
        "[kube_node]\n{}\n[chrony]\n{source}\n[all:vars]\nansible_user=root\n\
         ansible_ssh_private_key_file={}\n",
        lines.join("\n"),
        bench.lab.key().display()
    );
    bench.write(&format!("inventories/{name}/hosts"), &text);
    bench.write(&format!("inventories/{name}/config.yml"), "ntp_servers: []\n");
}

/// The cause that a run gives for a host.
fn cause<'a>(run: &'a Value, name: &str) -> &'a Value {
    &host(run, name)["verdict"]["cause"]
}

/// The same in words.
fn what<'a>(run: &'a Value, name: &str) -> &'a str {
    cause(run, name)["what"].as_str().unwrap_or_else(|| panic!("{name} is well: {run:#}"))
}

/// The source of the cluster, with `more` directives.
fn source(more: &str, script: &str) -> (usize, String) {
    let conf = format!("local stratum 10\nallow 10.99.0.0/24\nkeyfile /etc/chrony/t.keys{more}");
    (0, configure(&conf, script))
}

#[test]
fn each_fault_has_its_name() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 9);
    // The source is known by name, so that a client can fail to resolve it.
    let mut lines: Vec<String> = bench.hosts()[..8].iter().map(line).collect();
    lines[0] = "node1 ansible_ssh_common_args='-o HostName=10.99.0.11'".to_owned();
    cluster(&bench, "c1", &lines);
    cluster(&bench, "c2", &[line(&bench.hosts()[8]), line(&bench.hosts()[7])]);

    let blocked = drop("input", "ip saddr 10.99.0.13 udp dport 123");
    let run = examined(&bench, &silences(), vec![source("\ndeny 10.99.0.14", &blocked)]);
    for (name, evidence) in [
        ("node2", "0 replies to "),
        ("node2", "the source allows 10.99.0.12; the last request arrived there "),
        ("node3", "the source allows 10.99.0.13; no request arrives there"),
        ("node4", "the source denies 10.99.0.14"),
        ("node5", "signed with key 5"),
        ("node6", "lacks key 7"),
        ("node7", "0 replies to 0 requests"),
    ] {
        assert!(what(&run, name).contains(evidence), "{name}: {}", what(&run, name));
    }
    assert_eq!(bench.on(1, "ls /run/chrony"), "chronyd.pid\nchronyd.sock");

    // `verify` ends with the same words; a part of the cluster is examined without its source.
    let (_, run) = bench.json(&["verify", "c1", "--verify-timeout", "0"]);
    assert_eq!(cause(&run, "node4")["code"], "denied", "{run:#}");
    let (_, run) = bench.json(&["doctor", "c1", "-l", "node4"]);
    assert_eq!(cause(&run, "node4")["code"], "no_reply", "{run:#}");

    let other = (8, configure("local stratum 5\nallow", ""));
    let run = examined(&bench, &choices(), vec![source("", ""), other]);
    assert!(what(&run, "node6").contains("10.99.0.19 is 3.0 s ahead"), "{run:#}");
    sources_that_give_no_time(&bench);
}

/// The same hosts: a source that does not run, one that follows its client, one that follows nobody.
fn sources_that_give_no_time(bench: &Bench) {
    let server = |number: usize| format!("\nserver 10.99.0.{number} iburst minpoll 2 maxpoll 6");
    let loops = [
        (0, "systemctl stop chrony".to_owned()),
        (1, configure(CLIENT, "")),
        (2, "systemctl stop chrony".to_owned()),
        (3, "mv /usr/bin/chronyc /root; systemctl restart chrony".to_owned()),
        // Without the lab's own settings the unit is skipped, as in any container.
        (4, "rm -r /etc/systemd/system/chrony.service.d; systemctl daemon-reload; systemctl restart chrony".to_owned()),
        // A line that no daemon starts with.
        (5, "echo nonsense >>/etc/chrony/chrony.conf; systemctl restart chrony || true".to_owned()),
        (7, configure(&format!("local stratum 5\nallow{}", server(19)), "")),
        (8, configure(&format!("allow{}", server(18)), "")),
    ];
    everywhere(bench, &loops);
    await_sign(bench, 1, SILENT);
    let (code, run) = bench.json(&["doctor", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(cause(&run, "node1")["code"], "daemon_down", "{run:#}");
    assert_eq!(cause(&run, "node2")["code"], "source_down", "{run:#}");
    assert!(what(&run, "node2").contains("chronyd does not run on node1"), "{run:#}");
    assert_eq!(cause(&run, "node3")["code"], "daemon_down", "{run:#}");
    assert_eq!(cause(&run, "node4")["code"], "chronyc_missing", "{run:#}");
    assert_eq!(host(&run, "node5")["verdict"]["state"], "not_our_clock", "{run:#}");
    assert_eq!(host(&run, "node5")["outcome"]["state"], "ok", "{run:#}");
    assert!(
        what(&run, "node6").contains("Invalid directive at line"),
        "the daemon's own words: {run:#}"
    );
    // A failure that does not go away is explained before the time is up.
    let (_, run) = bench.json(&["verify", "c1", "-l", "node6"]);
    assert!(
        what(&run, "node6").contains("Invalid directive at line"),
        "the daemon's own words: {run:#}"
    );

    await_sign(bench, 7, "chronyc -n -c ntpdata | grep ,1110,");
    let (_, run) = bench.json(&["doctor", "c2"]);
    assert_eq!(cause(&run, "node8")["code"], "loop", "{run:#}");
    assert_eq!(cause(&run, "node9")["code"], "unexpected_upstream", "{run:#}");

    everywhere(bench, &[(7, configure(server(19).trim(), "")), (8, configure("allow", ""))]);
    await_sign(bench, 7, "chronyc -n -c ntpdata | grep ',101,0000,'");
    let (_, run) = bench.json(&["doctor", "c2"]);
    assert_eq!(cause(&run, "node8")["code"], "source_unsynchronised", "{run:#}");
    assert_eq!(cause(&run, "node9")["code"], "not_serving", "{run:#}");
}
