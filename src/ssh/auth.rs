//! Logging in: which keys in which order, and what is said when none is accepted.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::error::{ConnectError, Phase, Rejected, UnusableKey, UnusableReason};
use super::identity::{Agent, AgentSigner, Identity, Keyring};
use super::known_hosts::Fingerprint;
use super::target::{Credentials, Target};
use super::transport::{Log, Watcher, describe};

/// sshd ends a connection after so many refusals (`MaxAuthTries`).
const MAX_AUTH_TRIES: usize = 6;

/// How long we wait to hear why a connection has ended, once it has.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A key to try.
struct Candidate {
    name: String,
    public: PublicKey,
    /// Without one, the agent signs.
    private: Option<Arc<PrivateKey>>,
}

/// Logs in to the server behind `handle`.
///
/// # Errors
/// When the server accepts nothing of what we have, or ends the connection.
pub(super) async fn authenticate(
    handle: &mut Handle<Watcher>,
    target: &Target,
    keyring: &Keyring,
    log: &Log,
) -> Result<(), ConnectError> {
    let agent = keyring.agent(target.credentials.agent_socket.as_deref());
    let (candidates, unusable) = candidates(&target.credentials, keyring, &agent).await;
    let tried = Vec::new();
    let mut login = Login { handle, target, agent, tried, unusable, methods: None, over: false };
    if login.run(candidates).await {
        return Ok(());
    }

    let Login { tried, unusable, methods, over, .. } = login;
    let endpoint = target.endpoint.clone();
    let mut ended = None;
    if over {
        // The task that serves the connection knows why; it is about to end, or has.
        let _ = timeout(LAST_WORDS, &mut *handle).await;
        ended = log.end();
        if tried.is_empty() {
            let reason = ended.unwrap_or_else(|| describe(&russh::Error::Disconnect));
            let phase = Phase::Authentication;
            return Err(ConnectError::Broken { endpoint, phase, reason, said_first: None });
        }
    }
    let methods = methods.iter().flat_map(|set| set.iter()).map(String::from).collect();
    Err(ConnectError::Authentication(Box::new(Rejected {
        endpoint,
        user: target.user.clone(),
        tried,
        unusable,
        methods,
        banner: log.banner(),
        ended,
    })))
}

/// The keys to try, best first, and those that are of no use.
///
/// As in OpenSSH the named files go by their names in the agent, too; unlike there they come
/// before all other keys of the agent, which else could use up the server's patience.
async fn candidates(
    credentials: &Credentials,
    keyring: &Keyring,
    agent: &Agent,
) -> (Vec<Candidate>, Vec<UnusableKey>) {
    let mut unusable = Vec::new();
    let in_agent = agent.keys().await.unwrap_or_else(|reason| {
        let reason = UnusableReason::Other(reason.to_owned());
        unusable.push(UnusableKey { name: "the SSH agent".to_owned(), reason });
        &[]
    });
    let held = |wanted: &PublicKey| in_agent.iter().any(|key| key.key_data() == wanted.key_data());

    let mut from_files = Vec::new();
    let Credentials { identity_files, default_identity_files, .. } = credentials;
    let named = !identity_files.is_empty();
    let files = if named { identity_files } else { default_identity_files };
    for file in files {
        let name = file.display().to_string();
        let reason = match keyring.identity(file).as_deref() {
            Some(Identity { private: Ok(key), .. }) => {
                let (public, private) = (key.public_key().clone(), Some(Arc::clone(key)));
                from_files.push(Candidate { name, public, private });
                continue;
            }
            Some(Identity { public: Some(public), .. }) if held(public) => {
                from_files.push(Candidate { name, public: public.clone(), private: None });
                continue;
            }
            Some(Identity { private: Err(reason), .. }) => reason.clone(),
            None if named => UnusableReason::Other("no such file".to_owned()),
            None => continue,
        };
        unusable.push(UnusableKey { name, reason });
    }
    let from_agent = in_agent.iter().map(|public| Candidate {
        name: format!("agent key {}", Fingerprint::from(public)),
        public: public.clone(),
        private: None,
    });

    let (first, last): (Vec<_>, Vec<_>) =
        from_files.into_iter().partition(|candidate| named || held(&candidate.public));
    let mut all: Vec<Candidate> = Vec::new();
    for candidate in first.into_iter().chain(from_agent).chain(last) {
        if all.iter().all(|known| known.public.key_data() != candidate.public.key_data()) {
            all.push(candidate);
        }
    }
    (all, unusable)
}

