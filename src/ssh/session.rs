//! What can be done over a connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use russh::client::Handle;
use russh::{ChannelOpenFailure, Disconnect};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::client::Failed;
use super::error::ConnectError;
use super::exec::{Exec, lost};
use super::known_hosts::Fingerprint;
use super::stream::Stream;
use super::target::Endpoint;
use super::transport::{Log, Watcher, describe};
use crate::exec::ExecError;
use crate::sanitise::sanitise;

/// How long a farewell to a server may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection to a host on which we are logged in. Dropping it closes it.
///
/// A server that stops answering is noticed after about a minute, whatever is going on.
pub struct Session {
    endpoint: Endpoint,
    handle: Handle<Watcher>,
    log: Log,
    execs: AtomicU32,
    _close_on_drop: DropGuard,
    round_trip: Option<Duration>,
    /// The connection below this one, which must not end before it.
    gateway: Option<Arc<Session>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("execs", &self.execs).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        endpoint: Endpoint,
        handle: Handle<Watcher>,
        log: Log,
        close_on_drop: DropGuard,
        gateway: Option<Arc<Self>>,
        round_trip: Option<Duration>,
    ) -> Self {
        let execs = AtomicU32::new(0);
        Self { endpoint, handle, log, execs, _close_on_drop: close_on_drop, gateway, round_trip }
    }

    /// The host's key, when it was not known before and is now.
    #[must_use]
    pub fn learned_host_key(&self) -> Option<Fingerprint> {
        self.log.learned()
    }

    /// Why the host may be another than we think, when its key has changed and that was let pass.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        self.log.doubt()
    }

    /// What the reader should know of the host's key, and of those of the hosts on the way to it:
    /// that it is known from now on, or that it is not the one that is known.
    #[must_use]
    pub fn host_key_notes(&self) -> Vec<String> {
        let note = |session: &Self| {
            let learned = session.learned_host_key();
            let learned =
                learned.map(|key| format!("its host key was not known and is now: {key}"));
            learned.or_else(|| session.doubt())
        };
        let mut notes: Vec<String> = note(self).into_iter().collect();
        let mut gateway = &self.gateway;
        while let Some(session) = gateway {
            let jump = &session.endpoint;
            notes.extend(note(session).map(|note| format!("jump host {jump}: {note}")));
            gateway = &session.gateway;
        }
        notes
    }

    /// How long the way to the host and back takes, as the opening of the connection has shown: a busy host's kernel
    /// answers all the same, but where this machine is busy it looks longer. None where something stands in between.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether the connection has ended.
    pub(super) fn is_lost(&self) -> bool {
        self.handle.is_closed()
    }

    /// Has the host pass a connection on to `endpoint`, whose name it looks up itself.
    pub(super) async fn forward(&self, endpoint: &Endpoint) -> Result<Stream, Failed> {
        let Endpoint { address, port } = endpoint;
        // sshd notes down where the connection comes from, and does nothing with it.
        let opened =
            self.handle.channel_open_direct_tcpip(address, (*port).into(), "127.0.0.1", 0).await;
        let jump = self.endpoint.clone();
        let endpoint = endpoint.clone();
        match opened {
            Ok(channel) => Ok(Box::new(channel.into_stream())),
            Err(russh::Error::ChannelOpenFailure(reason)) => {
                let prohibited = matches!(reason, ChannelOpenFailure::AdministrativelyProhibited);
                let reason = match reason {
                    ChannelOpenFailure::AdministrativelyProhibited => {
                        "it forwards no connections".to_owned()
                    }
                    ChannelOpenFailure::ConnectFailed => "it cannot connect".to_owned(),
                    other => sanitise(&format!("{other:?}")).into_owned(),
                };
                Err(ConnectError::Forward { jump, endpoint, reason, prohibited }.into())
            }
            // The connection that all hosts behind this one share has just ended.
            Err(error) => {
                let reason = format!("{jump}, the jump host, was lost: {}", describe(&error));
                Err(Failed { error: ConnectError::Network { endpoint, reason }, again: true })
            }
        }
    }

    /// How many commands were run.
    #[must_use]
    pub fn execs(&self) -> u32 {
        self.execs.load(Ordering::Relaxed)
    }

    /// Starts `command`, which the user's login shell on the host reads. There is no deadline.
    ///
    /// # Errors
    /// When the server refuses (it allows some ten commands at a time) or the connection is lost.
    pub async fn exec(&self, command: &str) -> Result<Exec, ExecError> {
        self.start(command, false).await
    }

    /// The same on a terminal of its own. All that the command writes is standard output then,
    /// and the end of its input is not heard.
    ///
    /// # Errors
    /// As for [`exec`](Self::exec).
    pub async fn exec_on_terminal(&self, command: &str) -> Result<Exec, ExecError> {
        self.start(command, true).await
    }

    async fn start(&self, command: &str, terminal: bool) -> Result<Exec, ExecError> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        let channel = self.handle.channel_open_session().await.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(reason) => {
                ExecError::Refused(sanitise(&format!("{reason:?}")).into_owned())
            }
            other => lost(&self.log, &other),
        })?;
        Exec::start(channel, command, terminal, self.log.clone()).await
    }

    /// Says goodbye to the server and closes the connection.
    pub async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        if timeout(FAREWELL, goodbye).await.is_ok() {
            let _ = timeout(FAREWELL, self.handle).await;
        }
    }
}
