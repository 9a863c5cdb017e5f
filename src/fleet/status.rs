//! What ezsync finds of itself on a host.

use serde::{Deserialize, Serialize};

use crate::history::{Record, Wishes};
use crate::remote::{About, Holder, Past, Unfinished};
use crate::resource::Observed;

/// What stands on a host, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The change that made it as it is; none where ezsync has not changed anything.
    pub change: Option<About>,
    /// One number for all that the settings want now, in hexadecimal digits.
    pub desired: String,
    /// The same for what stands there in its place: equal where all is as wanted.
    pub actual: String,
    /// How many changes `setup` would make; none where that cannot be told.
    pub would_change: Option<usize>,
    /// Runs that were cut off; the next one sees to them.
    pub unfinished: Vec<Unfinished>,
    /// Who changes the host now, or did when it was cut off.
    pub lock: Option<Holder>,
    /// The changes that can be gone back from, oldest first.
    pub changes: Vec<About>,
}

impl Status {
    /// Of a host with this `record` and `past`, where `observed` stands and `wishes` are wanted.
    pub(super) fn new(
        wishes: &Wishes,
        observed: &Observed,
        record: Option<&Record>,
        past: &Past,
    ) -> Self {
        let about = |record: &Record| About {
            number: record.change,
            at: Some(record.at),
            by: record.by.clone(),
            ezsync: record.ezsync.clone(),
            cluster: record.cluster.clone(),
            run: past.about(record.change).map(|known| known.run.clone()).unwrap_or_default(),
            stays: Vec::new(),
        };
        Self {
            // One that is all taken back has no change any more.
            change: record.filter(|record| record.change > 0).map(about),
            desired: wishes.digest(),
            actual: wishes.actual(observed).digest(),
            would_change: None,
            // One that goes on is not cut off.
            unfinished: if past.is_held() { Vec::new() } else { past.unfinished.clone() },
            lock: past.lock.clone(),
            changes: past.changes.clone(),
        }
    }

    /// Whether somebody changes the host now.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.alive)
    }

    /// Whether nothing has to be done, but for what has drifted.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        self.would_change == Some(0) && self.unfinished.is_empty()
    }
}
