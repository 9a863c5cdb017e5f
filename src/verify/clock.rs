//! A host's clock held against the controller's: a check that trusts no daemon.
//!
//! The controller notes when it asks a host for its time and when the answer has come. The host read
//! its clock somewhere in between, so how far it is from the controller's is known within bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::length::{exact, seconds};

/// How fast two clocks drift apart that nobody corrects, in seconds a second: crystals are off by up to
/// 50 ppm each. What was read a while ago is less sure now.
const DRIFT: f64 = 1e-4;

/// A length of time, and how far it may be from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The length in seconds.
    pub seconds: f64,
    /// The truth is at most so many seconds away.
    pub uncertainty: f64,
}

impl Measure {
    /// Whether it is for certain more than `limit` seconds, forward or back.
    #[must_use]
    pub fn exceeds(self, limit: f64) -> bool {
        self.seconds.abs() - self.uncertainty > limit
    }

    /// In words, without its direction: `3.1 s ± 1.2 ms`.
    #[must_use]
    pub fn words(self) -> String {
        format!("{} ± {}", exact(self.seconds), seconds(self.uncertainty))
    }

    /// In words: `3.1 s ± 1.2 ms ahead of`, or `behind`.
    #[must_use]
    pub fn of(self) -> String {
        let word = if self.seconds < 0.0 { "behind" } else { "ahead of" };
        format!("{} {word}", self.words())
    }
}

/// By how much a host's clock is ahead of the controller's (negative: behind), within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClockOffset {
    #[serde(flatten)]
    ahead: Measure,
    /// When it was read, in the controller's time: seconds since 1970.
    at: f64,
}

/// The time as a host has printed it.
#[derive(Clone, Copy)]
struct Printed {
    /// Seconds since 1970.
    whole: i64,
    /// The rest of a second.
    fraction: f64,
    /// It may be later by less than this, in seconds.
    step: f64,
}

impl Printed {
    fn parse(printed: &str) -> Option<Self> {
        let (whole, fraction) = printed.trim().split_once('.').unwrap_or((printed.trim(), ""));
        let whole = whole.parse().ok()?;
        // busybox's date may know no fractions and print `%N`.
        let digits = fraction.len();
        let known = (1..=9).contains(&digits) && fraction.bytes().all(|byte| byte.is_ascii_digit());
        let step = if known { 0.1_f64.powi(i32::try_from(digits).ok()?) } else { 1.0 };
        let fraction = if known { fraction.parse::<f64>().ok()? * step } else { 0.0 };
        Some(Self { whole, fraction, step })
    }

    /// How far it is ahead of `here`, in seconds. Whole ones first: a float holds no nanoseconds beside the
    /// seconds of fifty years.
    fn ahead_of(self, here: Duration) -> Option<f64> {
        let seconds = self.whole.checked_sub(i64::try_from(here.as_secs()).ok()?)?;
        #[allow(clippy::cast_precision_loss, reason = "a million years fit")]
        let seconds = seconds as f64;
        Some(seconds + self.fraction - f64::from(here.subsec_nanos()) * 1e-9)
    }
}

impl ClockOffset {
    /// One that is `low` seconds ahead at least and `high` at most, as read at the controller's time `at`.
    fn within(low: f64, high: f64, at: f64) -> Self {
        let seconds = f64::midpoint(low, high);
        Self { ahead: Measure { seconds, uncertainty: (high - low) / 2.0 }, at }
    }

    fn low(self) -> f64 {
        self.ahead.seconds - self.ahead.uncertainty
    }

    fn high(self) -> f64 {
        self.ahead.seconds + self.ahead.uncertainty
    }

    /// From what a host prints as its time: seconds since 1970, with a fraction where its `date` has
    /// one. It was asked at `sent` and its answer was here at `received`, both in the controller's time
    /// since 1970. None when the host printed something else.
    #[must_use]
    pub fn read(printed: &str, sent: Duration, received: Duration) -> Option<Self> {
        Self::around([printed; 2], sent, received)
    }

    /// The same from the times at the begin and at the end of a longer answer: what lies in between says
    /// nothing of the clock, and counts for nothing.
    #[must_use]
    pub fn around(printed: [&str; 2], sent: Duration, received: Duration) -> Option<Self> {
        let [first, last] = printed.map(Printed::parse);
        let (first, last) = (first?, last?);
        let (low, high) = (last.ahead_of(received)?, first.ahead_of(sent)? + first.step);
        (low <= high).then(|| Self::within(low, high, received.as_secs_f64()))
    }

    /// What this and a `newer` reading say together. Where they cannot both be right the clock was
    /// set in between, and the newer one holds.
    #[must_use]
    pub fn refined(self, newer: Self) -> Self {
        let drift = (newer.at - self.at).abs() * DRIFT;
        let (low, high) =
            (newer.low().max(self.low() - drift), newer.high().min(self.high() + drift));
        if low <= high { Self::within(low, high, newer.at) } else { newer }
    }

    /// What holds for this clock and for `other`'s.
    #[must_use]
    pub fn widened(self, other: Self) -> Self {
        Self::within(self.low().min(other.low()), self.high().max(other.high()), self.at)
    }

    /// How far the clock is ahead of the controller's.
    #[must_use]
    pub fn measure(self) -> Measure {
        self.ahead
    }

