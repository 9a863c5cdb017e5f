//! A host whose change somebody else has ended: who did, and what became of the change, is asked of the host.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::host::Driver;
use super::result::{Outcome, Trouble};
use crate::remote::Request;
use crate::sanitise::sanitise;

/// How long the host may take to answer: where it does not, no more is known than before.
const LOOK: Duration = Duration::from_secs(10);

/// How long putting back is waited for: services are stopped and started meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

impl Driver<'_> {
    /// `outcome`; or, where the script that changed the host ended without a last word, what the host knows of
    /// that: another run has broken the lock, or the host went back by itself.
    pub(super) async fn or_ended_by_others(&mut self, outcome: Outcome) -> Outcome {
        if !self.changing || !matches!(outcome, Outcome::Failed(_)) {
            return outcome;
        }
        let (begun, clock) = (Instant::now(), self.result.clock);
        loop {
            let nothing = BTreeSet::new();
            let request = Request::new(&nothing, &[]);
            let look = timeout(LOOK, self.look(&request)).await;
            // This look is not about the clock.
            self.result.clock = clock;
            let Ok(Ok(probe)) = look else { return outcome };
            let past = probe.past;
            let is_new = |line: &&str| !self.result.notes.iter().any(|note| line.ends_with(note));
            let told: Vec<&str> = past.left.lines().filter(is_new).collect();
            if !told.is_empty() {
                return ended(&told.join("; "));
            }
            let holder = past.lock.as_ref().filter(|lock| lock.alive);
            let is_over = past.unfinished.is_empty() || begun.elapsed() >= PATIENCE;
            match holder {
                Some(holder) if is_over => {
                    let what = format!("{} has the host now", holder.by);
                    return ended(&what);
                }
                None if is_over => return outcome,
                _ => sleep(PAUSE).await,
            }
        }
    }
}

fn ended(what: &str) -> Outcome {
    let what = format!("its change was ended on the host: {}", sanitise(what));
    let next = "see what is there and whose run has the host (`ezsync status`), then run again";
    Trouble::new(what, next).into()
}
