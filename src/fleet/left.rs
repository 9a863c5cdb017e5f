//! What a way back leaves behind, be it that of a run that is not kept: packages that stay, services that are gone with
//! theirs, and who keeps time then.

use std::collections::BTreeSet;

use super::Mode;
use super::host::Driver;
use crate::facts::{Facts, TIME_DAEMONS};
use crate::history::{Record, Way};
use crate::remote::{Past, Probe};
use crate::resource::Observed;

/// The services that may keep a host's time.
pub(super) fn daemons(facts: &Facts) -> impl Iterator<Item = &str> {
    let chrony = Some(facts.chrony.unit.as_str()).filter(|unit| !unit.is_empty());
    chrony.into_iter().chain(TIME_DAEMONS)
}

/// What is said of `packages` that were installed by a run whose rest was undone; `by` which, where that is another
/// one.
pub(super) fn packages_stay(packages: &[String], by: Option<&str>) -> String {
    let names = packages.join(", ");
    let (were, stay) = if packages.len() == 1 { ("was", "stays") } else { ("were", "stay") };
    match by {
        None => format!("{names} {were} installed and {stay}; {UNTIL_SETUP}"),
        Some(by) => {
            format!("{names} {were} installed by {by} and {stay}, all else of that was undone")
        }
    }
}

/// What goes for services of packages that stay where nothing else does.
const UNTIL_SETUP: &str =
    "what it starts runs with the distribution's own configuration until setup is run again";

impl Driver<'_> {
    /// Says what an earlier run has left on a host with this `past`, and how changes ended that nobody heard of. What
    /// was just told of one is not told again.
    pub(super) fn note_left(&mut self, past: &Past) {
        let order = &self.shared.order;
        let notes = &mut self.result.notes;
        for line in past.left.lines() {
            if !notes.iter().any(|note| line.ends_with(note.as_str())) {
                notes.push(line.to_owned());
            }
        }
        for about in past.only_packages(past.newest) {
            let by = about.words(&order.cluster);
            let mut note = packages_stay(&about.stays, Some(&by));
            // This run is the one that setup is run again by.
            if order.mode != Mode::Setup {
                note = format!("{note}; {UNTIL_SETUP}");
            }
            notes.push(note);
        }
    }

    /// Says what no way back takes away or brings, where `then` is what stands at its end.
    pub(super) fn note_what_stays(
        &mut self,
        way: &Way,
        probe: &Probe,
        record: Option<&Record>,
        then: &Observed,
    ) {
        let facts = &probe.facts;
        let mut installed: BTreeSet<&str> = way.packages.iter().map(String::as_str).collect();
        if self.shared.order.pristine {
            installed.extend(record.iter().flat_map(|record| record.installed()));
        }
        let notes = &mut self.result.notes;
        let runs = |name: &str| then.units.get(name).is_some_and(|unit| unit.active);
        if !installed.is_empty() {
            let came_with_us = installed.contains("chrony");
            let names: Vec<&str> = installed.into_iter().collect();
            notes.push(format!("was installed by ezsync and stays: {}", names.join(", ")));
            if came_with_us && runs(&facts.chrony.unit) {
                notes.push(goes_on(facts, then));
            }
        }
        for name in way.lost(&probe.observed) {
            notes.push(format!(
                "the service {name} is not there any more (its package was removed) and does not come back by itself{}",
                way_to_get(name, facts)
            ));
        }
        if !daemons(facts).any(runs) {
            notes.push(
                "no time daemon runs after that, as it was before: nothing keeps the clock right"
                    .to_owned(),
            );
        }
    }
}

/// What the chrony does that stays.
fn goes_on(facts: &Facts, then: &Observed) -> String {
    let conf = &facts.chrony.conf;
    let content = then.paths.get(conf).and_then(|state| state.content.as_deref());
    let text = String::from_utf8_lossy(content.unwrap_or_default()).into_owned();
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let kind = words.next().filter(|kind| ["server", "pool", "peer"].contains(kind))?;
        Some(format!("{kind} {}", words.next()?))
    });
    let servers: Vec<String> = servers.collect();
    let follows = match servers.is_empty() {
        true => String::new(),
        false => format!(" and follows {}", servers.join(", ")),
    };
    let end = match facts.service_manager.as_str() {
        "systemd" => format!(": `systemctl disable --now {}` ends that", facts.chrony.unit),
        _ => String::new(),
    };
    format!("chrony goes on with {conf} of its package{follows}{end}")
}

/// How the service `name` comes back that went with its package.
fn way_to_get(name: &str, facts: &Facts) -> String {
    match facts.package_manager.as_str() {
        // Debian has one package for time at a time, and calls it as its service.
        "apt" if TIME_DAEMONS.contains(&name) => {
            format!(": `apt-get install {name}` brings it back, in the place of chrony")
        }
        _ => ": install its package to have it back".to_owned(),
    }
}
