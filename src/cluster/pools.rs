//! A cluster as OpenShift sees it: pools of hosts that all get the same, and follow a source outside of them.

use std::collections::HashSet;
use std::sync::Arc;

use super::builder::Builder;
use super::settings::{Part, Settings};
use super::{Ground, Member, SOURCE_GROUP, TIME_ROLE, TimeSource, Wish, load_roles};
use crate::desired::{HostVars, Recipe};
use crate::inventory::Inventory;
use crate::openshift::{self, MASTER, PoolSettings, WORKER};
use crate::problem::{Place, Problem};
use crate::project::Project;
use crate::role::tags::Choice;
use crate::template::{Engine, Layer, Shared};

/// What the command line says of pools.
#[derive(Debug, Clone, Default)]
pub struct PoolWish {
    /// The pools that are meant; all that have hosts where none is named.
    pub pools: Vec<String>,
    /// The time source outside of all pools.
    pub internal_source: Option<String>,
}

/// The hosts of one pool.
#[derive(Debug)]
pub struct PoolHosts {
    /// The pool.
    pub settings: PoolSettings,
    /// Its hosts in the order of the inventory: their names and their variables.
    pub hosts: Vec<(String, HostVars)>,
    /// Whether it was asked for.
    pub wanted: bool,
}

/// The pools of a cluster.
#[derive(Debug)]
pub struct Pools {
    /// All that have hosts, and are asked for or bear on one that is.
    pub pools: Vec<PoolHosts>,
    /// What config.yml says of OpenShift.
    pub openshift: openshift::Settings,
    /// What is rendered for their hosts.
    pub recipe: Recipe,
    /// What looks like a mistake and may be none.
    pub warnings: Vec<Problem>,
    /// What the reader should know of hosts that get nothing, and of the source.
    pub notes: Vec<String>,
    inventory: Inventory,
}

impl Pools {
    /// Reads the cluster `name` of `project` and checks everything that can be said of its pools.
    ///
    /// # Errors
    /// The first mistake that is found, with its place; a setting that a pool cannot have.
    pub fn load(
        project: &Project,
        name: &str,
        wish: &Wish,
        pools: &PoolWish,
    ) -> Result<Self, Problem> {
        let Ground { inventory, config, folder, extra } = Ground::read(project, name, wish)?;
        let roles = load_roles(project, &config, &extra, None)?;
        if extra.contains_key("openshift") {
            return Err(Problem::new("openshift: this setting stands in config.yml alone").hint(
                "--openshift-version, --pool and --internal-source have options of their own",
            ));
        }
        let openshift = openshift::Settings::read(config.section("openshift"))?;
        let recipe = Recipe {
            project: project.clone(),
            tags: Choice::default(),
            roles,
            engine: Engine::default(),
            steps: Shared::default(),
        };
        let options = Vec::new();
        let builder = Builder { name, inventory, config, folder, extra, options, recipe };
        builder.pools(openshift, pools)
    }

    /// Where a host is first named.
    #[must_use]
    pub fn place_of_host(&self, host: &str) -> Option<Place> {
        self.inventory.place_of_host(host)
    }
}

