//! The settings of a cluster's time, checked: nothing may be injected into a configuration, and what
//! contradicts itself is refused before any host is touched.

mod conf;
mod gates;
mod keys;
mod line;
mod lookup;
mod networks;
mod own;
mod packages;
mod policy;
mod servers;
#[cfg(test)]
mod tests;

pub use conf::{Conf, Spoken};
pub use keys::MadeKey;
pub use networks::Networks;
pub use packages::PackageSettings;
pub use policy::FailurePolicy;

pub(super) use lookup::{Lookup, Part};

use std::path::Path;

use serde_json::{Map, Value};

use crate::problem::{Place, Problem};
use crate::template::{Engine, Layer, Scope};
use crate::verify::DEFAULT_MAX_OFFSET;
use keys::{HostKeys, Keys};
use line::Line;
use own::Own;
use servers::{Family, Following, Server};

/// Settings of the whole cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the source follows, by name or address; empty when it runs free.
    pub ntp_servers: Vec<String>,
    /// Whom the source serves.
    pub networks: Networks,
    /// The stratum of a source that runs free, 1 to 15.
    pub local_stratum: u8,
    /// The largest error of a clock that passes, in seconds.
    pub max_offset: f64,
    /// Whether the source's clock is set from the controller's.
    pub set_clock: bool,
    /// Whether the further hosts of the group `chrony` stand by for the first.
    pub standby: bool,
    /// The bundle that packages come from, below the project's folder, and where that is said.
    pub bundle: Option<(String, Option<Place>)>,
    /// Where the packages of a bundle come from.
    pub packages: PackageSettings,
    /// How many hosts may fail before a run stops; none: all may.
    pub failure_policy: Option<FailurePolicy>,
    servers: Vec<Server>,
    family: Family,
    following: Following,
    keys: Keys,
    min_sources: Option<i64>,
}

impl Settings {
    /// The settings of a cluster whose hosts have `addresses`, and whose own key is kept in `folder`.
    pub(super) fn new(
        lookup: &Lookup<'_>,
        addresses: &[String],
        folder: &Path,
    ) -> Result<Self, Problem> {
        let keys = Keys::read(lookup, folder)?;
        let family = Family::of(lookup)?;
        let servers = servers::servers(lookup, &keys, family, addresses)?;
        let local_stratum = match lookup.number("local_stratum")? {
            None => 10,
            // chronyd takes 1 to 15: 16 means "not synchronised" in NTP (RFC 5905, section 7.3).
            Some(stratum) => (1..=15)
                .find(|known| (f64::from(*known) - stratum).abs() < f64::EPSILON)
                .ok_or_else(|| {
                    lookup.problem("local_stratum", &format!("{stratum} is not within 1 to 15"))
                })?,
        };
        let max_offset = lookup.entry("max_offset")?.map(|entry| entry.length()).transpose()?;
        let max_offset = max_offset.unwrap_or(DEFAULT_MAX_OFFSET);
        let standby = lookup.truth("chrony_standby")?.unwrap_or_default();
        Ok(Self {
            ntp_servers: servers.iter().map(|server| server.name.clone()).collect(),
            networks: networks::networks(lookup, addresses)?,
            local_stratum,
            max_offset,
            set_clock: set_clock(lookup, &servers)?,
            following: Following::read(lookup, family, keys.shared(), standby)?,
            min_sources: min_sources(lookup, &servers)?,
            packages: PackageSettings::read(lookup)?,
            failure_policy: FailurePolicy::read(lookup)?,
            standby,
            bundle: bundle(lookup)?,
            servers,
            family,
            keys,
        })
    }

    /// What one host's own settings and these put into its configuration: that of the source with
    /// this `rank` among `sources`, which are given by address, or of a client.
    pub(super) fn conf(
        &self,
        lookup: &Lookup<'_>,
        sources: &[&str],
        rank: Option<usize>,
    ) -> Result<Conf, Problem> {
        if let Some(message) = sources.iter().find_map(|address| self.family.excludes(address)) {
            return Err(lookup.problem("ip_family", &format!("the time source at {message}")));
        }
        let serves = rank.is_some();
        let ahead = rank.unwrap_or(sources.len());
        let mut serving = Vec::new();
        if let Some(count) = self.min_sources.filter(|_| serves) {
            serving.push(min_sources_line(count));
        }
        let behind: Vec<&str> = sources.iter().copied().skip(ahead + 1).collect();
        // It cannot carry a key, and where there is one nothing else is to be believed. And a clock
        // that was set from the controller is right, not theirs.
        let takes_up = !behind.is_empty() && self.keys.shared().is_none() && !self.set_clock;
        // It is a step: where none is wanted the source goes on with its own clock.
        if let Some(threshold) = own::step_threshold(lookup)?.filter(|_| takes_up) {
            let line = Line::new(format!("initstepslew {threshold} {}", behind.join(" ")));
            serving.push(line.comment(
                "The sources after it keep the time while it is away: it takes that up before it serves.",
            ));
        }
        let upstreams = self.servers.iter().filter(|_| serves);
        let mut lines: Vec<Line> = upstreams.map(|server| server.line(self.family)).collect();
        // While an upstream answers, a standby follows that: no source is preferred to it.
        let prefers = lines.is_empty();
        let before = sources.iter().take(ahead).enumerate();
        lines.extend(before.map(|(number, address)| {
            let line = self.following.line(address);
            match (self.standby, number) {
                (false, _) => line,
                // The others are right only where they agree with it.
                (true, 0) if prefers => line.word("prefer").word("trust"),
                (true, 0) => line,
                // A silent source is dropped when its last sample is older than all of these.
                (true, _) => line.word("maxsamples 8"),
            }
        }));
        let own = Own::read(lookup, serves)?;
        let keys = self.keys.of_host(serves);
        Ok(Conf { sources: lines, own, serving, has_leap_line: serves, keys })
    }

