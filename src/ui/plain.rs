//! Events as lines, for logs and pipes.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

use super::words;
use crate::fleet::{Doing, Event, Outcome};
use crate::sanitise::sanitise;
use crate::verify::{Cause, State};

/// Turns events into lines. Events that only repeat what is known give none.
pub(super) struct Plain {
    verbose: bool,
    /// The last judgement on each host, and whether it says no more than that it is too early for one.
    judged: HashMap<String, (State, Option<Discriminant<Cause>>, bool)>,
    /// When it was last told how much each host has been sent, and of how many bytes.
    sent: HashMap<String, (Instant, u64)>,
}

/// How often it is told how much a host has been sent.
const SENDING: Duration = Duration::from_secs(10);

impl Plain {
    /// `verbose`: the way to each host, its facts and the size of its plan are told too.
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, judged: HashMap::new(), sent: HashMap::new() }
    }

    /// The lines for `event`.
    pub(super) fn lines(&mut self, event: &Event) -> Vec<String> {
        let mut lines = Vec::new();
        if self.verbose {
            lines.extend(words::detail(&event.doing));
        }
        if self.tells(event) {
            lines.push(match &event.doing {
                Doing::Verifying(Some(judged)) => words::waiting(judged),
                doing => words::doing(doing),
            });
        }
        let host = sanitise(&event.host);
        lines.into_iter().map(|line| format!("{host}: {line}")).collect()
    }

    /// Whether the event means something to the reader.
    fn tells(&mut self, event: &Event) -> bool {
        match &event.doing {
            Doing::Connecting(_) | Doing::Probing | Doing::Running | Doing::Verifying(None) => {
                false
            }
            Doing::Sending { total, .. } => {
                let now = Instant::now();
                // Each change has files of its own.
                let last = self.sent.get(&event.host).filter(|(_, of)| of == total);
                let is_due = last.is_none_or(|(last, _)| now.duration_since(*last) >= SENDING);
                if is_due {
                    self.sent.insert(event.host.clone(), (now, *total));
                }
                is_due
            }
            // What was found is told right after, for all hosts.
            Doing::Left(outcome) => *outcome != Outcome::Ok,
            Doing::Planned(_) | Doing::WaitingForHosts => self.verbose,
            // That it passes is told when it has ended, right after.
            Doing::Verifying(Some(judged)) => {
                // Its numbers change with each look: the same cause is told once.
                let is_awaited = words::awaited(judged).is_some();
                let found = (judged.state, judged.cause.as_ref().map(discriminant), is_awaited);
                let is_new = self.judged.insert(event.host.clone(), found) != Some(found);
                is_new && !judged.state.passes()
            }
            Doing::Changing(_) | Doing::WaitingForSource | Doing::Done(_) => true,
        }
    }
}
