//! How many hosts of a run may fail before it stops: `--max-fail`, and Ansible's `any_errors_fatal` and
//! `max_fail_percentage`.

use serde_json::Value;

use super::lookup::Lookup;
use crate::problem::Problem;

/// How many hosts may fail: as long as no more do, the run goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct FailurePolicy {
    most: Most,
    named: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Most {
    Hosts(usize),
    /// Of the hosts of the run.
    Percent(f64),
}

impl FailurePolicy {
    /// The policy that `--max-fail` gives: a number of hosts, or a percentage of the run's.
    ///
    /// # Errors
    /// It is neither; in words for the one who typed it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let most = match text.strip_suffix('%') {
            Some(number) => percent(number).map(Most::Percent),
            None => text.parse().ok().filter(|_| !text.starts_with('+')).map(Most::Hosts),
        };
        let most = most.ok_or("write a number of hosts, such as 2, or 0% to 100% of them")?;
        Ok(Self { most, named: format!("--max-fail {text}") })
    }

    /// The policy in the settings. As in Ansible, `any_errors_fatal` leaves no room for a percentage.
    pub(super) fn read(lookup: &Lookup<'_>) -> Result<Option<Self>, Problem> {
        if lookup.truth("any_errors_fatal")?.unwrap_or_default() {
            let named = "any_errors_fatal".to_owned();
            return Ok(Some(Self { most: Most::Hosts(0), named }));
        }
        let Some(entry) = lookup.entry("max_fail_percentage")? else { return Ok(None) };
        let number = match &entry.value {
            Value::String(text) => percent(text.trim().trim_end_matches('%')),
            Value::Number(number) => percent(&number.to_string()),
            _ => None,
        };
        let percent = number.ok_or_else(|| {
            entry.problem(&format!("{} is not a percentage within 0 to 100", entry.value))
        })?;
        let named = format!("max_fail_percentage {percent}");
        Ok(Some(Self { most: Most::Percent(percent), named }))
    }

    /// How many of so many hosts may fail. A percentage must be exceeded, as in Ansible: of ten hosts
    /// 20 % allow two.
    #[must_use]
    pub fn allows(&self, hosts: usize) -> usize {
        match self.most {
            Most::Hosts(number) => number,
            Most::Percent(percent) => {
                (0..=hosts).rev().find(|n| *n as f64 * 100.0 <= percent * hosts as f64).unwrap_or(0)
            }
        }
    }

    /// Its name, as whoever gave it knows it: `--max-fail 10%`, `any_errors_fatal`.
    #[must_use]
    pub fn named(&self) -> &str {
        &self.named
    }
}

/// `0` to `100`, without a sign.
fn percent(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = text.parse().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_number_of_hosts_or_a_percentage_that_must_be_exceeded() {
        for (text, hosts, allows) in [
            ("0", 10, 0),
            ("3", 10, 3),
            ("0%", 10, 0),
            ("20%", 10, 2),
            ("29.9%", 10, 2),
            ("30%", 10, 3),
            ("33%", 3, 0),
            ("50%", 5, 2),
            ("100%", 5, 5),
        ] {
            let policy = FailurePolicy::parse(text).unwrap();
            assert_eq!(policy.allows(hosts), allows, "{text} of {hosts}");
            assert_eq!(policy.named(), format!("--max-fail {text}"));
        }
        for text in ["", "-1", "+1", "two", "101%", "-5%", "1e1%", "%", "nan%", "1.5"] {
            assert!(FailurePolicy::parse(text).is_err(), "{text}");
        }
    }
}
