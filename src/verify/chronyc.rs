//! chronyc's machine-readable output: `LC_ALL=C chronyc -n -c [-m] COMMAND...`.
//!
//! Columns are those of chrony 2.4 to 4.8. Trailing columns that a later version adds are passed
//! over; a line with too few of them is kept as unreadable.

use super::clip;

mod rows;

pub use rows::{Activity, Peer, Source, SourceMode, SourceState, Sourcestats};

/// What chronyc answered to any of `tracking`, `sources`, `sourcestats` and `activity`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chronyc {
    /// The one row of `tracking`.
    pub tracking: Option<Tracking>,
    /// The rows of `sources`, in chronyd's order; sources whose name is not resolved have none.
    pub sources: Vec<Source>,
    /// The rows of `sourcestats`.
    pub sourcestats: Vec<Sourcestats>,
    /// The one row of `activity`.
    pub activity: Option<Activity>,
    /// The first refusal; `-m` repeats the same one for each command.
    pub refusal: Option<Refusal>,
    /// Lines that are none of these: the first eight, each cut to 200 characters.
    pub unreadable: Vec<String>,
}

/// How many unreadable lines are kept.
const KEPT_LINES: usize = 8;
/// More sources than these nobody has: further rows are left out.
pub(super) const MOST_ROWS: usize = 200;
/// How many characters of an unreadable line, or of a name, are kept.
const KEPT_CHARACTERS: usize = 200;

/// Why chronyc gave no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// chronyd does not answer: `506 Cannot talk to daemon`, `Could not open connection to daemon`.
    NoDaemon,
    /// `501 Not authorised` or `510 No command access from this host`.
    NotAuthorised,
    /// The host has no chronyc.
    Missing,
    /// Another of chronyc's 5xx answers.
    Other(u16),
}

/// The row of `chronyc -c tracking`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracking {
    /// The reference's ID: an IPv4 address, a hash of an IPv6 address, or a reference clock's name.
    pub reference_id: u32,
    /// The source that is followed; `None` when there is none, and under `local`.
    pub reference: Option<Peer>,
    /// Hops to a reference clock; 0 when not synchronised.
    pub stratum: u8,
    /// When the last measurement was taken in, seconds since 1970.
    pub reference_time: f64,
    /// What is left to correct, in seconds: positive when the system clock is behind.
    pub correction: f64,
    /// Offset at the last update, in seconds: positive when the clock was ahead.
    pub last_offset: f64,
    /// Long-term average of the offset, in seconds.
    pub rms_offset: f64,
    /// The clock's rate error without chronyd, in ppm.
    pub frequency: f64,
    /// Difference between the source's frequency and the one in use, in ppm.
    pub residual_frequency: f64,
    /// Error bound of the frequency, in ppm.
    pub skew: f64,
    /// Network delay to the stratum-1 clock and back, in seconds.
    pub root_delay: f64,
    /// Error that has gathered on the way from the stratum-1 clock, in seconds.
    pub root_dispersion: f64,
    /// Time between the last two updates, in seconds.
    pub update_interval: f64,
    /// The leap status.
    pub leap: Leap,
}

/// The leap status of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leap {
    /// Synchronised, no leap second ahead.
    Normal,
    /// Synchronised; a second will be inserted at the end of the day.
    Insert,
    /// Synchronised; a second will be left out at the end of the day.
    Delete,
    /// Not synchronised.
    NotSynchronised,
    /// A word that is not known here.
    Unknown,
}

