//! Logging in: which methods and keys in which order, and what is said when none is accepted.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::PublicKey;
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::agent::Agent;
use super::asking::{Asker, Pauses, Question, Turn};
use super::candidate::{Candidate, Offer, Signer, candidates};
use super::error::{ConnectError, Phase};
use super::identity::{Identity, Keyring};
use super::rejected::{Rejected, UnusableKey, UnusableReason};
use super::signing::{Signing, SigningError, hash};
use super::target::{Credentials, Method, Target};
use super::transport::{Log, Watcher, describe};
use crate::sanitise::{HIDDEN, sanitise};

/// sshd ends a connection after so many refusals (`MaxAuthTries`).
const MAX_AUTH_TRIES: usize = 6;

/// How long we wait to hear why a connection has ended, once it has.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a login needs besides the connection.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) keyring: &'a Keyring,
    pub(super) asker: &'a Asker,
    /// Takes the time that is spent on waiting for the person.
    pub(super) pauses: &'a Pauses,
    pub(super) log: &'a Log,
}

/// Logs in to the server behind `handle`.
///
/// # Errors
/// When the server accepts nothing of what we have, or ends the connection.
pub(super) async fn authenticate(
    handle: &mut Handle<Watcher>,
    target: &Target,
    means: Means<'_>,
) -> Result<(), ConnectError> {
    let credentials = &target.credentials;
    let agent = means.keyring.agent(credentials.agent_socket.as_deref());
    let mut login = Login {
        handle,
        target,
        means,
        agent,
        tried: Vec::new(),
        unusable: Vec::new(),
        refusals: 0,
        methods: None,
        takes_keys: None,
        partly: false,
        certificate: None,
        end: None,
    };
    if login.run().await {
        return Ok(());
    }

    let Login { tried, unusable, methods, end, partly, certificate, .. } = login;
    let endpoint = target.endpoint.clone();
    let mut ended = None;
    if let Some(End::WhileAsking { answered }) = end {
        return Err(ConnectError::LostWhileAsking { endpoint, answered });
    }
    if end == Some(End::ByServer) {
        // The task that serves the connection knows why; it is about to end, or has.
        let _ = timeout(LAST_WORDS, &mut *handle).await;
        ended = means.log.end();
        if tried.is_empty() && unusable.is_empty() {
            let reason = ended.unwrap_or_else(|| describe(&russh::Error::Disconnect));
            let phase = Phase::Authentication;
            return Err(ConnectError::Broken { endpoint, phase, reason, said_first: None });
        }
    }
    let own = |text: String| match &credentials.password {
        Some(password) => text.replace(password.expose_secret(), HIDDEN),
        None => text,
    };
    let methods = methods.iter().flat_map(|set| set.iter()).map(String::from).collect();
    Err(ConnectError::Authentication(Box::new(Rejected {
        endpoint,
        user: target.user.clone(),
        tried,
        unusable,
        methods,
        allowed: credentials.methods.clone(),
        partly,
        certificate,
        had_password: credentials.password.is_some(),
        doubt: means.log.doubt(),
        banner: means.log.banner().map(own),
        ended: ended.map(own),
    })))
}

/// How an attempt with a key ended.
enum Tried {
    Accepted,
    Refused,
    /// The server would take it, but it is locked.
    Locked,
}

/// The state of one login.
pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<Watcher>,
    pub(super) target: &'a Target,
    pub(super) means: Means<'a>,
    agent: Arc<Agent>,
    pub(super) tried: Vec<String>,
    pub(super) unusable: Vec<UnusableKey>,
    /// How many attempts the server counts against us.
    refusals: usize,
    /// The methods that may go on, once the server has told them.
    methods: Option<MethodSet>,
    /// Whether keys were among the methods that it told first.
    takes_keys: Option<bool>,
    /// Whether the server has accepted something and wants more.
    partly: bool,
    /// What is wrong with a certificate that the server has refused.
    certificate: Option<String>,
    /// How the connection has ended, or must.
    pub(super) end: Option<End>,
}

/// The end of a connection without a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server wants no more.
    ByServer,
    /// We do not want to go on.
    ByUs,
    /// The server did not wait for the person, who may have answered.
    WhileAsking { answered: bool },
}

