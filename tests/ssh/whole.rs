//! The program as people use it: an inventory, an ssh_config and a jump host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::sshd::{Sshd, wait_for};

/// A jump host, a server behind it, and the files of somebody who knows both.
struct Bench {
    jump: Sshd,
    server: Sshd,
    folder: TempDir,
}

impl Bench {
    fn new() -> Option<Self> {
        let (jump, server) = (Sshd::start("")?, Sshd::start("")?);
        jump.know(&jump.host_line("ed25519"));
        let folder = tempfile::tempdir().unwrap();
        Some(Self { jump, server, folder })
    }

    /// ssh_config for `bastion` and `node*`, with `more` for the nodes.
    fn ssh_config(&self, more: &str) {
        let Self { jump, server, .. } = self;
        let at = |of: &Sshd, name: &str| of.path(name).display().to_string();
        let text = format!(
            "Host bastion node*\n  HostName 127.0.0.1\n  User root\n  IdentityAgent none\n\
             Host bastion\n  Port {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n\
             Host node*\n  Port {}\n  IdentityFile {}\n{more}\n",
            jump.port,
            at(jump, "user"),
            at(jump, "known_hosts"),
            server.port,
            at(server, "user"),
        );
        fs::write(self.folder.path().join("ssh_config"), text).unwrap();
    }

    /// Runs a command on five nodes which have these variables.
    fn exec(&self, vars: &str) -> Output {
        let at = |name: &str| self.folder.path().join(name);
        let vars = vars.replace("@CONFIG@", &at("ssh_config").display().to_string());
        fs::write(at("hosts"), format!("[all]\nnode[1:5]\n[all:vars]\n{vars}\n")).unwrap();
        let mut program = self.program();
        program.args(["c1", "all", "--", "echo $SSH_CONNECTION | cut -d' ' -f4"]);
        program.output().unwrap()
    }

    /// `ezsync exec` with the inventory `hosts`.
    fn program(&self) -> Command {
        let folder = self.folder.path();
        let mut program = Command::new(env!("CARGO_BIN_EXE_ezsync"));
        program.args(["exec", "-i"]).arg(folder.join("hosts"));
        program.env("HOME", folder).env("XDG_STATE_HOME", folder).stdin(Stdio::null());
        program
    }

