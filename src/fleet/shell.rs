//! A shell on a host, as the user who is wanted there, that runs our scripts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::clock::FAR;
use super::link::{Exec, Link};
use super::result::{Outcome, Trouble};
use super::talk::{Talk, wiped};
use crate::access::Reach;
use crate::exec::{Event, ExecError};
use crate::remote::{Become, Greeting, Heard, MORE, Opening, Stream, Word};
use crate::sanitise::sanitise_lines;

/// How long the program that makes us another user may say nothing: directories of users may be
/// far away, and a wrong password is answered late on purpose.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long that may take in all, whatever the host says meanwhile.
const OPENING: Duration = Duration::from_secs(60);

/// Runs scripts on a host.
pub(super) struct Shell {
    link: Link,
    /// Who logs in.
    user: String,
    become_: Option<Become>,
    /// The host wants us to have a terminal: found out by trying.
    terminal: AtomicBool,
    /// The shell of a script that has said all, and waits for another one.
    waiting: Mutex<Option<Talk>>,
}

/// Why there is no shell.
enum NoShell {
    /// It ended before it did anything: what it printed, and how it ended.
    Ended(String),
    /// For good.
    Refused(Trouble),
    /// The connection, or its server.
    Exec(ExecError),
}

impl From<ExecError> for NoShell {
    fn from(error: ExecError) -> Self {
        Self::Exec(error)
    }
}

impl Shell {
    pub(super) fn new(link: Link, reach: &Reach) -> Self {
        let terminal = AtomicBool::new(false);
        let waiting = Mutex::new(None);
        Self { link, user: reach.user.clone(), become_: reach.become_.clone(), terminal, waiting }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    pub(super) async fn close(self) {
        self.link.close().await;
    }

    /// Keeps the shell of `talk`, whose script waits for [`MORE`], for the next script. On a terminal it ends.
    pub(super) async fn leave_open(&self, mut talk: Talk) {
        if self.on_terminal() {
            // Its last word is not waited for: that would be one more way there and back.
            talk.hang_up().await;
        } else {
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(talk);
        }
    }

    /// A talk with the shell that waits for another script.
    fn take_waiting(&self, mark: &Word) -> Option<Talk> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()?.onward(mark)
    }

    /// Whether each way to the host and back takes long.
    pub(super) fn is_far(&self) -> bool {
        self.link.round_trip().is_some_and(|time| time > FAR)
    }

    /// Starts `script`, whose sections begin with `mark`, and waits, as long as `limit` at the
    /// most, for the first of them. `what` is going on, for whom it may concern.
    pub(super) async fn start(
        &self,
        what: &str,
        script: &str,
        mark: &Word,
        limit: Duration,
    ) -> Result<Talk, Outcome> {
        let first = self.attempt(script, mark, limit).await;
        let may_try = self.become_.is_some() && self.link.has_terminals();
        let ended = match first {
            Err(NoShell::Ended(ended)) if may_try && !self.on_terminal() => ended,
            other => return other.map_err(|no| self.outcome(what, no)),
        };
        // In whatever words it was said: some programs want a terminal (sudo's `requiretty`).
        self.terminal.store(true, Ordering::Relaxed);
        let second = self.attempt(script, mark, limit).await;
        second.map_err(|no| match no {
            NoShell::Exec(ExecError::Lost(_)) => self.outcome(what, no),
            NoShell::Exec(_) => self.outcome(what, NoShell::Ended(ended)),
            other => self.outcome(what, other),
        })
    }

    fn on_terminal(&self) -> bool {
        self.terminal.load(Ordering::Relaxed)
    }

    async fn attempt(&self, script: &str, mark: &Word, limit: Duration) -> Result<Talk, NoShell> {
        if let Some(mut talk) = self.take_waiting(mark) {
            talk.say(MORE).await;
            match self.send(talk, script, limit).await {
                // Somebody may have ended it while it waited.
                Err(NoShell::Ended(_)) => {}
                other => return other,
            }
        }
        let word = word().map_err(NoShell::Refused)?;
        let opening = match &self.become_ {
            Some(become_) => become_.opening(self.on_terminal(), &word),
            None => Opening::own(),
        };
        let opened = async {
            let mut exec = self.link.exec(&opening.command, opening.terminal).await?;
            let rest = match opening.greeting {
                Some(greeting) => self.greet(&mut exec, greeting).await?,
                None => Vec::new(),
            };
            Ok::<_, NoShell>((exec, rest))
        };
        let opened = timeout(OPENING, opened).await;
        let (exec, rest) = opened.map_err(|_| ExecError::TimedOut(OPENING))??;
        self.send(Talk::new(exec, mark, opening.terminal, &rest), script, limit).await
    }