/// The state of one login.
struct Login<'a> {
    handle: &'a mut Handle<Watcher>,
    target: &'a Target,
    agent: Arc<Agent>,
    tried: Vec<String>,
    unusable: Vec<UnusableKey>,
    /// The methods that may go on, once the server has told them.
    methods: Option<MethodSet>,
    /// Whether the connection has ended.
    over: bool,
}

impl Login<'_> {
    /// Whether one of the keys, or the password, is accepted.
    async fn run(&mut self, candidates: Vec<Candidate>) -> bool {
        let password = self.target.credentials.password.as_ref();
        if candidates.is_empty() && password.is_none() {
            // Asks what the server would accept; and it may want no proof at all.
            let user = self.target.user.clone();
            let result = self.handle.authenticate_none(user).await;
            return self.accepted(None, result);
        }
        let tries = if password.is_some() { MAX_AUTH_TRIES - 1 } else { usize::MAX };
        for candidate in candidates {
            if !self.may_try(MethodKind::PublicKey) || self.tried.len() >= tries {
                break;
            }
            if self.try_key(candidate).await {
                return true;
            }
        }
        let Some(password) = password.filter(|_| self.may_try(MethodKind::Password)) else {
            return false;
        };
        let user = self.target.user.clone();
        let result = self.handle.authenticate_password(user, password.expose_secret()).await;
        self.accepted(Some("password".to_owned()), result)
    }

    fn may_try(&self, method: MethodKind) -> bool {
        !self.over && self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
    }

    async fn try_key(&mut self, candidate: Candidate) -> bool {
        let Candidate { name, public, private } = candidate;
        let hash = match public.algorithm() {
            Algorithm::Rsa { .. } => match self.rsa_hash().await {
                Some(hash) => Some(hash),
                None => {
                    let reason = "the server accepts RSA keys with SHA-1 only, which is not safe";
                    let reason = UnusableReason::Other(reason.to_owned());
                    self.unusable.push(UnusableKey { name, reason });
                    return false;
                }
            },
            _ => None,
        };
        let user = self.target.user.clone();
        let result = match private {
            Some(key) => {
                let key = PrivateKeyWithHashAlg::new(key, hash);
                self.handle.authenticate_publickey(user, key).await
            }
            None => {
                let binding = self.handle.agent_session_binding().cloned();
                let mut signer = AgentSigner { agent: &self.agent, binding };
                let signed =
                    self.handle.authenticate_publickey_with(user, public, hash, &mut signer).await;
                match signed {
                    Ok(result) => Ok(result),
                    Err(russh::AgentAuthError::Send(_)) => Err(russh::Error::SendError),
                    Err(russh::AgentAuthError::Key(error)) => {
                        let reason =
                            UnusableReason::Other(format!("the agent does not sign: {error}"));
                        self.unusable.push(UnusableKey { name, reason });
                        return false;
                    }
                }
            }
        };
        self.accepted(Some(name), result)
    }

    /// The best hash that the server takes for RSA signatures, or none that is safe. It tells in
    /// an extension; servers without that are old, and SHA-256 is what they may know.
    async fn rsa_hash(&self) -> Option<HashAlg> {
        match self.handle.best_supported_rsa_hash().await {
            Ok(Some(best)) => best,
            Ok(None) | Err(_) => Some(HashAlg::Sha256),
        }
    }

    /// Takes down how an attempt ended.
    fn accepted(&mut self, name: Option<String>, result: Result<AuthResult, russh::Error>) -> bool {
        match result {
            Ok(AuthResult::Success) => return true,
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                self.over = remaining_methods.is_empty() || self.handle.is_closed();
                if !remaining_methods.is_empty() {
                    self.methods = Some(remaining_methods);
                }
                let partly = if partial_success { " (accepted, but not enough)" } else { "" };
                self.tried.extend(name.map(|name| name + partly));
            }
            Err(_) => self.over = true,
        }
        false
    }
}
