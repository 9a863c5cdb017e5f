//! What becomes of the clients: a source that has changed is to be proved by those who follow it.

use tokio::sync::watch;

/// What is known of the clients of a run.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
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
        Self(watch::Sender::new(Tally { missing: clients, ..Tally::default() }))
    }

    /// One that begins.
    pub fn client(&self) -> Client {
        Client { tally: self.0.clone() }
    }

    /// Waits until all have ended. False when some were judged, and none of them follows the source.
    pub async fn prove(&self) -> bool {
        let mut tally = self.0.subscribe();
        // The sender lives as long as this: there is no other way out.
        let ended = tally.wait_for(|tally| tally.missing == 0).await;
        ended.is_ok_and(|tally| tally.judged == 0 || tally.passed > 0)
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
    async fn a_source_is_proved_by_one_client_and_by_none_that_was_judged() {
        for (verdicts, proved) in [
            (vec![], true),
            (vec![None, None], true),
            (vec![Some(true), Some(false), None], true),
            (vec![Some(false), None], false),
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
