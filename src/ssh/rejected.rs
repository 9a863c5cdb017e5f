//! A login that came to nothing: what was tried, and what to do about it.

use std::fmt;

use super::error::{list, said};
use super::target::{Endpoint, Method};

/// All that was tried to log in, in vain.
#[derive(Debug)]
pub struct Rejected {
    /// The host.
    pub endpoint: Endpoint,
    /// The user on the host.
    pub user: String,
    /// What the server refused, in order: `agent key SHA256:...`, the path of a file, `password`.
    pub tried: Vec<String>,
    /// Whether a password was given.
    pub had_password: bool,
    /// Why no password was shown to the host, when it is in doubt who it is.
    pub doubt: Option<String>,
    /// Keys and methods that could not be used, and why.
    pub unusable: Vec<UnusableKey>,
    /// The methods with which the server would go on.
    pub methods: Vec<String>,
    /// The methods that the settings of ssh leave us.
    pub allowed: Vec<Method>,
    /// Whether the server has accepted something and wants more.
    pub partly: bool,
    /// What is wrong with a certificate that was refused, as it says itself.
    pub certificate: Option<String>,
    /// What the server said to the user.
    pub banner: Option<String>,
    /// How the server ended the connection, when it did.
    pub ended: Option<String>,
}

/// A key that could not be used to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableKey {
    /// The file of the key, or the name of the agent's key or of the agent.
    pub name: String,
    /// What is wrong with it.
    pub reason: UnusableReason,
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableReason {
    /// It needs a passphrase, and no agent holds it.
    Encrypted,
    /// The passphrase that was given is not its own.
    WrongPassphrase,
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            UnusableReason::Encrypted => {
                write!(f, "{} (needs its passphrase, and no agent holds it)", self.name)
            }
            UnusableReason::WrongPassphrase => {
                write!(f, "{} (the passphrase is wrong)", self.name)
            }
            UnusableReason::Other(reason) => write!(f, "{} ({reason})", self.name),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot log in to {} as {}: ", self.endpoint, self.user)?;
        match self.tried.as_slice() {
            [] if !self.allows(Method::PublicKey) => f.write_str("keys are not to be tried")?,
            [] => f.write_str("there was no key to try")?,
            tried => write!(f, "tried {}", list(tried))?,
        }
        if !self.unusable.is_empty() {
            write!(f, "; could not use {}", list(&self.unusable))?;
        }
        if !self.methods.is_empty() {
            write!(f, "; the server accepts {}", list(&self.methods))?;
        }
        if let Some(ended) = &self.ended {
            write!(f, "; the server ended the connection: {ended}")?;
        }
        f.write_str(&said(self.banner.as_deref()))
    }
}

impl Rejected {
    fn allows(&self, method: Method) -> bool {
        self.allowed.contains(&method)
    }

    /// What keeps us from all that the server would take, or from the keys.
    fn switched_off(&self) -> Option<String> {
        let names = || list(&self.allowed.iter().map(|method| method.name()).collect::<Vec<_>>());
        let common =
            self.methods.iter().any(|name| self.allowed.iter().any(|method| method.name() == name));
        let settings = "PubkeyAuthentication, PasswordAuthentication, KbdInteractiveAuthentication, PreferredAuthentications";
        if !self.methods.is_empty() && !common {
            let left = if self.allowed.is_empty() { "nothing".to_owned() } else { names() };
            return Some(format!(
                "the settings of ssh leave {left} to log in with: allow what the server accepts ({settings}; in ssh_config, or with -o)"
            ));
        }
        let keys = self.allows(Method::PublicKey) || !self.tried.is_empty();
        (!keys && !self.had_password).then(|| {
            "allow keys (PubkeyAuthentication, PreferredAuthentications; in ssh_config, or with -o), or give a password with -k".to_owned()
        })
    }

    pub(super) fn hint(&self) -> String {
        let locked = |reason| self.unusable.iter().find(|key| key.reason == reason);
        let takes = |method: &str| self.methods.iter().any(|known| known == method);
        let takes_password = takes("password") || takes("keyboard-interactive");
        if self.doubt.is_some() && self.had_password {
            return "no password is shown to a host whose key has changed: mend known_hosts, or use a key".to_owned();
        }
        if let Some(hint) = self.switched_off() {
            return hint;
        }
        if let Some(fault) = &self.certificate {
            return format!("have the certificate signed anew: {fault}");
        }
        if self.partly && !self.had_password && takes_password {
            return "a key is not enough: the server wants a password or a code as well; give it with -k".to_owned();
        }
        if let Some(key) = locked(UnusableReason::Encrypted) {
            return format!("load the key into your agent: ssh-add {}", key.name);
        }
        if let Some(key) = locked(UnusableReason::WrongPassphrase) {
            return format!(
                "give the right passphrase (ansible_ssh_private_key_passphrase, or when asked), or load the key into your agent: ssh-add {}",
                key.name
            );
        }
        let keys = self
            .tried
            .iter()
            .any(|tried| !["password", "keyboard-interactive"].contains(&&**tried));
        match (keys, self.had_password) {
            (_, true) => "check the user's name and the password".to_owned(),
            (true, false) => format!(
                "check the user's name, and that ~{}/.ssh/authorized_keys on the host holds one of these keys{}",
                self.user,
                if takes_password { ", or give a password with -k" } else { "" }
            ),
            (false, false) if takes_password => {
                "name a key with --private-key, load one into your agent with ssh-add, or give a password with -k".to_owned()
            }
            (false, false) => {
                "name a key with --private-key, or load one into your agent with ssh-add".to_owned()
            }
        }
    }
}
