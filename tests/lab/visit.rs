//! `ezsync ping` and `ezsync exec`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use ezsync_hosts::Image;
use serde_json::Value;

use crate::support::{Bench, Ran, host, line, skipped, trouble};

#[test]
fn ping_says_who_answers_and_where_the_others_fail() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 5);
    let mut lines: Vec<String> = bench.hosts().iter().map(line).collect();
    lines[1] += " ansible_user=ops";
    lines[2] += " ansible_user=nosudo";
    lines[3] += " ansible_port=2222";
    lines[4] += " ansible_user=nobody-here";
    // Neither a source nor any role is needed.
    bench.write(
        "inventories/c1/hosts",
        &format!(
            "[some]\n{}\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}\n",
            lines.join("\n"),
            bench.lab.key().display()
        ),
    );
    bench.write("inventories/c1/config.yml", "roles: 7\nntp_servers: nonsense\n");
    let (code, run) = bench.json(&["ping", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    for (name, login) in [("node1", "root"), ("node2", "ops")] {
        let host = host(&run, name);
        assert_eq!(host["outcome"]["state"], "ok", "{host:#}");
        assert_eq!((&host["login"], &host["user"]), (&login.into(), &"root".into()));
        assert_eq!(host["distribution"], "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(host["shell"], "/usr/bin/dash");
        let round_trip = host["round_trip"].as_f64().unwrap();
        assert!(round_trip > 0.0 && round_trip < 1.0, "{round_trip}");
    }
    for (name, state, step) in [
        ("node3", "failed", "become"),
        ("node4", "unreachable", "connection"),
        ("node5", "unreachable", "authentication"),
    ] {
        trouble(&run, name, state);
        assert_eq!(host(&run, name)["step"], step, "{run:#}");
    }
    let ran = bench.run(&["ping", "c1", "node1,node2,node4"]);
    assert_eq!(ran.code, 4, "{}", ran.stdout);
    for text in [
        "HOST   ADDRESS     STATE",
        "node2  10.99.0.12  ok                       ops -> root  Debian GNU/Linux 12",
        "node4  10.99.0.14  unreachable: connection",
        "next: check that sshd runs",
        "node4                      : ok=0    changed=0    unreachable=1    failed=0",
        "c1: 2 of 3 hosts answered, 1 unreachable",
    ] {
        assert!(ran.stdout.contains(text), "{text}\n{}", ran.stdout);
    }
}

#[test]
fn exec_groups_equal_answers_and_shows_nothing_raw() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 4);
    bench.lab.stop(&bench.hosts()[3]).unwrap();
    let run = |pattern: &str, command: &[&str]| {
        bench.run(&[&["exec", "c1", pattern, "-T", "2", "--"], command].concat())
    };
    let ran = run("node1,node2,node3", &["echo", "hi;", "echo no >&2; read x || echo \"read $?\""]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let expected = "node1, node2, node3 (3 hosts) | rc 0:\nhi\nread 1\nstderr: no\n";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);

    let odd = "printf 'a\\033[2J\\rb\\0c\\302\\233\\342\\200\\256\\n'; [ $(hostname) != node2 ] || exit 7";
    let ran = run("all", &[odd]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    let shown = "a\\x1b[2J\\rb\\x00c\\x9b\\u{202e}\n";
    for text in [
        format!("node1, node3 (2 hosts) | rc 0:\n{shown}"),
        format!("node2 | rc 7:\n{shown}"),
        "node4 unreachable: ".to_owned(),
        "2 of 4 hosts ended with rc 0, 1 failed, 1 unreachable".to_owned(),
    ] {
        assert!(ran.stdout.contains(&text), "{text}\n{}", ran.stdout);
    }
    assert_eq!(run("node1,node4", &["true"]).code, 4);
    assert_eq!(run("node1", &["kill -9 $$"]).code, 2);

    let (code, run) = {
        let ran = bench.run(&["exec", "c1", "node1", "--json", "--", "echo a; echo b >&2; exit 3"]);
        (ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap())
    };
    let node = host(&run, "node1");
    assert_eq!((code, &run["exit"], &node["rc"]), (2, &2.into(), &3.into()), "{run:#}");
    assert_eq!((&node["stdout"], &node["stderr"]), (&"a\n".into(), &"b\n".into()));
    assert!(node["seconds"].as_f64().unwrap() > 0.0);
    // Nothing of it is kept.
    assert!(!bench.folder.path().join("state").exists());
}

#[test]
fn exec_stays_the_login_user_unless_told() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    let mut lines: Vec<String> =
        bench.hosts().iter().map(|host| line(host) + " ansible_user=ops").collect();
    lines[1] += " ansible_become=yes";
    bench.inventory(&lines);
    let who = |options: &[&str]| {
        let args = [&["exec", "c1", "all"], options, &["--json", "--", "id -un"]].concat();
        let run: Value = serde_json::from_str(&bench.run(&args).stdout).unwrap();
        ["node1", "node2"]
            .map(|name| host(&run, name)["stdout"].as_str().unwrap().trim().to_owned())
    };
    assert_eq!(who(&[]), ["ops", "root"]);
    assert_eq!(who(&["-b"]), ["root", "root"]);
    assert_eq!(who(&["-b", "--become-user", "nosudo"]), ["nosudo", "nosudo"]);
    assert_eq!(who(&["-e", "ansible_become=false", "-b"]), ["ops", "ops"]);
    // The command finds the environment as the host gives it.
    let ran = bench.run(&["exec", "c1", "all", "--", "echo ${LC_ALL-unset}; pwd"]);
    assert!(ran.stdout.contains("rc 0:\nunset\n/home/ops\n"), "{}", ran.stdout);
}

