//! The fleet: all hosts at once up to a limit, the time sources before their clients.
//! [`run`] takes them through everything; [`ping`] and [`exec`] only look in. What happens is told
//! in [`Event`]s; how it looks is not known here.

mod agreement;
mod apply;
mod broken;
mod clients;
mod clock;
mod confirm;
mod diagnose;
mod event;
mod gate;
mod host;
mod last;
mod left;
mod link;
mod mode;
mod muster;
mod noshell;
mod past;
mod policy;
mod recover;
mod result;
mod rollback;
mod send;
mod shell;
mod standing;
mod status;
mod survey;
mod talk;
mod visit;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc::UnboundedSender};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use agreement::{Agreement, Spread, Terms, agree, agree_together};
pub use clock::Timebase;
pub use event::{Doing, Event, Judged};
pub use mode::{Mode, Part};
pub use policy::{Spent, spent};
pub use result::{Back, HostResult, Outcome, Trouble};
pub use standing::Standing;
pub use status::Status;
pub use survey::{Surveyed, survey};
pub use visit::{Pong, Ran, Visit, Visitee, exec, ping};

use crate::access::{Reach, Way};
use crate::bundle::Bundle;
use crate::cluster::{FailurePolicy, TimeSource};
use crate::desired::{HostVars, Recipe};
use crate::local::Machine;
use crate::resource::Subject;
use crate::ssh::{Client, ConnectError};
use clients::Clients;
use gate::{Gate, Source};
use last::Runs;
use link::Link;
use muster::{Muster, Stage};
use policy::Limit;
use shell::Shell;
use standing::Standings;

/// One host and what is wanted of it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name in the inventory.
    pub name: String,
    /// Its part.
    pub part: Part,
    /// How it is reached.
    pub reach: Reach,
    /// Its variables.
    pub vars: HostVars,
    /// What its roles speak of, on any platform.
    pub subjects: Arc<BTreeSet<Subject>>,
    /// What the reader of the result should know of its settings.
    pub notes: Vec<String>,
}

/// What holds for the whole run.
#[derive(Debug)]
pub struct Order {
    /// Who does it: `user@controller`.
    pub by: String,
    /// The cluster's name.
    pub cluster: String,
    /// How far it goes.
    pub mode: Mode,
    /// Whether what somebody else has changed is overwritten.
    pub force: bool,
    /// With a rollback: to what stood there before ezsync ever came.
    pub pristine: bool,
    /// The role whose changes touch a host's time.
    pub time_role: String,
    /// Whether times are proved at the end; without the chrony role there is nothing to prove.
    pub verify: bool,
    /// Whether what clients heard before this run proves nothing: it is to mend what failed.
    pub fresh: bool,
    /// How long to wait for hosts to be synchronised.
    pub verify_timeout: Duration,
    /// How long a source may take to follow one of its servers before it serves its own clock.
    pub source_timeout: Duration,
    /// The servers that the source follows; none when it runs free.
    pub upstreams: Vec<String>,
    /// The stratum of a source that runs free.
    pub local_stratum: u8,
    /// The largest error of a clock that passes, in seconds.
    pub max_offset: f64,
    /// The time source, then its standbys in order.
    pub sources: Vec<TimeSource>,
    /// Where packages come from, when not from repositories.
    pub bundle: Option<Arc<Bundle>>,
    /// Whether a host goes back when its time is not proved; none: where a configuration of ours stood before.
    pub confirm: Option<bool>,
    /// Whether a run is ended that has a host already.
    pub break_lock: bool,
    /// Whether hosts that the bundle does for are set up also when it does not do for others.
    pub partial: bool,
    /// How many hosts may fail before the run stops; none: all may.
    pub policy: Option<FailurePolicy>,
}

impl Order {
    /// How many sources stand before the host `name`: for a client that is all of them.
    fn rank(&self, name: &str) -> usize {
        let rank = self.sources.iter().position(|source| source.name == name);
        rank.unwrap_or(self.sources.len())
    }

    /// The addresses of the sources that the host `name` follows.
    fn before(&self, name: &str) -> Vec<String> {
        let before = self.sources.iter().take(self.rank(name));
        before.map(|source| source.address.clone()).collect()
    }
}

