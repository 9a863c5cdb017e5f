//! Known host keys, read and matched as OpenSSH does (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! The files are read once for all hosts. Lines that cannot be used are passed over, as OpenSSH
//! does: another program may understand them.

mod certificate;
mod entry;
mod lines;
mod name;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use entry::{Entry, Kind, Tail};
use lines::Lines;
pub use name::Name;

use super::target::HostKeys;

/// What to do with a host whose key is not known (`StrictHostKeyChecking`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Refuse it (`yes`).
    Strict,
    /// Write the key of a new host down and go on; refuse a key that has changed (`accept-new`).
    AcceptNew,
    /// As `AcceptNew`; with a host whose key has changed go on, but never show it a password (`no`).
    Off,
}

/// What the known host keys say about the key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the key that is known for this host, or an authority that is known vouches for it.
    Known,
    /// Nothing was known about this host, and its key is now written down.
    Learned,
    /// Nothing is known about this host.
    Unknown,
    /// Other keys than this one are known for this host.
    Changed(Vec<KnownKey>),
    /// This key must never be accepted from this host.
    Revoked(KnownKey),
    /// So it is with what the authority of this key has signed.
    RevokedAuthority(KnownKey),
}

/// One key in a known_hosts file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key's type and SHA-256 fingerprint.
    pub key: Fingerprint,
    /// The file that holds it.
    pub file: PathBuf,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// A public key as people compare it: type and SHA-256 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl From<&PublicKey> for Fingerprint {
    fn from(key: &PublicKey) -> Self {
        Self(format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256)))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.key, self.file.display(), self.line)
    }
}

/// A known_hosts file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", file.display())]
pub struct KnownHostsError {
    action: &'static str,
    file: PathBuf,
    source: io::Error,
}

/// The keys of all known hosts, shared by all connections.
#[derive(Debug)]
pub struct KnownHosts {
    /// New keys go to the end of this file.
    learn_to: Option<PathBuf>,
    /// Whether names are written as hashes.
    hash: bool,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    lines: Lines,
    /// The end of the file that keys are learned to.
    tail: Tail,
}

/// A verdict, and what is wrong with the certificate that the host has shown, if it has.
pub type Judgement = (Verdict, Option<String>);

impl KnownHosts {
    /// Reads the files of `settings`; those that do not exist are empty.
    ///
    /// # Errors
    /// When a file exists and cannot be read.
    pub fn read(settings: &HostKeys) -> Result<Self, KnownHostsError> {
        let HostKeys { files, global_files, hash, .. } = settings;
        let mut lines = Lines::default();
        for file in files.iter().chain(global_files) {
            match fs::read(file) {
                Ok(text) => lines.extend(entry::parse(file, &String::from_utf8_lossy(&text))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(KnownHostsError { action: "read", file: file.clone(), source });
                }
            }
        }
        let book = Mutex::new(Book { lines, tail: Tail::default() });
        Ok(Self { learn_to: files.first().cloned(), hash: *hash, book })
    }

    /// Judges what the host `name` has shown, and learns its key when the host is unknown and
    /// `policy` allows it.
    ///
    /// Hosts are judged one at a time, so that none is learned twice.
    ///
    /// # Errors
    /// When a key cannot be written down.
    pub fn judge(
        &self,
        name: &Name,
        shown: &PublicKeyOrCertificate,
        policy: HostKeyPolicy,
    ) -> Result<Judgement, KnownHostsError> {
        let mut book = self.lock();
        let mut fault = None;
        if let PublicKeyOrCertificate::Certificate(certificate) = shown {
            match vouched(&book.lines, name, certificate) {
                Vouched::Verdict(verdict) => return Ok((verdict, None)),
                // As OpenSSH: the key in it may be known by itself.
                Vouched::Not(why) => fault = Some(why),
            }
        }
        let key = shown.public_key();
        let mut verdict = verdict(&book.lines, name, &key);
        if verdict == Verdict::Unknown && policy != HostKeyPolicy::Strict && name.can_be_written() {
            verdict = self.learn(&mut book, name, &key, policy)?;
        }
        Ok((verdict, fault))
    }

