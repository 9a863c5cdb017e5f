//! The settings of a cluster's time, checked: nothing may be injected into a configuration.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::Value;

use super::names;
use crate::facts::Facts;
use crate::problem::{Place, Problem};
use crate::template::{Engine, Scope};
use crate::verify::DEFAULT_MAX_OFFSET;

/// The prefix that an address without one is taken to be in: a subnet of hosts is a /24 in
/// nearly all clusters, and an IPv6 subnet a /64 in all (RFC 4291, section 2.5.4).
const SUBNET_V4: u8 = 24;
const SUBNET_V6: u8 = 64;

/// Settings of the whole cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the source follows; empty when it runs free.
    pub ntp_servers: Vec<String>,
    /// Whom the source serves.
    pub networks: Networks,
    /// The stratum of a source that runs free, 1 to 15.
    pub local_stratum: u8,
    /// The largest error of a clock that passes, in seconds.
    pub max_offset: f64,
    /// Whether the further hosts of the group `chrony` stand by for the first.
    pub standby: bool,
}

/// The subnets that the source serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    given: Vec<String>,
    /// Some hosts are known by name only: the subnets that the source itself is in count too.
    and_own: bool,
}

impl Networks {
    /// Whether they are known only when the source has told its facts.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.and_own
    }

    /// The subnets on a source with `facts`.
    #[must_use]
    pub fn on(&self, facts: &Facts) -> Vec<String> {
        let mut networks = self.given.clone();
        if self.and_own {
            let own = facts.addresses.iter().filter(|net| !net.addr().is_loopback());
            for net in own.map(IpNet::trunc) {
                let covered =
                    |known: &String| known.parse::<IpNet>().is_ok_and(|known| known.contains(&net));
                if !networks.iter().any(covered) {
                    networks.push(net.to_string());
                }
            }
        }
        networks
    }

    /// One subnet that holds all of `networks`, for templates that take only one (kubeasz's).
    #[must_use]
    pub fn hull(networks: &[String]) -> String {
        let nets: Vec<IpNet> = networks.iter().filter_map(|text| subnet(text)).collect();
        let Some(first) = nets.first() else { return String::new() };
        let mut hull = *first;
        while !nets.iter().all(|net| hull.contains(net)) {
            match hull.supernet() {
                Some(wider) => hull = wider,
                // IPv4 and IPv6 have no subnet in common: the first family it is.
                None => return hull.to_string(),
            }
        }
        hull.to_string()
    }
}

/// Where a setting stands, or the item of its list with this number.
type PlaceOf<'a> = Box<dyn Fn(&str, Option<usize>) -> Option<Place> + 'a>;

/// Finds settings and the places where they stand.
pub(super) struct Lookup<'a> {
    pub engine: &'a Engine,
    pub scope: Scope,
    pub place: PlaceOf<'a>,
}

impl Lookup<'_> {
    fn get(&self, name: &str) -> Result<Option<Value>, Problem> {
        let Some(value) = self.scope.get(name) else { return Ok(None) };
        let here = Place { file: name.to_owned(), line: 0, column: 0, text: String::new() };
        let place = (self.place)(name, None).unwrap_or(here);
        let value = self.engine.values(value, &place, &self.scope)?;
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    fn problem(&self, name: &str, message: &str) -> Problem {
        self.problem_in(name, None, message)
    }

    fn problem_in(&self, name: &str, item: Option<usize>, message: &str) -> Problem {
        Problem::new(format!("{name}: {message}")).at((self.place)(name, item))
    }

    fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match self.get(name)? {
            None => Ok(None),
            Some(value) => match number(&value).filter(|n| n.is_finite()) {
                Some(number) => Ok(Some(number)),
                None => Err(self.problem(name, &format!("{value} is not a number"))),
            },
        }
    }

    /// Yes or no; on the command line and in INI both are texts.
    fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let flag = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" => Some(true),
                "false" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        };
        let Some(value) = self.get(name)? else { return Ok(None) };
        let wrong = || self.problem(name, &format!("{value} is neither true nor false"));
        flag(&value).map(Some).ok_or_else(wrong)
    }

    /// A list of texts; a single text is a list of one.
    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let texts = match self.get(name)? {
            None => return Ok(None),
            Some(Value::Array(items)) => items.iter().map(text).collect(),
            Some(value) => text(&value).map(|text| vec![text]),
        };
        match texts {
            Some(texts) => Ok(Some(texts)),
            None => Err(self.problem(name, "must be a list of texts")),
        }
    }
}