impl<'a> Login<'a> {
    /// Whether the server lets us in, by one method or by several in a row.
    async fn run(&mut self) -> bool {
        // To a host that may be another no password is shown, as ssh does it.
        let trusted = self.means.log.doubt().is_none();
        let methods = self.credentials().methods.iter().copied();
        let mut left: Vec<Method> =
            methods.filter(|method| trusted || *method == Method::PublicKey).collect();
        let (mut keys, unusable) =
            candidates(self.credentials(), self.means.keyring, &self.agent).await;
        self.unusable = unusable;
        if left.first() != Some(&Method::PublicKey) || keys.is_empty() {
            // Asks what the server would accept; and it may want no proof at all.
            let result = self.handle.authenticate_none(self.target.user.clone()).await;
            if self.accepted(None, result) {
                return true;
            }
        }
        let use_keys = left.contains(&Method::PublicKey);
        while self.end.is_none()
            && let Some(index) = left.iter().position(|method| self.may_try(*method))
        {
            let may_ask = self.means.asker.is_there()
                && !self.credentials().batch_mode
                // Otherwise a key that is not let in would bring a question for each host.
                && (self.partly || !(use_keys && self.takes_keys.unwrap_or(true)));
            let accepted = match left.remove(index) {
                Method::PublicKey => self.public_key(std::mem::take(&mut keys)).await,
                Method::KeyboardInteractive => self.keyboard_interactive(may_ask).await,
                Method::Password => self.password(may_ask).await,
            };
            if accepted {
                return true;
            }
        }
        false
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.target.credentials
    }

    pub(super) fn may_try(&self, method: Method) -> bool {
        let kind = match method {
            Method::PublicKey => MethodKind::PublicKey,
            Method::KeyboardInteractive => MethodKind::KeyboardInteractive,
            Method::Password => MethodKind::Password,
        };
        self.end.is_none() && self.methods.as_ref().is_none_or(|methods| methods.contains(&kind))
    }

    /// Tries the keys. Locked ones are only shown to the server at first: the person is asked when
    /// no other key will do and the server would take it.
    async fn public_key(&mut self, keys: Vec<Candidate>) -> bool {
        let mut locked = Vec::new();
        for key in keys {
            // What comes after the keys needs its place before the server has had enough.
            let after = self.after_keys() + usize::from(!locked.is_empty());
            let enough = after > 0 && self.refusals + after >= MAX_AUTH_TRIES;
            if !self.may_try(Method::PublicKey) || enough {
                break;
            }
            if matches!(key.offer, Offer::Unknown) {
                locked.push(key);
                continue;
            }
            match self.try_key(&key).await {
                Tried::Accepted => return true,
                Tried::Refused => {}
                Tried::Locked => locked.push(key),
            }
        }
        for mut key in locked {
            if !self.may_try(Method::PublicKey) {
                break;
            }
            let Some(public) = self.unlock(&key).await else { continue };
            if matches!(key.offer, Offer::Unknown) {
                key.offer = Offer::Key(public);
            }
            if matches!(self.try_key(&key).await, Tried::Accepted) {
                return true;
            }
        }
        false
    }

    /// How many attempts a password that was given is good for.
    fn after_keys(&self) -> usize {
        let credentials = self.credentials();
        if credentials.password.is_none() || self.means.log.doubt().is_some() {
            return 0;
        }
        let others = credentials.methods.iter().filter(|method| **method != Method::PublicKey);
        others.filter(|method| self.may_try(**method)).count()
    }

    /// Opens a locked key, by the passphrase that was given or by asking for it.
    async fn unlock(&mut self, key: &Candidate) -> Option<PublicKey> {
        let Signer::File(identity) = &key.signer else { return None };
        match self.open(identity).await {
            Ok(public) => self.has_waited(true).then_some(public),
            Err(reason) => {
                self.unusable.push(UnusableKey { name: key.name.clone(), reason });
                self.lacks("passphrase", self.credentials().no_passphrase.clone());
                None
            }
        }
    }

    async fn open(&self, identity: &Identity) -> Result<PublicKey, UnusableReason> {
        let Credentials { passphrase, batch_mode, password_prompts, .. } = self.credentials();
        let key = match passphrase {
            Some(passphrase) => identity.open(passphrase).await?,
            None if *batch_mode || !self.means.asker.is_there() => {
                return Err(UnusableReason::Encrypted);
            }
            None => {
                let _pause = self.means.pauses.begin();
                identity.ask(self.means.asker, *password_prompts).await?
            }
        };
        Ok(key.public_key().clone())
    }

