//! What to try for a login by key, best first.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use russh::keys::agent::AgentIdentity;
use russh::keys::{Certificate, PublicKey};

use super::agent::{Agent, plain_key};
use super::identity::{Identity, Keyring};
use super::known_hosts::Fingerprint;
use super::rejected::{UnusableKey, UnusableReason};
use super::target::Credentials;
use crate::sanitise::sanitise;

/// A key to try.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) offer: Offer,
    pub(super) signer: Signer,
}

/// What is shown to the server.
#[derive(Debug, Clone)]
pub(super) enum Offer {
    Key(PublicKey),
    Certificate(Box<Certificate>),
    /// Only the private key knows, which is locked.
    Unknown,
}

/// What signs.
#[derive(Debug, Clone)]
pub(super) enum Signer {
    Agent(Box<AgentIdentity>),
    File(Arc<Identity>),
}

/// The keys to try, and those that are of no use.
///
/// In OpenSSH's order, but for one thing: named files come before all other keys of the agent,
/// which else could use up the server's patience.
pub(super) async fn candidates(
    credentials: &Credentials,
    keyring: &Keyring,
    agent: &Agent,
) -> (Vec<Candidate>, Vec<UnusableKey>) {
    let mut list = List { keyring, in_agent: &[], all: Vec::new(), unusable: Vec::new() };
    match agent.identities().await {
        Ok(identities) => list.in_agent = identities,
        Err(reason) => list.useless("the SSH agent", UnusableReason::Other(reason.to_owned())),
    }

    let Credentials { identity_files, default_identity_files, certificate_files, .. } = credentials;
    let named = !identity_files.is_empty();
    let files = if named { identity_files } else { default_identity_files };
    let identities: Vec<Arc<Identity>> =
        files.iter().filter_map(|file| list.identity(file, named)).collect();
    for file in certificate_files {
        list.add_certificate(file, &identities);
    }
    let beside = certificate_files.is_empty();
    let (first, last): (Vec<_>, Vec<_>) =
        identities.iter().partition(|identity| named || list.is_held(identity));
    for identity in first {
        list.add_identity(identity, beside);
    }
    if !credentials.identities_only {
        for identity in list.in_agent {
            list.add_agents(identity);
        }
    }
    for identity in last {
        list.add_identity(identity, beside);
    }
    (list.all, list.unusable)
}

struct List<'a> {
    keyring: &'a Keyring,
    in_agent: &'a [AgentIdentity],
    all: Vec<Candidate>,
    unusable: Vec<UnusableKey>,
}

impl List<'_> {
    fn useless(&mut self, name: &str, reason: UnusableReason) {
        self.unusable.push(UnusableKey { name: name.to_owned(), reason });
    }

    fn add(&mut self, candidate: Candidate) {
        if self.all.iter().all(|known| !known.offer.is(&candidate.offer)) {
            self.all.push(candidate);
        }
    }

    fn identity(&mut self, file: &Path, named: bool) -> Option<Arc<Identity>> {
        let identity = self.keyring.identity(file);
        if identity.is_none() && named {
            let reason = UnusableReason::Other("no such file".to_owned());
            self.useless(&file.display().to_string(), reason);
        }
        identity
    }

    fn is_held(&self, identity: &Identity) -> bool {
        identity.public.as_ref().is_some_and(|key| plain_key(self.in_agent, key).is_some())
    }

    /// What signs for the key of a file: the agent where it holds the key.
    fn signer(&self, identity: &Arc<Identity>) -> Result<Signer, UnusableReason> {
        let key = identity.public.as_ref();
        match (key.and_then(|key| plain_key(self.in_agent, key)), identity.private()) {
            (Some(held), _) => Ok(Signer::Agent(Box::new(held.clone()))),
            (None, Some(Err(reason))) => Err(reason),
            (None, _) => Ok(Signer::File(Arc::clone(identity))),
        }
    }

    /// The key of a file and, if `beside`, the certificate that lies beside it.
    fn add_identity(&mut self, identity: &Arc<Identity>, beside: bool) {
        let name = identity.file.display().to_string();
        let signer = match self.signer(identity) {
            Ok(signer) => signer,
            Err(reason) => return self.useless(&name, reason),
        };
        let offer = identity.public.clone().map_or(Offer::Unknown, Offer::Key);
        self.add(Candidate { name: name.clone(), offer, signer: signer.clone() });
        if let Some(certificate) = identity.certificate.as_ref().filter(|_| beside) {
            let offer = Offer::Certificate(Box::new(certificate.clone()));
            self.add(Candidate { name: format!("{name}-cert.pub"), offer, signer });
        }
    }

    fn add_agents(&mut self, identity: &AgentIdentity) {
        let signer = Signer::Agent(Box::new(identity.clone()));
        let key = Fingerprint::from(&*identity.public_key());
        self.add(match identity {
            AgentIdentity::PublicKey { key: public, .. } => Candidate {
                name: format!("agent key {key}"),
                offer: Offer::Key(public.clone()),
                signer,
            },
            AgentIdentity::Certificate { certificate, .. } => Candidate {
                name: format!("agent certificate {key}"),
                offer: Offer::Certificate(Box::new(certificate.clone())),
                signer,
            },
        });
    }

    /// A certificate from a file of its own. Its private key is in one of the `identities`, or in
    /// the agent, by itself or with the same certificate.
    fn add_certificate(&mut self, file: &Path, identities: &[Arc<Identity>]) {
        let name = file.display().to_string();
        let certificate = match self.keyring.certificate(file) {
            Ok(certificate) => certificate,
            Err(reason) => return self.useless(&name, reason),
        };
        let key = PublicKey::from(certificate.public_key().clone());
        let same = |identity: &&AgentIdentity| match identity {
            AgentIdentity::Certificate { certificate: held, .. } => *held == certificate,
            AgentIdentity::PublicKey { .. } => false,
        };
        let held = plain_key(self.in_agent, &key).or_else(|| self.in_agent.iter().find(same));
        let in_file = identities.iter().find(|identity| {
            identity.public.as_ref().is_some_and(|public| public.key_data() == key.key_data())
        });
        let signer = match (held, in_file) {
            (Some(held), _) => Ok(Signer::Agent(Box::new(held.clone()))),
            (None, Some(identity)) => self.signer(identity),
            (None, None) => Err(UnusableReason::Other("nobody has its private key".to_owned())),
        };
        match signer {
            Ok(signer) => {
                let offer = Offer::Certificate(Box::new(certificate));
                self.add(Candidate { name, offer, signer });
            }
            Err(reason) => self.useless(&name, reason),
        }
    }
}

impl Offer {
    /// What a certificate says of itself for which a server refuses it to this `user`.
    pub(super) fn fault(&self, user: &str) -> Option<String> {
        let Self::Certificate(certificate) = self else { return None };
        let now = SystemTime::now();
        if certificate.valid_before_time().is_some_and(|end| end <= now) {
            return Some("it has expired".to_owned());
        }
        if certificate.valid_after_time().is_some_and(|begin| begin > now) {
            return Some("it is not valid yet".to_owned());
        }
        let names = certificate.valid_principals();
        let names_user = names.is_empty() || names.iter().any(|name| name == user);
        (!names_user).then(|| format!("it is for {}, not for {user}", sanitise(&names.join(", "))))
    }

    /// Whether the server would see the same.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(other)) => one.key_data() == other.key_data(),
            (Self::Certificate(one), Self::Certificate(other)) => {
                one.signature() == other.signature()
            }
            _ => false,
        }
    }
}
