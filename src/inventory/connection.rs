//! How to reach a host and become root on it, read from its variables.

use secrecy::SecretString;
use serde_json::Value;

use super::address;
use crate::problem::{Place, Problem};
use crate::yaml::is_vaulted;

/// The port of sshd where nothing else is said.
const SSH_PORT: u16 = 22;

/// Spellings of each setting. Where several are set the last one wins, as in Ansible.
const HOST: &[&str] = &["ansible_host", "ansible_ssh_host"];
const PORT: &[&str] = &["ansible_port", "ansible_ssh_port"];
const USER: &[&str] = &["ansible_user", "ansible_ssh_user"];
const PASSWORD: &[&str] = &["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];
const KEY_FILE: &[&str] = &["ansible_private_key_file", "ansible_ssh_private_key_file"];
const PASSPHRASE: &[&str] =
    &["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"];
const HOST_KEY_CHECKING: &[&str] = &["ansible_host_key_checking", "ansible_ssh_host_key_checking"];
const KIND: &[&str] = &["ansible_connection"];
const TIMEOUT: &[&str] = &["ansible_ssh_timeout"];
const SSH_ARGS: &[&str] = &["ansible_ssh_args"];
const SSH_COMMON_ARGS: &[&str] = &["ansible_ssh_common_args"];
const SSH_EXTRA_ARGS: &[&str] = &["ansible_ssh_extra_args"];
const BECOME: &[&str] = &["ansible_become"];
const BECOME_METHOD: &[&str] = &["ansible_become_method"];

/// The spellings of what one way of becoming another user knows. As in Ansible, its own one wins.
struct Spellings {
    user: &'static [&'static str],
    password: &'static [&'static str],
    exe: &'static [&'static str],
    flags: &'static [&'static str],
}

/// Each way by its name.
const BECOMING: [(&str, Spellings); 3] = [
    (
        "sudo",
        Spellings {
            user: &["ansible_become_user", "ansible_sudo_user"],
            password: &["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"],
            exe: &["ansible_become_exe", "ansible_sudo_exe"],
            flags: &["ansible_become_flags", "ansible_sudo_flags"],
        },
    ),
    (
        "su",
        Spellings {
            user: &["ansible_become_user", "ansible_su_user"],
            password: &["ansible_become_password", "ansible_become_pass", "ansible_su_pass"],
            exe: &["ansible_become_exe", "ansible_su_exe"],
            flags: &["ansible_become_flags", "ansible_su_flags"],
        },
    ),
    (
        "doas",
        Spellings {
            user: &["ansible_become_user", "ansible_doas_user"],
            password: &["ansible_become_password", "ansible_become_pass", "ansible_doas_pass"],
            exe: &["ansible_become_exe", "ansible_doas_exe"],
            flags: &["ansible_become_flags", "ansible_doas_flags"],
        },
    ),
];

impl Spellings {
    fn all(&self) -> [&'static [&'static str]; 4] {
        [self.user, self.password, self.exe, self.flags]
    }
}

/// A secret, or why it cannot be had, which matters only where it is asked for.
pub type Secret = Result<SecretString, Problem>;

/// Says what a variable of the host is, its templates resolved; nothing where it is not set.
type VarOf<'a> = &'a dyn Fn(&str) -> Option<Result<Value, Problem>>;

/// How to reach a host. What is `None` was not set, and is for options and ssh_config to say.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Name or address to connect to: `ansible_host`, else the inventory name.
    pub address: String,
    /// TCP port of sshd.
    pub port: u16,
    /// Whether the port was set; otherwise it is 22 by default.
    pub port_is_set: bool,
    /// User to log in as.
    pub user: Option<String>,
    /// Private key to offer, as written (`~` is not expanded).
    pub private_key_file: Option<String>,
    /// Opens an encrypted private key.
    pub private_key_passphrase: Option<Secret>,
    /// Password to log in with.
    pub password: Option<Secret>,
    /// Whether the host's key must be the one that is known; `no` is `StrictHostKeyChecking=no`.
    pub host_key_checking: Option<bool>,
    /// How long connecting may take, in seconds.
    pub timeout: Option<u32>,
    /// Options of ssh in the place of Ansible's own, which mean nothing here.
    pub ssh_args: Option<SshArgs>,
    /// Options of ssh.
    pub ssh_common_args: Option<SshArgs>,
    /// More of them.
    pub ssh_extra_args: Option<SshArgs>,
    /// Whether to change user after logging in.
    pub become_: Option<bool>,
    /// How to change user: `sudo` and the like.
    pub become_method: Option<String>,
    /// What is set for each way of changing user, by its name; a mistake matters where the way is taken.
    becoming: Vec<(&'static str, Result<Becoming, Problem>)>,
    /// Whether the host is this machine and needs no connection (`ansible_connection=local`).
    pub local: Option<bool>,
}

