//! Reading a host's clock from here, through the script that already runs there.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::ClockId;
use serde::{Deserialize, Serialize};

use super::talk::Talk;
use crate::exec::ExecError;
use crate::remote::{ASK_TIME, Section, TIME_AROUND, TIME_READY, TIME_TOLD};
use crate::verify::{ClockOffset, Measure};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a clock is read again, each time to know it better: near hosts answer in a millisecond, and far
/// ones are not asked twice.
const BUDGET: Duration = Duration::from_millis(20);

/// Hosts that are further away than this tell the time with their answers: a question of its own would take longer
/// than all that is said.
pub(super) const FAR: Duration = BUDGET;

/// More readings than this say hardly anything new.
const MOST: u32 = 8;

/// The controller's clock at one moment, and what a clock said at that moment that nobody sets or steers.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    wall: Duration,
    raw: Duration,
    /// How far apart the two may have been read.
    gap: Duration,
}

impl Anchor {
    /// The one of this run. None where there is no such clock.
    fn get() -> Option<Self> {
        static ANCHOR: OnceLock<Option<Anchor>> = OnceLock::new();
        // Whatever keeps this process from running between two readings does not do so each time.
        *ANCHOR.get_or_init(|| (0..MOST).filter_map(|_| Self::read()).min_by_key(|read| read.gap))
    }

    fn read() -> Option<Self> {
        let raw = self::raw()?;
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(Self { wall, raw, gap: self::raw()?.saturating_sub(raw) })
    }
}

fn raw() -> Option<Duration> {
    ClockId::CLOCK_MONOTONIC_RAW.now().ok().map(Duration::from)
}

/// The controller's time since 1970: its clock as it stood when this was first asked, going on from there by
/// a clock that nobody sets or steers. The controller may be one of the hosts whose clocks are set.
/// None where there is no such clock.
pub(super) fn now() -> Option<Duration> {
    let anchor = Anchor::get()?;
    raw()?.checked_sub(anchor.raw)?.checked_add(anchor.wall)
}

/// The time that the clocks of a run were read in, so that two runs of one machine can be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timebase {
    /// The clock that it goes by: one boot of one kernel, in one of its time namespaces.
    clock: String,
    /// What time it was, in seconds since 1970, when that clock stood at 0.
    epoch: f64,
    /// How far `epoch` may be from the truth, in seconds.
    uncertainty: f64,
}

impl Timebase {
    /// That of this process; none where the system does not say which clock it has.
    #[must_use]
    pub fn here() -> Option<Self> {
        let Anchor { wall, raw, gap } = Anchor::get()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/time").unwrap_or_default();
        Some(Self {
            clock: format!("{} {}", boot.trim(), namespace.display()),
            epoch: wall.checked_sub(raw)?.as_secs_f64(),
            uncertainty: gap.as_secs_f64(),
        })
    }

    /// How far this time is ahead of `other`; none where they do not go by the same clock.
    #[must_use]
    pub fn ahead_of(&self, other: &Self) -> Option<Measure> {
        (self.clock == other.clock).then_some(Measure {
            seconds: self.epoch - other.epoch,
            uncertainty: self.uncertainty + other.uncertainty,
        })
    }
}

impl Talk {
    /// What a host that is far away, by `round_trip`, has told of its clock in `sections`, its answer to what was said
    /// to it last. None when it told nothing, or where it is so busy that a question of its own would say more: half of
    /// the way there and back is what nobody can know less than.
    pub(super) fn clock_told(
        &self,
        sections: &[Section],
        round_trip: Option<Duration>,
    ) -> Option<ClockOffset> {
        let received = now()?;
        let told = TIME_AROUND.map(|name| {
            sections.iter().find(|section| section.name == name)?.args.first().map(String::as_str)
        });
        let [Some(first), Some(last)] = told else { return None };
        let read = ClockOffset::around([first, last], self.said()?, received)?;
        (read.measure().uncertainty <= round_trip?.as_secs_f64()).then_some(read)
    }

    /// Reads the host's clock, `least` times or more, by a script that is about to be ready for it. None when
    /// it tells nothing that can be used.
    pub(super) async fn read_clock(
        &mut self,
        least: u32,
    ) -> Result<Option<ClockOffset>, ExecError> {
        self.until(TIME_READY, PATIENCE).await?;
        let Some(begun) = now() else { return Ok(None) };
        let mut known: Option<ClockOffset> = None;
        for number in 0..MOST {
            let Some(sent) = now() else { break };
            if number >= least && sent.saturating_sub(begun) > BUDGET {
                break;
            }
            self.say(ASK_TIME).await;
            let Some(answer) = self.until(TIME_TOLD, PATIENCE).await? else { break };
            let told = answer.args.first().zip(now());
            let Some(read) = told.and_then(|(told, now)| ClockOffset::read(told, sent, now)) else {
                break;
            };
            known = Some(known.map_or(read, |known| known.refined(read)));
        }
        Ok(known)
    }
}
