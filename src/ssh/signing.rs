//! Signatures for a login, by an agent or by a key from a file.

use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey};
use secrecy::SecretString;

use super::agent::Agent;
use super::candidate::Signer;
use super::error::UnusableReason;
use crate::sanitise::sanitise;

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
