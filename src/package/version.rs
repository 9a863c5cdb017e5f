//! Which of two versions is the later one, as the package's format has it.

use std::cmp::Ordering;

use rpm_version::Evr;

use super::{Comparison, Format};

/// Compares two versions as the format's own tools do. Whatever stands there is compared, also what no
/// tool would let pass as a version.
#[must_use]
pub fn compare(format: Format, one: &str, other: &str) -> Ordering {
    match format {
        Format::Deb => compare_deb(one, other),
        Format::Rpm => Evr::parse(one).cmp(&Evr::parse(other)),
    }
}

/// Whether a version is within a bound. RPM takes no notice of the release when the bound has none:
/// `4.1-3` is `= 4.1`.
pub(super) fn is_within(format: Format, version: &str, bound: &(Comparison, String)) -> bool {
    let (comparison, limit) = (bound.0, bound.1.as_str());
    let ordering = match (format, version.split_once('-'), limit.split_once('-')) {
        (Format::Rpm, Some((whole, _)), None) => compare(format, whole, limit),
        (Format::Rpm, None, Some((whole, _))) => compare(format, version, whole),
        _ => compare(format, version, limit),
    };
    match comparison {
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Equal => ordering.is_eq(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
        Comparison::Greater => ordering.is_gt(),
    }
}

/// Epoch, upstream version, revision (deb-version(7)). Our own, for debversion 0.5 takes `1a` for earlier
/// than `1a0`, where dpkg finds them equal.
fn compare_deb(one: &str, other: &str) -> Ordering {
    let (epoch_one, rest_one) = one.split_once(':').unwrap_or(("", one));
    let (epoch_other, rest_other) = other.split_once(':').unwrap_or(("", other));
    let (upstream_one, revision_one) = rest_one.rsplit_once('-').unwrap_or((rest_one, ""));
    let (upstream_other, revision_other) = rest_other.rsplit_once('-').unwrap_or((rest_other, ""));
    compare_part(epoch_one, epoch_other)
        .then_with(|| compare_part(upstream_one, upstream_other))
        .then_with(|| compare_part(revision_one, revision_other))
}

/// Words and numbers in turn: words sign by sign, numbers by what they count.
fn compare_part(mut one: &str, mut other: &str) -> Ordering {
    while !one.is_empty() || !other.is_empty() {
        let (word_one, rest_one) = split(one, |c| !c.is_ascii_digit());
        let (word_other, rest_other) = split(other, |c| !c.is_ascii_digit());
        let (number_one, rest_one) = split(rest_one, |c| c.is_ascii_digit());
        let (number_other, rest_other) = split(rest_other, |c| c.is_ascii_digit());
        let ordering = compare_words(word_one, word_other)
            .then_with(|| compare_numbers(number_one, number_other));
        if ordering.is_ne() {
            return ordering;
        }
        (one, other) = (rest_one, rest_other);
    }
    Ordering::Equal
}

/// What the text starts with, and the rest.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `~` sorts before the end, the end before letters, letters before all else.
fn compare_words(one: &str, other: &str) -> Ordering {
    let rank = |sign: Option<char>| match sign {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(letter) if letter.is_ascii_alphabetic() => (2, letter),
        Some(sign) => (3, sign),
    };
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        let pair = (one.next(), other.next());
        let ordering = rank(pair.0).cmp(&rank(pair.1));
        if ordering.is_ne() || pair == (None, None) {
            return ordering;
        }
    }
}

/// Numbers of any length: without leading zeros the longer one is greater.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
