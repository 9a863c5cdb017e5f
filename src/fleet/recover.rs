//! What an earlier run has left unfinished on a host.

use std::time::Duration;

use super::Mode;
use super::confirm::FAREWELL;
use super::host::Driver;
use super::result::Outcome;
use super::shell::{exec_trouble, word};
use crate::remote::{self, Probe, Progress, recover_script};

/// How long it may take to put a host back: services are stopped and started.
const LIMIT: Duration = Duration::from_secs(300);

impl Driver<'_> {
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
