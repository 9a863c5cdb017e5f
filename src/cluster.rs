//! The cluster: who takes part, who is the time source, and what the settings say.
//!
//! Everything in here comes from files and options: no host has been asked yet.

mod builder;
mod config;
mod connection;
mod division;
mod names;
mod nodes;
mod outside;
mod pools;
mod settings;
mod sources;

pub use names::user as user_name;
pub use nodes::Node;
pub use pools::{PoolHosts, PoolWish, Pools};
pub use settings::{
    Conf, FailurePolicy, MadeKey, Networks, PackageSettings, Settings, Spoken, check,
};
pub use sources::TimeSource;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::desired::{HostVars, Recipe};
use crate::inventory::{Connection, Inventory, extra};
use crate::problem::{Place, Problem};
use crate::project::{self, Project};
use crate::resource::Subject;
use crate::role::{Role, tags};
use crate::shard::Shard;
use crate::template::{Engine, Layer, Shared, Vars};

use builder::Builder;
use config::Config;
use settings::Part;

/// The group whose first host is the time source; further ones may stand by for it.
const SOURCE_GROUP: &str = "chrony";

/// The role that sets up the time: with it times are proved.
pub const TIME_ROLE: &str = "chrony";

/// What is given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The inventories (`-i`), in order; the cluster's own when none is given.
    pub inventory: Vec<String>,
    /// Values of `-e`, in order.
    pub extra: Vec<String>,
    /// Settings that options of their own give; they go before `-e`.
    pub options: Vec<OptionSetting>,
    /// `--limit`: a pattern of hosts.
    pub limit: Option<String>,
    /// `--shard`: a part of the hosts. It is divided first, then limited.
    pub shard: Option<Shard>,
    /// `--tags` and `--skip-tags`.
    pub tags: tags::Choice,
    /// The step: `01` or `all` for all roles, else the name of one.
    pub step: Option<String>,
}

/// A setting that an option gives.
#[derive(Debug, Clone)]
pub struct OptionSetting {
    /// The setting's name.
    pub name: &'static str,
    /// Its value.
    pub value: serde_json::Value,
    /// The option as it is typed: `--set-clock`.
    pub option: &'static str,
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
    pub subjects: Arc<BTreeSet<Subject>>,
    /// What the reader of the result should know of its settings.
    pub notes: Vec<String>,
}

/// A cluster, read and checked.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The part of it that this run sees to; none: all of it.
    pub shard: Option<Shard>,
    /// The time source, then its standbys in the order in which they take its place.
    pub sources: Vec<TimeSource>,
    /// The hosts of this run, the sources first as far as they are among them.
    pub members: Vec<Member>,
    /// The names of all hosts of the inventory, in the order in which Ansible lists them.
    pub listed: Vec<String>,
    /// What is rendered for them.
    pub recipe: Recipe,
    /// The settings of the cluster's time.
    pub settings: Settings,
    /// What looks like a mistake and may be none.
    pub warnings: Vec<Problem>,
}

impl Cluster {
    /// Reads the cluster `name` of `project` and checks everything that can be checked without
    /// a host: inventory, settings, roles, and each template for each host and platform.
    ///
    /// # Errors
    /// The first mistake that is found, with its place.
    pub fn load(project: &Project, name: &str, wish: &Wish) -> Result<Self, Problem> {
        let Ground { inventory, config, folder, extra } = Ground::read(project, name, wish)?;
        let roles = load_roles(project, &config, &extra, wish.step.as_deref())?;
        let recipe = Recipe {
            project: project.clone(),
            tags: known_tags(&wish.tags, &roles)?,
            roles,
            engine: Engine::default(),
            steps: Shared::default(),
        };
        let options = wish.options.clone();
        let builder = Builder { name, inventory, config, folder, extra, options, recipe };
        builder.build(wish.limit.as_deref(), wish.shard)
    }

    /// Whether times are proved: they are this role's work.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.recipe.role(TIME_ROLE).is_some()
    }
}

/// What stands in the files and on the command line, before anything is made of it.
struct Ground {
    inventory: Inventory,
    config: Config,
    /// The folder of config.yml.
    folder: PathBuf,
    extra: Arc<Layer>,
}

