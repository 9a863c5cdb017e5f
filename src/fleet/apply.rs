//! Carrying out a plan on a host: stage, wait for the source, activate.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use secrecy::zeroize::Zeroizing;

use super::confirm::{self, Open, meanwhile};
use super::gate::Source;
use super::host::{Driver, called_off};
use super::left::packages_stay;
use super::muster::Stage;
use super::policy::held_back;
use super::result::{Outcome, Trouble};
use super::send::{STALL, Sending, stalled};
use super::shell::{exec_trouble, word};
use super::talk::Talk;
use super::{Doing, Part, Standing};
use crate::exec::ExecError;
use crate::length;
use crate::remote::{
    self, Errand, Probe, Progress, Section, Sight, Word, apply_script, name_targets,
    packages_that_stay,
};
use crate::resource::Upload;
use crate::sanitise::{sanitise, sanitise_lines};

/// How long a host may go without a sign of life while it changes: package managers are slow on
/// slow lines, and everything else has ended long before.
const SILENCE: Duration = Duration::from_secs(900);

/// A clock that is so many seconds off may be why no package can be had: certificates and signed lists
/// of packages are made to bear less than that.
const WRONG_CLOCK: f64 = 3600.0;

/// Why a staged run is called off.
enum Hold {
    /// The user ended it.
    Interrupted,
    /// Others keep it from going on: its source, or too many that failed.
    Others(Trouble),
}

