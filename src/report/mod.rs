//! The report: what came of a run, as text, as JSON and as a file that is kept.
//!
//! Everything is made from one type, [`Run`]. How the results came about is not known here.

mod archive;
mod changes;
mod clocks;
mod closing;
mod counts;
mod error;
mod group;
mod last;
mod merge;
mod paint;
mod status;
mod stopped;
mod table;
mod text;
mod troubles;
mod units;
mod visits;

use std::io::{self, BufWriter, Write};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use archive::{archive, own_folder, shards, state_folder};
pub use counts::Counts;
pub use error::error;
pub use last::{Last, last};
pub use merge::{Document, Merged, merge};
pub use text::{Look, print, print_text, text};
pub use visits::{Report, Visits, execs, pings};

use crate::exit::Exit;
use crate::fleet::{Agreement, HostResult, Mode, Outcome, Spent, Timebase};
use crate::sanitise::{SafeJson, sanitise_json};
use crate::shard::Shard;

/// What came of a run: the data of every report.
///
/// As JSON ([`Run::to_json`]; [`error`] is of a run without a result) it has these keys, which stay as they are from version to version:
///
/// | key | value |
/// |---|---|
/// | `ezsync` | version of the program |
/// | `cluster` | the cluster's name |
/// | `shard` | in a run of one part of the cluster: `sources`, or `2/4` |
/// | `mode` | `setup`, `check`, `verify`, `doctor`, `status`, `rollback` or `rollback_check` |
/// | `started` | when the run began, RFC 3339 in UTC |
/// | `seconds` | how long it took |
/// | `interrupted` | whether it was interrupted |
/// | `exit` | the exit code, see [`Exit`] |
/// | `hosts` | one [`HostResult`] each, in the inventory's order |
/// | `clocks` | the hosts' clocks as read from here: `agree`, `spread` (`ahead`, `behind`, `seconds`, `uncertainty`), `controller` (how far they are ahead of this machine's: `seconds`, `uncertainty`) |
/// | `max_offset`, `set_clock` | what they were held against: how far two may be apart, in seconds; whether the source's was to be set from here |
/// | `timebase` | the controller's time that they were read in, so that runs of one machine can be compared: `clock` (which one it goes by), `epoch` (what it was when that stood at 0), `uncertainty` |
/// | `max_fail` | where more hosts failed than the failure policy allows: `policy` (its name), `allows`, `failed` (the hosts) |
/// | `recap` | for each host's name: `ok`, `changed`, `unreachable`, `failed`, `held_back` |
///
/// A host has `host`, `address`, `part` (`source`, `standby`, `client`; `node` in a rollback), `outcome` (`state`: `ok`,
/// `unreachable`, `failed`, `interrupted`; with `trouble`: `what`, `next`, `log`, and
/// `held_back` where others kept it from being changed), `left_as` (where the run was stopped at once and the host
/// had not ended: `changing`, `changed`, `staging`, `unchanged`), `facts`,
/// `plan` (`changes`, `unchanged`), `applied`, `synchronised_after`, `verdict` (`state`, `stratum`,
/// `reference`, `offset`, `bound`, `timedatectl`, `cause`, `warnings`, `notes`), `clock` (`before` and `after` the
/// run: `seconds` ahead of the controller's, `uncertainty`, `at` which time of the controller it was read), `back` in a rollback
/// (`from` and `to`, each as `change` below), `drift` (a list of what somebody else has changed:
/// `thing`: `path`, `unit`, `package` or `timezone`; `name`, `differs`, `since`: `change`, `at`, `by`; `diff`),
/// `status` in a status (`change` that made it as it is, and `changes` that can be gone back from: `number`, `at`,
/// `by`, `ezsync`, `cluster`, `run` (the same on all hosts of a run); `desired` and `actual`, equal where all is as wanted; `would_change`, `unfinished`,
/// `lock`: `by`, `age`, `alive`), `notes`, `execs` and `seconds`. Texts
/// that came from hosts are as they were sent: JSON escapes control characters itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// The program's version.
    pub ezsync: String,
    /// The cluster's name.
    pub cluster: String,
    /// The part of it that the run saw to; none: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// How far the run was to go.
    pub mode: Mode,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// The exit code.
    exit: u8,
    /// What came of each host.
    pub hosts: Vec<HostResult>,
    /// Their clocks against each other.
    pub clocks: Option<Agreement>,
    /// How far two of them may be apart, in seconds, where the run held them against each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_offset: Option<f64>,
    /// Whether the source's clock was to be set from the controller's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_clock: bool,
    /// The controller's time that they were read in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timebase: Option<Timebase>,
    /// The failure policy, where more hosts failed than it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fail: Option<Spent>,
    /// The counts of each host, by its name.
    pub recap: IndexMap<String, Counts>,
}

impl Run {
    /// The run of `hosts` in `cluster`, which took `seconds`. `interrupted`: the user ended it.
    #[must_use]
    pub fn new(
        cluster: &str,
        mode: Mode,
        started: Timestamp,
        seconds: f64,
        interrupted: bool,
        hosts: Vec<HostResult>,
    ) -> Self {
        let recap = hosts.iter().map(|host| (host.host.clone(), Counts::of(host, mode))).collect();
        let ezsync = env!("CARGO_PKG_VERSION").to_owned();
        let cluster = cluster.to_owned();
        let exit = 0;
        let mut run = Self {
            ezsync,
            cluster,
            shard: None,
            mode,
            started,
            seconds,
            interrupted,
            exit,
            hosts,
            clocks: None,
            max_offset: None,
            set_clock: false,
            timebase: None,
            max_fail: None,
            recap,
        };
        run.exit = run.exit().code();
        run
    }

    /// The exit code of the run: interrupted, else failed, else unreachable, else fine.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let outcomes = self.hosts.iter().map(|host| &host.outcome);
        match exit(self.interrupted, outcomes) {
            // A look that finds something has not failed; whoever asks wants to know it all the same.
            Exit::Ok | Exit::Unreachable if status::finds_something(self) => Exit::HostFailed,
            exit => exit,
        }
    }

    /// Writes the run as one JSON document with a line end, safe to print: hosts have a say in it. It is never held
    /// as a whole: many hosts would make it long.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_json(&self, to: impl Write) -> io::Result<()> {
        let mut to = BufWriter::with_capacity(PIECE, SafeJson::new(to));
        serde_json::to_writer_pretty(&mut to, self)?;
        to.write_all(b"\n")?;
        to.flush()
    }

    /// The same as a text.
    ///
    /// # Errors
    /// Never for a `Run` as it is: the type of serialisation leaves the possibility open.
    pub fn to_json(&self) -> io::Result<String> {
        let mut text = Vec::new();
        self.write_json(&mut text)?;
        String::from_utf8(text).map_err(io::Error::other)
    }
}

/// A long document is written so many bytes at a time.
const PIECE: usize = 64 * 1024;

/// `value` as one JSON document with a line end, safe to print: hosts have a say in it.
fn document(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|json| sanitise_json(json) + "\n")
}

/// The exit code of a run whose hosts ended with these `outcomes`.
fn exit<'a>(interrupted: bool, outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Exit {
    let any = |wanted: fn(&Outcome) -> bool| outcomes.clone().any(wanted);
    if interrupted || any(|outcome| matches!(outcome, Outcome::Interrupted)) {
        Exit::Interrupted
    } else if any(|outcome| matches!(outcome, Outcome::Failed(_))) {
        Exit::HostFailed
    } else if any(|outcome| matches!(outcome, Outcome::Unreachable(_))) {
        Exit::Unreachable
    } else {
        Exit::Ok
    }
}
