//! Reading a host's clock from here, through the script that already runs there.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::ClockId;

use super::talk::Talk;
use crate::exec::ExecError;
use crate::remote::{ASK_TIME, TIME_READY, TIME_TOLD};
use crate::verify::ClockOffset;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a clock is read again, each time to know it better: near hosts answer in a millisecond, and far
/// ones are not asked twice.
const BUDGET: Duration = Duration::from_millis(20);

/// More readings than this say hardly anything new.
const MOST: u32 = 8;

/// The controller's time since 1970: its clock as it stood when this was first asked, going on from there by
/// a clock that nobody sets or steers. The controller may be one of the hosts whose clocks are set.
/// None where there is no such clock.
fn now() -> Option<Duration> {
    static ANCHOR: OnceLock<Option<(Duration, Duration)>> = OnceLock::new();
    let raw = || ClockId::CLOCK_MONOTONIC_RAW.now().ok().map(Duration::from);
    let wall = || SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let (wall, then) = (*ANCHOR.get_or_init(|| Some((wall()?, raw()?))))?;
    raw()?.checked_sub(then)?.checked_add(wall)
}

impl Talk {
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
