//! The settings that we follow: read from a line, and kept as the first line says.

use super::jump::{self, Jump};
use super::line::{Line, Word};
use crate::problem::Problem;

/// How a host's key is checked (StrictHostKeyChecking).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// `yes`: only known keys are accepted.
    Strict,
    /// `ask`: the user says whether a new key is right.
    Ask,
    /// `accept-new`: new keys are learnt, changed ones refused.
    AcceptNew,
    /// `no` or `off`: new keys are learnt, and a changed one only costs some ways to log in.
    Off,
}

/// Which addresses of a host are tried (AddressFamily).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// All.
    Any,
    /// IPv4 alone.
    Inet,
    /// IPv6 alone.
    Inet6,
}

/// What stands between us and a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Nothing (`none`).
    Direct,
    /// A command whose input and output are the connection.
    Command(String),
    /// Hosts to pass through, the nearest one first.
    Jump(Vec<Jump>),
}

/// One line's worth.
#[derive(Debug, Clone)]
pub(super) enum Setting {
    HostName(String),
    User(String),
    Port(u16),
    IdentityFile(String),
    CertificateFile(String),
    IdentitiesOnly(bool),
    IdentityAgent(String),
    /// An empty list is `none`.
    ProxyJump(Vec<Jump>),
    /// Nothing is `none`.
    ProxyCommand(Option<String>),
    UserKnownHostsFile(Vec<String>),
    GlobalKnownHostsFile(Vec<String>),
    StrictHostKeyChecking(HostKeyChecking),
    HostKeyAlias(String),
    HashKnownHosts(bool),
    ConnectTimeout(u32),
    ServerAliveInterval(u32),
    ServerAliveCountMax(u32),
    PreferredAuthentications(String),
    PubkeyAuthentication(bool),
    PasswordAuthentication(bool),
    KbdInteractiveAuthentication(bool),
    NumberOfPasswordPrompts(u32),
    AddressFamily(AddressFamily),
    BindAddress(String),
    BatchMode(bool),
    IgnoreUnknown(String),
    /// `none` where that leaves all as it is.
    Nothing,
}

/// What the lines so far have set.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity_files: Vec<String>,
    pub(super) certificate_files: Vec<String>,
    pub(super) identities_only: Option<bool>,
    pub(super) identity_agent: Option<String>,
    pub(super) proxy_jump: Option<Vec<Jump>>,
    pub(super) proxy_command: Option<Option<String>>,
    pub(super) user_known_hosts: Option<Vec<String>>,
    pub(super) global_known_hosts: Option<Vec<String>>,
    pub(super) host_key_checking: Option<HostKeyChecking>,
    pub(super) host_key_alias: Option<String>,
    pub(super) hash_known_hosts: Option<bool>,
    pub(super) connect_timeout: Option<u32>,
    pub(super) alive_interval: Option<u32>,
    pub(super) alive_count_max: Option<u32>,
    pub(super) preferred_authentications: Option<String>,
    pub(super) pubkey_authentication: Option<bool>,
    pub(super) password_authentication: Option<bool>,
    pub(super) kbd_interactive_authentication: Option<bool>,
    pub(super) password_prompts: Option<u32>,
    pub(super) address_family: Option<AddressFamily>,
    pub(super) bind_address: Option<String>,
    pub(super) batch_mode: Option<bool>,
    pub(super) ignore_unknown: Option<String>,
}

