//! OpenPGP: who signed a text, and whether that is to be trusted.
//!
//! One good signature by a trusted key is enough: archives sign with the keys of several releases, and
//! not all of them are known here. What is not signed is never read.

use std::io::Cursor;

use pgp::composed::{
    CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, KeyVersion, PublicParams, Tag};

use super::catalogue::Keys;

const DEBIAN: &[u8] = include_bytes!("keys/debian-archive-keyring.pgp");
const UBUNTU: &[u8] = include_bytes!("keys/ubuntu-archive-keyring.gpg");

/// How far ahead of this machine's clock a signature may be made (seconds): clocks differ.
const AHEAD: i64 = 24 * 3600;

/// RSA keys below 2048 bits can be broken, or soon (NIST SP 800-131A); in bytes.
const RSA_LEAST: usize = 2048 / 8;

/// Keys that are trusted.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// A key of a keyring, at a time.
struct Signer<'a> {
    primary: &'a SignedPublicKey,
    /// The signing subkey; none when the primary key itself has signed.
    sub: Option<&'a SignedPublicSubKey>,
}

impl Keyring {
    /// The keys that a distribution is known to sign with.
    pub fn of(keys: Keys) -> Self {
        let bytes = match keys {
            Keys::Debian => DEBIAN,
            Keys::Ubuntu => UBUNTU,
        };
        Self::read(bytes)
    }

