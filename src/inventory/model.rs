//! What an inventory is made of, and the rules for adding to it.
//!
//! Readers of INI, YAML (and whatever comes later) only call the `add_` and `set_` methods,
//! source after source; [`Model::finish`] then settles what Ansible settles after the last one.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::connection;
use super::source::{Mark, Sources};
use crate::problem::Problem;

/// The number of the group `all`, which every inventory has.
pub(super) const ALL: usize = 0;
/// The number of the group `ungrouped`, which every inventory has.
pub(super) const UNGROUPED: usize = 1;

/// A variable's value and where it was set.
#[derive(Debug)]
pub(super) struct Var {
    pub value: Value,
    pub mark: Mark,
}

pub(super) type Vars = IndexMap<String, Var>;

#[derive(Debug)]
pub(super) struct Group {
    /// Where the group is first named; `None` for `all` and `ungrouped` until they are.
    pub mark: Option<Mark>,
    /// Numbers of the groups directly inside this one, in order.
    pub children: Vec<usize>,
    pub parents: Vec<usize>,
    /// Numbers of the hosts directly in this group, in order.
    pub hosts: Vec<usize>,
    /// The longest way down from `all`.
    depth: usize,
    /// `ansible_group_priority`: who wins among groups of the same depth.
    pub priority: i64,
    /// Variables from the inventory itself.
    pub inline: Vars,
    /// Variables from group_vars, a set for each folder that has some, with the folder's number.
    pub files: Vec<(usize, Vars)>,
}

#[derive(Debug)]
pub(super) struct Host {
    /// Where the host is first named.
    pub mark: Mark,
    /// Numbers of the groups that name the host.
    groups: Vec<usize>,
    /// All groups that the host is in, parents before children: the order of precedence.
    pub lineage: Arc<[usize]>,
    /// Variables from the inventory itself.
    pub inline: Vars,
    /// Variables from host_vars.
    pub files: Vars,
}

#[derive(Debug)]
pub(super) struct Model {
    pub sources: Sources,
    pub hosts: IndexMap<String, Host>,
    pub groups: IndexMap<String, Group>,
    /// How many folders with group_vars and host_vars were read.
    pub folders: usize,
    /// What the user should know, and what is no mistake.
    pub warnings: Vec<Problem>,
}

impl Model {
    /// An inventory with nothing in it but `all` and `ungrouped`.
    pub fn new() -> Self {
        let mut model = Self {
            sources: Sources::default(),
            hosts: IndexMap::new(),
            groups: IndexMap::new(),
            folders: 0,
            warnings: Vec::new(),
        };
        model.group_entry("all", None);
        model.group_entry("ungrouped", None);
        model.link(ALL, UNGROUPED);
        model
    }

    /// The number of the group `name`, which is added if it is new.
    pub fn add_group(&mut self, name: &str, mark: Mark) -> usize {
        self.group_entry(name, Some(mark))
    }

    fn group_entry(&mut self, name: &str, mark: Option<Mark>) -> usize {
        if let Some((number, _, group)) = self.groups.get_full_mut(name) {
            group.mark = group.mark.or(mark);
            return number;
        }
        let group = Group {
            mark,
            children: Vec::new(),
            parents: Vec::new(),
            hosts: Vec::new(),
            depth: 0,
            priority: 1,
            inline: Vars::new(),
            files: Vec::new(),
        };
        self.groups.insert_full(name.to_owned(), group).0
    }

    /// Puts the host `name` into a group; the host is added if it is new.
    pub fn add_host(&mut self, name: String, group: usize, mark: Mark) -> usize {
        let entry = self.hosts.entry(name);
        let number = entry.index();
        let host = entry.or_insert_with(|| Host {
            mark,
            groups: Vec::new(),
            lineage: Arc::default(),
            inline: Vars::new(),
            files: Vars::new(),
        });
        if !host.groups.contains(&group) {
            host.groups.push(group);
            if let Some((_, group)) = self.groups.get_index_mut(group) {
                group.hosts.push(number);
            }
        }
        number
    }

    /// Makes one group a child of another.
    ///
    /// # Errors
    /// When the parent is itself inside the child.
    pub fn add_child(&mut self, parent: usize, child: usize, mark: Mark) -> Result<(), Problem> {
        if self.descendants(child).contains(&parent) {
            let name = |number| self.groups.get_index(number).map_or("", |(name, _)| name);
            let message = format!(
                "the group {} cannot be a child of {}, which it contains",
                name(child),
                name(parent)
            );
            return Err(Problem::new(message).at(self.sources.place(mark)));
        }
        self.link(parent, child);
        Ok(())
    }

    fn link(&mut self, parent: usize, child: usize) {
        if let Some((_, group)) = self.groups.get_index_mut(parent)
            && !group.children.contains(&child)
        {
            group.children.push(child);
            if let Some((_, group)) = self.groups.get_index_mut(child) {
                group.parents.push(parent);
            }
        }
    }

    /// Sets a host's variable, as the inventory file itself has it. The last value wins; a second
    /// one in the same file is worth a warning, since many mean it for one group only.
    ///
    /// # Errors
    /// When the value cannot be used to connect (a port of 99999).
    pub fn set_host_var(
        &mut self,
        host: usize,
        key: &str,
        value: Value,
        mark: Mark,
    ) -> Result<(), Problem> {
        self.check(key, &value, mark)?;
        let Some((name, host)) = self.hosts.get_index_mut(host) else { return Ok(()) };
        if let Some(var) = host.inline.get(key)
            && var.mark.source == mark.source
            && var.value != value
        {
            let first = self.sources.short(var.mark);
            let message =
                format!("the host {name} has another value for {key} at {first}: this one counts");
            self.warnings.push(
                Problem::new(message)
                    .at(self.sources.place(mark))
                    .hint("a host has one value for all its groups: keep one of the two"),
            );
        }
        host.inline.insert(key.to_owned(), Var { value, mark });
        Ok(())
    }

