//! timedatectl's output: `show` (systemd 239 and later) and the four generations of its human form.

use serde::{Deserialize, Deserializer, de};

use super::clip;

/// What timedatectl says of the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timedatectl {
    /// Whether it answered at all.
    pub answer: Answer,
    /// The kernel's flag: up to systemd 242 "STA_UNSYNC is clear", from 243 "maxerror is below
    /// 16 s". A correction of up to 16 s can still be under way while it is true.
    pub synchronized: Option<bool>,
    /// The network time service that systemd knows of. Informational only: it misses units that
    /// were installed by hand.
    pub ntp_service: Option<NtpService>,
    /// The time zone's name, such as `Europe/Berlin`.
    pub timezone: Option<String>,
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

/// The state of the network time service that systemd knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NtpService {
    /// It is enabled (up to systemd 234) or runs (235 and later).
    Active,
    /// It is there, but neither enabled nor running.
    Inactive,
    /// systemd knows of none.
    Unavailable,
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

/// Time zone names are far shorter; a longer one is not a name.
const LONGEST_TIMEZONE: usize = 64;

impl Timedatectl {
    /// Reads the output of `timedatectl show -p NTPSynchronized -p NTP -p CanNTP -p Timezone`, of
    /// plain `timedatectl`, or of both in a row. Unknown lines are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        let mut ntp = None;
        let mut can_ntp = None;
        for line in text.lines() {
            if let Some((key, value)) = line.trim().split_once('=') {
                match key {
                    "NTPSynchronized" => read.synchronized = yes_no(value),
                    "NTP" => ntp = yes_no(value),
                    "CanNTP" => can_ntp = yes_no(value),
                    "Timezone" => read.timezone = timezone(value),
                    _ => {}
                }
            } else if let Some((key, value)) = line.trim().split_once(": ") {
                let value = value.trim();
                match key {
                    "NTP synchronized" | "System clock synchronized" => {
                        read.synchronized = yes_no(value);
                    }
                    "NTP enabled"
                    | "Network time on"
                    | "systemd-timesyncd.service active"
                    | "NTP service" => read.ntp_service = ntp_service(value),
                    "Time zone" | "Timezone" => read.timezone = timezone(value),
                    _ => {}
                }
            }
        }
        match (can_ntp, ntp) {
            (Some(false), _) => read.ntp_service = Some(NtpService::Unavailable),
            (_, Some(true)) => read.ntp_service = Some(NtpService::Active),
            (_, Some(false)) => read.ntp_service = Some(NtpService::Inactive),
            _ => {}
        }
        read.answer =
            if read.synchronized.is_some() || read.ntp_service.is_some() || read.timezone.is_some()
            {
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

fn ntp_service(value: &str) -> Option<NtpService> {
    match value {
        "yes" | "active" => Some(NtpService::Active),
        "no" | "inactive" => Some(NtpService::Inactive),
        "n/a" => Some(NtpService::Unavailable),
        _ => None,
    }
}

/// The name out of `Europe/Berlin` or `Europe/Berlin (CEST, +0200)`.
fn timezone(value: &str) -> Option<String> {
    let name = value.split_whitespace().next().filter(|name| *name != "n/a")?;
    Some(clip(name, LONGEST_TIMEZONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(
        synchronized: Option<bool>,
        ntp_service: Option<NtpService>,
        timezone: &str,
    ) -> Timedatectl {
        let timezone = Some(timezone.to_owned());
        Timedatectl { answer: Answer::Given, synchronized, ntp_service, timezone }
    }

    #[test]
    fn reads_show() {
        for (text, wanted) in [
            (
                "Timezone=Etc/UTC\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n",
                given(Some(true), Some(NtpService::Active), "Etc/UTC"),
            ),
            // The lines come in the order that was asked for, and a tty adds carriage returns.
            (
                "NTPSynchronized=no\r\nNTP=no\r\nCanNTP=yes\r\nTimezone=Europe/Berlin\r\n",
                given(Some(false), Some(NtpService::Inactive), "Europe/Berlin"),
            ),
            (
                "NTPSynchronized=no\nNTP=no\nCanNTP=no\nTimezone=UTC\n",
                given(Some(false), Some(NtpService::Unavailable), "UTC"),
            ),
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
                given(Some(true), Some(NtpService::Unavailable), "UTC"),
            ),
            (
                "195-219, with the DST change's lines",
                "        Timezone: Europe/Prague (CEST, +0200)\n     NTP enabled: yes\nNTP synchronized: no\n      DST active: yes\n Last DST change: DST began at\n                  Sun 2013-03-31 01:59:59 CET\n",
                given(Some(false), Some(NtpService::Active), "Europe/Prague"),
            ),
            (
                "220-234",
                "       Time zone: Etc/UTC (UTC, +0000)\n Network time on: yes\nNTP synchronized: no\n RTC in local TZ: no\n",
                given(Some(false), Some(NtpService::Active), "Etc/UTC"),
            ),
            (
                "235-238",
                "                       Time zone: Asia/Tokyo (JST, +0900)\n       System clock synchronized: yes\nsystemd-timesyncd.service active: no\n                 RTC in local TZ: no\n",
                given(Some(true), Some(NtpService::Inactive), "Asia/Tokyo"),
            ),
            (
                "239+",
                "                Time zone: Europe/Berlin (CEST, +0200)\nSystem clock synchronized: no\n              NTP service: active\n          RTC in local TZ: no\n",
                given(Some(false), Some(NtpService::Active), "Europe/Berlin"),
            ),
            (
                "239+, no service",
                "                Time zone: n/a (n/a)\n                Time zone: UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: n/a\n",
                given(Some(true), Some(NtpService::Unavailable), "UTC"),
            ),
            (
                "show is refused, the human form follows",
                "Unknown operation show.\n       Time zone: UTC (UTC, +0000)\n Network time on: no\nNTP synchronized: yes\n",
                given(Some(true), Some(NtpService::Inactive), "UTC"),
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