    fn well(&self, vars: &str) -> String {
        let output = self.exec(vars);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{out}{err}");
        assert!(out.contains(&self.server.port.to_string()), "{out}{err}");
        assert!(!err.contains("panicked"), "{err}");
        err
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn hosts_behind_a_jump_host_with_keys_that_nobody_keeps() {
    let Some(bench) = Bench::new() else { return };
    // As in kubeasz's ansible.cfg and its habit.
    bench.ssh_config("  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n");
    bench.well("ansible_ssh_common_args='-F @CONFIG@ -J bastion'");
    assert_eq!(bench.jump.log().matches("Accepted publickey").count(), 1);
    assert_eq!(bench.server.log().matches("Accepted publickey").count(), 5);

    bench.ssh_config("  ProxyJump bastion\n  UserKnownHostsFile /dev/null\n  Ciphers aes256-ctr\n");
    let said = bench.well(
        "ansible_ssh_common_args='-F @CONFIG@ -o ControlMaster=auto'\nansible_host_key_checking=false",
    );
    assert_eq!(said.matches("Ciphers is not followed").count(), 1, "{said}");
}

#[test]
fn hosts_behind_a_proxy_command() {
    let Some(bench) = Bench::new() else { return };
    bench.ssh_config(
        "  StrictHostKeyChecking accept-new\n  UserKnownHostsFile ~/no-such-folder/%n\n",
    );
    let file = bench.folder.path().join("known");
    bench.well(&format!(
        "ansible_ssh_common_args='-F @CONFIG@ -o UserKnownHostsFile={} -o ProxyCommand=\"ssh -F @CONFIG@ -W [%h]:%p -q bastion\"'",
        file.display()
    ));
    assert_eq!(bench.jump.log().matches("Accepted publickey").count(), 5);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn ansible_cfg_says_how_hosts_are_reached() {
    let Some(server) = Sshd::start("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[defaults]\nremote_user = root\nremote_port = {}\nprivate_key_file = {}\n\
         host_key_checking = False\n[ssh_connection]\n\
         ssh_args = -F none -o UserKnownHostsFile=/dev/null -o IdentityAgent=none\n",
        server.port,
        server.path("user").display()
    );
    fs::write(folder.path().join("ansible.cfg"), config).unwrap();
    let run = |mode: u32| {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_ezsync"));
        program.args(["exec", "-T", "5", "-i", "127.0.0.1,", "c1", "all", "--", "echo well"]);
        program.current_dir(folder.path()).stdin(Stdio::null());
        program.env("HOME", folder.path()).env("XDG_STATE_HOME", folder.path());
        let output = program.output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = run(0o700);
    assert_eq!(code, Some(0), "{said}");
    // Anybody could have written it.
    let (code, said) = run(0o777);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("ansible.cfg: not read, since anybody may write"), "{said}");
}

#[test]
fn a_jump_host_that_is_not_let_in_is_named_for_every_host() {
    let Some(bench) = Bench::new() else { return };
    bench.ssh_config("  ProxyJump bastion\n");
    fs::write(bench.jump.path("known_hosts"), "").unwrap();
    let output = bench.exec("ansible_ssh_common_args='-F @CONFIG@'");
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("jump host bastion: the host key of 127.0.0.1"), "{said}");
}

#[test]
fn a_mistake_in_ssh_config_is_found_before_any_host_is_touched() {
    let Some(bench) = Bench::new() else { return };
    bench.ssh_config("  Port many\n");
    let callers = || bench.server.log().matches("Connection from").count();
    let before = callers();
    let output = bench.exec("ansible_ssh_common_args='-F @CONFIG@'");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("ssh_config:12:8: `many` is no port"), "{said}");
    assert_eq!(callers(), before);
}

#[tokio::test]
async fn hosts_that_hang_cost_their_deadline_and_the_others_nothing() {
    let (Some(bench), Some(stopping)) = (Bench::new(), Sshd::start("")) else { return };
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The kernel drops what comes when a listener's queue is full.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf = deaf.listen(0).unwrap();
    let address = deaf.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(socket) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queue.push(socket.unwrap());
        assert!(queue.len() < 10, "the queue never fills");
    }
    let authorized = fs::read_to_string(bench.server.path("authorized_keys")).unwrap();
    fs::write(stopping.path("authorized_keys"), authorized).unwrap();
    bench.ssh_config("  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n");
    let hosts = format!(
        "node[1:3]\nnode4 ansible_port={}\nnode5 ansible_port={}\nnode6 ansible_port={}\n[all:vars]\n\
         ansible_ssh_common_args='-F {}/ssh_config -o ServerAliveInterval=1 -o ServerAliveCountMax=1'\n",
        silent.local_addr().unwrap().port(),
        address.port(),
        stopping.port,
        bench.folder.path().display(),
    );
    fs::write(bench.folder.path().join("hosts"), hosts).unwrap();
    let there = bench.folder.path().join("there");
    let command = format!(
        "case $SSH_CONNECTION in *{}) touch {}; sleep 30;; esac; echo well",
        stopping.port,
        there.display()
    );
    let mut program = bench.program();
    program.args(["-T", "2", "--json", "c1", "all", "--", &command]);
    let begun = Instant::now();
    let running = tokio::task::spawn_blocking(move || program.output().unwrap());
    tokio::task::spawn_blocking(move || wait_for(|| there.exists())).await.unwrap();
    stopping.signal_sessions("STOP");
    let output = running.await.unwrap();
    let seconds = begun.elapsed();
    stopping.signal_sessions("KILL");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.matches("well\\n").count(), 3, "{said}");
    assert_eq!(said.matches("gave no answer in time: 2 s passed").count(), 2, "{said}");
    assert_eq!(said.matches("the server has stopped answering").count(), 1, "{said}");
    assert!(seconds < Duration::from_secs(6), "{seconds:?}");
}
