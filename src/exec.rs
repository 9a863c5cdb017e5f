//! What a command that runs on a host does, and why it may give no result.
//!
//! The same for hosts that are reached by SSH and for this machine itself.

use std::fmt;
use std::time::Duration;

use crate::sanitise::sanitise;

/// Something that a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It writes to standard output.
    Stdout(Vec<u8>),
    /// It writes to standard error.
    Stderr(Vec<u8>),
    /// It has ended. Output may still follow.
    Exit(ExitStatus),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(u32),
    /// By a signal; its name is without `SIG`, as in `TERM`.
    Signal(String),
}

impl ExitStatus {
    /// Whether the command ended with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(name) => write!(f, "signal {}", sanitise(name)),
        }
    }
}

/// Why a command on a host gave no result. Commands that ran and failed are no error here.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The host does not let us run commands.
    #[error("the server refuses to run a command: {0}")]
    Refused(String),
    /// The connection was lost; the command may still run.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The command did not end in time; it may still run.
    #[error("no end after {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The command wrote more than we are willing to hold.
    #[error("the output is longer than {0} bytes")]
    TooMuchOutput(usize),
    /// The command ended, or closed its input, before it had read all of it.
    #[error("the command did not read all of its input")]
    InputClosed,
}