/// `127.127.1.1`: chronyd serves its own clock, under the `local` directive.
const LOCAL_REFERENCE_ID: u32 = 0x7F7F_0101;
impl Chronyc {
    /// Reads the rows of any of the four commands, in any order. `-m` puts no mark between the
    /// commands' outputs, so each row is told by its shape.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if !read.take_row(line) {
                match Refusal::parse(line) {
                    Some(refusal) => read.refusal = read.refusal.or(Some(refusal)),
                    None if read.unreadable.len() < KEPT_LINES => {
                        read.unreadable.push(clip(line, KEPT_CHARACTERS));
                    }
                    None => {}
                }
            }
        }
        read
    }

    /// Whether `line` was one of the known rows.
    fn take_row(&mut self, line: &str) -> bool {
        let columns: Vec<&str> = line.split(',').collect();
        if let Some(row) = Source::parse(&columns) {
            push(&mut self.sources, row);
        } else if let Some(row) = Tracking::parse(&columns) {
            self.tracking = Some(row);
        } else if let Some(row) = Activity::parse(&columns) {
            self.activity = Some(row);
        } else if let Some(row) = Sourcestats::parse(&columns) {
            push(&mut self.sourcestats, row);
        } else {
            return false;
        }
        true
    }
}

/// A host must not fill our memory.
fn push<T>(rows: &mut Vec<T>, row: T) {
    if rows.len() < MOST_ROWS {
        rows.push(row);
    }
}

impl Refusal {
    fn parse(line: &str) -> Option<Self> {
        if line.contains("Could not open connection to daemon") {
            return Some(Self::NoDaemon);
        }
        let missing = ["chronyc: not found", "chronyc: command not found", "chronyc: No such file"];
        if missing.iter().any(|sign| line.contains(sign)) {
            return Some(Self::Missing);
        }
        let (code, _) = line.split_once(' ')?;
        match code.parse().ok()? {
            506 => Some(Self::NoDaemon),
            501 | 510 => Some(Self::NotAuthorised),
            code @ 500..=599 => Some(Self::Other(code)),
            _ => None,
        }
    }
}

impl Tracking {
    fn parse(columns: &[&str]) -> Option<Self> {
        let &[
            id,
            name,
            stratum,
            time,
            correction,
            last,
            rms,
            freq,
            resid,
            skew,
            delay,
            disp,
            interval,
            leap,
            ..,
        ] = columns
        else {
            return None;
        };
        if id.len() != 8 {
            return None;
        }
        let reference_id = u32::from_str_radix(id, 16).ok()?;
        let unnamed = reference_id == 0 || reference_id == LOCAL_REFERENCE_ID;
        let reference = match name {
            _ if unnamed => None,
            // A name is only missing for a reference clock with an unprintable ID.
            "" => Some(Peer::Name(id.to_owned())),
            name => Some(Peer::parse(name)),
        };
        Some(Self {
            reference_id,
            reference,
            stratum: stratum.parse().ok()?,
            reference_time: number(time)?,
            correction: number(correction)?,
            last_offset: number(last)?,
            rms_offset: number(rms)?,
            frequency: number(freq)?,
            residual_frequency: number(resid)?,
            skew: number(skew)?,
            root_delay: number(delay)?,
            root_dispersion: number(disp)?,
            update_interval: number(interval)?,
            leap: Leap::parse(leap),
        })
    }

    /// Whether chronyd serves its own clock, under the `local` directive.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.reference_id == LOCAL_REFERENCE_ID && self.leap.is_synchronised()
    }

    /// The source that the clock is synchronised to. Stratum 16 means "not synchronised" in NTP,
    /// and chronyd prints 0 for it.
    #[must_use]
    pub fn follows(&self) -> Option<&Peer> {
        let synchronised = self.leap.is_synchronised() && matches!(self.stratum, 1..=15);
        self.reference.as_ref().filter(|_| synchronised)
    }

    /// How far the clock can be from true time, in seconds: what is left to correct, the root
    /// dispersion and half the root delay.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.correction.abs() + self.root_dispersion.abs() + self.root_delay.abs() / 2.0
    }
}

impl Leap {
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "Normal" => Self::Normal,
            "Insert second" => Self::Insert,
            "Delete second" => Self::Delete,
            "Not synchronised" => Self::NotSynchronised,
            _ => Self::Unknown,
        }
    }

    /// Whether the clock is synchronised; an announced leap second does not change that.
    #[must_use]
    pub fn is_synchronised(self) -> bool {
        matches!(self, Self::Normal | Self::Insert | Self::Delete)
    }
}

/// A finite number: `nan` and `inf` are no measurements.
pub(super) fn number(column: &str) -> Option<f64> {
    column.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests;
