//! The user's SSH agent: which keys and certificates it holds, and its signatures.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{HashAlg, PublicKey};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use crate::sanitise::sanitise;

/// How many hosts may ask the agent for a signature at the same time. Agents queue few callers
/// (the kernel refuses more), and a signature takes milliseconds.
const CALLERS: usize = 8;

/// How long the agent may take to list its keys. A forwarded agent whose other end is gone never
/// answers, and must not keep us from using the files.
const PATIENCE: Duration = Duration::from_secs(3);

/// An agent, asked for its keys once.
pub(super) struct Agent {
    socket: Option<PathBuf>,
    identities: OnceCell<Result<Vec<AgentIdentity>, String>>,
    callers: Semaphore,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Agent {
    /// The agent behind `socket`, or one without keys.
    pub(super) fn new(socket: Option<PathBuf>) -> Self {
        Self { socket, identities: OnceCell::new(), callers: Semaphore::new(CALLERS) }
    }

    /// The agent's keys and certificates, in its order; or why it does not answer.
    pub(super) async fn identities(&self) -> Result<&[AgentIdentity], &str> {
        let identities = self.identities.get_or_init(|| async {
            let Some(socket) = &self.socket else { return Ok(Vec::new()) };
            let reason = match timeout(PATIENCE, list(socket)).await {
                Ok(Ok(identities)) => return Ok(identities),
                Ok(Err(error)) => sanitise(&error.to_string()).into_owned(),
                Err(_) => "it does not answer".to_owned(),
            };
            Err(format!("{}: {reason}", socket.display()))
        });
        match identities.await {
            Ok(identities) => Ok(identities),
            Err(reason) => Err(reason),
        }
    }

    /// `data` with the signature of `identity` behind it. `binding` is what the agent must see
    /// before it uses keys that are bound to certain hosts.
    pub(super) async fn sign(
        &self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
        binding: Option<&AgentSessionBinding>,
    ) -> Result<Vec<u8>, russh::keys::Error> {
        let broken = |_| russh::keys::Error::AgentFailure;
        let socket = self.socket.as_ref().ok_or(russh::keys::Error::BadAuthSock)?;
        let _turn = self.callers.acquire().await.map_err(broken)?;
        let mut client = AgentClient::connect_uds(socket).await?;
        if let Some(binding) = binding {
            // Agents that do not know this request refuse it, and sign nevertheless.
            let _ = client.bind_session(binding, false).await;
        }
        client.sign_request(identity, hash, data).await
    }
}

async fn list(socket: &Path) -> Result<Vec<AgentIdentity>, russh::keys::Error> {
    AgentClient::connect_uds(socket).await?.request_identities().await
}

/// Whether the agent holds the key itself, not just a certificate of it.
pub(super) fn plain_key<'a>(
    identities: &'a [AgentIdentity],
    wanted: &PublicKey,
) -> Option<&'a AgentIdentity> {
    identities.iter().find(|identity| match identity {
        AgentIdentity::PublicKey { key, .. } => key.key_data() == wanted.key_data(),
        AgentIdentity::Certificate { .. } => false,
    })
}