/// What a fleet moves by.
#[derive(Debug)]
pub struct Means {
    /// Opens connections.
    pub client: Client,
    /// How many hosts at a time.
    pub forks: usize,
    /// Who is told what happens.
    pub events: UnboundedSender<Event>,
    /// After this no new host is begun; hosts that are being changed go to their end.
    pub cancel: CancellationToken,
    /// After this nothing is waited for any longer.
    pub stop: CancellationToken,
}

/// What every host's driver shares.
struct Shared {
    means: Means,
    recipe: Recipe,
    order: Order,
    gate: Gate,
    /// What becomes of the sources' clients.
    clients: Clients,
    /// Where hosts wait for each other before one of them changes.
    muster: Muster,
    /// In which state each host is.
    standings: Standings,
    /// This run, and the one that is taken back.
    runs: Runs,
}

/// Runs all `jobs` and returns their results in the same order. The sources should stand first:
/// their clients wait for them while they hold their place among the forks.
pub async fn run(means: Means, recipe: Recipe, jobs: Vec<Job>, order: Order) -> Vec<HostResult> {
    let forks = means.forks;
    // A run without a source (--limit) takes it as it is, and roles that have nothing to do with
    // time need not wait for it.
    let gate = Gate::new(order.sources.len(), |rank| {
        order.verify && jobs.iter().any(|job| order.rank(&job.name) == rank)
    });
    let clients = Clients::of(jobs.iter().filter(|job| job.part == Part::Client).count());
    let changes = order.mode == Mode::Setup;
    let all_fit = changes && order.bundle.is_some() && !order.partial;
    let crowded = all_fit && jobs.len() > forks;
    let limit = order.policy.as_ref().filter(|_| changes);
    let limit = limit.map(|policy| Limit::of(policy, jobs.len()));
    let muster = Muster::of(jobs.len().min(forks), all_fit && !crowded, limit.clone());
    let standings = Standings::default();
    let runs = Runs::new();
    let shared = Arc::new(Shared { means, recipe, order, gate, clients, muster, standings, runs });
    if shared.order.takes_back_a_run() {
        return last::go_back(&shared, jobs, forks).await;
    }
    let mut looked = Vec::new();
    if crowded {
        match plan_all(&shared, &jobs, forks, limit).await {
            Ok(results) => looked = results,
            Err(results) => return results,
        }
    }
    for result in looked.iter().filter(|result| result.part != Part::Client) {
        if result.outcome != Outcome::Ok {
            let lost = Source::Lost(host::lost(result));
            shared.gate.decide(shared.order.rank(&result.host), lost);
        }
    }
    let source = jobs.iter().find(|job| job.part == Part::Source).cloned();
    let drive = |job: Job| {
        // Here and now: who holds a place is waited for, also before its task is run.
        let (shared, ticket) = (shared.clone(), shared.muster.ticket(&job.name));
        async move { host::drive(&job, &shared, ticket).await }
    };
    let stop = &shared.means.stop;
    let mut results = each(jobs, forks, stop, HostResult::interrupted, drive).await;
    for (result, looked) in results.iter_mut().zip(looked) {
        // A host's key is new to us but once.
        let more = looked.notes.into_iter().filter(|note| !result.notes.contains(note));
        let more: Vec<String> = more.collect();
        result.notes.extend(more);
    }
    if stop.is_cancelled() {
        shared.standings.tell(&mut results);
        return results;
    }
    diagnose::ask_source(&shared, source.as_ref(), &mut results).await;
    results
}

