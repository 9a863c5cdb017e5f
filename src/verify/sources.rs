//! Which sources a host should follow, and why none of them is selected.

use std::net::IpAddr;

use super::cause;
use super::chronyc::{Peer, Source, SourceState};
use super::judge::Finding;
use super::reading::{Reading, Resolved};

/// The sources that a host should follow.
pub(super) struct Wanted {
    /// How a cause names them.
    pub label: String,
    addresses: Vec<IpAddr>,
    /// Some of them were given by name.
    named: bool,
    /// Any source is one of them: the address behind a pool's name is another each time.
    any: bool,
    /// They are the time source's upstreams, not the time source.
    upstream: bool,
}

impl Wanted {
    /// A client's source: `names` (names and addresses), and what the host resolves them to.
    pub fn source(names: &[String], resolved: &[Resolved]) -> Self {
        let (mut addresses, names) = split(names);
        let label = match (addresses.first(), names.first()) {
            (Some(address), _) => format!("the source {address}"),
            (None, Some(name)) => format!("the source {name}"),
            (None, None) => "the source".to_owned(),
        };
        let known = |found: &&Resolved| found.name.as_ref().is_none_or(|name| names.contains(name));
        addresses.extend(resolved.iter().filter(known).map(|found| found.address));
        Self { label, addresses, named: !names.is_empty(), any: false, upstream: false }
    }

    /// The time source's `upstreams`.
    pub fn upstreams(upstreams: &[String]) -> Self {
        let (addresses, names) = split(upstreams);
        let label = match upstreams {
            [one] => format!("the upstream {one}"),
            many => format!("the upstreams {}", many.join(", ")),
        };
        let named = !names.is_empty();
        Self { label, addresses, named, any: named, upstream: true }
    }

    /// Whether `peer` is one of them. `chronyc -n` names servers by address only.
    pub fn includes(&self, peer: &Peer) -> bool {
        self.any || matches!(peer, Peer::Address(address) if self.addresses.contains(address))
    }

    /// Whether there are only names, and no address is known for them.
    pub fn is_unresolved(&self) -> bool {
        self.named && !self.any && self.addresses.is_empty()
    }

    /// Why none of them is selected, from the rows that chronyc printed.
    pub fn why_not_selected(&self, reading: &Reading) -> Finding {
        let all = &reading.chronyc.sources;
        let activity = reading.chronyc.activity;
        let ours: Vec<&Source> = all.iter().filter(|row| self.includes(&row.peer)).collect();
        let all_are = |state| ours.iter().all(|row| row.state == state);
        let any_is = |state| ours.iter().any(|row| row.state == state);

        if ours.is_empty() {
            // An address needs no resolving: then some other source has a name without one.
            let unresolved = activity.is_some_and(|activity| activity.unresolved > 0);
            return if self.is_unresolved() || (unresolved && self.named) {
                Finding::waiting(cause::unresolved(&self.label))
            } else if !all.is_empty() || unresolved {
                Finding::failed(cause::source_absent(&self.label))
            } else if activity.is_some_and(|activity| activity.is_empty()) {
                Finding::failed(cause::no_sources())
            } else {
                Finding::waiting(cause::measuring(&self.label))
            };
        }
        if activity.is_some_and(|activity| activity.all_offline()) {
            return Finding::failed(cause::offline());
        }
        if any_is(SourceState::Falseticker) {
            return Finding::waiting(cause::disagreement());
        }
        if ours.iter().all(|row| row.reach == 0) {
            let no_reply = if self.upstream { cause::no_upstream_reply } else { cause::no_reply };
            return Finding::waiting(no_reply(&self.label));
        }
        // Stratum 16 is "not synchronised"; 0 stands until a reply was of use.
        if ours.iter().all(|row| row.reach == 0 || matches!(row.stratum, 0 | 16..)) {
            return Finding::waiting(cause::source_unsynchronised(&self.label));
        }
        if all_are(SourceState::TooVariable) {
            return Finding::waiting(cause::too_variable(&self.label));
        }
        if any_is(SourceState::NotCombined) {
            return Finding::waiting(cause::not_selected(&self.label));
        }
        Finding::waiting(cause::measuring(&self.label))
    }
}

/// Parts `texts` into addresses and names.
fn split(texts: &[String]) -> (Vec<IpAddr>, Vec<String>) {
    let mut addresses = Vec::new();
    let mut names = Vec::new();
    for text in texts {
        match text.parse::<IpAddr>() {
            Ok(address) => addresses.push(address.to_canonical()),
            Err(_) => names.push(text.clone()),
        }
    }
    (addresses, names)
}
