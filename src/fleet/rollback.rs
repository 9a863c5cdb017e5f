//! Going back on a host: by one change, or to what stood there before ezsync ever came.

use std::collections::BTreeSet;

use super::host::Driver;
use super::past::{History, refusal, show};
use super::result::{Outcome, Trouble};
use super::{Doing, Mode, Standing};
use crate::history::{Journal, Record, Way};
use crate::remote::{Depth, Ending, Past, Probe, Request};
use crate::resource::Subject;

impl Driver<'_> {
    /// Takes back the newest change, or all of them.
    pub(super) async fn go_back(&mut self) -> Result<Outcome, Outcome> {
        self.tell(Doing::Probing);
        let pristine = self.shared.order.pristine;
        let depth = if pristine { Depth::Origins } else { Depth::Newest };
        let nothing = BTreeSet::new();
        let first = Request::new(&nothing, &[]).with_past(depth);
        let mut probe = self.look(&first).await?;
        if self.recover(&probe).await? {
            probe = self.look(&first).await?;
        }
        let past = probe.past;
        let record = self.record(&past)?;
        let Some(way) = way(&past, pristine)? else {
            let none = "ezsync has changed nothing here that it could go back from";
            self.result.notes.push(none.to_owned());
            return Ok(Outcome::Ok);
        };
        let request = self.around(&way, record.as_ref());
        let probe = self.look(&request).await?;
        if probe.past.newest != past.newest {
            return Err(changed_meanwhile().into());
        }
        self.result.plan = way.plan(&probe.observed).map_err(|lost| {
            Trouble::new(
                format!("{lost} is gone: what stood there before is not kept any more"),
                "put it back by hand; `ezsync status` says what is there",
            )
        })?;
        self.result.facts = Some(probe.facts.clone());
        self.tell(Doing::Planned(self.result.plan.changes.len()));
        self.note_what_stays(&way, &probe, record.as_ref());
        self.spare_edits(&way, &probe, record.as_ref())?;
        self.history = after(past, record, pristine)?;
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

    /// Asks for all that the way is about, and what the record knows.
    fn around(&self, way: &Way, record: Option<&Record>) -> Request {
        let known = record.iter().flat_map(|record| record.subjects());
        let subjects: BTreeSet<Subject> = way.subjects().chain(known).collect();
        Request::new(&subjects, &[])
    }

    /// Says what no way back takes away or brings.
    fn note_what_stays(&mut self, way: &Way, probe: &Probe, record: Option<&Record>) {
        let mut installed: BTreeSet<&str> = way.packages.iter().map(String::as_str).collect();
        if self.shared.order.pristine {
            installed.extend(record.iter().flat_map(|record| record.installed()));
        }
        if !installed.is_empty() {
            let names: Vec<&str> = installed.into_iter().collect();
            let names = names.join(", ");
            self.result.notes.push(format!("was installed by ezsync and stays: {names}"));
        }
        for name in way.lost(&probe.observed) {
            self.result.notes.push(format!(
                "the service {name} is not there any more (its package was removed): it stays so"
            ));
        }
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
        if self.shared.order.force {
            let names: Vec<&str> = drifts.iter().map(|drift| drift.name.as_str()).collect();
            let names = names.join(", ");
            self.result.notes.push(format!("--force: what was changed by hand is lost: {names}"));
            return Ok(());
        }
        Err(refusal(&drifts, "save what is worth it, or run again with --force to lose it"))
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
        let came = past.newest > 0 || past.state.is_some() || !past.origins.is_empty();
        return Ok(came.then(|| Way::to_origin(&past.origins, &past.origin_units, &journals)));
    }
    let newest = journals.iter().find(|(number, _)| *number == past.newest && past.newest > 0);
    Ok(newest.map(|(number, journal)| Way::from_change(*number, journal)))
}

/// What becomes of the history: the record is what it was before.
fn after(past: Past, record: Option<Record>, pristine: bool) -> Result<History, Trouble> {
    let newest = past.newest;
    if pristine {
        return Ok(History { ending: Ending::Pristine, state: None });
    }
    // What an old record says is not judged here: it is put back as it was.
    let before = past.before.as_deref().and_then(|text| Record::parse(text).ok());
    let state = match (&before, record) {
        (before, Some(now)) => now.taken_back(before.as_ref()).map(|record| record.to_json()),
        (_, None) => past.before,
    };
    Ok(History { ending: Ending::Pop(newest), state })
}

fn changed_meanwhile() -> Trouble {
    Trouble::new("the host was changed since it was looked at", "run again")
}
