//! The word whether a change is kept: the host goes back by itself when it does not come.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::Part;
use super::clients::Proof;
use super::host::Driver;
use super::result::{Outcome, Trouble};
use super::shell::exec_trouble;
use super::talk::Talk;
use crate::exec::ExecError;
use crate::remote::{self, Probe, Progress, Section, Word};

/// How long a host waits for a word before it goes back by itself. A look may take half of that.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a host is told that others are still at it. Staged it waits for 60 s (sh/apply.sh).
const PULSE: Duration = Duration::from_secs(10);

/// How long the host may take to keep a change or to go back: it may have to stop and start services.
const ENDING: Duration = Duration::from_secs(300);

/// How long a script may take to end after its result.
pub(super) const FAREWELL: Duration = Duration::from_secs(10);

/// Of a host whose proof was cut short by the user.
const NOT_PROVED: &str = "not proved before the run was interrupted";

/// Of a host that went back.
const PUT_BACK: &str = "its previous configuration was put back";

/// Of a host that was told to keep its change, and did not say that it has.
const LOST: &str =
    "its time was proved, but the connection was lost when it was told to keep the change";

/// A host that has changed and takes looks until it is told whether to keep that.
pub(super) struct Open {
    /// None where the connection is lost.
    pub talk: Option<Talk>,
    pub token: Word,
    /// Whether it goes back unless it is told to keep it.
    pub confirm: bool,
}

impl Driver<'_> {
    /// Whether the host shall go back when its time is not proved: as it was asked for, or where there is a
    /// configuration of ours to go back to.
    pub(super) fn confirms(&self, probe: &Probe) -> bool {
        let order = &self.shared.order;
        let conf = &probe.facts.chrony.conf;
        order.verify && order.confirm.unwrap_or_else(|| self.rewrites(conf))
    }

    /// Whether the plan replaces the file `conf`, and ezsync wrote that.
    fn rewrites(&self, conf: &str) -> bool {
        self.history.record.as_ref().is_some_and(|record| record.wrote(conf))
            && self.result.plan.changes.iter().any(|change| change.work.writes(conf))
    }

    /// Tells a host that has changed whether to keep that, by what its proof came to.
    pub(super) async fn conclude(
        &mut self,
        open: Open,
        proof: Result<Outcome, Outcome>,
    ) -> Result<Outcome, Outcome> {
        let Open { talk, token, confirm } = open;
        let Some(mut talk) = talk else {
            if confirm {
                self.takes_back();
            }
            return proof.map_err(|lost| if confirm { goes_back_by_itself(lost) } else { lost });
        };
        let mut outcome = proof.unwrap_or_else(|stopped| stopped);
        if confirm && outcome == Outcome::Ok {
            outcome = self.proof_of_clients(&mut talk).await;
        }
        let keeps = !confirm || outcome == Outcome::Ok;
        talk.say(if keeps { "keep" } else { "back" }).await;
        let ended = ending(&mut talk).await;
        let sections = talk.sections().to_vec();
        talk.end(FAREWELL).await;
        match ended {
            Ok(remote::Outcome::Changed) => {
                self.note_done(&remote::Outcome::Changed, &sections);
                if outcome == Outcome::Interrupted {
                    self.result.notes.push(format!("was changed, and {NOT_PROVED}"));
                }
                Ok(outcome)
            }
            Ok(back @ remote::Outcome::WentBack(whole)) => {
                self.note_done(&back, &sections);
                self.takes_back();
                if outcome == Outcome::Interrupted {
                    // What it had begun to say was of the configuration that is gone.
                    self.result.verdict = None;
                    if whole {
                        self.result.notes.push(format!("{NOT_PROVED}: {PUT_BACK}"));
                    }
                }
                let log = sections.iter().find(|section| section.name == "not-undone");
                Err(went_back(outcome, whole, log, &token))
            }
            // It keeps the change in any case.
            _ if !confirm => {
                self.result
                    .notes
                    .push("keeps the change, and did not say that it has ended".to_owned());
                Ok(outcome)
            }
            // Whether it has heard the word only the host knows.
            Ok(_) | Err(_) if keeps => match self.has_kept().await {
                Some(true) => {
                    self.note_done(&remote::Outcome::Changed, &sections);
                    self.result.notes.push(format!("{LOST}: it has kept it"));
                    Ok(outcome)
                }
                Some(false) => {
                    self.changing = false;
                    self.takes_back();
                    Err(Trouble::new(format!("{LOST}: {PUT_BACK}"), "run again").into())
                }
                None => Err(may_be_kept()),
            },
            Ok(_) => Err(goes_back_by_itself(outcome)),
            Err(error) => {
                self.takes_back();
                Err(goes_back_by_itself(exec_trouble("the proof", &error)))
            }
        }
    }

    /// The host is as it was.
    fn takes_back(&mut self) {
        self.result.applied = false;
        self.result.went_back = true;
        for change in &mut self.result.plan.changes {
            change.done = change.work.lasts();
        }
    }

    /// What its clients make of a host that passes by itself. After an interrupt one of them must have passed.
    async fn proof_of_clients(&self, talk: &mut Talk) -> Outcome {
        match self.ask_clients(talk).await {
            Proof::Followed => Outcome::Ok,
            _ if self.shared.means.cancel.is_cancelled() => Outcome::Interrupted,
            Proof::Unknown => Outcome::Ok,
            Proof::Refuted => Trouble::new(
                "none of its clients follows it",
                "look at what the clients say, then run again",
            )
            .into(),
        }
    }

    /// Waits, in a source, until its clients have ended. It does not wait where it holds the place that they need.
    async fn ask_clients(&self, talk: &mut Talk) -> Proof {
        let order = &self.shared.order;
        if self.job.part != Part::Source || self.shared.means.forks <= order.sources.len() {
            return Proof::Followed;
        }
        meanwhile(talk, self.shared.clients.prove()).await
    }
}

