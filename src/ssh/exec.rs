//! Running a command on a host, with its input, output and end.

use bytes::Bytes;
use russh::ChannelMsg;
use russh::client::Msg;
use russh::{Channel, ChannelReadHalf, ChannelWriteHalf, Pty};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::transport::{Log, describe};
use crate::exec::{Event, ExecError, ExitStatus};

/// The stream number of standard error in an SSH channel (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// A command that runs on a host. Its two ends are used side by side: a command whose output
/// nobody reads takes no more input at some point.
///
/// Dropping it does not end the command; dropping the session ends the connection, and with it
/// the command's input and output.
#[derive(Debug)]
pub struct Exec {
    /// What the command reads.
    pub stdin: Stdin,
    /// What it writes, and how it ends.
    pub events: Events,
}

/// The standard input of a command.
#[derive(Debug)]
pub struct Stdin {
    channel: ChannelWriteHalf<Msg>,
    /// The command has ended, or nobody reads its output any more.
    ended: CancellationToken,
}

/// What a command writes, and how it ends.
#[derive(Debug)]
pub struct Events {
    channel: ChannelReadHalf,
    log: Log,
    closed: bool,
    _ended: DropGuard,
}

impl Exec {
    /// Asks the server to run `command` by the user's shell. Does not wait for the answer, which
    /// saves a round trip: a refusal is the first event.
    pub(super) async fn start(
        channel: Channel<Msg>,
        command: &str,
        terminal: bool,
        log: Log,
    ) -> Result<Self, ExecError> {
        if terminal {
            // Nobody looks at it: it has a size, and does not know how to draw. What is sent, a password
            // perhaps, is not to come back.
            let modes = [(Pty::ECHO, 0)];
            let asked = channel.request_pty(true, "dumb", 80, 24, 0, 0, &modes).await;
            asked.map_err(|error| lost(&log, &error))?;
        }
        channel.exec(true, command).await.map_err(|error| lost(&log, &error))?;
        let (read_half, write_half) = channel.split();
        let ended = CancellationToken::new();
        Ok(Self {
            stdin: Stdin { channel: write_half, ended: ended.clone() },
            events: Events { channel: read_half, log, closed: false, _ended: ended.drop_guard() },
        })
    }
}

impl Stdin {
    /// Writes all of `data`, as fast as the command reads it.
    ///
    /// # Errors
    /// [`ExecError::InputClosed`] when the command ends before, or the connection does: the
    /// command's [`Events`] tell which.
    pub async fn write(&self, data: impl Into<Bytes>) -> Result<(), ExecError> {
        tokio::select! {
            written = self.channel.data_bytes(data) => written.map_err(|_| ExecError::InputClosed),
            // russh would wait for ever for a command that has ended to read on.
            () = self.ended.cancelled() => Err(ExecError::InputClosed),
        }
    }

    /// Tells the command that its input ends here.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn close(self) -> Result<(), ExecError> {
        self.channel.eof().await.map_err(|_| ExecError::InputClosed)
    }
}

impl Events {
    /// Waits for what comes next; nothing comes after the command's end and all of its output.
    ///
    /// # Errors
    /// [`ExecError::Refused`] when the server does not run the command, [`ExecError::Lost`] when
    /// the connection ends before the command does.
    pub async fn next(&mut self) -> Result<Option<Event>, ExecError> {
        while !self.closed {
            return Ok(Some(match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => Event::Stdout(data.into()),
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => Event::Stderr(data.into()),
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    Event::Exit(ExitStatus::Code(exit_status))
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    Event::Exit(ExitStatus::Signal(match signal_name {
                        russh::Sig::Custom(name) => name,
                        known => format!("{known:?}"),
                    }))
                }
                Some(ChannelMsg::Failure) => {
                    return Err(ExecError::Refused("the request was denied".to_owned()));
                }
                Some(ChannelMsg::Close) => {
                    self.closed = true;
                    continue;
                }
                // The status may come after the end of the output: only a close ends it all.
                Some(_) => continue,
                None => return Err(lost(&self.log, &russh::Error::Disconnect)),
            }));
        }
        Ok(None)
    }
}

/// The end of the connection, in the words of whoever ended it.
pub(super) fn lost(log: &Log, error: &russh::Error) -> ExecError {
    ExecError::Lost(log.end().unwrap_or_else(|| describe(error)))
}
