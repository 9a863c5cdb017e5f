//! The gate before the clients: it opens when a source serves time.

use tokio::sync::watch;

/// What is known of a time source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing yet.
    Pending,
    /// It serves time, and nothing about it has changed.
    Serving,
    /// It serves time again, after a change.
    Changed,
    /// The same, and its clock was set: what its clients took from it before is another time.
    Set,
    /// It will not serve: why.
    Lost(String),
}

/// The sources in order, each with a word that is said once. Whoever waits takes the first that
/// serves.
#[derive(Debug)]
pub struct Gate(Vec<watch::Sender<Source>>);

impl Gate {
    /// A gate with as many sources; those that `takes_part` leaves out serve as they are.
    pub fn new(sources: usize, takes_part: impl Fn(usize) -> bool) -> Self {
        let first = |rank| if takes_part(rank) { Source::Pending } else { Source::Serving };
        Self((0..sources).map(|rank| watch::Sender::new(first(rank))).collect())
    }

    /// Says what became of the source with this `rank`. Only the first word counts.
    pub fn decide(&self, rank: usize, state: Source) {
        let Some(source) = self.0.get(rank) else { return };
        source.send_if_modified(|known| {
            let first = *known == Source::Pending;
            if first {
                *known = state;
            }
            first
        });
    }

    /// Waits until one of the sources before `rank` serves, or none of them will. Why the first
    /// does not is what counts then.
    pub async fn before(&self, rank: usize) -> Source {
        for source in self.0.iter().take(rank) {
            let mut receiver = source.subscribe();
            let decided = receiver.wait_for(|state| *state != Source::Pending).await;
            // The sender lives as long as this gate: there is no other way out.
            if decided.is_ok_and(|state| !matches!(*state, Source::Lost(_))) {
                break;
            }
        }
        self.known_before(rank)
    }

    /// The same as far as it is known by now.
    pub fn known_before(&self, rank: usize) -> Source {
        let mut lost = None;
        for source in self.0.iter().take(rank) {
            match source.borrow().clone() {
                Source::Lost(why) => lost = lost.or(Some(why)),
                other => return other,
            }
        }
        let standby = if rank > 1 { ", and no standby serves" } else { "" };
        Source::Lost(lost.unwrap_or_default() + standby)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(why: &str) -> Source {
        Source::Lost(why.to_owned())
    }

    #[tokio::test]
    async fn the_first_source_that_serves_counts() {
        let gate = Gate::new(2, |_| true);
        gate.decide(1, Source::Changed);
        gate.decide(0, lost("a is gone"));
        // What is said later changes nothing.
        gate.decide(0, Source::Serving);
        assert_eq!(gate.before(1).await, lost("a is gone"));
        assert_eq!(gate.before(2).await, Source::Changed);

        let gate = Gate::new(2, |rank| rank == 1);
        assert_eq!(gate.before(2).await, Source::Serving);

        let gate = Gate::new(2, |_| true);
        gate.decide(0, lost("a is gone"));
        assert_eq!(gate.known_before(1), lost("a is gone"));
        assert_eq!(gate.known_before(2), Source::Pending);
        gate.decide(1, lost("b too"));
        assert_eq!(gate.before(2).await, lost("a is gone, and no standby serves"));
    }
}
