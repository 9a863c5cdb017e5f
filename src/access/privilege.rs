//! Whose a host's commands become: what the inventory says of it, then the command line.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::Defaults;
use crate::inventory::{Becoming, Connection, Secret};
use crate::problem::Problem;
use crate::remote::{Become, Method};

/// The user whom commands become where nobody says otherwise.
const ROOT: &str = "root";

/// What is said for all hosts. As in Ansible, what the inventory says of one goes before it.
#[derive(Debug, Clone, Default)]
pub struct Privilege {
    /// Whether commands become another user's where the inventory says nothing of it: `-b`, and
    /// always for what only root can do.
    pub become_: bool,
    /// Nobody but root will do.
    pub root_only: bool,
    /// By what (`--become-method`).
    pub method: Option<Method>,
    /// Whose (`--become-user`).
    pub user: Option<String>,
    /// The password for it (`-K`, `--become-password-file`).
    pub password: Option<SecretString>,
}

impl Privilege {
    /// What is not typed is as Ansible's configuration has it. Whom it makes commands another user's holds for
    /// commands; what only root can do stays root's.
    ///
    /// # Errors
    /// A [`Problem`] for a method that is not known here.
    pub fn or(self, defaults: &Defaults) -> Result<Self, Problem> {
        let known = |name: &String| {
            let unknown = format!("become_method={name} is not supported");
            Method::of(name).ok_or_else(|| Problem::new(unknown).hint("use sudo, su or doas"))
        };
        let method = match (self.method, &defaults.become_method) {
            (None, Some(name)) => Some(known(name)?),
            (method, _) => method,
        };
        let user = defaults.become_user.as_ref().filter(|_| !self.root_only);
        Ok(Self {
            become_: self.become_ || defaults.become_,
            method,
            user: self.user.or_else(|| user.cloned()),
            ..self
        })
    }

    /// Whose the commands of `login`, who logs in to `host`, become; nobody's when they stay
    /// the login user's own. `local`: the host is this machine.
    pub(super) fn of(
        &self,
        host: &str,
        login: &str,
        local: bool,
        connection: &Connection,
    ) -> Result<Option<Become>, Problem> {
        let refuse =
            |what: String, hint: &str| Err(Problem::new(format!("{host}: {what}")).hint(hint));
        let method = match (connection.become_method.as_deref(), self.method) {
            (None, method) => method.unwrap_or(Method::Sudo),
            (Some(name), _) => match Method::of(name) {
                Some(method) => method,
                None => {
                    let what = format!("ansible_become_method={name} is not supported");
                    return refuse(what, "use sudo, su or doas, or log in as root");
                }
            },
        };
        if !connection.become_.unwrap_or(self.become_) {
            return Ok(None);
        }
        let set = connection.becoming(method.name())?;
        let user = set.user.as_deref().or(self.user.as_deref()).unwrap_or(ROOT);
        if self.root_only && user != ROOT {
            let what = match set.user {
                Some(_) => format!("ansible_become_user={user} is not supported"),
                None => format!("--become-user {user} is not supported"),
            };
            return refuse(what, "everything that ezsync does is root's: leave it out");
        }
        if user == login {
            return Ok(None);
        }
        if let Some(exe) = set.exe.as_deref().filter(|exe| method == Method::Sudo && runs_su(exe)) {
            let what = format!("ansible_become_exe={exe} runs su, with the options of sudo");
            return refuse(what, "set ansible_become_method=su with it");
        }
        let (password, no_password) = secret_or(set.password.as_ref(), self.password.as_ref());
        if local && method == Method::Doas && password.is_some() {
            let what = "doas asks for its password on a terminal, and ansible_connection=local gives it none";
            return refuse(what.to_owned(), "use sudo, or let doas do without (nopass)");
        }
        let Becoming { exe, flags, .. } = set;
        Ok(Some(Become { method, user: user.to_owned(), password, no_password, exe, flags }))
    }
}

/// The secret that a host has, else the one that is `given` for all, else why there is none although one is
/// set: whoever asks for it is to hear that, and nobody else.
pub(super) fn secret_or(
    own: Option<&Secret>,
    given: Option<&SecretString>,
) -> (Option<SecretString>, Option<String>) {
    match (own, given) {
        (Some(Ok(own)), _) => (Some(own.clone()), None),
        (Some(Err(problem)), None) => (None, Some(problem.brief())),
        (_, given) => (given.cloned(), None),
    }
}

/// Whether the last program of this command line is su (`sudo su -`).
fn runs_su(exe: &str) -> bool {
    let mut words = exe.split_whitespace().rev();
    let last = words.find(|word| !word.starts_with('-'));
    last.is_some_and(|program| program == "su" || program.ends_with("/su"))
}

