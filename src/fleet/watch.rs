//! Proving a host's time: looking again until it passes, or the deadline has come.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::agreement::STEP;
use super::gate::Source;
use super::host::Driver;
use super::result::{Outcome, Trouble};
use super::shell::{exec_trouble, word};
use super::talk::Talk;
use super::{Doing, Judged, Mode, Part};
use crate::exec::ExecError;
use crate::remote::{ASK_TIME, Glance, Look, Probe, Section, Sight, watch_script};
use crate::sanitise::sanitise;
use crate::verify::{self, Cause, Expectation, Role, State, Verdict, judge, warnings};

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

/// What the judgement of a host needs to know of this run.
struct Ground {
    /// This run has changed something of the host's time.
    touched: bool,
    /// It has started its chronyd, too, which remembers nothing since then.
    restarted: bool,
    /// Since when another source serves than the one whose answers the host remembers, or these do not count.
    new_source: Option<Instant>,
    /// That one has another time.
    other_time: bool,
    /// A standby that has nobody to follow.
    leads: bool,
}

/// When a host was last told to do something about its time.
struct Pace {
    begun: Instant,
    burst: Option<Instant>,
    step: Option<Instant>,
}

impl Driver<'_> {
    /// Proves the host's time, tells the clients what became of the source, and has the host keep its change
    /// or go back.
    pub(super) async fn prove(&mut self, probe: &Probe) -> Result<Outcome, Outcome> {
        let proof = self.judge_time(probe).await;
        match self.open.take() {
            Some(open) => self.conclude(open, proof).await,
            None => proof,
        }
    }

    async fn judge_time(&mut self, probe: &Probe) -> Result<Outcome, Outcome> {
        self.tell(Doing::Verifying(None));
        let role = &self.shared.order.time_role;
        let touched = self.result.plan.changes.iter().any(|change| change.role == *role);
        let mut ground = Ground {
            touched,
            restarted: touched && self.restarted(probe),
            new_source: None,
            other_time: false,
            leads: false,
        };
        let waits = match self.job.part {
            Part::Source | Part::Node => false,
            // What is right for it depends on those before it.
            Part::Standby => true,
            Part::Client => self.shared.order.mode == Mode::Setup,
        };
        if waits {
            let Some(source) = self.source_before().await else { return Ok(Outcome::Interrupted) };
            // What a client said before its source changed proves nothing. A client that was
            // restarted after that remembers nothing.
            if matches!(source, Source::Changed | Source::Set) && !ground.restarted {
                ground.new_source = Some(Instant::now());
                ground.other_time = source == Source::Set;
            }
            ground.leads = self.job.part == Part::Standby && matches!(source, Source::Lost(_));
        }
        let since = ground.new_source.or(self.activated.filter(|_| ground.restarted));
        if self.shared.order.fresh && self.job.part == Part::Client && !ground.restarted {
            ground.new_source = ground.new_source.or(Some(Instant::now()));
        }
        let first = judge(&self.expectation(&ground, Duration::ZERO), &probe.look.reading());
        let verdict = if self.shared.order.mode == Mode::Doctor {
            self.examine(probe, &ground).await?
        } else if first.state.passes() && !ground.touched && ground.new_source.is_none() {
            first
        } else {
            self.watch(probe, &ground, first).await?
        };
        if self.job.part != Part::Client && verdict.state.passes() {
            let was_set = self.result.clock.is_some_and(|clock| clock.moved().exceeds(STEP));
            let state = match ground.touched {
                true if was_set => Source::Set,
                true => Source::Changed,
                false => Source::Serving,
            };
            self.shared.gate.decide(self.shared.order.rank(&self.job.name), state);
        }
        let since = since.filter(|_| verdict.state.passes());
        self.result.synchronised_after = since.map(|since| since.elapsed().as_secs_f64());
        let outcome = outcome(&verdict, self.job.part, self.shared.order.mode);
        self.result.verdict = Some(verdict);
        Ok(outcome)
    }

    /// Whether this run has started the host's chronyd.
    fn restarted(&self, probe: &Probe) -> bool {
        let unit = &probe.facts.chrony.unit;
        let ran = probe.observed.units.get(unit).is_some_and(|unit| unit.active);
        !ran || self.result.plan.changes.iter().any(|change| change.work.restarts(unit))
    }

    /// What is expected of the host after it has been watched for so long.
    fn expectation(&self, ground: &Ground, watched: Duration) -> Expectation {
        let order = &self.shared.order;
        // A source that this run did not touch has had its time to find its servers.
        let patience = match order.upstreams.is_empty() {
            true => Duration::ZERO,
            false => order.source_timeout.min(order.verify_timeout),
        };
        let may_lead = self.job.part == Part::Source || ground.leads;
        let accept_local = may_lead && (!ground.touched || watched >= patience);
        // chronyc rounds ages to seconds: one more makes sure that the answer is a new one.
        let heard_within =
            ground.new_source.map(|since| (since.elapsed().as_secs_f64() - 1.0).max(-1.0));
        let upstreams = order.upstreams.clone();
        let sources = order.before(&self.job.name);
        let role = match self.job.part {
            Part::Source => Role::Source { upstreams, local_stratum: order.local_stratum },
            Part::Standby => {
                // Each serves one stratum below the one before it.
                let below = u8::try_from(sources.len()).unwrap_or(u8::MAX);
                let local_stratum = order.local_stratum.saturating_add(below);
                Role::Standby { sources, upstreams, local_stratum }
            }
            Part::Client | Part::Node => {
                let mut sources = sources.into_iter();
                Role::Client {
                    source: sources.next().into_iter().collect(),
                    standbys: sources.collect(),
                }
            }
        };
        Expectation { role, max_offset: order.max_offset, accept_local, heard_within }
    }

    /// How a host is to be looked at that had this `verdict` just now.
    fn next_glance(&self, ground: &Ground, verdict: &Verdict, pace: &mut Pace) -> Glance {
        // Public servers are not to be asked at once, again and again: clients' source is ours.
        let ours = match self.job.part {
            Part::Client | Part::Node => true,
            Part::Standby => self.shared.order.upstreams.is_empty(),
            Part::Source => false,
        };
        if !ours || verdict.state != State::Waiting {
            return Glance::Look;
        }
        let is_due = |last: Option<Instant>| last.is_none_or(|last| last.elapsed() >= PATIENCE);
        // Only its first updates after a start step the clock by themselves.
        let slews = matches!(verdict.cause, Some(Cause::Slewing { .. }));
        if ground.other_time && slews && pace.burst.is_some() && is_due(pace.step) {
            pace.step = Some(Instant::now());
            return Glance::Step;
        }
        let first = pace.burst.is_none();
        let at_once = first && ground.new_source.is_some();
        if !at_once && !is_due(pace.burst.or(Some(pace.begun))) {
            return Glance::Look;
        }
        pace.burst = Some(Instant::now());
        if first && ground.other_time { Glance::Anew } else { Glance::Burst }
    }

    /// Looks until the host passes, has failed for certain, or the time is up.
    async fn watch(
        &mut self,
        probe: &Probe,
        ground: &Ground,
        first: Verdict,
    ) -> Result<Verdict, Outcome> {
        let order = &self.shared.order;
        let mut pace = Pace { begun: Instant::now(), burst: None, step: None };
        // A host that has just changed goes on to take looks.
        let mut talk = self.open.as_mut().and_then(|open| open.talk.take());
        let mut verdict = first;
        let mut silent = probe.look.reading().silent_sources();
        let mut failures = 0;
        let mut cut_short;
        let mut clock;
        loop {
            let waited = pace.begun.elapsed();
            let late = waited >= order.verify_timeout;
            // The last look is the one that explains; one that is cut short has nothing to explain.
            let last = late || failures >= SETTLED;
            cut_short = !last && self.shared.means.cancel.is_cancelled();
            let glance = match last {
                true => Glance::Explain(silent),
                false if cut_short => Glance::Look,
                false => self.next_glance(ground, &verdict, &mut pace),
            };
            if last {
                self.result.explained = Some(Instant::now());
            }
            // By the time of the question: how old an answer may be must not grow on a slow way.
            let expectation = self.expectation(ground, waited);
            let sections = match &mut talk {
                Some(talk) => {
                    talk.say(&glance.order()).await;
                    answer(talk).await
                }
                None => answer(talk.insert(self.open_watch(&glance, probe).await?)).await,
            };
            let sections = sections.map_err(|error| exec_trouble("the verification", &error))?;
            let round_trip = self.shell.link().round_trip();
            clock = talk.as_ref().and_then(|talk| talk.clock_told(&sections, round_trip));
            let look = Look::watched(&sections, &probe.facts);
            let reading = look.reading();
            verdict = judge(&expectation, &reading);
            silent = reading.silent_sources();
            let (state, cause) = (verdict.state, verdict.cause.clone());
            let patience = order.verify_timeout;
            self.tell(Doing::Verifying(Some(Judged { state, cause, watched: waited, patience })));
            failures = if verdict.state == State::Waiting { 0 } else { failures + 1 };
            if verdict.state.passes() || late || cut_short || (verdict.state.is_final() && last) {
                break;
            }
            if failures < SETTLED {
                sleep(PAUSE).await;
            }
        }
        if let Some(mut talk) = talk {
            // One that is near, or busy, is asked.
            if clock.is_none() {
                talk.say(ASK_TIME).await;
                let read = talk.read_clock(1).await;
                clock = read.map_err(|error| exec_trouble("the verification", &error))?;
            }
            if let (Some(known), Some(read)) = (&mut self.result.clock, clock) {
                known.after = read;
            }
            match &mut self.open {
                Some(open) => open.talk = Some(talk),
                None => {
                    talk.end(LOOK_TIMEOUT).await;
                }
            }
        }
        // A host that was not given its time has not failed.
        if cut_short && !verdict.state.passes() { Err(Outcome::Interrupted) } else { Ok(verdict) }
    }

    /// One look that asks for everything.
    async fn examine(&mut self, probe: &Probe, ground: &Ground) -> Result<Verdict, Outcome> {
        let glance = Glance::Examine(probe.look.reading().silent_sources());
        self.result.explained = Some(Instant::now());
        let mut talk = self.open_watch(&glance, probe).await?;
        let sections = answer(&mut talk).await;
        let sections = sections.map_err(|error| exec_trouble("the examination", &error))?;
        talk.end(LOOK_TIMEOUT).await;
        let reading = Look::watched(&sections, &probe.facts).reading();
        let expectation = self.expectation(ground, Duration::ZERO);
        let mut verdict = judge(&expectation, &reading);
        verdict.warnings = warnings(&expectation, &reading, verdict.cause.as_ref());
        Ok(verdict)
    }

    async fn open_watch(&self, first: &Glance, probe: &Probe) -> Result<Talk, Outcome> {
        let mark = word()?;
        let (chrony, names, far) = (&probe.facts.chrony, self.names(), self.shell.is_far());
        let script = watch_script(first, Sight { chrony, names: &names, far }, &mark);
        self.shell.start("the verification", &script, &mark, LOOK_TIMEOUT).await
    }
}

