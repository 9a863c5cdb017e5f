//! What was typed on how hosts are reached, and the secrets that are asked for.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, Privilege, host_key_checking, read_password};
use crate::cli;
use crate::problem::Problem;
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
        let password = self.password()?;
        // As in Ansible: nothing typed for -K is the answer to -k once more.
        let same = password.clone().filter(|_| self.ask_pass);
        Ok(Access {
            user: self.user.clone(),
            private_key: self.private_key.clone(),
            connect_timeout: Duration::from_secs(self.timeout.into()),
            host_keys: if accept_new { HostKeyPolicy::AcceptNew } else { HostKeyPolicy::Strict },
            known_hosts: self.known_hosts.clone(),
            privilege: self.privilege.settings(rights, same)?,
            password,
            host_key_checking: host_key_checking(),
        })
    }

    /// The password to log in with.
    fn password(&self) -> Result<Option<SecretString>> {
        secret(self.connection_password_file.as_deref(), self.ask_pass, "SSH password: ", "-k")
    }
}

impl cli::Privilege {
    /// `same`: the password that an empty answer stands for.
    fn settings(&self, rights: Rights, same: Option<SecretString>) -> Result<Privilege> {
        Ok(Privilege {
            become_: self.become_ || rights != Rights::Login,
            root_only: rights == Rights::Root,
            method: self.become_method.as_deref().and_then(Method::of),
            user: self.become_user.clone(),
            password: self.password(same)?,
        })
    }

    fn password(&self, same: Option<SecretString>) -> Result<Option<SecretString>> {
        let file = self.become_password_file.as_deref();
        let question = match same {
            Some(_) => "BECOME password [empty: the SSH password]: ",
            None => "BECOME password: ",
        };
        let password = secret(file, self.ask_become_pass, question, "-K")?;
        Ok(password.or(same.filter(|_| self.ask_become_pass)))
    }
}

/// A password from its `file`, or asked for if that is wanted by `option`. An empty answer is none.
fn secret(
    file: Option<&Path>,
    ask: bool,
    question: &str,
    option: &str,
) -> Result<Option<SecretString>> {
    if let Some(path) = file {
        return Ok(Some(read_password(path)?));
    }
    if !ask {
        return Ok(None);
    }
    let password = ask::secret(question).map_err(|error| {
        Problem::new(format!("{option} asks on the terminal, and there is none to ask on: {error}"))
            .hint(
                "give the password in a file (--become-password-file, --connection-password-file)",
            )
    })?;
    Ok(Some(password).filter(|password| !password.expose_secret().is_empty()))
}
