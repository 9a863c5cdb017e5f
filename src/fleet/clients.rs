//! What becomes of the clients: a source that has changed is to be proved by those who follow it.

use tokio::sync::watch;

/// What the clients of a run prove of their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// One of them follows it, or there is none that could.
    Followed,
    /// Some were judged, and none of them follows it.
    Refuted,
    /// None of them was judged.
    Unknown,
}

/// What is known of the clients of a run.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    /// How many there are.
    all: usize,
    /// How many have not ended.
    missing: usize,
    /// How many were judged after the source had changed.
    judged: usize,
    /// How many of these follow it.
    passed: usize,
}

/// The clients of a run.
#[derive(Debug)]
pub(super) struct Clients(watch::Sender<Tally>);

/// A client that has not ended. It has when this is dropped.
#[derive(Debug)]
pub(super) struct Client {
    tally: watch::Sender<Tally>,
}

impl Clients {
    /// So many.
    pub fn of(clients: usize) -> Self {
        Self(watch::Sender::new(Tally { all: clients, missing: clients, ..Tally::default() }))
    }

    /// One that begins.
    pub fn client(&self) -> Client {
        Client { tally: self.0.clone() }
    }

    /// Waits until all have ended.
    pub async fn prove(&self) -> Proof {
        let mut tally = self.0.subscribe();
        // The sender lives as long as this: there is no other way out.
        let ended = tally.wait_for(|tally| tally.missing == 0).await;
        match ended.map(|tally| *tally) {
            Ok(Tally { all: 0, .. } | Tally { passed: 1.., .. }) => Proof::Followed,
            Ok(Tally { judged: 1.., .. }) => Proof::Refuted,
            _ => Proof::Unknown,
        }
    }
}

impl Client {
    /// It was judged.
    pub fn judged(&self, passed: bool) {
        self.tally.send_modify(|tally| {
            tally.judged += 1;
            tally.passed += usize::from(passed);
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tally.send_modify(|tally| tally.missing = tally.missing.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_is_proved_by_one_client_and_refuted_by_all_that_were_judged() {
        for (verdicts, proved) in [
            (vec![], Proof::Followed),
            (vec![None, None], Proof::Unknown),
            (vec![Some(true), Some(false), None], Proof::Followed),
            (vec![Some(false), None], Proof::Refuted),
        ] {
            let clients = Clients::of(verdicts.len());
            for verdict in &verdicts {
                let client = clients.client();
                if let Some(passed) = verdict {
                    client.judged(*passed);
                }
            }
            assert_eq!(clients.prove().await, proved, "{verdicts:?}");
        }
    }
}
