//! What is expected of a host's time, and what came of it.

use serde::{Deserialize, Serialize};

use super::cause::{self, Cause};
use super::timedatectl;

/// The largest clock error that passes when the user sets none, in seconds: Ceph's
/// `mon_clock_drift_allowed` and node-mixin's NodeClockSkewDetected use the same.
pub const DEFAULT_MAX_OFFSET: f64 = 0.05;

/// What a host's time is judged by.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Expectation {
    /// The host's part in the cluster.
    pub role: Role,
    /// The largest [`Verdict::bound`] that passes, in seconds.
    pub max_offset: f64,
    /// Waiting for an upstream, or for a source before it, is over: a source that could follow one
    /// but runs free passes.
    pub accept_local: bool,
    /// What the host follows must have answered within so many seconds: before that it was
    /// another, or had not been restarted. None: any answer that still counts will do.
    #[serde(default)]
    pub heard_within: Option<f64>,
}

/// A host's part in the cluster's time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It serves the cluster.
    Source {
        /// The servers it follows, as configured: addresses, names or pools. None: it runs free.
        upstreams: Vec<String>,
        /// The stratum of its `local` directive.
        local_stratum: u8,
    },
    /// It serves the cluster when those before it do not.
    Standby {
        /// The sources before it, by address or name: it follows one of them.
        sources: Vec<String>,
        /// The servers that all sources follow, as configured.
        upstreams: Vec<String>,
        /// The stratum of its `local` directive.
        local_stratum: u8,
    },
    /// It follows the cluster's source.
    Client {
        /// Addresses and names that mean the source.
        source: Vec<String>,
        /// Those that it follows while the source is silent, in order.
        #[serde(default)]
        standbys: Vec<String>,
    },
}

/// One of a few words. (By this name serde does not take it for a part of the text that it reads.)
type Word = &'static str;

/// What came of one reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The judgement.
    pub state: State,
    /// The host's stratum, when chronyd is synchronised or serves its own clock.
    pub stratum: Option<u8>,
    /// What the host follows: an address, a reference clock's name, or `local`.
    pub reference: Option<String>,
    /// The clock's offset in seconds: positive when it is ahead of its reference. None under
    /// `local`, where there is nothing to compare with.
    pub offset: Option<f64>,
    /// How far the clock can be from true time, in seconds: |offset| + root dispersion + root
    /// delay / 2. None where there is no offset.
    pub bound: Option<f64>,
    /// The kernel's flag by timedatectl: `yes`, `no` or `n/a`.
    #[serde(deserialize_with = "timedatectl::read_word")]
    pub timedatectl: Word,
    /// Why it does not pass; None when it does.
    #[serde(serialize_with = "cause::tell")]
    pub cause: Option<Cause>,
    /// What may become a trouble, on a host that was examined.
    #[serde(serialize_with = "cause::tell_all")]
    pub warnings: Vec<Cause>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// The judgement on a host's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It follows what it should, within the threshold.
    Synchronised,
    /// A source that runs free: the cluster agrees with itself, not with UTC.
    Local,
    /// chronyd follows what it should, within the threshold, but runs with `-x`: it does not steer
    /// this host's clock.
    Unsteered,
    /// The kernel's flag says that the clock is synchronised, and nobody can be asked by what: the
    /// host has a chronyd without chronyc.
    FlagOnly,
    /// Not yet; waiting can help.
    Waiting,
    /// No; waiting does not help.
    Failed,
    /// chronyd may not run here: the clock belongs to the container's host.
    NotOurClock,
}

impl State {
    /// Whether the host's time is as it should be.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Synchronised | Self::Local | Self::Unsteered | Self::FlagOnly)
    }

    /// Whether another reading can be left out. At the deadline a state that is not final counts
    /// as failed.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_waiting_state_is_read_again_and_four_states_pass() {
        for (state, passes, is_final) in [
            (State::Synchronised, true, true),
            (State::Local, true, true),
            (State::Unsteered, true, true),
            (State::FlagOnly, true, true),
            (State::Waiting, false, false),
            (State::Failed, false, true),
            (State::NotOurClock, false, true),
        ] {
            assert_eq!((state.passes(), state.is_final()), (passes, is_final), "{state:?}");
        }
    }
}
