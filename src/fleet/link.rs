//! A host on which commands run: by SSH, or this machine itself.

use std::time::Duration;

use bytes::Bytes;

use crate::exec::{Event, ExecError};
use crate::{local, ssh};

/// The way to a host.
pub(super) enum Link {
    Ssh(ssh::Session),
    Local(local::Machine),
}

/// A command that runs on the host. Dropping it does not end the command.
pub(super) struct Exec {
    pub stdin: Stdin,
    pub events: Events,
}

/// What the command reads.
pub(super) enum Stdin {
    Ssh(ssh::Stdin),
    Local(local::Stdin),
}

/// What it writes, and how it ends.
pub(super) enum Events {
    Ssh(ssh::Events),
    Local(Box<local::Events>),
}

impl Link {
    /// Starts `command`, which a shell on the host reads.
    pub(super) async fn exec(&self, command: &str, terminal: bool) -> Result<Exec, ExecError> {
        match self {
            Self::Ssh(session) => {
                let exec = match terminal {
                    true => session.exec_on_terminal(command).await?,
                    false => session.exec(command).await?,
                };
                Ok(Exec { stdin: Stdin::Ssh(exec.stdin), events: Events::Ssh(exec.events) })
            }
            Self::Local(_) if terminal => {
                Err(ExecError::Refused("there are no terminals for this machine itself".to_owned()))
            }
            Self::Local(machine) => {
                let exec = machine.exec(command)?;
                Ok(Exec {
                    stdin: Stdin::Local(exec.stdin),
                    events: Events::Local(Box::new(exec.events)),
                })
            }
        }
    }

    /// How long the way there and back takes, where that is known.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        match self {
            Self::Ssh(session) => session.round_trip(),
            Self::Local(_) => None,
        }
    }

    /// Whether a command can have a terminal.
    pub(super) fn has_terminals(&self) -> bool {
        matches!(self, Self::Ssh(_))
    }

    /// How many commands were run.
    pub(super) fn execs(&self) -> u32 {
        match self {
            Self::Ssh(session) => session.execs(),
            Self::Local(machine) => machine.execs(),
        }
    }

    /// Whether the host may be another than we think.
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self, Self::Ssh(session) if session.doubt().is_some())
    }

    /// What the reader should know of the keys of the host and of those on the way to it.
    pub(super) fn host_key_notes(&self) -> Vec<String> {
        match self {
            Self::Ssh(session) => session.host_key_notes(),
            Self::Local(_) => Vec::new(),
        }
    }

    /// Closes the connection in order.
    pub(super) async fn close(self) {
        match self {
            Self::Ssh(session) => session.close().await,
            Self::Local(_) => {}
        }
    }
}

impl Stdin {
    /// Writes all of `data`, as fast as the command reads it.
    pub(super) async fn write(&mut self, data: Bytes) -> Result<(), ExecError> {
        match self {
            Self::Ssh(stdin) => stdin.write(data).await,
            Self::Local(stdin) => stdin.write(&data).await,
        }
    }

    /// Tells the command that its input ends here.
    pub(super) async fn close(self) {
        match self {
            // A command that has ended does not hear it.
            Self::Ssh(stdin) => drop(stdin.close().await),
            Self::Local(stdin) => drop(stdin),
        }
    }
}

impl Events {
    /// Waits for what comes next; nothing comes after the command's end and all of its output.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, ExecError> {
        match self {
            Self::Ssh(events) => events.next().await,
            Self::Local(events) => events.next().await,
        }
    }
}