    /// Sends `script`, and waits for its first section.
    async fn send(&self, mut talk: Talk, script: &str, limit: Duration) -> Result<Talk, NoShell> {
        let begun = async {
            match self.is_far() {
                true => talk.send_timed(script).await,
                false => talk.send(script).await,
            }
            talk.has_begun().await
        };
        match timeout(limit, begun).await.map_err(|_| ExecError::TimedOut(limit))?? {
            true => Ok(talk),
            false => {
                let (said, status) = talk.ending();
                let status = status.map_or(String::new(), |status| format!(" ({status})"));
                Err(NoShell::Ended(format!("{}\n{said}{status}", talk.preamble())))
            }
        }
    }

    /// Listens until the other user's shell is there, and answers its one question. Gives what
    /// that shell has said already.
    async fn greet(&self, exec: &mut Exec, mut greeting: Greeting) -> Result<Vec<u8>, NoShell> {
        loop {
            let Ok(event) = timeout(PATIENCE, exec.events.next()).await else {
                return Err(NoShell::Refused(self.silent(&greeting)));
            };
            let heard = match event? {
                Some(Event::Stdout(bytes)) => greeting.hear(Stream::Out, &bytes),
                Some(Event::Stderr(bytes)) => greeting.hear(Stream::Err, &bytes),
                Some(Event::Exit(_)) => Heard::Nothing,
                None if greeting.was_asked() => {
                    return Err(NoShell::Refused(self.denied(&greeting)));
                }
                None => return Err(NoShell::Ended(greeting.said())),
            };
            match (heard, self.password()) {
                (Heard::Nothing, _) => {
                    if let Some(limit) = greeting.too_much() {
                        return Err(ExecError::TooMuchOutput(limit).into());
                    }
                }
                (Heard::Ready(rest), _) => return Ok(rest),
                (Heard::Asked, Some(_)) if self.link.is_doubtful() => {
                    return Err(NoShell::Refused(self.withheld()));
                }
                (Heard::Asked, Some(password)) => {
                    // Of one size from the start: what grows leaves copies behind.
                    let secret = password.expose_secret();
                    let mut line = Zeroizing::new(String::with_capacity(secret.len() + 1));
                    line.push_str(secret);
                    line.push('\n');
                    // A program that has ended does not hear it: its events tell.
                    let _ = exec.stdin.write(wiped(&line)).await;
                }
                (Heard::Asked, None) => return Err(NoShell::Refused(self.asks())),
                (Heard::AskedAgain, _) => return Err(NoShell::Refused(self.wrong())),
            }
        }
    }

    fn password(&self) -> Option<&SecretString> {
        self.become_.as_ref()?.password.as_ref()
    }

    /// `sudo` and the like, and whom it should make us.
    fn names(&self) -> (&'static str, &str) {
        match &self.become_ {
            Some(become_) => (become_.method.name(), &become_.user),
            None => ("sh", &self.user),
        }
    }

    fn wrong(&self) -> Trouble {
        let method = self.names().0;
        Trouble::new(
            format!("the password for {method} is wrong for {}", self.user),
            "give the right one with -K, or in ansible_become_password",
        )
    }

    fn withheld(&self) -> Trouble {
        let method = self.names().0;
        Trouble::new(
            format!(
                "{method} asks for a password, and it may be somebody else who asks: the host's key has changed"
            ),
            "see whether the key was replaced, and mend known_hosts; no password is sent before",
        )
    }

    fn asks(&self) -> Trouble {
        let method = self.names().0;
        let why = self.become_.as_ref().map(Become::lack).unwrap_or_default();
        Trouble::new(
            format!("{method} asks {} for a password, and {why}", self.user),
            "give it with -K (--ask-become-pass), or in ansible_become_password",
        )
    }

