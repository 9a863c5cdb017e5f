//! Many hosts: all are answered for, and no more is open at a time than `--forks` says.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use serde_json::Value;

use crate::simulated::{Answer, MARK, Simulated};

const HOSTS: usize = 100;
const FORKS: usize = 20;

/// What the program has open besides: standard files, what wakes its threads, and connections that are being
/// closed.
const OTHERS: usize = 30;

const DEADLINE: Duration = Duration::from_secs(120);

/// What a host says whose texts stand in a case file for verdicts: there the source is 10.0.0.1.
fn says(case: &str, source: &str) -> Answer {
    let text = fs::read_to_string(format!("tests/cases/verify/{case}.case")).unwrap();
    let body = |name: &str| {
        let (_, body) = text.split_once(&format!("-- {name} --\n")).unwrap();
        body.split("-- ").next().unwrap().replace("10.0.0.1", source)
    };
    let mut answer = String::new();
    for (section, body) in [
        ("begun", String::new()),
        ("user", "0\n".to_owned()),
        ("units", body("unit")),
        ("timedatectl", body("timedatectl")),
        ("chronyc", body("chronyc")),
        ("daemon", body("command_line")),
        ("end", String::new()),
        ("ready", String::new()),
    ] {
        write!(answer, "\n{MARK} {section}\n{body}").unwrap();
    }
    Answer(vec![answer.into_bytes()])
}

#[test]
fn many_hosts_hold_no_more_than_their_forks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
    key.write_openssh_file(at("key"), LineEnding::LF).unwrap();
    let host_key = Simulated::host_key().unwrap();
    let server = Simulated::new().unwrap();
    let (mut hosts, mut known_hosts) = (String::from("[chrony]\n"), String::new());
    for number in 0..=HOSTS {
        let address = format!("127.1.{}.{}", number / 250, number % 250 + 1);
        let listener = TcpListener::bind((address.as_str(), 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let case = if number == 0 { "source-local" } else { "client-good" };
        let answer = says(case, "127.1.0.1");
        server.listen(listener, move |_| answer.clone()).unwrap();
        writeln!(hosts, "host{number} ansible_host={address} ansible_port={port}").unwrap();
        writeln!(known_hosts, "[{address}]:{port} {host_key}").unwrap();
        if number == 0 {
            hosts += "[kube_node]\n";
        }
    }
    fs::write(at("hosts"), hosts).unwrap();
    fs::write(at("known_hosts"), known_hosts).unwrap();

    let mut program = Command::new(env!("CARGO_BIN_EXE_ezsync"));
    program.args(["verify", "c1", "--json", "--forks", &FORKS.to_string(), "-u", "root", "-i"]);
    program.arg(at("hosts")).arg("--private-key").arg(at("key"));
    program.arg("--known-hosts").arg(at("known_hosts")).env_remove("SSH_AUTH_SOCK");
    program.env("HOME", folder.path()).env("XDG_STATE_HOME", folder.path()).stdin(Stdio::null());
    program.stdout(fs::File::create(at("stdout")).unwrap());
    program.stderr(fs::File::create(at("stderr")).unwrap());
    let begun = Instant::now();
    let mut child = program.spawn().unwrap();
    let (open, name) = (format!("/proc/{}/fd", child.id()), format!("/proc/{}/comm", child.id()));
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
        }
        // Until it has its own name its files are ours, all the sockets that wait among them.
        if fs::read_to_string(&name).is_ok_and(|name| name.trim() == "ezsync") {
            most = most.max(fs::read_dir(&open).map_or(0, Iterator::count));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| fs::read_to_string(at(name)).unwrap());
    assert_eq!(status.code(), Some(0), "{stderr}{}", stdout.chars().take(4000).collect::<String>());
    let run: Value = serde_json::from_str(&stdout).unwrap();
    let hosts = run["hosts"].as_array().unwrap();
    let well = hosts.iter().filter(|host| host["outcome"]["state"] == "ok" && host["execs"] == 1);
    assert_eq!(well.count(), HOSTS + 1);
    assert!((FORKS..=FORKS + OTHERS).contains(&most), "{most} files were open");
}
