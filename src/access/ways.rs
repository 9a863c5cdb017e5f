//! The way to each host: what the inventory and the command line say, as Ansible gives it to ssh,
//! then ssh_config.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Options;
use super::privilege::secret_or;
use crate::inventory::{Connection, SshArgs};
use crate::problem::Problem;
use crate::ssh::config::{Config, HostKeyChecking, Local, Overrides, Proxy, Resolved};
use crate::ssh::{Credentials, Endpoint, HostKeyPolicy, HostKeys, Jump, Keepalive, Socket};
use crate::ssh::{Method, Target, Via};

/// The names of OpenSSH's default keys, the likeliest first.
const DEFAULT_IDENTITY_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// How long connecting may take where nobody says, in seconds. Ansible's.
const CONNECT_TIMEOUT: u32 = 10;

/// More jump hosts in a row than anybody has: they lead in a circle.
const JUMPS_MAX: usize = 16;

/// What ssh_config says, and what was found in it so far.
#[derive(Debug)]
pub(super) struct Ways {
    local: Local,
    /// By the file of `-F`.
    configs: HashMap<Option<PathBuf>, Config>,
    /// Jump hosts, by all that says how they are reached.
    jumps: HashMap<(Option<PathBuf>, String), Arc<Jump>>,
    warnings: Vec<Problem>,
}

impl Ways {
    pub(super) fn new(local: Local) -> Self {
        Self { local, configs: HashMap::new(), jumps: HashMap::new(), warnings: Vec::new() }
    }

    /// The user who runs this program, whatever the environment says: it decides whether there is
    /// anybody to become.
    pub(super) fn local_user(&self) -> String {
        let name = match (self.local.uid, self.local.user.as_str()) {
            (0, _) => "root",
            (_, "root" | "") => "this user",
            (_, name) => name,
        };
        name.to_owned()
    }

    pub(super) fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Where and how to log in to a host of which the inventory says `connection`.
    pub(super) fn target(
        &mut self,
        options: &Options,
        connection: &Connection,
    ) -> Result<Target, Problem> {
        let overrides = overrides(options, connection)?;
        let resolved = self.resolve(&connection.address, &overrides)?;
        let via = self.via(&resolved, &overrides, options, 0)?;
        let mut target = self.built(options, resolved, via);
        // These are the host's alone: no host on the way to it sees them.
        let Credentials { password, no_password, passphrase, no_passphrase, .. } =
            &mut target.credentials;
        (*password, *no_password) =
            secret_or(connection.password.as_ref(), options.password.as_ref());
        (*passphrase, *no_passphrase) = secret_or(connection.private_key_passphrase.as_ref(), None);
        Ok(target)
    }

