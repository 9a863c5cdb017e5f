//! The inventory as `ansible-inventory` prints it: `--list`, `--host` and `--graph`.

use std::collections::{BTreeMap, HashSet};

use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value};

use super::model::{ALL, Group};
use super::{Inventory, python};
use crate::problem::{self, Problem};
use crate::sanitise::sanitise_json;
use crate::yaml::is_vaulted;

/// How `_meta.hostvars` is written, by Ansible's own name: values as they are, templates too.
const PROFILE: &str = "inventory_legacy";

/// Names that Ansible itself gives values to; what an inventory says of them is not shown.
const INTERNAL: [&str; 33] = [
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

type Shown<'a> = BTreeMap<&'a str, Sorted<'a>>;

/// A value whose mappings are written in the order of their keys, and which says of encrypted
/// texts that they are.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let sorted: BTreeMap<&String, Sorted> =
                    map.iter().map(|(key, value)| (key, Sorted(value))).collect();
                serializer.collect_map(sorted)
            }
            Value::String(text) if is_vaulted(text) => {
                serializer.collect_map([("__ansible_vault", text)])
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            plain => plain.serialize(serializer),
        }
    }
}

/// One entry of the answer to `--list`.
#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Group {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        children: Vec<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        hosts: Vec<&'a str>,
    },
    Meta {
        hostvars: BTreeMap<&'a str, Shown<'a>>,
        profile: &'static str,
    },
}

impl Inventory {
    /// The answer to `--list`, as a script gives it to Ansible: every group with its children and
    /// hosts, and the variables of all hosts. `only` limits the hosts; `extra` wins over all.
    ///
    /// # Errors
    /// None in practice: all of it can be written as JSON.
    pub fn show_list(
        &self,
        only: Option<&[String]>,
        extra: &Map<String, Value>,
    ) -> serde_json::Result<String> {
        let only: Option<HashSet<&str>> =
            only.map(|hosts| hosts.iter().map(String::as_str).collect());
        let is_shown = |host: &&str| only.as_ref().is_none_or(|only| only.contains(host));
        let mut parts = BTreeMap::new();
        for (number, (name, group)) in self.model.groups.iter().enumerate() {
            let children = self.group_names(&group.children);
            let hosts = if number == ALL { Vec::new() } else { self.names(group.hosts.clone()) };
            let hosts: Vec<&str> = hosts.into_iter().filter(is_shown).collect();
            if !children.is_empty() || !hosts.is_empty() {
                parts.insert(name.as_str(), Part::Group { children, hosts });
            }
        }
        let vars = |host| (host, self.shown_vars(host, extra));
        let hosts = self.hosts().filter(is_shown).map(vars);
        let hostvars = hosts.filter(|(_, vars)| !vars.is_empty()).collect();
        parts.insert("_meta", Part::Meta { hostvars, profile: PROFILE });
        json(&parts)
    }

    /// The answer to `--host`: the variables of the one host that `pattern` selects.
    ///
    /// # Errors
    /// A [`Problem`] when it selects none or several.
    pub fn show_host(
        &self,
        pattern: &str,
        extra: &Map<String, Value>,
    ) -> Result<serde_json::Result<String>, Problem> {
        let hosts = self.select(pattern)?;
        let [host] = hosts.as_slice() else {
            let message = format!("--host {pattern}: these are {} hosts, not one", hosts.len());
            return Err(Problem::new(message).hint("give the name of one host"));
        };
        Ok(json(&self.shown_vars(host, extra)))
    }

    /// The answer to `--graph`: the tree below a group, with variables when `vars` says so.
    ///
    /// # Errors
    /// A [`Problem`] when there is no such group.
    pub fn show_graph(
        &self,
        group: &str,
        vars: bool,
        extra: &Map<String, Value>,
    ) -> Result<String, Problem> {
        let Some(number) = self.model.groups.get_index_of(group) else {
            let known: Vec<&str> = self.model.groups.keys().map(String::as_str).collect();
            let problem = Problem::new(format!("--graph {group}: there is no such group"));
            return Err(match problem::nearest(group, &known) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem.hint("the name of a cluster stands before --graph"),
            });
        };
        let mut text = String::new();
        self.graph(number, 0, vars.then_some(extra), &mut text);
        Ok(text)
    }

    fn graph(
        &self,
        number: usize,
        depth: usize,
        vars: Option<&Map<String, Value>>,
        text: &mut String,
    ) {
        let Some((name, group)) = self.model.groups.get_index(number) else { return };
        line(text, depth, &format!("@{name}:"));
        let depth = depth + 1;
        for child in &group.children {
            self.graph(*child, depth, vars, text);
        }
        if number != ALL {
            for host in self.names(group.hosts.clone()) {
                line(text, depth, host);
                if let Some(extra) = vars {
                    for (name, value) in self.shown_vars(host, extra) {
                        line(text, depth + 1, &format!("{{{name} = {}}}", python::str(value.0)));
                    }
                }
            }
        }
        if vars.is_some() {
            for (name, value) in group_vars(group) {
                line(text, depth, &format!("{{{name} = {}}}", python::str(&value)));
            }
        }
    }

    fn group_names(&self, numbers: &[usize]) -> Vec<&str> {
        let group = |number: &usize| self.model.groups.get_index(*number);
        numbers.iter().filter_map(group).map(|(name, _)| name.as_str()).collect()
    }

    /// A host's variables by name, without those that are Ansible's own.
    fn shown_vars<'a>(&'a self, host: &str, extra: &'a Map<String, Value>) -> Shown<'a> {
        let mut shown = Shown::new();
        for vars in self.layers(host) {
            shown.extend(vars.iter().map(|(key, var)| (key.as_str(), Sorted(&var.value))));
        }
        shown.extend(extra.iter().map(|(key, value)| (key.as_str(), Sorted(value))));
        shown.retain(|key, _| !INTERNAL.contains(key));
        shown
    }
}

/// A group's own variables by name.
fn group_vars(group: &Group) -> BTreeMap<&str, Value> {
    let vars = group.inline.iter().chain(group.files.iter().flat_map(|(_, vars)| vars));
    let mut vars: BTreeMap<&str, Value> =
        vars.map(|(key, var)| (key.as_str(), var.value.clone())).collect();
    if group.priority != 1 {
        vars.insert("ansible_group_priority", group.priority.into());
    }
    vars.retain(|key, _| !INTERNAL.contains(key));
    vars
}

fn line(text: &mut String, depth: usize, what: &str) {
    text.push_str(&"  |".repeat(depth));
    text.push_str(if depth == 0 { "" } else { "--" });
    text.push_str(what);
    text.push('\n');
}

/// JSON as Ansible writes it, and safe to print.
fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    Ok(sanitise_json(String::from_utf8_lossy(&bytes).into_owned()))
}
