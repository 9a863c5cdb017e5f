//! A real OpenSSH server and agent on this machine, gone when the test is.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Once};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ezsync::ssh::{
    Client, Credentials, Endpoint, HostKeyPolicy, HostKeys, Jump, Keepalive, Target, Via,
};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// How long a test waits for a connection.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A process that is killed with the test, also when that panics.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An SSH server with keys of its own, and the files of the user who connects to it.
pub struct Sshd {
    process: Process,
    folder: TempDir,
    pub port: u16,
}

impl Sshd {
    /// Starts a server with an Ed25519 host key that lets the key `user` in, and adds `settings` to
    /// its configuration. Says why and returns nothing where that cannot be.
    pub fn start(settings: &str) -> Option<Self> {
        Self::with_host_keys(&["ed25519"], settings)
    }

    pub fn with_host_keys(types: &[&str], settings: &str) -> Option<Self> {
        if let Some(reason) = missing() {
            ezsync_hosts::skip(reason);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut config = String::new();
        for kind in types {
            make_key(kind, &folder.path().join(format!("host_{kind}")), "");
            config += &format!("HostKey {}\n", at(&format!("host_{kind}")));
        }
        make_key("ed25519", &folder.path().join("user"), "");
        fs::copy(folder.path().join("user.pub"), folder.path().join("authorized_keys")).unwrap();
        config += &format!("AuthorizedKeysFile {}\n", at("authorized_keys"));
        config += "ListenAddress 127.0.0.1\nStrictModes no\nUsePAM no\nPidFile none\n";
        config += "PermitRootLogin yes\nLogLevel VERBOSE\n";
        if !settings.contains("MaxStartups") {
            config += "MaxStartups 200\n";
        }
        config += settings;
        fs::write(at("config"), config).unwrap();

        // The port is free now; should another program be faster, the next one will do.
        for _ in 0..5 {
            let port = free_port();
            let log = fs::File::create(at("log")).unwrap();
            let mut command = Command::new(SSHD);
            command.args(["-D", "-e", "-p", &port.to_string(), "-f", &at("config")]).stderr(log);
            let mut process = Process::start(&mut command);
            if greets(&mut process, port) {
                return Some(Self { process, folder, port });
            }
        }
        panic!("sshd does not start: {}", fs::read_to_string(at("log")).unwrap());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a new key, and lets it in if `authorized`.
    pub fn user_key(&self, kind: &str, passphrase: &str, authorized: bool) -> PathBuf {
        let path = self.path(&format!("user_{kind}_{}_{authorized}", passphrase.len()));
        make_key(kind, &path, passphrase);
        if authorized {
            let mut keys = fs::read_to_string(self.path("authorized_keys")).unwrap();
            keys += &fs::read_to_string(path.with_extension("pub")).unwrap();
            fs::write(self.path("authorized_keys"), keys).unwrap();
        }
        path
    }

    /// The line of known_hosts for the host key of type `kind`.
    pub fn host_line(&self, kind: &str) -> String {
        let key = fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap();
        let fields: Vec<_> = key.split(' ').take(2).collect();
        format!("[127.0.0.1]:{} {}\n", self.port, fields.join(" "))
    }

    pub fn know(&self, text: &str) {
        fs::write(self.path("known_hosts"), text).unwrap();
    }

    /// A client that knows the Ed25519 host key.
    pub fn client(&self) -> Client {
        self.know(&self.host_line("ed25519"));
        Client::default()
    }

    /// Root on this server, without any key.
    pub fn bare(&self) -> Target {
        let mut target = target(self.port);
        target.host_keys.files = vec![self.path("known_hosts")];
        target
    }

    pub fn target(&self, identity_file: impl Into<PathBuf>) -> Target {
        let mut target = self.bare();
        target.credentials.identity_files = vec![identity_file.into()];
        target
    }

    /// The key that is let in from the start.
    pub fn user(&self) -> Target {
        self.target(self.path("user"))
    }

    /// The same server as a host on the way to another.
    pub fn jump(&self, name: &str) -> Via {
        Via::Jump(Arc::new(Jump { name: name.to_owned(), target: self.user() }))
    }

    /// Sends a signal (`KILL`, `STOP`) to the processes that serve connections now.
    pub fn signal_sessions(&self, signal: &str) {
        let mut found = vec![self.process.0.id().to_string()];
        let mut next = 0;
        while let Some(id) = found.get(next).cloned() {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
            found.extend(children.unwrap_or_default().split_whitespace().map(ToOwned::to_owned));
            next += 1;
        }
        // The part of sshd that has seen to the login may just have ended.
        let reached = found.iter().skip(1).filter(|id| {
            let kill = Command::new("kill").args(["-s", signal, id.as_str()]).output();
            kill.unwrap().status.success()
        });
        assert!(reached.count() > 0, "nobody is connected");
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }
}

/// Root on this machine, without any key, and without known hosts.
pub fn target(port: u16) -> Target {
    Target {
        endpoint: Endpoint { address: "127.0.0.1".to_owned(), port },
        user: "root".to_owned(),
        credentials: Credentials::default(),
        host_keys: host_keys(HostKeyPolicy::Strict, Vec::new()),
        connect_timeout: PATIENCE,
        via: Via::default(),
        keepalive: Keepalive::default(),
    }
}

/// Known hosts in `files`.
pub fn host_keys(policy: HostKeyPolicy, files: Vec<PathBuf>) -> HostKeys {
    HostKeys { policy, files, global_files: Vec::new(), alias: None, hash: false }
}

/// The same target with the agent at `socket`.
pub fn with_agent(mut target: Target, socket: PathBuf) -> Target {
    target.credentials.agent_socket = Some(socket);
    target
}

/// An ssh-agent on a socket in `folder`, holding `keys` (with the passphrase in `SECRET`).
pub fn agent(folder: &Path, keys: &[&Path]) -> (Process, PathBuf) {
    let socket = folder.join("agent");
    let process = Process::start(Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket));
    wait_for(|| socket.exists());
    let ask = folder.join("askpass");
    fs::write(&ask, format!("#!/bin/sh\necho {SECRET}\n")).unwrap();
    run(Command::new("chmod").arg("+x").arg(&ask));
    for key in keys {
        let mut add = Command::new("ssh-add");
        add.env("SSH_AUTH_SOCK", &socket).env("SSH_ASKPASS", &ask);
        run(add.env("SSH_ASKPASS_REQUIRE", "force").arg("-q").arg(key));
    }
    (process, socket)
}

/// The passphrase of encrypted keys.
pub const SECRET: &str = "open-sesame";

/// The fingerprint of a public key, as ssh-keygen shows it.
pub fn fingerprint(key: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(key).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

pub fn wait_for(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for too long");
        sleep(Duration::from_millis(20));
    }
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn make_key(kind: &str, path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]);
    run(command.arg(path));
}

/// Whether the server on `port` says hello before its process ends.
fn greets(process: &mut Process, port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE && process.0.try_wait().unwrap().is_none() {
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) {
            let mut greeting = [0; 4];
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            return socket.read_exact(&mut greeting).is_ok() && greeting == *b"SSH-";
        }
        sleep(Duration::from_millis(20));
    }
    false
}

/// What this machine lacks for the tests.
pub fn missing() -> Option<&'static str> {
    static PREPARE: Once = Once::new();
    if !Path::new(SSHD).exists() {
        return Some("there is no sshd (Debian: openssh-server)");
    }
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        return Some("there is no ssh-keygen (Debian: openssh-client)");
    }
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return Some("sshd needs root");
    }
    // The folder that sshd locks its unprivileged half into.
    PREPARE.call_once(|| fs::create_dir_all("/run/sshd").unwrap());
    None
}
