//! Whom to connect to, and how.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::config::AddressFamily;
use super::known_hosts::HostKeyPolicy;

/// Where a host's SSH server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A name or an IP address, as known_hosts has it. IPv6 without brackets.
    pub address: String,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.parse::<Ipv6Addr>() {
            Ok(address) => write!(f, "[{address}]:{}", self.port),
            Err(_) => write!(f, "{}:{}", self.address, self.port),
        }
    }
}

/// One host to log in to, with all that is needed for it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The user on the host.
    pub user: String,
    /// What we log in with.
    pub credentials: Credentials,
    /// How the host proves who it is.
    pub host_keys: HostKeys,
    /// How long connecting may take in all: looking up the name, TCP, handshake and
    /// authentication together. Jump hosts have their own time.
    pub connect_timeout: Duration,
    /// What stands in between.
    pub via: Via,
    /// When a silent server is given up.
    pub keepalive: Keepalive,
}

impl Target {
    /// The same for all targets that one connection can serve: who, where, by which way, and by
    /// what both sides prove who they are. A host whose way is to be checked strictly must not get
    /// one that another host has let pass.
    pub(super) fn way(&self) -> String {
        let via = match &self.via {
            Via::Direct(_) => String::new(),
            Via::Jump(jump) => format!(" via {}", jump.target.way()),
            Via::Command(command) => format!(" via `{command}`"),
        };
        // A password and a passphrase are no part of it: they are a host's own, and never shown.
        let Self { user, endpoint, host_keys, credentials, .. } = self;
        format!("{user}@{endpoint} {host_keys:?} {credentials:?}{via}")
    }

    /// The server that a connection knocks at. All commands are taken for one: they are likely to
    /// pass one gateway.
    pub(super) fn door(&self) -> String {
        match &self.via {
            Via::Direct(_) => self.endpoint.to_string(),
            Via::Jump(jump) => format!("{} via {}", self.endpoint, jump.target.way()),
            Via::Command(_) => "a ProxyCommand".to_owned(),
        }
    }
}

impl fmt::Display for Target {
    /// Where to, by what way, and with which keys; secrets apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.endpoint)?;
        match &self.via {
            Via::Direct(_) => {}
            Via::Jump(jump) => write!(f, " through {} ({})", jump.name, jump.target)?,
            Via::Command(command) => write!(f, " through `{command}`")?,
        }
        let list = |files: &[PathBuf]| {
            let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            shown.join(", ")
        };
        let Credentials { identity_files, default_identity_files, agent_socket, .. } =
            &self.credentials;
        let named = if identity_files.is_empty() { default_identity_files } else { identity_files };
        write!(f, ", keys: {}", list(named))?;
        if let Some(agent) = agent_socket {
            write!(f, ", agent: {}", agent.display())?;
        }
        write!(f, ", known hosts: {}", list(&self.host_keys.files))
    }
}

/// What stands between us and a host.
#[derive(Debug, Clone)]
pub enum Via {
    /// Nothing: a TCP connection.
    Direct(Socket),
    /// Another host, which passes the connection on.
    Jump(Arc<Jump>),
    /// A command whose input and output are the connection; nothing in it is to be replaced.
    Command(String),
}

impl Default for Via {
    fn default() -> Self {
        Self::Direct(Socket::default())
    }
}

/// What a TCP connection is made from and to.
#[derive(Debug, Clone, Copy)]
pub struct Socket {
    /// Which of the host's addresses are tried.
    pub family: AddressFamily,
    /// The address of this machine to connect from.
    pub bind: Option<IpAddr>,
}

impl Default for Socket {
    fn default() -> Self {
        Self { family: AddressFamily::Any, bind: None }
    }
}

/// A host on the way to another.
#[derive(Debug, Clone)]
pub struct Jump {
    /// Its name as the user has written it.
    pub name: String,
    /// How it is reached itself.
    pub target: Target,
}

/// When a server that has become silent is asked for a sign of life, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How long it may be silent.
    pub interval: Duration,
    /// How many questions may stay without an answer.
    pub count_max: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), count_max: 3 }
    }
}

/// What we log in with, and in which order. The names are those of ssh_config(5).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Private keys to try before all others, in this order (`IdentityFile`).
    pub identity_files: Vec<PathBuf>,
    /// Private keys to try, after those of the agent, when no others are named. Those that do not
    /// exist are passed over.
    pub default_identity_files: Vec<PathBuf>,
    /// Certificates to try with the private keys that they are for (`CertificateFile`). Where none
    /// is named, `KEY-cert.pub` beside each private key is taken.
    pub certificate_files: Vec<PathBuf>,
    /// Whether the agent's other keys than the files above are left alone (`IdentitiesOnly`).
    pub identities_only: bool,
    /// The socket of the SSH agent (`IdentityAgent`).
    pub agent_socket: Option<PathBuf>,
    /// Opens encrypted private keys. Without it, the person at the terminal is asked.
    pub passphrase: Option<SecretString>,
    /// Why there is no passphrase although one is set.
    pub no_passphrase: Option<String>,
    /// Tried when no key is accepted, and as the answer when keyboard-interactive asks for a
    /// password.
    pub password: Option<SecretString>,
    /// Why there is no password although one is set.
    pub no_password: Option<String>,
    /// The methods that may be used, in this order (`PreferredAuthentications` without those that
    /// are off, such as `PasswordAuthentication no`).
    pub methods: Vec<Method>,
    /// How often a person may answer wrong (`NumberOfPasswordPrompts`).
    pub password_prompts: u32,
    /// Never ask a person (`BatchMode`).
    pub batch_mode: bool,
}

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A signature by a private key (`publickey`).
    PublicKey,
    /// Answers to questions, such as a password and a one-time code (`keyboard-interactive`).
    KeyboardInteractive,
    /// A password (`password`).
    Password,
}

impl Method {
    /// Its name in SSH.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "publickey",
            Self::KeyboardInteractive => "keyboard-interactive",
            Self::Password => "password",
        }
    }
}

impl Default for Credentials {
    /// Nothing to log in with, and OpenSSH's settings.
    fn default() -> Self {
        Self {
            identity_files: Vec::new(),
            default_identity_files: Vec::new(),
            certificate_files: Vec::new(),
            identities_only: false,
            agent_socket: None,
            passphrase: None,
            no_passphrase: None,
            password: None,
            no_password: None,
            methods: vec![Method::PublicKey, Method::KeyboardInteractive, Method::Password],
            password_prompts: 3,
            batch_mode: false,
        }
    }
}

/// How a host proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys {
    /// What to do with a host whose key is not the one that is known (`StrictHostKeyChecking`).
    pub policy: HostKeyPolicy,
    /// Files with the keys of known hosts (`UserKnownHostsFile`). New ones are added to the first.
    pub files: Vec<PathBuf>,
    /// More such files, which are only read (`GlobalKnownHostsFile`).
    pub global_files: Vec<PathBuf>,
    /// The name to look up in these files instead of the address and the port (`HostKeyAlias`).
    pub alias: Option<String>,
    /// Whether names are written as hashes (`HashKnownHosts`).
    pub hash: bool,
}
