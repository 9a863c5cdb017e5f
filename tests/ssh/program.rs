//! The program with one host, `node1`: a server of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::sshd::Sshd;

/// What came of a run.
pub struct Ran {
    pub code: Option<i32>,
    /// All that was said.
    pub said: String,
    /// What it says of the host; null where it has come to none.
    pub host: Value,
}

impl Ran {
    /// The trouble of the host, and what to do next.
    pub fn trouble(&self) -> String {
        let trouble = &self.host["outcome"]["trouble"];
        let text = |key: &str| trouble[key].as_str().unwrap_or_default();
        format!("{}\nnext: {}", text("what"), text("next"))
    }
}

/// `ezsync VERB ... --json` with these `args` for the host with these `vars`. The user's key is let in, and
/// `known_hosts` of the server's folder is read.
pub fn ezsync(server: &Sshd, verb: &str, vars: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let hosts = format!(
        "node1 ansible_host=127.0.0.1 ansible_port={}\n[all:vars]\nansible_user=root\n\
         ansible_ssh_private_key_file={}\nansible_ssh_args='-F none -o IdentityAgent=none'\n{vars}\n",
        server.port,
        server.path("user").display(),
    );
    fs::write(at("hosts"), hosts).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ezsync"));
    command.args([verb, "x", "all", "--json", "-i"]).arg(at("hosts"));
    if !args.contains(&"--known-hosts") {
        command.arg("--known-hosts").arg(server.path("known_hosts"));
    }
    command.args(args);
    command.env("HOME", folder.path()).env("XDG_STATE_HOME", folder.path());
    let output = command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    Ran { code: output.status.code(), said, host: run["hosts"][0].clone() }
}

/// Writes a program of the server's, and gives its path.
pub fn write_program(server: &Sshd, name: &str, text: &str) -> String {
    let path = server.path(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}
