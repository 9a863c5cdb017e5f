//! Lines of known_hosts: reading, matching and adding them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use sha1::Sha1;

use super::KnownKey;
use crate::ssh::pattern::matches_any;

/// What a line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is the host's.
    Key,
    /// It signs certificates of hosts (`@cert-authority`).
    Authority,
    /// It must never be accepted (`@revoked`).
    Revoked,
}

/// One line.
#[derive(Debug)]
pub(super) struct Entry {
    file: Arc<Path>,
    line: usize,
    pub(super) kind: Kind,
    /// Patterns are in lower case.
    hosts: HostPatterns,
    pub(super) key: PublicKey,
}

impl Entry {
    /// Whether the line is about the host that is looked up as `name`.
    pub(super) fn is_for(&self, name: &str) -> bool {
        match &self.hosts {
            HostPatterns::Patterns(patterns) => {
                matches_any(name, patterns.iter().map(String::as_str))
            }
            HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok()),
        }
    }

    /// The names that the line is about, where these are no patterns and no hash.
    pub(super) fn plain_names(&self) -> Option<&[String]> {
        let is_plain = |name: &String| !name.contains(['*', '?', '!']);
        match &self.hosts {
            HostPatterns::Patterns(names) if names.iter().all(is_plain) => Some(names),
            _ => None,
        }
    }

    pub(super) fn known_key(&self) -> KnownKey {
        KnownKey { key: (&self.key).into(), file: self.file.to_path_buf(), line: self.line }
    }
}

/// The lines in `text` that can be used.
pub(super) fn parse(file: &Path, text: &str) -> Vec<Entry> {
    let file: Arc<Path> = file.into();
    let entry = |(index, line)| parse_line(&file, index + 1, line);
    text.lines().enumerate().filter_map(entry).collect()
}

/// `[@marker] hosts type base64 [comment]`, or nothing for comments and what cannot be used.
pub(super) fn parse_line(file: &Arc<Path>, number: usize, line: &str) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace().peekable();
    let marker = fields.next_if(|field| field.starts_with('@'));
    let kind = match marker.map(str::parse::<Marker>) {
        None => Kind::Key,
        Some(Ok(Marker::Revoked)) => Kind::Revoked,
        Some(Ok(Marker::CertAuthority)) => Kind::Authority,
        Some(Err(_)) => return None,
    };
    let hosts = fields.next().filter(|hosts| !hosts.starts_with('#'))?.parse().ok()?;
    let hosts = match hosts {
        HostPatterns::Patterns(patterns) => HostPatterns::Patterns(
            patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect(),
        ),
        hashed => hashed,
    };
    let key = format!("{} {}", fields.next()?, fields.next()?);
    let key = PublicKey::from_openssh(&key).ok()?;
    Some(Entry { file: Arc::clone(file), line: number, kind, hosts, key })
}

/// The end of a file as we have last seen it: it is read again only when others have written.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Bytes in the file.
    length: u64,
    /// Lines in it, all of them ended.
    lines: usize,
}

impl Tail {
    /// Adds `line` in one write to the end of `file`, so that it never mixes with another
    /// writer's, and says which line it has become. The file is created with the mode that OpenSSH asks
    /// for, and so is ~/.ssh; any other folder that is not there is a name that was mistyped.
    pub(super) fn append(&mut self, file: &Path, line: &str) -> io::Result<usize> {
        let own = file.parent().filter(|folder| folder.ends_with(".ssh") && !folder.exists());
        if let Some(folder) = own {
            // Another run may be faster.
            let _ = DirBuilder::new().mode(0o700).create(folder);
        }
        let mut open =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
        // Other runs of ezsync wait; OpenSSH knows no lock, and writes its line in one go as we do.
        open.lock()?;
        let ended = self.look(&mut open)?;
        let text = if ended { format!("{line}\n") } else { format!("\n{line}\n") };
        open.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        self.lines += 1;
        Ok(self.lines)
    }

    /// Whether the last line is ended. What others have written meanwhile is counted.
    fn look(&mut self, file: &mut File) -> io::Result<bool> {
        if file.metadata()?.len() == self.length {
            return Ok(true);
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        self.length = text.len() as u64;
        self.lines = text.split_inclusive(|byte| *byte == b'\n').count();
        Ok(text.last().is_none_or(|last| *last == b'\n'))
    }
}