    async fn try_key(&mut self, key: &Candidate) -> Tried {
        let hash = match hash(self.handle, &key.offer).await {
            Ok(hash) => hash,
            Err(reason) => return self.useless(&key.name, reason),
        };
        let mut signing = Signing {
            agent: &self.agent,
            signer: &key.signer,
            passphrase: self.target.credentials.passphrase.as_ref(),
            binding: self.handle.agent_session_binding().cloned(),
        };
        let user = self.target.user.clone();
        let result = match key.offer.clone() {
            Offer::Key(public) => {
                self.handle.authenticate_publickey_with(user, public, hash, &mut signing).await
            }
            Offer::Certificate(certificate) => {
                let certificate = *certificate;
                self.handle
                    .authenticate_certificate_with(user, certificate, hash, &mut signing)
                    .await
            }
            Offer::Unknown => return Tried::Locked,
        };
        let result = match result {
            Ok(result) => Ok(result),
            Err(SigningError::Send(_)) => Err(russh::Error::SendError),
            Err(SigningError::Locked) => return Tried::Locked,
            Err(SigningError::Key(reason)) => return self.useless(&key.name, reason),
        };
        // The server judges it, and may have a clock and rules of its own.
        let fault = key.offer.fault(&self.target.user);
        let name = fault.as_ref().map_or(key.name.clone(), |why| format!("{} ({why})", key.name));
        if self.accepted(Some(&name), result) {
            return Tried::Accepted;
        }
        self.certificate = self.certificate.take().or(fault);
        Tried::Refused
    }

    fn useless(&mut self, name: &str, reason: UnusableReason) -> Tried {
        self.unusable.push(UnusableKey { name: name.to_owned(), reason });
        Tried::Refused
    }

    /// Waits for the right to ask the person. Others may take their time: nobody is asked for a
    /// connection that is lost.
    pub(super) async fn turn(&mut self) -> Option<Turn<'a>> {
        let turn = self.means.asker.turn().await?;
        self.has_waited(false).then_some(turn)
    }

    /// Whether the server has waited for the person, who may have `answered`: servers wait for a
    /// login for so long only (LoginGraceTime).
    pub(super) fn has_waited(&mut self, answered: bool) -> bool {
        if self.handle.is_closed() {
            self.end = Some(End::WhileAsking { answered });
        }
        self.end.is_none()
    }

    /// Shows the password that was given, or asks for one.
    async fn password(&mut self, may_ask: bool) -> bool {
        self.lacks("password", self.credentials().no_password.clone());
        if let Some(password) = self.credentials().password.clone() {
            return self.try_password(&password).await;
        }
        for _ in 0..self.credentials().password_prompts {
            if !may_ask || !self.may_try(Method::Password) {
                break;
            }
            let text = format!("{}'s password: ", self.me());
            let question = Question { before: String::new(), text, echo: false };
            let pause = self.means.pauses.begin();
            let Some(turn) = self.turn().await else { break };
            let Ok(answer) = turn.ask(question).await else { break };
            drop((pause, turn));
            if !self.has_waited(true) {
                break;
            }
            if self.try_password(&answer).await {
                return true;
            }
        }
        false
    }

    async fn try_password(&mut self, password: &SecretString) -> bool {
        let user = self.target.user.clone();
        let result = self.handle.authenticate_password(user, password.expose_secret()).await;
        self.accepted(Some("password"), result)
    }

    /// `user@address`, safe to show.
    pub(super) fn me(&self) -> String {
        let Target { user, endpoint, .. } = self.target;
        sanitise(&format!("{user}@{}", endpoint.address)).into_owned()
    }

    /// Takes down how an attempt ended.
    pub(super) fn accepted(
        &mut self,
        name: Option<&str>,
        result: Result<AuthResult, russh::Error>,
    ) -> bool {
        match result {
            Ok(AuthResult::Success) => return true,
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                if remaining_methods.is_empty() || self.handle.is_closed() {
                    self.end = Some(End::ByServer);
                }
                let keys = remaining_methods.contains(&MethodKind::PublicKey);
                self.takes_keys.get_or_insert(keys);
                if !remaining_methods.is_empty() {
                    self.methods = Some(remaining_methods);
                }
                self.partly |= partial_success;
                self.refusals += usize::from(!partial_success);
                let partly = if partial_success { " (accepted, but not enough)" } else { "" };
                self.tried.extend(name.map(|name| format!("{name}{partly}")));
            }
            Err(_) => self.end = Some(End::ByServer),
        }
        false
    }
}