impl Settings {
    /// Takes a setting over unless an earlier line has said it. Files with keys add up.
    pub(super) fn set(&mut self, setting: &Setting) {
        fn first<T: Clone>(slot: &mut Option<T>, value: &T) {
            slot.get_or_insert_with(|| value.clone());
        }
        fn add(files: &mut Vec<String>, file: &String) {
            if !files.contains(file) {
                files.push(file.clone());
            }
        }
        use Setting as S;
        match setting {
            S::HostName(v) => first(&mut self.host_name, v),
            S::User(v) => first(&mut self.user, v),
            S::Port(v) => first(&mut self.port, v),
            S::IdentityFile(v) => add(&mut self.identity_files, v),
            S::CertificateFile(v) => add(&mut self.certificate_files, v),
            S::IdentitiesOnly(v) => first(&mut self.identities_only, v),
            S::IdentityAgent(v) => first(&mut self.identity_agent, v),
            S::ProxyJump(v) if v.is_empty() => first(&mut self.proxy_jump, v),
            // The two compete: the first one holds.
            S::ProxyJump(v) if self.proxy_command.is_none() => {
                first(&mut self.proxy_jump, v);
                self.proxy_command = Some(None);
            }
            S::ProxyJump(_) => {}
            S::ProxyCommand(v) => first(&mut self.proxy_command, v),
            S::UserKnownHostsFile(v) => first(&mut self.user_known_hosts, v),
            S::GlobalKnownHostsFile(v) => first(&mut self.global_known_hosts, v),
            S::StrictHostKeyChecking(v) => first(&mut self.host_key_checking, v),
            S::HostKeyAlias(v) => first(&mut self.host_key_alias, v),
            S::HashKnownHosts(v) => first(&mut self.hash_known_hosts, v),
            S::ConnectTimeout(v) => first(&mut self.connect_timeout, v),
            S::ServerAliveInterval(v) => first(&mut self.alive_interval, v),
            S::ServerAliveCountMax(v) => first(&mut self.alive_count_max, v),
            S::PreferredAuthentications(v) => first(&mut self.preferred_authentications, v),
            S::PubkeyAuthentication(v) => first(&mut self.pubkey_authentication, v),
            S::PasswordAuthentication(v) => first(&mut self.password_authentication, v),
            S::KbdInteractiveAuthentication(v) => {
                first(&mut self.kbd_interactive_authentication, v);
            }
            S::NumberOfPasswordPrompts(v) => first(&mut self.password_prompts, v),
            S::AddressFamily(v) => first(&mut self.address_family, v),
            S::BindAddress(v) => first(&mut self.bind_address, v),
            S::BatchMode(v) => first(&mut self.batch_mode, v),
            S::IgnoreUnknown(v) => first(&mut self.ignore_unknown, v),
            S::Nothing => {}
        }
    }

    /// What stands between us and the host.
    pub(super) fn proxy(&self) -> Proxy {
        match (&self.proxy_jump, &self.proxy_command) {
            (Some(jumps), _) if !jumps.is_empty() => Proxy::Jump(jumps.clone()),
            (_, Some(Some(command))) => Proxy::Command(command.clone()),
            _ => Proxy::Direct,
        }
    }
}

impl Setting {
    /// Reads a line; nothing when its keyword is none that we follow.
    ///
    /// # Errors
    /// The value is none for this keyword, or more follows it.
    pub(super) fn read(line: &Line<'_>) -> Result<Option<Self>, Problem> {
        let mut words = Words { line, left: line.words.iter() };
        let setting = match line.keyword.as_str() {
            "hostname" => Self::HostName(words.text()?),
            "user" => Self::User(words.text()?),
            "port" => Self::Port(words.one(port, "is no port; write a number from 1 to 65535")?),
            "identityfile" | "identityfile2" => Self::IdentityFile(words.text()?),
            "certificatefile" => Self::CertificateFile(words.text()?),
            "identitiesonly" => Self::IdentitiesOnly(words.flag()?),
            "identityagent" => Self::IdentityAgent(words.one(agent, "is no socket")?),
            // Commands extend to the end of the line, with what looks like a comment there.
            "proxycommand" => {
                let none = line.rest.eq_ignore_ascii_case("none");
                return Ok(Some(Self::ProxyCommand((!none).then(|| line.rest.to_owned()))));
            }
            "proxyjump" => {
                let hint = "write [user@]host[:port], with commas between several";
                let wrong = || line.problem(format!("`{}` names no jump host", line.rest));
                let jumps = jump::parse(line.rest).ok_or_else(|| wrong().hint(hint))?;
                return Ok(Some(Self::ProxyJump(jumps)));
            }
            "userknownhostsfile" => Self::UserKnownHostsFile(words.files()?),
            "globalknownhostsfile" => Self::GlobalKnownHostsFile(words.files()?),
            "stricthostkeychecking" => Self::StrictHostKeyChecking(
                words.one(checking, "is none of yes, accept-new, no, off and ask")?,
            ),
            "hostkeyalias" => Self::HostKeyAlias(words.text()?),
            "hashknownhosts" => Self::HashKnownHosts(words.flag()?),
            "connecttimeout" => words.time()?.map_or(Self::Nothing, Self::ConnectTimeout),
            // The last two are Debian's.
            "serveraliveinterval" | "protocolkeepalives" | "setuptimeout" => {
                words.time()?.map_or(Self::Nothing, Self::ServerAliveInterval)
            }
            "serveralivecountmax" => Self::ServerAliveCountMax(words.count()?),
            "preferredauthentications" => Self::PreferredAuthentications(words.text()?),
            "pubkeyauthentication" | "dsaauthentication" => Self::PubkeyAuthentication(
                words.one(pubkey, "is none of yes, no, unbound and host-bound")?,
            ),
            "passwordauthentication" => Self::PasswordAuthentication(words.flag()?),
            "kbdinteractiveauthentication"
            | "challengeresponseauthentication"
            | "skeyauthentication"
            | "tisauthentication" => Self::KbdInteractiveAuthentication(words.flag()?),
            "numberofpasswordprompts" => Self::NumberOfPasswordPrompts(words.count()?),
            "addressfamily" => {
                Self::AddressFamily(words.one(family, "is none of any, inet and inet6")?)
            }
            "bindaddress" => Self::BindAddress(words.text()?),
            "batchmode" => Self::BatchMode(words.flag()?),
            "ignoreunknown" => Self::IgnoreUnknown(words.text()?),
            _ => return Ok(None),
        };
        match words.left.next() {
            Some(more) => Err(line.problem_at(more, "nothing may follow the value")),
            None => Ok(Some(setting)),
        }
    }
}

