//! Where the DNS of a cluster sends queries for zones of others: the setting `openshift.dns_forwarders`.

use std::net::{IpAddr, SocketAddr};

use super::entry::Entry;
use super::objects::{DnsServer, ForwardPlugin};
use super::settings::check_label;
use crate::problem::Problem;

/// The most upstreams of one DNS server (maxItems of its CRD).
const UPSTREAMS_MAX: usize = 15;

/// The port where none is written.
const DNS_PORT: u16 = 53;

/// The servers that queries are forwarded to.
pub(super) fn dns(entry: &Entry<'_>) -> Result<Vec<DnsServer>, Problem> {
    let mut servers: Vec<DnsServer> = Vec::new();
    for item in entry.items()? {
        let fields = item.known_fields(&["name", "zones", "upstreams", "policy"])?;
        let entry = fields.required("name")?;
        let name = service_name(entry)?;
        refuse_twice(entry, &name, servers.iter().map(|known| &known.name))?;
        let list = |field| {
            let entry = fields.required(field)?;
            let items = entry.items()?;
            if items.is_empty() {
                Err(entry.problem("an empty list"))
            } else {
                Ok((entry.clone(), items))
            }
        };
        let (_, items) = list("zones")?;
        let mut zones = Vec::new();
        for item in items {
            let zone = zone(&item)?;
            let known = servers.iter().flat_map(|server| &server.zones).chain(&zones);
            refuse_twice(&item, &zone, known)?;
            zones.push(zone);
        }
        let (whole, items) = list("upstreams")?;
        if items.len() > UPSTREAMS_MAX {
            let number = items.len();
            return Err(whole.problem(&format!("{number} upstreams are more than {UPSTREAMS_MAX}")));
        }
        let mut upstreams = Vec::new();
        let mut sockets = Vec::new();
        for item in items {
            let (text, socket) = upstream(&item)?;
            if sockets.contains(&socket) {
                return Err(item.problem(&format!("{text} stands here twice")));
            }
            sockets.push(socket);
            upstreams.push(text);
        }
        let policy = fields.get("policy").map(policy).transpose()?;
        let forward_plugin = ForwardPlugin { upstreams, policy };
        servers.push(DnsServer { name, zones, forward_plugin });
    }
    Ok(servers)
}

/// CoreDNS does not start with two servers for one zone.
fn refuse_twice<'a>(
    entry: &Entry<'_>,
    name: &String,
    mut known: impl Iterator<Item = &'a String>,
) -> Result<(), Problem> {
    match known.any(|known| known == name) {
        true => Err(entry.problem(&format!("{name} stands here twice"))),
        false => Ok(()),
    }
}

/// The name of a service (RFC 6335, section 5.1).
fn service_name(entry: &Entry<'_>) -> Result<String, Problem> {
    let name = entry.text()?;
    check_label(entry, name)?;
    if name.len() > 15 || name.contains("--") || !name.contains(|c: char| c.is_ascii_lowercase()) {
        let message = format!("`{name}` is no name of a service");
        return Err(entry
            .problem(&message)
            .hint("15 characters at most, a letter among them (RFC 6335)"));
    }
    Ok(name.to_owned())
}

fn zone(entry: &Entry<'_>) -> Result<String, Problem> {
    let zone = entry.word()?;
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = |label: &str| {
        let edges = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && label.len() <= 63 && !edges && label.chars().all(sound)
    };
    if zone == "cluster.local" || !zone.split('.').all(label) {
        let message = format!("`{}` is no zone that can be forwarded", zone.escape_debug());
        return Err(entry
            .problem(&message)
            .hint("write it as example.org; cluster.local is the cluster's own"));
    }
    Ok(zone.to_owned())
}

/// An upstream as it is written, and the socket that is meant.
fn upstream(entry: &Entry<'_>) -> Result<(String, SocketAddr), Problem> {
    let text = entry.word()?;
    let socket = match text.parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, DNS_PORT)),
        Err(_) => text.parse().ok(),
    };
    if let Some(socket) = socket.filter(|socket| socket.port() > 0) {
        return Ok((text.to_owned(), socket));
    }
    let message = format!("`{}` is no address", text.escape_debug());
    Err(entry.problem(&message).hint("write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353"))
}

fn policy(entry: &Entry<'_>) -> Result<String, Problem> {
    let known = ["Random", "RoundRobin", "Sequential"];
    let text = entry.text()?;
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(entry.problem(&format!("there is no policy `{}`", text.escape_debug())).meant(
        text,
        &known,
        "there are",
    ))
}
