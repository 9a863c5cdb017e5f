//! Sending the files of a change to a host, over the connection that its script reads from.
//!
//! All hosts share the files' bytes. What is on its way to one host is bounded by what the host says that
//! it has taken in, so that neither a slow host nor a slow line makes the controller hold more.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::Doing;
use super::host::Driver;
use super::talk::Talk;
use crate::exec::ExecError;
use crate::remote::Progress;
use crate::resource::Upload;

/// How much is handed to the connection at once (bytes).
const PIECE: usize = 32 * 1024;

/// How much may be on its way (bytes): twice what the host takes in before it says so (`upload_chunk` in
/// sh/upload.sh), so that it always has something to do.
const UNDER_WAY: u64 = 256 * 1024;

/// How long a host may take nothing in.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// The files of a change on their way to a host.
pub(super) struct Sending {
    pieces: VecDeque<Bytes>,
    sent: u64,
    taken: u64,
    total: u64,
}

impl Sending {
    /// All of `uploads`, one behind the other.
    pub(super) fn of(uploads: &[Upload]) -> Self {
        let pieces: VecDeque<Bytes> =
            uploads.iter().flat_map(|upload| pieces(&upload.bytes)).collect();
        let total = pieces.iter().map(length).sum();
        Self { pieces, sent: 0, taken: 0, total }
    }

    /// Whether the host has not taken all of it in.
    pub(super) fn is_under_way(&self) -> bool {
        self.taken < self.total
    }

    /// Whether something is still here.
    pub(super) fn is_here(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Notes that the host says it has so many bytes: no more than were sent.
    pub(super) fn note_taken(&mut self, bytes: u64) {
        self.taken = bytes.min(self.sent);
    }

    /// The next piece, unless enough is on its way.
    fn next(&mut self) -> Option<Bytes> {
        let length = length(self.pieces.front()?);
        if self.sent + length > self.taken + UNDER_WAY {
            return None;
        }
        self.sent += length;
        self.pieces.pop_front()
    }
}

/// The host takes nothing in any more: a cut cable looks like that.
pub(super) fn stalled() -> ExecError {
    let seconds = STALL.as_secs();
    ExecError::Lost(format!("it took in nothing of the files that it was sent for {seconds} s"))
}

/// A slice is a handle on the same bytes.
fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let mut rest = bytes.clone();
    std::iter::from_fn(move || {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}

fn length(piece: &Bytes) -> u64 {
    piece.len().try_into().unwrap_or(u64::MAX)
}

impl Driver<'_> {
    /// Sends what may be on its way by now.
    pub(super) async fn send(
        &self,
        talk: &mut Talk,
        sending: &mut Sending,
    ) -> Result<(), ExecError> {
        let goes_on = |section: &_| matches!(Progress::of(section), Some(Progress::Got(_)));
        self.tell(Doing::Sending { sent: sending.taken, total: sending.total });
        while let Some(piece) = sending.next() {
            let poured = timeout(STALL, talk.pour(piece, goes_on)).await;
            if !poured.map_err(|_| stalled())?? {
                // Why, its next section or its end tells.
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(length: usize) -> Upload {
        Upload {
            name: "a".to_owned(),
            sha256: String::new(),
            installed_size: 0,
            bytes: vec![7; length].into(),
        }
    }

    #[test]
    fn no_more_is_on_its_way_than_the_host_keeps_up_with() {
        let files = [upload(300 * 1024), upload(0), upload(1)];
        let mut sending = Sending::of(&files);
        let mut sent = Vec::new();
        while let Some(piece) = sending.next() {
            sent.push(piece);
        }
        assert_eq!(sent.iter().map(length).sum::<u64>(), UNDER_WAY);
        // They are slices of the one file that is there.
        assert_eq!(sent[1].as_ptr(), files[0].bytes[PIECE..].as_ptr());
        sending.note_taken(u64::MAX);
        assert!(sending.is_under_way(), "a host may say anything");
        sending.note_taken(UNDER_WAY / 2);
        while sending.next().is_some() {}
        assert!(!sending.is_here() && sending.is_under_way());
        sending.note_taken(300 * 1024 + 1);
        assert!(!sending.is_under_way());
    }
}