/// The arguments of a line, one after the other.
struct Words<'a> {
    line: &'a Line<'a>,
    left: std::slice::Iter<'a, Word>,
}

impl Words<'_> {
    fn one<T>(&mut self, read: impl Fn(&str) -> Option<T>, wrong: &str) -> Result<T, Problem> {
        let missing = || self.line.problem("the argument is missing");
        let word = self.left.next().filter(|word| !word.text.is_empty()).ok_or_else(missing)?;
        let wrong = || self.line.problem_at(word, format!("`{}` {wrong}", word.text));
        read(&word.text).ok_or_else(wrong)
    }

    fn text(&mut self) -> Result<String, Problem> {
        self.one(|text| Some(text.to_owned()), "")
    }

    fn flag(&mut self) -> Result<bool, Problem> {
        self.one(flag, "is neither yes nor no")
    }

    fn count(&mut self) -> Result<u32, Problem> {
        let read = |text: &str| text.parse().ok().filter(|n| *n <= i32::MAX.unsigned_abs());
        self.one(read, "is no number")
    }

    /// A time in seconds; nothing for `none`.
    fn time(&mut self) -> Result<Option<u32>, Problem> {
        let read = |text: &str| if text == "none" { Some(None) } else { time(text).map(Some) };
        self.one(read, "is no time; write seconds, or a time as in 1m30s")
    }

    /// Names of files; an empty list for `none`.
    fn files(&mut self) -> Result<Vec<String>, Problem> {
        let mut files = Vec::new();
        let mut none = None;
        for word in self.left.by_ref() {
            if word.text.is_empty() {
                return Err(self.line.problem_at(word, "this name is empty"));
            }
            if word.text.eq_ignore_ascii_case("none") {
                none = Some(word);
            }
            files.push(word.text.clone());
        }
        match none {
            Some(_) if files.len() == 1 => Ok(Vec::new()),
            Some(word) => Err(self.line.problem_at(word, "none must stand alone")),
            None => Ok(files),
        }
    }
}

/// A port, never 0.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

fn pubkey(text: &str) -> Option<bool> {
    let bound = ["unbound", "host-bound"].iter().any(|kind| text.eq_ignore_ascii_case(kind));
    if bound { Some(true) } else { flag(text) }
}

fn checking(text: &str) -> Option<HostKeyChecking> {
    match text.to_ascii_lowercase().as_str() {
        "ask" => Some(HostKeyChecking::Ask),
        "accept-new" => Some(HostKeyChecking::AcceptNew),
        "off" => Some(HostKeyChecking::Off),
        _ => flag(text).map(|yes| if yes { HostKeyChecking::Strict } else { HostKeyChecking::Off }),
    }
}

fn family(text: &str) -> Option<AddressFamily> {
    match text.to_ascii_lowercase().as_str() {
        "any" => Some(AddressFamily::Any),
        "inet" => Some(AddressFamily::Inet),
        "inet6" => Some(AddressFamily::Inet6),
        _ => None,
    }
}

/// The older way to name a variable has no braces.
fn agent(text: &str) -> Option<String> {
    let name = text.strip_prefix('$').filter(|name| !name.starts_with('{'));
    let sound =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    name.is_none_or(sound).then(|| text.to_owned())
}

/// Seconds, or numbers with units as in `1h30m` (sshd_config(5), "TIME FORMATS").
fn time(text: &str) -> Option<u32> {
    let mut total: u32 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        let mut unit = unit.chars();
        let seconds = match unit.next().map(|unit| unit.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return None,
        };
        total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(seconds)?)?;
        rest = unit.as_str();
    }
    // OpenSSH holds times in an int.
    (!text.is_empty() && total <= i32::MAX.unsigned_abs()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("90", Some(90)),
            ("1m30s", Some(90)),
            ("1W2D3H", Some(788_400)),
            ("1m 2s", None),
            ("s", None),
            ("-1", None),
            ("1x", None),
            ("99999999w", None),
            ("", None),
        ] {
            assert_eq!(time(text), wanted, "{text}");
        }
    }
}
