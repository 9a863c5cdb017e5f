//! What was typed on how hosts are reached, and the secrets that are asked for.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, Defaults, Options, Privilege, read_password};
use crate::cli;
use crate::cluster::user_name;
use crate::interrupt::Interrupts;
use crate::inventory::SshArgs;
use crate::problem::Problem;
use crate::remote::Method;
use crate::ssh::fault_of_key;
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
        if let Some(file) = self.private_key.as_ref().filter(|file| !file.exists()) {
            let what = format!("--private-key {}: there is no such file", file.display());
            return Err(Problem::new(what).into());
        }
        if let Some(problem) = self.private_key.as_deref().and_then(fault_of_key) {
            return Err(problem.of("--private-key").into());
        }
        self.has_folder_for_keys()?;
        let defaults = defaults()?;
        let ask = self.ask_pass || defaults.ask_pass;
        let file = self.connection_password_file.as_deref();
        let password = secret(file, ask, "SSH password: ", "-k")?;
        // As in Ansible: nothing typed for -K is the answer to -k once more.
        let same = password.clone().filter(|_| ask);
        let privilege = self.privilege.settings(rights, same, defaults.ask_become_pass)?;
        let typed = |text: &Option<String>, given_as: &'static str| {
            text.clone().map(|text| SshArgs { text, given_as, place: None })
        };
        let options = Options {
            local: self.connection.as_deref() == Some("local"),
            user: self.user.clone(),
            private_key: self.private_key.clone(),
            timeout: self.timeout,
            accept_new: self.accept_new_host_keys,
            known_hosts: self.known_hosts.clone(),
            password,
            ssh_common_args: typed(&self.ssh_common_args, "--ssh-common-args"),
            ssh_extra_args: typed(&self.ssh_extra_args, "--ssh-extra-args"),
            ..Options::default()
        };
        Ok(Access::new(options.or(&defaults), privilege.or(&defaults)?))
    }

    /// Whether there is a folder for the known host keys; only ~/.ssh may be made.
    fn has_folder_for_keys(&self) -> Result<(), Problem> {
        let folder = self.known_hosts.as_deref().and_then(Path::parent);
        let missing = |folder: &&Path| {
            !folder.as_os_str().is_empty() && !folder.ends_with(".ssh") && !folder.is_dir()
        };
        match folder.filter(missing) {
            Some(folder) => {
                let what = format!("--known-hosts: there is no folder {}", folder.display());
                Err(Problem::new(what).hint("check the path, or make the folder"))
            }
            None => Ok(()),
        }
    }
}

/// What Ansible's configuration says for all hosts.
fn defaults() -> Result<Defaults> {
    let defaults = Defaults::read()?;
    if let Some(file) = &defaults.distrusted {
        let file = file.display();
        eprintln!("warning: {file}: not read, since anybody may write in this folder");
    }
    for (name, user) in [("remote_user", &defaults.user), ("become_user", &defaults.become_user)] {
        user.as_deref().map(user_name).transpose().map_err(|problem| problem.of(name))?;
    }
    Ok(defaults)
}

/// Says what of the settings for these hosts is not followed.
pub(super) fn warn(access: &Access) {
    for warning in access.warnings() {
        eprintln!("warning: {warning}");
    }
}

impl cli::Privilege {
    /// `same`: the password that an empty answer stands for.
    /// `ask`: the password is asked for anyway.
    fn settings(&self, rights: Rights, same: Option<SecretString>, ask: bool) -> Result<Privilege> {
        Ok(Privilege {
            become_: self.become_ || rights != Rights::Login,
            root_only: rights == Rights::Root,
            method: self.become_method.as_deref().and_then(Method::of),
            user: self.become_user.clone(),
            password: self.password(same, self.ask_become_pass || ask)?,
        })
    }

    fn password(&self, same: Option<SecretString>, ask: bool) -> Result<Option<SecretString>> {
        let file = self.become_password_file.as_deref();
        let question = match same {
            Some(_) => "BECOME password [empty: the SSH password]: ",
            None => "BECOME password: ",
        };
        let password = secret(file, ask, question, "-K")?;
        Ok(password.or(same.filter(|_| ask)))
    }
}

/// The answer to `question`; the terminal is put back also when a signal ends it.
fn asked(question: &str) -> std::io::Result<SecretString> {
    let interrupts = Interrupts::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(ask::secret(question, interrupts.wish(1)))
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
    let password = match asked(question) {
        Ok(password) => password,
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            let what = format!("interrupted at the question of {option}: no host was touched");
            return Err(std::io::Error::new(ErrorKind::Interrupted, what).into());
        }
        Err(error) => {
            let what =
                format!("{option} asks on the terminal, and nobody can be asked there: {error}");
            let files = "--become-password-file, --connection-password-file";
            return Err(Problem::new(what).hint(format!("give it in a file: {files}")).into());
        }
    };
    Ok(Some(password).filter(|password| !password.expose_secret().is_empty()))
}
