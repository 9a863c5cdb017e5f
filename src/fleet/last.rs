//! Which run `rollback` takes back: of those that made the hosts' newest changes the last one. Hosts that it has
//! not changed stay as they are.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use jiff::Timestamp;

use super::host::{Driver, connect, drive};
use super::muster::{Muster, Ticket};
use super::result::{HostResult, Outcome};
use super::{Doing, Job, Mode, Order, Shared, each};
use crate::remote::{About, Depth, Request};

/// What a run is called on all its hosts, and the one that it takes back.
#[derive(Debug)]
pub(super) struct Runs {
    /// This run: see [`About::run`].
    pub this: String,
    /// The one that is taken back, once that is known.
    pub last: OnceLock<String>,
}

impl Runs {
    /// When it begins, by the clock of this machine, to the microsecond: no two runs have the same, and the
    /// hosts' clocks, which may be wrong, do not matter.
    pub fn new() -> Self {
        let this = Timestamp::now().strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
        Self { this, last: OnceLock::new() }
    }
}

impl Order {
    /// Whether it goes back by one run, and not by all of them.
    pub(super) fn takes_back_a_run(&self) -> bool {
        matches!(self.mode, Mode::Rollback | Mode::RollbackCheck) && !self.pristine
    }
}

/// Takes back the last run on the hosts that it has changed.
pub(super) async fn go_back(shared: &Arc<Shared>, jobs: Vec<Job>, forks: usize) -> Vec<HostResult> {
    let stop = &shared.means.stop;
    let muster = Muster::of(jobs.len(), false, None);
    let find = |job: Job| {
        let (shared, ticket) = (shared.clone(), muster.ticket(&job.name));
        async move { newest(&job, &shared, ticket).await }
    };
    let blank = |job: &Job| (HostResult::interrupted(job), None);
    let mut found = each(jobs.clone(), forks, stop, blank, find).await;
    let newest = found.iter().filter_map(|(_, about)| about.clone());
    let last = newest.max_by(|one, other| one.run.cmp(&other.run));
    let run = shared.runs.last.get_or_init(|| last.clone().unwrap_or_default().run);
    let mut going = Vec::new();
    for (job, (result, about)) in jobs.into_iter().zip(&mut found) {
        match about {
            Some(about) if about.run == *run => going.push(job),
            _ => {
                if let (Some(about), Some(last)) = (about, &last) {
                    result.notes.push(spared(shared, about, last));
                }
                shared.means.tell(&result.host, Doing::Done(Box::new(result.clone())));
            }
        }
    }
    let back = |job: Job| {
        let (shared, ticket) = (shared.clone(), shared.muster.ticket(&job.name));
        async move { drive(&job, &shared, ticket).await }
    };
    let gone = each(going, forks, stop, HostResult::interrupted, back).await;
    let mut results: Vec<HostResult> = found.into_iter().map(|(result, _)| result).collect();
    for mut back in gone {
        let Some(place) = results.iter_mut().find(|known| known.host == back.host) else {
            continue;
        };
        // A host's key is new to us but once, and what was cut off there is seen to but once.
        let more = place.notes.drain(..).filter(|note| !back.notes.contains(note));
        let mut notes: Vec<String> = more.collect();
        notes.append(&mut back.notes);
        let (execs, seconds) = (back.execs + place.execs, back.seconds + place.seconds);
        *place = HostResult { notes, execs, seconds, ..back };
    }
    if stop.is_cancelled() {
        shared.standings.tell(&mut results);
    }
    results
}

/// Why a host stays as it is whose newest change is `about`.
fn spared(shared: &Shared, about: &About, last: &About) -> String {
    let cluster = &shared.order.cluster;
    format!(
        "not changed by the last run ({}), and left as it is: {}",
        last.origin(cluster),
        about.words(cluster)
    )
}

/// What is about the newest change of a host.
async fn newest(job: &Job, shared: &Shared, ticket: Ticket) -> (HostResult, Option<About>) {
    let begun = Instant::now();
    let result = HostResult::interrupted(job);
    let (mut result, about) = match connect(job, shared, &ticket).await {
        Ok(shell) => Driver::new(job, shared, shell, result, ticket).newest().await,
        Err(outcome) => (HostResult { outcome, ..result }, None),
    };
    result.seconds = begun.elapsed().as_secs_f64();
    (result, about)
}

impl Driver<'_> {
    async fn newest(mut self) -> (HostResult, Option<About>) {
        self.result.notes.extend(self.shell.link().host_key_notes());
        let found = self.find_newest().await;
        self.result.execs = self.shell.link().execs();
        self.shell.close().await;
        let about = match found {
            Ok(about) => {
                if about.is_none() {
                    self.result.notes.push(super::rollback::NOTHING.to_owned());
                }
                self.result.outcome = Outcome::Ok;
                about
            }
            Err(outcome) => {
                self.result.outcome = outcome;
                None
            }
        };
        (self.result, about)
    }

    async fn find_newest(&mut self) -> Result<Option<About>, Outcome> {
        self.tell(Doing::Probing);
        let request = Request::new(&Default::default(), &[]).with_past(Depth::Changes);
        let mut probe = self.look_first(&request).await?;
        if self.recover(&probe).await? {
            probe = self.look_first(&request).await?;
        }
        let number = probe.past.newest;
        let known = probe.past.about(number).cloned();
        // One that says nothing of itself can be gone back from all the same.
        Ok(known.or_else(|| (number > 0).then(|| About { number, ..About::default() })))
    }
}
