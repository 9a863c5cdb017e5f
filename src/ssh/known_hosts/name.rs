//! The names under which a host stands in known_hosts.

use std::io;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

/// The port for which a host is written without its port.
const DEFAULT_PORT: u16 = 22;

/// Characters that mean something else in known_hosts than themselves, as OpenSSH lists them, and `!`.
const SPECIAL: &str = "!@?*#[]|'\"\\, ";

/// Bytes of the salt in a hashed name: as many as SHA-1 has.
const SALT: usize = 20;

/// What a host is called in known_hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The host without its port.
    principal: String,
    /// `host` or `[host]:port`, and what is looked up where that is unknown.
    looked_up: Vec<String>,
}

impl Name {
    /// The name of the host at `address` and `port`, or its `alias`, which stands for both.
    #[must_use]
    pub fn new(address: &str, port: u16, alias: Option<&str>) -> Self {
        let host = match address.parse::<IpAddr>() {
            // One spelling for an address: ::0:1 is ::1.
            Ok(ip) => ip.to_string(),
            Err(_) => address.to_ascii_lowercase(),
        };
        let principal = alias.map_or(host, str::to_ascii_lowercase);
        let mut looked_up = vec![principal.clone()];
        if alias.is_none() && port != DEFAULT_PORT {
            looked_up.insert(0, format!("[{principal}]:{port}"));
        }
        Self { principal, looked_up }
    }

    /// What a certificate must name.
    pub(super) fn principal(&self) -> &str {
        &self.principal
    }

    /// The names to look up, the best one first.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.looked_up.iter().map(String::as_str)
    }

    /// The name as known_hosts has it: `host`, or `[host]:port`.
    #[must_use]
    pub fn best(&self) -> &str {
        self.looked_up.first().unwrap_or(&self.principal)
    }

    /// Whether a line with this name would mean this host and no other.
    pub(super) fn can_be_written(&self) -> bool {
        let odd = |c: char| SPECIAL.contains(c) || c.is_control() || c.is_whitespace();
        !self.principal.is_empty() && !self.principal.contains(odd)
    }

    /// The name for a new line: as it is, or as the hash of it and a random salt.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn written(&self, hashed: bool) -> io::Result<String> {
        if !hashed {
            return Ok(self.best().to_owned());
        }
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let mac = Hmac::<Sha1>::new_from_slice(&salt).map_err(io::Error::other)?;
        let hash = mac.chain_update(self.best()).finalize().into_bytes().into();
        Ok(HostPatterns::HashedName { salt, hash }.to_string())
    }
}
