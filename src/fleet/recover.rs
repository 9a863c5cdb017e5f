//! What an earlier run has left unfinished on a host, and what this one has where the connection was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::confirm::{FAREWELL, PATIENCE};
use super::host::Driver;
use super::result::Outcome;
use super::shell::{exec_trouble, word};
use super::{Mode, NoWay};
use crate::remote::{self, Depth, Probe, Progress, Request, recover_script};

/// How long it may take to put a host back: services are stopped and started.
const LIMIT: Duration = Duration::from_secs(300);

/// How often a host is asked anew that does not answer, or has not ended yet.
const PAUSE: Duration = Duration::from_secs(2);

/// How long it is asked: it ends by itself when it has waited for a word for that long, and that takes a moment.
const ASKED: Duration = PATIENCE.saturating_add(Duration::from_secs(15));

impl Driver<'_> {
    /// Whether the host has kept the change of this run, of which nothing more was heard: it is asked over a connection
    /// of its own. None where that is not to be had in time.
    pub(super) async fn has_kept(&mut self) -> Option<bool> {
        let clock = self.result.clock;
        let kept = timeout(ASKED, self.ask_until_ended()).await;
        // These looks are not about the clock.
        self.result.clock = clock;
        kept.ok().flatten()
    }

    async fn ask_until_ended(&mut self) -> Option<bool> {
        let request = Request::new(&BTreeSet::new(), &[]).with_past(Depth::Changes);
        loop {
            match self.shared.means.connect(&self.job.name, &self.job.reach).await {
                Ok(shell) => {
                    self.result.execs += self.shell.link().execs();
                    self.shell = shell;
                    let past = self.look(&request).await.ok().map(|probe| probe.past);
                    if let Some(past) = past.filter(|it| it.unfinished.is_empty() && !it.is_held())
                    {
                        let run = &self.shared.runs.this;
                        // Of a change that was put back packages may be in the history.
                        let mut ours = past.changes.iter().filter(|about| about.run == *run);
                        return Some(ours.any(|about| about.stays.is_empty()));
                    }
                }
                Err(NoWay::Interrupted) => return None,
                Err(NoWay::Error(_)) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Brings to an end what was left unfinished on the host. True when there was something: then the host is
    /// another one than `probe` saw.
    pub(super) async fn recover(&mut self, probe: &Probe) -> Result<bool, Outcome> {
        let order = &self.shared.order;
        let lock = probe.past.lock.as_ref();
        let is_held = lock.is_some_and(|lock| lock.alive);
        let is_clean = probe.past.unfinished.is_empty();
        match order.mode {
            // A run that was ended when all but this was done has left its lock.
            Mode::Setup | Mode::Rollback if !is_clean || lock.is_some() && !is_held => {}
            _ if is_clean => return Ok(false),
            Mode::Check | Mode::RollbackCheck if !is_held => {
                self.result.notes.push(
                    "a change that was cut off is unfinished: the next run brings it to an end first"
                        .to_owned(),
                );
                return Ok(false);
            }
            _ => return Ok(false),
        }
        let what = "the end of an unfinished change";
        let (mark, token) = (word()?, word()?);
        let script = recover_script(&order.by, order.break_lock, &mark, &token);
        let lost = |error| exec_trouble(what, &error);
        let mut talk = self.shell.start(what, &script, &mark, LIMIT).await?;
        while let Some(section) = talk.next(LIMIT).await.map_err(lost)? {
            if Progress::of(section) == Some(Progress::Ended) {
                let ended = remote::Outcome::of(talk.sections());
                self.note_told(talk.sections());
                talk.end(FAREWELL).await;
                return match ended {
                    remote::Outcome::Changed => Ok(true),
                    ended => Err(self.failed(ended, false, &token).into()),
                };
            }
        }
        Err(self.cut_off(what, &talk).into())
    }
}
