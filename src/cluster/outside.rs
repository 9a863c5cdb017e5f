//! What stands outside of OpenShift's pools: the source that they follow, and hosts that get nothing.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::builder::Builder;
use super::pools::PoolWish;
use super::{TimeSource, names};
use crate::openshift::{PoolSettings, Settings, WORKER};
use crate::problem::{Place, Problem};
use crate::template::Layer;

/// The most hosts that a note names.
const NAMED_MAX: usize = 3;

impl Builder<'_> {
    /// The source outside of all pools, when one is named: a host of the inventory, or any other address.
    pub(super) fn outside(
        &self,
        openshift: &Settings,
        wish: &PoolWish,
        hosts: &[String],
        addresses: &[String],
        shared: &Arc<Layer>,
    ) -> Result<Option<TimeSource>, Problem> {
        let option = wish
            .internal_source
            .as_ref()
            .map(|name| (name.clone(), Place::in_file(Path::new("--internal-source"))));
        let Some((name, place)) = option.or_else(|| openshift.internal_source.clone()) else {
            return Ok(None);
        };
        let known = self.host_called(&name, shared)?;
        let said = name;
        let name = known.map_or(said.clone(), ToOwned::to_owned);
        let address = match known {
            Some(name) => self.member(name, shared)?.connection.address,
            None => name.clone(),
        };
        let among = |list: &[String], name: &str| list.iter().any(|other| is_same(other, name));
        if among(hosts, &name) || among(addresses, &address) {
            let also = if said == name { String::new() } else { format!("{name}, ") };
            let message = format!(
                "{said} is {also}a node of a pool: it would follow itself, for all nodes of a pool get the same file"
            );
            return Err(Problem::new(message).at(place).hint(
                "name a host outside of all pools, or leave it out: nodes then follow ntp_servers themselves",
            ));
        }
        names::check_address(&address).map_err(|problem| {
            problem.at(place.clone()).hint("give its name, or its address such as 192.0.2.11")
        })?;
        if is_oneself(&address) {
            let message =
                format!("{address} is on each node that node itself: it would follow itself");
            return Err(Problem::new(message)
                .at(place)
                .hint("give the address by which the nodes reach the source"));
        }
        Ok(Some(TimeSource { name, address }))
    }

    /// The host of the inventory that `name` is, or is the address of.
    fn host_called(&self, name: &str, shared: &Arc<Layer>) -> Result<Option<&str>, Problem> {
        if let Some(host) = self.inventory.hosts().find(|host| is_same(host, name)) {
            return Ok(Some(host));
        }
        for host in self.inventory.hosts() {
            if is_same(&self.member(host, shared)?.connection.address, name) {
                return Ok(Some(host));
            }
        }
        Ok(None)
    }

    /// A slip of the fingers in the name of a source is seen by nobody until clocks run apart.
    pub(super) fn notes_of_source(&self, sources: &[TimeSource]) -> Vec<String> {
        let known = |name: &str| self.inventory.hosts().any(|host| host == name);
        let unknown = sources.iter().filter(|source| !known(&source.name));
        unknown
            .map(|source| {
                format!(
                    "the source {} is not in the inventory: it is taken as written",
                    source.name
                )
            })
            .collect()
    }

    /// Hosts that are in no pool, and workers that are all in other pools.
    pub(super) fn notes_of_hosts(
        &self,
        openshift: &Settings,
        members: &[(PoolSettings, Vec<String>)],
        sources: &[TimeSource],
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let taken: HashSet<&String> = members.iter().flat_map(|(_, hosts)| hosts).collect();
        let is_source = |host: &str| sources.iter().any(|source| source.name == host);
        let hosts = self.inventory.hosts();
        let left: Vec<&str> =
            hosts.filter(|host| !taken.contains(&(*host).to_owned()) && !is_source(host)).collect();
        if !left.is_empty() {
            let (verb, number) = if left.len() == 1 { ("is", "host") } else { ("are", "hosts") };
            let more = if left.len() > NAMED_MAX { ", ..." } else { "" };
            let named: Vec<&str> = left.iter().take(NAMED_MAX).copied().collect();
            let (count, named) = (left.len(), named.join(", "));
            notes.push(format!("{count} {number} {verb} in no pool: {named}{more}"));
        }
        let worker = openshift.pools.iter().find(|pool| pool.name == WORKER);
        let is_dropped = members.iter().all(|(pool, _)| pool.name != WORKER);
        let group = worker.filter(|_| is_dropped).map(|worker| &worker.group);
        let workers = group.and_then(|group| self.inventory.group(group)).unwrap_or_default();
        let takes = |(_, hosts): &&(PoolSettings, Vec<String>)| {
            hosts.iter().any(|host| workers.contains(&host.as_str()))
        };
        let takers: Vec<&str> =
            members.iter().filter(takes).map(|(pool, _)| pool.name.as_str()).collect();
        if let Some(group) = group.filter(|_| !takers.is_empty()) {
            let takers = takers.join(", ");
            notes.push(format!(
                "no host of {group} is left for the pool {WORKER}, so there is no 99-{WORKER}-chrony: they are in {takers}"
            ));
        }
        notes
    }
}

/// Names of hosts are the same in either case, and with a dot at the end.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => plain(one) == plain(other),
    }
}

/// Whether an address is that of whoever asks.
fn is_oneself(address: &str) -> bool {
    let plain = address.trim_end_matches('.').to_ascii_lowercase();
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => {
            plain == "localhost"
                || plain == "localhost.localdomain"
                || plain.ends_with(".localhost")
        }
    }
}
