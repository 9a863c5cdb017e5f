//! Hosts that are not what they should be: real sshds whose forced command does what no script of ours does.
//! Such a host fails alone, in time, and takes no more than its share of the controller's memory.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::sshd::{Sshd, wait_for};

/// What each host does in the place of its shell. `mark` is the word of the run, as a host knows it that has
/// read the script: `read_mark` takes it from there. `say` speaks as a script of ours does.
const HELPERS: &str = r#"
read_mark() { read -r brace; read -r line; mark=${line#mark=}; }
say() { printf '\n%s %s\n' "$mark" "$*"; }
"#;

/// How each of them misbehaves, and what the run says of it.
const HOSTS: [(&str, &str, &str); 23] = [
    (
        "says-nothing",
        "read_mark; exec sleep 100",
        "the login shell of root did not answer within 60 s",
    ),
    (
        "trickles",
        "read_mark; say os-release; for n in $(seq 100); do printf x; sleep 1; done",
        "no end after 60 s",
    ),
    ("exits", "exit 7", "exit status 7"),
    ("exits-well", "exit 0", "ran no script of ours"),
    ("closes-before-reading", "exec <&- >&- 2>&-; sleep 1", "ran no script of ours"),
    ("closes-after-the-mark", "read_mark; exit 0", "ran no script of ours"),
    ("closes-in-a-heading", "read_mark; printf '\\n%s os-rel' \"$mark\"", "ran no script of ours"),
    ("closes-in-a-section", "read_mark; say os-release; echo ID=debian", "ended too soon"),
    ("kills-itself", "read_mark; say os-release; kill -9 $$", "ended too soon"),
    ("endless-zeros", "read_mark; say user; cat /dev/zero", "longer than"),
    ("endless-before-it-begins", "yes", "longer than"),
    ("endless-stderr", "yes >&2", "longer than"),
    ("endless-banner", "yes 'Welcome to this host'", "longer than"),
    (
        "endless-invalid-text",
        "read_mark; say user; yes \"$(printf '\\377\\376\\200')\"",
        "longer than",
    ),
    ("endless-sections", "read_mark; yes \"$(say x a b c d e f g)\"", "longer than"),
    ("endless-heading", "read_mark; printf '\\n%s ' \"$mark\"; yes x | tr -d '\\n'", "longer than"),
    (
        "a-million-units",
        "read_mark; say units; yes 'Id=chrony.service\nNames=chronyd.service\n' | head -n 4000000",
        "longer than",
    ),
    (
        "a-million-paths",
        "read_mark; say paths; yes '644|root|0|root|0|3|regular file|/etc/x' | head -n 1000000",
        "longer than",
    ),
    (
        "forged-mark",
        "printf '\\nezsync-00000000000000000000000000000000 end\\n'; exit 0",
        "ran no script of ours",
    ),
    ("answers-nothing", "read_mark; say os-release; say user; echo 0; say end; sleep 1", OK),
    ("only-the-end", "read_mark; say end; say end; exit 0", "is not root"),
    (
        "huge-numbers",
        "read_mark; say content 99999999999999999999999; say got 18446744073709551616; say user; echo 0; say end; say ready; read -r _; say clock 99999999999999999999999999.9; sleep 1",
        OK,
    ),
    (
        "escapes",
        "printf '\\033]0;owned\\007\\033[2J\\033[31m\\r\\n\\302\\2332J' ; printf '\\033[2Jred\\n' >&2; exit 3",
        "exit status 3",
    ),
];

/// One that lies as a script of ours would speak is believed: it is a host like any other, and is to get all
/// that it lacks.
const OK: &str = r#""state":"ok""#;

/// No run of these hosts takes longer.
const DEADLINE: Duration = Duration::from_secs(150);

/// How many hosts of one kind are looked at at once.
const HOSTILE: u64 = 20;

/// How much memory one of them may take (bytes).
const MEMORY: u64 = 8 << 20;

struct Fleet {
    _servers: Vec<Sshd>,
    folder: TempDir,
}

impl Fleet {
    /// A host for each of `hosts`, and two on which all is well.
    fn new(hosts: &[(String, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut servers = Vec::new();
        let mut inventory = String::from("[all]\n");
        let mut known = String::new();
        let mut start = |name: &str, settings: &str| {
            let server = Sshd::start(settings)?;
            let (port, key) = (server.port, server.path("user").display().to_string());
            inventory += &format!(
                "{name} ansible_host=127.0.0.1 ansible_port={port} ansible_user=root ansible_private_key_file={key}\n"
            );
            known += &server.host_line("ed25519");
            servers.push(server);
            Some(())
        };
        for (name, script) in hosts {
            let file = folder.path().join(name);
            fs::write(&file, format!("#!/bin/sh\n{HELPERS}\n{script}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            start(name, &format!("ForceCommand {}\n", file.display()))?;
        }
        start("well-1", "")?;
        start("well-2", "")?;
        inventory += "[chrony]\nwell-1\n";
        fs::write(folder.path().join("hosts"), inventory).unwrap();
        fs::write(folder.path().join("known_hosts"), known).unwrap();
        Some(Self { _servers: servers, folder })
    }

    /// `ezsync setup --check` of all hosts.
    fn program(&self) -> Command {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let mut program = Command::new(env!("CARGO_BIN_EXE_ezsync"));
        program.args(["setup", "c1", "--check", "--json", "-i", &at("hosts"), "--forks", "100"]);
        program.args(["--known-hosts", &at("known_hosts")]);
        program.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.folder.path());
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        program.stderr(fs::File::create(at("stderr")).unwrap());
        program
    }

    /// Looks at all hosts at once, and says what came of each, and how much memory that took at its peak.
    fn look(&self) -> Run {
        let mut program = self.program();
        let begun = Instant::now();
        let mut child = program.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).map(|_| text)
        });
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < DEADLINE, "the run has no end");
            peak = peak.max(peak_of(child.id()).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(10));
        }
        let text = reader.join().unwrap().unwrap();
        let stderr = fs::read(self.folder.path().join("stderr")).unwrap();
        let json = serde_json::from_slice(&text);
        let json =
            json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
        Run { json, shown: [text, stderr].concat(), peak, took: begun.elapsed() }
    }
}

