//! The inventory: hosts, groups, variables and patterns, read from INI and YAML.
//!
//! Readers ([`ini`], [`yaml_file`], [`vars_files`]) add to one [`model::Model`]; everything here
//! only asks it. Several sources, or a program that prints an inventory, are further readers.

pub mod connection;
pub mod extra;

mod address;
mod ini;
mod literal;
mod model;
mod pattern;
mod source;
mod vars_files;
mod words;
mod yaml_file;

use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use connection::{Connection, SshArgs};
pub use vars_files::read_vars;

use crate::problem::{Place, Problem};
use crate::yaml;
use model::{Model, Var};

/// The hosts, groups and variables of one cluster.
///
/// Values keep their templates (`{{ base_dir }}/x`): resolving them needs all other variables.
#[derive(Debug)]
pub struct Inventory {
    model: Model,
}

impl Inventory {
    /// Reads an inventory file, or the one in a folder (`hosts`, `hosts.yml`, `hosts.yaml` or
    /// `hosts.ini`), and `group_vars/` and `host_vars/` beside it.
    ///
    /// # Errors
    /// A [`Problem`] for files that cannot be read or hold a mistake, and when there is no host.
    pub fn load(path: &Path) -> Result<Self, Problem> {
        let file = source::find(path)?;
        let text = source::read_text(&file)?;
        let name = file.display().to_string();
        let mut model = Model::new();
        let source = model.sources.add(name.clone(), text.clone());
        if is_yaml(&file, &text) {
            yaml_file::read(&mut model, source, yaml::parse(&name, &text)?)?;
        } else {
            ini::read(&mut model, source, text.strip_prefix('\u{feff}').unwrap_or(&text))?;
        }
        model.finish()?;
        if model.hosts.is_empty() {
            return Err(Problem::new("the inventory has no hosts")
                .at(Place::in_file(&file))
                .hint("write one host a line below a [group]"));
        }
        vars_files::read(&mut model, file.parent().unwrap_or(Path::new("")))?;
        Ok(Self { model })
    }

    /// All hosts, in the order in which they are first named.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.model.hosts.keys().map(String::as_str)
    }

    /// The hosts of a group and of the groups inside it, in Ansible's order; `None` for a group
    /// that does not exist.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Vec<&str>> {
        let group = self.model.groups.get_index_of(name)?;
        Some(self.names(self.model.members(group)))
    }

    /// Every group with its hosts, `all` and `ungrouped` included: the variable `groups`.
    #[must_use]
    pub fn groups(&self) -> IndexMap<&str, Vec<&str>> {
        let members = |group| self.names(self.model.members(group));
        self.model.groups.keys().enumerate().map(|(n, name)| (name.as_str(), members(n))).collect()
    }

    /// The groups that a host is in, sorted, without `all`: the variable `group_names`.
    #[must_use]
    pub fn group_names_of(&self, host: &str) -> Vec<&str> {
        let lineage = self.model.hosts.get(host).map_or(&[][..], |host| &host.lineage);
        let names = lineage.iter().filter(|group| **group != model::ALL);
        let mut names: Vec<&str> = names
            .filter_map(|group| self.model.groups.get_index(*group))
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// All variables of a host: from groups, `group_vars`, the host itself and `host_vars`, the
    /// later ones winning; within groups parents come before children.
    #[must_use]
    pub fn vars(&self, host: &str) -> Map<String, Value> {
        let mut merged = Map::new();
        for vars in self.layers(host) {
            merged.extend(vars.iter().map(|(key, var)| (key.clone(), var.value.clone())));
        }
        merged
    }

    /// The value of one variable of a host, without gathering all others.
    #[must_use]
    pub fn var(&self, host: &str, name: &str) -> Option<&Value> {
        self.find(host, name).map(|var| &var.value)
    }

    /// Where the value that a variable has for a host is written.
    #[must_use]
    pub fn place_of_var(&self, host: &str, name: &str) -> Option<Place> {
        self.find(host, name).map(|var| self.model.sources.place(var.mark))
    }

    /// Where a host is first named.
    #[must_use]
    pub fn place_of_host(&self, host: &str) -> Option<Place> {
        self.model.hosts.get(host).map(|host| self.model.sources.place(host.mark))
    }

    /// Where a group is first named; `None` also for `all` and `ungrouped` when no file does.
    #[must_use]
    pub fn place_of_group(&self, group: &str) -> Option<Place> {
        self.model.groups.get(group)?.mark.map(|mark| self.model.sources.place(mark))
    }

    /// The hosts that a pattern such as `web:&prod:!db1` selects, in Ansible's order. There may
    /// be none.
    ///
    /// # Errors
    /// A [`Problem`] for a name that is no group or host, which Ansible only warns of.
    pub fn select(&self, pattern: &str) -> Result<Vec<String>, Problem> {
        let hosts = pattern::select(&self.model, pattern)?;
        Ok(self.names(hosts).into_iter().map(str::to_owned).collect())
    }

    fn names(&self, hosts: impl IntoIterator<Item = usize>) -> Vec<&str> {
        let host = |number| self.model.hosts.get_index(number);
        hosts.into_iter().filter_map(host).map(|(name, _)| name.as_str()).collect()
    }

    /// A host's sets of variables, from the weakest to the strongest. All of group_vars is
    /// stronger than what the inventory file says about any group, as in Ansible.
    fn layers(&self, host: &str) -> impl DoubleEndedIterator<Item = &model::Vars> {
        let host = self.model.hosts.get(host);
        let lineage = host.map_or(&[][..], |host| &host.lineage);
        let groups =
            || lineage.iter().filter_map(|n| self.model.groups.get_index(*n)).map(|(_, g)| g);
        let inline = groups().map(|group| &group.inline);
        let files = groups().map(|group| &group.files);
        inline.chain(files).chain(host.into_iter().flat_map(|host| [&host.inline, &host.files]))
    }

    fn find(&self, host: &str, name: &str) -> Option<&Var> {
        self.layers(host).rev().find_map(|vars| vars.get(name))
    }
}

/// Whether a file is YAML: by its ending, or without one by its first line.
fn is_yaml(file: &Path, text: &str) -> bool {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => true,
        Some("ini") => false,
        _ => {
            let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
            let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
            first.is_some_and(|line| {
                let line = line.split(" #").next().unwrap_or_default().trim_end();
                line == "---" || line.starts_with('{') || line.ends_with(':')
            })
        }
    }
}
