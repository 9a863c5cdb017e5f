//! Known host keys, read and matched as OpenSSH does (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! The files are read once for all hosts. Lines that cannot be used are passed over, as OpenSSH
//! does: another program may understand them. `@cert-authority` lines are among these.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;

/// The port for which a host is written without its port.
const DEFAULT_PORT: u16 = 22;

/// What to do with a host of which no key is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Refuse it.
    Strict,
    /// Write its key down and go on (`StrictHostKeyChecking=accept-new`).
    AcceptNew,
}

/// What the known host keys say about the key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the key that is known for this host.
    Known,
    /// Nothing was known about this host, and its key is now written down.
    Learned,
    /// Nothing is known about this host.
    Unknown,
    /// Other keys than this one are known for this host.
    Changed(Vec<KnownKey>),
    /// This key must never be accepted from this host.
    Revoked(KnownKey),
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
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    file: Arc<Path>,
    line: usize,
    revoked: bool,
    hosts: HostPatterns,
    key: PublicKey,
}

impl KnownHosts {
    /// Reads `files`; those that do not exist are empty. New keys are added to the first one.
    ///
    /// # Errors
    /// When a file exists and cannot be read.
    pub fn read(files: &[PathBuf]) -> Result<Self, KnownHostsError> {
        let mut entries = Vec::new();
        for file in files {
            match fs::read(file) {
                Ok(text) => entries.extend(parse(file, &String::from_utf8_lossy(&text))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(KnownHostsError { action: "read", file: file.clone(), source });
                }
            }
        }
        Ok(Self { learn_to: files.first().cloned(), entries: Mutex::new(entries) })
    }

    /// Judges `key` as shown by the host at `address` and `port`, and under
    /// [`HostKeyPolicy::AcceptNew`] learns it when the host is unknown.
    ///
    /// Hosts are judged one at a time, so that none is learned twice.
    ///
    /// # Errors
    /// When a key cannot be written down.
    pub fn judge(
        &self,
        address: &str,
        port: u16,
        key: &PublicKey,
        policy: HostKeyPolicy,
    ) -> Result<Verdict, KnownHostsError> {
        let mut entries = self.lock();
        let verdict = verdict(&entries, address, port, key);
        if let (Verdict::Unknown, HostKeyPolicy::AcceptNew, Some(file)) =
            (&verdict, policy, &self.learn_to)
        {
            let failed = |source| KnownHostsError {
                action: "add a host key to",
                file: file.clone(),
                source,
            };
            let key = PublicKey::from(key.key_data().clone());
            let text = key.to_openssh().map_err(io::Error::other).map_err(failed)?;
            let text = format!("{} {text}", name_of(address, port));
            let line = append_line(file, &text).map_err(failed)?;
            entries.extend(parse_line(&Arc::from(file.as_path()), line, &text));
            return Ok(Verdict::Learned);
        }
        Ok(verdict)
    }

    /// The host-key algorithms of the keys known for a host. Asking for them first makes a host
    /// that has several keys show one that is known.
    #[must_use]
    pub fn algorithms(&self, address: &str, port: u16) -> Vec<Algorithm> {
        let entries = self.lock();
        for name in names_of(address, port) {
            let known = entries.iter().filter(|entry| !entry.revoked && entry.is_for(&name));
            let algorithms: Vec<_> = known.map(|entry| entry.key.algorithm()).collect();
            if !algorithms.is_empty() {
                return algorithms;
            }
        }
        Vec::new()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_for(&self, name: &str) -> bool {
        match &self.hosts {
            HostPatterns::Patterns(patterns) => {
                let mut matched = false;
                for pattern in patterns {
                    let pattern = pattern.to_ascii_lowercase();
                    match pattern.strip_prefix('!') {
                        Some(not) if glob(not.as_bytes(), name.as_bytes()) => return false,
                        Some(_) => {}
                        None => matched |= glob(pattern.as_bytes(), name.as_bytes()),
                    }
                }
                matched
            }
            HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok()),
        }
    }

