//! What Ansible is told for all hosts beside its command line: by its environment, then by `ansible.cfg`.
//!
//! Only what says how hosts are reached. The rules are ansible-core's: which file is read, how it is read, and
//! that of several names for one thing the last one counts.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::inventory::SshArgs;
use crate::inventory::connection::truth;
use crate::problem::{Place, Problem};
use crate::ssh::config::Local;

/// The name of the file.
const NAME: &str = "ansible.cfg";

/// What is said for all hosts where neither the inventory nor the command line says it. What is `None` is not set.
#[derive(Debug, Default)]
pub struct Defaults {
    /// Who logs in.
    pub user: Option<String>,
    /// What with, as written (`~` is not expanded).
    pub private_key: Option<PathBuf>,
    /// TCP port of sshd.
    pub port: Option<u16>,
    /// How long connecting may take, in seconds.
    pub timeout: Option<u32>,
    /// Whether a host's key must be the one that is known.
    pub host_key_checking: Option<bool>,
    /// Options of ssh in the place of Ansible's own.
    pub ssh_args: Option<SshArgs>,
    /// Options of ssh.
    pub ssh_common_args: Option<SshArgs>,
    /// More of them.
    pub ssh_extra_args: Option<SshArgs>,
    /// Whether the password to log in with is asked for.
    pub ask_pass: bool,
    /// Whether commands become another user's.
    pub become_: bool,
    /// By what.
    pub become_method: Option<String>,
    /// Whose.
    pub become_user: Option<String>,
    /// Whether the password for it is asked for.
    pub ask_become_pass: bool,
    /// The file that was left aside since anybody could have written it.
    pub distrusted: Option<PathBuf>,
}

impl Defaults {
    /// What the environment and the first `ansible.cfg` say.
    ///
    /// # Errors
    /// A [`Problem`] for a setting that cannot be used.
    pub fn read() -> Result<Self, Problem> {
        let Local { env, home, .. } = Local::here();
        Self::of(env, &env::current_dir().unwrap_or_default(), &home)
    }

    /// What this environment says, and the first file of it, this folder, this home and /etc.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of(env: HashMap<String, String>, here: &Path, home: &Path) -> Result<Self, Problem> {
        let (file, distrusted) = File::find(&env, here, home);
        let said = Said { env, file: file.unwrap_or_default() };
        Ok(Self { distrusted, ..said.defaults()? })
    }
}

/// A setting as it was found.
struct Found {
    text: String,
    /// Its name where it was found.
    name: &'static str,
    /// Where that is, when it is in a file.
    place: Option<Place>,
}

impl Found {
    /// Names the setting that is mistaken, and where it stands.
    fn wrong(&self, fault: &str) -> Problem {
        Problem::new(format!("{} {fault}, not {:?}", self.name, self.text)).at(self.place.clone())
    }

    fn number<T: FromStr>(&self, what: &str) -> Result<T, Problem> {
        self.text.trim().parse().map_err(|_| self.wrong(what))
    }

    fn truth(&self) -> Result<bool, Problem> {
        truth(self.text.trim()).ok_or_else(|| self.wrong("must be yes or no"))
    }
}

/// All that is said.
struct Said {
    env: HashMap<String, String>,
    file: File,
}

