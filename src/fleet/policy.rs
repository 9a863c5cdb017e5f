//! The failure policy of a run: how many of its hosts may fail, and which did.

use serde::{Deserialize, Serialize};

use super::result::{HostResult, Outcome, Trouble};
use crate::cluster::FailurePolicy;

/// A failure policy that more hosts have failed than it allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Its name: `--max-fail 10%`, `any_errors_fatal`, `max_fail_percentage 10`.
    pub policy: String,
    /// How many hosts of the run may fail.
    pub allows: usize,
    /// The hosts that failed or are unreachable, in the inventory's order.
    pub failed: Vec<String>,
}

/// What became of `policy` in a run with these results; none where it had room.
#[must_use]
pub fn spent(policy: &FailurePolicy, results: &[HostResult]) -> Option<Spent> {
    let limit = Limit::of(policy, results.len());
    let failed = results.iter().filter(|result| counts(&result.outcome));
    let failed: Vec<String> = failed.map(|result| result.host.clone()).collect();
    let Limit { named, allows } = limit;
    (failed.len() > allows).then_some(Spent { policy: named, allows, failed })
}

/// Whether a host that ended so has failed by itself. Others are not to blame for what kept them back.
pub(super) fn counts(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Unreachable(_) => true,
        Outcome::Failed(trouble) => !trouble.held_back,
        Outcome::Ok | Outcome::Interrupted => false,
    }
}

/// A policy for a run of so many hosts.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    named: String,
    /// How many hosts may fail.
    pub allows: usize,
}

impl Limit {
    pub fn of(policy: &FailurePolicy, hosts: usize) -> Self {
        Self { named: policy.named().to_owned(), allows: policy.allows(hosts) }
    }

    /// Why the run stops, when these hosts have used the policy up.
    pub fn why(&self, failed: &[String]) -> String {
        format!("{} failed, and {} allows no more", some(failed), self.named)
    }
}

/// What a host is told that does not go on since `why`; it is `left` as it was.
pub(super) fn held_back(left: &str, why: &str) -> Trouble {
    let next = "mend the hosts that failed, then run again: with `--rerun failed` only they and those that \
                were held back are set up";
    Trouble::new(format!("{left}, since {why}"), next).held_back()
}

/// The first names of many: three are enough to find the others.
pub(super) fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    shown.join(", ") + &more
}
