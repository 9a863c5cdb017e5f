//! What is asked of a host that does not pass: chronyc's reports on each source, and one query of our own.

use std::net::IpAddr;

use super::chronyc::{Leap, MOST_ROWS, Peer, number};

/// What was asked besides, of a host that must be explained.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The rows of `chronyc ntpdata`.
    pub ntpdata: Vec<NtpData>,
    /// The rows of `chronyc selectdata`; chrony 4.0 and later.
    pub selectdata: Vec<SelectData>,
    /// The rows of `chronyc authdata` about symmetric keys; chrony 4.0 and later.
    pub authdata: Vec<AuthData>,
    /// What came of asking silent sources beside the daemon.
    pub queries: Vec<Query>,
}

/// A row of `chronyc -c ntpdata`: the last valid reply of a source, and counts.
#[derive(Debug, Clone, PartialEq)]
pub struct NtpData {
    /// Its address.
    pub peer: Peer,
    /// The leap status in its last reply.
    pub leap: Leap,
    /// Its root delay and root dispersion, in seconds.
    pub root: (f64, f64),
    /// The way to it and back, in seconds.
    pub delay: f64,
    /// Which tests its last reply has passed: 1, 2, 3, 5, 6, 7, A, B, C, D; all fail without one.
    pub tests: Vec<bool>,
    /// Requests that were sent.
    pub sent: u32,
    /// Packets that came back.
    pub received: u32,
    /// Replies that were valid: they may still be of no use.
    pub valid: u32,
    /// Replies that gave a measurement; chrony 4.3 and later.
    pub good: Option<u32>,
}

/// A row of `chronyc -c selectdata`.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectData {
    /// Its address, or a reference clock's name.
    pub peer: Peer,
    /// What the selection made of it, by chronyd's own letter.
    pub letter: char,
    /// Between which offsets the true time lies by this source, in seconds.
    pub interval: (f64, f64),
}

/// A row of `chronyc -c authdata` about a symmetric key.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthData {
    /// Its address.
    pub peer: Peer,
    /// The symmetric key that packets are to be signed with.
    pub key: u32,
    /// Whether the host has that key.
    pub usable: bool,
}

/// What came of asking one source by a program of its own, without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whom.
    pub address: IpAddr,
    /// The host's own address on the way there; none when there is no way.
    pub from: Option<IpAddr>,
    /// Whether it gave the time; none when it could not be asked so.
    pub answered: Option<bool>,
}

/// Which test of [`NtpData::tests`] is which. From chrony's ntp_core.c.
const TESTS_OF_DELAY: [usize; 3] = [6, 7, 8];
const TEST_LOOP: usize = 9;

impl Evidence {
    /// chrony before 4.3 does not name a source that never answered: the rows stand in the order of
    /// `servers`.
    pub(super) fn name_rows<'a>(&mut self, servers: impl Iterator<Item = &'a Peer>) {
        for (data, server) in self.ntpdata.iter_mut().zip(servers) {
            if data.peer == Peer::Name("[UNSPEC]".to_owned()) {
                data.peer = server.clone();
            }
        }
    }

    /// Reads the outputs of `chronyc -n -c ntpdata`, `selectdata`, `authdata` and of our queries.
    pub(super) fn parse(ntpdata: &str, selectdata: &str, authdata: &str, queries: &str) -> Self {
        Self {
            ntpdata: rows(ntpdata, NtpData::parse),
            selectdata: rows(selectdata, SelectData::parse),
            authdata: rows(authdata, AuthData::parse),
            queries: Query::parse_all(queries),
        }
    }
}

fn rows<T>(text: &str, parse: fn(&[&str]) -> Option<T>) -> Vec<T> {
    let columns = |line: &str| parse(&line.trim().split(',').collect::<Vec<_>>());
    text.lines().filter_map(columns).take(MOST_ROWS).collect()
}

impl NtpData {
    fn parse(columns: &[&str]) -> Option<Self> {
        // Behind the four counts chrony 4.6 has more, and versions before 4.3 have three.
        let &[peer, _, _, _, _, leap, .., _, _, _, _] = columns else { return None };
        let column = |number: usize| columns.get(number - 1).copied();
        let count = |number: usize| column(number)?.parse::<u32>().ok();
        let decimal = |at: usize| number(column(at)?);
        let bits = [column(24)?, column(25)?, column(26)?].concat();
        Some(Self {
            peer: Peer::parse(Some(peer).filter(|peer| !peer.is_empty())?),
            leap: Leap::parse(leap),
            root: (decimal(14)?, decimal(15)?),
            delay: decimal(20)?,
            tests: bits.chars().map(|bit| bit == '1').collect(),
            sent: count(31)?,
            received: count(32)?,
            valid: count(33)?,
            good: count(34),
        })
    }

    /// Whether the last valid reply failed this test. Without a valid reply there was none.
    pub fn fails(&self, test: usize) -> bool {
        self.valid > 0 && self.tests.get(test) == Some(&false)
    }

    /// Whether the replies show that the source follows this host.
    pub fn shows_loop(&self) -> bool {
        // Without a synchronised source the later tests are not made, and all count as failed.
        self.leap.is_synchronised() && self.fails(TEST_LOOP) && !self.shows_delay()
    }

    /// Whether the replies were on their way for too long.
    pub fn shows_delay(&self) -> bool {
        self.leap.is_synchronised() && TESTS_OF_DELAY.iter().any(|test| self.fails(*test))
    }

    /// How far the source may be from true time, in seconds.
    pub fn distance(&self) -> f64 {
        self.root.0 / 2.0 + self.root.1 + self.delay / 2.0
    }
}

impl SelectData {
    fn parse(columns: &[&str]) -> Option<Self> {
        let letter = single(columns.first()?)?;
        let peer = columns.get(1).filter(|peer| !peer.is_empty())?;
        let [.., low, high, _leap] = columns.get(..18)? else { return None };
        Some(Self { peer: Peer::parse(peer), letter, interval: (number(low)?, number(high)?) })
    }
}

/// The one character of `text`.
fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|c| c.is_ascii_graphic() && characters.next().is_none())
}

impl AuthData {
    fn parse(columns: &[&str]) -> Option<Self> {
        let &[peer, mode, key, _kind, length, ..] = columns else { return None };
        let length: u32 = length.parse().ok()?;
        let peer = Peer::parse(Some(peer).filter(|peer| !peer.is_empty() && mode == "SK")?);
        Some(Self { peer, key: key.parse().ok()?, usable: length > 0 })
    }
}

impl Query {
    /// Lines that begin with an address and `route` (what `ip route get` said) or `asked` (what
    /// `chronyd -Q` said).
    fn parse_all(text: &str) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for line in text.lines().take(MOST_ROWS) {
            let mut words = line.split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
                continue;
            };
            let address = address.to_canonical();
            let kind = words.next();
            if !all.iter().any(|query| query.address == address) {
                all.push(Self { address, from: None, answered: None });
            }
            let Some(query) = all.iter_mut().find(|query| query.address == address) else {
                continue;
            };
            match kind {
                Some("route") => {
                    let from = words.skip_while(|word| *word != "src").nth(1);
                    query.from = from.and_then(|word| word.parse().ok()).or(query.from);
                }
                Some("asked") if line.contains("System clock wrong by") => {
                    query.answered = Some(true);
                }
                // It comes in any case, but not where chronyd could not even start.
                Some("asked") if line.contains("chronyd exiting") => {
                    query.answered = query.answered.or(Some(false));
                }
                _ => {}
            }
        }
        all
    }
}