/// The sections of one look.
async fn answer(talk: &mut Talk) -> Result<Vec<Section>, ExecError> {
    talk.take_until("looked", LOOK_TIMEOUT).await?.ok_or(ExecError::InputClosed)
}

/// The next steps of [`Cause::words`] that say this do so first: the only advice, or the first of two.
const RUN_SETUP: [&str; 2] = ["run setup for this host", "run setup"];

/// A next step as it is after a run of `mode`: what setup could do it has just done.
fn next_step(next: &str, mode: Mode) -> &str {
    if mode != Mode::Setup {
        return next;
    }
    let rest = RUN_SETUP.iter().find_map(|begin| next.strip_prefix(begin));
    rest.and_then(|rest| rest.strip_prefix(", or ")).unwrap_or(next)
}

/// What a verdict means for the host's result in a run of `mode`.
pub(super) fn outcome(verdict: &Verdict, part: Part, mode: Mode) -> Outcome {
    let not_ours = verdict.state == State::NotOurClock && part == Part::Client;
    if verdict.state.passes() || not_ours {
        // A container shares its host's clock: that nothing steers it from inside is right. A
        // source there would serve nobody.
        return Outcome::Ok;
    }
    let verify::Words { what, next } = match &verdict.cause {
        Some(cause) => cause.words(),
        None => verify::Words {
            what: "its time could not be proved".to_owned(),
            next: "look at `chronyc tracking` on the host".to_owned(),
        },
    };
    Outcome::Failed(Trouble::new(sanitise(&what), sanitise(next_step(&next, mode))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_does_not_advise_to_run_setup() {
        for (next, after_setup) in [
            ("run setup for this host, or start the unit there", "start the unit there"),
            ("run setup, or add this host's subnet", "add this host's subnet"),
            ("run setup for this host", "run setup for this host"),
            (
                "open UDP port 123, or run setup for this host",
                "open UDP port 123, or run setup for this host",
            ),
        ] {
            assert_eq!(next_step(next, Mode::Setup), after_setup);
            assert_eq!(next_step(next, Mode::Verify), next);
        }
    }
}
