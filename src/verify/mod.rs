//! Verdicts: what timedatectl and chronyc say, judged by role.
//!
//! Raw text becomes a [`Reading`], and [`judge()`] holds it against an [`Expectation`]. All of it is
//! pure: the module knows nothing of SSH, shells or terminals. Text from a host is never trusted:
//! a parser answers with what it could read, and no text makes it panic.

mod cause;
mod chronyc;
mod clock;
mod evidence;
mod judge;
mod notes;
mod reading;
mod silence;
mod source_side;
mod sources;
mod standby;
mod surroundings;
mod timedatectl;
mod verdict;
mod warnings;
mod words;

pub use cause::{Cause, Offer, Words};
pub use chronyc::{
    Activity, Chronyc, Leap, Peer, Refusal, Source, SourceMode, SourceState, Sourcestats, Tracking,
};
pub use clock::{Clock, ClockOffset, Measure};
pub use evidence::{AuthData, Evidence, NtpData, Query, SelectData};
pub use judge::judge;
pub use reading::{Daemon, DaemonState, RawReading, Reading, Resolved};
pub use silence::{Heard, Silence};
pub use source_side::SourceSide;
pub use surroundings::{Process, Surroundings};
pub use timedatectl::{Answer, Timedatectl};
pub use verdict::{DEFAULT_MAX_OFFSET, Expectation, Role, State, Verdict};
pub use warnings::warnings;

/// `text` cut to `limit` characters, with control characters as U+FFFD: remote text that is kept
/// or quoted must not grow without bound. (The terminal's own guard stands elsewhere.)
fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