/// Finds out what all hosts need, where not all can wait for each other with their connections open. Gives
/// their results; as an error when that is the end: the bundle does not do for some of them, or too many
/// have failed.
async fn plan_all(
    shared: &Arc<Shared>,
    jobs: &[Job],
    forks: usize,
    limit: Option<Limit>,
) -> Result<Vec<HostResult>, Vec<HostResult>> {
    let muster = Muster::of(jobs.len(), true, limit);
    let plan = |job: Job| {
        let (shared, ticket) = (shared.clone(), muster.ticket(&job.name));
        async move { host::only_plan(&job, &shared, ticket).await }
    };
    let stop = &shared.means.stop;
    let mut results = each(jobs.to_vec(), forks, stop, HostResult::interrupted, plan).await;
    if stop.is_cancelled() {
        shared.standings.tell(&mut results);
        return Err(results);
    }
    let Err(held_back) = muster.all(Stage::Planned).await else { return Ok(results) };
    for result in &mut results {
        if result.outcome == Outcome::Ok {
            result.outcome = held_back.clone().into();
        }
        shared.means.tell(&result.host, Doing::Done(Box::new(result.clone())));
    }
    Err(results)
}

/// Does `work` for each of `jobs`, `forks` of them at a time; the results are in their order. A job whose task
/// was lost, or was not done when all was to `stop`, keeps what `blank` gives.
async fn each<J, R, F>(
    jobs: Vec<J>,
    forks: usize,
    stop: &CancellationToken,
    blank: impl Fn(&J) -> R,
    work: impl Fn(J) -> F,
) -> Vec<R>
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(forks.max(1)));
    let mut tasks = JoinSet::new();
    let mut slots: Vec<Option<R>> = Vec::new();
    for (number, job) in jobs.into_iter().enumerate() {
        slots.push(Some(blank(&job)));
        // A place is taken before the task begins: tasks are not polled in order, and a client
        // that waits for the source must never hold the last place that the source waits for.
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = stop.cancelled() => continue,
        };
        // One that has ended takes as much memory as one that runs, until its result is taken.
        while let Some(ended) = tasks.try_join_next() {
            fill(&mut slots, ended);
        }
        let work = work(job);
        tasks.spawn(async move {
            let result = work.await;
            drop(place);
            (number, result)
        });
    }
    while let Some(ended) = next_of(&mut tasks, stop).await {
        fill(&mut slots, ended);
    }
    slots.into_iter().flatten().collect()
}

/// Puts the result of a task into its slot; that of one that was lost stays as it is.
fn fill<R>(slots: &mut [Option<R>], ended: Result<(usize, R), JoinError>) {
    if let Ok((number, result)) = ended
        && let Some(slot) = slots.get_mut(number)
    {
        *slot = Some(result);
    }
}

/// The next task that has ended; none when all have, or nothing is waited for any longer.
async fn next_of<T: 'static>(
    tasks: &mut JoinSet<T>,
    stop: &CancellationToken,
) -> Option<Result<T, JoinError>> {
    tokio::select! {
        // What has ended is known, also then.
        biased;
        ended = tasks.join_next() => ended,
        () = stop.cancelled() => None,
    }
}

/// Why there is no way to a host.
enum NoWay {
    Interrupted,
    Error(ConnectError),
}

impl From<NoWay> for Outcome {
    fn from(no: NoWay) -> Self {
        match no {
            NoWay::Interrupted => Self::Interrupted,
            NoWay::Error(error) => Self::Unreachable(Trouble::new(error.to_string(), error.hint())),
        }
    }
}

impl Means {
    /// Opens the way to a host, as `reach` has it.
    async fn connect(&self, host: &str, reach: &Reach) -> Result<Shell, NoWay> {
        if !self.cancel.is_cancelled() {
            self.tell(host, Doing::Connecting(reach.to_string()));
        }
        self.open(reach).await
    }

    /// The same without a word.
    async fn open(&self, reach: &Reach) -> Result<Shell, NoWay> {
        if self.cancel.is_cancelled() {
            return Err(NoWay::Interrupted);
        }
        let link = match &reach.way {
            Way::Local => Link::Local(Machine::default()),
            Way::Ssh(target) => {
                let connected = tokio::select! {
                    connected = self.client.connect(target) => connected,
                    () = self.cancel.cancelled() => return Err(NoWay::Interrupted),
                };
                Link::Ssh(connected.map_err(NoWay::Error)?)
            }
        };
        Ok(Shell::new(link, reach))
    }

    fn tell(&self, host: &str, doing: Doing) {
        // Nobody listens any more when the program ends: that is no mistake.
        let _ = self.events.send(Event { host: host.to_owned(), doing });
    }
}
