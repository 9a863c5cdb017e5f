//! How each host is reached: what the inventory says of it, then the command line, then what
//! OpenSSH would take.

mod privilege;

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

pub use privilege::{Privilege, read_password};

use crate::inventory::Connection;
use crate::problem::Problem;
use crate::remote::Become;
use crate::ssh::{Credentials, Endpoint, HostKeyPolicy, HostKeys, Target};

/// The names of OpenSSH's default keys, the likeliest first.
const DEFAULT_IDENTITY_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What is said for all hosts. As in Ansible, what the inventory says of one goes before it.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who logs in (`-u`).
    pub user: Option<String>,
    /// What with (`--private-key`).
    pub private_key: Option<PathBuf>,
    /// How long connecting to one host may take (`-T`).
    pub connect_timeout: Duration,
    /// What to do with hosts of which no key is known.
    pub host_keys: HostKeyPolicy,
    /// The file of known host keys (`--known-hosts`).
    pub known_hosts: Option<PathBuf>,
    /// Whose commands become.
    pub privilege: Privilege,
}

/// How one host is reached.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The way to it.
    pub way: Way,
    /// Who logs in; on this machine itself: who runs this program.
    pub user: String,
    /// Who runs the commands, when that is somebody else.
    pub become_: Option<Become>,
}

/// The way to a host.
#[derive(Debug, Clone)]
pub enum Way {
    /// By SSH.
    Ssh(Box<Target>),
    /// It is this machine itself.
    Local,
}

impl Reach {
    /// Where the host is, for the reader.
    #[must_use]
    pub fn address(&self) -> &str {
        match &self.way {
            Way::Ssh(target) => &target.endpoint.address,
            Way::Local => "local",
        }
    }
}

impl Access {
    /// How to reach `host`, of which the inventory says `connection`.
    ///
    /// # Errors
    /// A [`Problem`] for what cannot be done.
    pub fn reach(&self, host: &str, connection: &Connection) -> Result<Reach, Problem> {
        let user = match connection.local {
            true => Some(local_user()),
            false => connection.user.clone().or_else(|| self.user.clone()).or_else(this_user),
        };
        let Some(user) = user else {
            return Err(Problem::new(format!("{host}: nobody says who logs in"))
                .hint("set ansible_user, or give -u USER"));
        };
        let become_ = self.privilege.of(host, &user, connection)?;
        let way = match connection.local {
            true => Way::Local,
            false => Way::Ssh(Box::new(self.target(user.clone(), connection))),
        };
        Ok(Reach { way, user, become_ })
    }

    fn target(&self, user: String, connection: &Connection) -> Target {
        let of_host = connection.private_key_file.as_deref().map(expand);
        Target {
            endpoint: Endpoint { address: connection.address.clone(), port: connection.port },
            user,
            credentials: Credentials {
                identity_files: of_host.or(self.private_key.clone()).into_iter().collect(),
                default_identity_files: DEFAULT_IDENTITY_FILES.into_iter().flat_map(own).collect(),
                agent_socket: std::env::var_os("SSH_AUTH_SOCK")
                    .filter(|socket| !socket.is_empty())
                    .map(Into::into),
                password: connection.password.clone(),
            },
            host_keys: HostKeys { policy: self.host_keys, files: self.known_hosts_files() },
            connect_timeout: self.connect_timeout,
        }
    }

    fn known_hosts_files(&self) -> Vec<PathBuf> {
        match &self.known_hosts {
            Some(file) => vec![file.clone()],
            None => own("known_hosts").into_iter().chain([SYSTEM_KNOWN_HOSTS.into()]).collect(),
        }
    }
}

/// The known hosts of all users (ssh_config(5), `GlobalKnownHostsFile`).
const SYSTEM_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

/// A file of the user's in `~/.ssh`.
fn own(name: &str) -> Option<PathBuf> {
    etcetera::home_dir().map(|home| home.join(".ssh").join(name)).ok()
}

/// The user who runs this program, as OpenSSH and Ansible take it.
fn this_user() -> Option<String> {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok().filter(|name| !name.is_empty())
}

/// The user who runs this program, whatever the environment says: it decides whether there is
/// anybody to become.
fn local_user() -> String {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    match is_root {
        true => "root".to_owned(),
        false => this_user().filter(|user| user != "root").unwrap_or("this user".to_owned()),
    }
}

/// `~/...` is below the home folder.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
