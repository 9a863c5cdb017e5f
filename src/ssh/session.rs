//! From a target to a session, and what a session can do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use russh::client::{self, Handle};
use russh::{AlgorithmKind, Disconnect};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::auth::authenticate;
use super::error::{ConnectError, Phase};
use super::exec::{Exec, Output, lost, within};
use super::identity::Keyring;
use super::known_hosts::{Fingerprint, KnownHosts, KnownHostsError};
use super::target::{Endpoint, Target};
use super::transport::{Log, WatchError, Watcher, Wire, config, describe};
use crate::exec::ExecError;
use crate::sanitise::sanitise;

/// How long a farewell to a server may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections share: known host keys, and our own keys. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Client(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known_hosts: Mutex<HashMap<Vec<PathBuf>, Arc<KnownHosts>>>,
    keyring: Keyring,
}

impl Shared {
    /// What `files` know, read once for all hosts that name them.
    fn known_hosts(&self, files: &[PathBuf]) -> Result<Arc<KnownHosts>, KnownHostsError> {
        // Held while reading, so that nobody learns a key from a file that is read twice.
        let mut known = self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(files) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(KnownHosts::read(files)?);
        known.insert(files.to_vec(), Arc::clone(&read));
        Ok(read)
    }
}

impl Client {
    /// Connects and logs in to a host, within its [`connect_timeout`](Target::connect_timeout).
    /// Files of keys and the agent are read when the first host needs them, once for all hosts.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, target: &Target) -> Result<Session, ConnectError> {
        let Target { endpoint, host_keys, .. } = target;
        let known_hosts = self.0.known_hosts(&host_keys.files)?;
        let deadline = Deadline::new(endpoint, target.connect_timeout);

        let socket = deadline.open().await?;
        let log = Log::default();
        let wanted = CancellationToken::new();
        let wire = Wire::new(socket, wanted.clone().cancelled_owned(), log.clone());
        let close_on_drop = wanted.drop_guard();

        let config = config(&known_hosts.algorithms(&endpoint.address, endpoint.port));
        let watcher = Watcher {
            endpoint: endpoint.clone(),
            known_hosts,
            policy: host_keys.policy,
            log: log.clone(),
        };
        let handshake = client::connect_stream(Arc::new(config), wire, watcher);
        let mut handle = deadline
            .limit(Phase::Handshake, handshake)
            .await?
            .map_err(|error| handshake_error(endpoint, error, &log))?;

        let login = authenticate(&mut handle, target, &self.0.keyring, &log);
        deadline.limit(Phase::Authentication, login).await??;
        Ok(Session { handle, log, execs: AtomicU32::new(0), _close_on_drop: close_on_drop })
    }
}

/// The time left for connecting to a host.
struct Deadline<'a> {
    endpoint: &'a Endpoint,
    after: Duration,
    end: Instant,
}

impl<'a> Deadline<'a> {
    fn new(endpoint: &'a Endpoint, after: Duration) -> Self {
        Self { endpoint, after, end: Instant::now() + after }
    }

    fn passed(&self, phase: Phase) -> ConnectError {
        ConnectError::TimedOut { endpoint: self.endpoint.clone(), phase, after: self.after }
    }

    async fn limit<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = T>,
    ) -> Result<T, ConnectError> {
        timeout_at(self.end, work).await.map_err(|_| self.passed(phase))
    }

    /// Opens a TCP connection to the first of the host's addresses that answers. Each gets its
    /// share of the time, so that a dead one does not hide those behind it.
    async fn open(&self) -> Result<TcpStream, ConnectError> {
        let Endpoint { address, port } = self.endpoint;
        let resolve = |reason| ConnectError::Resolve { host: address.clone(), reason };
        let found = self.limit(Phase::Resolve, lookup_host((address.as_str(), *port))).await?;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| resolve(sanitise(&error.to_string()).into_owned()))?.collect();

        let mut error = resolve("it has none".to_owned());
        for (index, address) in addresses.iter().enumerate() {
            let left = self.end.saturating_duration_since(Instant::now());
            let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            error = match timeout(left / waiting, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    // Without it requests wait for answers to earlier ones (Nagle's algorithm).
                    let _ = socket.set_nodelay(true);
                    return Ok(socket);
                }
                Ok(Err(error)) => self.open_error(&error),
                Err(_) => self.passed(Phase::Connect),
            };
        }
        Err(error)
    }

    fn open_error(&self, error: &io::Error) -> ConnectError {
        let endpoint = self.endpoint.clone();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => ConnectError::Refused(endpoint),
            _ => ConnectError::Network { endpoint, reason: error.to_string() },
        }
    }
}

fn handshake_error(endpoint: &Endpoint, error: WatchError, log: &Log) -> ConnectError {
    let endpoint = endpoint.clone();
    match error {
        WatchError::HostKey(error) => error,
        WatchError::Ssh(russh::Error::NoCommonAlgo { kind, ours, theirs }) => {
            let kind = match kind {
                AlgorithmKind::Kex => "key exchange",
                AlgorithmKind::Key => "host key",
                AlgorithmKind::Cipher => "cipher",
                AlgorithmKind::Compression => "compression",
                AlgorithmKind::Mac => "MAC",
            };
            let theirs = theirs.iter().map(|name| sanitise(name).into_owned()).collect();
            ConnectError::NoCommonAlgorithm { endpoint, kind, ours, theirs }
        }
        WatchError::Ssh(error) => ConnectError::Broken {
            endpoint,
            phase: Phase::Handshake,
            reason: log.end().unwrap_or_else(|| describe(&error)),
            said_first: log.said_first(),
        },
    }
}

/// A connection to a host on which we are logged in. Dropping it closes it.
///
/// A server that stops answering is noticed after about a minute, whatever is going on.
pub struct Session {
    handle: Handle<Watcher>,
    log: Log,
    execs: AtomicU32,
    _close_on_drop: DropGuard,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("execs", &self.execs).finish_non_exhaustive()
    }
}

impl Session {
    /// The host's key, when it was not known before and is now.
    #[must_use]
    pub fn learned_host_key(&self) -> Option<Fingerprint> {
        self.log.learned()
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

    /// Runs `command` with `input` as its standard input, and waits for its end and all of its
    /// output.
    ///
    /// # Errors
    /// When it does not end within `limit`, writes more than
    /// [`OUTPUT_MAX`](super::OUTPUT_MAX), or as for [`exec`](Self::exec). The command may then
    /// still run.
    pub async fn run(
        &self,
        command: &str,
        input: Vec<u8>,
        limit: Duration,
    ) -> Result<Output, ExecError> {
        within(limit, async { self.exec(command).await?.collect(input).await }).await
    }

    /// Says goodbye to the server and closes the connection.
    pub async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        if timeout(FAREWELL, goodbye).await.is_ok() {
            let _ = timeout(FAREWELL, self.handle).await;
        }
    }
}
