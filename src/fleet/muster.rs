//! The muster: where the hosts of a run wait for each other, so that a run that must not go on has changed
//! nothing. It stops one whose bundle does not do for all, and one in which more hosts fail than may.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::policy::{Limit, counts, held_back, some};
use super::result::{Outcome, Trouble};

/// How far a host has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// What it needs is known, and nothing there has changed.
    Planned,
    /// It has all that it needs; nothing has been activated.
    Staged,
}

/// What is known of the hosts of a run.
#[derive(Debug, Default)]
struct Roll {
    /// How many hosts have a place waiting for them that they have not taken yet.
    expected: usize,
    /// How many hosts hold a place, or will at once, and have not been planned.
    unplanned: usize,
    /// And how many have not been staged.
    unstaged: usize,
    /// The hosts for which the bundle lacks something.
    misfits: Vec<String>,
    /// The hosts that have failed, as far as they count.
    failed: Vec<String>,
}

/// Where the hosts wait for each other: those that hold a place among the forks at the same time.
#[derive(Debug, Clone)]
pub(super) struct Muster {
    roll: watch::Sender<Roll>,
    /// Whether the bundle must do for all of them.
    all_fit: bool,
    /// How many may fail.
    limit: Option<Limit>,
}

/// A host's place in the muster. When it is dropped the host keeps nobody waiting.
#[derive(Debug)]
pub(super) struct Ticket {
    muster: Muster,
    host: String,
    reached: Option<Stage>,
}

impl Muster {
    /// A muster for which so many hosts take their places at once.
    pub fn of(hosts: usize, all_fit: bool, limit: Option<Limit>) -> Self {
        let roll = Roll { expected: hosts, unplanned: hosts, unstaged: hosts, ..Roll::default() };
        Self { roll: watch::Sender::new(roll), all_fit, limit }
    }

    /// The place of `host`.
    pub fn ticket(&self, host: &str) -> Ticket {
        self.roll.send_modify(|roll| match roll.expected {
            0 => {
                roll.unplanned += 1;
                roll.unstaged += 1;
            }
            expected => roll.expected = expected - 1,
        });
        Ticket { muster: self.clone(), host: host.to_owned(), reached: None }
    }

    /// Whether hosts wait for each other at this stage.
    pub fn holds(&self, stage: Stage) -> bool {
        self.limit.is_some() || (self.all_fit && stage == Stage::Planned)
    }

    /// Why nothing more may begin, when more hosts have failed than may.
    pub fn spent(&self) -> Option<String> {
        self.limit.as_ref().and_then(|limit| spent(limit, &self.roll.borrow()))
    }

    /// Waits until that is so.
    pub async fn until_spent(&self) -> String {
        let Some(limit) = &self.limit else { return std::future::pending().await };
        let mut roll = self.roll.subscribe();
        // The sender lives as long as this muster: there is no other way out.
        let _ = roll.wait_for(|roll| spent(limit, roll).is_some()).await;
        self.spent().unwrap_or_default()
    }

    /// Waits until all hosts have come to `stage`.
    ///
    /// # Errors
    /// What that means for one that may not go on.
    pub async fn all(&self, stage: Stage) -> Result<(), Trouble> {
        let missing = |roll: &Roll| match stage {
            Stage::Planned => roll.unplanned,
            Stage::Staged => roll.unstaged,
        };
        let mut roll = self.roll.subscribe();
        let known = roll.wait_for(|roll| missing(roll) == 0).await;
        let misfits = known.map(|roll| roll.misfits.clone()).unwrap_or_default();
        match self.spent() {
            _ if self.all_fit && !misfits.is_empty() => Err(misfit(misfits)),
            Some(why) => Err(held_back(stage.left(), &why)),
            None => Ok(()),
        }
    }
}

/// The hosts that used the limit up, when they have: the same ones, however many follow.
fn spent(limit: &Limit, roll: &Roll) -> Option<String> {
    roll.failed.get(..=limit.allows).map(|failed| limit.why(failed))
}

impl Stage {
    /// How a host is left that does not go on from here.
    pub fn left(self) -> &'static str {
        match self {
            Self::Planned => "nothing was changed here",
            Self::Staged => "called off, and its old configuration stays",
        }
    }
}

impl Ticket {
    /// Where this is the place.
    pub fn muster(&self) -> &Muster {
        &self.muster
    }

    /// Says that the host has come to `stage`.
    pub fn reached(&mut self, stage: Stage) {
        let last = self.reached.replace(stage);
        self.muster.roll.send_if_modified(|roll| {
            let steps =
                [(Stage::Planned, &mut roll.unplanned), (Stage::Staged, &mut roll.unstaged)];
            let mut is_new = false;
            for (step, missing) in steps {
                if step <= stage && last < Some(step) {
                    *missing = missing.saturating_sub(1);
                    is_new = true;
                }
            }
            is_new
        });
    }

    /// Says that the host has come to `stage`, and waits for the others if that is wanted in this run.
    ///
    /// # Errors
    /// What becomes of a host that may not go on.
    pub async fn pass(&mut self, stage: Stage, cancel: &CancellationToken) -> Result<(), Outcome> {
        self.reached(stage);
        if !self.muster.holds(stage) {
            return Ok(());
        }
        tokio::select! {
            // An interrupt also ends hosts of which nothing is known yet: that all are there then says
            // nothing of what they need.
            biased;
            () = cancel.cancelled() => Err(Outcome::Interrupted),
            // Whoever is missing need not be waited for.
            why = self.muster.until_spent() => Err(held_back(stage.left(), &why).into()),
            known = self.muster.all(stage) => known.map_err(Into::into),
        }
    }

