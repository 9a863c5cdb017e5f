//! The state of all hosts, and the lines of it that fit onto a screen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::words;
use crate::fleet::{Doing, Event, Outcome};
use crate::sanitise::sanitise;

/// Names take no more columns than this: what a host does is to be seen too.
const LONGEST_NAME: usize = 40;
/// A host that takes longer shows for how long.
const SLOW: Duration = Duration::from_secs(5);

/// One that has not been heard of for longer shows since when.
const SILENT: Duration = Duration::from_secs(10);

/// Where a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Connecting,
    Probing,
    Running,
    Sending,
    Changing,
    Held,
    Verifying,
    Done,
    Failed,
    Unreachable,
    Interrupted,
}

/// In the order of the summary, with its words.
const STAGES: [(Stage, &str); 12] = [
    (Stage::Done, "done"),
    (Stage::Failed, "failed"),
    (Stage::Unreachable, "unreachable"),
    (Stage::Interrupted, "interrupted"),
    (Stage::Verifying, "verifying"),
    (Stage::Changing, "changing"),
    (Stage::Held, "held for the source"),
    (Stage::Sending, "being sent files"),
    (Stage::Running, "running"),
    (Stage::Probing, "probing"),
    (Stage::Connecting, "connecting"),
    (Stage::Waiting, "waiting"),
];

impl Stage {
    fn after(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Done,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Unreachable(_) => Self::Unreachable,
            Outcome::Interrupted => Self::Interrupted,
        }
    }

    fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Unreachable | Self::Interrupted)
    }

    pub(super) fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Unreachable)
    }

    pub(super) fn is_active(self) -> bool {
        !self.has_ended() && self != Self::Waiting
    }
}

impl Stage {
    /// Whether a host that is alive says something now and then: not while others are waited for, and what a
    /// command of the user's prints is no event.
    fn tells(self) -> bool {
        !matches!(self, Self::Held | Self::Running)
    }
}

struct Host {
    name: String,
    stage: Stage,
    words: String,
    begun: Option<Instant>,
    /// When something was heard of it last.
    heard: Option<Instant>,
}

impl Host {
    /// For how long it has been at it, and has been silent, where that is long: ` (42 s, silent for 31 s)`.
    fn times(&self, now: Instant) -> String {
        let since = |then: Option<Instant>, least: Duration| {
            let passed = now.duration_since(then?);
            (passed >= least && self.stage.is_active()).then_some(passed.as_secs())
        };
        let Some(taken) = since(self.begun, SLOW) else { return String::new() };
        match since(self.heard, SILENT).filter(|_| self.stage.tells()) {
            Some(silent) => format!(" ({taken} s, silent for {silent} s)"),
            None => format!(" ({taken} s)"),
        }
    }
}

/// All hosts of a run.
pub(super) struct Board {
    hosts: Vec<Host>,
    index: HashMap<String, usize>,
    begun: Instant,
}

/// A line of the picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub stage: Stage,
    pub text: String,
}

impl Board {
    pub(super) fn new(names: &[String], now: Instant) -> Self {
        let host = |name: &String| Host {
            name: sanitise(name).into_owned(),
            stage: Stage::Waiting,
            words: "waiting".to_owned(),
            begun: None,
            heard: None,
        };
        let index = names.iter().enumerate().map(|(number, name)| (name.clone(), number)).collect();
        Self { hosts: names.iter().map(host).collect(), index, begun: now }
    }

    /// Takes an event in. One of an unknown host is none of ours.
    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        let number = self.index.get(&event.host);
        let Some(host) = number.and_then(|number| self.hosts.get_mut(*number)) else { return };
        host.begun.get_or_insert(now);
        host.heard = Some(now);
        host.words = words::doing(&event.doing);
        host.stage = match &event.doing {
            Doing::Connecting(_) => Stage::Connecting,
            Doing::Probing | Doing::Planned(_) => Stage::Probing,
            Doing::Sending { .. } => Stage::Sending,
            Doing::Changing(_) => Stage::Changing,
            Doing::WaitingForHosts | Doing::WaitingForSource => Stage::Held,
            Doing::Verifying(_) => Stage::Verifying,
            Doing::Running => Stage::Running,
            Doing::Done(result) => Stage::after(&result.outcome),
            Doing::Left(outcome) => Stage::after(outcome),
        };
    }

    /// At most `rows` lines of at most `columns`: all hosts in their order when there is room.
    /// Otherwise those that failed, on at most a third of the rows, and those that are at
    /// something, the slowest first.
    pub(super) fn lines(&self, rows: usize, columns: usize, now: Instant) -> Vec<Line> {
        let shown: Vec<&Host> = if self.hosts.len() <= rows {
            self.hosts.iter().collect()
        } else {
            let bad = self.hosts.iter().filter(|host| host.stage.is_bad()).take(rows / 3);
            let mut active: Vec<&Host> =
                self.hosts.iter().filter(|host| host.stage.is_active()).collect();
            active.sort_by_key(|host| host.begun);
            bad.chain(active).take(rows).collect()
        };
        let longest = shown.iter().map(|host| host.name.width()).max().unwrap_or_default();
        let column = longest.min(LONGEST_NAME);
        let line = |host: &Host| {
            let name = cut(&host.name, column);
            let pad = " ".repeat(column.saturating_sub(name.width()));
            let text = cut(&format!("{name}{pad}  {}{}", host.words, host.times(now)), columns);
            Line { stage: host.stage, text }
        };
        shown.into_iter().map(line).collect()
    }

    /// How far all hosts are: `12/100, 4 s: 11 done, 1 failed, 3 verifying, 85 waiting`.
    pub(super) fn summary(&self, columns: usize, now: Instant) -> String {
        let number = |stage: Stage| self.hosts.iter().filter(|host| host.stage == stage).count();
        let stages: Vec<String> = STAGES
            .iter()
            .map(|(stage, words)| (number(*stage), words))
            .filter(|(number, _)| *number > 0)
            .map(|(number, words)| format!("{number} {words}"))
            .collect();
        let ended = self.hosts.iter().filter(|host| host.stage.has_ended()).count();
        let seconds = now.duration_since(self.begun).as_secs();
        let total = self.hosts.len();
        cut(&format!("{ended}/{total}, {seconds} s: {}", stages.join(", ")), columns)
    }
}

/// `text` in at most `columns` columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or_default();
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).collect::<String>() + "…"
}

#[cfg(test)]
mod tests;
