//! From lines to what holds for one host.

use std::path::PathBuf;

use super::jump::{self, Jump};
use super::local::Local;
use super::setting::{AddressFamily, HostKeyChecking, Proxy, Settings};
use super::tokens::{PROXY_TOKENS, Tokens};
use crate::problem::Problem;

/// The variable that names the agent's socket.
const SOCKET_VARIABLE: &str = "SSH_AUTH_SOCK";

/// The system's files with known host keys where nothing else is said.
const GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/// The port of sshd where nothing else is said.
const SSH_PORT: u16 = 22;

/// What holds for connections to one host: the user's options, then ssh_config, then OpenSSH's
/// defaults. Tokens are replaced, and paths are whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Where to connect to: a name in lower case, or an address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The user on the host.
    pub user: String,
    /// Private keys, in order; those that are named twice stand here once.
    pub identity_files: Vec<PathBuf>,
    /// Whether keys were named at all (`none` counts); if not, the user's default keys are meant.
    pub identities_named: bool,
    /// The user's certificates.
    pub certificate_files: Vec<PathBuf>,
    /// Whether the agent's other keys are left out.
    pub identities_only: bool,
    /// The agent's socket; nothing when there is no agent or it shall not be asked.
    pub identity_agent: Option<PathBuf>,
    /// What stands in between.
    pub proxy: Proxy,
    /// The user's files with known host keys: new ones go to the first.
    pub user_known_hosts: Vec<PathBuf>,
    /// The system's files with known host keys.
    pub global_known_hosts: Vec<PathBuf>,
    /// How the host's key is checked, when that was said (OpenSSH's default is `ask`).
    pub host_key_checking: Option<HostKeyChecking>,
    /// The name under which the host's key is known, in lower case.
    pub host_key_alias: Option<String>,
    /// Whether names are hashed in new lines of known_hosts.
    pub hash_known_hosts: bool,
    /// How long connecting may take, in seconds, when that was said.
    pub connect_timeout: Option<u32>,
    /// How long a host may be silent before it is asked for a sign of life, in seconds, when that
    /// was said; 0 is never.
    pub alive_interval: Option<u32>,
    /// How many such questions may stay without an answer.
    pub alive_count_max: u32,
    /// The ways to log in and their order, when that was said.
    pub preferred_authentications: Option<Vec<String>>,
    /// Whether keys are tried.
    pub pubkey_authentication: bool,
    /// Whether passwords are tried.
    pub password_authentication: bool,
    /// Whether the server's questions are answered.
    pub kbd_interactive_authentication: bool,
    /// How often a password is asked for.
    pub password_prompts: u32,
    /// Which addresses are tried.
    pub address_family: AddressFamily,
    /// The address on this machine from which to connect.
    pub bind_address: Option<String>,
    /// Whether nobody is there to answer questions.
    pub batch_mode: bool,
    /// What was written and is not followed, each with its place.
    pub warnings: Vec<Problem>,
}

