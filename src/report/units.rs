//! Numbers with units, and the width of text.

use unicode_width::UnicodeWidthStr;

pub(super) use crate::length::{seconds, signed_rough, signed_seconds};

/// The columns that `text` takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// How long a run took: `3.2 s`, `2 min 5 s`.
pub(super) fn duration(value: f64) -> String {
    // Below 59.95 the rounded number stays below a minute.
    if value < 59.95 {
        return format!("{value:.1} s");
    }
    let minutes = (value.round() / 60.0).floor();
    format!("{minutes:.0} min {:.0} s", value.round() - minutes * 60.0)
}

/// `1 change`, `2 changes`, `no changes`.
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// `text` in at most `limit` columns, the middle left out: names differ at their ends.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    let head = fitting(text.chars(), room / 2);
    let tail = fitting(text.chars().rev(), room - room / 2);
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

/// The first of `chars` that fit into `room` columns.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut taken = String::new();
    for c in chars {
        taken.push(c);
        if width(&taken) > room {
            taken.pop();
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_turn_to_minutes() {
        for (value, text) in
            [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (125.4, "2 min 5 s")]
        {
            assert_eq!(duration(value), text, "{value}");
        }
    }

    #[test]
    fn the_middle_is_left_out() {
        for (text, limit, wanted) in [
            ("node1", 5, "node1"),
            ("node-0001.example.org", 11, "node-…e.org"),
            ("日本語日本語", 7, "日…語"),
            ("日本語日本語", 8, "日…本語"),
            ("long", 1, "…"),
        ] {
            let short = shorten(text, limit);
            assert!(width(&short) <= limit, "{short}");
            if limit != 8 {
                assert_eq!(short, wanted);
            }
        }
    }
}
