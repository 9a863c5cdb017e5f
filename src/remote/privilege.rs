//! Becoming another user: the commands for it, and what is heard before a script may be sent.
//!
//! Without a password a script goes to `sudo -n sh` at once. With one, nothing is sent blindly:
//! first a word of the run's own says that the program is there and about to start, for what the login
//! shell prints before that (its profile, the commands that it runs) may look like a prompt, and so may
//! the error of a shell that does not find it. Then the prompt must come, and then the other user's
//! shell says another word.

use secrecy::SecretString;

use super::Word;
use super::greeting::{BEGUN, Greeting, MISSING, Prompt, READY};
use super::script::quote;

/// The program that makes one user another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `sudo`.
    Sudo,
    /// `su`.
    Su,
    /// `doas`.
    Doas,
}

impl Method {
    /// The names by which Ansible knows it.
    const NAMES: [(&'static str, Self); 3] =
        [("sudo", Self::Sudo), ("su", Self::Su), ("doas", Self::Doas)];

    /// The method that `name` (`sudo`, `community.general.doas`) stands for.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let short = name.rsplit('.').next().unwrap_or(name);
        Self::NAMES.iter().find(|(known, _)| *known == short).map(|(_, method)| *method)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }
}

/// How commands become another user's.
#[derive(Debug, Clone)]
pub struct Become {
    /// By which program.
    pub method: Method,
    /// Whose they become.
    pub user: String,
    /// What the program may ask for.
    pub password: Option<SecretString>,
    /// Why there is no password although one is set.
    pub no_password: Option<String>,
    /// The program's name or path, where it is not the method's own.
    pub exe: Option<String>,
    /// Options in the place of the usual ones.
    pub flags: Option<String>,
}

/// A shell to be opened on a host.
#[derive(Debug)]
pub struct Opening {
    /// What is run: it reads a script from its standard input.
    pub command: String,
    /// Whether it needs a terminal.
    pub terminal: bool,
    /// What is to be heard before the script may be sent; nothing when it may go at once.
    pub greeting: Option<Greeting>,
}

impl Opening {
    /// The login user's own shell.
    #[must_use]
    pub fn own() -> Self {
        Self { command: "sh".to_owned(), terminal: false, greeting: None }
    }
}

impl Become {
    /// How a shell is opened as the other user. Some programs want a `terminal`; `word` must be
    /// of this opening alone.
    #[must_use]
    pub fn opening(&self, terminal: bool, word: &Word) -> Opening {
        let terminal = terminal || self.wants_terminal();
        let heard = terminal || self.password.is_some() || self.method == Method::Su;
        let shell = match (heard, terminal) {
            (false, _) => "sh".to_owned(),
            (true, false) => format!("sh -c {}", quote(&format!("{}; exec sh", say(word, READY)))),
            // Of its own session, or the end of the connection would end the script's commands
            // with it; behind a pipe, or the shell would prompt for each line.
            (true, true) => format!(
                "sh -c {}",
                quote(&format!("stty raw -echo; {}; setsid sh 2>&1 | cat", say(word, READY)))
            ),
        };
        let prompt = match self.method {
            Method::Sudo => Prompt::Word(prompt_word(word)),
            Method::Su => Prompt::Colon(self.own_names()),
            Method::Doas => Prompt::Doas,
        };
        let command = self.command(&shell, word);
        let command = match heard {
            false => command,
            true => {
                let (begun, missing) = (say(word, BEGUN), say(word, MISSING));
                let there = format!(
                    "it=$(command -v {}) && [ -f \"$it\" ] && [ -x \"$it\" ]",
                    quote(&self.program())
                );
                let lines = format!(
                    "{there} || {{ {missing}; exit 127; }}; {begun}; {{ {begun}; }} >&2; exec {command}"
                );
                format!("sh -c {}", quote(&lines))
            }
        };
        Opening { command, terminal, greeting: heard.then(|| Greeting::new(prompt, word)) }
    }

    /// The name or path of the program that makes us the other user.
    #[must_use]
    pub fn program(&self) -> String {
        let exe = shlex::split(self.exe.as_deref().unwrap_or_default()).unwrap_or_default();
        exe.into_iter().next().unwrap_or_else(|| self.method.name().to_owned())
    }

    /// With what errors begin of the program, and of the shell that starts it.
    fn own_names(&self) -> Vec<String> {
        let program = self.program();
        let short = program.rsplit('/').next().unwrap_or_default().to_owned();
        vec!["sh".to_owned(), self.method.name().to_owned(), short, program]
    }

    /// Why there is no password, to go on with in a sentence.
    #[must_use]
    pub fn lack(&self) -> String {
        match &self.no_password {
            Some(why) => format!("there is none: {why}"),
            None => "none was given".to_owned(),
        }
    }

    /// doas asks on the terminal alone.
    fn wants_terminal(&self) -> bool {
        self.method == Method::Doas && self.password.is_some()
    }

