//! Options that come before all files: of the inventory, and of ssh's own command line as people
//! put it into `ansible_ssh_common_args`.

use std::path::PathBuf;

use super::file::{Item, read_setting};
use super::jump::Jump;
use super::line::{Line, Source};
use super::setting::{AddressFamily, HostKeyChecking, Setting, Settings};
use crate::problem::Problem;

/// Options of ssh that take no value and mean nothing to us: forwarding, terminals, output.
const HARMLESS: &str = "12aACfgkKMnqtTvxXyY";
/// The same with a value: ports that would be forwarded, logs, sockets of shared connections.
const HARMLESS_WITH_VALUE: &str = "DeELPRSw";
/// Options that ask for something else than a command on a host.
const NOT_HERE: &str = "GNsV";
/// The same with a value.
const NOT_HERE_WITH_VALUE: &str = "OQW";

/// What is said before ssh_config. The first value holds here, too.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    settings: Vec<Setting>,
    /// The last of -4 and -6 holds, and outranks AddressFamily.
    family: Option<AddressFamily>,
    config: Option<String>,
    warnings: Vec<Problem>,
}

impl Overrides {
    /// Reads the words of a command line of ssh, as a shell would read them, without the host.
    ///
    /// # Errors
    /// A quote is not closed, a word is no option of ssh, or the value of an option is wrong.
    pub fn from_args(args: &str) -> Result<Self, Problem> {
        let words = shlex::split(args).ok_or_else(|| Problem::new("a quote is never closed"))?;
        let mut overrides = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                return Err(Problem::new(format!("`{word}` is no option of ssh"))
                    .hint("only options may stand here; quote values that have spaces in them"));
            };
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                if overrides.flag(letter) {
                    continue;
                }
                // The value stands behind the letter or is the next word.
                let rest = letters.as_str();
                let value = if rest.is_empty() { words.next() } else { Some(rest.to_owned()) };
                overrides.option(letter, value)?;
                break;
            }
        }
        Ok(overrides)
    }

    /// Whether the option takes no value.
    fn flag(&mut self, letter: char) -> bool {
        match letter {
            '4' => self.family = Some(AddressFamily::Inet),
            '6' => self.family = Some(AddressFamily::Inet6),
            _ if NOT_HERE.contains(letter) => self.warn_of(&format!("-{letter}")),
            _ => return HARMLESS.contains(letter),
        }
        true
    }

    fn option(&mut self, letter: char, value: Option<String>) -> Result<(), Problem> {
        let known = "oJiplFbBcmI";
        let all = [known, HARMLESS_WITH_VALUE, NOT_HERE_WITH_VALUE];
        if !all.iter().any(|letters| letters.contains(letter)) {
            return Err(Problem::new(format!("ssh has no option -{letter}")));
        }
        let missing = || Problem::new(format!("the option -{letter} has no value"));
        let value = value.filter(|value| !value.is_empty()).ok_or_else(missing)?;
        match letter {
            'o' => self.line(&value)?,
            'J' => {
                let set = self.settings().0;
                if set.proxy_jump.is_some() || set.proxy_command.is_some() {
                    let message = "-J competes with another -J, ProxyJump or ProxyCommand";
                    return Err(Problem::new(message));
                }
                self.keyword("ProxyJump", &value)?;
            }
            'i' => self.settings.push(Setting::IdentityFile(value)),
            'p' => self.keyword("Port", &value)?,
            'l' => self.settings.push(Setting::User(value)),
            'F' => self.config = Some(value),
            'b' => self.settings.push(Setting::BindAddress(value)),
            'B' => self.keyword("BindInterface", &value)?,
            'c' => self.keyword("Ciphers", &value)?,
            'm' => self.keyword("MACs", &value)?,
            'I' => self.keyword("PKCS11Provider", &value)?,
            _ if NOT_HERE_WITH_VALUE.contains(letter) => {
                self.warn_of(&format!("-{letter} {value}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds who logs in.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.with(Setting::User(user.to_owned()))
    }

    /// Adds the port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.with(Setting::Port(port))
    }

    /// Adds a private key, in which tokens and variables are replaced.
    #[must_use]
    pub fn identity_file(self, file: &str) -> Self {
        self.with(Setting::IdentityFile(file.to_owned()))
    }

    /// Adds how a host's key is checked.
    #[must_use]
    pub fn host_key_checking(self, checking: HostKeyChecking) -> Self {
        self.with(Setting::StrictHostKeyChecking(checking))
    }

    /// Adds how long connecting may take, in seconds.
    #[must_use]
    pub fn connect_timeout(self, seconds: u32) -> Self {
        self.with(Setting::ConnectTimeout(seconds))
    }

    /// Adds the only file of known host keys, in which nothing is replaced but `~`.
    #[must_use]
    pub fn known_hosts(self, file: &str) -> Self {
        let file = file.replace('%', "%%");
        self.with(Setting::UserKnownHostsFile(vec![file]))
            .with(Setting::GlobalKnownHostsFile(Vec::new()))
    }

    fn with(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// Adds a line of ssh_config, as `-o` takes it.
    fn line(&mut self, text: &str) -> Result<(), Problem> {
        let source = Source { file: None, number: 0, text };
        let Some(line) = Line::read(source)? else { return Ok(()) };
        if ["host", "match", "include"].contains(&line.keyword.as_str()) {
            return Err(line.problem("this stands in files alone"));
        }
        match read_setting(&line)? {
            Item::Set(setting) => self.settings.push(setting),
            Item::Unfollowed(unfollowed) => {
                self.warnings.push(unfollowed.warning().of("-o"));
            }
            Item::Unknown(_, problem) => return Err(Problem::clone(&problem)),
            Item::Host(_) | Item::Match(..) | Item::Include(_) => {}
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &str, value: &str) -> Result<(), Problem> {
        self.line(&format!("{keyword}={value}"))
    }

    /// The same options with `other` behind them: what is said in both, these say.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.settings.extend(other.settings);
        self.warnings.extend(other.warnings);
        self.family = other.family.or(self.family);
        self.config = other.config.or(self.config);
        self
    }

    /// What OpenSSH gives to the ssh that it starts for the last of `jumps`: the user and port
    /// that are written there, and the hosts before it. Nothing when there is none.
    #[must_use]
    pub fn for_last_of(&self, jumps: &[Jump]) -> Option<(String, Self)> {
        let (last, before) = jumps.split_last()?;
        let mut settings = Vec::new();
        settings.extend(last.user.clone().map(Setting::User));
        settings.extend(last.port.map(Setting::Port));
        if !before.is_empty() {
            settings.push(Setting::ProxyJump(before.to_vec()));
        }
        Some((last.host.clone(), Self { settings, config: self.config.clone(), ..Self::default() }))
    }

    /// The file that replaces the user's and the system's (`-F`); `none` is no file at all.
    #[must_use]
    pub fn config(&self) -> Option<PathBuf> {
        self.config.as_ref().map(PathBuf::from)
    }

    /// What they say, and what of it is not followed.
    pub(super) fn settings(&self) -> (Settings, Vec<Problem>) {
        let mut settings = Settings { address_family: self.family, ..Settings::default() };
        for setting in &self.settings {
            settings.set(setting);
        }
        (settings, self.warnings.clone())
    }

    fn warn_of(&mut self, option: &str) {
        let message = format!("the option {option} of ssh means nothing here: it was left aside");
        self.warnings.push(Problem::new(message));
    }
}
