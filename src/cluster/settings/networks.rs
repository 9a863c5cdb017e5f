//! The subnets that the source serves.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::lookup::Lookup;
use crate::facts::Facts;
use crate::problem::Problem;

/// The prefix that an address without one is taken to be in: a subnet of hosts is a /24 in
/// nearly all clusters, and an IPv6 subnet a /64 in all (RFC 4291, section 2.5.4).
const SUBNET_V4: u8 = 24;
const SUBNET_V6: u8 = 64;

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

    /// Whether a client at `address` is served, as far as that is known before the source is asked.
    #[must_use]
    pub(in crate::cluster) fn serves(&self, address: IpAddr) -> bool {
        let holds = |text: &String| subnet(text).is_some_and(|net| net.contains(&address));
        self.and_own || self.given.iter().any(holds)
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

/// The subnets that are given, or else those of the cluster's own hosts.
pub(super) fn networks(lookup: &Lookup<'_>, addresses: &[String]) -> Result<Networks, Problem> {
    if let Some(given) = lookup.texts("local_network")? {
        let mut subnets = Vec::new();
        for entry in &given {
            let text = entry.text()?;
            if subnet(text).is_none() {
                let message = format!("`{}` is not a subnet", text.escape_debug());
                return Err(entry
                    .problem(&message)
                    .hint("write it as 10.0.0.0/8 or fd00::/8; a list of them is fine"));
            }
            subnets.push(text.to_owned());
        }
        if given.is_empty() {
            return Err(lookup
                .problem("local_network", "an empty list would keep every client out")
                .hint("leave it out to serve the subnets of the cluster's own hosts"));
        }
        return Ok(Networks { given: subnets, and_own: false });
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
