//! How to reach a host and become root on it, read from its variables.

use secrecy::SecretString;
use serde_json::{Map, Value};

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
const KIND: &[&str] = &["ansible_connection"];
const BECOME: &[&str] = &["ansible_become"];
const BECOME_METHOD: &[&str] = &["ansible_become_method"];

/// The spellings of what one way of becoming another user knows. As in Ansible, its own one wins.
struct Becoming {
    user: &'static [&'static str],
    password: &'static [&'static str],
    exe: &'static [&'static str],
    flags: &'static [&'static str],
}

const SUDO: Becoming = Becoming {
    user: &["ansible_become_user", "ansible_sudo_user"],
    password: &["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"],
    exe: &["ansible_become_exe", "ansible_sudo_exe"],
    flags: &["ansible_become_flags", "ansible_sudo_flags"],
};
const SU: Becoming = Becoming {
    user: &["ansible_become_user", "ansible_su_user"],
    password: &["ansible_become_password", "ansible_become_pass", "ansible_su_pass"],
    exe: &["ansible_become_exe", "ansible_su_exe"],
    flags: &["ansible_become_flags", "ansible_su_flags"],
};
const DOAS: Becoming = Becoming {
    user: &["ansible_become_user", "ansible_doas_user"],
    password: &["ansible_become_password", "ansible_become_pass", "ansible_doas_pass"],
    exe: &["ansible_become_exe", "ansible_doas_exe"],
    flags: &["ansible_become_flags", "ansible_doas_flags"],
};

impl Becoming {
    /// The one of `method`; sudo's where none is named.
    fn of(method: Option<&str>) -> &'static Self {
        match method.and_then(|method| method.rsplit('.').next()) {
            Some("su") => &SU,
            Some("doas") => &DOAS,
            _ => &SUDO,
        }
    }

    fn spellings(&self) -> [&'static [&'static str]; 4] {
        [self.user, self.password, self.exe, self.flags]
    }
}

const ALL: [&[&str]; 8] = [HOST, PORT, USER, PASSWORD, KEY_FILE, KIND, BECOME, BECOME_METHOD];

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
    /// Password to log in with.
    pub password: Option<SecretString>,
    /// Whether to change user after logging in.
    pub become_: Option<bool>,
    /// How to change user: `sudo` and the like.
    pub become_method: Option<String>,
    /// User to change to.
    pub become_user: Option<String>,
    /// Password for changing user.
    pub become_password: Option<SecretString>,
    /// The program that changes user, where it is not the method's own.
    pub become_exe: Option<String>,
    /// Its options, in the place of the usual ones.
    pub become_flags: Option<String>,
    /// Whether the host is this machine and needs no connection (`ansible_connection=local`).
    pub local: bool,
}

impl Connection {
    /// Whether the variable `name` means anything here.
    #[must_use]
    pub fn uses(name: &str) -> bool {
        let becoming = [&SUDO, &SU, &DOAS].into_iter().flat_map(Becoming::spellings);
        ALL.into_iter().chain(becoming).any(|spellings| spellings.contains(&name))
    }

    /// Reads the settings of `host` from all its variables, templates already resolved. `place`
    /// knows where each of them is written.
    ///
    /// # Errors
    /// A [`Problem`] for a setting that cannot be used, such as a port of 99999.
    pub fn from_vars(
        host: &str,
        vars: &Map<String, Value>,
        place: &dyn Fn(&str) -> Option<Place>,
    ) -> Result<Self, Problem> {
        let vars = Settings { host, vars, place };
        let port = vars.get(PORT).map(|(key, value)| vars.named(key, port(value))).transpose()?;
        let address = vars.text(HOST)?.unwrap_or_else(|| host.to_owned());
        address::check_name(&address).map_err(|problem| vars.placed(HOST, problem))?;
        let method = vars.text(BECOME_METHOD)?;
        let becoming = Becoming::of(method.as_deref());
        Ok(Self {
            address,
            port: port.unwrap_or(SSH_PORT),
            port_is_set: port.is_some(),
            user: vars.text(USER)?,
            private_key_file: vars.text(KEY_FILE)?,
            password: vars.secret(PASSWORD)?,
            become_: vars.boolean(BECOME)?,
            become_user: vars.text(becoming.user)?,
            become_password: vars.secret(becoming.password)?,
            become_exe: vars.text(becoming.exe)?,
            become_flags: vars.text(becoming.flags)?,
            become_method: method,
            local: vars.local()?,
        })
    }
}

struct Settings<'a> {
    host: &'a str,
    vars: &'a Map<String, Value>,
    place: &'a dyn Fn(&str) -> Option<Place>,
}

