//! Why a host gives no shell as the user who is wanted there, in words that help.

use std::time::Duration;

use super::result::Trouble;
use super::shell::PATIENCE;
use crate::remote::{Become, Greeting, Method};
use crate::sanitise::sanitise_lines;

/// Who should become whom.
pub(super) struct Wanted<'a> {
    /// Who logs in.
    pub user: &'a str,
    /// Nothing where commands stay the login user's own.
    pub become_: Option<&'a Become>,
}

impl Wanted<'_> {
    /// `sudo` and the like, and whom it should make us.
    fn names(&self) -> (&'static str, &str) {
        match self.become_ {
            Some(become_) => (become_.method.name(), &become_.user),
            None => ("sh", self.user),
        }
    }

    pub(super) fn missing(&self) -> Trouble {
        let (method, wanted) = self.names();
        let program = self.become_.map_or(method.to_owned(), Become::program);
        Trouble::new(
            format!(
                "there is no program `{program}` on the host by which {} could become {wanted}",
                self.user
            ),
            "install it, or choose what the host has: ansible_become_method (sudo, su, doas), ansible_become_exe (its path)",
        )
    }

    pub(super) fn wrong(&self) -> Trouble {
        let method = self.names().0;
        Trouble::new(
            format!("the password for {method} is wrong for {}", self.user),
            "give the right one with -K, or in ansible_become_password",
        )
    }

    pub(super) fn withheld(&self) -> Trouble {
        let method = self.names().0;
        Trouble::new(
            format!(
                "{method} asks for a password, and it may be somebody else who asks: the host's key has changed"
            ),
            "see whether the key was replaced, and mend known_hosts; no password is sent before",
        )
    }

    pub(super) fn asks(&self) -> Trouble {
        let method = self.names().0;
        let why = self.become_.map(Become::lack).unwrap_or_default();
        Trouble::new(
            format!("{method} asks {} for a password, and {why}", self.user),
            "give it with -K (--ask-become-pass), or in ansible_become_password",
        )
    }

    /// It ended after it had got the password.
    pub(super) fn denied(&self, greeting: &Greeting) -> Trouble {
        let (method, wanted) = self.names();
        Trouble::new(
            format!("{method} did not make {} {wanted}, though it got a password", self.user),
            format!("see what it says; the password may be wrong, or {method}'s rules may not allow {} to become {wanted}", self.user),
        )
        .log(&sanitise_lines(&greeting.said()))
    }

    /// Nothing of ours has run within `limit`, and it may be that nothing of another user's was started.
    pub(super) fn login_is_silent(&self, limit: Duration) -> Trouble {
        let (method, _) = self.names();
        let user = self.user;
        let (who, may_be) = match self.become_ {
            Some(become_) if become_.method == Method::Sudo && become_.password.is_none() => (
                format!(", or {method} behind it,"),
                format!(", or `{method}` waits for something"),
            ),
            _ => (String::new(), String::new()),
        };
        Trouble::new(
            format!(
                "the login shell of {user}{who} did not answer within {} s",
                limit.as_secs_f32()
            ),
            format!(
                "see what `ssh {user}@HOST true` does by hand: what the shell reads at its start (~/.bashrc) may not end{may_be}"
            ),
        )
    }

    pub(super) fn silent(&self, greeting: &Greeting) -> Trouble {
        let (method, wanted) = self.names();
        Trouble::new(
            format!("{method} said nothing more for {} s, and {} is not {wanted}", PATIENCE.as_secs(), self.user),
            format!("see what `{method}` waits for on the host by hand: PAM may ask for more than a password, or a directory of users may not answer"),
        )
        .log(&sanitise_lines(&greeting.said()))
    }

    /// It ended before it did anything.
    pub(super) fn ended(&self, said: &str) -> Trouble {
        let (method, wanted) = self.names();
        let trouble = match self.become_ {
            // It speaks in its own name; a shell that did not find it, or an account that may not log
            // in, does not.
            Some(_) if !said.lines().any(|line| line.starts_with(&format!("{method}:"))) => {
                Trouble::new(
                    format!("the host ran no script of ours by {method}"),
                    format!(
                        "see what it says: {method} may be missing there, or the account of {} may have no shell",
                        self.user
                    ),
                )
            }
            Some(_) if says_unknown(said, wanted) => Trouble::new(
                format!("{method} did not make {} {wanted}: it knows no such user", self.user),
                "check the user's name (ansible_become_user, --become-user), or make the user on the host",
            ),
            Some(become_) if become_.password.is_none() => Trouble::new(
                format!(
                    "{method} did not make {} {wanted} without a password, and {}",
                    self.user,
                    become_.lack()
                ),
                format!(
                    "see what it says. If it wants a password, give it with -K; {method} must let {} run every command (for sudo: a line `{} ALL=(ALL) ALL` by visudo)",
                    self.user, self.user
                ),
            ),
            Some(_) => Trouble::new(
                format!(
                    "{method} did not make {} {wanted}, and did not ask for a password",
                    self.user
                ),
                format!("see what it says, and whether {method}'s rules allow it"),
            ),
            None => Trouble::new(
                "the host ran no script of ours by `sh`",
                format!(
                    "see what `ssh {}@HOST sh` does by hand; a forced command or a login shell that is none keeps us out",
                    self.user
                ),
            ),
        };
        trouble.log(&sanitise_lines(said.trim()))
    }
}

/// Whether sudo, su or doas say that the host does not know the user `wanted`.
fn says_unknown(said: &str, wanted: &str) -> bool {
    let words = ["unknown user".to_owned(), format!("user {wanted} does not exist")];
    words.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_is_unknown_needs_no_password() {
        for (method, said, expected) in [
            (Method::Sudo, "sudo: unknown user nosuch", "it knows no such user"),
            (
                Method::Sudo,
                "sudo: unknown user: nosuch\nsudo: error initializing audit plugin",
                "it knows no such user",
            ),
            (
                Method::Su,
                "su: user nosuch does not exist or the user entry does not contain all the required fields",
                "it knows no such user",
            ),
            (Method::Doas, "doas: unknown user", "it knows no such user"),
            (Method::Sudo, "sudo: a password is required", "without a password"),
        ] {
            let become_ = Become {
                method,
                user: "nosuch".to_owned(),
                password: None,
                exe: None,
                flags: None,
                no_password: None,
            };
            let trouble = Wanted { user: "ops", become_: Some(&become_) }.ended(said);
            assert!(trouble.what.contains(expected), "{said}: {}", trouble.what);
            assert_eq!(
                trouble.next.contains("-K"),
                expected == "without a password",
                "{}",
                trouble.next
            );
        }
    }
}
