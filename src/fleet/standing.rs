//! In which state each host is while the fleet runs: what is left to say of those that a run does not wait for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::result::{HostResult, Outcome};

/// The state in which a host was when the run was stopped at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was being changed: it goes on to its end, or comes back by itself.
    Changing,
    /// Its changes were made; its time was not proved.
    Changed,
    /// It was being made ready: nothing is activated, and a package that was being installed stays.
    Staging,
    /// Nothing has been changed.
    Unchanged,
}

/// The states of all hosts that are not unchanged.
#[derive(Debug, Default)]
pub(super) struct Standings(Mutex<HashMap<String, Standing>>);

impl Standings {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, host: &str, standing: Standing) {
        self.all().insert(host.to_owned(), standing);
    }

    /// Tells in which state each host is left that has not ended.
    pub fn tell(&self, results: &mut [HostResult]) {
        let all = self.all();
        for result in results.iter_mut().filter(|result| result.outcome == Outcome::Interrupted) {
            let known = all.get(&result.host).copied();
            result.left_as = Some(known.unwrap_or(Standing::Unchanged));
        }
    }
}
