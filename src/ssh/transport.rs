//! The connection below a session: the socket, the algorithms we accept, and what the server does
//! and says on its own account.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{Config, DisconnectReason, Handler, Session};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Preferred, SshId, kex};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::error::ConnectError;
use super::known_hosts::{Fingerprint, HostKeyPolicy, KnownHosts, Name, Verdict};
use super::stream::Stream;
use super::target::{Endpoint, HostKeys, Keepalive};
use crate::sanitise::sanitise;

/// How much is kept of what a server says before its greeting, and to its users (bytes).
const WORDS_MAX: usize = 512;

/// Key exchange: OpenSSH's order, without SHA-1. The NIST curves serve hosts in FIPS mode.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
    // Needs one more round trip than the others.
    kex::DH_GEX_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// Host keys, without SHA-1 (`ssh-rsa`).
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Settings for a host of which keys with the algorithms `known` are known: these are asked for
/// first, so that a host with several keys shows one that we can check. A certificate is asked for
/// only where there is an `authority` to check it by.
pub(super) fn config(known: &[Algorithm], authority: bool, keepalive: Keepalive) -> Config {
    let is_known = |wanted: &Algorithm| match wanted {
        Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
        _ => known.contains(wanted),
    };
    let (mut key, others): (Vec<_>, Vec<_>) = HOST_KEYS.into_iter().partition(is_known);
    key.extend(others);
    let id = concat!("SSH-2.0-ezsync_", env!("CARGO_PKG_VERSION"));
    Config {
        client_id: SshId::Standard(Cow::Borrowed(id)),
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            host_key_certificates: if authority { key.clone().into() } else { Cow::Borrowed(&[]) },
            key: key.into(),
            ..Preferred::DEFAULT
        },
        nodelay: true,
        keepalive_interval: Some(keepalive.interval),
        keepalive_max: usize::try_from(keepalive.count_max).unwrap_or(usize::MAX),
        ..Config::default()
    }
}

/// What is learnt about a connection on the way.
#[derive(Debug, Default)]
struct Notes {
    first_bytes: Vec<u8>,
    banner: String,
    end: Option<String>,
    learned: Option<Fingerprint>,
    doubt: Option<String>,
}

/// A shared handle to the notes about one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Notes>>);

impl Log {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first line that came, when it is not the greeting of an SSH server.
    pub(super) fn said_first(&self) -> Option<String> {
        let notes = self.notes();
        let text = String::from_utf8_lossy(&notes.first_bytes);
        let line = text.lines().next().filter(|line| !line.starts_with("SSH-"))?;
        shorten(line)
    }

    /// Whether the server has hung up without a greeting; the words are those of sshd for a
    /// connection too many (`MaxStartups`) and for a client that it keeps out for a while.
    pub(super) fn hung_up(&self) -> bool {
        let notes = self.notes();
        let said = String::from_utf8_lossy(&notes.first_bytes);
        let words = ["Exceeded MaxStartups", "Not allowed at this time"];
        said.is_empty() || words.iter().any(|words| said.starts_with(words))
    }

    /// What the server told its users before they log in.
    pub(super) fn banner(&self) -> Option<String> {
        shorten(&self.notes().banner)
    }

    /// Why the connection ended, when it has.
    pub(super) fn end(&self) -> Option<String> {
        self.notes().end.clone()
    }

    /// Why the host may be another than we think, when we go on all the same.
    pub(super) fn doubt(&self) -> Option<String> {
        self.notes().doubt.clone()
    }

    /// The host's key, when it was not known before.
    pub(super) fn learned(&self) -> Option<Fingerprint> {
        self.notes().learned.clone()
    }
}

/// One line of at most [`WORDS_MAX`] characters that is safe to print.
pub(super) fn shorten(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    let text: String = lines.join("; ").chars().take(WORDS_MAX).collect();
    (!text.is_empty()).then(|| sanitise(&text).into_owned())
}

/// Puts an error of russh into words.
pub(super) fn describe(error: &russh::Error) -> String {
    use russh::Error::{
        Disconnect, HUP, IO, InactivityTimeout, KeepaliveTimeout, RecvError, SendError, Version,
    };
    match error {
        Disconnect | HUP | SendError | RecvError => "the server closed the connection".to_owned(),
        KeepaliveTimeout | InactivityTimeout => "the server has stopped answering".to_owned(),
        Version => "this is no SSH server".to_owned(),
        IO(error) if error.kind() == io::ErrorKind::TimedOut => {
            "the server has stopped answering".to_owned()
        }
        IO(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
            ) =>
        {
            "the server closed the connection".to_owned()
        }
        other => sanitise(&other.to_string()).into_owned(),
    }
}