impl Said {
    fn defaults(&self) -> Result<Defaults, Problem> {
        let text = |found: Found| found.text;
        let ssh_args = |env, key| {
            let found = self.find(&[env], &[("ssh_connection", key)])?;
            Some(SshArgs { text: found.text, given_as: found.name, place: found.place })
        };
        let escalation = |env, key| self.find(&[env], &[("privilege_escalation", key)]);
        let is_on = |found: Option<Found>| found.map_or(Ok(false), |found| found.truth());
        let port = self.find(&["ANSIBLE_REMOTE_PORT"], &[("defaults", "remote_port")]);
        let timeout = self.find(&["ANSIBLE_TIMEOUT"], &[("defaults", "timeout")]);
        let checking = self.find(
            &["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"],
            &[("defaults", "host_key_checking"), ("ssh_connection", "host_key_checking")],
        );
        let is_port = "must be a number from 1 to 65535";
        Ok(Defaults {
            user: self.find(&["ANSIBLE_REMOTE_USER"], &[("defaults", "remote_user")]).map(text),
            private_key: self
                .find(&["ANSIBLE_PRIVATE_KEY_FILE"], &[("defaults", "private_key_file")])
                .map(|found| self.path(&found)),
            port: port
                .map(|found| found.number::<std::num::NonZeroU16>(is_port))
                .transpose()?
                .map(u16::from),
            timeout: timeout
                .map(|found| found.number("must be a number of seconds"))
                .transpose()?,
            host_key_checking: checking.map(|found| found.truth()).transpose()?,
            ssh_args: ssh_args("ANSIBLE_SSH_ARGS", "ssh_args"),
            ssh_common_args: ssh_args("ANSIBLE_SSH_COMMON_ARGS", "ssh_common_args"),
            ssh_extra_args: ssh_args("ANSIBLE_SSH_EXTRA_ARGS", "ssh_extra_args"),
            ask_pass: is_on(self.find(&["ANSIBLE_ASK_PASS"], &[("defaults", "ask_pass")]))?,
            become_: is_on(escalation("ANSIBLE_BECOME", "become"))?,
            become_method: escalation("ANSIBLE_BECOME_METHOD", "become_method").map(text),
            become_user: escalation("ANSIBLE_BECOME_USER", "become_user").map(text),
            ask_become_pass: is_on(escalation("ANSIBLE_BECOME_ASK_PASS", "become_ask_pass"))?,
            distrusted: None,
        })
    }

    /// A setting by its names in the environment, then by those in the file. An empty one is not set.
    fn find(&self, names: &[&'static str], keys: &[(&'static str, &'static str)]) -> Option<Found> {
        let of_env = |name: &&'static str| {
            let text = self.env.get(*name).filter(|text| !text.is_empty())?;
            Some(Found { text: text.clone(), name, place: None })
        };
        names.iter().rev().find_map(of_env).or_else(|| {
            keys.iter().rev().find_map(|(section, key)| self.file.setting(section, key))
        })
    }

    /// A path in the file starts at the file's folder.
    fn path(&self, found: &Found) -> PathBuf {
        match (&found.place, self.file.path.parent()) {
            (Some(_), Some(folder)) if !found.text.starts_with('~') => folder.join(&found.text),
            _ => PathBuf::from(&found.text),
        }
    }
}

/// An `ansible.cfg`.
#[derive(Default)]
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// The first that can be read of the one that the environment names, and those here, at home and in /etc. One
    /// in a folder in which anybody may write is anybody's: it is given beside.
    fn find(
        env: &HashMap<String, String>,
        here: &Path,
        home: &Path,
    ) -> (Option<Self>, Option<PathBuf>) {
        let named = env.get("ANSIBLE_CONFIG").map(|path| match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => here.join(path),
        });
        let named = named.map(|path| if path.is_dir() { path.join(NAME) } else { path });
        let beside = here.join(NAME);
        let anybodys =
            fs::metadata(here).is_ok_and(|found| found.permissions().mode() & 0o002 != 0);
        let distrusted = Some(&beside).filter(|file| anybodys && file.exists()).cloned();
        let trusted = (!anybodys).then_some(beside);
        let others = [home.join(".ansible.cfg"), Path::new("/etc/ansible").join(NAME)];
        let file = named.into_iter().chain(trusted).chain(others).find_map(|path| {
            let bytes = fs::read(&path).ok()?;
            Some(Self { path, text: String::from_utf8_lossy(&bytes).into_owned() })
        });
        (file, distrusted)
    }

    /// What stands for `key` in `section`, as Python's configparser reads it.
    fn setting(&self, section: &str, key: &'static str) -> Option<Found> {
        let mut within = "";
        let mut found: Option<Found> = None;
        // Whether an indented line goes on with what was found.
        let mut open = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            let said = without_comment(line);
            if said.trim().is_empty() {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                if let Some(found) = found.as_mut().filter(|_| open) {
                    found.text.push('\n');
                    found.text.push_str(said.trim());
                }
                continue;
            }
            open = false;
            if let Some(name) = said.trim().strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                within = name;
                continue;
            }
            let Some((name, value)) = said.split_once(['=', ':']) else { continue };
            if within == section && name.trim().eq_ignore_ascii_case(key) {
                open = true;
                let place = Place::on_line(self.path.display().to_string(), line, number, 1);
                let text = value.trim().to_owned();
                found = Some(Found { text, name: key, place: Some(place) });
            }
        }
        let mut found = found?;
        found.text = unquoted(&found.text).to_owned();
        Some(found).filter(|found| !found.text.is_empty())
    }
}

