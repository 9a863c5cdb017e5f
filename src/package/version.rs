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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Debian versions, each earlier than the next.
    const DEB: &str = "0~~ 0~ 0 0+ 1~~a 1~ 1~beta1~svn1245 1~beta1 1 1a 1a0.1 1b 1+dfsg-1 1.0~rc1 1.0~rc1.1 \
         1.0-0+deb12u1 1.0-1~bpo12+1 1.0-1 1.0-1ubuntu0.1 1.0-1ubuntu1 1.0-1+b1 1.0-1+b10 1.0-1+deb12u1 \
         1.0-1.1 1.0-2 1.0-10 1.0a-1 1.0+-1 1.0+b 1.0.0-1 1.2-1-1 1.2-1-2 1.2.3 1.2.03a 1.10 10 00011 \
         99999999999999999999 100000000000000000000 1:0~ 1:0 1:0.9-1 2:0 10:0";

    /// Versions of RPM, each earlier than the next.
    const RPM: &str = "0~ 0 1.0~rc1-1 1.0~rc1^git1-1 1.0~rc2-1 1.0-1 1.0-1.el8 1.0-1.el9 1.0-1.el9_4.2 1.0-1.el10 1.0-2 \
         1.0-10 1.0^-1 1.0^20240101-1 1.0^20240102-1 1.0a-1 1.0.1~a-1 1.0.1-1 1.0.1^a-1 1.1-1 1.1a-1 1.1b-1 \
         1.1.1-1 1.10-1 10-1 99999999999999999999-1 100000000000000000000-1 1:0.1-1 2:0-1 10:0-1";

    /// Pairs that count as the same.
    const SAME: &[(Format, &str, &str)] = &[
        (Format::Deb, "1", "1-0"),
        (Format::Deb, "1a", "1a0"),
        (Format::Deb, "1.", "1.0"),
        (Format::Deb, "0:1.02", "1.2"),
        (Format::Deb, "", "0"),
        (Format::Rpm, "0:1.0-1", "1.0-1"),
        (Format::Rpm, "1.01-1", "1.1-1"),
        (Format::Rpm, "1_0-1", "1.0-1"),
        (Format::Rpm, "1.1.a-1", "1.1a-1"),
        (Format::Rpm, "1.0.-1", "1.0-1"),
    ];

    #[test]
    fn versions_follow_each_other() {
        for (format, sorted) in [(Format::Deb, DEB), (Format::Rpm, RPM)] {
            let sorted = || sorted.split_whitespace().enumerate();
            for (place, one) in sorted() {
                for (other_place, other) in sorted() {
                    let found = compare(format, one, other);
                    assert_eq!(found, place.cmp(&other_place), "{one} and {other}");
                }
            }
        }
        for (format, one, other) in SAME {
            assert_eq!(compare(*format, one, other), Ordering::Equal, "{one} and {other}");
        }
    }

    /// dpkg itself is asked where there is one.
    #[test]
    fn dpkg_agrees() {
        let asked = |one: &str, sign: &str, other: &str| {
            let status =
                Command::new("dpkg").args(["--compare-versions", one, sign, other]).status();
            status.ok().map(|status| status.success())
        };
        if asked("1", "lt", "2").is_none() {
            return;
        }
        for (place, one) in DEB.split_whitespace().enumerate() {
            for other in DEB.split_whitespace().skip(place + 1) {
                assert_eq!(asked(one, "lt", other), Some(true), "{one} and {other}");
            }
        }
        for (_, one, other) in
            SAME.iter().filter(|(format, one, _)| *format == Format::Deb && !one.is_empty())
        {
            assert_eq!(asked(one, "eq", other), Some(true), "{one} and {other}");
        }
    }

    #[test]
    fn bounds_without_a_release_take_any() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        for (format, version, comparison, limit, expected) in [
            (Format::Rpm, "4.1-3", Equal, "4.1", true),
            (Format::Rpm, "4.1-3", Greater, "4.1", false),
            (Format::Rpm, "4.1-3", LessOrEqual, "4.1", true),
            (Format::Rpm, "4.1", Equal, "4.1-3", true),
            (Format::Rpm, "4.1-3", Equal, "4.1-4", false),
            (Format::Rpm, "1:4.1-3", GreaterOrEqual, "5", true),
            (Format::Deb, "4.1-3", Equal, "4.1", false),
            (Format::Deb, "4.1-3", Greater, "4.1", true),
            (Format::Deb, "4.1-3", Less, "4.1-3", false),
            (Format::Deb, "4.1-3", LessOrEqual, "4.1-3", true),
        ] {
            let bound = (comparison, limit.to_owned());
            assert_eq!(is_within(format, version, &bound), expected, "{version} {bound:?}");
        }
    }
}
