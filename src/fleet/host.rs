//! One host from the connection to its result.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::confirm::Open;
use super::gate::Source;
use super::muster::{Stage, Ticket};
use super::past::History;
use super::policy::held_back;
use super::result::{HostResult, Outcome, Trouble};
use super::shell::{Shell, exec_trouble, word};
use super::{Doing, Job, Mode, Part, Shared, Standing};
use crate::bundle::{Host, Supply};
use crate::facts::Version;
use crate::history::Record;
use crate::plan::Plan;
use crate::remote::{ASK_TIME, Depth, Probe, Request, probe_script};
use crate::resource::Subject;
use crate::verify::Clock;

/// How long the probe may take: it only reads, but a busy host may be slow at it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// How much longer a host may take to answer, of which nothing is changed yet, once the run is to end.
const GRACE: Duration = Duration::from_secs(3);

/// How often a clock is read at least that is to be set.
const CAREFUL: u32 = 5;

/// A host with an open connection.
pub(super) struct Driver<'a> {
    pub job: &'a Job,
    pub shared: &'a Shared,
    pub shell: Shell,
    pub result: HostResult,
    /// When its services were let restart.
    pub activated: Option<Instant>,
    /// What becomes of its history.
    pub history: History,
    /// Whether a script that changes the host has begun, and has not said how it ended.
    pub changing: bool,
    /// Since it has changed, until it is told whether to keep that.
    pub open: Option<Open>,
    /// Its place in the muster.
    pub ticket: Ticket,
}

/// What is known of a host after its probe.
pub(super) struct Known {
    pub probe: Probe,
    pub plan: Plan,
}

/// Takes `job` through the whole run.
pub(super) async fn drive(job: &Job, shared: &Shared, mut ticket: Ticket) -> HostResult {
    let begun = Instant::now();
    let mut result = HostResult::interrupted(job);
    let client = (job.part == Part::Client).then(|| shared.clients.client());
    match connect(job, shared, &ticket).await {
        Ok(shell) => {
            let driver = Driver::new(job, shared, shell, result, ticket);
            (result, ticket) = driver.run().await;
        }
        Err(outcome) => result.outcome = outcome,
    }
    if let (Some(client), Some(verdict)) = (&client, &result.verdict) {
        client.judged(verdict.state.passes() || result.outcome == Outcome::Ok);
    }
    if matches!(job.part, Part::Source | Part::Standby) {
        // Whatever became of the source: nobody waits for it any longer.
        shared.gate.decide(shared.order.rank(&job.name), Source::Lost(lost(&result)));
    }
    // Not before: who has waited for all to be known asks next whether the source is lost.
    ticket.ended(&result.outcome);
    // Also one that was called off: it has ended.
    let standing = if result.applied { Standing::Changed } else { Standing::Unchanged };
    shared.standings.note(&job.name, standing);
    result.seconds = begun.elapsed().as_secs_f64();
    shared.means.tell(&job.name, Doing::Done(Box::new(result.clone())));
    result
}

/// Finds out what `job` needs, and leaves the host as it is.
pub(super) async fn only_plan(job: &Job, shared: &Shared, ticket: Ticket) -> HostResult {
    let begun = Instant::now();
    let mut result = HostResult::interrupted(job);
    match connect(job, shared, &ticket).await {
        Ok(shell) => {
            let driver = Driver::new(job, shared, shell, result, ticket);
            result = driver.only_plan().await;
        }
        Err(outcome) => {
            result.outcome = outcome;
            ticket.ended(&result.outcome);
        }
    }
    result.seconds = begun.elapsed().as_secs_f64();
    result
}

/// Opens the way to a host, unless too many others have failed.
pub(super) async fn connect(job: &Job, shared: &Shared, ticket: &Ticket) -> Result<Shell, Outcome> {
    let means = &shared.means;
    if let Some(why) = ticket.muster().spent().filter(|_| !means.cancel.is_cancelled()) {
        return Err(held_back("not begun", &why).into());
    }
    means.connect(&job.name, &job.reach).await.map_err(Into::into)
}

/// Why the source does not serve, for its clients.
pub(super) fn lost(result: &HostResult) -> String {
    let why = match &result.outcome {
        Outcome::Unreachable(_) => "is unreachable".to_owned(),
        Outcome::Interrupted => "was interrupted".to_owned(),
        // It may well serve: it did not get as far as to be asked.
        Outcome::Failed(trouble) if result.verdict.is_none() => {
            let what = trouble.what.lines().next().unwrap_or_default();
            format!("could not be set up ({what})")
        }
        Outcome::Failed(_) | Outcome::Ok => "does not serve time".to_owned(),
    };
    format!("the time source {} {why}", result.host)
}

