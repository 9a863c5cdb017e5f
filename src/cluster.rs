//! The cluster: who takes part, who is the time source, and what the settings say.
//!
//! Everything in here comes from files and options: no host has been asked yet.

mod settings;

pub use settings::{Networks, Settings};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::desired::{HostVars, Recipe};
use crate::inventory::{Connection, Inventory, extra};
use crate::problem::{Place, Problem};
use crate::project::{self, Project};
use crate::resource::Subject;
use crate::role::Role;
use crate::template::{Engine, Vars};
use crate::yaml;

/// kubeasz's groups whose hosts get the time, beside `chrony`.
const NODE_GROUPS: [&str; 4] = ["kube_master", "kube_node", "etcd", "ex_lb"];

/// The group whose first host is the time source.
const SOURCE_GROUP: &str = "chrony";

/// What is given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The inventory (`-i`): a file or a folder; the cluster's own folder when none is given.
    pub inventory: Option<String>,
    /// Values of `-e`, in order.
    pub extra: Vec<String>,
    /// `--limit`: a pattern of hosts.
    pub limit: Option<String>,
    /// `--tags`.
    pub tags: Vec<String>,
    /// The step: `01` or `all` for all roles, else the name of one.
    pub step: Option<String>,
}

/// One host of the cluster.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name in the inventory.
    pub name: String,
    /// How to reach it.
    pub connection: Connection,
    /// Its variables, facts apart.
    pub vars: HostVars,
    /// What its roles speak of, on any platform.
    pub subjects: BTreeSet<Subject>,
}

/// A cluster, read and checked.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The time source's name in the inventory.
    pub source: String,
    /// The hosts of this run, the source first when it is among them.
    pub members: Vec<Member>,
    /// What is rendered for them.
    pub recipe: Recipe,
    /// The settings of the cluster's time.
    pub settings: Settings,
}

impl Cluster {
    /// Reads the cluster `name` of `project` and checks everything that can be checked without
    /// a host: inventory, settings, roles, and each template for each host and platform.
    ///
    /// # Errors
    /// The first mistake that is found, with its place.
    pub fn load(project: &Project, name: &str, wish: &Wish) -> Result<Self, Problem> {
        project::check_cluster_name(name)?;
        let hosts = match &wish.inventory {
            Some(inventory) => PathBuf::from(inventory),
            None => project.cluster(name)?,
        };
        let inventory = Inventory::load(&hosts)?;
        let config = Config::read(&config_path(project, name, &hosts))?;
        let extra = Arc::new(extra::parse(&wish.extra)?);
        let roles = load_roles(project, &config, &extra, wish.step.as_deref())?;
        let recipe = Recipe {
            project: project.clone(),
            roles,
            tags: wish.tags.clone(),
            engine: Engine::default(),
        };
        let builder = Builder { name, inventory, config, extra, recipe };
        builder.build(wish.limit.as_deref())
    }

    /// Whether times are proved: they are this role's work.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.recipe.roles.iter().any(|role| role.name == SOURCE_GROUP)
    }
}

/// config.yml stands beside the inventory; one from elsewhere (`-i`) may use the cluster's own.
fn config_path(project: &Project, name: &str, hosts: &Path) -> PathBuf {
    let folder = if hosts.is_dir() { Some(hosts) } else { hosts.parent() };
    let beside = folder.map(|folder| folder.join("config.yml")).filter(|path| path.exists());
    beside.unwrap_or_else(|| project.path(&format!("inventories/{name}/config.yml")))
}

/// config.yml with the places of its keys.
#[derive(Debug, Default)]
struct Config {
    file: String,
    text: String,
    vars: Arc<Vars>,
    keys: Vec<yaml::Key>,
}