impl Driver<'_> {
    /// Carries out the plan. False when the run was interrupted before anything changed.
    pub(super) async fn apply(&mut self, probe: &Probe) -> Result<bool, Outcome> {
        let (mark, token) = (word()?, word()?);
        let confirm = self.confirms(probe);
        let names = self.names();
        let far = self.shell.is_far();
        let sight = Sight { chrony: &probe.facts.chrony, names: &names, far };
        let errand = Errand {
            plan: &self.result.plan,
            ending: self.history.ending,
            state: self.history.state.clone(),
            by: &self.shared.order.by,
            cluster: &self.shared.order.cluster,
            run: &self.shared.runs.this,
            expects: probe.past.newest,
            confirm: confirm.then_some(confirm::PATIENCE),
            break_lock: self.shared.order.break_lock,
            sight: self.shared.order.verify.then_some(sight),
            far,
        };
        // Keys may stand in it.
        let script = Zeroizing::new(apply_script(&errand, &mark, &token));
        let lost = |error: ExecError| exec_trouble("the changes", &error);
        self.stands(Standing::Staging);
        let mut talk = self.shell.start("the changes", &script, &mark, SILENCE).await?;
        self.changing = true;
        let mut held = None;
        let mut asked = Asked::default();
        let mut sending = Sending::of(&[]);
        loop {
            let heard = match sending.is_under_way() {
                false => talk.next(SILENCE).await,
                true => talk.next(STALL).await.map_err(|error| match error {
                    ExecError::TimedOut(_) => stalled(),
                    error => error,
                }),
            };
            let Some(section) = heard.map_err(lost)? else { break };
            match Progress::of(section) {
                None => {}
                Some(Progress::Upload(number)) => {
                    asked.files_of(number)?;
                    sending = Sending::of(self.uploads(number));
                    self.send(&mut talk, &mut sending).await.map_err(lost)?;
                }
                Some(Progress::Got(bytes)) => {
                    sending.note_taken(bytes);
                    if sending.is_here() && self.shared.means.cancel.is_cancelled() {
                        // The host finds its input ended, and is rid of what has come.
                        return Ok(false);
                    }
                    self.send(&mut talk, &mut sending).await.map_err(lost)?;
                }
                Some(Progress::Step(number)) => self.tell_step(number, asked.staged),
                Some(Progress::Staged) => {
                    asked.its_turn()?;
                    held = meanwhile(&mut talk, self.wait_for_turn()).await;
                    match held {
                        None => {
                            self.activated = Some(Instant::now());
                            self.stands(Standing::Changing);
                            talk.say("go").await;
                        }
                        Some(_) => talk.hang_up().await,
                    }
                }
                Some(Progress::Activated) if self.shared.order.verify => {
                    self.note_done(&remote::Outcome::Changed, &[]);
                    self.changing = true;
                    self.open = Some(Open { talk: Some(talk), token, confirm });
                    return Ok(true);
                }
                // Nothing is to be proved: it keeps the change by itself.
                Some(Progress::Activated) => {}
                Some(Progress::Ended) => {
                    let ended = remote::Outcome::of(talk.sections());
                    self.note_done(&ended, talk.sections());
                    let begun = self.begun(talk.sections());
                    talk.end(confirm::FAREWELL).await;
                    return Ok(self.ended(ended, held, begun, &token)?);
                }
            }
        }
        Err(self.cut_off("the script that changes the host", &talk).into())
    }

    /// The files of a change.
    fn uploads(&self, number: usize) -> &[Upload] {
        let mut changes = self.result.plan.changes.iter();
        let change = changes.find(|change| change.number == number);
        change.map(|change| change.work.uploads.as_slice()).unwrap_or_default()
    }

    /// What the script's own word for its end means.
    fn ended(
        &self,
        ended: remote::Outcome,
        held: Option<Hold>,
        begun: bool,
        token: &Word,
    ) -> Result<bool, Trouble> {
        match (ended, held) {
            (remote::Outcome::Changed, _) => Ok(true),
            (remote::Outcome::Dropped, Some(Hold::Others(trouble))) => Err(trouble),
            (remote::Outcome::Dropped, _) => Ok(false),
            (ended, _) => Err(self.failed(ended, begun, token)),
        }
    }

    /// Whether a change was made that is put back when another fails. Staging changes nothing.
    fn begun(&self, sections: &[Section]) -> bool {
        let staged = sections.iter().position(|section| section.name == "staged");
        let failed = sections.iter().find(|s| s.name == "failed").and_then(Section::number);
        let of = |number| self.result.plan.changes.iter().find(move |c| Some(c.number) == number);
        sections.iter().enumerate().any(|(at, section)| {
            let change = of(section.number()).filter(|_| section.name == "step");
            change.filter(|change| Some(change.number) != failed).is_some_and(|change| {
                staged.is_some_and(|staged| at > staged) || change.work.sets_clock()
            })
        })
    }

    /// Notes which changes stand: all of them, or packages, which nothing takes away again.
    pub(super) fn note_done(&mut self, ended: &remote::Outcome, sections: &[Section]) {
        self.changing = false;
        let all = *ended == remote::Outcome::Changed;
        let of = |name: &str, number: usize| {
            sections.iter().any(|s| s.name == name && s.number() == Some(number))
        };
        for change in &mut self.result.plan.changes {
            let prepared = of("step", change.number) && !of("failed", change.number);
            change.done = all || (prepared && change.work.lasts());
        }
        let stay = packages_that_stay(sections);
        if !stay.is_empty() {
            self.result.notes.push(packages_stay(&stay, None));
        }
        self.note_told(sections);
    }

    /// Notes what the host has to say besides.
    pub(super) fn note_told(&mut self, sections: &[Section]) {
        for told in sections.iter().filter(|section| section.name == "told") {
            self.result.notes.extend(told.text().lines().map(ToOwned::to_owned));
        }
    }

    /// A change is told once: when it is made, not when it is staged.
    fn tell_step(&self, number: usize, staged: bool) {
        let mut changes = self.result.plan.changes.iter();
        let change = changes.find(|change| change.number == number);
        if let Some(change) = change.filter(|c| staged || c.work.activate.is_none()) {
            self.tell(Doing::Changing(change.summary.clone()));
        }
    }

    /// Waits until this host may go on; what keeps it from that, if anything.
    async fn wait_for_turn(&mut self) -> Option<Hold> {
        match self.muster(Stage::Staged).await {
            _ if self.shared.means.cancel.is_cancelled() => return Some(Hold::Interrupted),
            Err(Outcome::Failed(trouble)) => return Some(Hold::Others(trouble)),
            Err(_) => return Some(Hold::Interrupted),
            Ok(()) => {}
        }
        if self.job.part == Part::Source || !self.shared.order.verify {
            return None;
        }
        self.tell(Doing::WaitingForSource);
        let source = tokio::select! {
            source = self.source_before() => source,
            // A source that is lost also says why its clients go no further: that is the nearer reason.
            why = self.ticket.muster().until_spent() => match self.source_known() {
                lost @ Source::Lost(_) => Some(lost),
                _ => return Some(Hold::Others(held_back(Stage::Staged.left(), &why))),
            },
        };
        match source {
            Some(Source::Serving | Source::Changed | Source::Set) => None,
            // With nobody to follow it is its turn to lead.
            Some(Source::Lost(_)) if self.job.part == Part::Standby => None,
            Some(Source::Lost(why)) => {
                Some(Hold::Others(called_off(&why, "its old configuration stays").held_back()))
            }
            Some(Source::Pending) | None => Some(Hold::Interrupted),
        }
    }

    /// Waits for the source that this host will follow; none when the run is interrupted.
    pub(super) async fn source_before(&self) -> Option<Source> {
        let cancel = &self.shared.means.cancel;
        let rank = self.shared.order.rank(&self.job.name);
        tokio::select! {
            // A source that is lost because the run ends is no reason to go on without it.
            biased;
            () = cancel.cancelled() => None,
            source = self.shared.gate.before(rank) => Some(source),
        }
    }

    /// A change failed on the host. `begun`: others had been made.
    pub(super) fn failed(&self, outcome: remote::Outcome, begun: bool, token: &Word) -> Trouble {
        let usual = "mend the cause and run again".to_owned();
        let (failure, back, mut next) = match outcome {
            remote::Outcome::Undone(failure) if failure.leaves => {
                (failure, "not all of it could be put back: see the notes", usual)
            }
            remote::Outcome::Undone(failure) if begun => {
                (failure, "what had been changed before was put back", usual)
            }
            remote::Outcome::Undone(failure) if failure.installed => {
                (failure, "nothing was changed but installed packages", usual)
            }
            remote::Outcome::Undone(failure) => (failure, "nothing was changed", usual),
            remote::Outcome::NotUndone(failure) => (
                failure,
                "and not everything could be put back",
                "look at the host: it goes on telling that until a change is kept (/var/lib/ezsync/left)"
                    .to_owned(),
            ),
            remote::Outcome::Held(whose) => {
                return Trouble::new(
                    format!("another run has this host: {}", sanitise(&whose)),
                    "wait for it to end, or end it with --break-lock",
                );
            }
            remote::Outcome::Moved => {
                return Trouble::new(
                    "it was changed since it was looked at",
                    "run again: it is looked at anew",
                );
            }
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
            // A way back has no tasks.
            match change.task.is_empty() {
                true => format!("`{}`", change.summary),
                false => format!("{} : {}: `{}`", change.role, change.task, change.summary),
            }
        });
        if failure.no_network && change.is_some_and(|c| c.work.installs()) {
            next = "this host reaches no repository of packages: bring them along (`ezsync bundle create`, \
                    then `ezsync setup --bundle FILE`), or mend its network, and run again"
                .to_owned();
        }
        if meets_start_limit(&failure.log) {
            next = "systemd refuses to start a service that was started too often within seconds: wait 10 s (or run \
                    `systemctl reset-failed` for it on the host), then run again"
                .to_owned();
        }
        if let Some(clock) =
            self.wrong_clock().filter(|_| change.is_some_and(|c| c.work.installs()))
        {
            next = clock;
        }
        let log = name_targets(&failure.log, token);
        Trouble::new(format!("{what} failed; {back}"), next).log(&sanitise_lines(&log))
    }

    /// What to do about a clock that is too wrong for package managers, where it is and this run does not
    /// set it.
    fn wrong_clock(&self) -> Option<String> {
        if self.result.plan.changes.iter().any(|change| change.work.sets_clock()) {
            return None;
        }
        let off = self.result.clock?.before.measure();
        if !off.exceeds(WRONG_CLOCK) {
            return None;
        }
        let (way, why) = if off.seconds < 0.0 {
            ("behind", "take nothing from the future")
        } else {
            ("ahead of", "take certificates and lists of packages for expired")
        };
        let length = length::rough(off.seconds.abs());
        Some(format!(
            "its clock is {length} {way} this controller's, and package managers {why}: set it first \
             (`--set-clock` for a source that runs free; `date -s` on this host), then run again"
        ))
    }

    /// A script (`what`) ended without a result.
    pub(super) fn cut_off(&self, what: &str, talk: &Talk) -> Trouble {
        let (said, status) = talk.ending();
        let status = status.map_or("no status".to_owned(), ToString::to_string);
        Trouble::new(
            format!("{what} ended too soon ({status})"),
            "run again: it takes up from what stands there",
        )
        .log(&sanitise_lines(&said))
    }
}

