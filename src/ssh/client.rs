//! From a target to a session: by which way, in whose turn, within which time.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use russh::AlgorithmKind;
use russh::client::{self, Handle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::asking::{Asker, Pauses, Prompt};
use super::auth::{Means, authenticate};
use super::error::{ConnectError, Phase};
use super::gateway::Gateways;
use super::identity::Keyring;
use super::known_hosts::{KnownHosts, KnownHostsError, Name};
use super::open::Deadline;
use super::pace::{self, Pace};
use super::proxy::ProxyCommand;
use super::session::Session;
use super::stream::Stream;
use super::target::{Endpoint, HostKeys, Socket, Target, Via};
use super::transport::{Log, WatchError, Watcher, Wire, config, describe};
use crate::sanitise::sanitise;

/// What all connections share: known host keys, and our own keys. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Client(Arc<Shared>);

/// All files, the one of them to write to, and whether to write hashes.
type KnownHostsKey = (Vec<PathBuf>, Option<PathBuf>, bool);

#[derive(Debug, Default)]
struct Shared {
    known_hosts: Mutex<HashMap<KnownHostsKey, Arc<KnownHosts>>>,
    keyring: Keyring,
    asker: Asker,
    gateways: Gateways,
    pace: Pace,
}

impl Shared {
    /// What the files of `settings` know, read once for all hosts that name them.
    fn known_hosts(&self, settings: &HostKeys) -> Result<Arc<KnownHosts>, KnownHostsError> {
        let files: Vec<PathBuf> =
            settings.files.iter().chain(&settings.global_files).cloned().collect();
        let first = settings.files.first().cloned();
        // Held while reading, so that nobody learns a key from a file that is read twice.
        let mut known = self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (files, first, settings.hash);
        if let Some(known) = known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(KnownHosts::read(settings)?);
        known.insert(key, Arc::clone(&read));
        Ok(read)
    }
}

/// So many answers of a person may come too late for a server. Then it does not wait long enough.
const WASTED_MAX: u32 = 3;

impl Client {
    /// A client that asks by `prompt` for what only a person knows: passphrases of keys, each once
    /// for all hosts, and answers to what a server asks.
    #[must_use]
    pub fn with_prompt(prompt: Arc<dyn Prompt>) -> Self {
        Self(Arc::new(Shared { asker: Asker::new(prompt), ..Shared::default() }))
    }

    /// Connects and logs in to a host, within its [`connect_timeout`](Target::connect_timeout).
    /// Time that is spent on waiting for a person does not count. Files of keys and the agent are
    /// read when the first host needs them, once for all hosts.
    ///
    /// Hosts that share a server or a ProxyCommand wait for their turn; the time runs from there
    /// on. A server that hangs up before its greeting is tried again.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, target: &Target) -> Result<Session, ConnectError> {
        let mut base = self.base(target).await?;
        let _turn = self.0.pace.turn(target.door()).await;
        let mut deadline = Deadline::new(&target.endpoint, target.connect_timeout);
        let (mut waits, mut wasted) = (pace::waits(), 0);
        loop {
            let Failed { error, again } = match self.attempt(target, base, &deadline).await {
                Ok(session) => return Ok(session),
                Err(failed) => failed,
            };
            if let ConnectError::LostWhileAsking { answered, .. } = error
                && wasted < WASTED_MAX
            {
                // The answer, or our turn to ask for it, has come meanwhile.
                wasted += u32::from(answered);
                deadline = Deadline::new(&target.endpoint, target.connect_timeout);
            } else {
                match waits.next().filter(|wait| again && deadline.allows(*wait)) {
                    Some(wait) => sleep(wait).await,
                    None => return Err(error),
                }
            }
            base = self.base(target).await?;
        }
    }

    /// What the connection to `target` stands on; a jump host is connected to for that.
    async fn base<'a>(&self, target: &'a Target) -> Result<Base<'a>, ConnectError> {
        Ok(match &target.via {
            Via::Direct(socket) => Base::Socket(*socket),
            Via::Command(command) => Base::Command(command),
            Via::Jump(jump) => Base::Jump(self.0.gateways.session(self, jump).await?),
        })
    }

    async fn attempt(
        &self,
        target: &Target,
        base: Base<'_>,
        deadline: &Deadline<'_>,
    ) -> Result<Session, Failed> {
        let wanted = CancellationToken::new();
        let close_on_drop = wanted.clone().drop_guard();
        let log = Log::default();
        let (mut command, mut gateway, mut round_trip) = (None, None, None);
        let stream: Stream = match base {
            Base::Socket(socket) => {
                let (stream, took) = deadline.open(&socket).await?;
                round_trip = Some(took);
                Box::new(stream)
            }
            Base::Command(text) => {
                let started = ProxyCommand::start(text, wanted.clone());
                let (stream, started) = started.map_err(|error| ConnectError::Network {
                    endpoint: target.endpoint.clone(),
                    reason: format!("its ProxyCommand does not start: {error}"),
                })?;
                command = Some(started);
                stream
            }
            Base::Jump(session) => {
                let stream = session.forward(&target.endpoint);
                let stream = deadline.limit(Phase::Connect, stream).await??;
                gateway = Some(session);
                stream
            }
        };
        let wire = Wire::new(stream, wanted.cancelled_owned(), target.keepalive, log.clone());
        match (self.log_in(target, wire, deadline, &log).await, command) {
            (Ok(handle), _) => {
                let endpoint = target.endpoint.clone();
                Ok(Session::new(endpoint, handle, log, close_on_drop, gateway, round_trip))
            }
            (Err(failed), Some(command)) => Err(failed.with(&command).await),
            (Err(failed), None) => Err(failed),
        }
    }

    async fn log_in(
        &self,
        target: &Target,
        wire: Wire,
        deadline: &Deadline<'_>,
        log: &Log,
    ) -> Result<Handle<Watcher>, Failed> {
        let Target { endpoint, host_keys, keepalive, .. } = target;
        let known_hosts = self.0.known_hosts(host_keys).map_err(ConnectError::from)?;
        let Endpoint { address, port } = endpoint;
        let name = Name::new(address, *port, host_keys.alias.as_deref());
        let authority = known_hosts.has_authority(&name);
        let config = config(&known_hosts.algorithms(&name), authority, *keepalive);
        let watcher = Watcher {
            endpoint: endpoint.clone(),
            name,
            known_hosts,
            settings: host_keys.clone(),
            log: log.clone(),
        };
        let handshake = client::connect_stream(Arc::new(config), wire, watcher);
        let mut handle =
            deadline.limit(Phase::Handshake, handshake).await?.map_err(|error| Failed {
                again: matches!(error, WatchError::Ssh(_)) && log.hung_up(),
                error: handshake_error(endpoint, error, log),
            })?;
        let pauses = Pauses::default();
        let Shared { keyring, asker, .. } = &*self.0;
        let means = Means { keyring, asker, pauses: &pauses, log };
        let login = authenticate(&mut handle, target, means);
        deadline.limit_with(&pauses, Phase::Authentication, login).await??;
        Ok(handle)
    }
}

/// What a connection stands on.
enum Base<'a> {
    Socket(Socket),
    Command(&'a str),
    Jump(Arc<Session>),
}

/// Why an attempt has failed, and whether another one may do better.
pub(super) struct Failed {
    pub(super) error: ConnectError,
    pub(super) again: bool,
}

impl From<ConnectError> for Failed {
    fn from(error: ConnectError) -> Self {
        Self { error, again: false }
    }
}

impl Failed {
    /// The same with what the ProxyCommand has to say about it.
    async fn with(self, command: &ProxyCommand) -> Self {
        let Self { error, again } = self;
        let hangs = match error {
            ConnectError::TimedOut { .. } => true,
            ConnectError::Broken { .. } | ConnectError::Network { .. } => false,
            // The command did its work: this is between the host and us.
            _ => return Self { error, again },
        };
        let words = command.last_words(!hangs).await;
        let again = again && words.may_do_better();
        match words.told() {
            Some(end) => {
                Self { error: ConnectError::Command { cause: Box::new(error), end }, again }
            }
            None => Self { error, again },
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
