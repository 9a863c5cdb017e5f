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

/// What we log in with.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Private keys to try before all others, in this order.
    pub identity_files: Vec<PathBuf>,
    /// Private keys to try, after those of the agent, when no others are named. Those that do not
    /// exist are passed over.
    pub default_identity_files: Vec<PathBuf>,
    /// The socket of the SSH agent.
    pub agent_socket: Option<PathBuf>,
    /// Tried when no key is accepted.
    pub password: Option<SecretString>,
}

/// How a host proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys {
    /// What to do with a host of which no key is known.
    pub policy: HostKeyPolicy,
    /// Files with the keys of known hosts. New ones are added to the first.
    pub files: Vec<PathBuf>,
}