impl Builder<'_> {
    fn pools(self, openshift: openshift::Settings, wish: &PoolWish) -> Result<Pools, Problem> {
        let mut members = self.members_of_pools(&openshift, wish)?;
        if members.is_empty() {
            return Err(self.no_pools(&openshift));
        }
        let hosts: Vec<String> = members.iter().flat_map(|(_, hosts)| hosts.clone()).collect();
        let shared = Layer::literal(self.shared_vars());
        let addresses = self.addresses(&hosts, &shared)?;
        // Settings of the whole cluster are those of the one that configures it, as ever.
        let group = self.inventory.group(SOURCE_GROUP).unwrap_or_default();
        let first = group.first().map(|host| (*host).to_owned());
        let first = first.or_else(|| hosts.first().cloned()).unwrap_or_default();
        let asked = self.member(&first, &shared)?;
        let settings = Settings::new(&self.lookup(&asked), &addresses, &self.folder)?;
        let source = self.outside(&openshift, wish, &hosts, &addresses, &shared)?;
        self.refuse_what_pools_lack(&first, &settings, source.is_some())?;
        let sources: Vec<TimeSource> = source.into_iter().collect();
        let address = sources.first().map(|source| source.address.as_str());
        let mut notes = self.notes_of_hosts(&openshift, &members, &sources);
        notes.extend(self.notes_of_source(&sources));
        let layers = self.time_layers(&settings, &sources);
        let is_wanted =
            |pool: &PoolSettings| wish.pools.is_empty() || wish.pools.contains(&pool.name);
        // Workers and custom pools bear on each other, masters on nobody.
        let is_near = |pool: &PoolSettings| pool.name != MASTER;
        let any_near = members.iter().any(|(pool, _)| is_wanted(pool) && is_near(pool));
        members.retain(|(pool, _)| is_wanted(pool) || (any_near && is_near(pool)));
        let mut pools = Vec::new();
        for (pool, hosts) in members {
            let mut members = Vec::new();
            for host in hosts {
                let mut member = self.member(&host, &shared)?;
                self.check_zone(&member)?;
                // As a client, also where it is the source of a push.
                member.vars.time = layers.of_clients().clone();
                member.vars.networks = settings.networks.clone();
                if self.recipe.role(TIME_ROLE).is_some() {
                    let conf = settings.conf_of_follower(&self.lookup(&member), address)?;
                    member.vars.conf = Arc::new(conf);
                }
                members.push((member.name, member.vars));
            }
            let wanted = is_wanted(&pool);
            pools.push(PoolHosts { settings: pool, hosts: members, wanted });
        }
        let mut everyone = vec![first.clone()];
        everyone.extend(hosts.into_iter().filter(|host| *host != first));
        let mut warnings = self.warnings(&everyone);
        warnings.extend(self.unheard(&first, &asked.vars));
        let Self { inventory, recipe, .. } = self;
        Ok(Pools { pools, openshift, recipe, warnings, notes, inventory })
    }

    /// Refuses a time zone that is none, where it is set.
    fn check_zone(&self, member: &Member) -> Result<(), Problem> {
        let lookup = self.lookup(member);
        let Some(entry) = lookup.entry("timezone")? else { return Ok(()) };
        let name = entry.text()?;
        match openshift::check_zone(name) {
            Err(problem) if !name.is_empty() => {
                Err(problem.at(self.place_of(&member.name, "timezone", Part::default())))
            }
            _ => Ok(()),
        }
    }

    /// Lines for a source alone: no node of a pool is one.
    fn unheard(&self, first: &str, vars: &HostVars) -> Option<Problem> {
        let name = "source_extra_lines";
        let scope = vars.without_facts(self.recipe.role(TIME_ROLE));
        scope.get(name).filter(|lines| lines.as_array().is_none_or(|lines| !lines.is_empty()))?;
        let message = format!("{name}: no node of a pool is a source, so these lines are left out");
        let place = self.place_of(first, name, Part::default());
        Some(
            Problem::new(message)
                .at(place)
                .hint("client_extra_lines and extra_lines go to all nodes"),
        )
    }

    /// Which hosts the operator takes to be in which pool: a master is nothing else, and a worker that is in a
    /// custom pool is in that alone.
    fn members_of_pools(
        &self,
        openshift: &openshift::Settings,
        wish: &PoolWish,
    ) -> Result<Vec<(PoolSettings, Vec<String>)>, Problem> {
        let known: Vec<&str> = openshift.pools.iter().map(|pool| pool.name.as_str()).collect();
        if let Some(name) = wish.pools.iter().find(|name| !known.contains(&name.as_str())) {
            let message = format!("--pool {}: there is no such pool", name.escape_debug());
            let hint = "config.yml names others than master and worker: openshift: {pools: {infra: {group: infra}}}";
            return Err(
                Problem::new(message).hint(format!("there are {}; {hint}", known.join(", ")))
            );
        }
        for pool in &openshift.pools {
            self.check_group(pool)?;
        }
        let of = |pool: &PoolSettings| self.inventory.group(&pool.group).unwrap_or_default();
        let groups: Vec<HashSet<&str>> =
            openshift.pools.iter().map(|pool| of(pool).into_iter().collect()).collect();
        let masters = openshift.pools.iter().zip(&groups).find(|(pool, _)| pool.name == MASTER);
        let is_master = |host: &str| masters.is_some_and(|(_, hosts)| hosts.contains(host));
        let mut all = Vec::new();
        for pool in &openshift.pools {
            let mut hosts = Vec::new();
            for host in of(pool) {
                let mut others = openshift.pools.iter().zip(&groups).filter(|(other, hosts)| {
                    other.is_custom() && other.name != pool.name && hosts.contains(host)
                });
                match others.next() {
                    Some((other, _)) if pool.is_custom() => {
                        return Err(in_two(pool, &other.name, host));
                    }
                    Some((other, _)) if pool.name == MASTER => {
                        return Err(in_two(other, MASTER, host));
                    }
                    Some(_) => {}
                    None if pool.name == WORKER && is_master(host) => {}
                    None => hosts.push(host.to_owned()),
                }
            }
            if hosts.is_empty() {
                self.check_empty(pool, wish)?;
            } else {
                all.push((pool.clone(), hosts));
            }
        }
        Ok(all)
    }

    /// Refuses a group that was written down and is not there.
    fn check_group(&self, pool: &PoolSettings) -> Result<(), Problem> {
        let Some(place) = &pool.place else { return Ok(()) };
        if self.inventory.group(&pool.group).is_some() {
            return Ok(());
        }
        let groups = self.inventory.groups();
        let names: Vec<&str> = groups.keys().copied().collect();
        let message = format!(
            "the pool {} is of the hosts of the group {}, which the inventory does not have",
            pool.name,
            pool.group.escape_debug()
        );
        Err(Problem::new(message).at(place.clone()).meant(&pool.group, &names, "its groups are"))
    }

    /// A pool without hosts is nothing where nobody speaks of it.
    fn check_empty(&self, pool: &PoolSettings, wish: &PoolWish) -> Result<(), Problem> {
        let asked = wish.pools.contains(&pool.name);
        let speaks = pool
            .place
            .clone()
            .or_else(|| asked.then(|| self.inventory.place_of_group(&pool.group)).flatten());
        if speaks.is_none() && !asked {
            return Ok(());
        }
        let of = if pool.name == WORKER { " that are in no other pool" } else { "" };
        let message =
            format!("the pool {} has no hosts: the group {} has none{of}", pool.name, pool.group);
        Err(Problem::new(message)
            .at(speaks)
            .hint("put hosts into the group, or leave the pool out"))
    }

    fn no_pools(&self, openshift: &openshift::Settings) -> Problem {
        let groups: Vec<String> = openshift
            .pools
            .iter()
            .map(|pool| format!("{} for the pool {}", pool.group, pool.name))
            .collect();
        let host =
            self.inventory.hosts().next().and_then(|host| self.inventory.place_of_host(host));
        let file = host.map(|place| Place { line: 0, column: 0, text: String::new(), ..place });
        Problem::new("no pool has hosts")
            .at(file)
            .hint(format!("groups are looked for: {}", groups.join(", ")))
    }

    /// Refuses settings that mean something in a push, and that no MachineConfig can say.
    fn refuse_what_pools_lack(
        &self,
        first: &str,
        settings: &Settings,
        has_source: bool,
    ) -> Result<(), Problem> {
        if self.recipe.role(TIME_ROLE).is_none() {
            return Ok(());
        }
        let problem = |name: &str, item: Option<usize>, message: &str, hint: &str| {
            let place = self.place_of(first, name, Part { item, field: None });
            Err(Problem::new(format!("{name}: {message}")).at(place).hint(hint))
        };
        let secret = "whoever may read the cluster's objects reads a MachineConfig, and no key belongs there";
        if settings.standby {
            let message = "sources that stand by for each other are hosts of their own, and a MachineConfig speaks of pools";
            return problem(
                "chrony_standby",
                None,
                message,
                "-e chrony_standby=false leaves it out here",
            );
        }
        if settings.has_cluster_key() {
            return problem(
                "time_key",
                None,
                secret,
                "-e '{\"time_key\": null}' leaves it out here",
            );
        }
        if has_source {
            return Ok(());
        }
        if settings.ntp_servers.is_empty() {
            let message = "there are none, and the node that runs free in a push cannot be said: a MachineConfig \
                           speaks of pools";
            let hint = "name a host outside of all pools with --internal-source HOST, or servers in ntp_servers";
            return problem("ntp_servers", None, message, hint);
        }
        match settings.keyed_server() {
            Some(number) => {
                let hint = "use `nts: true`, or a source outside of all pools that has the key (--internal-source HOST)";
                problem("ntp_servers", Some(number), secret, hint)
            }
            None => Ok(()),
        }
    }
}

fn in_two(pool: &PoolSettings, other: &str, host: &str) -> Problem {
    let message =
        format!("{host} is in the pools {} and {other}, and a node can be in one only", pool.name);
    Problem::new(message)
        .at(pool.place.clone())
        .hint(format!("take it out of the group {}, or name another group here", pool.group))
}