/// What came of a run.
struct Run {
    json: Value,
    /// All that it printed.
    shown: Vec<u8>,
    /// The most memory that it had (bytes).
    peak: u64,
    took: Duration,
}

impl Run {
    fn host(&self, name: &str) -> &Value {
        let hosts = self.json["hosts"].as_array().unwrap();
        hosts.iter().find(|host| host["host"] == name).unwrap()
    }

    /// The two good hosts ended as they do alone, and nothing that was printed moves a cursor.
    fn is_sound(&self) {
        for name in ["well-1", "well-2"] {
            assert_eq!(self.host(name)["outcome"]["state"], "ok", "{:#}", self.host(name));
        }
        let text = String::from_utf8(self.shown.clone()).unwrap();
        let odd = text.chars().find(|c| ezsync::sanitise::is_unsafe(*c) && *c != '\n');
        assert_eq!(odd, None, "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

/// The most memory that a process has had (bytes); none when it is gone.
fn peak_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

#[test]
fn each_fails_alone_and_says_why() {
    let hosts: Vec<_> =
        HOSTS.iter().map(|(name, script, _)| ((*name).to_owned(), *script)).collect();
    let Some(fleet) = Fleet::new(&hosts) else { return };
    let run = fleet.look();
    run.is_sound();
    for (name, _, expected) in HOSTS {
        let said = run.host(name)["outcome"].to_string();
        assert!(said.contains(expected), "{name}: {said}");
        assert!(said.len() < 64 * 1024, "{name}: {} bytes are said", said.len());
    }
}

#[test]
fn ctrl_c_waits_for_no_host_that_says_nothing() {
    let kinds = [("silent", "exec sleep 100"), ("speaks", "say os-release; exec sleep 100")];
    let scripts = kinds.map(|(name, next)| (name, format!("read_mark; touch $0.there; {next}")));
    let hosts: Vec<_> = scripts.iter().map(|(name, next)| ((*name).to_owned(), &**next)).collect();
    let Some(fleet) = Fleet::new(&hosts) else { return };
    let child = fleet.program().spawn().unwrap();
    for (name, _) in kinds {
        wait_for(|| fleet.folder.path().join(format!("{name}.there")).exists());
    }
    let begun = Instant::now();
    let pid = i32::try_from(child.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(99), "{json:#}");
    for (name, _) in kinds {
        let host = json["hosts"].as_array().unwrap().iter().find(|host| host["host"] == name);
        assert_eq!(host.unwrap()["outcome"]["state"], "interrupted", "{json:#}");
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_word_of_another_script_means_nothing() {
    // It answers by the first word that it has ever heard.
    let script =
        "read_mark; printf '%s' \"$mark\" >>$0.marks; mark=$(head -c 39 $0.marks); say end; exit 0";
    let Some(fleet) = Fleet::new(&[("replays".to_owned(), script)]) else { return };
    for expected in ["is not root", "ran no script of ours"] {
        let run = fleet.look();
        run.is_sound();
        let said = run.host("replays")["outcome"].to_string();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn one_that_answers_without_end_takes_its_share_of_memory() {
    let base = Fleet::new(&[]).map(|fleet| fleet.look());
    let Some(base) = base else { return };
    for name in ["endless-invalid-text", "endless-sections", "endless-stderr"] {
        let (_, script, _) = HOSTS.iter().find(|(known, ..)| *known == name).unwrap();
        let hosts: Vec<_> = (0..HOSTILE).map(|n| (format!("hostile-{n}"), *script)).collect();
        let Some(fleet) = Fleet::new(&hosts) else { return };
        let run = fleet.look();
        run.is_sound();
        let each = run.peak.saturating_sub(base.peak) / HOSTILE;
        eprintln!("{name}: {} KiB a host, in {:?}", each / 1024, run.took);
        assert!(each <= MEMORY, "{name}: {each} bytes a host");
    }
}
