//! Going back on a host: by one change, or to what stood there before ezsync ever came.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::host::Driver;
use super::left::daemons;
use super::past::{History, refusal, show};
use super::result::{Back, Outcome, Trouble};
use super::{Doing, Mode, Standing};
use crate::facts::Facts;
use crate::history::{Drift, Journal, Record, Since, Way};
use crate::remote::{About, Depth, Ending, Past, Probe, Request};
use crate::resource::{Observed, PathState, Subject};

/// What is told of a host without a past.
pub(super) const NOTHING: &str = "ezsync has changed nothing here that it could go back from";

impl Driver<'_> {
    /// Takes back the newest change, or all of them.
    pub(super) async fn go_back(&mut self) -> Result<Outcome, Outcome> {
        self.tell(Doing::Probing);
        let pristine = self.shared.order.pristine;
        let depth = if pristine { Depth::Origins } else { Depth::Newest };
        let nothing = BTreeSet::new();
        let first = Request::new(&nothing, &[]).with_past(depth);
        let mut probe = self.look_first(&first).await?;
        if self.recover(&probe).await? {
            probe = self.look_first(&first).await?;
        }
        let past = probe.past;
        self.note_left(&past);
        let from = past.about(past.newest).cloned();
        let run = from.as_ref().map(|from| from.run.as_str()).unwrap_or_default();
        if self.shared.runs.last.get().is_some_and(|last| last != run) {
            return Err(changed_meanwhile().into());
        }
        let record = self.record(&past)?;
        let Some(way) = way(&past, pristine)? else {
            self.result.notes.push(NOTHING.to_owned());
            return Ok(Outcome::Ok);
        };
        let request = self.around(&way, record.as_ref(), &probe.facts);
        let probe = self.look_first(&request).await?;
        if probe.past.newest != past.newest {
            return Err(changed_meanwhile().into());
        }
        self.result.plan = way.plan(&probe.observed).map_err(|lost| {
            Trouble::new(
                format!("{lost} is gone: what stood there before is not kept any more"),
                "run `ezsync setup`, which needs no way back, or `ezsync rollback --pristine`, which takes all back at once",
            )
        })?;
        self.result.facts = Some(probe.facts.clone());
        self.tell(Doing::Planned(self.result.plan.changes.len()));
        let then = way.arrived(&probe.observed);
        self.note_what_stays(&way, &probe, record.as_ref(), &then);
        self.spare_edits(&way, &probe, record.as_ref())?;
        let to = if pristine { None } else { before(&past) };
        self.result.back = Some(Box::new(Back { from, to }));
        self.history = self.after(past, record, &way, &then);
        if self.shared.order.mode == Mode::RollbackCheck {
            return Ok(Outcome::Ok);
        }
        if !self.apply(&probe).await? {
            return Ok(Outcome::Interrupted);
        }
        self.result.applied = true;
        self.stands(Standing::Changed);
        self.prove_way(&way, &probe, &request).await
    }

    /// Asks for all that the way is about, what the record knows, and who keeps time there.
    fn around(&self, way: &Way, record: Option<&Record>, facts: &Facts) -> Request {
        let known = record.iter().flat_map(|record| record.subjects());
        let daemons = daemons(facts).map(|name| Subject::Unit(name.to_owned()));
        let subjects: BTreeSet<Subject> = way.subjects().chain(known).chain(daemons).collect();
        Request::new(&subjects, &[])
    }

    /// What becomes of the history: the record is what it was before, and says what is put back. That may be
    /// what somebody else had made of it.
    fn after(&mut self, past: Past, record: Option<Record>, way: &Way, then: &Observed) -> History {
        if self.shared.order.pristine {
            return History { ending: Ending::Pristine, record, state: None };
        }
        // What an old record says is not judged here: it is put back as it was.
        let before = past.before.as_deref().and_then(|text| Record::parse(text).ok());
        let Some(now) = &record else {
            return History { ending: Ending::Pop(past.newest), record, state: past.before };
        };
        let mut back = now.taken_back(before.as_ref());
        if let Some(back) = &mut back {
            let by = self.shared.order.by.clone();
            let since = Since { change: back.change, at: Timestamp::now().as_second(), by };
            let names = way.correct(back, then, &since);
            if !names.is_empty() {
                self.result.notes.push(format!(
                    "comes back as somebody else had left it before that change: {}",
                    names.join(", ")
                ));
            }
        }
        let state = back.map(|record| record.to_json());
        History { ending: Ending::Pop(past.newest), record, state }
    }

    /// Refuses to overwrite what somebody else has written, unless that is wanted.
    fn spare_edits(
        &mut self,
        way: &Way,
        probe: &Probe,
        record: Option<&Record>,
    ) -> Result<(), Trouble> {
        let mut drifts = way.drifts(record, &probe.observed, probe.past.newest);
        // The copies of what was written have been looked at already.
        show(&mut drifts, record, &probe.observed.paths, &probe.observed);
        self.result.drift.clone_from(&drifts);
        if drifts.is_empty() {
            return Ok(());
        }
        let is_folder =
            |path: &str| probe.observed.paths.get(path).is_some_and(PathState::is_directory);
        // One of ours has other words for what differs.
        let in_the_way = |drift: &&Drift| {
            is_folder(&drift.name) && drift.differs.iter().any(|word| word == "is a folder")
        };
        if let Some(drift) = drifts.iter().find(in_the_way) {
            return Err(Trouble::new(
                format!(
                    "a folder stands at {} by now, and nothing was changed: a way back puts files back, and replaces no folders",
                    drift.name
                ),
                format!(
                    "move it away, as with `mv {0} {0}.away` on this host, then run again",
                    drift.name
                ),
            ));
        }
        if self.shared.order.force {
            let names: Vec<&str> = drifts.iter().map(|drift| drift.name.as_str()).collect();
            let names = names.join(", ");
            self.result.notes.push(format!("--force: what was changed by hand is lost: {names}"));
            return Ok(());
        }
        Err(refusal(
            &drifts,
            "save what is worth it, then run again with --force: that puts back what stood there before, and what \
             was changed by hand is lost",
        ))
    }

    /// Looks again: everything must be as it was.
    async fn prove_way(
        &mut self,
        way: &Way,
        before: &Probe,
        request: &Request,
    ) -> Result<Outcome, Outcome> {
        let now = self.look(request).await?;
        let wrong = way.proof(&before.observed, &now.observed);
        if wrong.is_empty() {
            return Ok(Outcome::Ok);
        }
        Err(Trouble::new(
            format!("went back, and not everything is as it was: {}", wrong.join("; ")),
            "look at `systemctl status` and the journal of these services on the host",
        )
        .into())
    }
}

