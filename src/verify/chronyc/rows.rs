//! The rows about sources: of `sources`, `sourcestats` and `activity`.

use std::fmt;
use std::net::IpAddr;

use super::{KEPT_CHARACTERS, number};
use crate::verify::clip;

/// What chronyd names as a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// An NTP server.
    Address(IpAddr),
    /// A reference clock's name (`PPS0`), or whatever else is no address.
    Name(String),
}

/// A row of `chronyc -c sources`.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The kind of source.
    pub mode: SourceMode,
    /// What the selection made of it.
    pub state: SourceState,
    /// Its address, or a reference clock's name.
    pub peer: Peer,
    /// Its stratum; 0 before the first accepted reply.
    pub stratum: u8,
    /// The polling interval as a power of two, in seconds.
    pub poll: i8,
    /// The last eight polls as bits, the newest lowest; 0 when none was answered.
    pub reach: u16,
    /// Seconds since the last accepted sample.
    pub last_sample: Option<u32>,
    /// Offset of the last sample, with the corrections since, in seconds; positive when ahead.
    pub offset: f64,
    /// Offset of the last sample as measured, in seconds.
    pub measured: f64,
    /// Error bound of the last sample, in seconds.
    pub error: f64,
}

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceMode {
    /// `^`
    Server,
    /// `=`
    Peer,
    /// `#`: a clock of the host's own.
    ReferenceClock,
}

/// What the selection made of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// `*`: followed.
    Selected,
    /// `+`: combined with the selected one.
    Combined,
    /// `-`: could be used, but is not combined.
    NotCombined,
    /// `?`: no reply, or none that can be used.
    Unusable,
    /// `x`: disagrees with the others.
    Falseticker,
    /// `~`: varies too much.
    TooVariable,
    /// Another letter.
    Unknown,
}

/// A row of `chronyc -c sourcestats`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourcestats {
    /// The source's address, or a reference clock's name.
    pub peer: Peer,
    /// How many samples are retained.
    pub samples: u32,
    /// How many runs of residuals have the same sign.
    pub runs: u32,
    /// Time between the oldest and the newest sample, in seconds.
    pub span: u32,
    /// Estimated frequency against the source, in ppm.
    pub frequency: f64,
    /// Error bound of the frequency, in ppm.
    pub skew: f64,
    /// Estimated offset, in seconds.
    pub offset: f64,
    /// Standard deviation of the samples, in seconds.
    pub deviation: f64,
}

/// The row of `chronyc -c activity`: how many sources are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Polled.
    pub online: u32,
    /// Not polled.
    pub offline: u32,
    /// In a burst, online after it.
    pub burst_online: u32,
    /// In a burst, offline after it.
    pub burst_offline: u32,
    /// Whose name is not resolved.
    pub unresolved: u32,
}

/// chronyc's "never", the highest number it can print there.
const NEVER: u32 = u32::MAX;

impl Peer {
    pub(in crate::verify) fn parse(text: &str) -> Self {
        match text.parse::<IpAddr>() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(clip(text, KEPT_CHARACTERS)),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Source {
    pub(super) fn parse(columns: &[&str]) -> Option<Self> {
        let &[mode, state, peer, stratum, poll, reach, last, offset, measured, error, ..] = columns
        else {
            return None;
        };
        Some(Self {
            mode: match mode {
                "^" => SourceMode::Server,
                "=" => SourceMode::Peer,
                "#" => SourceMode::ReferenceClock,
                _ => return None,
            },
            state: match state {
                "*" => SourceState::Selected,
                "+" => SourceState::Combined,
                "-" => SourceState::NotCombined,
                "?" => SourceState::Unusable,
                "x" => SourceState::Falseticker,
                "~" => SourceState::TooVariable,
                _ => SourceState::Unknown,
            },
            peer: Peer::parse(peer),
            stratum: stratum.parse().ok()?,
            poll: poll.parse().ok()?,
            reach: u16::from_str_radix(reach, 8).ok()?,
            last_sample: Some(last.parse().ok()?).filter(|seconds| *seconds != NEVER),
            offset: number(offset)?,
            measured: number(measured)?,
            error: number(error)?,
        })
    }
}

impl Source {
    /// How often it is asked, in seconds.
    #[must_use]
    pub fn interval(&self) -> f64 {
        2.0_f64.powi(i32::from(self.poll))
    }

    /// Whether it has been silent for longer than lost answers explain. Its reach is 0 only after
    /// eight polls in vain. Two answers may be lost on the way; after three intervals it is silent.
    /// The age alone does not tell: with `filter` one sample is taken of several answers.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let silent = self.last_sample.map_or(f64::INFINITY, f64::from);
        self.reach & 0b111 == 0 && silent > 3.0 * self.interval() + 2.0
    }
}

impl Sourcestats {
    pub(super) fn parse(columns: &[&str]) -> Option<Self> {
        let &[peer, samples, runs, span, frequency, skew, offset, deviation, ..] = columns else {
            return None;
        };
        Some(Self {
            peer: Peer::parse(Some(peer).filter(|peer| !peer.is_empty())?),
            samples: samples.parse().ok()?,
            runs: runs.parse().ok()?,
            span: span.parse().ok()?,
            frequency: number(frequency)?,
            skew: number(skew)?,
            offset: number(offset)?,
            deviation: number(deviation)?,
        })
    }
}

impl Activity {
    pub(super) fn parse(columns: &[&str]) -> Option<Self> {
        let &[online, offline, burst_online, burst_offline, unresolved, ..] = columns else {
            return None;
        };
        Some(Self {
            online: online.parse().ok()?,
            offline: offline.parse().ok()?,
            burst_online: burst_online.parse().ok()?,
            burst_offline: burst_offline.parse().ok()?,
            unresolved: unresolved.parse().ok()?,
        })
    }

    /// Whether no source is configured at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        [self.online, self.offline, self.burst_online, self.burst_offline, self.unresolved]
            .iter()
            .all(|count| *count == 0)
    }

    /// How many are not polled, or not any more after the burst that they are in.
    #[must_use]
    pub fn switched_off(self) -> u32 {
        self.offline.saturating_add(self.burst_offline)
    }

    /// Whether there are sources, and none of them will be polled again by itself.
    #[must_use]
    pub fn all_offline(self) -> bool {
        // A bursting source is not counted as online.
        self.switched_off() > 0 && self.online == 0 && self.burst_online == 0
    }
}
