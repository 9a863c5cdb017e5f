//! What was typed on how hosts are reached, and the secrets that are asked for.

use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, Privilege, read_password};
use crate::cli;
use crate::remote::Method;
use crate::ssh::HostKeyPolicy;
use crate::ui::ask;

/// Whose commands become where nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    /// Root's, and nobody else will do.
    Root,
    /// Root's.
    RootOrOther,
    /// They stay the login user's, as with `ansible -m shell`.
    Login,
}

impl cli::Access {
    /// What holds for all hosts. Asks for the passwords that are to be asked for.
    pub(super) fn settings(&self, rights: Rights) -> Result<Access> {
        let accept_new = self.accept_new_host_keys;
        Ok(Access {
            user: self.user.clone(),
            private_key: self.private_key.clone(),
            connect_timeout: Duration::from_secs(self.timeout.into()),
            host_keys: if accept_new { HostKeyPolicy::AcceptNew } else { HostKeyPolicy::Strict },
            known_hosts: self.known_hosts.clone(),
            privilege: self.privilege.settings(rights)?,
        })
    }
}

impl cli::Privilege {
    fn settings(&self, rights: Rights) -> Result<Privilege> {
        Ok(Privilege {
            become_: self.become_ || rights != Rights::Login,
            root_only: rights == Rights::Root,
            method: self.become_method.as_deref().and_then(Method::of),
            user: self.become_user.clone(),
            password: self.password()?,
        })
    }

    fn password(&self) -> Result<Option<SecretString>> {
        if let Some(path) = &self.become_password_file {
            return Ok(Some(read_password(path)?));
        }
        if !self.ask_become_pass {
            return Ok(None);
        }
        let password = ask::secret("BECOME password: ").context("the password of -K")?;
        Ok(Some(password).filter(|password| !password.expose_secret().is_empty()))
    }
}
