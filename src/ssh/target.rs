//! Whom to connect to, and how.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

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
    /// authentication together.
    pub connect_timeout: Duration,
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
    /// Tried when no key is accepted, and as the answer when keyboard-interactive asks for a
    /// password.
    pub password: Option<SecretString>,
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
            password: None,
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