    /// The public keys in `bytes`, armoured or not. A key of a kind that is not known is left out.
    pub fn read(bytes: &[u8]) -> Self {
        const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN));
        let keys = match text {
            Some(text) => text
                .split(BEGIN)
                .skip(1)
                .filter_map(|block| {
                    let block = format!("{BEGIN}{block}");
                    let (keys, _) = SignedPublicKey::from_armor_many(Cursor::new(block)).ok()?;
                    Some(keys.filter_map(Result::ok).collect::<Vec<_>>())
                })
                .flatten()
                .collect(),
            None => SignedPublicKey::from_bytes_many(Cursor::new(bytes))
                .map(|keys| keys.filter_map(Result::ok).collect())
                .unwrap_or_default(),
        };
        Self { keys }
    }

    /// Whether there is no key in it.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All keys of both.
    pub fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self
    }

    /// The signed part of `text`, and nothing else of it. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why it is not trusted, in words.
    pub fn cleartext(&self, text: &str, now: i64) -> Result<String, String> {
        let (message, _) = CleartextSignedMessage::from_string(text)
            .map_err(|error| format!("it is no text with a signature: {error}"))?;
        let signed = message.signed_text();
        self.check(message.signatures().iter(), signed.as_bytes(), now)?;
        Ok(signed)
    }

    /// Whether the armoured `signature` is one of `data`.
    ///
    /// # Errors
    /// Why it is not trusted, in words.
    pub fn detached(&self, data: &[u8], signature: &[u8], now: i64) -> Result<(), String> {
        let (found, _) = DetachedSignature::from_armor_many(Cursor::new(signature))
            .map_err(|error| format!("that is no signature: {error}"))?;
        let found: Vec<DetachedSignature> = found.filter_map(Result::ok).collect();
        self.check(found.iter().map(|found| &found.signature), data, now)
    }

    fn check<'a>(
        &self,
        signatures: impl Iterator<Item = &'a Signature>,
        data: &[u8],
        now: i64,
    ) -> Result<(), String> {
        let mut reasons = Vec::new();
        for signature in signatures {
            match self.check_one(signature, data, now) {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
        if reasons.is_empty() {
            return Err("it has no signature".to_owned());
        }
        reasons.dedup();
        Err(reasons.join("; "))
    }

    fn check_one(&self, signature: &Signature, data: &[u8], now: i64) -> Result<(), String> {
        if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
            return Err("a signature is of a kind that is not for files".to_owned());
        }
        if let Some(weak) = signature.hash_alg().filter(|hash| !is_strong(*hash)) {
            return Err(format!("a signature rests on {weak}, which can be forged"));
        }
        let made = signature.created().map(|time| i64::from(time.as_secs()));
        let made = made.ok_or("a signature does not say when it was made")?;
        if made > now + AHEAD {
            return Err(format!(
                "a signature was made on {}, and this machine's clock is not there yet",
                date(made)
            ));
        }
        let lasts = signature.signature_expiration_time().map(|time| i64::from(time.as_secs()));
        if lasts.is_some_and(|lasts| lasts > 0 && made + lasts < now) {
            return Err("a signature has expired".to_owned());
        }
        let signers = self.keys.iter().flat_map(|primary| {
            let subs = primary.public_subkeys.iter().map(Some);
            std::iter::once(None).chain(subs).map(move |sub| Signer { primary, sub })
        });
        let mut signers = signers.filter(|signer| signer.is_named_by(signature)).peekable();
        if signers.peek().is_none() {
            return Err(format!(
                "it is signed with the key {}, which is not among those that are trusted",
                issuer(signature)
            ));
        }
        let mut last = String::new();
        for signer in signers {
            match signer.signed(signature, data).and_then(|()| signer.may_sign(made)) {
                Ok(()) => return Ok(()),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }
}

impl Signer<'_> {
    fn name(&self) -> String {
        let id = match self.sub {
            Some(sub) => sub.key.legacy_key_id(),
            None => self.primary.primary_key.legacy_key_id(),
        };
        id.to_string().to_uppercase()
    }

    /// Whether the signature says that it is by this key.
    fn is_named_by(&self, signature: &Signature) -> bool {
        let (id, print) = match self.sub {
            Some(sub) => (sub.key.legacy_key_id(), sub.key.fingerprint()),
            None => {
                let key = &self.primary.primary_key;
                (key.legacy_key_id(), key.fingerprint())
            }
        };
        signature.issuer_key_id().into_iter().any(|known| *known == id)
            || signature.issuer_fingerprint().into_iter().any(|known| *known == print)
    }

    fn signed(&self, signature: &Signature, data: &[u8]) -> Result<(), String> {
        let verified = match self.sub {
            Some(sub) => signature.verify(&sub.key, data),
            None => signature.verify(&self.primary.primary_key, data),
        };
        verified.map_err(|_| {
            format!("the signature by {} is not one of this text: it was changed", self.name())
        })
    }

    /// Whether the key was one to sign with at the time `made`, in seconds since 1970.
    fn may_sign(&self, made: i64) -> Result<(), String> {
        let primary = &self.primary.primary_key;
        let details = &self.primary.details;
        if primary.version() < KeyVersion::V4 {
            return Err(format!("the key {} is of an outdated kind", self.name()));
        }
        let revoked = details.revocation_signatures.iter();
        if revoked.into_iter().any(|revocation| revocation.verify_key(primary).is_ok()) {
            return Err(format!("the key {} was revoked", self.name()));
        }
        let users = details.users.iter().flat_map(|user| {
            let own = user.signatures.iter().filter(|signature| signature.is_certification());
            own.filter(|own| own.verify_certification(primary, Tag::UserId, &user.id).is_ok())
        });
        let direct = details.direct_signatures.iter();
        let direct = direct.filter(|signature| {
            signature.typ() == Some(SignatureType::Key) && signature.verify_key(primary).is_ok()
        });
        let newest = users.chain(direct).max_by_key(|own| own.created().map(|t| t.as_secs()));
        self.lasts(primary, newest, made)?;
        match self.sub {
            None => {
                let flags = newest.map(Signature::key_flags).unwrap_or_default();
                // Without any word on what it is for it is for all.
                let silent = !(flags.certify() || flags.encrypt_comms() || flags.authentication());
                if silent || flags.sign() { Ok(()) } else { Err(self.not_for_signing()) }
            }
            Some(sub) => self.sub_may_sign(sub, made),
        }
    }

    fn sub_may_sign(&self, sub: &SignedPublicSubKey, made: i64) -> Result<(), String> {
        let primary = &self.primary.primary_key;
        let bound = |kind| {
            let signatures = sub.signatures.iter().filter(move |it| it.typ() == Some(kind));
            signatures.filter(|it| it.verify_subkey_binding(primary, &sub.key).is_ok())
        };
        if bound(SignatureType::SubkeyRevocation).next().is_some() {
            return Err(format!("the key {} was revoked", self.name()));
        }
        let newest = bound(SignatureType::SubkeyBinding)
            .max_by_key(|own| own.created().map(|time| time.as_secs()))
            .ok_or_else(|| format!("the key {} is bound to no key", self.name()))?;
        // The subkey says so too: nobody can claim another's key as his own (RFC 9580, 5.2.1.9).
        let back = newest.embedded_signature();
        let agreed =
            back.is_some_and(|it| it.verify_primary_key_binding(&sub.key, primary).is_ok());
        if !newest.key_flags().sign() || !agreed {
            return Err(self.not_for_signing());
        }
        self.lasts(&sub.key, Some(newest), made)
    }

    fn not_for_signing(&self) -> String {
        format!("the key {} is not one to sign with", self.name())
    }

    /// Whether `key`, of which `own` tells, was there at the time `made`, and is no weak one.
    fn lasts(
        &self,
        key: &impl KeyDetails,
        own: Option<&Signature>,
        made: i64,
    ) -> Result<(), String> {
        let weak = match key.public_params() {
            // The modulus, and seven bytes at the most besides.
            PublicParams::RSA(rsa) => rsa.write_len() < RSA_LEAST,
            PublicParams::DSA(_) => true,
            _ => false,
        };
        if weak {
            return Err(format!("the key {} is too weak", self.name()));
        }
        let born = i64::from(key.created_at().as_secs());
        let age = own.and_then(Signature::key_expiration_time).map(|age| i64::from(age.as_secs()));
        let end = age.filter(|age| *age > 0).map(|age| born + age);
        if made < born || end.is_some_and(|end| made > end) {
            let end = end.map_or(String::new(), |end| format!(" to {}", date(end)));
            return Err(format!(
                "the key {} was one from {}{end}, and the signature was made on {}",
                self.name(),
                date(born),
                date(made)
            ));
        }
        Ok(())
    }
}

fn is_strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(hash, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
}

/// The key that the signature names.
fn issuer(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().first().map(|print| print.to_string());
    let id = signature.issuer_key_id().first().map(|id| id.to_string());
    print.or(id).unwrap_or_else(|| "of nobody".to_owned()).to_uppercase()
}

/// The day of a time in seconds since 1970: `2026-11-21`.
pub(super) fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests;