impl Config {
    /// A config.yml that is not there is an empty one.
    fn read(path: &Path) -> Result<Self, Problem> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let project::Text { file, text } = project::read_required(path)?;
        let node: yaml::Node = yaml::parse(&file, &text)?;
        if node.is_null() {
            return Ok(Self { file, text, ..Self::default() });
        }
        let (line, column) = (node.line, node.column);
        let keys = match &node.kind {
            yaml::Kind::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
            _ => Vec::new(),
        };
        match node.into_value() {
            Value::Object(vars) => Ok(Self { file, text, vars: Arc::new(vars), keys }),
            _ => Err(Problem::new("config.yml must be a map of settings")
                .at(Place::in_source(file, &text, line, column))
                .hint("write one `name: value` a line")),
        }
    }

    fn place_of(&self, key: &str) -> Option<Place> {
        let key = self.keys.iter().find(|known| known.name == key)?;
        Some(Place::in_source(self.file.clone(), &self.text, key.line, key.column))
    }
}

/// The roles of this run: those that `roles` names, or the one that the step names.
fn load_roles(
    project: &Project,
    config: &Config,
    extra: &Vars,
    step: Option<&str>,
) -> Result<Vec<Role>, Problem> {
    let names = match step {
        // kubeasz's first step, "prepare", is the one that holds chrony.
        None | Some("01" | "all" | "prepare") => role_names(config, extra)?,
        Some(role) => vec![role.to_owned()],
    };
    names
        .iter()
        .map(|name| {
            Role::load(project, name).map_err(|problem| match config.place_of("roles") {
                Some(place) if step.is_none() && problem.place().is_none() => problem.at(place),
                _ => problem,
            })
        })
        .collect()
}

fn role_names(config: &Config, extra: &Vars) -> Result<Vec<String>, Problem> {
    let Some(value) = extra.get("roles").or_else(|| config.vars.get("roles")) else {
        return Ok(vec![SOURCE_GROUP.to_owned()]);
    };
    let names: Option<Vec<String>> = value
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect());
    names.filter(|names| !names.is_empty()).ok_or_else(|| {
        let problem = Problem::new("`roles` must be a list of names, as in [chrony, motd]");
        match config.place_of("roles") {
            Some(place) => problem.at(place),
            None => problem,
        }
    })
}

/// What a cluster is made from.
struct Builder<'a> {
    name: &'a str,
    inventory: Inventory,
    config: Config,
    extra: Arc<Vars>,
    recipe: Recipe,
}

