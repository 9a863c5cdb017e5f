//! Proving a host's time: looking again until it passes, or the deadline has come.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::gate::Source;
use super::host::{Driver, exec_trouble};
use super::result::{Outcome, Trouble};
use super::{Doing, Mode, Part};
use crate::remote::{Glance, Look, Probe, Section, Sections, watch_script};
use crate::sanitise::sanitise;
use crate::ssh::{Event, Exec, ExecError};
use crate::verify::{self, Expectation, Role, State, Verdict, judge};

/// The pause between two looks. chronyd's own numbers change with each reply, every two seconds
/// at the shortest; the kernel's flag follows within a second.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a client may take by itself before its sources are asked at once, and again after
/// as long: a daemon that was started before its source had given up asking often.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// A final failure counts only when it is seen this many times: a daemon that has just been
/// restarted may not answer yet.
const SETTLED: u32 = 3;

/// Looks at a host again and again over one command.
struct Watch {
    exec: Exec,
    sections: Sections,
    seen: usize,
}

impl Driver<'_> {
    /// Proves the host's time, and tells the clients what became of the source.
    pub(super) async fn prove(&mut self, probe: &Probe) -> Result<Outcome, Trouble> {
        self.tell(Doing::Verifying(None));
        let changed = !self.result.plan.is_empty();
        let first = judge(&self.expectation(Duration::ZERO), &probe.look.reading());
        let mut fresh = !changed;
        if self.job.part == Part::Client && self.shared.order.mode == Mode::Setup {
            // What a client said before its source changed proves nothing.
            fresh &= self.shared.gate.decided().await != Source::Changed;
        }
        let verdict =
            if fresh && first.state.passes() { first } else { self.watch(probe, first).await? };
        let state = verdict.state;
        if self.job.part == Part::Source && state.passes() {
            self.shared.gate.decide(if changed { Source::Changed } else { Source::Serving });
        }
        let outcome = outcome(&verdict, self.job.part);
        self.result.verdict = Some(verdict);
        Ok(outcome)
    }

    /// What is expected of the host after it has been watched for so long.
    fn expectation(&self, watched: Duration) -> Expectation {
        let order = &self.shared.order;
        // A source that this run did not touch has had its time to find its servers.
        let touched = !self.result.plan.is_empty();
        let patience = order.source_timeout.min(order.verify_timeout);
        let accept_local = !touched || watched >= patience;
        let role = match self.job.part {
            Part::Source => Role::Source {
                upstreams: order.upstreams.clone(),
                local_stratum: order.local_stratum,
            },
            Part::Client => Role::Client { source: vec![order.source_address.clone()] },
        };
        Expectation { role, max_offset: order.max_offset, accept_local }
    }

    /// Looks until the host passes, has failed for certain, or the time is up.
    async fn watch(&mut self, probe: &Probe, first: Verdict) -> Result<Verdict, Trouble> {
        let order = &self.shared.order;
        let begun = Instant::now();
        let mut watch: Option<Watch> = None;
        let mut verdict = first;
        let mut failures = 0;
        let mut last_burst = begun;
        loop {
            let waited = begun.elapsed();
            let late = waited >= order.verify_timeout || self.shared.cancel.is_cancelled();
            let glance = if late {
                Glance::Explain
            } else if verdict.state == State::Waiting && last_burst.elapsed() >= PATIENCE {
                last_burst = Instant::now();
                Glance::Burst
            } else {
                Glance::Look
            };
            let sections = match &mut watch {
                Some(watch) => watch.look(glance).await,
                None => watch.insert(self.open_watch(glance, probe).await?).answer().await,
            };
            let sections = sections.map_err(|error| exec_trouble("the verification", &error))?;
            let look = Look::watched(&sections, &probe.facts);
            verdict = judge(&self.expectation(waited), &look.reading());
            self.tell(Doing::Verifying(Some(verdict.state)));
            failures = if verdict.state == State::Waiting { 0 } else { failures + 1 };
            if verdict.state.passes() || late || (verdict.state.is_final() && failures >= SETTLED) {
                break;
            }
            sleep(PAUSE).await;
        }
        if let Some(watch) = watch {
            watch.end().await;
        }
        Ok(verdict)
    }

    async fn open_watch(&self, first: Glance, probe: &Probe) -> Result<Watch, Trouble> {
        let mark = self.word()?;
        let script = watch_script(first, &probe.facts.chrony.unit, &self.names(), &mark);
        let lost = |error: &ExecError| exec_trouble("the verification", error);
        let exec = self.session.exec(self.shell()).await.map_err(|error| lost(&error))?;
        exec.stdin.write(script.into_bytes()).await.map_err(|error| lost(&error))?;
        Ok(Watch { exec, sections: Sections::new(&mark), seen: 0 })
    }
}

/// What a verdict means for the host's result.
fn outcome(verdict: &Verdict, part: Part) -> Outcome {
    let not_ours = verdict.state == State::NotOurClock && part == Part::Client;
    if verdict.state.passes() || not_ours {
        // A container shares its host's clock: that nothing steers it from inside is right. A
        // source there would serve nobody.
        return Outcome::Ok;
    }
    let verify::Cause { what, next } = verdict.cause.clone().unwrap_or_else(|| verify::Cause {
        what: "its time could not be proved".to_owned(),
        next: "look at `chronyc tracking` on the host".to_owned(),
    });
    Outcome::Failed(Trouble::new(sanitise(&what), sanitise(&next)))
}

impl Watch {
    async fn look(&mut self, glance: Glance) -> Result<Vec<Section>, ExecError> {
        self.exec.stdin.write(format!("{}\n", glance.word()).into_bytes()).await?;
        self.answer().await
    }

    /// The sections of one answer.
    async fn answer(&mut self) -> Result<Vec<Section>, ExecError> {
        timeout(LOOK_TIMEOUT, self.read_answer())
            .await
            .unwrap_or(Err(ExecError::TimedOut(LOOK_TIMEOUT)))
    }

    async fn read_answer(&mut self) -> Result<Vec<Section>, ExecError> {
        loop {
            let new = self.sections.all().get(self.seen..).unwrap_or_default();
            if let Some(end) = new.iter().position(|section| section.name == "looked") {
                let answer = new.get(..end).unwrap_or_default().to_vec();
                self.seen += end + 1;
                return Ok(answer);
            }
            match self.exec.events.next().await? {
                Some(Event::Stdout(bytes)) => self.sections.feed(&bytes),
                Some(_) => {}
                None => return Err(ExecError::InputClosed),
            }
        }
    }

    /// Ends the script, which reads the end of its input.
    async fn end(self) {
        let Exec { stdin, mut events } = self.exec;
        let _ = stdin.close().await;
        let ended = async { while let Ok(Some(_)) = events.next().await {} };
        let _ = timeout(LOOK_TIMEOUT, ended).await;
    }
}