/// The way back that `past` knows; none where there is nothing to go back from.
fn way(past: &Past, pristine: bool) -> Result<Option<Way>, Trouble> {
    let damaged = |line: String| {
        Trouble::new(
            format!("the journal of a change on this host cannot be read: `{line}`"),
            "what stood there before is in /var/lib/ezsync/changes and /var/lib/ezsync/originals: put it back by hand",
        )
    };
    let journals: Result<Vec<(u64, Journal)>, String> =
        past.journals.iter().map(|(number, text)| Ok((*number, Journal::parse(text)?))).collect();
    let journals = journals.map_err(damaged)?;
    if pristine {
        let journals: Vec<Journal> = journals.into_iter().map(|(_, journal)| journal).collect();
        let came = past.newest > 0
            || past.state.is_some()
            || !past.origins.is_empty()
            || !past.origin_packages.is_empty()
            || !past.left.is_empty();
        let way =
            || Way::to_origin(&past.origins, &past.origin_units, &past.origin_packages, &journals);
        return Ok(came.then(way));
    }
    let newest = journals.iter().find(|(number, _)| *number == past.newest && past.newest > 0);
    let mut way = newest.map(|(number, journal)| Way::from_change(*number, journal));
    if let Some(way) = &mut way {
        // Of the runs right before nothing but packages is there: these are what stays then.
        let older = past.only_packages(past.newest.saturating_sub(1));
        way.packages.extend(older.flat_map(|about| about.stays.clone()));
    }
    Ok(way)
}

/// The change that stands once the newest of `past` is taken back.
fn before(past: &Past) -> Option<About> {
    let older = past.changes.iter().filter(|about| about.number < past.newest);
    older.max_by_key(|about| about.number).cloned()
}

fn changed_meanwhile() -> Trouble {
    Trouble::new("the host was changed since it was looked at", "run again")
}