impl<'a> Settings<'a> {
    /// The setting's value and the spelling it was found under. Null counts as not set.
    fn get(&self, spellings: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        let set = |key: &&'static str| {
            Some((*key, self.vars.get(*key).filter(|value| !value.is_null())?))
        };
        spellings.iter().rev().find_map(set)
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
        let text = match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err("must be a text".to_owned()),
        };
        Ok(Some(self.named(key, text)?).filter(|text| !text.is_empty()))
    }

    fn secret(&self, spellings: &[&'static str]) -> Result<Option<SecretString>, Problem> {
        let Some(text) = self.text(spellings)? else { return Ok(None) };
        if text.starts_with("$ANSIBLE_VAULT") {
            let key = self.get(spellings).map_or("", |(key, _)| key);
            return self.named(key, Err("is encrypted with ansible-vault".to_owned()));
        }
        Ok(Some(text.into()))
    }

    fn boolean(&self, spellings: &[&'static str]) -> Result<Option<bool>, Problem> {
        let Some((key, value)) = self.get(spellings) else { return Ok(None) };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
        let boolean = match text.as_str() {
            "true" | "yes" | "on" | "1" | "y" | "t" => Ok(true),
            "false" | "no" | "off" | "0" | "n" | "f" => Ok(false),
            _ => Err(format!("must be yes or no, not {value}")),
        };
        self.named(key, boolean).map(Some)
    }

    fn local(&self) -> Result<bool, Problem> {
        let kind = self.text(KIND)?;
        match kind.as_deref().map(|kind| kind.trim_start_matches("ansible.builtin.")) {
            Some("local") => Ok(true),
            None | Some("ssh" | "smart" | "paramiko" | "paramiko_ssh") => Ok(false),
            Some(other) => {
                let fault = format!("must be ssh or local, not {other:?}");
                self.named("ansible_connection", Err(fault))
            }
        }
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
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn from(vars: Value) -> Result<Connection, Problem> {
        Connection::from_vars("h1", vars.as_object().unwrap(), &|_| None)
    }

    #[test]
    fn nothing_set_means_defaults() {
        let found = from(json!({})).unwrap();
        assert_eq!((found.address.as_str(), found.port, found.local), ("h1", 22, false));
        assert!(found.user.is_none() && found.become_.is_none() && found.password.is_none());
        assert!(!found.port_is_set);
    }

    #[test]
    fn reads_every_setting() {
        let found = from(json!({
            "ansible_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "root",
            "ansible_password": "geheim", "ansible_ssh_private_key_file": "~/.ssh/id",
            "ansible_become": "yes", "ansible_become_method": "sudo",
            "ansible_become_user": "root", "ansible_become_password": 1234,
            "ansible_connection": "ssh",
        }))
        .unwrap();
        assert_eq!((found.address.as_str(), found.port), ("10.0.0.1", 2222));
        assert!(found.port_is_set);
        assert_eq!(found.user.as_deref(), Some("root"));
        assert_eq!(found.private_key_file.as_deref(), Some("~/.ssh/id"));
        assert_eq!(found.become_, Some(true));
        assert_eq!(found.become_method.as_deref(), Some("sudo"));
        assert_eq!(found.become_user.as_deref(), Some("root"));
        assert_eq!(found.password.as_ref().unwrap().expose_secret(), "geheim");
        assert_eq!(found.become_password.as_ref().unwrap().expose_secret(), "1234");
        assert!(!format!("{found:?}").contains("geheim"));
    }

    #[test]
    fn older_spellings_win_as_in_ansible() {
        let found = from(json!({
            "ansible_ssh_host": "old", "ansible_host": "new", "ansible_ssh_port": 23,
            "ansible_ssh_user": "u", "ansible_ssh_pass": "p", "ansible_sudo_pass": "s",
        }))
        .unwrap();
        assert_eq!((found.address.as_str(), found.port), ("old", 23));
        assert_eq!(found.user.as_deref(), Some("u"));
        assert_eq!(found.password.as_ref().unwrap().expose_secret(), "p");
        assert_eq!(found.become_password.as_ref().unwrap().expose_secret(), "s");
    }

    #[test]
    fn each_way_of_becoming_another_user_has_its_own_spellings() {
        let vars = json!({
            "ansible_become_exe": "/bin/any", "ansible_sudo_exe": "/bin/sudo",
            "ansible_su_pass": "s", "ansible_sudo_pass": "p", "ansible_doas_flags": "-L",
        });
        let with = |method: &str| {
            let mut vars = vars.clone();
            vars["ansible_become_method"] = json!(method);
            let found = from(vars).unwrap();
            let password = found.become_password.map(|it| it.expose_secret().to_owned());
            (found.become_exe.unwrap(), password.unwrap_or_default(), found.become_flags)
        };
        assert_eq!(with("sudo"), ("/bin/sudo".to_owned(), "p".to_owned(), None));
        assert_eq!(with("ansible.builtin.su"), ("/bin/any".to_owned(), "s".to_owned(), None));
        let doas = ("/bin/any".to_owned(), String::new(), Some("-L".to_owned()));
        assert_eq!(with("community.general.doas"), doas);
        assert!(Connection::uses("ansible_doas_flags") && !Connection::uses("ansible_become_x"));
    }

    #[test]
    fn refuses_what_cannot_work() {
        for (vars, expected) in [
            (
                json!({"ansible_port": 99999}),
                "h1: ansible_port must be a number from 1 to 65535, not 99999",
            ),
            (
                json!({"ansible_port": 0}),
                "h1: ansible_port must be a number from 1 to 65535, not 0",
            ),
            (
                json!({"ansible_port": "ssh"}),
                "h1: ansible_port must be a number from 1 to 65535, not \"ssh\"",
            ),
            (
                json!({"ansible_port": true}),
                "h1: ansible_port must be a number from 1 to 65535, not true",
            ),
            (
                json!({"ansible_become": "maybe"}),
                "h1: ansible_become must be yes or no, not \"maybe\"",
            ),
            (
                json!({"ansible_connection": "winrm"}),
                "h1: ansible_connection must be ssh or local, not \"winrm\"",
            ),
            (json!({"ansible_user": ["a"]}), "h1: ansible_user must be a text"),
            (json!({"ansible_host": "-oX"}), "the host name \"-oX\" starts with a dash"),
            (
                json!({"ansible_password": "$ANSIBLE_VAULT;1.1"}),
                "h1: ansible_password is encrypted with ansible-vault",
            ),
        ] {
            assert_eq!(from(vars).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn only_unresolved_templates_pass_unchecked() {
        assert!(check("ansible_port", &json!("{{ port }}")).is_ok());
        assert!(check("ansible_port", &json!("99999")).is_err());
        assert!(check("ansible_host", &json!("a b")).is_err());
        assert!(check("other_port", &json!(99999)).is_ok());
    }
}