/// Whether systemd refused to start a service, by what it and systemctl said.
fn meets_start_limit(log: &str) -> bool {
    ["attempted too often", "Start request repeated too quickly", "start-limit-hit"]
        .iter()
        .any(|sign| log.contains(sign))
}

/// What a host has asked for. Our script does so once, and each time costs us as much as the first.
#[derive(Default)]
struct Asked {
    /// The files of changes with these numbers.
    files: BTreeSet<usize>,
    /// Whether it may go on.
    staged: bool,
}

impl Asked {
    fn files_of(&mut self, number: usize) -> Result<(), Trouble> {
        if self.staged || !self.files.insert(number) { Err(asks_again()) } else { Ok(()) }
    }

    fn its_turn(&mut self) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.staged, true) { Err(asks_again()) } else { Ok(()) }
    }
}

fn asks_again() -> Trouble {
    Trouble::new(
        "it asks a second time for what it has got: it is not our script that answers",
        "find out who answers in the place of this host, or changes its answers",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_nothing_twice() {
        let mut asked = Asked::default();
        assert!(asked.files_of(1).is_ok() && asked.files_of(2).is_ok());
        assert!(asked.files_of(1).is_err());
        assert!(asked.its_turn().is_ok());
        assert!(asked.its_turn().is_err());
        assert!(asked.files_of(3).is_err(), "nothing is sent once it is staged");
    }
}