    fn known_key(&self) -> KnownKey {
        KnownKey { key: (&self.key).into(), file: self.file.to_path_buf(), line: self.line }
    }
}

/// As OpenSSH: a matching line is enough, whatever other lines of the host say; other keys alone,
/// of whatever type, mean that the key has changed. Where nothing is known for a host and its
/// port, a line for the host alone will do.
fn verdict(entries: &[Entry], address: &str, port: u16, key: &PublicKey) -> Verdict {
    let exact = name_of(address, port);
    for name in names_of(address, port) {
        let of_host = entries.iter().filter(|entry| entry.is_for(&name));
        let (revoked, good): (Vec<&Entry>, Vec<&Entry>) = of_host.partition(|e| e.revoked);
        let same = |entry: &&&Entry| entry.key.key_data() == key.key_data();
        if let Some(entry) = revoked.iter().find(same) {
            return Verdict::Revoked(entry.known_key());
        }
        if good.iter().any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        if name == exact && !good.is_empty() {
            return Verdict::Changed(good.iter().map(|entry| entry.known_key()).collect());
        }
    }
    Verdict::Unknown
}

/// The name under which a host stands in known_hosts: `host`, or `[host]:port`.
pub(super) fn name_of(address: &str, port: u16) -> String {
    let host = match address.parse::<IpAddr>() {
        // One spelling for an address: ::0:1 is ::1.
        Ok(ip) => ip.to_string(),
        Err(_) => address.to_ascii_lowercase(),
    };
    if port == DEFAULT_PORT { host } else { format!("[{host}]:{port}") }
}

/// The names to look up, the best one first.
fn names_of(address: &str, port: u16) -> Vec<String> {
    let mut names = vec![name_of(address, port)];
    if port != DEFAULT_PORT {
        names.push(name_of(address, DEFAULT_PORT));
    }
    names
}

fn parse(file: &Path, text: &str) -> Vec<Entry> {
    let file: Arc<Path> = file.into();
    let entry = |(index, line)| parse_line(&file, index + 1, line);
    text.lines().enumerate().filter_map(entry).collect()
}

/// `[@marker] hosts type base64 [comment]`, or nothing for comments and what cannot be used.
fn parse_line(file: &Arc<Path>, number: usize, line: &str) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace().peekable();
    let marker = fields.next_if(|field| field.starts_with('@'));
    let revoked = match marker.map(str::parse::<Marker>) {
        None => false,
        Some(Ok(Marker::Revoked)) => true,
        Some(Ok(Marker::CertAuthority) | Err(_)) => return None,
    };
    let hosts = fields.next().filter(|hosts| !hosts.starts_with('#'))?.parse().ok()?;
    let key = format!("{} {}", fields.next()?, fields.next()?);
    let key = PublicKey::from_openssh(&key).ok()?;
    Some(Entry { file: Arc::clone(file), line: number, revoked, hosts, key })
}

/// Matches `*` (any text) and `?` (any one character), the only wildcards of known_hosts.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', rest)), None) => glob(rest, text),
        (Some((b'*', rest)), Some((_, shorter))) => glob(rest, text) || glob(pattern, shorter),
        (Some((b'?', rest)), Some((_, shorter))) => glob(rest, shorter),
        (Some((wanted, rest)), Some((found, shorter))) => wanted == found && glob(rest, shorter),
        (Some(_), None) => false,
    }
}

/// Adds a line in one write to the end of `file`, so that it never mixes with another writer's,
/// and says which line it has become. The file and its folder are created with the modes that
/// OpenSSH asks for.
fn append_line(file: &Path, line: &str) -> io::Result<usize> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut open =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut before = Vec::new();
    open.read_to_end(&mut before)?;
    let ended = before.last().is_none_or(|last| *last == b'\n');
    let text = if ended { format!("{line}\n") } else { format!("\n{line}\n") };
    open.write_all(text.as_bytes())?;
    Ok(before.split_inclusive(|byte| *byte == b'\n').count() + 1)
}

#[cfg(test)]
mod tests;
