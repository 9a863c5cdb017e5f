//! Servers that the source follows, and how clients follow the source: `ntp_servers` and
//! `client_options`. Options have the names of RHEL's timesync role, which are chrony's own.

use std::net::IpAddr;

use super::gates;
use super::keys::{self, Keys};
use super::line::Line;
use super::lookup::{Entry, Lookup};
use crate::cluster::names;
use crate::problem::Problem;

/// chronyd's own polls where none are given, as powers of two of a second.
const MIN_POLL: i64 = 6;

/// The polls that chronyd takes: below it uses its default instead (MIN_POLL in ntp_core.c), above
/// it stops at this.
const POLLS: std::ops::RangeInclusive<i64> = -6..=24;

/// A pool's servers where nothing else is said, and at the most (MAX_POOL_SOURCES in ntp_sources.c).
const POOL_SERVERS: i64 = 4;
const POOL_SERVERS_MAX: i64 = 16;

/// What a server in `ntp_servers` may say.
const SERVER_OPTIONS: [&str; 13] = [
    "hostname",
    "iburst",
    "minpoll",
    "maxpoll",
    "pool",
    "nts",
    "prefer",
    "trust",
    "xleave",
    "filter",
    "key",
    "port",
    "maxsources",
];

/// What `client_options` may say.
const CLIENT_OPTIONS: [&str; 5] = ["iburst", "minpoll", "maxpoll", "xleave", "filter"];

/// The family of addresses that names are resolved to (`ip_family`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Family {
    #[default]
    All,
    V4,
    V6,
}

impl Family {
    pub fn of(lookup: &Lookup<'_>) -> Result<Self, Problem> {
        let Some(entry) = lookup.entry("ip_family")? else { return Ok(Self::All) };
        match entry.text()?.to_ascii_lowercase().as_str() {
            "all" => Ok(Self::All),
            "ipv4" => Ok(Self::V4),
            "ipv6" => Ok(Self::V6),
            other => Err(entry
                .problem(&format!("`{}` is no family of addresses", other.escape_debug()))
                .hint("write IPv4, IPv6 or all")),
        }
    }

    /// Why `address` cannot be reached by this family alone.
    pub fn excludes(self, address: &str) -> Option<String> {
        let ip: IpAddr = address.parse().ok()?;
        let name = match (self, ip) {
            (Self::V4, IpAddr::V6(_)) => "IPv4",
            (Self::V6, IpAddr::V4(_)) => "IPv6",
            _ => return None,
        };
        Some(format!("{address} is excluded by `ip_family: {name}`"))
    }

    /// `line` with the word that holds `name` to this family; an address needs none.
    fn hold(self, line: Line, name: &str) -> Line {
        let word = match self {
            _ if name.parse::<IpAddr>().is_ok() => return line,
            Self::All => return line,
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        };
        line.gated_word(word, [gates::FAMILY])
    }
}

/// How a server is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Options {
    iburst: bool,
    min_poll: Option<i64>,
    max_poll: Option<i64>,
    prefer: bool,
    trust: bool,
    xleave: bool,
    nts: bool,
    filter: Option<i64>,
    key: Option<u32>,
    port: Option<i64>,
    max_sources: Option<i64>,
    pool: bool,
}

impl Options {
    fn read(&mut self, name: &str, entry: &Entry<'_>) -> Result<(), Problem> {
        match name {
            "iburst" => self.iburst = entry.truth()?,
            "minpoll" => self.min_poll = Some(entry.integer(POLLS)?),
            "maxpoll" => self.max_poll = Some(entry.integer(POLLS)?),
            "pool" => self.pool = entry.truth()?,
            "nts" => self.nts = entry.truth()?,
            "prefer" => self.prefer = entry.truth()?,
            "trust" => self.trust = entry.truth()?,
            "xleave" => self.xleave = entry.truth()?,
            "filter" => self.filter = Some(entry.integer(1..=1000)?),
            "key" => self.key = Some(keys::id(entry)?),
            "port" => self.port = Some(entry.integer(1..=65535)?),
            "maxsources" => self.max_sources = Some(entry.integer(1..=POOL_SERVERS_MAX)?),
            _ => {}
        }
        Ok(())
    }