    fn resolve(&mut self, host: &str, overrides: &Overrides) -> Result<Resolved, Problem> {
        let file = overrides.config();
        if !self.configs.contains_key(&file) {
            let config = match &file {
                Some(file) => Config::read_only(self.local.clone(), file)?,
                None => Config::read(self.local.clone())?,
            };
            self.configs.insert(file.clone(), config);
        }
        let Some(config) = self.configs.get(&file) else {
            return Err(Problem::new("ssh_config was not read"));
        };
        let mut resolved = config.resolve(host, overrides)?;
        for warning in std::mem::take(&mut resolved.warnings) {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok(resolved)
    }

    fn via(
        &mut self,
        resolved: &Resolved,
        overrides: &Overrides,
        options: &Options,
        depth: usize,
    ) -> Result<Via, Problem> {
        let jumps = match &resolved.proxy {
            Proxy::Command(command) => return Ok(Via::Command(command.clone())),
            Proxy::Jump(jumps) => jumps,
            Proxy::Direct => {
                let bind = resolved.bind_address.as_ref().map(|address| {
                    let wrong = |_| Problem::new(format!("BindAddress {address} is no address"));
                    address.parse().map_err(wrong)
                });
                let family = resolved.address_family;
                return Ok(Via::Direct(Socket { family, bind: bind.transpose()? }));
            }
        };
        let Some((host, overrides)) = overrides.for_last_of(jumps) else {
            return Ok(Via::Direct(Socket::default()));
        };
        if depth == JUMPS_MAX {
            return Err(Problem::new(format!("the jump hosts of {host} lead in a circle"))
                .hint("write ProxyJump none for the first of them in ssh_config"));
        }
        let key = (overrides.config(), format!("{jumps:?}"));
        if let Some(jump) = self.jumps.get(&key) {
            return Ok(Via::Jump(Arc::clone(jump)));
        }
        let of_jump = |problem: Problem| problem.of(&format!("jump host {host}"));
        let overrides = ours(overrides, options);
        let resolved = self.resolve(&host, &overrides).map_err(of_jump)?;
        let via = self.via(&resolved, &overrides, options, depth + 1)?;
        let jump = Arc::new(Jump { name: host, target: self.built(options, resolved, via) });
        self.jumps.insert(key, Arc::clone(&jump));
        Ok(Via::Jump(jump))
    }

    fn built(&self, options: &Options, resolved: Resolved, via: Via) -> Target {
        let ssh_file = |name: &str| self.local.home.join(".ssh").join(name);
        let default_identity_files = match resolved.identities_named {
            true => Vec::new(),
            false => DEFAULT_IDENTITY_FILES.map(ssh_file).into(),
        };
        let methods = methods(&resolved);
        let seconds = resolved.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        Target {
            endpoint: Endpoint { address: resolved.host, port: resolved.port },
            user: resolved.user,
            credentials: Credentials {
                identity_files: resolved.identity_files,
                default_identity_files,
                certificate_files: resolved.certificate_files,
                identities_only: resolved.identities_only,
                agent_socket: resolved.identity_agent,
                passphrase: None,
                no_passphrase: None,
                password: None,
                no_password: None,
                methods,
                password_prompts: resolved.password_prompts,
                batch_mode: resolved.batch_mode,
            },
            host_keys: HostKeys {
                policy: policy(resolved.host_key_checking, options.accept_new),
                files: resolved.user_known_hosts,
                global_files: resolved.global_known_hosts,
                alias: resolved.host_key_alias,
                hash: resolved.hash_known_hosts,
            },
            connect_timeout: Duration::from_secs(seconds.into()),
            via,
            keepalive: match resolved.alive_interval.filter(|seconds| *seconds > 0) {
                Some(seconds) => Keepalive {
                    interval: Duration::from_secs(seconds.into()),
                    count_max: resolved.alive_count_max.max(1),
                },
                // A host that hangs must cost no more than its time.
                None => Keepalive::default(),
            },
        }
    }
}

/// What goes before ssh_config, in the order in which Ansible gives it to ssh.
fn overrides(options: &Options, connection: &Connection) -> Result<Overrides, Problem> {
    let read = |own: &Option<SshArgs>, all: &Option<SshArgs>| match own.as_ref().or(all.as_ref()) {
        Some(SshArgs { text, given_as, place }) => {
            let read = Overrides::from_args(text).and_then(|found| match found.config() {
                Some(file) if !is_there(&file) => {
                    let message = format!("-F {}: there is no such file", file.display());
                    Err(Problem::new(message))
                }
                _ => Ok(found),
            });
            read.map_err(|problem| problem.of(given_as).at(place.clone()))
        }
        None => Ok(Overrides::default()),
    };
    let mut overrides = read(&connection.ssh_args, &options.ssh_args)?;
    // As Ansible, which then calls ssh with StrictHostKeyChecking=no.
    if connection.host_key_checking.or(options.host_key_checking) == Some(false) {
        overrides = overrides.host_key_checking(HostKeyChecking::Off);
    }
    if let Some(port) = Some(connection.port).filter(|_| connection.port_is_set).or(options.port) {
        overrides = overrides.port(port);
    }
    let typed_key = options.private_key.as_ref().map(|file| file.display().to_string());
    if let Some(file) = connection.private_key_file.as_ref().or(typed_key.as_ref()) {
        overrides = overrides.identity_file(file);
    }
    if let Some(user) = connection.user.as_ref().or(options.user.as_ref()) {
        overrides = overrides.user(user);
    }
    if let Some(seconds) = connection.timeout.or(options.timeout) {
        overrides = overrides.connect_timeout(seconds);
    }
    let overrides = overrides
        .and(read(&connection.ssh_common_args, &options.ssh_common_args)?)
        .and(read(&connection.ssh_extra_args, &options.ssh_extra_args)?);
    Ok(ours(overrides, options))
}

/// Whether a file that `-F` names can be read; `none` is no file.
fn is_there(file: &Path) -> bool {
    file.exists() || file.as_os_str().eq_ignore_ascii_case("none")
}

/// What is said on our own command line for hosts and jump hosts alike.
fn ours(mut overrides: Overrides, options: &Options) -> Overrides {
    if let Some(seconds) = options.timeout {
        overrides = overrides.connect_timeout(seconds);
    }
    if let Some(file) = &options.known_hosts {
        overrides = overrides.known_hosts(&file.display().to_string());
    }
    overrides
}

fn policy(checking: Option<HostKeyChecking>, accept_new: bool) -> HostKeyPolicy {
    match checking {
        Some(HostKeyChecking::Off) => HostKeyPolicy::Off,
        Some(HostKeyChecking::AcceptNew) => HostKeyPolicy::AcceptNew,
        _ if accept_new => HostKeyPolicy::AcceptNew,
        // Nobody can be asked about the keys of many hosts at once.
        Some(HostKeyChecking::Strict | HostKeyChecking::Ask) | None => HostKeyPolicy::Strict,
    }
}

/// The ways to log in that are on, in the order that is preferred.
fn methods(resolved: &Resolved) -> Vec<Method> {
    let on = |method: &Method| match method {
        Method::PublicKey => resolved.pubkey_authentication,
        Method::KeyboardInteractive => resolved.kbd_interactive_authentication,
        Method::Password => resolved.password_authentication,
    };
    let all = || Credentials::default().methods;
    let named = |name: &String| match name.as_str() {
        "publickey" => Some(Method::PublicKey),
        "keyboard-interactive" => Some(Method::KeyboardInteractive),
        "password" => Some(Method::Password),
        // What we cannot do: gssapi-with-mic, hostbased.
        _ => None,
    };
    let preferred = resolved.preferred_authentications.as_ref();
    let preferred = preferred.map_or_else(all, |names| names.iter().filter_map(named).collect());
    preferred.into_iter().filter(on).collect()
}

#[cfg(test)]
mod tests;