impl Ground {
    fn read(project: &Project, name: &str, wish: &Wish) -> Result<Self, Problem> {
        project::check_cluster_name(name)?;
        let (inventory, config) = if wish.inventory.is_empty() {
            let folder = project.cluster(name)?;
            (Inventory::load_cluster(&folder)?, folder.join("config.yml"))
        } else {
            let config = Config::path(project, name, &wish.inventory);
            let inventory = Inventory::load(&wish.inventory)?;
            refuse_pattern(project, name, &inventory)?;
            (inventory, config)
        };
        let folder = config.parent().unwrap_or(Path::new("")).to_owned();
        let config = Config::read(&config)?;
        let mut extra = extra::parse(&wish.extra)?;
        extra.extend(wish.options.iter().map(|it| (it.name.to_owned(), it.value.clone())));
        let extra = Layer::written(extra);
        Ok(Self { inventory, config, folder, extra })
    }
}

/// Ansible takes hosts where a cluster's name stands here. Who writes them there would reach all
/// hosts of the inventory instead of a few.
fn refuse_pattern(project: &Project, name: &str, inventory: &Inventory) -> Result<(), Problem> {
    let is_group = inventory.group(name).is_some();
    if project.cluster(name).is_ok() || !(is_group || inventory.hosts().any(|host| host == name)) {
        return Ok(());
    }
    let what = if is_group { "a group" } else { "a host" };
    Err(Problem::new(format!(
        "`{name}` is {what} of the inventory, and here the cluster's name belongs"
    ))
    .hint(format!("with -i that may be any name; choose hosts with -l {name}")))
}

/// The roles of this run: those that `roles` names, or the one that the step names.
fn load_roles(
    project: &Project,
    config: &Config,
    extra: &Vars,
    step: Option<&str>,
) -> Result<Vec<Role>, Problem> {
    match step {
        // kubeasz's first step, "prepare", is the one that holds chrony; 90 is its "all".
        None | Some("01" | "prepare" | "all" | "90") => role_names(config, extra)?
            .iter()
            .map(|(name, place)| {
                Role::load(project, name).map_err(|problem| match place {
                    Some(place) if problem.place().is_none() => problem.at(place.clone()),
                    _ => problem,
                })
            })
            .collect(),
        Some(role) if project.role_names().iter().any(|known| known == role) => {
            Ok(vec![Role::load(project, role)?])
        }
        Some(other) => Err(unknown_step(project, other)),
    }
}

fn unknown_step(project: &Project, step: &str) -> Problem {
    let roles = project.role_names();
    let names: Vec<&str> = roles.iter().map(String::as_str).collect();
    let otherwise = "leave it out (or write 01 or all) for every role, or name one of";
    Problem::new(format!("`{}` is neither a step nor a role", step.escape_debug()))
        .meant(step, &names, otherwise)
}

/// The names that `roles` lists, each once, with their places; without a list it is chrony alone.
fn role_names(config: &Config, extra: &Vars) -> Result<Vec<(String, Option<Place>)>, Problem> {
    let place = |item| match extra.contains_key("roles") {
        true => Some(Place::in_file(Path::new("-e"))),
        false => config.place_of("roles", Part { item, field: None }),
    };
    let problem = |item| {
        Problem::new("`roles` must be a list of names, as in [chrony, motd]").at(place(item))
    };
    let Some(value) = extra.get("roles").or_else(|| config.vars.get("roles")) else {
        return Ok(vec![(TIME_ROLE.to_owned(), None)]);
    };
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(|| problem(None))?;
    let mut names: Vec<(String, Option<Place>)> = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let name = item.as_str().ok_or_else(|| problem(Some(number)))?;
        if !names.iter().any(|(known, _)| known == name) {
            names.push((name.to_owned(), place(Some(number))));
        }
    }
    Ok(names)
}

/// `--tags` and `--skip-tags` without blanks.
///
/// # Errors
/// A tag that no task has: it would silently leave out what was meant.
fn known_tags(wanted: &tags::Choice, roles: &[Role]) -> Result<tags::Choice, Problem> {
    let mut known: Vec<&str> = roles.iter().flat_map(Role::tags).collect();
    known.sort_unstable();
    known.dedup();
    let checked = |option: &str, wanted: &[String]| -> Result<Vec<String>, Problem> {
        let wanted = wanted.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty());
        wanted.map(|tag| known_tag(option, tag, &known)).collect()
    };
    Ok(tags::Choice {
        only: checked("--tags", &wanted.only)?,
        skip: checked("--skip-tags", &wanted.skip)?,
    })
}

fn known_tag(option: &str, tag: &str, known: &[&str]) -> Result<String, Problem> {
    if known.contains(&tag) || tags::SPECIAL.contains(&tag) {
        return Ok(tag.to_owned());
    }
    Err(Problem::new(format!("{option} {}: no task has this tag", tag.escape_debug())).meant(
        tag,
        known,
        "the tags are",
    ))
}
