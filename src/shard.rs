//! Which part of a cluster's hosts a run sees to, where several runs side by side share them.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A part of a cluster's hosts. Which hosts it has depends on the inventory alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Shard {
    /// The hosts that give the cluster its time: the first wave.
    Sources,
    /// One of several equal parts of all other hosts.
    Clients {
        /// Which one, from 1.
        number: NonZeroU32,
        /// How many there are: `number` is at most this.
        of: NonZeroU32,
    },
}

impl Shard {
    /// The shard that `--shard` gives: `sources`, or `2/4` for the second of four.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<NonZeroU32>().ok().filter(|_| is_plain)
        };
        let clients = |(first, last)| {
            let (number, of) = (number(first)?, number(last)?);
            (number <= of).then_some(Self::Clients { number, of })
        };
        match text {
            "sources" => Some(Self::Sources),
            _ => text.split_once('/').and_then(clients),
        }
        .ok_or_else(|| {
            Problem::new("this is no shard")
                .hint("write `sources`, or K/N with K from 1 to N, such as 2/4")
        })
    }

    /// Its name in a path: `sources`, `2-of-4`.
    #[must_use]
    pub fn file_name(self) -> String {
        match self {
            Self::Sources => self.to_string(),
            Self::Clients { number, of } => format!("{number}-of-{of}"),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sources => f.write_str("sources"),
            Self::Clients { number, of } => write!(f, "{number}/{of}"),
        }
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_the_sources_or_one_of_several() {
        for text in ["sources", "1/1", "4/4", "2/1000"] {
            assert_eq!(Shard::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "x",
            "/",
            "1/",
            "/4",
            "0/4",
            "5/4",
            "0/0",
            "-1/4",
            "+1/4",
            "1/4/4",
            " 1/4",
            "1",
            "1.0/4",
            "Sources",
            "1/99999999999",
        ] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
        assert_eq!(Shard::parse("2/4").unwrap().file_name(), "2-of-4");
    }
}
