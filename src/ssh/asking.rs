//! Asking the person at the terminal: one question at a time for all hosts, and time that is spent
//! on it is not the host's.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync;
use tokio::time::{Instant, sleep_until};

/// The shortest time between two looks at whether a deadline has passed.
const LOOK: Duration = Duration::from_millis(50);

/// Somebody who can be asked while hosts are being connected to. How that looks is not known here.
pub trait Prompt: fmt::Debug + Send + Sync {
    /// Asks, and waits for the answer. Questions come one at a time. Dropping the future takes the
    /// question back.
    ///
    /// # Errors
    /// When nobody can answer.
    fn ask(
        &self,
        question: Question,
    ) -> Pin<Box<dyn Future<Output = io::Result<SecretString>> + Send + '_>>;
}

/// What is asked. All of it is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Lines to be read first; empty when there are none.
    pub before: String,
    /// The question itself, with the blank after it.
    pub text: String,
    /// Whether the answer may be seen while it is typed.
    pub echo: bool,
}

/// The one who is asked by all connections, when there is somebody.
#[derive(Debug, Default)]
pub(super) struct Asker {
    prompt: Option<Arc<dyn Prompt>>,
    turn: sync::Mutex<()>,
}

impl Asker {
    pub(super) fn new(prompt: Arc<dyn Prompt>) -> Self {
        Self { prompt: Some(prompt), turn: sync::Mutex::default() }
    }

    /// Whether there is somebody.
    pub(super) fn is_there(&self) -> bool {
        self.prompt.is_some()
    }

    /// Waits until nobody else asks; or nothing when there is nobody to ask.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        let prompt = self.prompt.as_deref()?;
        Some(Turn { prompt, _turn: self.turn.lock().await })
    }
}

/// The right to ask. Others wait until it is dropped.
pub(super) struct Turn<'a> {
    prompt: &'a dyn Prompt,
    _turn: sync::MutexGuard<'a, ()>,
}

impl Turn<'_> {
    pub(super) async fn ask(&self, question: Question) -> io::Result<SecretString> {
        self.prompt.ask(question).await
    }
}

/// How long one connection has waited for a person.
#[derive(Debug, Clone, Default)]
pub(super) struct Pauses(Arc<Mutex<Waited>>);

#[derive(Debug, Default)]
struct Waited {
    past: Duration,
    since: Option<Instant>,
}

impl Pauses {
    fn waited(&self) -> MutexGuard<'_, Waited> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts until the result is dropped.
    pub(super) fn begin(&self) -> Pause {
        self.waited().since = Some(Instant::now());
        Pause(self.clone())
    }

    /// The time of all pauses, the present one included.
    fn so_far(&self) -> Duration {
        let waited = self.waited();
        waited.past + waited.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Lets `work` run until `end`, and longer by the time of the pauses in it; nothing when that
    /// did not suffice.
    pub(super) async fn limit<T>(&self, end: Instant, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            let (now, end) = (Instant::now(), end + self.so_far());
            let look = if now >= end { now } else { end.max(now + LOOK) };
            tokio::select! {
                biased;
                result = &mut work => return Some(result),
                () = sleep_until(look) => if now >= end { return None },
            }
        }
    }
}

/// A pause that goes on.
pub(super) struct Pause(Pauses);

impl Drop for Pause {
    fn drop(&mut self) {
        let mut waited = self.0.waited();
        let present = waited.since.take().map(|since| since.elapsed());
        waited.past += present.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_hosts_own_time_counts() {
        let second = Duration::from_secs(1);
        let pauses = Pauses::default();
        let end = Instant::now() + 2 * second;
        let work = async {
            sleep(second).await;
            let pause = pauses.begin();
            sleep(60 * second).await;
            drop(pause);
            sleep(second / 2).await;
        };
        assert_eq!(pauses.limit(end, work).await, Some(()));
        assert_eq!(pauses.limit(end, sleep(second)).await, None);
        assert_eq!(pauses.so_far(), 60 * second);
    }
}
