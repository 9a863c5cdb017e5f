//! The inventory: hosts, groups, variables and patterns, read from one source or several.
//!
//! Readers ([`ini`], [`yaml_file`], [`script`], [`vars_files`]) add to one [`model::Model`], source
//! after source; everything here only asks it.

pub mod connection;
pub mod extra;

mod address;
mod ini;
mod literal;
mod model;
mod pattern;
mod python;
mod read;
mod script;
mod show;
mod source;
mod vars_files;
mod wait;
mod words;
mod yaml_file;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use connection::{Becoming, Connection, Secret, SshArgs};
pub use vars_files::read_vars;

use crate::problem::{Place, Problem};
use model::{Model, Var};

/// The hosts, groups and variables of one cluster.
///
/// Values keep their templates (`{{ base_dir }}/x`): resolving them needs all other variables.
#[derive(Debug)]
pub struct Inventory {
    model: Model,
}

impl Inventory {
    /// Reads what `-i` names, in order, with the `group_vars/` and `host_vars/` beside each: a
    /// file, a program, a folder of such, or a list of hosts with a comma in it. What several
    /// of them say is merged, the later one winning.
    ///
    /// # Errors
    /// A [`Problem`] for what cannot be read or holds a mistake, and when there is no host.
    pub fn load<S: AsRef<str>>(sources: &[S]) -> Result<Self, Problem> {
        let mut model = Model::new();
        let mut folders = Vec::new();
        for source in sources.iter().map(AsRef::as_ref) {
            let folder = read::source(&mut model, source).map_err(|problem| of(source, problem))?;
            if let Some(folder) = folder {
                // What a folder says counts where it is named last, and is read once.
                folders.retain(|known| *known != folder);
                folders.push(folder);
            }
        }
        Self::finish(model, &folders)
    }

    /// Reads the inventory of the cluster whose folder this is (`hosts`, `hosts.yml`, `hosts.yaml`
    /// or `hosts.ini`), and `group_vars/` and `host_vars/` beside it.
    ///
    /// # Errors
    /// As [`Inventory::load`], and when there are two inventories or none.
    pub fn load_cluster(folder: &Path) -> Result<Self, Problem> {
        let mut model = Model::new();
        read::cluster(&mut model, folder)?;
        Self::finish(model, &[folder.to_owned()])
    }

    fn finish(mut model: Model, folders: &[PathBuf]) -> Result<Self, Problem> {
        model.finish()?;
        if model.hosts.is_empty() {
            return Err(Problem::new("the inventory has no hosts")
                .at(model.sources.only())
                .hint("write one host a line below a [group]"));
        }
        for folder in folders {
            vars_files::read(&mut model, folder)?;
        }
        Ok(Self { model })
    }

    /// What was left aside, and what programs said beside their answer.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.model.warnings
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

    /// The names of the variables that a host has to itself, from its line or its host_vars.
    pub fn own_names(&self, host: &str) -> impl Iterator<Item = &str> {
        let host = self.model.hosts.get(host).into_iter();
        host.flat_map(|host| host.inline.keys().chain(host.files.keys())).map(String::as_str)
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

    /// A host's sets of variables, from the weakest to the strongest, as in Ansible. All of
    /// group_vars is stronger than what the inventories themselves say about any group. What the
    /// later of two folders says about a parent is stronger than what the earlier one says about
    /// its child, but for `all`, which comes first.
    fn layers<'a>(&'a self, host: &str) -> impl DoubleEndedIterator<Item = &'a model::Vars> {
        let host = self.model.hosts.get(host);
        let lineage: &'a [usize] = host.map_or(&[][..], |host| &host.lineage);
        let group = |number: &usize| self.model.groups.get_index(*number);
        let inline = lineage.iter().filter_map(group).map(|(_, group)| &group.inline);
        // Nothing but `all` is at its depth.
        let (of_all, below) = lineage.split_at(lineage.len().min(1));
        let files = move |groups: &'a [usize]| {
            groups.iter().filter_map(group).flat_map(|(_, group)| &group.files)
        };
        let of_folder = move |folder| {
            files(below).filter(move |(number, _)| *number == folder).map(|(_, vars)| vars)
        };
        let of_all = files(of_all).map(|(_, vars)| vars);
        let files = (0..self.model.folders).flat_map(of_folder);
        let own = host.into_iter().flat_map(|host| [&host.inline, &host.files]);
        inline.chain(of_all).chain(files).chain(own)
    }

    fn find(&self, host: &str, name: &str) -> Option<&Var> {
        self.layers(host).rev().find_map(|vars| vars.get(name))
    }
}

/// Names the `-i` that a problem is about, where no place does.
fn of(source: &str, problem: Problem) -> Problem {
    match problem.place() {
        Some(_) => problem,
        None if source.trim().is_empty() => problem.of(&format!("-i '{source}'")),
        None => problem.of(&format!("-i {source}")),
    }
}
