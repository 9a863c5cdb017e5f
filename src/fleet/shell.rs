//! A shell on a host, as the user who is wanted there, that runs our scripts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::clock::FAR;
use super::link::{Exec, Link};
use super::noshell::Wanted;
use super::result::{Outcome, Trouble};
use super::talk::{Talk, wiped};
use crate::access::Reach;
use crate::exec::{Event, ExecError};
use crate::remote::{Become, Greeting, Heard, MORE, Opening, Stream, Word};

/// How long the program that makes us another user may say nothing: directories of users may be
/// far away, and a wrong password is answered late on purpose.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing may come behind what looks like a prompt for it to be one: a program that says more
/// says it at once.
const SETTLE: Duration = Duration::from_millis(500);

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
    /// Nothing has come of the login shell in its time.
    silent: AtomicBool,
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
        let (user, become_) = (reach.user.clone(), reach.become_.clone());
        let (terminal, silent) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { link, user, become_, terminal, silent, waiting: Mutex::new(None) }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether nothing has come of the login shell in its time: nobody was to become another yet.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
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
        let greeted = opening.greeting.is_some();
        let opened = async {
            let mut exec = self.link.exec(&opening.command, opening.terminal).await?;
            let rest = match opening.greeting {
                Some(greeting) => self.greet(&mut exec, greeting, limit).await?,
                None => Vec::new(),
            };
            Ok::<_, NoShell>((exec, rest))
        };
        let opened = timeout(OPENING, opened).await;
        let (exec, rest) = opened.map_err(|_| ExecError::TimedOut(OPENING))??;
        let talk = Talk::new(exec, mark, opening.terminal, &rest);
        match self.send(talk, script, limit).await {
            Err(NoShell::Exec(ExecError::TimedOut(limit))) if !greeted => {
                Err(self.login_is_silent(limit))
            }
            other => other,
        }
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
    async fn greet(
        &self,
        exec: &mut Exec,
        mut greeting: Greeting,
        limit: Duration,
    ) -> Result<Vec<u8>, NoShell> {
        let mut last = Heard::Nothing;
        loop {
            let may_be_asked = last == Heard::MayBeAsked;
            let patience = match (may_be_asked, greeting.has_begun()) {
                (true, _) => SETTLE,
                (false, true) => PATIENCE,
                (false, false) => PATIENCE.min(limit),
            };
            let heard = match timeout(patience, exec.events.next()).await {
                Err(_) if may_be_asked => greeting.settle(),
                Err(_) if !greeting.has_begun() => return Err(self.login_is_silent(patience)),
                Err(_) => return Err(NoShell::Refused(self.wanted().silent(&greeting))),
                Ok(event) => match event? {
                    Some(Event::Stdout(bytes)) => greeting.hear(Stream::Out, &bytes),
                    Some(Event::Stderr(bytes)) => greeting.hear(Stream::Err, &bytes),
                    Some(Event::Exit(_)) => Heard::Nothing,
                    None if greeting.was_asked() => {
                        return Err(NoShell::Refused(self.wanted().denied(&greeting)));
                    }
                    None => return Err(NoShell::Ended(greeting.said())),
                },
            };
            last = heard.clone();
            match (heard, self.password()) {
                (Heard::Nothing | Heard::MayBeAsked, _) => {
                    if let Some(limit) = greeting.too_much() {
                        return Err(ExecError::TooMuchOutput(limit).into());
                    }
                }
                (Heard::Ready(rest), _) => return Ok(rest),
                (Heard::Missing, _) => return Err(NoShell::Refused(self.wanted().missing())),
                (Heard::Asked, Some(_)) if self.link.is_doubtful() => {
                    return Err(NoShell::Refused(self.wanted().withheld()));
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
                (Heard::Asked, None) => return Err(NoShell::Refused(self.wanted().asks())),
                (Heard::AskedAgain, _) => return Err(NoShell::Refused(self.wanted().wrong())),
            }
        }
    }

    fn password(&self) -> Option<&SecretString> {
        self.become_.as_ref()?.password.as_ref()
    }

    fn login_is_silent(&self, limit: Duration) -> NoShell {
        self.silent.store(true, Ordering::Relaxed);
        NoShell::Refused(self.wanted().login_is_silent(limit))
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { user: &self.user, become_: self.become_.as_ref() }
    }

    fn outcome(&self, what: &str, no: NoShell) -> Outcome {
        match no {
            NoShell::Ended(said) => self.wanted().ended(&said).into(),
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
