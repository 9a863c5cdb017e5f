//! How each host is reached: what the inventory says of it, then the command line, then what Ansible's
//! configuration says for all, then what OpenSSH would take.

mod ansible_cfg;
mod privilege;
mod ways;

use std::fmt;
use std::path::PathBuf;

pub use ansible_cfg::Defaults;
pub use privilege::{Privilege, read_password};
use secrecy::SecretString;

use crate::inventory::{Connection, SshArgs};
use crate::problem::Problem;
use crate::remote::Become;
use crate::ssh::Target;
use crate::ssh::config::Local;
use ways::Ways;

/// How hosts are reached. As in Ansible, what the inventory says of one goes before what is said
/// for all.
#[derive(Debug)]
pub struct Access {
    /// What is said for all hosts.
    options: Options,
    /// Whose commands become.
    privilege: Privilege,
    /// What ssh_config says, and the ways found so far.
    ways: Ways,
}

/// What is said for all hosts, on the command line or by Ansible's configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether hosts are this machine itself (`-c local`).
    pub local: bool,
    /// Who logs in (`-u`).
    pub user: Option<String>,
    /// What with (`--private-key`).
    pub private_key: Option<PathBuf>,
    /// TCP port of sshd.
    pub port: Option<u16>,
    /// How long connecting to one host may take, in seconds (`-T`).
    pub timeout: Option<u32>,
    /// Whether the keys of new hosts are learnt (`--accept-new-host-keys`).
    pub accept_new: bool,
    /// The password to log in with (`-k`).
    pub password: Option<SecretString>,
    /// Whether a host's key must be the one that is known.
    pub host_key_checking: Option<bool>,
    /// The file of known host keys (`--known-hosts`).
    pub known_hosts: Option<PathBuf>,
    /// Options of ssh in the place of Ansible's own.
    pub ssh_args: Option<SshArgs>,
    /// Options of ssh (`--ssh-common-args`).
    pub ssh_common_args: Option<SshArgs>,
    /// More of them (`--ssh-extra-args`).
    pub ssh_extra_args: Option<SshArgs>,
}

impl Options {
    /// What is not typed is as Ansible's configuration has it.
    #[must_use]
    pub fn or(self, defaults: &Defaults) -> Self {
        Self {
            user: self.user.or_else(|| defaults.user.clone()),
            private_key: self.private_key.or_else(|| defaults.private_key.clone()),
            port: self.port.or(defaults.port),
            timeout: self.timeout.or(defaults.timeout),
            host_key_checking: self.host_key_checking.or(defaults.host_key_checking),
            ssh_args: self.ssh_args.or_else(|| defaults.ssh_args.clone()),
            ssh_common_args: self.ssh_common_args.or_else(|| defaults.ssh_common_args.clone()),
            ssh_extra_args: self.ssh_extra_args.or_else(|| defaults.ssh_extra_args.clone()),
            ..self
        }
    }
}

impl Access {
    /// What was said for all hosts; ssh_config is read when the first host needs it.
    #[must_use]
    pub fn new(options: Options, privilege: Privilege) -> Self {
        Self { options, privilege, ways: Ways::new(Local::here()) }
    }
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

impl fmt::Display for Reach {
    /// The way in words, for who looks for what is wrong with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Ssh(target) => write!(f, "{target}")?,
            Way::Local => write!(f, "this machine as {}", self.user)?,
        }
        match &self.become_ {
            Some(become_) => write!(f, ", then {} by {}", become_.user, become_.method.name()),
            None => Ok(()),
        }
    }
}

impl Access {
    /// How to reach `host`, of which the inventory says `connection`.
    ///
    /// # Errors
    /// A [`Problem`] for what cannot be done, also in the user's ssh_config.
    pub fn reach(&mut self, host: &str, connection: &Connection) -> Result<Reach, Problem> {
        let local = connection.local.unwrap_or(self.options.local);
        let (way, user) = if local {
            (Way::Local, self.ways.local_user())
        } else {
            let of_host = |problem: Problem| match problem.place() {
                Some(_) => problem,
                None => problem.of(host),
            };
            let target = self.ways.target(&self.options, connection).map_err(of_host)?;
            let user = target.user.clone();
            (Way::Ssh(Box::new(target)), user)
        };
        let become_ = self.privilege.of(host, &user, local, connection)?;
        Ok(Reach { way, user, become_ })
    }

    /// What was said for the hosts so far and is not followed, once each.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        self.ways.warnings()
    }
}
