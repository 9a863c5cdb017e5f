//! Carrying out a plan on a host: stage, wait for the source, activate.

use std::time::Duration;

use tokio::time::timeout;

use super::gate::Source;
use super::host::{Driver, exec_trouble};
use super::result::Trouble;
use super::{Doing, Part};
use crate::remote::{Outcome, Progress, Sections, apply_script};
use crate::sanitise::sanitise_lines;
use crate::ssh::{Event, Events, Exec, ExecError, ExitStatus, Stdin};

/// How long a host may go without a sign of life while it changes: package managers are slow on
/// slow lines, and everything else has ended long before.
const SILENCE: Duration = Duration::from_secs(900);

/// What was read of a run so far.
struct Run {
    events: Events,
    sections: Sections,
    seen: usize,
    stderr: Vec<u8>,
    status: Option<ExitStatus>,
}

impl Driver<'_> {
    /// Carries out the plan. False when the run was interrupted before anything changed.
    pub(super) async fn apply(&mut self) -> Result<bool, Trouble> {
        let (mark, token) = (self.word()?, self.word()?);
        let script = apply_script(&self.result.plan, &mark, &token);
        let lost = |error: &ExecError| exec_trouble("the changes", error);
        let Exec { stdin, events } =
            self.session.exec(self.shell()).await.map_err(|error| lost(&error))?;
        let sections = Sections::new(&mark);
        let mut run = Run { events, sections, seen: 0, stderr: Vec::new(), status: None };
        // The script is short; should the host not read it, its events tell why.
        let _ = stdin.write(script.into_bytes()).await;
        let mut stdin = Some(stdin);
        let mut held = None;
        loop {
            let progress = run.next().await.map_err(|error| lost(&error))?;
            match progress {
                None => return Err(self.cut_off(&run)),
                Some(Progress::Step(number)) => self.tell_step(number),
                Some(Progress::Staged) => {
                    held = self.pass_gate(&mut stdin).await;
                }
                Some(Progress::Ended(Outcome::Changed)) => {
                    run.drain().await;
                    return Ok(true);
                }
                Some(Progress::Ended(Outcome::Dropped)) => {
                    return match held {
                        Some(Some(why)) => Err(why),
                        _ => Ok(false),
                    };
                }
                Some(Progress::Ended(outcome)) => return Err(self.failed(outcome)),
            }
        }
    }

    fn tell_step(&self, number: usize) {
        let change = self.result.plan.changes.iter().find(|change| change.number == number);
        if let Some(change) = change {
            self.tell(Doing::Changing(change.summary.clone()));
        }
    }

    /// Lets the script go on when the host's turn has come, or calls it off. Gives what it was
    /// called off for: a trouble, or (inner none) an interruption.
    async fn pass_gate(&self, stdin: &mut Option<Stdin>) -> Option<Option<Trouble>> {
        let held = self.wait_for_turn().await;
        if let Some(stdin) = stdin.take() {
            match held {
                // It is kept open: its end means nothing after this word.
                None => drop(stdin.write(b"go\n".to_vec()).await),
                Some(_) => drop(stdin.close().await),
            }
        }
        held
    }

    async fn wait_for_turn(&self) -> Option<Option<Trouble>> {
        if self.shared.cancel.is_cancelled() {
            return Some(None);
        }
        if self.job.part == Part::Source {
            return None;
        }
        self.tell(Doing::WaitingForSource);
        let source = tokio::select! {
            source = self.shared.gate.decided() => source,
            () = self.shared.cancel.cancelled() => return Some(None),
        };
        match source {
            Source::Serving | Source::Changed => None,
            Source::Lost(why) => Some(Some(Trouble::new(
                format!("not changed, since {why}: its old configuration stays"),
                "mend the source and run again",
            ))),
            Source::Pending => Some(None),
        }
    }

    /// A change failed on the host.
    fn failed(&self, outcome: Outcome) -> Trouble {
        let (failure, back, next) = match outcome {
            Outcome::Undone(failure) => (
                failure,
                "what had been changed before it was put back",
                "mend the cause and run again",
            ),
            Outcome::NotUndone(failure) => (
                failure,
                "and not everything could be put back",
                "look at the host: originals are in /var/lib/ezsync/originals",
            ),
            _ => {
                return Trouble::new(
                    "the host's /var/lib/ezsync cannot be written: is its disk full or read-only?",
                    "make room, then run again",
                );
            }
        };
        let change = failure
            .number
            .and_then(|number| self.result.plan.changes.iter().find(|c| c.number == number));
        let what = change.map_or("a change".to_owned(), |change| {
            format!("{} : {}: `{}`", change.role, change.task, change.summary)
        });
        Trouble::new(format!("{what} failed; {back}"), next).log(&sanitise_lines(&failure.log))
    }

    /// The script ended without a result.
    fn cut_off(&self, run: &Run) -> Trouble {
        let said = String::from_utf8_lossy(&run.stderr);
        Trouble::new(
            format!("the script that changes the host ended too soon ({:?})", run.status),
            "run again: it takes up from what stands there",
        )
        .log(&sanitise_lines(said.trim()))
    }
}

impl Run {
    /// The next sign of progress; none when the script has ended.
    async fn next(&mut self) -> Result<Option<Progress>, ExecError> {
        loop {
            while let Some(section) = self.sections.all().get(self.seen) {
                self.seen += 1;
                if let Some(progress) = Progress::of(section, self.sections.all()) {
                    return Ok(Some(progress));
                }
            }
            let event = timeout(SILENCE, self.events.next())
                .await
                .map_err(|_| ExecError::TimedOut(SILENCE))??;
            match event {
                Some(Event::Stdout(bytes)) => self.sections.feed(&bytes),
                Some(Event::Stderr(bytes)) => self.stderr.extend(bytes),
                Some(Event::Exit(status)) => self.status = Some(status),
                None => return Ok(None),
            }
        }
    }

    /// Reads to the end, so that the channel closes in order.
    async fn drain(&mut self) {
        while let Ok(Some(_)) = self.next().await {}
    }
}