impl Settings {
    /// The settings of a cluster whose hosts have `addresses`.
    pub(super) fn new(lookup: &Lookup<'_>, addresses: &[String]) -> Result<Self, Problem> {
        if lookup.scope.get("ntp_servers").is_some_and(Value::is_null) {
            return Err(lookup.problem("ntp_servers", "has no value").hint(
                "write `ntp_servers: []` for a source that runs free, or take the line out for public servers",
            ));
        }
        let ntp_servers = lookup.texts("ntp_servers")?.unwrap_or_default();
        for (number, server) in ntp_servers.iter().enumerate() {
            if !names::is_host(server) {
                let message =
                    format!("`{}` is neither a name nor an address", server.escape_debug());
                let hint = if server.contains([',', '[']) {
                    "on the command line a list is JSON: -e '{\"ntp_servers\": [\"ntp1.example.org\"]}'"
                } else {
                    "write one server an entry, without options: ntp_servers: [ntp1.example.org, 192.0.2.1]"
                };
                return Err(lookup.problem_in("ntp_servers", Some(number), &message).hint(hint));
            }
        }
        let local_stratum = match lookup.number("local_stratum")? {
            None => 10,
            // chronyd takes 1 to 15: 16 means "not synchronised" in NTP (RFC 5905, section 7.3).
            Some(stratum) => (1..=15)
                .find(|known| (f64::from(*known) - stratum).abs() < f64::EPSILON)
                .ok_or_else(|| {
                    lookup.problem("local_stratum", &format!("{stratum} is not within 1 to 15"))
                })?,
        };
        let max_offset = lookup.number("max_offset")?.unwrap_or(DEFAULT_MAX_OFFSET);
        if max_offset <= 0.0 {
            return Err(lookup.problem("max_offset", "must be more than 0 seconds"));
        }
        Ok(Self {
            ntp_servers,
            networks: networks(lookup, addresses)?,
            local_stratum,
            max_offset,
            standby: lookup.flag("chrony_standby")?.unwrap_or_default(),
        })
    }
}

/// The subnets that are given, or else those of the cluster's own hosts.
fn networks(lookup: &Lookup<'_>, addresses: &[String]) -> Result<Networks, Problem> {
    if let Some(given) = lookup.texts("local_network")? {
        for (number, text) in given.iter().enumerate() {
            if subnet(text).is_none() {
                let message = format!("`{}` is not a subnet", text.escape_debug());
                return Err(lookup
                    .problem_in("local_network", Some(number), &message)
                    .hint("write it as 10.0.0.0/8 or fd00::/8; a list of them is fine"));
            }
        }
        if given.is_empty() {
            return Err(lookup
                .problem("local_network", "an empty list would keep every client out")
                .hint("leave it out to serve the subnets of the cluster's own hosts"));
        }
        return Ok(Networks { given, and_own: false });
    }
    let mut networks = Networks::default();
    let mut nets: Vec<IpNet> = Vec::new();
    for address in addresses {
        match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(v4)) => {
                nets.extend(Ipv4Net::new(v4, SUBNET_V4).map(|net| IpNet::V4(net.trunc())));
            }
            Ok(IpAddr::V6(v6)) => {
                nets.extend(Ipv6Net::new(v6, SUBNET_V6).map(|net| IpNet::V6(net.trunc())));
            }
            Err(_) => networks.and_own = true,
        }
    }
    nets.sort();
    nets.dedup();
    networks.given = nets.iter().map(ToString::to_string).collect();
    Ok(networks)
}

/// A subnet, or an address that stands for itself alone.
fn subnet(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hull_holds_all() {
        let of = |nets: &[&str]| {
            Networks::hull(&nets.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(of(&["10.0.0.0/24"]), "10.0.0.0/24");
        assert_eq!(of(&["10.0.0.0/24", "10.0.1.0/24"]), "10.0.0.0/23");
        assert_eq!(of(&["10.0.0.0/24", "192.168.1.1"]), "0.0.0.0/0");
        assert_eq!(of(&[]), "");
    }
}