impl Resolved {
    /// What `settings` come to for a host that was given as `original` and is called `host`.
    ///
    /// # Errors
    /// A token, a variable or a user in a value has no meaning here.
    pub(super) fn new(
        local: &Local,
        settings: Settings,
        original: &str,
        host: String,
        warnings: Vec<Problem>,
    ) -> Result<Self, Problem> {
        let port = settings.port.unwrap_or(SSH_PORT);
        let user = settings.user.clone().unwrap_or_else(|| local.user.clone());
        let alias = settings.host_key_alias.as_ref().map(|alias| alias.to_lowercase());
        let way = settings.proxy();
        let jump = match &way {
            Proxy::Jump(jumps) => jump::shown(jumps),
            _ => String::new(),
        };
        let tokens = Tokens {
            local,
            host: &host,
            original,
            key_alias: alias.as_deref().unwrap_or(original),
            port,
            user: &user,
            jump: &jump,
        };
        let file = |keyword: &'static str, name: &String| match tokens.file(name) {
            Ok(file) => Ok(PathBuf::from(file)),
            Err(reason) => Err(Problem::new(format!("{keyword} {name}: {reason}"))),
        };
        let files = |keyword: &'static str, names: &[String]| {
            let used = names.iter().filter(|name| !name.eq_ignore_ascii_case("none"));
            used.map(|name| file(keyword, name)).collect::<Result<Vec<_>, Problem>>()
        };
        let ssh_file = |name: &str| local.home.join(".ssh").join(name);
        Ok(Self {
            identity_files: files("IdentityFile", &settings.identity_files)?,
            identities_named: !settings.identity_files.is_empty(),
            certificate_files: files("CertificateFile", &settings.certificate_files)?,
            identities_only: settings.identities_only.unwrap_or(false),
            identity_agent: agent(&tokens, settings.identity_agent.as_deref())?,
            proxy: proxy(&tokens, way)?,
            user_known_hosts: match &settings.user_known_hosts {
                Some(names) => files("UserKnownHostsFile", names)?,
                None => ["known_hosts", "known_hosts2"].map(ssh_file).into(),
            },
            // OpenSSH replaces nothing in these.
            global_known_hosts: match settings.global_known_hosts {
                Some(names) => names.into_iter().map(PathBuf::from).collect(),
                None => GLOBAL_KNOWN_HOSTS.map(PathBuf::from).into(),
            },
            host_key_checking: settings.host_key_checking,
            hash_known_hosts: settings.hash_known_hosts.unwrap_or(false),
            connect_timeout: settings.connect_timeout.filter(|seconds| *seconds > 0),
            alive_interval: settings.alive_interval,
            alive_count_max: settings.alive_count_max.unwrap_or(3),
            preferred_authentications: settings
                .preferred_authentications
                .map(|list| list.split(',').map(ToOwned::to_owned).collect()),
            pubkey_authentication: settings.pubkey_authentication.unwrap_or(true),
            password_authentication: settings.password_authentication.unwrap_or(true),
            kbd_interactive_authentication: settings.kbd_interactive_authentication.unwrap_or(true),
            password_prompts: settings.password_prompts.unwrap_or(3),
            address_family: settings.address_family.unwrap_or(AddressFamily::Any),
            bind_address: settings.bind_address,
            batch_mode: settings.batch_mode.unwrap_or(false),
            warnings,
            host_key_alias: alias,
            port,
            user,
            host,
        })
    }
}

/// The agent's socket (ssh_config(5), "IdentityAgent").
fn agent(tokens: &Tokens<'_>, setting: Option<&str>) -> Result<Option<PathBuf>, Problem> {
    let variable = |name: &str| {
        let value = tokens.local.env.get(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    let Some(setting) = setting else { return Ok(variable(SOCKET_VARIABLE)) };
    let path = tokens
        .file(setting)
        .map_err(|reason| Problem::new(format!("IdentityAgent {setting}: {reason}")))?;
    Ok(match path.as_str() {
        none if none.eq_ignore_ascii_case("none") => None,
        SOCKET_VARIABLE => variable(SOCKET_VARIABLE),
        path => match path.strip_prefix('$') {
            Some(name) => variable(name),
            None => Some(PathBuf::from(path)),
        },
    })
}

fn proxy(tokens: &Tokens<'_>, proxy: Proxy) -> Result<Proxy, Problem> {
    let expand = |keyword: &str, text: &str| {
        tokens
            .expand(text, PROXY_TOKENS)
            .map_err(|reason| Problem::new(format!("{keyword} {text}: {reason}")))
    };
    Ok(match proxy {
        Proxy::Direct => Proxy::Direct,
        Proxy::Command(command) => {
            // As OpenSSH: a shell reads the command.
            let names = [("host", tokens.host), ("host", tokens.original), ("user", tokens.user)];
            for (what, name) in names {
                let odd =
                    |c: char| c.is_whitespace() || c.is_control() || "'`\";&<>|(){}$".contains(c);
                if name.starts_with('-') || name.contains(odd) {
                    let message = format!("the {what} `{name}` means more to a shell than a name");
                    return Err(Problem::new(message)
                        .hint("reach this host without ProxyCommand, or name it otherwise"));
                }
            }
            Proxy::Command(expand("ProxyCommand", &command)?)
        }
        Proxy::Jump(jumps) => {
            let expanded = |jump: Jump| {
                let user = jump.user.map(|user| expand("ProxyJump", &user)).transpose()?;
                Ok(Jump { user, host: expand("ProxyJump", &jump.host)?, port: jump.port })
            };
            let jumps = jumps.into_iter().map(expanded).collect::<Result<Vec<_>, Problem>>()?;
            if let Some(last) = jumps.last().filter(|last| is_itself(last, tokens)) {
                let message =
                    format!("ProxyJump {}: the way to this host leads over it", last.host);
                return Err(Problem::new(message).hint("write ProxyJump none for the jump host"));
            }
            Proxy::Jump(jumps)
        }
    })
}

/// Whether a jump host is the host itself.
fn is_itself(jump: &Jump, host: &Tokens<'_>) -> bool {
    jump.host == host.host
        && jump.port.unwrap_or(SSH_PORT) == host.port
        && jump.user.as_deref().is_none_or(|user| user == host.user)
}
