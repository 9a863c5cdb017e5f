//! More sources than one: whom a host follows then, and what is said of it.

use super::chronyc::Tracking;
use super::reading::Reading;
use super::sources::Wanted;
use super::verdict::{Expectation, Role, State};

/// The standby that a client follows.
pub(super) fn followed(
    standbys: &[String],
    reading: &Reading,
    tracking: &Tracking,
) -> Option<Wanted> {
    let peer = tracking.follows()?;
    let named = reading.source_addresses.iter().filter(|found| found.name.is_some());
    let mut wanted = Wanted::source(standbys, &named.cloned().collect::<Vec<_>>());
    wanted.label = format!("the standby {peer}");
    Some(wanted).filter(|wanted| wanted.includes(peer))
}

/// What a standby should follow: an upstream while one answers, else a source before it.
pub(super) fn ahead(
    sources: &[String],
    upstreams: &[String],
    reading: &Reading,
    tracking: &Tracking,
) -> Wanted {
    let wanted = Wanted::source(sources, &reading.source_addresses);
    let by_upstream = Wanted::upstreams(upstreams);
    let follows = |wanted: &Wanted| tracking.follows().is_some_and(|peer| wanted.includes(peer));
    if !upstreams.is_empty() && follows(&by_upstream) && !follows(&wanted) {
        return by_upstream;
    }
    wanted
}

/// Whether a standby can lead: by its own clock, or by the time that it had from `wanted`, which it
/// keeps for hours before it calls itself local.
pub(super) fn leads(tracking: &Tracking, wanted: &Wanted) -> bool {
    tracking.is_local() || tracking.follows().is_some_and(|peer| wanted.includes(peer))
}

/// What the reader should know: who leads in whose place.
pub(super) fn note(expectation: &Expectation, reading: &Reading, state: State) -> Option<String> {
    let tracking = reading.chronyc.tracking.as_ref()?;
    match &expectation.role {
        Role::Client { source, standbys } if state.passes() => {
            let standby = followed(standbys, reading, tracking)?.label;
            let first = Wanted::source(source, &reading.source_addresses);
            let mut rows = reading.chronyc.sources.iter();
            // The lowest bit is the last poll.
            let answers = rows.any(|row| first.includes(&row.peer) && row.reach & 1 == 1);
            Some(match answers {
                true => format!("follows {standby}, though {} answers", first.label),
                false => format!("follows {standby}: {} does not answer", first.label),
            })
        }
        Role::Standby { sources, .. } if state == State::Local => {
            let before = sources.first()?;
            Some(format!("gives the cluster its time in place of the source {before}"))
        }
        _ => None,
    }
}