/// What a host is told that cannot go on without a source.
pub(super) fn called_off(why: &str, state: &str) -> Trouble {
    Trouble::new(format!("called off, since {why}: {state}"), "mend the source and run again")
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        job: &'a Job,
        shared: &'a Shared,
        shell: Shell,
        result: HostResult,
        ticket: Ticket,
    ) -> Self {
        let history = History::default();
        let (activated, changing, open) = (None, false, None);
        Self { job, shared, shell, result, activated, history, changing, open, ticket }
    }

    /// The result, and its place in the muster.
    async fn run(mut self) -> (HostResult, Ticket) {
        self.result.notes.extend(self.shell.link().host_key_notes());
        let outcome = self.stages().await.unwrap_or_else(|stopped| stopped);
        self.result.outcome = self.or_ended_by_others(outcome).await;
        self.result.execs += self.shell.link().execs();
        self.shell.close().await;
        (self.result, self.ticket)
    }

    async fn stages(&mut self) -> Result<Outcome, Outcome> {
        if let Mode::Rollback | Mode::RollbackCheck = self.shared.order.mode {
            return self.go_back().await;
        }
        let probe = self.plan().await?;
        if let Mode::Check | Mode::Status = self.shared.order.mode {
            return Ok(Outcome::Ok);
        }
        if !self.result.plan.is_empty() {
            self.muster(Stage::Planned).await?;
            self.has_source()?;
            if !self.apply(&probe).await? {
                return Ok(Outcome::Interrupted);
            }
            self.result.applied = true;
            // One that waits for the word to keep its change would go back without us.
            if self.open.as_ref().is_none_or(|open| !open.confirm) {
                self.stands(Standing::Changed);
            }
        }
        if self.shared.order.verify {
            return self.prove(&probe).await;
        }
        // Without times to prove the gate has been open from the start.
        Ok(Outcome::Ok)
    }

    /// What is to change: after that nobody waits to know it.
    async fn plan(&mut self) -> Result<Probe, Outcome> {
        self.tell(Doing::Probing);
        let Known { probe, plan } = self.probe().await?;
        self.result.facts = Some(probe.facts.clone());
        self.result.plan = plan;
        if let Some(status) = &mut self.result.status {
            status.would_change = Some(self.result.plan.changes.len());
        } else {
            self.refuse_drift()?;
        }
        // One with nothing to change has all that it needs.
        let nothing = self.result.plan.is_empty();
        self.ticket.reached(if nothing { Stage::Staged } else { Stage::Planned });
        self.tell(Doing::Planned(self.result.plan.changes.len()));
        Ok(probe)
    }

    /// The same, and no more.
    async fn only_plan(mut self) -> HostResult {
        self.result.notes.extend(self.shell.link().host_key_notes());
        self.result.outcome = match self.plan().await {
            Ok(_) => Outcome::Ok,
            Err(stopped) => stopped,
        };
        self.result.execs = self.shell.link().execs();
        self.shell.close().await;
        self.ticket.ended(&self.result.outcome);
        self.result
    }

    pub(super) fn tell(&self, doing: Doing) {
        self.shared.means.tell(&self.job.name, doing);
    }

    /// Notes in which state the host is from now on.
    pub(super) fn stands(&self, standing: Standing) {
        self.shared.standings.note(&self.job.name, standing);
    }

    /// Probes and plans. Should the facts name something that was not looked at (a conf path
    /// of its own, say), a second look brings it.
    async fn probe(&mut self) -> Result<Known, Outcome> {
        let recipe = &self.shared.recipe;
        let problem = |problem: crate::problem::Problem| {
            match problem.advice() {
                // A mistake in a file shows its place, and its hint with it.
                Some(advice) if problem.place().is_none() => {
                    Trouble::new(problem.message(), advice)
                }
                _ => Trouble::new(problem.to_string(), "mend the file and run again"),
            }
        };
        let mut subjects = match self.shared.order.mode {
            Mode::Setup | Mode::Check | Mode::Status => self.job.subjects.clone(),
            _ => Arc::default(),
        };
        let request = self.request(&subjects);
        let mut probe = self.look_first(&request).await?;
        if self.recover(&probe).await? {
            probe = self.look_first(&request).await?;
        }
        self.note_left(&probe.past);
        if matches!(self.shared.order.mode, Mode::Verify | Mode::Doctor) {
            return Ok(Known { probe, plan: Plan::default() });
        }
        let desired = recipe.desired(&self.job.vars, &probe.facts).map_err(problem)?;
        self.result.notes.extend(desired.notes.iter().cloned());
        let record = self.record(&probe.past)?;
        let mut missed: Vec<Subject> = desired.subjects().collect();
        if self.shared.order.mode == Mode::Status {
            // What no role speaks of any more may have drifted as well.
            missed.extend(record.iter().flat_map(Record::subjects));
        }
        missed.retain(|subject| !request.covers(subject));
        if !missed.is_empty() {
            Arc::make_mut(&mut subjects).extend(missed);
            probe = self.look_first(&self.request(&subjects)).await?;
        }
        self.remember(&desired, &probe, record).await?;
        let plan = Plan::new(&desired, &probe.observed).map_err(|obstacle| {
            if obstacle.misfit {
                self.ticket.misfit();
            }
            Trouble::new(obstacle.what, obstacle.next)
        })?;
        // The list of its packages has served: many hosts may wait here at once.
        probe.observed.supply = None;
        Ok(Known { probe, plan })
    }

    /// Asks for `subjects`, and with a bundle for all that decides what the host gets of it.
    fn request(&self, subjects: &BTreeSet<Subject>) -> Request {
        let depth = match self.shared.order.mode {
            Mode::Status => Depth::Changes,
            _ => Depth::Present,
        };
        let request = Request::new(subjects, &self.names()).with_past(depth);
        match &self.shared.order.bundle {
            Some(bundle) => request.with_bundle(bundle.manifest().paths_needed()),
            None => request,
        }
    }

    /// Holds the bundle against the host that answered.
    fn supply(&mut self, probe: &mut Probe) -> Result<(), Outcome> {
        let Some(bundle) = &self.shared.order.bundle else { return Ok(()) };
        // Without a word of it nothing is missing.
        let Some(stock) = probe.stock.take() else { return Ok(()) };
        let facts = &mut probe.facts;
        let host = Host {
            distribution: facts.distribution.clone(),
            version: facts.distribution_version.clone(),
            architecture: stock.architecture.clone(),
            package_manager: facts.package_manager.clone(),
        };
        let supply = Supply::new(bundle.clone(), host, &stock).map_err(|misfit| {
            self.ticket.misfit();
            Trouble::new(misfit.what, misfit.next)
        })?;
        if !facts.chrony.installed
            && let Some(version) = supply.version_of("chrony").and_then(Version::parse)
        {
            facts.chrony.written_for = version;
        }
        probe.observed.supply = Some(supply);
        Ok(())
    }

    /// Waits until all hosts have come as far as this one, where this run wants that.
    pub(super) async fn muster(&mut self, stage: Stage) -> Result<(), Outcome> {
        if self.ticket.muster().holds(stage) {
            self.tell(Doing::WaitingForHosts);
        }
        self.ticket.pass(stage, &self.shared.means.cancel).await
    }

    /// Refuses to begin where it is known that no source will serve: packages stay once they are
    /// installed.
    fn has_source(&self) -> Result<(), Trouble> {
        match self.source_known() {
            Source::Lost(why) if self.job.part == Part::Client => {
                Err(called_off(&why, "nothing was changed").held_back())
            }
            _ => Ok(()),
        }
    }

    /// What is known by now of the sources that this host will follow.
    pub(super) fn source_known(&self) -> Source {
        self.shared.gate.known_before(self.shared.order.rank(&self.job.name))
    }

    /// The sources' names that must be resolved on the host; an address needs no resolving.
    pub(super) fn names(&self) -> Vec<String> {
        let is_name = |address: &String| address.parse::<std::net::IpAddr>().is_err();
        self.shared.order.before(&self.job.name).into_iter().filter(is_name).collect()
    }

    /// Looks at a host on which this run has changed nothing: whoever ends the run need not wait for it.
    pub(super) async fn look_first(&mut self, request: &Request) -> Result<Probe, Outcome> {
        let cancel = self.shared.means.cancel.clone();
        tokio::select! {
            probe = self.look(request) => probe,
            () = async { cancel.cancelled().await; sleep(GRACE).await } => Err(Outcome::Interrupted),
        }
    }

    pub(super) async fn look(&mut self, request: &Request) -> Result<Probe, Outcome> {
        let what = "the probe";
        let mark = word()?;
        // A clock that is to be set is read with more care than an answer allows.
        let careful = request.covers(&Subject::Clock);
        let far = self.shell.is_far() && !careful;
        let script = probe_script(&request.clone().from_afar(far), &mark);
        let lost = |error| exec_trouble(what, &error);
        let mut talk = self.shell.start(what, &script, &mark, PROBE_TIMEOUT).await?;
        if talk.until("end", PROBE_TIMEOUT).await.map_err(lost)?.is_some() {
            let told = talk.clock_told(talk.sections(), self.shell.link().round_trip());
            let read = match told {
                Some(told) => Some(told),
                None => {
                    if far {
                        talk.say(ASK_TIME).await;
                    }
                    talk.read_clock(if careful { CAREFUL } else { 1 }).await.map_err(lost)?
                }
            };
            self.result.clock = read.map(Clock::new);
        }
        match Probe::parse(request, talk.sections()) {
            Some(mut probe) if probe.root => {
                self.shell.leave_open(talk).await;
                probe.observed.clock = self.result.clock.map(|clock| clock.before);
                self.supply(&mut probe)?;
                Ok(probe)
            }
            Some(_) if self.job.reach.become_.is_some() => Err(Outcome::Failed(Trouble::new(
                "the host's way to become root makes nobody root",
                "look at ansible_become_exe and ansible_become_flags",
            ))),
            Some(_) => Err(Outcome::Failed(Trouble::new(
                format!("{} is not root, and become is off", self.job.reach.user),
                "log in as root, or take out ansible_become: false",
            ))),
            None => Err(self.cut_off(what, &talk).into()),
        }
    }
}