    /// The command line that runs `shell` as the other user.
    fn command(&self, shell: &str, word: &Word) -> String {
        let exe = words(self.exe.as_deref().unwrap_or(self.method.name()));
        let user = quote(&self.user);
        let flags = |usual: &str| words(self.flags.as_deref().unwrap_or(usual));
        match self.method {
            Method::Sudo => {
                // Whether it may ask is ours to say.
                let asking = match self.password {
                    Some(_) => format!("-S -p {}", quote(&prompt_word(word))),
                    None => "-n".to_owned(),
                };
                let flags = without_asking(&self.flags.clone().unwrap_or("-H".to_owned()));
                line([&exe, &flags, &asking, "-u", &user, shell])
            }
            Method::Doas => {
                let asking = if self.password.is_some() { "" } else { "-n" };
                line([&exe, &flags(""), asking, "-u", &user, shell])
            }
            Method::Su => line([&exe, &flags(""), &user, "-c", &quote(shell)]),
        }
    }
}

/// `parts` as one line, without those that are empty.
fn line<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// The words of `text`, each quoted again.
fn words(text: &str) -> String {
    let words = shlex::split(text).unwrap_or_else(|| vec![text.to_owned()]);
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// sudo's options without `-n` and `-S`, also where several letters stand together (`-HSn`).
fn without_asking(flags: &str) -> String {
    let kept = shlex::split(flags).unwrap_or_default().into_iter().filter_map(|word| {
        if ["--non-interactive", "--stdin"].contains(&word.as_str()) {
            return None;
        }
        // Only letters that take no value: the rest of a `-unina` is a name.
        let plain = word
            .strip_prefix('-')
            .filter(|letters| letters.chars().all(|c| "ABbEHKkPinS".contains(c)));
        match plain {
            Some(letters) => {
                let letters: String = letters.chars().filter(|c| !"nS".contains(*c)).collect();
                (!letters.is_empty()).then(|| format!("-{letters}"))
            }
            None => Some(word),
        }
    });
    kept.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

/// What sudo asks with.
fn prompt_word(word: &Word) -> String {
    format!("{}-password:", word.as_str())
}

/// The command that says `what`. Its word is put together there: a login shell that shows what it
/// runs shall not be mistaken for it. It has no backslashes, which login shells read in different
/// ways.
fn say(word: &Word, what: &str) -> String {
    format!("printf %s-%s {} {what}; echo", word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(method: Method, password: bool) -> Become {
        Become {
            method,
            user: "root".to_owned(),
            password: password.then(|| "geheim".into()),
            no_password: None,
            exe: None,
            flags: None,
        }
    }

    fn word() -> Word {
        Word::from_bytes(&[7])
    }

    #[test]
    fn commands_are_as_ansible_makes_them() {
        let say = "printf %s-%s ezsync-07";
        let sudo = format!(
            "it=$(command -v sudo) && [ -f \"$it\" ] && [ -x \"$it\" ] || {{ {say} missing; echo; exit 127; }}; \
             {say} begun; echo; {{ {say} begun; echo; }} >&2; \
             exec sudo -H -S -p ezsync-07-password: -u root sh -c '{say} ready; echo; exec sh'"
        );
        for (password, method_, expected) in [
            (false, Method::Sudo, "sudo -H -n -u root sh".to_owned()),
            (true, Method::Sudo, format!("sh -c {}", quote(&sudo))),
            (false, Method::Doas, "doas -n -u root sh".to_owned()),
        ] {
            let opening = method(method_, password).opening(false, &word());
            assert_eq!(opening.command, expected);
            assert!(!opening.terminal);
            assert_eq!(opening.greeting.is_some(), password);
            assert!(!format!("{opening:?}").contains("geheim"));
        }
        let su = method(Method::Su, false).opening(false, &word());
        assert!(su.greeting.is_some() && !su.terminal);
        assert!(shlex::split(&su.command).unwrap()[2].contains("; exec su root -c "));
        let doas = method(Method::Doas, true).opening(false, &word());
        assert!(doas.terminal && doas.command.contains("stty raw -echo"), "{}", doas.command);
        assert!(method(Method::Sudo, false).opening(true, &word()).terminal);
    }

    #[test]
    fn options_of_the_inventory_are_kept_apart_from_asking() {
        for (flags, kept) in [
            ("-H -S -n", "-H"),
            ("-HSn", "-H"),
            ("--non-interactive -i", "-i"),
            ("-n", ""),
            ("-E -r 'a role'", "-E -r 'a role'"),
            ("-g nina -unina", "-g nina -unina"),
        ] {
            assert_eq!(without_asking(flags), kept, "{flags}");
        }
        let own = Become {
            exe: Some("/opt/my sudo".to_owned()),
            flags: Some("$(id)".to_owned()),
            ..method(Method::Su, false)
        };
        let command = own.opening(false, &word()).command;
        let command = &shlex::split(&command).unwrap()[2];
        assert!(command.contains("; exec /opt/my sudo '$(id)' root -c "), "{command}");
    }

    #[test]
    fn ansibles_long_names_are_known() {
        for (name, expected) in [
            ("sudo", Some(Method::Sudo)),
            ("ansible.builtin.su", Some(Method::Su)),
            ("community.general.doas", Some(Method::Doas)),
            ("pbrun", None),
        ] {
            assert_eq!(Method::of(name), expected, "{name}");
        }
    }
}
