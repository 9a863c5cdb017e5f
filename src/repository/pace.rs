//! A lower limit on how fast a server sends: one that trickles is as good as silent.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Fewer bytes in a second than this count as silence: a package would take hours.
const LEAST: f64 = 1000.0;

/// A body that fails where it comes slower than [`LEAST`] over a while.
pub(super) struct Paced<R> {
    body: R,
    /// How long it may trickle.
    patience: Duration,
    /// Since when `read` counts.
    since: Instant,
    /// In bytes.
    read: usize,
}

impl<R: Read> Paced<R> {
    pub(super) fn new(body: R, patience: Duration) -> Self {
        Self { body, patience, since: Instant::now(), read: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        self.read += length;
        let taken = self.since.elapsed();
        if length == 0 || taken < self.patience {
            return Ok(length);
        }
        // No file has so many bytes that this number is not exact.
        if (self.read as f64) < LEAST * taken.as_secs_f64() {
            let what = format!(
                "it sent only {} bytes in {:.0} s, and less than 1 kB/s counts as silence",
                self.read,
                taken.as_secs_f64()
            );
            return Err(io::Error::new(io::ErrorKind::TimedOut, what));
        }
        (self.since, self.read) = (Instant::now(), 0);
        Ok(length)
    }
}
