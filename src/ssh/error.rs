//! What can go wrong between us and a host, in words that help.
//!
//! Text that came from the server is made safe before it is put in here.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::known_hosts::{Fingerprint, KnownHostsError, KnownKey};
use super::rejected::Rejected;
use super::target::Endpoint;

/// A step on the way to a usable session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Turning the host's name into addresses.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// Agreeing on keys with the server, and checking its host key.
    Handshake,
    /// Proving who we are.
    Authentication,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up its name",
            Self::Connect => "opening the TCP connection",
            Self::Handshake => "the SSH handshake",
            Self::Authentication => "authentication",
        })
    }
}

/// Why there is no session with a host. All of these are "unreachable" in Ansible's sense: nothing
/// was run on the host.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address.
    #[error("cannot find the address of {host}: {reason}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// Nothing listens on the port.
    #[error("{0} refuses the connection")]
    Refused(Endpoint),
    /// The network does not lead there.
    #[error("cannot reach {endpoint}: {reason}")]
    Network {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says.
        reason: String,
    },
    /// The deadline passed.
    #[error("{endpoint} gave no answer in time: {} s passed, the last of them in {phase}", after.as_secs_f32())]
    TimedOut {
        /// Where to.
        endpoint: Endpoint,
        /// What was going on at the deadline.
        phase: Phase,
        /// The deadline for all phases together.
        after: Duration,
    },
    /// Nothing is known about the host's key.
    #[error("the host key of {endpoint} is not known: {key}{}", fault_of(certificate.as_deref()))]
    HostKeyUnknown {
        /// The host.
        endpoint: Endpoint,
        /// The key it has shown.
        key: Fingerprint,
        /// What is wrong with the certificate that it has shown, if it has.
        certificate: Option<String>,
        /// The file for keys of hosts.
        file: PathBuf,
    },
    /// Other keys are known for the host.
    #[error("the host key of {endpoint} has changed: it shows {key}, but known is {}{}", list(known), fault_of(certificate.as_deref()))]
    HostKeyChanged {
        /// The host.
        endpoint: Endpoint,
        /// The name under which it is looked up.
        name: String,
        /// The key it has shown.
        key: Fingerprint,
        /// The keys that would have been accepted.
        known: Vec<KnownKey>,
        /// What is wrong with the certificate that it has shown, if it has.
        certificate: Option<String>,
    },
    /// The host's key is marked `@revoked`.
    #[error("the host key of {endpoint} is revoked: {key}")]
    HostKeyRevoked {
        /// The host.
        endpoint: Endpoint,
        /// The key, and where it is revoked.
        key: KnownKey,
    },
    /// The key of the authority that vouches for the host is marked `@revoked`.
    #[error("the authority that has signed the host key of {endpoint} is revoked: {key}")]
    AuthorityRevoked {
        /// The host.
        endpoint: Endpoint,
        /// The authority's key, and where it is revoked.
        key: KnownKey,
    },
    /// The host's key could not be written down.
    #[error(transparent)]
    KnownHosts(#[from] KnownHostsError),
    /// The server accepts nothing that we have.
    #[error("{0}")]
    Authentication(Box<Rejected>),
    /// The server did not wait until the person had answered.
    #[error("{endpoint} ended the connection while a question was open")]
    LostWhileAsking {
        /// The host.
        endpoint: Endpoint,
        /// Whether the person was asked, and has answered.
        answered: bool,
    },
    /// We and the server share no algorithm.
    #[error("{endpoint} and ezsync share no {kind} algorithm: it offers {}, we accept {}", theirs.join(", "), ours.join(", "))]
    NoCommonAlgorithm {
        /// The host.
        endpoint: Endpoint,
        /// What the algorithms are for: key exchange, host key, cipher, MAC.
        kind: &'static str,
        /// What we accept.
        ours: Vec<String>,
        /// What the server offers.
        theirs: Vec<String>,
    },
    /// A host on the way cannot be used.
    #[error("jump host {host}: {cause}")]
    Jump {
        /// Its name as the user has written it.
        host: String,
        /// What is the matter with it.
        cause: Arc<ConnectError>,
    },
    /// A host on the way does not pass the connection on.
    #[error("jump host {jump} does not connect us to {endpoint}: {reason}")]
    Forward {
        /// Where the jump host is.
        jump: Endpoint,
        /// Where to.
        endpoint: Endpoint,
        /// What it says.
        reason: String,
        /// Whether it would do so for no host.
        prohibited: bool,
    },
    /// The connection through a ProxyCommand failed.
    #[error("{cause}; its ProxyCommand {end}")]
    Command {
        /// What failed.
        cause: Box<ConnectError>,
        /// What the command says, and how it ended.
        end: String,
    },
    /// The connection ended, or what the server sent makes no sense.
    #[error("{endpoint} dropped out during {phase}: {reason}{}", said(said_first.as_deref()))]
    Broken {
        /// The host.
        endpoint: Endpoint,
        /// What was going on.
        phase: Phase,
        /// What happened.
        reason: String,
        /// The first line of what the server sent, when it is no SSH greeting.
        said_first: Option<String>,
    },
}

