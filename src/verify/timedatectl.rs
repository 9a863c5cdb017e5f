//! timedatectl's output: `show` (systemd 239 and later) and the four generations of its human form.

use serde::{Deserialize, Deserializer, de};

/// What timedatectl says of the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timedatectl {
    /// Whether it answered at all.
    pub answer: Answer,
    /// The kernel's flag: up to systemd 242 "STA_UNSYNC is clear", from 243 "maxerror is below
    /// 16 s". A correction of up to 16 s can still be under way while it is true.
    pub synchronized: Option<bool>,
}

/// Whether timedatectl answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answer {
    /// At least one line could be read.
    Given,
    /// There is no systemd to ask, or it said nothing.
    #[default]
    NoSystemd,
    /// It said something, but nothing that is known here.
    Unreadable,
}

/// How a host without systemd's bus, or without timedatectl, says so.
const NO_SYSTEMD: [&str; 6] = [
    "Failed to connect to bus",
    "Failed to create bus connection",
    "Failed to get D-Bus connection",
    "not been booted with systemd",
    "timedatectl: not found",
    "timedatectl: command not found",
];

impl Timedatectl {
    /// Reads the output of `timedatectl show -p NTPSynchronized`, of plain `timedatectl`, or of both in a
    /// row. Lines of other things are passed over, but show that it answered.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        let mut answered = false;
        for line in text.lines() {
            let line = line.trim();
            let Some((key, value)) = line.split_once('=').or_else(|| line.split_once(": ")) else {
                continue;
            };
            match key {
                "NTPSynchronized" | "NTP synchronized" | "System clock synchronized" => {
                    read.synchronized = yes_no(value.trim());
                    answered |= read.synchronized.is_some();
                }
                "NTP enabled"
                | "Network time on"
                | "systemd-timesyncd.service active"
                | "NTP service"
                | "Time zone"
                | "Timezone" => answered = true,
                _ => {}
            }
        }
        read.answer = if answered {
            Answer::Given
        } else if text.trim().is_empty() || NO_SYSTEMD.iter().any(|sign| text.contains(sign)) {
            Answer::NoSystemd
        } else {
            Answer::Unreadable
        };
        read
    }

    /// The kernel's flag as one short word: `yes`, `no` or `n/a`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.synchronized {
            Some(true) => "yes",
            Some(false) => "no",
            None => "n/a",
        }
    }
}

/// Reads what [`Timedatectl::word`] has written.
pub(super) fn read_word<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let text = String::deserialize(from)?;
    let word = ["yes", "no", "n/a"].into_iter().find(|word| *word == text);
    word.ok_or_else(|| de::Error::custom(format!("`{text}` is neither yes, no nor n/a")))
}

fn yes_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(synchronized: Option<bool>) -> Timedatectl {
        Timedatectl { answer: Answer::Given, synchronized }
    }

    #[test]
    fn reads_show() {
        for (text, wanted) in [
            ("NTPSynchronized=yes\n", given(Some(true))),
            ("Timezone=Etc/UTC\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n", given(Some(true))),
            // The lines come in the order that was asked for, and a tty adds carriage returns.
            (
                "NTPSynchronized=no\r\nNTP=no\r\nCanNTP=yes\r\nTimezone=Europe/Berlin\r\n",
                given(Some(false)),
            ),
            ("NTPSynchronized=no\nNTP=no\nCanNTP=no\nTimezone=UTC\n", given(Some(false))),
        ] {
            assert_eq!(Timedatectl::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn reads_all_four_generations() {
        for (systemd, text, wanted) in [
            (
                "195-219",
                "      Local time: Mon 2023-08-20 05:45:51 UTC\n       Time zone: UTC (UTC, +0000)\n     NTP enabled: n/a\nNTP synchronized: yes\n RTC in local TZ: no\n      DST active: n/a\n",
                given(Some(true)),
            ),
            (
                "195-219, with the DST change's lines",
                "        Timezone: Europe/Prague (CEST, +0200)\n     NTP enabled: yes\nNTP synchronized: no\n      DST active: yes\n Last DST change: DST began at\n                  Sun 2013-03-31 01:59:59 CET\n",
                given(Some(false)),
            ),
            (
                "220-234",
                "       Time zone: Etc/UTC (UTC, +0000)\n Network time on: yes\nNTP synchronized: no\n RTC in local TZ: no\n",
                given(Some(false)),
            ),
            (
                "235-238",
                "                       Time zone: Asia/Tokyo (JST, +0900)\n       System clock synchronized: yes\nsystemd-timesyncd.service active: no\n                 RTC in local TZ: no\n",
                given(Some(true)),
            ),
            (
                "239+",
                "                Time zone: Europe/Berlin (CEST, +0200)\nSystem clock synchronized: no\n              NTP service: active\n          RTC in local TZ: no\n",
                given(Some(false)),
            ),
            (
                "239+, no service",
                "                Time zone: n/a (n/a)\n                Time zone: UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: n/a\n",
                given(Some(true)),
            ),
            (
                "show is refused, the human form follows",
                "Unknown operation show.\n       Time zone: UTC (UTC, +0000)\n Network time on: no\nNTP synchronized: yes\n",
                given(Some(true)),
            ),
        ] {
            assert_eq!(Timedatectl::parse(text), wanted, "{systemd}");
        }
    }

    #[test]
    fn a_host_without_systemd_is_an_answer() {
        for text in [
            "",
            "\n",
            "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
            "sh: 1: timedatectl: not found\n",
            "bash: timedatectl: command not found\n",
        ] {
            let read = Timedatectl::parse(text);
            assert_eq!(read, Timedatectl::default(), "{text}");
            assert_eq!(read.word(), "n/a");
        }
    }

    #[test]
    fn an_unknown_text_is_unreadable() {
        for text in ["Failed to query server: Connection timed out", "NTPSynchronized=maybe", "\0"]
        {
            let read = Timedatectl::parse(text);
            assert_eq!((read.answer, read.word()), (Answer::Unreadable, "n/a"), "{text}");
        }
    }
}