    /// chronyd would silently raise the one below to the other (NCR_CreateInstance in ntp_core.c).
    fn check_polls(&self, fields: &[(&str, Entry<'_>)]) -> Result<(), Problem> {
        let least = self.min_poll.unwrap_or(MIN_POLL);
        let Some(most) = self.max_poll.filter(|most| *most < least) else { return Ok(()) };
        // Of the two, the one that was written.
        let Some(entry) = field(fields, "maxpoll").or_else(|| field(fields, "minpoll")) else {
            return Ok(());
        };
        let known = |name: &str| if field(fields, name).is_some() { "" } else { " (the default)" };
        let message = format!(
            "minpoll {least}{} is above maxpoll {most}{}",
            known("minpoll"),
            known("maxpoll")
        );
        Err(entry
            .problem(&message)
            .hint("polls are powers of two: 6 is once in 64 s, 10 in 1024 s"))
    }

    /// A line that follows `name`, with these options.
    fn line(&self, name: &str, family: Family) -> Line {
        let directive = if self.pool { "pool" } else { "server" };
        let fast = |poll: i64| (poll < 0).then_some(gates::FAST_POLL);
        let mut line = family.hold(Line::new(format!("{directive} {name}")), name);
        if self.iburst {
            line = line.word("iburst");
        }
        if let Some(poll) = self.min_poll {
            line = line.gated_word(format!("minpoll {poll}"), fast(poll));
        }
        if let Some(poll) = self.max_poll {
            line = line.gated_word(format!("maxpoll {poll}"), fast(poll));
        }
        for (wanted, word) in [(self.prefer, "prefer"), (self.trust, "trust")] {
            if wanted {
                line = line.word(word);
            }
        }
        if self.xleave {
            line = line.gated_word("xleave", [gates::XLEAVE]);
        }
        if self.nts {
            let by_address = name.parse::<IpAddr>().is_ok();
            let more = by_address.then_some(gates::NTS_BY_ADDRESS);
            line = line.gated_word("nts", [gates::NTS].into_iter().chain(more));
        }
        if let Some(filter) = self.filter {
            line = line.gated_word(format!("filter {filter}"), [gates::FILTER]);
        }
        if let Some(key) = self.key {
            line = line.word(format!("key {key}"));
        }
        if let Some(port) = self.port {
            line = line.word(format!("port {port}"));
        }
        if let Some(count) = self.max_sources {
            line = line.word(format!("maxsources {count}"));
        }
        line
    }
}

fn field<'a, 'b>(fields: &'a [(&str, Entry<'b>)], name: &str) -> Option<&'a Entry<'b>> {
    fields.iter().find(|(known, _)| *known == name).map(|(_, entry)| entry)
}

/// One of `ntp_servers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name or address.
    pub name: String,
    options: Options,
}

impl Server {
    /// How many sources it is for chronyd.
    pub fn sources(&self) -> i64 {
        match self.options.pool {
            true => self.options.max_sources.unwrap_or(POOL_SERVERS),
            false => 1,
        }
    }

    pub fn line(&self, family: Family) -> Line {
        self.options.line(&self.name, family)
    }

    /// Whether it proves itself by a key that both sides have.
    pub fn has_key(&self) -> bool {
        self.options.key.is_some()
    }

    /// A server of which the name alone is given, or a mapping with its options.
    fn read(entry: &Entry<'_>, keys: &Keys, family: Family) -> Result<Self, Problem> {
        let mut options = Options { iburst: true, ..Options::default() };
        let (named, name) = match entry.fields() {
            None => {
                (entry.clone(), entry.text().map_err(|problem| problem.hint(HOW_TO))?.to_owned())
            }
            Some(fields) => {
                for (name, entry) in &fields {
                    known_option(name, entry, &SERVER_OPTIONS)?;
                    options.read(name, entry)?;
                }
                let named = field(&fields, "hostname")
                    .ok_or_else(|| entry.problem("a server without its `hostname`").hint(HOW_TO))?;
                let name = named.text()?.to_owned();
                options.check_polls(&fields)?;
                options.check(&name, &fields, keys)?;
                (named.clone(), name)
            }
        };
        if !names::is_host(&name) {
            return Err(no_host(&named, &name));
        }
        match family.excludes(&name) {
            Some(message) => Err(named.problem(&message)),
            None => Ok(Self { name, options }),
        }
    }
}

