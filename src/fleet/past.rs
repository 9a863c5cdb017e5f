//! What a host's own history means for a run: its record, what others have changed since, and what the
//! record will say.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::host::Driver;
use super::result::{Outcome, Trouble};
use super::{Mode, status};
use crate::desired::Desired;
use crate::history::{Drift, Record, Stamp, Thing, Unreadable, Wishes, drifts, written};
use crate::remote::{Ending, Past, Probe, Request};
use crate::resource::{Observed, PathState, Subject};

/// What becomes of a host's history when the run's change is kept.
#[derive(Debug)]
pub(super) struct History {
    /// What becomes of the history.
    pub ending: Ending,
    /// The record as it is; none where there is none, or it cannot be read.
    pub record: Option<Record>,
    /// The text of the record when the change is kept; none: there is none any more.
    pub state: Option<String>,
}

impl Default for History {
    fn default() -> Self {
        Self { ending: Ending::Push, record: None, state: None }
    }
}

impl Driver<'_> {
    /// The record of a host with this `past`. One that is damaged is told and not used.
    pub(super) fn record(&mut self, past: &Past) -> Result<Option<Record>, Trouble> {
        match past.state.as_deref().map(Record::parse) {
            None => Ok(None),
            Some(Ok(record)) => Ok(Some(record)),
            Some(Err(damaged @ Unreadable::Damaged(_))) => {
                self.result.notes.push(damaged.to_string());
                Ok(None)
            }
            Some(Err(newer @ Unreadable::Newer(_))) => {
                Err(Trouble::new(newer.to_string(), "use that ezsync, or a newer one"))
            }
        }
    }

    /// Notes what is known of the host's past, what has drifted, and what the record shall say where all
    /// that is `desired` is met.
    pub(super) async fn remember(
        &mut self,
        desired: &Desired,
        probe: &Probe,
        record: Option<Record>,
    ) -> Result<(), Outcome> {
        let wishes = Wishes::of(desired);
        let observed = &probe.observed;
        // What a run changes at the moment nobody else has changed.
        let is_changing = self.shared.order.mode == Mode::Status && probe.past.is_held();
        if let Some(record) = record.as_ref().filter(|_| !is_changing) {
            let found = drifts(record, &wishes, observed);
            self.result.drift = self.shown(found, Some(record), observed).await?;
        }
        if self.shared.order.mode == Mode::Status {
            let status = status::Status::new(&wishes, observed, record.as_ref(), &probe.past);
            self.result.status = Some(Box::new(status));
        }
        if let Some(record) = record.as_ref().filter(|it| it.cluster != self.shared.order.cluster) {
            self.result.notes.push(format!(
                "was set up for the cluster {} until now, by {}: two clusters that have a host undo each other's settings",
                record.cluster, record.by
            ));
        }
        let stamp = Stamp {
            cluster: self.shared.order.cluster.clone(),
            change: probe.past.newest + 1,
            at: Timestamp::now().as_second(),
            by: self.shared.order.by.clone(),
        };
        let state = Record::next(record.as_ref(), &wishes, observed, &stamp).to_json();
        self.history = History { ending: Ending::Push, record, state: Some(state) };
        Ok(())
    }

    /// `drifts` with what was changed of each file; that takes one more look where there is any to show.
    async fn shown(
        &mut self,
        mut drifts: Vec<Drift>,
        record: Option<&Record>,
        observed: &Observed,
    ) -> Result<Vec<Drift>, Outcome> {
        let edited = |drift: &&Drift| drift.is_edited && drift.thing == Thing::Path;
        let copies: BTreeSet<Subject> =
            drifts.iter().filter(edited).map(|drift| Subject::Path(written(&drift.name))).collect();
        if !copies.is_empty() {
            let clock = self.result.clock;
            let probe = self.look_first(&Request::new(&copies, &[])).await?;
            // This look is not about the clock.
            self.result.clock = clock;
            show(&mut drifts, record, &probe.observed.paths, observed);
        }
        Ok(drifts)
    }

    /// Refuses to overwrite what somebody else has written, unless that is wanted.
    pub(super) fn refuse_drift(&mut self) -> Result<(), Trouble> {
        let changes = &self.result.plan.changes;
        let replaced = |path: &str| changes.iter().any(|change| change.work.replaces(path));
        let overwritten = |drift: &&Drift| drift.is_edited && replaced(&drift.name);
        let lost: Vec<Drift> = self.result.drift.iter().filter(overwritten).cloned().collect();
        if lost.is_empty() {
            return Ok(());
        }
        let names = lost.iter().map(|drift| drift.name.as_str()).collect::<Vec<_>>().join(", ");
        if self.shared.order.force {
            self.result
                .notes
                .push(format!("--force: what was changed by hand is overwritten: {names}"));
            return Ok(());
        }
        Err(refusal(&lost, "bring it into the project, or run again with --force to overwrite it"))
    }
}

/// Puts the diffs into `drifts`: `copies` are those of what ezsync wrote.
pub(super) fn show(
    drifts: &mut [Drift],
    record: Option<&Record>,
    copies: &HashMap<String, PathState>,
    observed: &Observed,
) {
    for drift in drifts.iter_mut().filter(|drift| drift.thing == Thing::Path) {
        let (copy, stands) = (copies.get(&written(&drift.name)), observed.paths.get(&drift.name));
        drift.show(record, copy, stands);
    }
}

/// Why nothing is changed on a host where these were changed by hand.
pub(super) fn refusal(lost: &[Drift], next: &str) -> Trouble {
    let names: Vec<&str> = lost.iter().map(|drift| drift.name.as_str()).collect();
    let what = "somebody else has changed what ezsync wrote (see drift), and nothing was changed:";
    Trouble::new(format!("{what} {}", names.join(", ")), next)
}
