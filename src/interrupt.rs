//! Ctrl-C and its like, heard from the first question to the report: SIGINT, and SIGTERM and SIGHUP as well.

use std::fs;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// One cause sends some signals more than once: timeout(1) to the program and to its group, a closed terminal
/// beside the shell in it. What follows sooner is no second wish.
const ECHO: Duration = Duration::from_secs(1);

/// How many times at the most anybody waits for; then the program has no end of its own any more.
const LAST: u32 = 3;

/// The wishes to end the program, from the moment when they are first listened for.
#[derive(Debug, Clone)]
pub struct Interrupts(watch::Receiver<u32>);

/// All who listen hear the same: a wish that comes between two of them is not lost.
static HEARD: Mutex<Option<watch::Receiver<u32>>> = Mutex::new(None);

impl Interrupts {
    /// Listens from now on until the program ends.
    ///
    /// # Errors
    /// There is no thread or no handler to be had.
    pub fn listen() -> io::Result<Self> {
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = &*heard {
            return Ok(Self(heard.clone()));
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = Signals::handle(&runtime)?;
        let (wishes, receiver) = watch::channel(0);
        let listen = move || runtime.block_on(signals.count(&wishes));
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        *heard = Some(receiver.clone());
        Ok(Self(receiver))
    }

    /// Whether anybody listened and was asked to end the program.
    #[must_use]
    pub fn heard() -> bool {
        let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_ref().is_some_and(|wishes| *wishes.borrow() > 0)
    }

    /// Waits until the program was asked to end so many times.
    pub async fn wish(&self, number: u32) {
        if self.0.clone().wait_for(|wishes| *wishes >= number).await.is_err() {
            // Nobody listens: nobody can be heard.
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that are heard: those that whoever started the program has told it to ignore are not.
struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Signals {
    fn handle(runtime: &Runtime) -> io::Result<Self> {
        let _inside = runtime.enter();
        let ignored = ignored(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        let handle = |kind: SignalKind| match ignored & bit(kind) {
            0 => signal(kind).map(Some),
            // As by nohup(1), or by a shell that has started it in the background.
            _ => Ok(None),
        };
        Ok(Self {
            interrupt: handle(SignalKind::interrupt())?,
            terminate: handle(SignalKind::terminate())?,
            hang_up: handle(SignalKind::hangup())?,
        })
    }

    async fn count(mut self, wishes: &watch::Sender<u32>) {
        let mut last: Option<Instant> = None;
        loop {
            let typed = tokio::select! {
                () = next(&mut self.interrupt) => true,
                () = next(&mut self.terminate) => false,
                () = next(&mut self.hang_up) => false,
            };
            let is_echo = last.is_some_and(|last| last.elapsed() < ECHO);
            last = Some(Instant::now());
            if is_echo && !typed {
                continue;
            }
            wishes.send_modify(|wishes| *wishes += 1);
            if *wishes.borrow() >= LAST {
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// The signals that a process ignores, as bits, by its `/proc/PID/status`; none where that does not say.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// The bit of a signal in such a mask.
fn bit(kind: SignalKind) -> u64 {
    let number = u32::try_from(kind.as_raw_value()).unwrap_or_default();
    1_u64.checked_shl(number.saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_ignores_is_known() {
        let status = "Name:\tezsync\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_ne!(ignored(status) & bit(SignalKind::hangup()), 0);
        assert_eq!(ignored(status) & bit(SignalKind::interrupt()), 0);
        assert_eq!(ignored(""), 0);
    }
}
