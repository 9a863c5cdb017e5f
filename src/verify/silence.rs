//! A source that does not answer: what is known of it, and how it is told.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Words};

/// A source that does not answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// The source as it is called: `the source 10.0.0.1`.
    pub wanted: String,
    /// Whether it is an upstream of the cluster's source.
    pub upstream: bool,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// This host's own address on the way there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Requests that were sent since chronyd started, and packets that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// See `requests`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<u32>,
    /// Seconds since its last answer; none when there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<f64>,
    /// How often it is asked, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<f64>,
    /// The key that requests are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<u32>,
    /// Whether it answered another program on this host, which signs nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers_unsigned: Option<bool>,
    /// Whether the source's `allow` covers this host, by its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// How many seconds ago the source last heard of this host.
    #[serde(default, skip_serializing_if = "Heard::is_unknown")]
    pub heard: Heard,
    /// Whose name this host cannot resolve besides: `the upstream ntp.example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
    /// What the source was not asked for, or what came of it: `the source node1 is unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_state: Option<String>,
}

/// When the source heard of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// The source does not say.
    #[default]
    Unknown,
    /// Not since this host has fallen silent.
    Never,
    /// So many seconds ago.
    Ago(u32),
}

impl Heard {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl Silence {
    /// What the reader is told of `cause`, which is about this silence.
    pub(super) fn words(&self, cause: &Cause) -> Words {
        let wanted = &self.wanted;
        let known = self.known();
        let (what, next) = match cause {
            Cause::Denied(_) => (
                format!("{wanted} does not answer this host{known}: its `allow` does not cover it"),
                format!(
                    "run setup, or add this host's subnet to local_network: the source needs a line \
                     such as `allow {}`",
                    self.subnet()
                ),
            ),
            Cause::KeyMismatch(_) => (
                format!("{wanted} does not answer what this host signs{known}: the keys differ"),
                format!(
                    "run setup, or put the same key {} into the key files of both hosts",
                    self.key.map(|key| key.to_string()).unwrap_or_default()
                ),
            ),
            Cause::CannotSend(_) => (
                format!("no request can be sent to {wanted}{known}"),
                match self.from {
                    Some(_) => {
                        "look for a rule that drops what goes out to UDP port 123 on this \
                                host: `nft list ruleset` or `iptables-save`"
                    }
                    None => "look for a route to it on this host: `ip route get` and its address",
                }
                .to_owned(),
            ),
            Cause::SourceDown(_) => {
                (format!("no answer from {wanted}{known}"), "repair the source first".to_owned())
            }
            _ => (format!("no answer from {wanted}, UDP port 123{known}"), self.next()),
        };
        Words { what, next }
    }

    /// What is known, in brackets.
    fn known(&self) -> String {
        let mut parts = Vec::new();
        match (self.silent, self.interval, self.requests, self.replies) {
            (Some(silent), Some(interval), ..) => {
                parts.push(format!("for {silent:.0} s, though it is asked every {interval:.0} s"))
            }
            (Some(silent), None, ..) => parts.push(format!("for {silent:.0} s")),
            (_, _, Some(sent), Some(received)) => {
                let plural = if sent == 1 { "" } else { "s" };
                parts.push(format!("{received} replies to {sent} request{plural}"));
            }
            _ => parts.push("reach 0".to_owned()),
        }
        if let Some(key) = self.key {
            parts.push(format!("signed with key {key}"));
        }
        match self.answers_unsigned {
            Some(true) => parts.push("a separate query without a key is answered".to_owned()),
            Some(false) => parts.push("a separate query gets none either".to_owned()),
            None => {}
        }
        if self.requests == Some(0) && self.address.is_some() && self.from.is_none() {
            parts.push("there is no route".to_owned());
        }
        match (self.allowed, self.from) {
            (Some(true), Some(from)) => parts.push(format!("the source allows {from}")),
            (Some(false), Some(from)) => parts.push(format!("the source denies {from}")),
            (Some(true), None) => parts.push("the source allows this address".to_owned()),
            (Some(false), None) => parts.push("the source denies this address".to_owned()),
            (None, _) => {}
        }
        match self.heard {
            Heard::Unknown => {}
            Heard::Never => parts.push("no request arrives there".to_owned()),
            Heard::Ago(seconds) => {
                parts.push(format!("the last request arrived there {seconds} s ago"));
            }
        }
        if let Some(name) = &self.unresolved {
            parts.push(format!("this host cannot resolve the name of {name}"));
        }
        parts.extend(self.source_state.clone());
        format!(" ({})", parts.join("; "))
    }

    /// The next step where the source runs and no key is in play.
    fn next(&self) -> String {
        let see = "try `nft list ruleset`, `iptables-save` and `firewall-cmd --list-all`";
        match (self.upstream, self.allowed, self.heard) {
            (true, ..) if self.unresolved.is_some() => {
                "repair name resolution on this host, and check that UDP port 123 is open on the \
                 way; with no internet, set ntp_servers to []"
                    .to_owned()
            }
            (true, ..) => "check that UDP port 123 is open on the way; with no internet, set \
                           ntp_servers to []"
                .to_owned(),
            (_, Some(true), Heard::Never) => format!(
                "a firewall on the source, on this host or in between drops the requests: open UDP \
                 port 123 on the source; {see} there"
            ),
            (_, Some(true), Heard::Ago(_)) => format!(
                "a firewall on this host, on the source or in between drops the answers: let UDP \
                 from port 123 out of the source and into this host; {see} on both"
            ),
            (_, Some(true), Heard::Unknown) => {
                format!("a firewall on the way? Open UDP port 123 on the source; {see} there")
            }
            // The configuration to look at is no longer there.
            _ if self.source_state.is_some() => "see with `ezsync setup --check --diff` what the run changes \
                  on the source: does it still allow this host, with the same keys? If so, look whether UDP port \
                  123 is open on the way"
                .to_owned(),
            _ => "check that it is up, that it allows this host, and that UDP port 123 is open on \
                  the way; `ezsync doctor` without --limit asks the source as well"
                .to_owned(),
        }
    }

    /// The subnet that the source would have to allow: as wide as ezsync guesses them.
    fn subnet(&self) -> String {
        match self.from {
            Some(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            Some(from) => from.to_string(),
            None => "10.0.0.0/24".to_owned(),
        }
    }
}
