//! Which sources a host should follow, and why none of them is selected.

use std::net::IpAddr;

use super::cause::{Cause, Offer};
use super::chronyc::{Peer, Source, SourceMode, SourceState};
use super::evidence::NtpData;
use super::judge::Finding;
use super::reading::{Reading, Resolved};
use super::silence::Silence;

/// More disagreeing sources than these are not told.
const MOST_OFFERS: usize = 8;

/// The sources that a host should follow.
pub(super) struct Wanted {
    /// How a cause names them.
    pub label: String,
    addresses: Vec<IpAddr>,
    /// Those that were given by name.
    names: Vec<String>,
    /// What the host resolves a name of theirs to.
    resolved: Option<IpAddr>,
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
        let known = resolved.iter().filter(known).map(|found| found.address);
        let resolved = known.clone().next();
        addresses.extend(known);
        Self { label, addresses, resolved, names, any: false, upstream: false }
    }

    /// The time source's `upstreams`.
    pub fn upstreams(upstreams: &[String]) -> Self {
        let (addresses, names) = split(upstreams);
        let label = match upstreams {
            [one] => format!("the upstream {one}"),
            many => format!("the upstreams {}", many.join(", ")),
        };
        let any = !names.is_empty();
        Self { label, addresses, resolved: None, names, any, upstream: true }
    }

    /// Whether `peer` is one of them. `chronyc -n` names servers by address only.
    pub fn includes(&self, peer: &Peer) -> bool {
        self.any || matches!(peer, Peer::Address(address) if self.addresses.contains(address))
    }

    /// Whether there are only names, and no address is known for them.
    pub fn is_unresolved(&self) -> bool {
        !self.names.is_empty() && !self.any && self.addresses.is_empty()
    }

    /// Why none of them is selected, from the rows that chronyc printed.
    pub fn why_not_selected(&self, reading: &Reading) -> Finding {
        let all = &reading.chronyc.sources;
        let ours: Vec<&Source> = all.iter().filter(|row| self.includes(&row.peer)).collect();
        let Some(first) = ours.first() else { return self.why_absent(reading) };
        if let Some(sources) = reading.offline() {
            return Finding::failed(Cause::Offline { sources });
        }
        if ours.iter().any(|row| row.state == SourceState::Falseticker) {
            let disagreeing = all.iter().filter(|row| row.state == SourceState::Falseticker);
            let offer = |row: &Source| Offer { source: row.peer.to_string(), offset: row.offset };
            let sources = disagreeing.map(offer).take(MOST_OFFERS).collect();
            return Finding::waiting(Cause::Disagreement { sources });
        }
        let by_replies = ours.iter().find_map(|row| self.by_replies(reading, row));
        if let Some(cause) = by_replies {
            return Finding::waiting(cause);
        }
        if ours.iter().all(|row| row.reach == 0) {
            return Finding::waiting(self.no_answer(reading, first, None));
        }
        // Stratum 16 is "not synchronised"; 0 stands until a reply was of use.
        let wanted = self.label.clone();
        if ours.iter().all(|row| row.reach == 0 || matches!(row.stratum, 0 | 16..)) {
            return Finding::waiting(Cause::SourceUnsynchronised { wanted, replies: None });
        }
        Finding::waiting(self.by_selection(reading, &ours))
    }

    /// Why chronyd has no row for any of them.
    fn why_absent(&self, reading: &Reading) -> Finding {
        let activity = reading.chronyc.activity;
        let wanted = self.label.clone();
        let address = self.resolved;
        // An address needs no resolving: then some other source has a name without one.
        let unresolved = activity.is_some_and(|activity| activity.unresolved > 0);
        if self.is_unresolved() || (unresolved && !self.names.is_empty()) {
            Finding::waiting(Cause::Unresolved { wanted, address })
        } else if !reading.chronyc.sources.is_empty() || unresolved {
            Finding::failed(Cause::SourceAbsent { wanted })
        } else if activity.is_some_and(|activity| activity.is_empty()) {
            Finding::failed(Cause::NoSources)
        } else {
            Finding::waiting(Cause::Measuring { wanted })
        }
    }

    /// Upstreams whose names mean nothing to chronyd, though it asks others.
    pub fn unresolved(&self, reading: &Reading) -> Option<String> {
        let servers = reading.chronyc.sources.iter();
        let rows = servers.filter(|row| row.mode != SourceMode::ReferenceClock).count();
        // A pool may be smaller than chronyd asks for, which it calls unresolved too.
        let missing = self.upstream
            && rows < self.addresses.len() + self.names.len()
            && reading.chronyc.activity.is_some_and(|activity| activity.unresolved > 0);
        match self.names.as_slice() {
            _ if !missing => None,
            [] => None,
            [one] => Some(format!("the upstream {one}")),
            many => Some(format!("one of the upstreams {}", many.join(", "))),
        }
    }

    /// What the replies of a source that is not selected say, where chronyd's own tests were asked
    /// for.
    fn by_replies(&self, reading: &Reading, row: &Source) -> Option<Cause> {
        let data = reading.evidence.ntpdata.iter().find(|data| data.peer == row.peer)?;
        let (wanted, replies) = (self.label.clone(), Some(data.valid));
        if data.valid == 0 {
            return None;
        }
        if !data.leap.is_synchronised() {
            Some(Cause::SourceUnsynchronised { wanted, replies })
        } else if data.shows_loop() {
            Some(Cause::Loop { wanted, replies })
        } else if data.shows_delay() {
            Some(Cause::Delay { wanted, delay: Some(data.delay) })
        } else {
            None
        }
    }

    /// Why a source that answers is not selected, by chronyd's own letters where they were asked for.
    fn by_selection(&self, reading: &Reading, ours: &[&Source]) -> Cause {
        let wanted = self.label.clone();
        let evidence = &reading.evidence;
        let mut chosen = evidence.selectdata.iter().filter(|data| self.includes(&data.peer));
        let ours_among = |data: &&NtpData| self.includes(&data.peer);
        match chosen.next().map(|data| data.letter) {
            Some('d') => {
                let distance = evidence.ntpdata.iter().find(ours_among).map(NtpData::distance);
                return Cause::MaxDistance { wanted, distance };
            }
            Some('W') => {
                let usable = evidence.selectdata.iter().filter(|data| data.letter == 'W').count();
                return Cause::MinSources { wanted, usable };
            }
            Some('~') => return Cause::TooVariable { wanted },
            // Not enough samples yet, or not all sources have some.
            Some('M' | 'w' | 'U') => return Cause::Measuring { wanted },
            Some(letter) if !matches!(letter, '*' | '+') => {
                return Cause::NotSelected { wanted, letter: Some(letter) };
            }
            _ => {}
        }
        if ours.iter().all(|row| row.state == SourceState::TooVariable) {
            Cause::TooVariable { wanted }
        } else if ours.iter().any(|row| row.state == SourceState::NotCombined) {
            Cause::NotSelected { wanted, letter: None }
        } else {
            Cause::Measuring { wanted }
        }
    }

    /// The source of `row` gives no answer. `interval`: how often it should have, where it was the
    /// one to follow.
    pub fn no_answer(&self, reading: &Reading, row: &Source, interval: Option<f64>) -> Cause {
        let evidence = &reading.evidence;
        let data = evidence.ntpdata.iter().find(|data| data.peer == row.peer);
        let key = evidence.authdata.iter().find(|auth| auth.peer == row.peer);
        let address = match &row.peer {
            Peer::Address(address) => Some(*address),
            Peer::Name(_) => None,
        };
        let query = evidence.queries.iter().find(|query| Some(query.address) == address);
        let sent = data.map(|data| data.sent);
        let silence = Silence {
            wanted: self.label.clone(),
            upstream: self.upstream,
            address,
            from: query.and_then(|query| query.from),
            requests: sent,
            replies: data.map(|data| data.received),
            silent: row.last_sample.map(f64::from),
            interval,
            unresolved: self.unresolved(reading),
            key: key.filter(|auth| auth.usable).map(|auth| auth.key),
            answers_unsigned: query.and_then(|query| query.answered),
            ..Silence::default()
        };
        let missing = key.filter(|auth| !auth.usable).map(|auth| auth.key);
        match missing.or_else(|| reading.missing_key()) {
            Some(key) if sent == Some(0) => Cause::KeyMissing { wanted: self.label.clone(), key },
            _ if silence.key.is_some() && silence.answers_unsigned == Some(true) => {
                Cause::KeyMismatch(silence)
            }
            _ if sent == Some(0) && silence.answers_unsigned == Some(false) => {
                Cause::CannotSend(silence)
            }
            _ => Cause::NoReply(silence),
        }
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