    /// Says that the bundle lacks something for this host.
    pub fn misfit(&mut self) {
        let host = self.host.clone();
        self.muster.roll.send_modify(|roll| roll.misfits.push(host));
    }

    /// Says how the host ended, and gives its place back.
    pub fn ended(self, outcome: &Outcome) {
        if counts(outcome) {
            let host = self.host.clone();
            self.muster.roll.send_modify(|roll| roll.failed.push(host));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.reached(Stage::Staged);
    }
}

/// What a host is told that was not changed since the bundle does not do for others.
fn misfit(mut misfits: Vec<String>) -> Trouble {
    misfits.sort();
    let what =
        format!("nothing was changed here, since the bundle does not do for {}", some(&misfits));
    let next =
        "see there what to add to the bundle, or run with --partial to set up the other hosts";
    Trouble::new(what, next).held_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::FailurePolicy;

    fn fits(hosts: usize) -> Muster {
        Muster::of(hosts, true, None)
    }

    fn policy(text: &str, places: usize, hosts: usize) -> Muster {
        let policy = FailurePolicy::parse(text).unwrap();
        Muster::of(places, false, Some(Limit::of(&policy, hosts)))
    }

    fn failed() -> Outcome {
        Trouble::new("it broke", "mend it").into()
    }

    /// Whether a host would go on by now.
    async fn now(muster: &Muster, stage: Stage) -> Option<Result<(), Trouble>> {
        tokio::select! {
            biased;
            known = muster.all(stage) => Some(known),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn nobody_goes_on_before_all_are_known() {
        let muster = fits(3);
        let [mut a, b, c] = ["a", "b", "c"].map(|host| muster.ticket(host));
        a.reached(Stage::Planned);
        assert_eq!(now(&muster, Stage::Planned).await, None);
        drop(b);
        assert_eq!(now(&muster, Stage::Planned).await, None, "c is not known");
        drop(c);
        assert_eq!(now(&muster, Stage::Planned).await, Some(Ok(())));
        assert!(!muster.holds(Stage::Staged), "a bundle that fits holds nobody any longer");
    }

    /// Hosts that an interrupt keeps from being looked at leave the muster as if they were known.
    #[tokio::test]
    async fn after_an_interrupt_nobody_goes_on() {
        for _ in 0..50 {
            let (muster, cancel) = (fits(2), CancellationToken::new());
            cancel.cancel();
            drop(muster.ticket("never reached"));
            let passed = muster.ticket("a").pass(Stage::Planned, &cancel).await;
            assert_eq!(passed, Err(Outcome::Interrupted));
        }
        let muster = fits(1);
        let passed = muster.ticket("a").pass(Stage::Planned, &CancellationToken::new()).await;
        assert_eq!(passed, Ok(()));
    }

    #[tokio::test]
    async fn misfits_hold_the_others_back_by_name() {
        let muster = fits(5);
        drop(muster.ticket("fits"));
        for host in ["n4", "n2", "n1", "n3"] {
            let mut ticket = muster.ticket(host);
            ticket.misfit();
            ticket.ended(&failed());
        }
        let Trouble { what, next, .. } = muster.all(Stage::Planned).await.unwrap_err();
        assert!(what.ends_with("does not do for n1, n2, n3 and 1 more"), "{what}");
        assert!(next.contains("--partial"), "{next}");
    }

    #[tokio::test]
    async fn with_a_policy_nothing_is_activated_before_all_are_staged() {
        let muster = policy("0", 2, 3);
        let (mut a, mut b) = (muster.ticket("a"), muster.ticket("b"));
        a.reached(Stage::Staged);
        b.reached(Stage::Planned);
        assert_eq!(now(&muster, Stage::Planned).await, Some(Ok(())));
        assert_eq!(now(&muster, Stage::Staged).await, None, "b is not staged");
        b.reached(Stage::Staged);
        b.reached(Stage::Staged);
        assert_eq!(now(&muster, Stage::Staged).await, Some(Ok(())));
        // One that takes a place which has become free is waited for as well.
        let c = muster.ticket("c");
        assert_eq!(now(&muster, Stage::Staged).await, None, "c is not staged");
        assert_eq!(muster.spent(), None);
        c.ended(&failed());
        let Trouble { what, held_back, .. } = muster.all(Stage::Staged).await.unwrap_err();
        assert_eq!(
            what,
            "called off, and its old configuration stays, since c failed, and --max-fail 0 allows no more"
        );
        assert!(held_back);
    }

    #[tokio::test]
    async fn the_run_stops_when_more_fail_than_may_and_not_before() {
        let muster = policy("50%", 4, 4);
        let [a, b, c, mut d] = ["a", "b", "c", "d"].map(|host| muster.ticket(host));
        a.ended(&Outcome::Unreachable(Trouble::new("silent", "look")));
        b.ended(&failed());
        assert_eq!(muster.spent(), None);
        // What others did to a host counts for nothing.
        muster.ticket("x").ended(&held_back("not begun", "of others").into());
        muster.ticket("y").ended(&Outcome::Interrupted);
        assert_eq!(muster.spent(), None);
        c.ended(&failed());
        // d is not waited for.
        let passed = d.pass(Stage::Staged, &CancellationToken::new()).await.unwrap_err();
        let Outcome::Failed(Trouble { what, .. }) = passed else { panic!("{passed:?}") };
        assert!(what.ends_with("a, b, c failed, and --max-fail 50% allows no more"), "{what}");
        drop(d);
        muster.ticket("e").ended(&failed());
        let why = muster.until_spent().await;
        assert_eq!(why, "a, b, c failed, and --max-fail 50% allows no more", "always the same");
    }
}
