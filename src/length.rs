//! Lengths of time in words and as they are typed, and sizes in words.

use std::ops::RangeInclusive;

/// A year in seconds, as people count it who read how far a clock was off.
const YEAR: f64 = 365.0 * DAY;
const DAY: f64 = 24.0 * HOUR;
const HOUR: f64 = 3600.0;
const MINUTE: f64 = 60.0;

/// A length of time in seconds with two to three digits and a fitting unit: `430 µs`, `1.2 ms`.
#[must_use]
pub fn seconds(value: f64) -> String {
    let size = value.abs();
    for (unit, factor) in [("ns", 1e9), ("µs", 1e6), ("ms", 1e3)] {
        let scaled = size * factor;
        // Below 9.95 two digits are shown; from 999.5 on it would round to 1000.
        if scaled < 9.95 && unit != "ns" {
            return format!("{scaled:.1} {unit}");
        }
        if scaled < 999.5 {
            return format!("{scaled:.0} {unit}");
        }
    }
    format!("{size:.1} s")
}

/// A size in bytes with a fitting unit of thousands: `812 kB`, `1.4 MB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    for (unit, factor) in [("GB", 1_000_000_000), ("MB", 1_000_000)] {
        // Rounded up to tenths: from 999.95 on it is one of the next unit.
        let tenths = size.div_ceil(factor / 10);
        if tenths >= 10 && size >= factor - factor / 1000 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    match size {
        0..1000 => format!("{size} bytes"),
        _ => format!("{} kB", size.div_ceil(1000)),
    }
}

/// A length of time that somebody typed, in seconds: `0.05`, `50ms`, `10us`, `1s`.
///
/// # Errors
/// It is no number, not more than zero, or has another unit; in words for the one who typed it.
pub fn parse(text: &str) -> Result<f64, &'static str> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0), ("", 1.0)];
    let number = |(unit, factor): (&str, f64)| {
        // `inf`, `nan` and `1e3` are numbers to Rust, and to nobody who types a length.
        let digits = text.strip_suffix(unit)?.trim_end();
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        plain.then(|| digits.parse::<f64>().ok())?.map(|number| number * factor)
    };
    if let Some(length) = units.into_iter().find_map(number) {
        return positive(length);
    }
    match text.strip_prefix('-').map(parse) {
        Some(Ok(size)) => positive(-size),
        _ => Err("write seconds, such as 0.05, or 50ms or 10us"),
    }
}

/// A length of time that must be one.
///
/// # Errors
/// It is not more than zero.
pub fn positive(seconds: f64) -> Result<f64, &'static str> {
    let is_one = seconds > 0.0 && seconds.is_finite();
    if is_one { Ok(seconds) } else { Err("it must be more than 0 seconds") }
}

/// A number of whole seconds within `range` that somebody typed: `5`, `5s`.
///
/// # Errors
/// It is none, or not within `range`; in words for the one who typed it.
pub fn whole(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let digits = text.strip_suffix('s').unwrap_or(text).trim_end();
    let number = digits.parse().ok().filter(|_| !digits.starts_with('+'));
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        format!("write whole seconds, such as 5, from {} to {}", range.start(), range.end())
    })
}

/// [`seconds`] with its sign: `+12 µs`, `-1.2 ms`.
#[must_use]
pub fn signed_seconds(value: f64) -> String {
    sign(value) + &seconds(value)
}

/// The two largest units of what may be years: `3.1 s`, `2 min 5 s`, `1 y 12 d`.
#[must_use]
pub fn rough(value: f64) -> String {
    let size = value.abs();
    // Below 59.95 the rounded number stays below a minute.
    if size < 59.95 {
        return seconds(value);
    }
    let whole = size.round();
    let units = [("y", YEAR), ("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1.0)];
    let mut two = units.into_iter().zip(units.into_iter().skip(1));
    let Some(((large, many), (small, few))) = two.find(|((_, length), _)| whole >= *length) else {
        return seconds(value);
    };
    let first = (whole / many).floor();
    let second = ((whole - first * many) / few).floor();
    format!("{first:.0} {large} {second:.0} {small}")
}

/// [`rough`] with its sign.
#[must_use]
pub fn signed_rough(value: f64) -> String {
    sign(value) + &rough(value)
}

/// In words and, where these are rough, in seconds too: `1 y 12 d (32,572,800.1 s)`.
#[must_use]
pub fn exact(value: f64) -> String {
    if value.abs() < 59.95 {
        return seconds(value);
    }
    let text = format!("{:.1}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, "0"));
    let mut grouped = String::new();
    for (number, digit) in whole.chars().enumerate() {
        if number > 0 && (whole.len() - number).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{} ({grouped}.{rest} s)", rough(value))
}

fn sign(value: f64) -> String {
    (if value < 0.0 { '-' } else { '+' }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_a_fitting_unit() {
        for (value, text) in [
            (0.0, "+0 ns"),
            (12e-9, "+12 ns"),
            (999.6e-9, "+1.0 µs"),
            (-1.24e-6, "-1.2 µs"),
            (9.96e-6, "+10 µs"),
            (430e-6, "+430 µs"),
            (0.9996, "+1.0 s"),
            (-0.0123, "-12 ms"),
            (3600.0, "+3600.0 s"),
        ] {
            assert_eq!(signed_seconds(value), text, "{value}");
        }
    }

    #[test]
    fn what_people_type_is_read_and_nonsense_is_not() {
        for (text, seconds) in [
            ("0.05", 0.05),
            ("50ms", 0.05),
            ("10us", 1e-5),
            ("10 µs", 1e-5),
            ("2s", 2.0),
            (".5", 0.5),
        ] {
            assert!((parse(text).unwrap() - seconds).abs() < 1e-12, "{text}");
        }
        for text in
            ["", "0", "0ms", "-1", "ms", "1.2.3", "inf", "NaN", "1e-3", "5m", "1h", "0x1", "."]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_seconds_may_have_their_unit() {
        for (text, seconds) in [("5", Some(5)), ("5s", Some(5)), ("10 s", Some(10))] {
            assert_eq!(whole(text, 1..=10).ok(), seconds, "{text}");
        }
        for text in ["", "s", "0", "11", "-1", "+5", "5ms", "1.5", "soon", "99999999999"] {
            assert!(whole(text, 1..=10).is_err(), "{text}");
        }
    }

    #[test]
    fn years_are_told_in_words_and_in_seconds() {
        for (value, short, whole) in [
            (-0.0123, "-12 ms", "12 ms"),
            (59.9, "+59.9 s", "59.9 s"),
            (59.96, "+1 min 0 s", "1 min 0 s (60.0 s)"),
            (-3600.24, "-1 h 0 min", "1 h 0 min (3,600.2 s)"),
            (999.0, "+16 min 39 s", "16 min 39 s (999.0 s)"),
            (86_399.0, "+23 h 59 min", "23 h 59 min (86,399.0 s)"),
            (-32_572_800.1, "-1 y 12 d", "1 y 12 d (32,572,800.1 s)"),
        ] {
            assert_eq!(signed_rough(value), short);
            assert_eq!(exact(value), whole);
        }
    }
}