/// Waits for `others`, and tells the host all the time to wait as well: it takes silence for the end.
pub(super) async fn meanwhile<T>(talk: &mut Talk, others: impl Future<Output = T>) -> T {
    let mut others = pin!(others);
    loop {
        match timeout(PULSE, &mut others).await {
            Ok(come) => return come,
            Err(_) => talk.say("wait").await,
        }
    }
}

/// Waits for the host's last word.
async fn ending(talk: &mut Talk) -> Result<remote::Outcome, ExecError> {
    while let Some(section) = talk.next(ENDING).await? {
        if Progress::of(section) == Some(Progress::Ended) {
            return Ok(remote::Outcome::of(talk.sections()));
        }
    }
    Err(ExecError::InputClosed)
}

/// What became of a host that went back, with why.
fn went_back(outcome: Outcome, whole: bool, log: Option<&Section>, token: &Word) -> Outcome {
    let words = match whole {
        true => PUT_BACK,
        false => "and not all of its previous configuration could be put back: look at the host",
    };
    let log = log.map(Section::text).unwrap_or_default();
    match outcome {
        Outcome::Failed(trouble) | Outcome::Unreachable(trouble) => {
            let what = format!("{}; {words}", trouble.what);
            let mut trouble = Trouble { what, ..trouble };
            if !whole {
                trouble = trouble.log(&remote::name_targets(&log, token));
            }
            Outcome::Failed(trouble)
        }
        Outcome::Interrupted if whole => Outcome::Interrupted,
        Outcome::Interrupted | Outcome::Ok => {
            Trouble::new(format!("{NOT_PROVED}; {words}"), "run again")
                .log(&remote::name_targets(&log, token))
                .into()
        }
    }
}

/// The same where nothing more is heard of the host.
fn goes_back_by_itself(outcome: Outcome) -> Outcome {
    let words = format!(
        "without the word to keep the change it goes back to its previous configuration by itself within {} s",
        PATIENCE.as_secs()
    );
    match outcome {
        Outcome::Failed(trouble) | Outcome::Unreachable(trouble) => {
            Outcome::Failed(Trouble { what: format!("{}; {words}", trouble.what), ..trouble })
        }
        Outcome::Interrupted | Outcome::Ok => Trouble::new(words, "run again").into(),
    }
}

/// The same where it does not answer any more.
fn may_be_kept() -> Outcome {
    let what = format!(
        "{LOST}, and it does not answer: it has kept it, or goes back to its previous configuration by itself within {} s",
        PATIENCE.as_secs()
    );
    Outcome::Unreachable(Trouble::new(what, "run again: what it has kept is not done again"))
}
