//! A lab with a project folder: what the tests run ezsync with, and ask hosts by.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ezsync_hosts::{Image, Lab, LabSpec, TestHost};
use serde_json::Value;
use tempfile::TempDir;

/// A client's configuration that nobody answers, so that a run waits for as long as it is told to: one without its source
/// would be given up at once.
pub const UNANSWERED: &str = "server 10.99.0.11 port 1123 iburst\nrtcsync\n";

/// Says why a test is skipped, when it is.
pub fn skipped() -> bool {
    match ezsync_hosts::unavailable() {
        Some(reason) => {
            ezsync_hosts::skip(&reason);
            true
        }
        None => false,
    }
}

/// Hosts and a project folder with one cluster, `c1`, of all of them; the first is the source.
pub struct Bench {
    pub lab: Lab,
    pub folder: TempDir,
}

/// What came of a run of ezsync.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// `count` fresh hosts and an offline cluster of them.
    pub fn new(image: Image, count: usize) -> Self {
        Self::of(&LabSpec::new(image, count))
    }

    pub fn of(spec: &LabSpec) -> Self {
        let lab = Lab::up(spec).unwrap();
        let bench = Self { lab, folder: TempDir::new().unwrap() };
        let lines: Vec<String> = bench.hosts().iter().map(line).collect();
        bench.inventory(&lines);
        bench.write("inventories/c1/config.yml", "ntp_servers: []\n");
        bench
    }

    pub fn hosts(&self) -> &[TestHost] {
        self.lab.hosts()
    }

    /// Writes the inventory: one line a host, the first of them the source.
    pub fn inventory(&self, lines: &[String]) {
        self.inventory_of(lines, lines[0].split_whitespace().next().unwrap());
    }

    /// Writes the inventory with another source.
    pub fn inventory_of(&self, lines: &[String], source: &str) {
        let text = format!(
            "[kube_node]\n{}\n[chrony]\n{source}\n[all:vars]\nansible_user=root\n\
             ansible_ssh_private_key_file={}\n",
            lines.join("\n"),
            self.lab.key().display()
        );
        self.write("inventories/c1/hosts", &text);
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A command of ezsync inside the lab's network, in the project folder.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_with(&self.lab.known_hosts(), args)
    }

    pub fn command_with(&self, known_hosts: &Path, args: &[&str]) -> Command {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        self.surround(&mut command);
        command.args(self.args(known_hosts, args));
        command
    }

    /// The project folder, and nothing of whoever runs the tests.
    pub fn surround(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env_remove("SSH_AUTH_SOCK");
    }

    /// `args` of ezsync with the hosts' keys. What stands behind `--` is for the hosts.
    pub fn args(&self, known_hosts: &Path, args: &[&str]) -> Vec<OsString> {
        let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (ours, theirs) = args.split_at(end);
        let keys = [OsStr::new("--known-hosts"), known_hosts.as_os_str()];
        let ours = ours.iter().map(OsStr::new).chain(keys);
        ours.chain(theirs.iter().map(OsStr::new)).map(OsStr::to_owned).collect()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Runs with --json and gives the document.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&args);
        let json = serde_json::from_str(&ran.stdout);
        (ran.code, json.unwrap_or_else(|e| panic!("{e}\n{}\n{}", ran.stdout, ran.stderr)))
    }

    /// What a script prints on a host, which must succeed.
    pub fn on(&self, host: usize, script: &str) -> String {
        let output = self.lab.shell(&self.hosts()[host], script).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        assert!(
            output.status.success(),
            "{script}\n{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// What a script prints on every host.
    pub fn everywhere(&self, script: &str) -> Vec<String> {
        (0..self.hosts().len()).map(|host| self.on(host, script)).collect()
    }

    /// When chronyd was started, on every host: equal texts mean no restart.
    pub fn starts(&self) -> Vec<String> {
        self.everywhere("systemctl show -p ActiveEnterTimestampMonotonic,MainPID chrony")
    }
}

impl Ran {
    pub fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A host's line in the inventory.
pub fn line(host: &TestHost) -> String {
    format!("{} ansible_host={}", host.name, host.address)
}

/// The result of `host` in a JSON document.
pub fn host<'a>(run: &'a Value, name: &str) -> &'a Value {
    let hosts = run["hosts"].as_array().unwrap();
    hosts.iter().find(|host| host["host"] == name).unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

/// What a failed or unreachable host has to say.
pub fn trouble<'a>(run: &'a Value, name: &str, state: &str) -> &'a str {
    let outcome = &host(run, name)["outcome"];
    assert_eq!(outcome["state"], state, "{outcome:#}");
    outcome["trouble"]["what"].as_str().unwrap()
}

/// Everything that a run could change on a host: files, links, packages and unit states.
pub const EVERYTHING: &str = "
    find /etc /var/lib/ezsync /usr/sbin -xdev ! -path /var/lib/ezsync/left \\( -type f -o -type l \\) -printf '%p %m %U %G %l\\n' 2>/dev/null | sort
    find /etc /var/lib/ezsync /usr/sbin -xdev -type f ! -path /var/lib/ezsync/left -exec sha256sum {} + 2>/dev/null | sort
    dpkg-query -W; systemctl list-units --all --plain --no-legend --type=service | sort | awk '{print $1,$2,$3}' | grep -v -E '^(ssh@|user|session|systemd-(hostnamed|timedated|tmpfiles))'";

/// What a host should be rid of when a run has ended: candidates, saved files and folders of a run, its lock,
/// its guard (unit file, link, unit that is at work, process), and what keeps packages from starting their daemons. A guard may take a
/// moment to go. (The brackets keep the search from finding itself.)
pub const LITTER: &str = "
    litter() {
      find /etc /var/lib /usr/sbin \\( -name '*ezsync-*' -o -name policy-rc.d -o -path '/var/lib/[e]zsync/run.*' \\
        -o -path '/var/lib/[e]zsync/lock*' \\) -prune -print
      systemctl list-units --plain --no-legend '[e]zsync*'
      pgrep -a -f '/var/lib/[e]zsync/'
    }
    n=0; while found=$(litter); [ -n \"$found\" ] && [ $n -lt 30 ]; do sleep 0.1; n=$((n+1)); done
    printf '%s' \"$found\"";