    /// Sets a group's variable, as the inventory file itself has it. The last value wins.
    ///
    /// # Errors
    /// When the value cannot be used to connect, or is no number for `ansible_group_priority`.
    pub fn set_group_var(
        &mut self,
        group: usize,
        key: &str,
        value: Value,
        mark: Mark,
    ) -> Result<(), Problem> {
        self.check(key, &value, mark)?;
        let Some((_, group)) = self.groups.get_index_mut(group) else { return Ok(()) };
        if key == "ansible_group_priority" {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            group.priority = text.trim().parse().map_err(|_| {
                Problem::new(format!("{key} must be a whole number, not {text}"))
                    .at(self.sources.place(mark))
            })?;
        } else {
            group.inline.insert(key.to_owned(), Var { value, mark });
        }
        Ok(())
    }

    /// Refuses values that no connection can be made with, while their place is known.
    pub fn check(&self, key: &str, value: &Value, mark: Mark) -> Result<(), Problem> {
        connection::check(key, value).map_err(|problem| problem.at(self.sources.place(mark)))
    }

    /// Settles what depends on the whole inventory: parents, `ungrouped`, depths.
    pub fn finish(&mut self) -> Result<(), Problem> {
        for number in 1..self.groups.len() {
            if let Some((_, group)) = self.groups.get_index(number)
                && group.parents.is_empty()
                && let Some(mark) = group.mark
            {
                self.add_child(ALL, number, mark)?;
            }
        }
        self.settle_ungrouped();
        self.settle_depths();
        self.settle_lineages();
        Ok(())
    }

    /// `ungrouped` holds exactly the hosts that are in no group but `all`.
    fn settle_ungrouped(&mut self) {
        let mut ungrouped = self.groups.get_index(UNGROUPED).map_or(vec![], |g| g.1.hosts.clone());
        for (number, host) in self.hosts.values_mut().enumerate() {
            let grouped = host.groups.iter().any(|group| ![ALL, UNGROUPED].contains(group));
            if grouped {
                host.groups.retain(|group| *group != UNGROUPED);
            } else if !host.groups.contains(&UNGROUPED) {
                host.groups.push(UNGROUPED);
                ungrouped.push(number);
            }
        }
        let in_ungrouped = |number: &usize| {
            self.hosts.get_index(*number).is_some_and(|(_, host)| host.groups.contains(&UNGROUPED))
        };
        ungrouped.retain(in_ungrouped);
        if let Some((_, group)) = self.groups.get_index_mut(UNGROUPED) {
            group.hosts = ungrouped;
        }
    }

    /// A group's depth is the longest way to it from `all`: parents are settled before children.
    fn settle_depths(&mut self) {
        let mut waiting: Vec<usize> =
            self.groups.values().map(|group| group.parents.len()).collect();
        let mut ready = vec![ALL];
        while let Some(number) = ready.pop() {
            let Some((_, group)) = self.groups.get_index(number) else { continue };
            let depth = group.depth + 1;
            for child in group.children.clone() {
                if let Some((_, group)) = self.groups.get_index_mut(child) {
                    group.depth = group.depth.max(depth);
                }
                if let Some(parents) = waiting.get_mut(child) {
                    *parents = parents.saturating_sub(1);
                    if *parents == 0 {
                        ready.push(child);
                    }
                }
            }
        }
    }

    /// Hosts that stand in the same groups share one list of ancestors.
    fn settle_lineages(&mut self) {
        let mut known: HashMap<Vec<usize>, Arc<[usize]>> = HashMap::new();
        let groups = &self.groups;
        for host in self.hosts.values_mut() {
            if let Some(lineage) = known.get(&host.groups) {
                host.lineage = Arc::clone(lineage);
                continue;
            }
            let mut lineage = vec![ALL];
            let mut unseen = host.groups.clone();
            while let Some(number) = unseen.pop() {
                if !lineage.contains(&number) {
                    lineage.push(number);
                }
                unseen.extend(groups.get_index(number).iter().flat_map(|(_, g)| &g.parents));
            }
            lineage.sort_by_key(|number| {
                groups.get_index(*number).map(|(name, g)| (g.depth, g.priority, name))
            });
            host.lineage = lineage.into();
            known.insert(host.groups.clone(), Arc::clone(&host.lineage));
        }
    }

    /// A group and all groups inside it, level by level, each once.
    pub fn descendants(&self, group: usize) -> Vec<usize> {
        let mut seen = vec![false; self.groups.len()];
        let mut ordered = vec![group];
        let mut next = 0;
        while let Some(number) = ordered.get(next).copied() {
            next += 1;
            for child in self.groups.get_index(number).iter().flat_map(|(_, g)| &g.children) {
                if let Some(seen @ false) = seen.get_mut(*child) {
                    *seen = true;
                    ordered.push(*child);
                }
            }
        }
        ordered
    }

    /// The hosts of a group and of all groups inside it, in Ansible's order, each once.
    pub fn members(&self, group: usize) -> Vec<usize> {
        let mut seen = vec![false; self.hosts.len()];
        let mut members = Vec::new();
        for group in self.descendants(group) {
            for host in self.groups.get_index(group).iter().flat_map(|(_, g)| &g.hosts) {
                if let Some(seen @ false) = seen.get_mut(*host) {
                    *seen = true;
                    members.push(*host);
                }
            }
        }
        members
    }
}