/// The password in `path`: the text of the file, or what it prints when it may be executed. Line
/// ends at its end do not belong to it.
///
/// # Errors
/// The file cannot be read, or the program fails.
pub fn read_password(path: &Path) -> Result<SecretString, Problem> {
    let shown = path.display();
    let problem = |why: String| Problem::new(format!("no password can be had from {shown}: {why}"));
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let hint = "check the path; -k and -K ask for passwords on the terminal";
            problem("there is no such file".to_owned()).hint(hint)
        }
        _ => problem(error.to_string()),
    })?;
    let executable = found.is_file() && found.permissions().mode() & 0o111 != 0;
    let bytes = Zeroizing::new(match executable {
        false => fs::read(path).map_err(|error| problem(error.to_string()))?,
        true => {
            let program = path.canonicalize().map_err(|error| problem(error.to_string()))?;
            let ran = Command::new(program).stderr(Stdio::inherit()).output();
            let output = ran.map_err(|error| problem(error.to_string()))?;
            if !output.status.success() {
                return Err(problem(format!("it ended with {}", output.status)));
            }
            output.stdout
        }
    });
    let text = str::from_utf8(&bytes).map_err(|_| problem("it is not UTF-8".to_owned()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(problem("it is empty".to_owned())),
        password => Ok(password.into()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::{Map, Value, json};

    use super::*;

    fn connection(vars: Value) -> Connection {
        let vars: Map<String, Value> = serde_json::from_value(vars).unwrap();
        Connection::from_vars("h1", &|name| vars.get(name).cloned().map(Ok), &|_| None).unwrap()
    }

    fn of(privilege: &Privilege, login: &str, vars: Value) -> Option<String> {
        let found = privilege.of("h1", login, false, &connection(vars)).unwrap()?;
        let password = found.password.map(|password| password.expose_secret().to_owned());
        Some(format!("{} {} {}", found.method.name(), found.user, password.unwrap_or_default()))
    }

    #[test]
    fn variables_win_over_options() {
        let given = Privilege {
            become_: true,
            method: Some(Method::Su),
            user: Some("web".to_owned()),
            password: Some("p".into()),
            ..Privilege::default()
        };
        let of = |login: &str, vars: Value| of(&given, login, vars);
        assert_eq!(of("ops", json!({})).unwrap(), "su web p");
        assert_eq!(of("ops", json!({"ansible_become_method": "sudo"})).unwrap(), "sudo web p");
        assert_eq!(of("ops", json!({"ansible_become_user": "root"})).unwrap(), "su root p");
        assert_eq!(of("ops", json!({"ansible_become_password": "q"})).unwrap(), "su web q");
        assert_eq!(of("ops", json!({"ansible_become": false})), None);
        assert_eq!(of("web", json!({})), None);
        // The password for logging in is none for becoming another.
        let plain = Privilege { become_: true, ..Privilege::default() };
        assert_eq!(
            super::tests::of(&plain, "ops", json!({"ansible_password": "x"})).unwrap(),
            "sudo root "
        );
    }

    #[test]
    fn what_cannot_be_had_matters_to_who_needs_it() {
        let fault = |name: &'static str| {
            let vars = move |asked: &str| (asked == name).then(|| Err(Problem::new("vaulted")));
            Connection::from_vars("h1", &vars, &|_| None).unwrap()
        };
        let given = |become_: bool, password: Option<&str>| Privilege {
            become_,
            password: password.map(Into::into),
            ..Privilege::default()
        };
        let password = fault("ansible_become_password");
        let of = |privilege: Privilege, login: &str, connection: &Connection| {
            privilege.of("h1", login, false, connection)
        };
        assert!(of(given(false, None), "ops", &password).unwrap().is_none());
        assert!(of(given(true, None), "root", &password).unwrap().is_none());
        let lacking = of(given(true, None), "ops", &password).unwrap().unwrap();
        assert!(lacking.password.is_none());
        assert_eq!(lacking.lack(), "there is none: vaulted");
        // What is given for all takes its place.
        let typed = of(given(true, Some("p")), "ops", &password).unwrap().unwrap();
        assert!(typed.password.is_some() && typed.no_password.is_none());
        let user = fault("ansible_become_user");
        assert!(of(given(false, None), "ops", &user).unwrap().is_none());
        assert!(of(given(true, None), "ops", &user).is_err());
    }

    #[test]
    fn the_inventory_alone_may_want_it() {
        let none = Privilege::default();
        assert_eq!(of(&none, "ops", json!({})), None);
        assert_eq!(of(&none, "ops", json!({"ansible_become": "yes"})).unwrap(), "sudo root ");
        assert_eq!(of(&none, "root", json!({"ansible_become": "yes"})), None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let setup = Privilege { become_: true, root_only: true, ..Privilege::default() };
        for (vars, expected) in [
            (json!({"ansible_become_user": "web"}), "ansible_become_user=web is not supported"),
            (json!({"ansible_become_method": "pbrun"}), "ansible_become_method=pbrun is not"),
            (json!({"ansible_become_exe": "sudo su -"}), "ansible_become_exe=sudo su - runs su"),
            (
                json!({"ansible_become_method": "doas", "ansible_become_password": "p",
                       "ansible_connection": "local"}),
                "doas asks for its password on a terminal",
            ),
        ] {
            let connection = connection(vars);
            let local = connection.local == Some(true);
            let problem = setup.of("h1", "ops", local, &connection).unwrap_err().to_string();
            assert!(problem.contains(expected) && !problem.contains("\"p\""), "{problem}");
        }
    }

    #[test]
    fn a_password_file_may_be_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let read = |path: &Path| read_password(path).map(|it| it.expose_secret().to_owned());
        assert_eq!(read(&write("plain", " a b \r\n\n", 0o600)).unwrap(), " a b ");
        assert_eq!(read(&write("program", "#!/bin/sh\necho said\n", 0o700)).unwrap(), "said");
        for (name, text, mode, why) in [
            ("empty", "\n", 0o600, "is empty"),
            ("fails", "#!/bin/sh\necho x; exit 3\n", 0o700, "exit status: 3"),
        ] {
            let problem = read(&write(name, text, mode)).unwrap_err().to_string();
            assert!(problem.contains(why), "{problem}");
        }
        assert!(read(&folder.path().join("none")).is_err());
    }
}