impl ConnectError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Resolve { .. } => {
                "check the name, or give the host's address (ansible_host)".to_owned()
            }
            Self::Refused(endpoint) => format!(
                "check that sshd runs on the host and listens on port {} (ansible_port)",
                endpoint.port
            ),
            Self::Network { .. } => "check that the host is on, its address, and the routes to it".to_owned(),
            Self::TimedOut { phase, .. } => match phase {
                Phase::Resolve => "check the name servers of this machine".to_owned(),
                Phase::Connect => {
                    "check that the host is up and that no firewall drops the packets, or allow more time with --timeout".to_owned()
                }
                Phase::Handshake => {
                    "check that sshd answers on this port and that the host is not overloaded, or allow more time with --timeout".to_owned()
                }
                Phase::Authentication => {
                    "check whether the agent waits for you, and whether the host can look up its users, or allow more time with --timeout".to_owned()
                }
            },
            Self::HostKeyUnknown { endpoint, file, .. } => format!(
                "if the fingerprint is that of the host, accept it with --accept-new-host-keys, or add it: ssh-keyscan -p {} {} >> {}",
                endpoint.port,
                endpoint.address,
                file.display()
            ),
            Self::HostKeyChanged { name, known, .. } => {
                let file = known.first().map(|key| key.file.display().to_string());
                format!(
                    "somebody may stand between you and the host; only if you know that its key was replaced, remove the old one: ssh-keygen -f {} -R '{}'",
                    file.unwrap_or_default(),
                    name
                )
            }
            Self::HostKeyRevoked { .. } => {
                "do not use this host until it has a new key".to_owned()
            }
            Self::AuthorityRevoked { .. } => {
                "have the host's key signed anew by an authority that stands in known_hosts, or name its own key there".to_owned()
            }
            Self::KnownHosts(_) => "check the file's owner and mode".to_owned(),
            Self::Authentication(rejected) => rejected.hint(),
            Self::Jump { host, cause } => match &**cause {
                // What is given for the hosts themselves is not shown to others on the way, as in ssh.
                Self::Authentication(_) => format!(
                    "load a key for the jump host into your agent, or name one for it in ssh_config (Host {host}, IdentityFile); --private-key and -k are for the hosts behind it"
                ),
                Self::Resolve { .. } => {
                    format!("check the jump host's name, or give its address in ssh_config (Host {host}, HostName)")
                }
                _ => cause.hint(),
            },
            Self::Forward { prohibited: true, .. } => {
                "allow it in the jump host's sshd_config: AllowTcpForwarding yes".to_owned()
            }
            Self::Forward { endpoint, .. } => format!(
                "check that the host is up, and that the jump host reaches port {} on it",
                endpoint.port
            ),
            Self::Command { .. } => {
                "run the command by hand; it cannot ask you anything here".to_owned()
            }
            Self::LostWhileAsking { .. } => {
                "answer sooner, or load the key into your agent with ssh-add".to_owned()
            }
            Self::NoCommonAlgorithm { .. } => {
                "update the host's SSH server: it offers only algorithms that are no longer safe, or ones that we do not know".to_owned()
            }
            Self::Broken { phase: Phase::Handshake, said_first: Some(_), .. } => {
                "check that the port is that of an SSH server (ansible_port)".to_owned()
            }
            Self::Broken { .. } => {
                "look into sshd's log on the host: journalctl -u ssh -u sshd".to_owned()
            }
        }
    }
}

pub(super) fn list(items: &[impl fmt::Display]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn fault_of(certificate: Option<&str>) -> String {
    certificate.map(|fault| format!("; its certificate is no proof: {fault}")).unwrap_or_default()
}

pub(super) fn said(text: Option<&str>) -> String {
    text.map(|text| format!("; it said: {text}")).unwrap_or_default()
}
