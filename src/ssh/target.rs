//! Whom to connect to, and how.

use std::env;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::known_hosts::HostKeyPolicy;

/// The names of OpenSSH's default keys, the likeliest first.
const DEFAULT_IDENTITY_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Where a host's SSH server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// One host to log in to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The user on the host.
    pub user: String,
    /// Private keys to try before all others, in this order. When there are none, the user's
    /// default keys are tried after those of the agent.
    pub identity_files: Vec<PathBuf>,
    /// Tried when no key is accepted.
    pub password: Option<SecretString>,
}

/// What holds for all hosts.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long connecting to one host may take in all: looking up its name, TCP, handshake and
    /// authentication together.
    pub connect_timeout: Duration,
    /// What to do with hosts of which no key is known.
    pub host_keys: HostKeyPolicy,
    /// Files with the keys of known hosts. New ones are added to the first.
    pub known_hosts_files: Vec<PathBuf>,
    /// Private keys to try for a target that names none. Those that do not exist are passed over.
    pub default_identity_files: Vec<PathBuf>,
    /// The socket of the SSH agent.
    pub agent_socket: Option<PathBuf>,
}

impl Options {
    /// The files and the agent that OpenSSH would use for the user who runs this program.
    #[must_use]
    pub fn for_this_user(connect_timeout: Duration, host_keys: HostKeyPolicy) -> Self {
        let ssh_folder = etcetera::home_dir().map(|home| home.join(".ssh")).ok();
        let own =
            |name: &str| ssh_folder.iter().map(|folder| folder.join(name)).collect::<Vec<_>>();
        let mut known_hosts_files = own("known_hosts");
        known_hosts_files.push(PathBuf::from("/etc/ssh/ssh_known_hosts"));
        Self {
            connect_timeout,
            host_keys,
            known_hosts_files,
            default_identity_files: DEFAULT_IDENTITY_FILES.into_iter().flat_map(own).collect(),
            agent_socket: env::var_os("SSH_AUTH_SOCK").filter(|v| !v.is_empty()).map(Into::into),
        }
    }
}
