//! Who gives the cluster its time: the source and its standbys, and what each host is told of them.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;

use super::builder::Builder;
use super::settings::{Part, Settings};
use super::{Member, SOURCE_GROUP, TIME_ROLE};
use crate::problem::{Place, Problem, nearest};
use crate::template::{Layer, Vars};

/// The highest stratum that a server of time may have (RFC 5905, section 7.3).
const LAST_STRATUM: usize = 15;

/// A host that gives the cluster its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSource {
    /// Its name in the inventory.
    pub name: String,
    /// The address by which others reach it.
    pub address: String,
}

impl TimeSource {
    pub(super) fn of(member: &Member) -> Self {
        Self { name: member.name.clone(), address: member.connection.address.clone() }
    }
}

/// The variables of the cluster's time: one layer for each source, and one that all clients share.
pub(super) struct TimeLayers {
    sources: Vec<(String, Arc<Layer>)>,
    clients: Arc<Layer>,
}

impl TimeLayers {
    /// The layer of `host`.
    pub fn of(&self, host: &str) -> &Arc<Layer> {
        let own = self.sources.iter().find(|(name, _)| name == host);
        own.map_or(&self.clients, |(_, layer)| layer)
    }

    /// The layer of all that serve nobody.
    pub fn of_clients(&self) -> &Arc<Layer> {
        &self.clients
    }
}

impl Builder<'_> {
    /// The first host of the group `chrony`.
    pub fn source(&self) -> Result<String, Problem> {
        let members = self.inventory.group(SOURCE_GROUP);
        let first = members.as_ref().and_then(|hosts| hosts.first());
        if let Some(first) = first {
            return Ok((*first).to_owned());
        }
        let message = match &members {
            None => "the inventory has no group chrony",
            Some(_) => "the group chrony is empty",
        };
        let groups = self.inventory.groups();
        let near = groups.keys().find(|name| nearest(name, &[SOURCE_GROUP]).is_some());
        if let Some(near) = near.filter(|_| members.is_none()) {
            return Err(Problem::new(format!("{message}, but {near}: no host is the time source"))
                .at(self.inventory.place_of_group(near))
                .hint(format!("did you mean {SOURCE_GROUP}?")));
        }
        let host = self.inventory.hosts().next().unwrap_or("192.0.2.11");
        let file = self.inventory.place_of_host(host).map(|place| place.file).unwrap_or_default();
        let is_yaml = [".yml", ".yaml"].iter().any(|end| file.ends_with(end));
        let lines = if is_yaml {
            format!("  chrony:\n    hosts:\n      {host}:")
        } else {
            format!("  [chrony]\n  {host}")
        };
        let whole = Place { file, line: 0, column: 0, text: String::new() };
        Err(Problem::new(format!("{message}: no host is the time source"))
            .at(self.inventory.place_of_group(SOURCE_GROUP).unwrap_or(whole))
            .hint(format!("put the node in it that gives the cluster its time, such as\n{lines}")))
    }

    /// The standbys of `source`: the further hosts of the group `chrony`, when they are to be some.
    pub fn standbys(&self, source: &str, settings: &Settings) -> Result<Vec<String>, Problem> {
        if !settings.standby {
            return Ok(Vec::new());
        }
        let group = self.inventory.group(SOURCE_GROUP).unwrap_or_default();
        let standbys: Vec<String> =
            group.into_iter().filter(|host| *host != source).map(ToOwned::to_owned).collect();
        let place = self.place_of(source, "chrony_standby", Part::default());
        if standbys.is_empty() {
            let message = "chrony_standby: the group chrony has one host, and a standby is another";
            return Err(Problem::new(message).at(place).hint(
                "add a second host to the group, or take the setting out: one source needs none",
            ));
        }
        let last = usize::from(settings.local_stratum) + standbys.len();
        if last > LAST_STRATUM {
            return Err(Problem::new(format!(
                "the last of {} standbys would serve at stratum {last}, and {LAST_STRATUM} is the highest",
                standbys.len()
            ))
            .at(place)
            .hint("each standby serves one stratum below the one before it: lower local_stratum"));
        }
        Ok(standbys)
    }

    /// A source that only this machine reaches gives nobody else the time.
    pub fn reachable(&self, source: &Member, addresses: &[String]) -> Result<(), Problem> {
        let own = |address: &String| {
            let loopback = address.parse::<IpAddr>().map(|address| address.is_loopback());
            loopback.unwrap_or(address == "localhost")
        };
        let address = &source.connection.address;
        if !own(address) || addresses.iter().all(own) {
            return Ok(());
        }
        let place = self.place_of(&source.name, "ansible_host", Part::default());
        Err(Problem::new(format!(
            "{} is a time source, and other hosts cannot reach it at {address}",
            source.name
        ))
        .at(place.or_else(|| self.inventory.place_of_host(&source.name)))
        .hint("set its ansible_host to an address that the other hosts reach"))
    }

    /// What hosts are told of `sources`.
    pub fn time_layers(&self, settings: &Settings, sources: &[TimeSource]) -> TimeLayers {
        let own = sources.iter().enumerate().map(|(rank, source)| {
            (source.name.clone(), Layer::literal(self.time_vars(settings, sources, Some(rank))))
        });
        TimeLayers {
            sources: own.collect(),
            clients: Layer::literal(self.time_vars(settings, sources, None)),
        }
    }

    /// The variables of the source with this `rank`, or of a client. Servers and stratum are the
    /// chrony role's: without it nobody has checked them.
    fn time_vars(&self, settings: &Settings, sources: &[TimeSource], rank: Option<usize>) -> Vars {
        let part = match rank {
            Some(0) => "source",
            Some(_) => "standby",
            None => "client",
        };
        let mut vars = Vars::new();
        let first = sources.first();
        vars.insert("time_source".to_owned(), json!(first.map(|source| &source.address)));
        vars.insert("time_source_name".to_owned(), json!(first.map(|source| &source.name)));
        vars.insert("time_part".to_owned(), json!(part));
        if self.recipe.role(TIME_ROLE).is_some() {
            let stratum = usize::from(settings.local_stratum) + rank.unwrap_or_default();
            vars.insert("ntp_servers".to_owned(), json!(settings.ntp_servers));
            vars.insert("local_stratum".to_owned(), json!(stratum));
            // A project's own defaults may be older than these.
            let clock = if settings.set_clock { "controller" } else { "own" };
            vars.insert("source_clock".to_owned(), json!(clock));
            vars.insert("max_offset".to_owned(), json!(settings.max_offset));
        }
        vars
    }
}