    /// The configuration of a host that follows the source at `source` or, where there is none, the servers
    /// themselves; and that serves nobody.
    pub(super) fn conf_of_follower(
        &self,
        lookup: &Lookup<'_>,
        source: Option<&str>,
    ) -> Result<Conf, Problem> {
        if let Some(source) = source {
            return self.conf(lookup, &[source], None);
        }
        let minimum = self.min_sources.map(min_sources_line);
        let own = Own::read(lookup, false)?;
        Ok(Conf {
            sources: self.servers.iter().map(|server| server.line(self.family)).collect(),
            // Nobody else tells it of a leap second early; but most do without, and so it is asked for.
            has_leap_line: own.leap_seconds == Some(true),
            own,
            serving: minimum.into_iter().collect(),
            keys: HostKeys::default(),
        })
    }

    /// Whether clients and the source share a key.
    pub(super) fn has_cluster_key(&self) -> bool {
        self.keys.shared().is_some()
    }

    /// The first of `ntp_servers` that proves itself by a key.
    pub(super) fn keyed_server(&self) -> Option<usize> {
        self.servers.iter().position(Server::has_key)
    }

    /// The key that ezsync makes for this cluster, when it is to.
    #[must_use]
    pub fn made_key(&self) -> Option<&MadeKey> {
        self.keys.made_key()
    }
}

/// Whether config.yml may have `settings`, as far as these alone can say. What is read below `openshift`, and by roles,
/// is not looked at.
///
/// # Errors
/// What is wrong with them.
pub fn check(settings: Map<String, Value>) -> Result<(), Problem> {
    let engine = Engine::default();
    let scope = Scope::default().with(&Layer::written(settings));
    let lookup = Lookup { engine: &engine, scope, place: Box::new(|_, _| None) };
    Settings::new(&lookup, &[], Path::new(""))?;
    Own::read(&lookup, false).map(drop)
}

/// The bundle, where one is named.
fn bundle(lookup: &Lookup<'_>) -> Result<Option<(String, Option<Place>)>, Problem> {
    let Some(entry) = lookup.entry("bundle")? else { return Ok(None) };
    let path = Some(entry.text()?.to_owned()).filter(|path| !path.is_empty());
    Ok(path.map(|path| (path, (lookup.place)("bundle", Part::default()))))
}

/// Whether the controller sets the source's clock. What follows a server gets its time from there.
fn set_clock(lookup: &Lookup<'_>, servers: &[Server]) -> Result<bool, Problem> {
    let Some(entry) = lookup.entry("source_clock")? else { return Ok(false) };
    match entry.text()? {
        "own" => Ok(false),
        "controller" if servers.is_empty() => Ok(true),
        "controller" => Err(entry
            .problem("the source follows ntp_servers, and its clock is not set from here as well")
            .hint(
                "leave out --set-clock (or source_clock: controller) and let it follow them, or write \
                 `ntp_servers: []` for a source that runs free",
            )),
        other => {
            let message = format!("`{}` is neither own nor controller", other.escape_debug());
            Err(entry.problem(&message))
        }
    }
}

fn min_sources_line(count: i64) -> Line {
    let line = Line::new(format!("minsources {count}"));
    line.comment("The clock is steered when so many servers agree.")
}

/// How many of the servers must agree. Clients have one source, and never wait for a second.
fn min_sources(lookup: &Lookup<'_>, servers: &[Server]) -> Result<Option<i64>, Problem> {
    let Some(entry) = lookup.entry("min_sources")? else { return Ok(None) };
    let count = entry.integer(1..=i64::from(u16::MAX))?;
    let most: i64 = servers.iter().map(Server::sources).sum();
    if count > most {
        let message = format!("{count} are more than the {most} of ntp_servers");
        let hint = "the source would never follow any of them: name more, or ask for fewer";
        return Err(entry.problem(&message).hint(hint));
    }
    Ok(Some(count))
}
