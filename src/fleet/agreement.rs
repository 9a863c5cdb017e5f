//! The hosts' clocks held against each other, whatever their daemons say.

use serde::{Deserialize, Serialize};

use super::result::{HostResult, Outcome};
use super::watch::outcome;
use super::{Mode, Part};
use crate::length::{exact, seconds};
use crate::verify::{Cause, ClockOffset, Measure, State};

/// From here on a clock is said to be set, below to be moved: chronyd steps what is more (`makestep 1.0 3`),
/// and slews what is less.
pub(super) const STEP: f64 = 1.0;

/// What the clocks of all hosts are together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Whether nothing speaks against it that all hosts have the same time, within the threshold.
    pub agree: bool,
    /// The two clocks that are furthest apart; none when only one host was read.
    pub spread: Option<Spread>,
    /// How far they are ahead of the controller's clock: the source's is, or all of them when they agree.
    pub controller: Option<Measure>,
}

/// Two clocks that differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The host whose clock is ahead.
    pub ahead: String,
    /// The host whose clock is behind.
    pub behind: String,
    /// By how much.
    #[serde(flatten)]
    pub by: Measure,
}

/// What the clocks are held against.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How far the run went.
    pub mode: Mode,
    /// How far two clocks may be apart, in seconds.
    pub max_offset: f64,
    /// Whether the source's clock was to be set from the controller's.
    pub set_clock: bool,
}

/// Holds the clocks of all `hosts` of a run against each other. Hosts that passed by what their daemons
/// say, but whose clocks are for certain more than `max_offset` seconds from that of the source in
/// charge, fail; other differences are noted. None when no host's clock was read.
pub fn agree(hosts: &mut [HostResult], terms: Terms) -> Option<Agreement> {
    for host in hosts.iter_mut() {
        let is_source = host.part == Part::Source;
        note_moved(host, is_source && terms.set_clock, terms.max_offset);
        if is_source {
            hold_against_controller(host, terms);
            if terms.mode == Mode::Check && terms.set_clock {
                note_right(host, terms.max_offset);
            }
        }
    }
    agree_together(hosts, terms)
}

/// The same for the `hosts` of several runs, each of which has held its own against each other: what is left is
/// what they are together. All clocks are told from one controller's time.
pub fn agree_together(hosts: &mut [HostResult], terms: Terms) -> Option<Agreement> {
    let Terms { mode, max_offset, set_clock } = terms;
    if mode == Mode::Check {
        warn_of_steps(hosts, set_clock);
    }
    let lead = lead(hosts);
    match &lead {
        _ if mode == Mode::Check => {}
        Some(lead) => {
            for host in hosts.iter_mut() {
                hold_against(host, lead, terms);
            }
        }
        None => hold_against_each_other(hosts, terms),
    }
    let read = hosts.iter().filter_map(|host| Some((host.host.as_str(), latest(host)?)));
    let spread = spread(&read.clone().collect::<Vec<_>>());
    let agree = spread.as_ref().is_none_or(|spread| !spread.by.exceeds(max_offset));
    let (_, first) = read.clone().next()?;
    let all = read.fold(first, |all, (_, clock)| all.widened(clock));
    let source = hosts.iter().find(|host| host.part == Part::Source).and_then(latest);
    let controller = match source {
        Some(clock) => Some(clock.measure()),
        None => agree.then(|| all.measure()),
    };
    Some(Agreement { agree, spread, controller })
}

/// The clock that the others follow.
struct Lead {
    host: String,
    clock: ClockOffset,
    /// What its daemon knows to be wrong with it and may still take off, in seconds.
    under_way: f64,
}

/// The first of the sources that has passed: one that has lost its time leads nobody.
fn lead(hosts: &[HostResult]) -> Option<Lead> {
    hosts.iter().filter(|host| host.part != Part::Client && host.outcome == Outcome::Ok).find_map(
        |host| {
            let under_way = host.verdict.as_ref().and_then(|verdict| verdict.offset);
            Some(Lead {
                host: host.host.clone(),
                clock: latest(host)?,
                under_way: under_way.map_or(0.0, f64::abs),
            })
        },
    )
}

fn latest(host: &HostResult) -> Option<ClockOffset> {
    host.clock.map(|clock| clock.after)
}

/// The clocks that are furthest apart.
fn spread(clocks: &[(&str, ClockOffset)]) -> Option<Spread> {
    let by = |a: &&(&str, ClockOffset), b: &&(&str, ClockOffset)| {
        a.1.measure().seconds.total_cmp(&b.1.measure().seconds)
    };
    let (ahead, behind) = (clocks.iter().max_by(by)?, clocks.iter().min_by(by)?);
    (clocks.len() > 1).then(|| Spread {
        ahead: ahead.0.to_owned(),
        behind: behind.0.to_owned(),
        by: ahead.1.ahead_of(behind.1),
    })
}

/// Says by how much a clock was set in this run, `from_here` or by its daemon.
fn note_moved(host: &mut HostResult, from_here: bool, max_offset: f64) {
    let Some(clock) = host.clock.filter(|clock| clock.moved().exceeds(max_offset)) else { return };
    let moved = clock.moved().seconds;
    let word = if moved.abs() < STEP && !from_here { "moved" } else { "set" };
    let way = if moved < 0.0 { "back" } else { "forward" };
    let mut note = format!("its clock was {word} {way} by {}", exact(moved));
    if from_here {
        let of = clock.after.measure().of();
        note += &format!(" from this controller's, and is now {of} it (at {})", time(clock.after));
    }
    host.notes.push(note);
}

