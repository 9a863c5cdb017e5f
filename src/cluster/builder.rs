//! From the inventory, config.yml and `-e` to the hosts of a run and all their variables.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, json};

use super::config::Config;
use super::settings::{self, Conf, Networks, Part, Settings};
use super::sources::TimeSource;
use super::{Cluster, Member, OptionSetting, SOURCE_GROUP, TIME_ROLE, names};
use crate::desired::{HostVars, Recipe};
use crate::inventory::{Connection, Inventory};
use crate::problem::{Place, Problem, nearest};
use crate::shard::Shard;
use crate::template::{Layer, Vars};

/// kubeasz's groups whose hosts get the time, beside `chrony`.
const NODE_GROUPS: [&str; 4] = ["kube_master", "kube_node", "etcd", "ex_lb"];

/// The settings that are read once for the whole cluster, as its source has them.
const OF_CLUSTER: [&str; 16] = [
    "ntp_servers",
    "source_clock",
    "local_network",
    "local_stratum",
    "chrony_standby",
    "max_offset",
    "client_options",
    "min_sources",
    "ip_family",
    "chrony_keys",
    "time_key",
    "bundle",
    "package_mirrors",
    "package_proxy",
    "any_errors_fatal",
    "max_fail_percentage",
];

/// The others that mean something to ezsync itself: of each host, and the roles of config.yml.
const OTHERS: [&str; 11] = [
    "roles",
    "openshift",
    "max_distance",
    "step_threshold",
    "step_limit",
    "hwtimestamp",
    "leap_seconds",
    "extra_lines",
    "source_extra_lines",
    "client_extra_lines",
    "timezone",
];

/// Settings of Ansible's that people have in their inventories, and that do nothing here so far.
const NOT_YET: [&str; 1] = ["ansible_ssh_executable"];

/// What a cluster is made from.
pub(super) struct Builder<'a> {
    pub name: &'a str,
    pub inventory: Inventory,
    pub config: Config,
    /// The folder of config.yml.
    pub folder: PathBuf,
    /// What `-e` and `options` say.
    pub extra: Arc<Layer>,
    pub options: Vec<OptionSetting>,
    pub recipe: Recipe,
}

