//! The keys we can log in with: files, each read once for all hosts, and the SSH agent's.

use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::AgentAuthError;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{HashAlg, PrivateKey, PublicKey, decode_secret_key, load_public_key};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::error::UnusableReason;
use crate::sanitise::sanitise;

/// How many hosts may ask the agent for a signature at the same time. Agents queue few callers
/// (the kernel refuses more), and a signature takes milliseconds.
const AGENT_CALLERS: usize = 8;

/// How long the agent may take to list its keys. A forwarded agent whose other end is gone never
/// answers, and must not keep us from using the files.
const AGENT_PATIENCE: Duration = Duration::from_secs(3);

/// What a file offers for logging in.
#[derive(Debug)]
pub(super) struct Identity {
    /// The public key, when it could be read. An agent may hold its private key.
    pub(super) public: Option<PublicKey>,
    /// The private key, or why there is none.
    pub(super) private: Result<Arc<PrivateKey>, UnusableReason>,
}

/// All keys, shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    files: Mutex<HashMap<PathBuf, Option<Arc<Identity>>>>,
    agents: Mutex<HashMap<Option<PathBuf>, Arc<Agent>>>,
}

impl Keyring {
    /// The agent behind `socket`, or one without keys.
    pub(super) fn agent(&self, socket: Option<&Path>) -> Arc<Agent> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = socket.map(Path::to_path_buf);
        let agent = agents.entry(socket.clone()).or_insert_with(|| {
            let callers = Semaphore::new(AGENT_CALLERS);
            Arc::new(Agent { socket, keys: OnceCell::new(), callers })
        });
        Arc::clone(agent)
    }

    /// The identity in `file`, or nothing where there is no such file.
    pub(super) fn identity(&self, file: &Path) -> Option<Arc<Identity>> {
        // Held while reading, so that each file is read once, whoever comes first.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(file.to_path_buf()).or_insert_with(|| read(file).map(Arc::new)).clone()
    }
}

fn read(file: &Path) -> Option<Identity> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let reason = UnusableReason::Other(error.to_string());
            return Some(Identity { public: None, private: Err(reason) });
        }
    };
    let private = decode_secret_key(&text, None).map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => UnusableReason::Encrypted,
        // What kinds of PEM say of themselves when they cannot be read for encryption.
        _ if text.contains("ENCRYPTED") => UnusableReason::Encrypted,
        other => UnusableReason::Other(sanitise(&other.to_string()).into_owned()),
    });
    let public = match &private {
        Ok(key) => Some(key.public_key().clone()),
        Err(_) => public_of(file, &text),
    };
    Some(Identity { public, private: private.map(Arc::new) })
}

/// The public half of a key that we cannot decrypt: OpenSSH's own format shows it, others have it
/// in a file beside them. The file may also be a public key itself.
fn public_of(file: &Path, text: &str) -> Option<PublicKey> {
    let shown = PrivateKey::from_openssh(text).map(|key| key.public_key().clone());
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    shown
        .or_else(|_| PublicKey::from_openssh(text.trim()))
        .ok()
        .or_else(|| load_public_key(Path::new(&beside)).ok())
}

/// The user's SSH agent.
#[derive(Debug)]
pub(super) struct Agent {
    socket: Option<PathBuf>,
    keys: OnceCell<Result<Vec<PublicKey>, String>>,
    callers: Semaphore,
}

impl Agent {
    /// The agent's keys, asked for once; or why the agent does not answer. Certificates are left
    /// out.
    pub(super) async fn keys(&self) -> Result<&[PublicKey], &str> {
        let keys = self.keys.get_or_init(|| async {
            let Some(socket) = &self.socket else { return Ok(Vec::new()) };
            let reason = match timeout(AGENT_PATIENCE, list(socket)).await {
                Ok(Ok(keys)) => return Ok(keys),
                Ok(Err(error)) => sanitise(&error.to_string()).into_owned(),
                Err(_) => "it does not answer".to_owned(),
            };
            Err(format!("{}: {reason}", socket.display()))
        });
        match keys.await {
            Ok(keys) => Ok(keys),
            Err(reason) => Err(reason),
        }
    }
}

async fn list(socket: &Path) -> Result<Vec<PublicKey>, russh::keys::Error> {
    let mut agent = AgentClient::connect_uds(socket).await?;
    let plain = |identity| match identity {
        AgentIdentity::PublicKey { key, .. } => Some(key),
        AgentIdentity::Certificate { .. } => None,
    };
    Ok(agent.request_identities().await?.into_iter().filter_map(plain).collect())
}

/// Has the agent sign for one connection.
pub(super) struct AgentSigner<'a> {
    pub(super) agent: &'a Agent,
    /// What the agent must see before it uses keys that are bound to certain hosts.
    pub(super) binding: Option<AgentSessionBinding>,
}

impl russh::Signer for AgentSigner<'_> {
    type Error = AgentAuthError;

    fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, AgentAuthError>> + Send {
        let (agent, binding, key) = (self.agent, self.binding.clone(), key.clone());
        async move {
            let broken = |_| russh::keys::Error::AgentFailure;
            let socket = agent.socket.as_ref().ok_or(russh::keys::Error::BadAuthSock)?;
            let _turn = agent.callers.acquire().await.map_err(broken)?;
            let mut client = AgentClient::connect_uds(socket).await?;
            if let Some(binding) = binding {
                // Agents that do not know this request refuse it, and sign nevertheless.
                let _ = client.bind_session(&binding, false).await;
            }
            Ok(client.sign_request(&key, hash, data).await?)
        }
    }
}