    /// The same reading told in the time of another controller, which this one's is `ahead` of.
    #[must_use]
    pub fn told_in(self, ahead: Measure) -> Self {
        let seconds = self.ahead.seconds + ahead.seconds;
        let uncertainty = self.ahead.uncertainty + ahead.uncertainty;
        Self { ahead: Measure { seconds, uncertainty }, at: self.at - ahead.seconds }
    }

    /// When it was read: seconds since 1970, in the controller's time.
    #[must_use]
    pub fn at(self) -> f64 {
        self.at
    }

    /// How far the clock is ahead of `other`, which is another host's, or its own at another time.
    #[must_use]
    pub fn ahead_of(self, other: Self) -> Measure {
        let (own, others) = (self.measure(), other.measure());
        let drift = (self.at - other.at).abs() * DRIFT;
        Measure {
            seconds: own.seconds - others.seconds,
            uncertainty: own.uncertainty + others.uncertainty + drift,
        }
    }
}

/// What was read of one host's clock in a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Before anything was changed: how far it was ahead of the controller's.
    pub before: ClockOffset,
    /// The same at the end.
    pub after: ClockOffset,
}

impl Clock {
    /// A clock that was read once.
    #[must_use]
    pub fn new(read: ClockOffset) -> Self {
        Self { before: read, after: read }
    }

    /// How far it was set forward in between; negative: back.
    #[must_use]
    pub fn moved(self) -> Measure {
        self.after.ahead_of(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs(1_700_000_000) + Duration::from_secs_f64(seconds)
    }

    fn near(measure: Measure, seconds: f64, uncertainty: f64) {
        let close = |a: f64, b: f64| (a - b).abs() < 2e-6;
        assert!(
            close(measure.seconds, seconds) && close(measure.uncertainty, uncertainty),
            "{measure:?} is not {seconds} ± {uncertainty}"
        );
    }

    #[test]
    fn a_reading_lies_between_the_question_and_the_answer() {
        for (printed, sent, received, seconds, uncertainty) in [
            ("1700000000.500000000\n", 0.499, 0.503, -0.001, 0.002),
            ("1700000003.600000000", 0.0, 0.2, 3.5, 0.1),
            ("1542233600.25", 0.25, 0.25, -157_766_400.0 + 0.005, 0.005),
            // Whole seconds: the clock may be up to one second further.
            ("1700000002", 0.0, 0.0, 2.5, 0.5),
            ("1700000002.%N", 0.0, 0.2, 2.4, 0.6),
            ("-1.0", 0.0, 0.0, -1_700_000_001.0 + 0.05, 0.05),
        ] {
            let offset = ClockOffset::read(printed, at(sent), at(received)).unwrap();
            near(offset.measure(), seconds, uncertainty);
        }
        for printed in ["", "%s.%N", "date: not found", "1e9", "99999999999999999999", "12:30"] {
            assert_eq!(ClockOffset::read(printed, at(0.0), at(0.1)), None, "{printed}");
        }
        // Two seconds of probing in between; the way takes 0.1 s.
        let around = ["1700000003.05", "1700000005.05"];
        let offset = ClockOffset::around(around, at(0.0), at(2.1)).unwrap();
        near(offset.measure(), 3.005, 0.055);
        assert_eq!(ClockOffset::around(["1700000003.05", ""], at(0.0), at(2.1)), None);
        // An answer before the question is none.
        assert_eq!(ClockOffset::read("1700000000.5", at(3.0), at(0.0)), None);
    }

    fn offset(low: f64, high: f64, at: f64) -> ClockOffset {
        ClockOffset::within(low, high, at)
    }

    #[test]
    fn readings_narrow_each_other_until_the_clock_is_set() {
        let first = offset(-0.002, 0.002, 0.0);
        near(first.refined(offset(0.001, 0.009, 0.0)).measure(), 0.0015, 0.0005);
        near(first.refined(offset(-1.0, 1.0, 0.0)).measure(), 0.0, 0.002);
        // A clock may have drifted by 1 ms in 10 s.
        near(first.refined(offset(0.0025, 0.009, 10.0)).measure(), 0.00275, 0.00025);
        near(first.refined(offset(3.0, 3.2, 0.5)).measure(), 3.1, 0.1);
    }

    #[test]
    fn what_is_uncertain_of_two_clocks_adds_up() {
        let (one, other) = (offset(3.0, 3.002, 5.0), offset(-0.1, 0.1, 15.0));
        near(one.ahead_of(other), 3.001, 0.102);
        near(Clock { before: one, after: other }.moved(), -3.001, 0.102);
        assert!(one.ahead_of(other).exceeds(2.8) && !one.ahead_of(other).exceeds(2.95));
        assert!(other.ahead_of(one).exceeds(2.8));
        assert_eq!(other.ahead_of(one).of(), "3.0 s ± 102 ms behind");
    }

    #[test]
    fn numbers_in_the_document() {
        let clock = Clock::new(offset(1.0, 2.0, 5.0));
        let json = serde_json::to_value(clock).unwrap();
        assert_eq!(
            json["before"],
            serde_json::json!({"seconds": 1.5, "uncertainty": 0.5, "at": 5.0})
        );
        assert_eq!(json["before"], json["after"]);
    }
}
