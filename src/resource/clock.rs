//! The host's clock, set by the controller's.

use std::sync::Arc;

use super::{Args, Call, Difference, Observed, Obstacle, Resource, Subject, Texts, Work};
use crate::problem::Problem;

/// The function that sets the clock.
pub(super) const SET: &str = "clock_set";

/// A clock that is the controller's.
#[derive(Debug)]
struct Clock {
    /// What it may be off, in seconds.
    max_offset: f64,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let max_offset = args.required("max_offset")?;
    match max_offset.parse::<f64>() {
        Ok(max_offset) if max_offset > 0.0 => Ok(Arc::new(Clock { max_offset })),
        _ => Err(args.problem(&format!("`max_offset` must be in seconds, not {max_offset}"))),
    }
}

impl Resource for Clock {
    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Clock]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        let Some(clock) = observed.clock else {
            return Err(Obstacle::new(
                "the host does not tell its time",
                "see what `date +%s` prints there",
            ));
        };
        let ahead = clock.measure();
        if !ahead.exceeds(self.max_offset) {
            return Ok(None);
        }
        if let Some(kind) = &observed.container {
            return Err(Obstacle::new(
                format!(
                    "its clock is {} the controller's, and a container's ({kind}) is its host's: it is \
                     not set from inside",
                    ahead.of()
                ),
                "set the clock of the container's host, or let another node be the source",
            ));
        }
        // With a fraction, and in whole seconds for a `date` that knows no fractions.
        let by = |seconds: f64| [format!("{seconds:+.6}"), format!("{:+.0}", seconds.round())];
        let way = if ahead.seconds < 0.0 { "forward" } else { "back" };
        Ok(Some(Difference {
            summary: format!("set the clock {way} by {}", ahead.words()),
            texts: Some(Texts {
                path: "clock".to_owned(),
                before: format!("{} the controller's\n", ahead.of()),
                after: "as the controller's\n".to_owned(),
            }),
            work: Work {
                // Before packages are fetched: with a wrong clock nothing that is signed is valid.
                prepare: Some(Call::new(
                    SET,
                    [by(-ahead.seconds), by(ahead.seconds)].into_iter().flatten(),
                )),
                ..Work::default()
            },
        }))
    }
}
