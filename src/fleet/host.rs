//! One host from the connection to its result.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::gate::Source;
use super::result::{HostResult, Outcome, Trouble};
use super::{Doing, Job, Mode, Part, Shared};
use crate::plan::Plan;
use crate::remote::{Probe, Request, Sections, Word, probe_script};
use crate::resource::Subject;
use crate::sanitise::sanitise_lines;
use crate::ssh::{ExecError, Output, Session};

/// How long the probe may take: it only reads, but a busy host may be slow at it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// A host with an open connection.
pub(super) struct Driver<'a> {
    pub job: &'a Job,
    pub shared: &'a Shared,
    pub session: Session,
    pub result: HostResult,
}

/// What is known of a host after its probe.
pub(super) struct Known {
    pub probe: Probe,
    pub plan: Plan,
}

/// Takes `job` through the whole run.
pub(super) async fn drive(job: &Job, shared: &Shared) -> HostResult {
    let begun = Instant::now();
    let mut result = HostResult::interrupted(job);
    if !shared.cancel.is_cancelled() {
        shared.tell(&job.name, Doing::Connecting);
        let connected = tokio::select! {
            connected = shared.client.connect(&job.reach.target) => Some(connected),
            () = shared.cancel.cancelled() => None,
        };
        match connected {
            None => {}
            Some(Err(error)) => {
                let trouble = Trouble::new(error.to_string(), error.hint());
                result.outcome = Outcome::Unreachable(trouble);
            }
            Some(Ok(session)) => result = Driver { job, shared, session, result }.run().await,
        }
    }
    if job.part == Part::Source {
        // Whatever became of the source: nobody waits for it any longer.
        shared.gate.decide(Source::Lost(lost(&result)));
    }
    result.seconds = begun.elapsed().as_secs_f64();
    shared.tell(&job.name, Doing::Done(Box::new(result.clone())));
    result
}

/// Why the source does not serve, for its clients.
fn lost(result: &HostResult) -> String {
    let why = match &result.outcome {
        Outcome::Unreachable(_) => "is unreachable",
        Outcome::Interrupted => "was interrupted",
        Outcome::Failed(_) | Outcome::Ok => "does not serve time",
    };
    format!("the time source {} {why}", result.host)
}

