//! The gate before the clients: it opens when the source serves time.

use tokio::sync::watch;

/// What the clients know of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is not known yet.
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

/// A gate that is opened or shut once.
#[derive(Debug)]
pub struct Gate(watch::Sender<Source>);

impl Gate {
    /// A gate that waits for the source.
    pub fn closed() -> Self {
        Self(watch::Sender::new(Source::Pending))
    }

    /// A gate of a run without the source.
    pub fn open() -> Self {
        Self(watch::Sender::new(Source::Serving))
    }

    /// Says what became of the source. Only the first word counts.
    pub fn decide(&self, state: Source) {
        self.0.send_if_modified(|known| {
            let first = *known == Source::Pending;
            if first {
                *known = state;
            }
            first
        });
    }

    /// Waits until it is known what became of the source.
    pub async fn decided(&self) -> Source {
        let mut receiver = self.0.subscribe();
        let decided = receiver.wait_for(|state| *state != Source::Pending).await;
        // The sender lives as long as this gate: there is no other way out.
        decided.map_or(Source::Pending, |state| state.clone())
    }
}