    fn learn(
        &self,
        book: &mut Book,
        name: &Name,
        key: &PublicKey,
        policy: HostKeyPolicy,
    ) -> Result<Verdict, KnownHostsError> {
        let Some(file) = &self.learn_to else { return Ok(Verdict::Unknown) };
        let failed =
            |source| KnownHostsError { action: "add a host key to", file: file.clone(), source };
        let name = name.written(self.hash).map_err(failed)?;
        let key = PublicKey::from(key.key_data().clone());
        let text = key.to_openssh().map_err(io::Error::other).map_err(failed)?;
        let text = format!("{name} {text}");
        let written = match book.tail.append(file, &text) {
            // For this run it is known all the same; ssh goes on as well.
            Err(_) if policy == HostKeyPolicy::Off => None,
            written => Some(written.map_err(failed)?),
        };
        let line = written.unwrap_or_default();
        book.lines.extend(entry::parse_line(&file.as_path().into(), line, &text));
        // People who want nothing remembered need not be told each time.
        let kept = written.is_some() && file != Path::new("/dev/null");
        Ok(if kept { Verdict::Learned } else { Verdict::Known })
    }

    /// The host-key algorithms of the keys known for a host. Asking for them first makes a host
    /// that has several keys show one that is known.
    #[must_use]
    pub fn algorithms(&self, name: &Name) -> Vec<Algorithm> {
        let book = self.lock();
        for name in name.all() {
            let known = book.lines.of_host(name).filter(|entry| entry.kind == Kind::Key);
            let algorithms: Vec<_> = known.map(|entry| entry.key.algorithm()).collect();
            if !algorithms.is_empty() {
                return algorithms;
            }
        }
        Vec::new()
    }

    /// Whether an authority is known that may vouch for a host by a certificate.
    #[must_use]
    pub fn has_authority(&self, name: &Name) -> bool {
        let Book { lines, .. } = &*self.lock();
        let is_one = |line: &Entry| line.kind == Kind::Authority;
        // Most people have none, and to try a line that is hashed takes its time.
        lines.all().iter().any(is_one) && name.all().any(|name| lines.of_host(name).any(is_one))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a certificate.
enum Vouched {
    /// It settles the matter.
    Verdict(Verdict),
    /// It proves nothing, and why.
    Not(String),
}

/// Whether a known authority vouches for the host, and none of what it does that with is revoked.
fn vouched(lines: &Lines, name: &Name, certificate: &Certificate) -> Vouched {
    let mut fault = "no authority that is known for this host has signed it".to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for looked_up in name.all() {
        let revoked = lines.of_host(looked_up).find(|entry| {
            let key = entry.key.key_data();
            entry.kind == Kind::Revoked
                && (key == certificate.public_key() || key == certificate.signature_key())
        });
        if let Some(entry) = revoked {
            let key = entry.known_key();
            return Vouched::Verdict(match entry.key.key_data() == certificate.signature_key() {
                true => Verdict::RevokedAuthority(key),
                false => Verdict::Revoked(key),
            });
        }
        let authority = lines.of_host(looked_up).find(|entry| {
            entry.kind == Kind::Authority && entry.key.key_data() == certificate.signature_key()
        });
        if let Some(entry) = authority {
            match certificate::check(certificate, &entry.key, name.principal(), now) {
                Ok(()) => return Vouched::Verdict(Verdict::Known),
                Err(why) => fault = why,
            }
        }
    }
    Vouched::Not(fault)
}

/// As OpenSSH: a matching line is enough, whatever other lines of the host say; other keys alone,
/// of whatever type, mean that the key has changed. Where nothing is known for a host and its
/// port, a line for the host alone will do.
fn verdict(lines: &Lines, name: &Name, key: &PublicKey) -> Verdict {
    for (index, name) in name.all().enumerate() {
        let (revoked, others): (Vec<&Entry>, Vec<&Entry>) =
            lines.of_host(name).partition(|entry| entry.kind == Kind::Revoked);
        let good: Vec<_> = others.into_iter().filter(|entry| entry.kind == Kind::Key).collect();
        let same = |entry: &&&Entry| entry.key.key_data() == key.key_data();
        if let Some(entry) = revoked.iter().find(same) {
            return Verdict::Revoked(entry.known_key());
        }
        if good.iter().any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        if index == 0 && !good.is_empty() {
            return Verdict::Changed(good.iter().map(|entry| entry.known_key()).collect());
        }
    }
    Verdict::Unknown
}

#[cfg(test)]
mod tests;