impl Driver<'_> {
    async fn run(mut self) -> HostResult {
        if let Some(key) = self.session.learned_host_key() {
            self.result.notes.push(format!("its host key was not known and is now: {key}"));
        }
        self.result.notes.extend(self.session.doubt());
        self.result.outcome = self.stages().await.unwrap_or_else(|stopped| stopped);
        self.result.execs = self.session.execs();
        self.session.close().await;
        self.result
    }

    async fn stages(&mut self) -> Result<Outcome, Outcome> {
        self.tell(Doing::Probing);
        let Known { probe, plan } = self.probe().await?;
        self.result.facts = Some(probe.facts.clone());
        self.result.plan = plan;
        self.tell(Doing::Planned(self.result.plan.changes.len()));
        if self.shared.order.mode == Mode::Check {
            return Ok(Outcome::Ok);
        }
        if !self.result.plan.is_empty() {
            if !self.apply().await? {
                return Ok(Outcome::Interrupted);
            }
            self.result.applied = true;
        }
        if self.shared.order.verify {
            return self.prove(&probe).await;
        }
        // Without times to prove the gate has been open from the start.
        Ok(Outcome::Ok)
    }

    pub(super) fn tell(&self, doing: Doing) {
        self.shared.tell(&self.job.name, doing);
    }

    /// The command that runs a script from its standard input as root.
    pub(super) fn shell(&self) -> &'static str {
        if self.job.reach.sudo { "sudo -n sh" } else { "sh" }
    }

    /// Probes and plans. Should the facts name something that was not looked at (a conf path
    /// of its own, say), a second look brings it.
    async fn probe(&mut self) -> Result<Known, Outcome> {
        let recipe = &self.shared.recipe;
        let problem = |problem: crate::problem::Problem| {
            Trouble::new(problem.to_string(), "mend the file and run again")
        };
        let mut subjects = match self.shared.order.mode {
            Mode::Verify => BTreeSet::new(),
            Mode::Setup | Mode::Check => self.job.subjects.clone(),
        };
        let request = Request::new(&subjects, &self.names());
        let probe = self.look(&request).await?;
        if self.shared.order.mode == Mode::Verify {
            return Ok(Known { probe, plan: Plan::default() });
        }
        let desired = recipe.desired(&self.job.vars, &probe.facts).map_err(problem)?;
        let missed: Vec<Subject> = desired.subjects().filter(|s| !request.covers(s)).collect();
        let probe = if missed.is_empty() {
            probe
        } else {
            subjects.extend(missed);
            self.look(&Request::new(&subjects, &self.names())).await?
        };
        let plan = Plan::new(&desired, &probe.observed)
            .map_err(|why| Trouble::new(why, "put it out of the way, or name another path"))?;
        Ok(Known { probe, plan })
    }

    /// The source's name when it must be resolved on the host; an address needs no resolving.
    pub(super) fn names(&self) -> Vec<String> {
        let address = &self.shared.order.source_address;
        let is_name = address.parse::<std::net::IpAddr>().is_err();
        let needed = is_name && self.job.part == Part::Client;
        needed.then(|| address.clone()).into_iter().collect()
    }

    async fn look(&mut self, request: &Request) -> Result<Probe, Outcome> {
        let mark = self.word()?;
        let script = probe_script(request, &mark);
        let output = self
            .session
            .run(self.shell(), script.into_bytes(), PROBE_TIMEOUT)
            .await
            .map_err(|error| exec_trouble("the probe", &error))?;
        let mut sections = Sections::new(&mark);
        sections.feed(&output.stdout);
        sections.finish();
        let probe = Probe::parse(request, sections.all());
        match probe {
            Some(probe) if probe.root => Ok(probe),
            Some(_) => Err(Outcome::Failed(Trouble::new(
                format!("{} is not root, and sudo is off", self.job.reach.target.user),
                "log in as root, or take out ansible_become: false",
            ))),
            None => Err(self.shell_trouble(&output, &sections.preamble()).into()),
        }
    }

    pub(super) fn word(&self) -> Result<Word, Trouble> {
        Word::random().map_err(|error| {
            Trouble::new(
                format!("this machine gives no random numbers: {error}"),
                "look at its kernel log",
            )
        })
    }

    /// Why the host ran no script of ours. `preamble`: what it printed in its place.
    fn shell_trouble(&self, output: &Output, preamble: &str) -> Trouble {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = format!("{}\n{}", preamble.trim(), stderr.trim());
        let said = sanitise_lines(said.trim());
        let user = &self.job.reach.target.user;
        // sudo speaks in its own name.
        if self.job.reach.sudo && stderr.lines().any(|line| line.starts_with("sudo:")) {
            let next = format!(
                "give {user} passwordless sudo (a line `{user} ALL=(ALL) NOPASSWD: ALL` by visudo), or log in as root with -u root"
            );
            return Trouble::new(format!("{user} may not run commands as root: sudo failed"), next)
                .log(&said);
        }
        Trouble::new(
            format!("the host ran no script of ours: `{}` ended with {}", self.shell(), output.status),
            format!(
                "see what `ssh {user}@{} {}` does by hand; a forced command or a login shell that is none keeps us out",
                self.result.address,
                self.shell()
            ),
        )
        .log(&said)
    }
}

/// A connection or command that failed while `what` was going on. A host that was lost is
/// unreachable in Ansible's sense; one that takes no command, or does not end it, has failed.
pub(super) fn exec_trouble(what: &str, error: &ExecError) -> Outcome {
    let what = format!("{what} did not end: {error}");
    match error {
        ExecError::Lost(_) => Outcome::Unreachable(Trouble::new(
            what,
            "see whether the host and the network are up, then run again: a change that was under way \
             goes to its end, or is undone, by itself",
        )),
        _ => Outcome::Failed(Trouble::new(
            what,
            "see whether the host is up and not overloaded, then run again",
        )),
    }
}