impl Options {
    /// Options that contradict each other, or what else is known.
    fn check(&self, name: &str, fields: &[(&str, Entry<'_>)], keys: &Keys) -> Result<(), Problem> {
        let complain = |name: &str, message: &str, hint: &str| match field(fields, name) {
            Some(entry) => Err(entry.problem(message).hint(hint)),
            None => Ok(()),
        };
        if let (Some(id), Some(entry)) = (self.key, field(fields, "key")) {
            keys.check(id, entry)?;
        }
        if self.nts && self.key.is_some() {
            let hint = "NTS makes keys of its own: keep one of the two";
            complain("key", "a key and `nts` exclude each other", hint)?;
        }
        if self.pool && name.parse::<IpAddr>().is_ok() {
            let hint = "a pool is a name with several addresses: leave `pool` out";
            complain("pool", &format!("{name} is one server, not a pool"), hint)?;
        }
        if self.max_sources.is_some() && !self.pool {
            complain("maxsources", "is for pools alone", "add `pool: true`, or leave it out")?;
        }
        Ok(())
    }
}

const HOW_TO: &str = "write a name or an address, or {hostname: ntp1.example.org, minpoll: 4}";

fn no_host(entry: &Entry<'_>, name: &str) -> Problem {
    let message = format!("`{}` is neither a name nor an address", name.escape_debug());
    let hint = if name.contains([',', '[']) {
        "on the command line a list is JSON: -e '{\"ntp_servers\": [\"ntp1.example.org\"]}'"
    } else if name.trim().contains(' ') {
        "options stand in a mapping: {hostname: ntp1.example.org, minpoll: 4}"
    } else {
        "write one server an entry: ntp_servers: [ntp1.example.org, 192.0.2.1]"
    };
    entry.problem(&message).hint(hint)
}

fn known_option(name: &str, entry: &Entry<'_>, known: &[&str]) -> Result<(), Problem> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(entry.problem("there is no such option").meant(name, known, "the options are"))
}

/// The servers of `ntp_servers`, for a cluster whose hosts have `addresses`.
pub(super) fn servers(
    lookup: &Lookup<'_>,
    keys: &Keys,
    family: Family,
    addresses: &[String],
) -> Result<Vec<Server>, Problem> {
    let entry = lookup.entry("ntp_servers")?.ok_or_else(|| {
        lookup.problem("ntp_servers", "has no value").hint(
            "write `ntp_servers: []` for a source that runs free, or take the line out for public servers",
        )
    });
    let entry = match entry {
        Ok(entry) => entry,
        // Without the chrony role there is no default.
        Err(problem) if lookup.scope.get("ntp_servers").is_some() => return Err(problem),
        Err(_) => return Ok(Vec::new()),
    };
    let mut servers: Vec<Server> = Vec::new();
    for item in entry.items() {
        let server = Server::read(&item, keys, family)?;
        if servers.iter().any(|known| known.name.eq_ignore_ascii_case(&server.name)) {
            let message = format!("{} stands here twice", server.name);
            return Err(item.problem(&message).hint("name each server once"));
        }
        if addresses.contains(&server.name) {
            let message =
                format!("{} is a host of this cluster, which follows its source", server.name);
            return Err(item.problem(&message).hint(
                "name servers outside of it; for a source that runs free write `ntp_servers: []`",
            ));
        }
        servers.push(server);
    }
    Ok(servers)
}

/// How clients follow the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Following {
    options: Options,
    family: Family,
}

impl Following {
    /// `client_options`, for clients that use the key `key`.
    /// With several sources (`standby`) all are asked often, so that a silent one is noticed soon.
    pub fn read(
        lookup: &Lookup<'_>,
        family: Family,
        key: Option<u32>,
        standby: bool,
    ) -> Result<Self, Problem> {
        // The source is near and asked by few: polls of 4 to 64 s find a step soon and cost nothing.
        let (least, most) = if standby { (2, 2) } else { (2, 6) };
        let mut options = Options { iburst: true, key, ..Options::default() };
        (options.min_poll, options.max_poll) = (Some(least), Some(most));
        if let Some(entry) = lookup.entry("client_options")? {
            let fields = entry.fields().ok_or_else(|| {
                entry
                    .problem("must be a mapping")
                    .hint("write client_options: {minpoll: 4, maxpoll: 8}")
            })?;
            for (name, entry) in &fields {
                match *name {
                    "key" | "nts" => {
                        return Err(entry
                            .problem("clients and the source share a key by `time_key`")
                            .hint(
                                "write time_key: generate, or time_key: 3 for a key of chrony_keys",
                            ));
                    }
                    _ => known_option(name, entry, &CLIENT_OPTIONS)?,
                }
                options.read(name, entry)?;
            }
            options.check_polls(&fields)?;
        }
        Ok(Self { options, family })
    }

    /// The line of a client that follows `address`.
    pub fn line(&self, address: &str) -> Line {
        self.options.line(address, self.family)
    }
}
