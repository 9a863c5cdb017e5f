//! Signatures for a login, by an agent or by a key from a file.

use russh::client::Handle;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use secrecy::SecretString;

use super::agent::Agent;
use super::candidate::{Offer, Signer};
use super::rejected::UnusableReason;
use super::transport::Watcher;
use crate::sanitise::sanitise;

/// The hash for the signature of an RSA key: the best that the server takes, or an error when
/// none of them is safe. It tells in an extension; servers without that are old, and SHA-256 is
/// what they may know.
pub(super) async fn hash(
    handle: &Handle<Watcher>,
    offer: &Offer,
) -> Result<Option<HashAlg>, UnusableReason> {
    let algorithm = match offer {
        Offer::Key(public) => public.algorithm(),
        Offer::Certificate(certificate) => certificate.algorithm(),
        Offer::Unknown => return Ok(None),
    };
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return Ok(None);
    }
    match handle.best_supported_rsa_hash().await {
        Ok(Some(Some(best))) => Ok(Some(best)),
        Ok(Some(None)) => Err(UnusableReason::Other(
            "the server accepts RSA keys with SHA-1 only, which is not safe".to_owned(),
        )),
        Ok(None) | Err(_) => Ok(Some(HashAlg::Sha256)),
    }
}

/// Signs for one connection, once the server has said that it would accept the key.
pub(super) struct Signing<'a> {
    pub(super) agent: &'a Agent,
    pub(super) signer: &'a Signer,
    /// Opens the file's key when it is locked.
    pub(super) passphrase: Option<&'a SecretString>,
    pub(super) binding: Option<AgentSessionBinding>,
}

/// Why there is no signature.
#[derive(Debug)]
pub(super) enum SigningError {
    /// The connection is gone.
    Send(russh::SendError),
    /// The key is locked, and no passphrase was given.
    Locked,
    /// The key is of no use.
    Key(UnusableReason),
}

impl From<russh::SendError> for SigningError {
    fn from(error: russh::SendError) -> Self {
        Self::Send(error)
    }
}

impl russh::Signer for Signing<'_> {
    type Error = SigningError;

    async fn auth_sign(
        &mut self,
        _shown: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SigningError> {
        let refused = |error: &dyn std::fmt::Display, who: &str| {
            let text = sanitise(&error.to_string()).into_owned();
            SigningError::Key(UnusableReason::Other(format!("{who} does not sign: {text}")))
        };
        match self.signer {
            Signer::Agent(identity) => {
                let signed = self.agent.sign(identity, hash, data, self.binding.as_ref()).await;
                signed.map_err(|error| refused(&error, "the agent"))
            }
            Signer::File(identity) => {
                let key = match (identity.private(), self.passphrase) {
                    (Some(known), _) => known,
                    (None, Some(passphrase)) => identity.open(passphrase).await,
                    (None, None) => return Err(SigningError::Locked),
                };
                let key = key.map_err(SigningError::Key)?;
                sign(&key, hash, data).map_err(|error| refused(&error, "the key"))
            }
        }
    }
}

/// `data` with the signature of `key` behind it.
fn sign(
    key: &PrivateKey,
    hash: Option<HashAlg>,
    mut data: Vec<u8>,
) -> Result<Vec<u8>, russh::keys::ssh_key::Error> {
    let signature = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(&data)?,
        other => other.try_sign(&data)?,
    };
    signature.encode_prefixed(&mut data)?;
    Ok(data)
}