/// What is set for one way of changing user. What is `None` was not set.
#[derive(Debug, Clone, Default)]
pub struct Becoming {
    /// User to change to.
    pub user: Option<String>,
    /// Password for it.
    pub password: Option<Secret>,
    /// The program that changes user, where it is not the method's own.
    pub exe: Option<String>,
    /// Its options, in the place of the usual ones.
    pub flags: Option<String>,
}

/// Options for the command line of ssh, as they are written.
#[derive(Debug, Clone)]
pub struct SshArgs {
    /// The options.
    pub text: String,
    /// What they were given as: a variable, or an option of the command line.
    pub given_as: &'static str,
    /// Where they stand.
    pub place: Option<Place>,
}

impl Connection {
    /// What is set for changing user by `method`: `sudo`, `su` or `doas`.
    ///
    /// # Errors
    /// A [`Problem`] for a setting that cannot be used, such as a name that is encrypted.
    pub fn becoming(&self, method: &str) -> Result<Becoming, Problem> {
        let set = self.becoming.iter().find(|(name, _)| *name == method);
        set.map_or_else(|| Ok(Becoming::default()), |(_, set)| set.clone())
    }

    /// All options of ssh in one text: hosts that differ in it may be reached by different ways.
    #[must_use]
    pub fn ssh_options(&self) -> String {
        let all = [&self.ssh_args, &self.ssh_common_args, &self.ssh_extra_args];
        all.into_iter().flatten().map(|args| args.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Reads the settings of `host`. `vars` is asked for each variable that means something here, and for
    /// no other; `place` knows where each of them is written.
    ///
    /// # Errors
    /// A [`Problem`] for a setting that cannot be used, such as a port of 99999.
    pub fn from_vars(
        host: &str,
        vars: VarOf<'_>,
        place: &dyn Fn(&str) -> Option<Place>,
    ) -> Result<Self, Problem> {
        let vars = Settings { host, vars, place };
        let port = vars.port()?;
        let address = vars.text(HOST)?.unwrap_or_else(|| host.to_owned());
        address::check_name(&address).map_err(|problem| vars.placed(HOST, problem))?;
        Ok(Self {
            address,
            port: port.unwrap_or(SSH_PORT),
            port_is_set: port.is_some(),
            user: vars.text(USER)?,
            private_key_file: vars.text(KEY_FILE)?,
            private_key_passphrase: vars.secret(PASSPHRASE),
            password: vars.secret(PASSWORD),
            host_key_checking: vars.boolean(HOST_KEY_CHECKING)?,
            timeout: vars.seconds(TIMEOUT)?,
            ssh_args: vars.ssh_args(SSH_ARGS)?,
            ssh_common_args: vars.ssh_args(SSH_COMMON_ARGS)?,
            ssh_extra_args: vars.ssh_args(SSH_EXTRA_ARGS)?,
            become_: vars.boolean(BECOME)?,
            become_method: vars.text(BECOME_METHOD)?,
            becoming: vars.becoming(),
            local: vars.local()?,
        })
    }
}

struct Settings<'a> {
    host: &'a str,
    vars: VarOf<'a>,
    place: &'a dyn Fn(&str) -> Option<Place>,
}

impl Settings<'_> {
    /// The setting's value and the spelling it was found under. Null counts as not set.
    fn get(&self, spellings: &[&'static str]) -> Option<(&'static str, Result<Value, Problem>)> {
        let set = |key: &&'static str| Some((*key, (self.vars)(key)?));
        let is_null = |value: &Result<Value, Problem>| matches!(value, Ok(Value::Null));
        spellings.iter().rev().filter_map(set).find(|(_, value)| !is_null(value))
    }

    /// Says which host and variable a mistake is about.
    fn named<T>(&self, key: &str, result: Result<T, String>) -> Result<T, Problem> {
        result.map_err(|fault| {
            Problem::new(format!("{}: {key} {fault}", self.host)).at((self.place)(key))
        })
    }

    /// The same problem at the place of a setting, when that was set.
    fn placed(&self, spellings: &[&'static str], problem: Problem) -> Problem {
        problem.at(self.get(spellings).and_then(|(key, _)| (self.place)(key)))
    }

    /// A text; an empty one counts as not set. Numbers are taken as they are written.
    fn text(&self, spellings: &[&'static str]) -> Result<Option<String>, Problem> {
        let Some((key, value)) = self.get(spellings) else { return Ok(None) };
        let text = match value? {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err("must be a text".to_owned()),
        };
        Ok(Some(self.named(key, text)?).filter(|text| !text.is_empty()))
    }

    fn secret(&self, spellings: &[&'static str]) -> Option<Secret> {
        self.text(spellings).map(|text| text.map(SecretString::from)).transpose()
    }

    fn port(&self) -> Result<Option<u16>, Problem> {
        let Some((key, value)) = self.get(PORT) else { return Ok(None) };
        self.named(key, port(&value?)).map(Some)
    }

    fn boolean(&self, spellings: &[&'static str]) -> Result<Option<bool>, Problem> {
        let Some((key, value)) = self.get(spellings) else { return Ok(None) };
        let value = value?;
        let said = truth(&value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
        let fault = || format!("must be yes or no, not {value}");
        self.named(key, said.ok_or_else(fault)).map(Some)
    }

    fn seconds(&self, spellings: &[&'static str]) -> Result<Option<u32>, Problem> {
        let Some(text) = self.text(spellings)? else { return Ok(None) };
        let key = self.get(spellings).map_or("", |(key, _)| key);
        let wrong = |_| format!("must be a number of seconds, not {text:?}");
        self.named(key, text.parse().map_err(wrong)).map(Some)
    }

    fn ssh_args(&self, spellings: &[&'static str]) -> Result<Option<SshArgs>, Problem> {
        let Some(text) = self.text(spellings)? else { return Ok(None) };
        let given_as = self.get(spellings).map_or("", |(key, _)| key);
        Ok(Some(SshArgs { text, given_as, place: (self.place)(given_as) }))
    }

    /// Of the ways for which something is set.
    fn becoming(&self) -> Vec<(&'static str, Result<Becoming, Problem>)> {
        let is_set = |(_, spellings): &&(_, Spellings)| {
            spellings.all().into_iter().any(|spellings| self.get(spellings).is_some())
        };
        let read = |spellings: &Spellings| {
            Ok(Becoming {
                user: self.text(spellings.user)?,
                password: self.secret(spellings.password),
                exe: self.text(spellings.exe)?,
                flags: self.text(spellings.flags)?,
            })
        };
        BECOMING.iter().filter(is_set).map(|(name, spellings)| (*name, read(spellings))).collect()
    }

    fn local(&self) -> Result<Option<bool>, Problem> {
        let kind = self.text(KIND)?;
        match kind.as_deref().map(|kind| kind.trim_start_matches("ansible.builtin.")) {
            None => Ok(None),
            Some("local") => Ok(Some(true)),
            Some("ssh" | "smart" | "paramiko" | "paramiko_ssh") => Ok(Some(false)),
            Some(other) => {
                let fault = format!("must be ssh or local, not {other:?}");
                self.named("ansible_connection", Err(fault))
            }
        }
    }
}

/// Ansible's words for yes and no, in any case; nothing for others.
#[must_use]
pub fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
        "false" | "no" | "off" | "0" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// Checks a variable that no connection could be made with, while its place is still known.
/// Values with templates are checked when they are resolved.
pub(super) fn check(key: &str, value: &Value) -> Result<(), Problem> {
    // What is not known before it is used is checked then.
    let later = |text: &str| text.contains("{{") || text.contains("{%") || is_vaulted(text);
    if value.as_str().is_some_and(later) {
        return Ok(());
    }
    if PORT.contains(&key) && !value.is_null() {
        port(value).map_err(|fault| Problem::new(format!("{key} {fault}")))?;
    }
    match value.as_str() {
        Some(address) if HOST.contains(&key) && !address.is_empty() => address::check_name(address),
        _ => Ok(()),
    }
}

fn port(value: &Value) -> Result<u16, String> {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
    address::parse_port(&text).map_err(|_| format!("must be a number from 1 to 65535, not {value}"))
}

#[cfg(test)]
mod tests;