/// Says by how much setup would step the clocks of hosts that are to follow the source: what is more
/// than a second off is stepped when chronyd starts. The source's own clock may be set before that.
fn warn_of_steps(hosts: &mut [HostResult], from_here: bool) {
    let source = hosts.iter().find(|host| host.part == Part::Source);
    let Some((source, clock)) = source.and_then(|host| Some((host.host.clone(), latest(host)?)))
    else {
        return;
    };
    for host in hosts.iter_mut().filter(|host| host.part != Part::Source) {
        // A daemon that goes on as it is steps nothing, unless its source is set.
        if host.plan.is_empty() && !from_here {
            continue;
        }
        let Some(read) = latest(host) else { continue };
        let (ahead, whose) = match from_here {
            true => (read.measure(), "this controller's".to_owned()),
            false => (read.ahead_of(clock), format!("that of the source {source}")),
        };
        if ahead.exceeds(STEP) {
            let way = if ahead.seconds > 0.0 { "back" } else { "forward" };
            let by = exact(ahead.seconds);
            let note = format!("setup would set its clock {way} by {by} to {whose}");
            // The run that had the source among its hosts has said so.
            if !host.notes.contains(&note) {
                host.notes.push(note);
            }
        }
    }
}

/// Says that the clock of a source that was to be set from here, in a check, is right as it is: the plan says it of
/// one that is not.
fn note_right(source: &mut HostResult, max_offset: f64) {
    if source.plan.changes.iter().any(|change| change.work.sets_clock()) {
        return;
    }
    if let Some(ahead) =
        latest(source).map(ClockOffset::measure).filter(|it| !it.exceeds(max_offset))
    {
        let (of, allowed) = (ahead.of(), seconds(max_offset));
        source.notes.push(format!(
            "setup would not set its clock: it is {of} this controller's, and {allowed} are allowed"
        ));
    }
}

/// The controller's time when `clock` was read.
fn time(clock: ClockOffset) -> String {
    // Whole seconds will do, and no controller's clock is beyond what a timestamp holds.
    #[allow(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let time = jiff::Timestamp::from_second(clock.at() as i64).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Fails a source whose clock was to be set from here, and is not. Otherwise nobody knows which clock is
/// right, and the difference is noted.
fn hold_against_controller(source: &mut HostResult, terms: Terms) {
    let Some(ahead) = latest(source).map(ClockOffset::measure) else { return };
    if !ahead.exceeds(terms.max_offset) {
        return;
    }
    if terms.set_clock && terms.mode == Mode::Setup {
        fail(source, Cause::ClockNotSet { ahead }, terms.mode);
    } else {
        let free = source.verdict.as_ref().is_some_and(|verdict| verdict.state == State::Local);
        let hint = if free { "; `ezsync setup --set-clock` would set it from here" } else { "" };
        let of = ahead.of();
        source
            .notes
            .push(format!("its clock is {of} this controller's: either may be wrong{hint}"));
    }
}

/// Fails a host whose daemon is content and whose clock is not that of `lead`.
fn hold_against(host: &mut HostResult, lead: &Lead, terms: Terms) {
    let Some(ahead) = latest(host).map(|clock| clock.ahead_of(lead.clock)) else { return };
    if host.host != lead.host && ahead.exceeds(terms.max_offset + lead.under_way) {
        fail(host, Cause::ClockDiffers { source: lead.host.clone(), ahead }, terms.mode);
    }
}

/// Fails hosts whose daemons are content and whose clocks are not those of most others. Each may be
/// off by `max_offset`.
fn hold_against_each_other(hosts: &mut [HostResult], terms: Terms) {
    let content = hosts.iter().filter(|host| host.outcome == Outcome::Ok && host.verdict.is_some());
    let clocks: Vec<(String, ClockOffset)> =
        content.filter_map(|host| Some((host.host.clone(), latest(host)?))).collect();
    for host in hosts.iter_mut() {
        let Some(clock) = latest(host) else { continue };
        let apart = clocks.iter().filter_map(|(name, other)| {
            let ahead = clock.ahead_of(*other);
            (*name != host.host && ahead.exceeds(2.0 * terms.max_offset)).then_some((name, ahead))
        });
        let apart: Vec<_> = apart.collect();
        let others = clocks.iter().filter(|(name, _)| *name != host.host).count();
        if let Some((name, ahead)) = apart.first().filter(|_| 2 * apart.len() > others) {
            let cause = Cause::ClockDiffers { source: (*name).clone(), ahead: *ahead };
            fail(host, cause, terms.mode);
        }
    }
}

/// Fails a host that has passed so far.
fn fail(host: &mut HostResult, cause: Cause, mode: Mode) {
    let (Outcome::Ok, Some(verdict)) = (&host.outcome, &mut host.verdict) else { return };
    verdict.state = State::Failed;
    verdict.cause = Some(cause);
    host.outcome = outcome(verdict, host.part, mode);
}

#[cfg(test)]
mod tests;
