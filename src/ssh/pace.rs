//! How many connections knock at one door at a time, and when to knock again.
//!
//! sshd takes 10 connections that have not logged in yet; of more it drops some, and of 100 all
//! (sshd_config(5), `MaxStartups 10:30:100`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many connections to one server may be on their way to being logged in. There may be others
/// than us, and a busy sshd counts those that are through for a moment longer: with 8 some were
/// dropped.
const AT_A_TIME: usize = 5;

/// How often a server that drops us before its greeting is tried again.
const RETRIES: u32 = 5;
/// The wait before the first retry. It doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The doors, and who stands before them.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<String, Arc<Semaphore>>>);

/// A place before a door; free again when dropped.
pub(super) struct Turn<'a> {
    pace: &'a Pace,
    door: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// Waits for a place before `door`.
    pub(super) async fn turn(&self, door: String) -> Turn<'_> {
        let places = Arc::clone(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(door.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(AT_A_TIME))),
        );
        // A semaphore that nobody closes gives a place sooner or later.
        Turn { pace: self, door, permit: places.acquire_owned().await.ok() }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.permit = None;
        let mut doors = self.pace.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own is the last one: who waits holds one, too.
        if doors.get(&self.door).is_some_and(|places| Arc::strong_count(places) == 1) {
            doors.remove(&self.door);
        }
    }
}

/// The waits before retries: half to one and a half times as long as they would be, so that those
/// who were dropped together do not come back together.
pub(super) fn waits() -> impl Iterator<Item = Duration> {
    (0..RETRIES).map(|retry| {
        let mut random = [0];
        // Without random numbers all come back together, which is worse but not wrong.
        let _ = getrandom::fill(&mut random);
        let [random] = random;
        FIRST_WAIT * 2u32.pow(retry) * (128 + u32::from(random)) / 256
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_takes_so_many_and_is_forgotten() {
        let pace = Pace::default();
        let mut turns = Vec::new();
        for _ in 0..AT_A_TIME {
            turns.push(pace.turn("a".to_owned()).await);
        }
        let other = pace.turn("b".to_owned()).await;
        let next = pace.turn("a".to_owned());
        tokio::pin!(next);
        let full = tokio::time::timeout(Duration::from_millis(20), &mut next).await;
        assert!(full.is_err(), "one more was let in");
        turns.pop();
        turns.push(next.await);
        drop((turns, other));
        assert!(pace.0.lock().unwrap().is_empty());
    }

    #[test]
    fn waits_grow_and_differ() {
        let (one, other): (Vec<_>, Vec<_>) = (waits().collect(), waits().collect());
        assert_eq!(one.len(), 5);
        assert_ne!(one, other);
        for (retry, wait) in one.iter().enumerate() {
            let base = FIRST_WAIT * 2u32.pow(u32::try_from(retry).unwrap());
            assert!(*wait >= base / 2 && *wait < base * 3 / 2, "{wait:?}");
        }
    }
}