impl Builder<'_> {
    /// The cluster, or the part of it that `limit` selects, of `shard` if one is given.
    pub fn build(self, limit: Option<&str>, shard: Option<Shard>) -> Result<Cluster, Problem> {
        let source = self.source()?;
        let everyone = self.everyone(&source);
        let mut chosen = match limit {
            None => everyone.clone(),
            Some(pattern) => self
                .chosen(pattern, &everyone)
                .map_err(|problem| problem.of(format!("--limit {pattern}").trim_end()))?,
        };
        let shared = Layer::literal(self.shared_vars());
        self.keep_shard(shard, &mut chosen);
        // Settings are the source's: it is the one that they configure.
        let addresses = self.addresses(&everyone, &shared)?;
        let source_member = self.member(&source, &shared)?;
        let settings = Settings::new(&self.lookup(&source_member), &addresses, &self.folder)?;
        let mut sources = Vec::new();
        for name in [vec![source.clone()], self.standbys(&source, &settings)?].concat() {
            let member = self.member(&name, &shared)?;
            self.reachable(&member, &addresses)?;
            sources.push(TimeSource::of(&member));
        }
        let unserved = self.unserved(&settings, &everyone, &addresses)?;
        let rank = |host: &str| sources.iter().position(|source| source.name == host);
        let numbers: HashMap<&String, usize> = everyone.iter().zip(0..).collect();
        chosen.sort_by_key(|host| (rank(host).unwrap_or(usize::MAX), numbers.get(host)));
        let layers = self.time_layers(&settings, &sources);
        let addresses: Vec<&str> = sources.iter().map(|source| source.address.as_str()).collect();
        let mut members = Vec::new();
        for host in &chosen {
            let mut member = self.member(host, &shared)?;
            member.vars.time = layers.of(host).clone();
            member.vars.networks = settings.networks.clone();
            if self.recipe.role(TIME_ROLE).is_some() {
                let conf = settings.conf(&self.lookup(&member), &addresses, rank(host))?;
                member.vars.conf = Arc::new(conf);
            }
            // Renders everything: mistakes show before any host is touched.
            let subjects = self.recipe.candidates(&member.vars)?;
            // Most hosts have the same: one set is enough for those that follow each other.
            let last = members.last().map(|last: &Member| &last.subjects);
            let same = last.filter(|last| ***last == subjects).cloned();
            member.subjects = same.unwrap_or_else(|| Arc::new(subjects));
            members.push(member);
        }
        let listed = self.inventory.select("all")?;
        let warnings = self.warnings(&everyone).into_iter().chain(unserved).collect();
        let Self { name, recipe, .. } = self;
        let name = name.to_owned();
        Ok(Cluster { name, shard, sources, members, listed, recipe, settings, warnings })
    }

    /// The addresses of hosts, all checked.
    pub fn addresses(&self, hosts: &[String], shared: &Arc<Layer>) -> Result<Vec<String>, Problem> {
        let mut known = HashMap::new();
        let mut addresses = Vec::new();
        for host in hosts {
            let placed = |problem: Problem| problem.at(self.inventory.place_of_host(host));
            names::check_host(host).map_err(placed)?;
            let connection = self.member(host, shared)?.connection;
            // Behind another jump host the same address is another machine.
            let args = connection.ssh_options();
            let Connection { address, port, .. } = connection;
            if let Some(other) = known.insert((address.clone(), port, args), host) {
                // Its source's and its client's configuration would replace each other.
                let message =
                    format!("{host} is the same machine as {other}: {address}, port {port}");
                return Err(placed(Problem::new(message))
                    .hint("give it one name, and write that name into each of its groups"));
            }
            addresses.push(address);
        }
        Ok(addresses)
    }

    /// The hosts that get the time: the source first, then in the order of the inventory.
    fn everyone(&self, source: &str) -> Vec<String> {
        let takes_part = self.who_takes_part();
        let mut hosts = vec![source.to_owned()];
        let others = self.inventory.hosts().filter(|host| takes_part(host) && *host != source);
        hosts.extend(others.map(ToOwned::to_owned));
        hosts
    }

    /// Whether a host gets the time: all do where none of kubeasz's groups is there.
    pub fn who_takes_part(&self) -> impl Fn(&str) -> bool {
        let has_groups = NODE_GROUPS.iter().any(|group| self.inventory.group(group).is_some());
        let groups = NODE_GROUPS.iter().chain([&SOURCE_GROUP]);
        let members: HashSet<&str> =
            groups.filter_map(|group| self.inventory.group(group)).flatten().collect();
        move |host| !has_groups || members.contains(host)
    }

    /// A warning of clients whose addresses `local_network` leaves out. The source stands first among
    /// the hosts.
    ///
    /// # Errors
    /// It leaves out all of them.
    fn unserved(
        &self,
        settings: &Settings,
        hosts: &[String],
        addresses: &[String],
    ) -> Result<Option<Problem>, Problem> {
        let source = hosts.first().map(String::as_str).unwrap_or_default();
        // Without it the hosts' own subnets are served.
        let Some(place) = self.place_of(source, "local_network", Part::default()) else {
            return Ok(None);
        };
        let clients = hosts.iter().zip(addresses).skip(1);
        let number = clients.len();
        let left_out: Vec<String> = clients
            .filter(|(_, address)| {
                // Which address a name has is known to the hosts.
                address.parse().is_ok_and(|address: IpAddr| !settings.networks.serves(address))
            })
            .map(
                |(host, address)| {
                    if host == address { host.clone() } else { format!("{host} ({address})") }
                },
            )
            .collect();
        if left_out.is_empty() {
            return Ok(None);
        }
        let all = left_out.len() == number;
        let what = if all { "every client" } else { "clients, which would get no time" };
        let problem = Problem::new(format!("local_network leaves out {what}: {}", listed(&left_out)))
            .at(place)
            .hint("add their subnets, or take the setting out to serve the subnets of the cluster's own hosts");
        if all { Err(problem) } else { Ok(Some(problem)) }
    }

    /// Names that are nearly one of ours: a group whose hosts would silently take no part, a
    /// setting that would silently keep its default. The source stands first among the hosts.
    pub fn warnings(&self, hosts: &[String]) -> Vec<Problem> {
        let mut warnings = self.inventory.warnings().to_vec();
        let groups = self.inventory.groups();
        let known: Vec<&str> = NODE_GROUPS.iter().copied().chain([SOURCE_GROUP]).collect();
        for name in groups.keys().filter(|name| !known.contains(*name)) {
            if let (Some(near), Some(place)) =
                (nearest(name, &known), self.inventory.place_of_group(name))
            {
                let message =
                    format!("the group {name} is none of kubeasz's: its hosts may take no part");
                warnings
                    .push(Problem::new(message).at(place).hint(format!("did you mean {near}?")));
            }
        }
        warnings.extend(self.misspelt(hosts));
        warnings.extend(self.aside(hosts));
        warnings
    }

    /// Variables that are nearly a setting: in config.yml, in -e, and in the inventory, where
    /// people have variables of their own for other things, so that they must be nearer.
    fn misspelt(&self, hosts: &[String]) -> Vec<Problem> {
        let (source, clients) =
            hosts.split_first().map_or(("", hosts), |(source, clients)| (source.as_str(), clients));
        let of_source = self.inventory.vars(source);
        let given = self.config.vars.keys().chain(self.extra.keys());
        let given = given.map(|name| (name.as_str(), source, usize::MAX));
        let of_source = of_source.keys().map(|name| (name.as_str(), source, 2));
        let mut seen: HashSet<&str> = HashSet::new();
        let own = clients.iter().flat_map(|host| {
            self.inventory.own_names(host).map(move |name| (name, host.as_str(), 2))
        });
        let all = given.chain(of_source).chain(own).filter(|(name, ..)| seen.insert(name));
        let settings = [OF_CLUSTER.as_slice(), &OTHERS].concat();
        all.filter(|(name, ..)| !settings.contains(name))
            .filter_map(|(name, host, most)| {
                let near = nearest(name, &settings)?;
                (near.len().abs_diff(name.len()) <= most).then(|| {
                    Problem::new(format!("there is no setting `{name}`"))
                        .at(self.place_of(host, name, Part::default()))
                        .hint(format!("did you mean `{near}`?"))
                })
            })
            .collect()
    }

    /// Settings of the whole cluster that hosts have which are not its source: nobody reads them there.
    fn aside(&self, hosts: &[String]) -> Vec<Problem> {
        let mut found: IndexMap<&str, Vec<String>> = IndexMap::new();
        for host in hosts.iter().skip(1) {
            for name in self.inventory.own_names(host).filter(|name| OF_CLUSTER.contains(name)) {
                found.entry(name).or_default().push(host.clone());
            }
        }
        let warning = |(name, hosts): (&str, Vec<String>)| {
            let first = hosts.first().map(String::as_str).unwrap_or_default();
            Problem::new(format!(
                "{name} is a setting of the whole cluster: that of {} is not read",
                listed(&hosts)
            ))
            .at(self.inventory.place_of_var(first, name))
            .hint("write it into config.yml")
        };
        found.into_iter().map(warning).collect()
    }

    /// Those of `everyone` that `pattern` selects, in Ansible's order.
    pub fn chosen(&self, pattern: &str, everyone: &[String]) -> Result<Vec<String>, Problem> {
        let everybody: HashSet<&String> = everyone.iter().collect();
        let mut chosen = self.inventory.select(pattern)?;
        chosen.retain(|host| everybody.contains(host));
        if chosen.is_empty() {
            return Err(Problem::new("no host of the cluster is left")
                .hint(format!("the cluster's hosts are: {}", listed(everyone))));
        }
        Ok(chosen)
    }

    /// Variables that all hosts share.
    pub fn shared_vars(&self) -> Vars {
        Map::from_iter([
            ("groups".to_owned(), json!(self.inventory.groups())),
            ("cluster_name".to_owned(), json!(self.name)),
        ])
    }

    pub fn member(&self, host: &str, shared: &Arc<Layer>) -> Result<Member, Problem> {
        let vars = self.inventory.vars(host);
        let short = if host.parse::<IpAddr>().is_ok() {
            host
        } else {
            host.split('.').next().unwrap_or(host)
        };
        let magic = Map::from_iter([
            ("inventory_hostname".to_owned(), json!(host)),
            ("inventory_hostname_short".to_owned(), json!(short)),
            ("group_names".to_owned(), json!(self.inventory.group_names_of(host))),
        ]);
        let vars = HostVars {
            magic: Layer::literal(magic),
            given: vec![Layer::written(vars), self.config.vars.clone()],
            extra: self.extra.clone(),
            shared: shared.clone(),
            time: Arc::default(),
            networks: Networks::default(),
            conf: Arc::new(Conf::default()),
        };
        let connection = self.connection(host, &vars)?;
        let known = vars.without_facts(None);
        let notes = NOT_YET
            .iter()
            .filter(|name| known.get(name).is_some_and(|value| value.as_str() != Some("")))
            .map(|name| format!("{name} is not supported yet: it was left aside"))
            .collect();
        let name = host.to_owned();
        Ok(Member { name, connection, vars, subjects: Arc::default(), notes })
    }

    /// Where the value that a variable has for a host stands, or a part of it.
    pub fn place_of(&self, host: &str, name: &str, part: Part<'_>) -> Option<Place> {
        if let Some(given) = self.options.iter().find(|given| given.name == name) {
            return Some(Place::in_file(Path::new(given.option)));
        }
        if self.extra.contains_key(name) {
            return Some(command_line());
        }
        let config = self.config.place_of(name, part);
        config.or_else(|| self.inventory.place_of_var(host, name))
    }

    /// Looks settings up as the chrony role would see them on a host.
    pub fn lookup<'a>(&'a self, member: &'a Member) -> settings::Lookup<'a> {
        let role = self.recipe.role(TIME_ROLE);
        let scope = member.vars.without_facts(role);
        let place = |name: &str, part: Part<'_>| self.place_of(&member.name, name, part);
        settings::Lookup { engine: &self.recipe.engine, scope, place: Box::new(place) }
    }
}

/// The place of what is given with `-e`.
pub(super) fn command_line() -> Place {
    Place::in_file(Path::new("-e"))
}

/// Names in a row, cut after the first twenty.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    let rest = names.len().saturating_sub(shown.len());
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    shown.join(", ") + &more
}