/// `#` and `;` begin a comment at the start of a line, `;` also behind a blank.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let behind_blank =
        |(at, _): &(usize, &str)| line.get(..*at).is_some_and(|it| it.ends_with([' ', '\t']));
    let comment = line.match_indices(';').find(behind_blank);
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line)
}

fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, env: &[(&str, &str)]) -> Said {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let file = File { path: "/project/ansible.cfg".into(), text: text.to_owned() };
        Said { env: env.collect(), file }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let text = "[defaults]\nremote_port = 1\ntimeout=2\nprivate_key_file = k\n[ssh_connection]\nhost_key_checking: no\n";
        let env = [("ANSIBLE_REMOTE_PORT", "3"), ("ANSIBLE_TIMEOUT", "")];
        let found = said(text, &env).defaults().unwrap();
        assert_eq!((found.port, found.timeout), (Some(3), Some(2)));
        assert_eq!((found.host_key_checking, found.ask_pass), (Some(false), false));
        assert_eq!(found.private_key.unwrap(), Path::new("/project/k"));
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        for (text, env, wanted) in [
            (
                "[defaults]\n\ntimeout = soon\n",
                None,
                "/project/ansible.cfg:3:1: timeout must be a number of seconds, not \"soon\"",
            ),
            (
                "[defaults]\nhost_key_checking = perhaps\n",
                None,
                "/project/ansible.cfg:2:1: host_key_checking must be yes or no, not \"perhaps\"",
            ),
            (
                "",
                Some(("ANSIBLE_REMOTE_PORT", "0")),
                "ANSIBLE_REMOTE_PORT must be a number from 1 to 65535, not \"0\"",
            ),
        ] {
            let problem = said(text, env.as_slice()).defaults().unwrap_err().to_string();
            assert_eq!(problem.lines().next().unwrap(), wanted);
        }
    }

    #[test]
    fn the_first_file_counts_and_none_that_anybody_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode =
            |mode: u32| fs::set_permissions(at("here"), fs::Permissions::from_mode(mode)).unwrap();
        for (name, text) in [
            ("here/ansible.cfg", "here"),
            ("home/.ansible.cfg", "home"),
            ("named/ansible.cfg", "named"),
        ] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        }
        let find = |env: &[(&str, &str)]| {
            let (file, distrusted) = File::find(&said("", env).env, &at("here"), &at("home"));
            (file.map(|file| file.text).unwrap_or_default(), distrusted)
        };
        mode(0o755);
        assert_eq!(find(&[]), ("here".to_owned(), None));
        assert_eq!(find(&[("ANSIBLE_CONFIG", "../named")]).0, "named");
        assert_eq!(find(&[("ANSIBLE_CONFIG", "/no/such")]).0, "here");
        mode(0o777);
        assert_eq!(find(&[]), ("home".to_owned(), Some(at("here/ansible.cfg"))));
    }
}
