//! What happens to a host while the fleet runs.

use std::time::Duration;

use super::result::{HostResult, Outcome};
use crate::verify::{Cause, State};

/// Something that happens to one host.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name in the inventory.
    pub host: String,
    /// What happens.
    pub doing: Doing,
}

/// What was found at a look at a host's time.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The judgement.
    pub state: State,
    /// Why it does not pass, if it does not.
    pub cause: Option<Cause>,
    /// How long it has been watched.
    pub watched: Duration,
    /// How long it may take in all.
    pub patience: Duration,
}

/// What a host is at.
#[derive(Debug, Clone)]
pub enum Doing {
    /// The connection is being opened, by this way.
    Connecting(String),
    /// Its facts and its state are being read.
    Probing,
    /// This many changes are planned.
    Planned(usize),
    /// The files that its changes need are being sent.
    Sending {
        /// How many bytes are there.
        sent: u64,
        /// How many bytes there are in all.
        total: u64,
    },
    /// A change is being made: `install chrony`.
    Changing(String),
    /// It waits until the other hosts have come as far.
    WaitingForHosts,
    /// Everything is staged: it waits for the time source.
    WaitingForSource,
    /// Its time is being proved; the last judgement, when there is one.
    Verifying(Option<Judged>),
    /// The user's command runs there.
    Running,
    /// It has ended, with all that was wanted of it.
    Done(Box<HostResult>),
    /// It has ended, and only a look or a command was wanted.
    Left(Outcome),
}
