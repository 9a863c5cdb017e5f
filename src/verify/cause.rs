//! Why a host's time is not as it should be: each cause by name, with the numbers that prove it.
//!
//! The words for the reader are made from these in `words.rs`, and nowhere else.

use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};

use super::clock::Measure;
use super::silence::Silence;

/// Why a host does not pass, or what may become a trouble where it does.
///
/// As JSON: the name in snake_case as `code`, the fields, and the words as `what` and `next`. The codes
/// stay as they are from version to version; docs/verdicts.md lists them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
#[allow(missing_docs, reason = "the variants' own comments say what their fields are")]
pub enum Cause {
    /// chronyd may not steer the clock: it belongs to the container's host.
    ContainerClock,
    /// There is no chrony on the host.
    NotInstalled,
    /// There is a chronyd, but no chronyc to ask it with.
    ChronycMissing { unit: String },
    /// The service manager passed the unit over: a start condition is not met.
    DaemonSkipped { unit: String },
    /// The unit is masked.
    DaemonMasked { unit: String },
    /// The unit does not run.
    DaemonDown { unit: String },
    /// The unit failed since another chronyd was there already.
    AnotherChronyd { unit: String },
    /// The unit failed. `said`: the daemon's own last word.
    DaemonFailed {
        unit: String,
        said: Option<String>,
        /// systemd starts it no more for a while: it was started too often within seconds.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        limited: bool,
    },
    /// The unit is on its way up or down.
    DaemonStarting { unit: String },
    /// chronyd gives chronyc no answer. `runs`: the service manager says that it runs.
    DaemonSilent { unit: String, runs: bool },
    /// chronyd refuses to answer chronyc.
    NotAuthorised,
    /// chronyc says that something is wrong with what it was asked: its number.
    Refused { answer: u16 },
    /// chronyc's answer has another shape than is known.
    Unreadable,
    /// Other time daemons run beside chronyd, or in its place.
    SecondDaemon { daemons: Vec<String> },
    /// A client serves a `local` clock of its own.
    FreeRunningClient,
    /// The source's `local` clock has another stratum than is configured.
    WrongLocalStratum { found: u8, wanted: u8 },
    /// A source without upstreams that does not serve its `local` clock.
    /// `sources`: how many chronyd has, though none is configured here.
    NotServing { sources: usize },
    /// The host follows another source.
    WrongReference { found: String, wanted: String },
    /// A source without upstreams follows something.
    UnexpectedUpstream { found: String },
    /// chronyd has no source at all.
    NoSources,
    /// chronyd has sources, but not the wanted one.
    SourceAbsent { wanted: String },
    /// chronyd has no address for the source's name. `address`: what it means on this host by now.
    Unresolved {
        wanted: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
    },
    /// chronyd's sources are switched off.
    Offline { sources: u32 },
    /// The sources disagree.
    Disagreement { sources: Vec<Offer> },
    /// The source does not answer.
    NoReply(Silence),
    /// The source does not answer this host, for its `allow` does not cover the address.
    Denied(Silence),
    /// The source answers nothing that is signed with this host's key.
    KeyMismatch(Silence),
    /// The host's key file lacks the key that its configuration names.
    KeyMissing { wanted: String, key: u32 },
    /// No request leaves the host.
    CannotSend(Silence),
    /// The source does not answer since chronyd does not run there.
    SourceDown(Silence),
    /// The source answers, but is not synchronised itself.
    SourceUnsynchronised { wanted: String, replies: Option<u32> },
    /// The source follows this host, so this host cannot follow the source.
    Loop { wanted: String, replies: Option<u32> },
    /// The replies were on their way for too long: seconds, where chronyd says it.
    Delay { wanted: String, delay: Option<f64> },
    /// The replies vary too much.
    TooVariable { wanted: String },
    /// Fewer sources can be used than `minsources` asks for.
    MinSources { wanted: String, usable: usize },
    /// The source's root distance is above `maxdistance`: seconds, where chronyd says it.
    MaxDistance { wanted: String, distance: Option<f64> },
    /// The source could be used, but chronyd has not selected it; by its own letter, if known.
    NotSelected { wanted: String, letter: Option<char> },
    /// There have not been enough samples yet.
    Measuring { wanted: String },
    /// The clock is still being corrected: seconds. `steered`: not only in chronyd's own reckoning,
    /// as with `-x`.
    Slewing { correction: f64, allowed: f64, steered: bool },
    /// chronyd's log says that something else moves the clock too.
    Interference,
    /// A hypervisor's helper sets the clock.
    HypervisorTime { by: String },
    /// Other time daemons that do not run now will after the next boot.
    SecondDaemonAtBoot { daemons: Vec<String> },
    /// Without `rtcsync` the kernel's flag stays at no.
    RtcsyncMissing,
    /// chronyd cannot keep what it has learnt of the clock; its own words.
    DriftNotKept { said: String },
    /// Of the last requests some were not answered.
    LostReplies { source: String, lost: u32, asked: u32 },
    /// The clock's own speed is far off, in parts per million.
    LargeFrequency { ppm: f64 },
    /// The clock is right as far as is known, but not known well enough: seconds.
    BoundTooLarge { bound: f64, delay: f64, dispersion: f64, allowed: f64 },
    /// chronyc is content, but the kernel's flag says no.
    KernelFlag,
    /// The clock was set from the controller's, and is another nevertheless.
    ClockNotSet { ahead: Measure },
    /// The daemon is content, but as read from here the clock is another than the source's.
    ClockDiffers { source: String, ahead: Measure },
}

/// What one of several sources says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Its address, or a reference clock's name.
    pub source: String,
    /// How far this host's clock is ahead of it, in seconds.
    pub offset: f64,
}

/// What the reader is told of a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// The evidence, in one sentence without a full stop.
    pub what: String,
    /// The next step, in the same form.
    pub next: String,
}

/// A cause with its words.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    cause: &'a Cause,
    #[serde(flatten)]
    words: Words,
}

impl<'a> From<&'a Cause> for Told<'a> {
    fn from(cause: &'a Cause) -> Self {
        Self { cause, words: cause.words() }
    }
}

/// How a verdict's cause is written.
pub(super) fn tell<S: Serializer>(cause: &Option<Cause>, to: S) -> Result<S::Ok, S::Error> {
    cause.as_ref().map(Told::from).serialize(to)
}

/// How a verdict's warnings are written.
pub(super) fn tell_all<S: Serializer>(causes: &[Cause], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(causes.iter().map(Told::from))
}