/// What a [`Watcher`] can fail with.
#[derive(Debug)]
pub(super) enum WatchError {
    Ssh(russh::Error),
    HostKey(ConnectError),
}

impl From<russh::Error> for WatchError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// Checks the host key, and notes what the server says and how the connection ends.
pub(super) struct Watcher {
    pub(super) endpoint: Endpoint,
    pub(super) name: Name,
    pub(super) known_hosts: Arc<KnownHosts>,
    pub(super) settings: HostKeys,
    pub(super) log: Log,
}

impl Handler for Watcher {
    type Error = WatchError;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, WatchError> {
        let HostKeys { policy, files, .. } = &self.settings;
        let endpoint = self.endpoint.clone();
        let judged = self.known_hosts.judge(&self.name, shown, *policy);
        let key = Fingerprint::from(&shown.public_key());
        Err(WatchError::HostKey(match judged {
            Ok((Verdict::Known, _)) => return Ok(true),
            Ok((Verdict::Learned, _)) => {
                self.log.notes().learned = Some(key);
                return Ok(true);
            }
            Ok((Verdict::Changed(known), certificate)) => {
                let name = self.name.best().to_owned();
                let changed =
                    ConnectError::HostKeyChanged { endpoint, name, key, known, certificate };
                if *policy == HostKeyPolicy::Off {
                    self.log.notes().doubt = Some(changed.to_string());
                    return Ok(true);
                }
                changed
            }
            Ok((Verdict::Unknown, certificate)) => {
                let file = files.first().cloned().unwrap_or_default();
                ConnectError::HostKeyUnknown { endpoint, key, certificate, file }
            }
            Ok((Verdict::Revoked(key), _)) => ConnectError::HostKeyRevoked { endpoint, key },
            Ok((Verdict::RevokedAuthority(key), _)) => {
                ConnectError::AuthorityRevoked { endpoint, key }
            }
            Err(error) => error.into(),
        }))
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), WatchError> {
        let mut notes = self.log.notes();
        if notes.banner.len() < WORDS_MAX {
            notes.banner.push_str(banner);
        }
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<WatchError>,
    ) -> Result<(), WatchError> {
        let (end, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (shorten(&info.message), Ok(())),
            DisconnectReason::Error(error) => match &error {
                WatchError::Ssh(cause) => (Some(describe(cause)), Err(error)),
                WatchError::HostKey(cause) => (Some(cause.to_string()), Err(error)),
            },
        };
        self.log.notes().end = end;
        result
    }
}

/// The bytes of a connection, which closes as soon as nobody wants the connection any more.
///
/// russh serves a connection in a task of its own, which would wait for the server even when the
/// future that started it is gone.
pub(super) struct Wire {
    stream: Stream,
    unwanted: Pin<Box<WaitForCancellationFutureOwned>>,
    /// How long the server may take nothing in.
    patience: Duration,
    /// Ends when it has taken nothing in for so long.
    stalled: Option<Pin<Box<Sleep>>>,
    log: Log,
}

impl Wire {
    pub(super) fn new(
        stream: Stream,
        unwanted: WaitForCancellationFutureOwned,
        keepalive: Keepalive,
        log: Log,
    ) -> Self {
        // For a server that takes nothing in, so that not even a question can be sent. (russh's
        // own limit would also count the time in which a person thinks about an answer.)
        let patience = keepalive.interval * keepalive.count_max.saturating_add(2);
        Self { stream, unwanted: Box::pin(unwanted), patience, stalled: None, log }
    }

    fn check_wanted(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.unwanted.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_wanted(context)?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let mut notes = self.log.notes();
        let room = WORDS_MAX.saturating_sub(notes.first_bytes.len());
        if room > 0 {
            notes.first_bytes.extend(buffer.filled().iter().skip(before).take(room));
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_wanted(context)?;
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error here would hide from us why the connection ended.
        Pin::new(&mut self.stream).poll_shutdown(context).map(|_| Ok(()))
    }
}