#[test]
fn a_command_that_takes_too_long_or_is_interrupted_is_ended() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    let sleepers = "pgrep -fc '[s]leep 4321' || :";
    let long = "echo begun; sleep 4321; echo over";
    let begun = Instant::now();
    let ran = bench.run(&["exec", "c1", "all", "--command-timeout", "1", "--", long]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(ran.stdout.contains("did not end within 1 s and was ended"), "{}", ran.stdout);
    assert!(ran.stdout.contains("  | begun"), "{}", ran.stdout);
    assert_eq!(bench.everywhere(sleepers), ["0", "0"]);

    // Ctrl-C, once the command runs.
    let child = bench
        .command(&["exec", "c1", "all", "--", long])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let patience = Instant::now();
    while bench.everywhere(sleepers).contains(&"0".to_owned()) {
        assert!(patience.elapsed() < Duration::from_secs(20), "it does not begin");
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 99, "{}", ran.stdout);
    assert_eq!(bench.everywhere(sleepers), ["0", "0"]);
}

#[test]
fn much_output_is_cut_and_said_to_be() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 1);
    let flood = "head -c 30000000 /dev/zero | tr '\\0' x; echo >&2 still here; exit 5";
    let ran = bench.run(&["exec", "c1", "all", "--json", "--", flood]);
    let run: Value = serde_json::from_str(&ran.stdout).unwrap();
    let node = host(&run, "node1");
    assert_eq!((&node["rc"], &node["cut"]), (&5.into(), &true.into()));
    assert_eq!(node["stdout"].as_str().unwrap().len(), 1024 * 1024);
    assert_eq!(node["stderr"], "still here\n");
    let ran = bench.run(&["exec", "c1", "all", "--", flood]);
    assert!(ran.stdout.contains("(more was printed: only the first MiB was kept)"));
}

#[test]
fn fifty_hosts_at_once() {
    if skipped() {
        return;
    }
    // One machine with fifty names, at its 50 addresses.
    let bench = Bench::new(Image::Bare, 1);
    bench.on(
        0,
        // Restarted, not reloaded: then it listens when that has ended.
        "for n in $(seq 100 149); do ip addr add 10.99.0.$n/24 dev host0; done; \
                 echo 'MaxStartups 100' >/etc/ssh/sshd_config.d/many.conf; systemctl restart ssh",
    );
    let known = std::fs::read_to_string(bench.lab.known_hosts()).unwrap();
    let key = known.lines().next().unwrap().split_once(' ').unwrap().1.to_owned();
    let hosts = bench.folder.path().join("known_hosts");
    std::fs::write(&hosts, format!("10.99.0.* {key}\n")).unwrap();
    let lines: Vec<String> =
        (100..150).map(|n| format!("host{n} ansible_host=10.99.0.{n}")).collect();
    bench.inventory(&lines);
    let args = ["exec", "c1", "all", "-f", "50", "--", "echo same"];
    let ran = Ran::from(bench.command_with(&hosts, &args).output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("host149 (50 hosts) | rc 0:\nsame\n"), "{}", ran.stdout);
}