    /// It ended after it had got the password.
    fn denied(&self, greeting: &Greeting) -> Trouble {
        let (method, wanted) = self.names();
        Trouble::new(
            format!("{method} did not make {} {wanted}, though it got a password", self.user),
            format!("see what it says; the password may be wrong, or {method}'s rules may not allow {} to become {wanted}", self.user),
        )
        .log(&sanitise_lines(&greeting.said()))
    }

    fn silent(&self, greeting: &Greeting) -> Trouble {
        let (method, wanted) = self.names();
        Trouble::new(
            format!("{method} said nothing more for {} s, and {} is not {wanted}", PATIENCE.as_secs(), self.user),
            format!("see what `{method}` waits for on the host by hand: PAM may ask for more than a password, or a directory of users may not answer"),
        )
        .log(&sanitise_lines(&greeting.said()))
    }

    /// It ended before it did anything.
    fn ended(&self, said: &str) -> Trouble {
        let (method, wanted) = self.names();
        let trouble = match &self.become_ {
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

    fn outcome(&self, what: &str, no: NoShell) -> Outcome {
        match no {
            NoShell::Ended(said) => self.ended(&said).into(),
            NoShell::Refused(trouble) => trouble.into(),
            NoShell::Exec(error) => exec_trouble(what, &error),
        }
    }
}

/// A connection or command that failed while `what` was going on. A host that was lost is
/// unreachable in Ansible's sense; one that takes no command, or does not end it, has failed.
pub(super) fn exec_trouble(what: &str, error: &ExecError) -> Outcome {
    let what = format!("{what} did not end: {error}");
    match error {
        ExecError::Lost(_) => Outcome::Unreachable(Trouble::new(
            what,
            "see whether the host and the network are up, then run again: a change that was under way \
             goes to its end, or is undone, by itself",
        )),
        _ => Outcome::Failed(Trouble::new(
            what,
            "see whether the host is up and not overloaded, then run again",
        )),
    }
}

/// A word of the run's own.
pub(super) fn word() -> Result<Word, Trouble> {
    Word::random().map_err(|error| {
        let what = format!("this machine gives no random numbers: {error}");
        Trouble::new(what, "look at its kernel log")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Way;
    use crate::local::Machine;
    use crate::remote::Method;

    /// What comes of a script that `program` should run in the place of sudo.
    async fn run_by(program: &str) -> Outcome {
        let become_ = Become {
            method: Method::Sudo,
            user: "root".to_owned(),
            password: Some("geheim".into()),
            no_password: None,
            exe: Some(program.to_owned()),
            flags: None,
        };
        let reach = Reach { way: Way::Local, user: "ops".to_owned(), become_: Some(become_) };
        let shell = Shell::new(Link::Local(Machine::default()), &reach);
        let mark = word().unwrap();
        let limit = Duration::from_secs(20);
        match timeout(limit, shell.start("the probe", "exit", &mark, limit)).await.unwrap() {
            Ok(_) => panic!("it runs"),
            Err(outcome) => outcome,
        }
    }

    #[tokio::test]
    async fn a_host_that_prints_without_end_is_left() {
        let Outcome::Failed(trouble) = run_by("sh -c yes").await else { panic!() };
        assert!(trouble.what.contains("longer than 65536 bytes"), "{}", trouble.what);
    }

    /// A script that says its word and goes on as `next` says.
    fn script(mark: &Word, next: &str) -> String {
        format!("{{\nprintf '\\n%s begun\\n' {}\n{next}\nexit\n}}\n", mark.as_str())
    }

    #[tokio::test]
    async fn a_shell_that_waits_reads_the_next_script() {
        let reach = Reach { way: Way::Local, user: "ops".to_owned(), become_: None };
        for (ending, execs) in [
            ("read -r order; if [ \"$order\" = more ]; then exec sh; fi", 1),
            // Somebody has ended it meanwhile.
            ("exit", 2),
        ] {
            let shell = Shell::new(Link::Local(Machine::default()), &reach);
            for ending in [ending, "exit"] {
                let mark = word().unwrap();
                let limit = Duration::from_secs(20);
                let script = script(&mark, ending);
                let talk = shell.start("a script", &script, &mark, limit).await.ok().unwrap();
                shell.leave_open(talk).await;
            }
            assert_eq!(shell.link().execs(), execs, "{ending}");
        }
    }
}
