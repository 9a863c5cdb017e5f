//! The muster before a bundle is used: no host is changed before it is known of all that the bundle does
//! for them.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::result::{Outcome, Trouble};

/// What is known of the hosts of a run.
#[derive(Debug, Default)]
struct Roll {
    /// How many hosts nothing is known of yet.
    missing: usize,
    /// The hosts for which the bundle lacks something.
    misfits: Vec<String>,
}

/// Where the hosts wait for each other.
#[derive(Debug)]
pub(super) struct Muster(watch::Sender<Roll>);

/// A host's place in the muster. When it is dropped the host is known, and no misfit.
#[derive(Debug)]
pub(super) struct Ticket {
    roll: watch::Sender<Roll>,
    host: String,
    is_misfit: bool,
}

impl Muster {
    /// A muster of so many hosts.
    pub fn of(hosts: usize) -> Self {
        Self(watch::Sender::new(Roll { missing: hosts, misfits: Vec::new() }))
    }

    /// The place of `host`: one for each that the muster is of.
    pub fn ticket(&self, host: &str) -> Ticket {
        Ticket { roll: self.0.clone(), host: host.to_owned(), is_misfit: false }
    }

    /// Waits until all are known.
    ///
    /// # Errors
    /// The bundle does not do for some of them: what that means for the others.
    pub async fn all(&self) -> Result<(), Trouble> {
        let mut roll = self.0.subscribe();
        // The sender lives as long as this muster: there is no other way out.
        let known = roll.wait_for(|roll| roll.missing == 0).await;
        let misfits = known.map(|roll| roll.misfits.clone()).unwrap_or_default();
        if misfits.is_empty() { Ok(()) } else { Err(held_back(misfits)) }
    }

    /// The same, unless the run is interrupted before.
    ///
    /// # Errors
    /// What becomes of a host that may not go on.
    pub async fn pass(&self, cancel: &CancellationToken) -> Result<(), Outcome> {
        tokio::select! {
            // An interrupt also ends hosts of which nothing is known yet: that all are there then says
            // nothing of what they need.
            biased;
            () = cancel.cancelled() => Err(Outcome::Interrupted),
            known = self.all() => known.map_err(Into::into),
        }
    }
}

impl Ticket {
    /// Says that the bundle lacks something for this host.
    pub fn misfit(mut self) {
        self.is_misfit = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.roll.send_modify(|roll| {
            roll.missing = roll.missing.saturating_sub(1);
            if self.is_misfit {
                roll.misfits.push(std::mem::take(&mut self.host));
            }
        });
    }
}

/// What a host is told that was not changed because of others.
fn held_back(mut misfits: Vec<String>) -> Trouble {
    misfits.sort();
    // Three names are enough to find the others.
    let shown: Vec<&str> = misfits.iter().take(3).map(String::as_str).collect();
    let more = match misfits.len().saturating_sub(shown.len()) {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    Trouble::new(
        format!(
            "nothing was changed here, since the bundle does not do for {}{more}",
            shown.join(", ")
        ),
        "see there what to add to the bundle, or run with --partial to set up the other hosts",
    )
    .held_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_goes_on_before_all_are_known() {
        let muster = Muster::of(3);
        let tickets = ["a", "b", "c"].map(|host| muster.ticket(host));
        let mut all = Box::pin(muster.all());
        let [a, b, c] = tickets;
        for ticket in [a, b] {
            drop(ticket);
            tokio::select! {
                biased;
                _ = &mut all => panic!("c is not known"),
                () = std::future::ready(()) => {}
            }
        }
        drop(c);
        assert_eq!(all.await, Ok(()));
    }

    /// Hosts that an interrupt keeps from being looked at leave the muster as if they were known.
    #[tokio::test]
    async fn after_an_interrupt_nobody_goes_on() {
        for _ in 0..50 {
            let (muster, cancel) = (Muster::of(1), CancellationToken::new());
            cancel.cancel();
            drop(muster.ticket("never reached"));
            assert_eq!(muster.pass(&cancel).await, Err(Outcome::Interrupted));
        }
        let muster = Muster::of(1);
        drop(muster.ticket("known"));
        assert_eq!(muster.pass(&CancellationToken::new()).await, Ok(()));
    }

    #[tokio::test]
    async fn misfits_hold_the_others_back_by_name() {
        let muster = Muster::of(5);
        drop(muster.ticket("fits"));
        for host in ["n4", "n2", "n1", "n3"] {
            muster.ticket(host).misfit();
        }
        let Trouble { what, next, .. } = muster.all().await.unwrap_err();
        assert!(what.ends_with("does not do for n1, n2, n3 and 1 more"), "{what}");
        assert!(next.contains("--partial"), "{next}");
    }
}