impl Builder<'_> {
    fn build(self, limit: Option<&str>) -> Result<Cluster, Problem> {
        let source = self.source()?;
        let everyone = self.everyone(&source);
        let chosen = match limit {
            None => everyone.clone(),
            Some(pattern) => self.chosen(pattern, &everyone)?,
        };
        let shared = Arc::new(self.shared_vars());
        // Settings are the source's: it is the one that they configure.
        let addresses = everyone
            .iter()
            .map(|host| Ok(self.member(host, &shared)?.connection.address))
            .collect::<Result<Vec<String>, Problem>>()?;
        let source_member = self.member(&source, &shared)?;
        let settings =
            Settings::new(&self.lookup(&source_member), &addresses, &source_member.connection)?;
        let mut members = Vec::new();
        for host in &chosen {
            let mut member = self.member(host, &shared)?;
            member.vars.networks = settings.networks.clone();
            let magic = Arc::make_mut(&mut member.vars.magic);
            magic.insert("ntp_servers".to_owned(), json!(settings.ntp_servers));
            magic.insert("local_stratum".to_owned(), json!(settings.local_stratum));
            magic.insert("time_source".to_owned(), json!(settings.source_address));
            // Renders everything: mistakes show before any host is touched.
            member.subjects = self.recipe.candidates(&member.vars)?;
            members.push(member);
        }
        let Self { name, recipe, .. } = self;
        Ok(Cluster { name: name.to_owned(), source, members, recipe, settings })
    }

    /// The first host of the group `chrony`.
    fn source(&self) -> Result<String, Problem> {
        let members = self.inventory.group(SOURCE_GROUP);
        let first = members.as_ref().and_then(|hosts| hosts.first());
        if let Some(first) = first {
            return Ok((*first).to_owned());
        }
        let message = match &members {
            None => "the inventory has no group [chrony]",
            Some(_) => "the group [chrony] is empty",
        };
        let host = self.inventory.hosts().next().unwrap_or("10.0.0.1");
        let problem = Problem::new(format!("{message}: no host is the time source")).hint(format!(
            "add the node that shall give the cluster its time, on a line below [chrony]:\n  [chrony]\n  {host}"
        ));
        Err(match self.inventory.place_of_group(SOURCE_GROUP) {
            Some(place) => problem.at(place),
            None => problem,
        })
    }

    /// The hosts that get the time: the source first, then in the order of the inventory.
    fn everyone(&self, source: &str) -> Vec<String> {
        let groups: Vec<Vec<&str>> =
            NODE_GROUPS.iter().filter_map(|group| self.inventory.group(group)).collect();
        let clients = self.inventory.group(SOURCE_GROUP).unwrap_or_default();
        let takes_part = |host: &str| {
            groups.is_empty()
                || clients.contains(&host)
                || groups.iter().any(|group| group.contains(&host))
        };
        let mut hosts = vec![source.to_owned()];
        let others = self.inventory.hosts().filter(|host| takes_part(host) && *host != source);
        hosts.extend(others.map(ToOwned::to_owned));
        hosts
    }

    fn chosen(&self, pattern: &str, everyone: &[String]) -> Result<Vec<String>, Problem> {
        let selected: std::collections::HashSet<String> =
            self.inventory.select(pattern)?.into_iter().collect();
        let chosen: Vec<String> =
            everyone.iter().filter(|host| selected.contains(*host)).cloned().collect();
        if chosen.is_empty() {
            return Err(Problem::new(format!("--limit {pattern}: no host of the cluster is left"))
                .hint(format!("the cluster's hosts are: {}", listed(everyone))));
        }
        Ok(chosen)
    }

    /// Variables that all hosts share.
    fn shared_vars(&self) -> Vars {
        Map::from_iter([
            ("groups".to_owned(), json!(self.inventory.groups())),
            ("cluster_name".to_owned(), json!(self.name)),
        ])
    }

    fn member(&self, host: &str, shared: &Arc<Vars>) -> Result<Member, Problem> {
        let vars = self.inventory.vars(host);
        let short = if host.parse::<std::net::IpAddr>().is_ok() {
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
            magic: Arc::new(magic),
            given: vec![Arc::new(vars), self.config.vars.clone()],
            extra: self.extra.clone(),
            shared: shared.clone(),
            networks: Networks::default(),
        };
        let connection = self.connection(host, &vars)?;
        Ok(Member { name: host.to_owned(), connection, vars, subjects: BTreeSet::new() })
    }

    /// How to reach a host: its `ansible_*` variables, which may refer to others.
    fn connection(&self, host: &str, vars: &HostVars) -> Result<Connection, Problem> {
        let scope = vars.without_facts(None);
        let mut resolved = Vars::new();
        for layer in vars.given.iter().chain([&vars.extra]) {
            for (name, value) in layer.iter().filter(|(name, _)| name.starts_with("ansible_")) {
                let place =
                    self.place_of(host, name).unwrap_or_else(|| Place::in_file(Path::new("-e")));
                // Settings of Ansible that mean nothing here may refer to what only it has.
                let value = match self.recipe.engine.values(value, &place, &scope) {
                    Ok(value) => value,
                    Err(problem) if Connection::uses(name) => return Err(problem),
                    Err(_) => continue,
                };
                resolved.insert(name.clone(), value);
            }
        }
        Connection::from_vars(host, &resolved)
    }

    fn place_of(&self, host: &str, name: &str) -> Option<Place> {
        if self.extra.contains_key(name) {
            return None;
        }
        self.config.place_of(name).or_else(|| self.inventory.place_of_var(host, name))
    }

    /// Looks settings up as the chrony role would see them on the source.
    fn lookup<'a>(&'a self, source: &'a Member) -> settings::Lookup<'a> {
        let role = self.recipe.roles.iter().find(|role| role.name == SOURCE_GROUP);
        let scope = source.vars.without_facts(role);
        let place = |name: &str| self.place_of(&source.name, name);
        settings::Lookup { engine: &self.recipe.engine, scope, place: Box::new(place) }
    }
}

/// Names in a row, cut after the first twenty.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    let rest = names.len().saturating_sub(shown.len());
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    shown.join(", ") + &more
}
