//! From MachineConfigs back to files, and to the settings that would give the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::chrony_conf::{self, Check, owner};
use super::content::check_zone;
use super::document::TIMEZONE_UNIT;
use super::dumped::Dumped;
use super::read::Dumps;
use super::settings::{MASTER, Settings, WORKER};
use crate::problem::Problem;
use crate::yaml;

/// The configuration of chrony on a node.
pub(super) const CHRONY_CONF: &str = "/etc/chrony.conf";

/// The first release with node disruption policies.
const POLICY_SINCE: &str = "4.17";

/// Settings that are one for the whole cluster; each other one a group may have of its own.
const OF_CLUSTER: [&str; 3] = ["ntp_servers", "min_sources", "ip_family"];

/// What MachineConfigs say, in ezsync's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// The settings, with the file that each of them is for.
    pub files: Vec<(String, Map<String, Value>)>,
    /// What no setting stands for.
    pub others: Vec<String>,
}

/// What one pool has.
struct OfPool<'a> {
    name: &'a str,
    /// The group whose hosts are in it; none for a node's own file.
    group: Option<String>,
    has_conf: bool,
    settings: Map<String, Value>,
}

impl OfPool<'_> {
    /// Whether it has anything to say of a setting.
    fn speaks_of(&self, setting: &str) -> bool {
        self.has_conf || setting == "timezone"
    }

    fn group(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    fn is_custom(&self) -> bool {
        self.group.is_some() && ![MASTER, WORKER].contains(&self.name)
    }
}

/// The settings that would give what `dumps` say. `check` says what config.yml may not have.
#[must_use]
pub fn import(dumps: &Dumps, check: Check<'_>) -> Imported {
    let mut imported = Imported::default();
    let mut configs: BTreeMap<&str, Vec<&Dumped>> = BTreeMap::new();
    for config in &dumps.configs {
        configs.entry(&config.pool).or_default().push(config);
    }
    let mut openshift = Map::new();
    let mut pools = Vec::new();
    for (pool, mut configs) in configs {
        // As the operator puts them together.
        configs.sort_by(|a, b| a.name.cmp(&b.name));
        let is_node = configs.iter().any(|config| config.is_of_node);
        let arguments = configs.iter().flat_map(|it| &it.kernel_arguments);
        let own = imported.kernel_arguments(pool, arguments);
        if !is_node && (![MASTER, WORKER].contains(&pool) || !own.is_empty()) {
            openshift.insert(pool.to_owned(), Value::Object(own));
        }
        pools.push(OfPool {
            name: pool,
            group: (!is_node).then(|| group(pool)),
            has_conf: configs.iter().any(|config| config.writes(CHRONY_CONF)),
            settings: imported.of_pool(&configs, check),
        });
    }
    inherit(&mut pools);
    for (pool, own) in &dumps.around.pools {
        if ![MASTER, WORKER].contains(&pool.as_str()) || !own.is_empty() {
            let known = openshift.entry(pool.as_str()).or_insert_with(|| json!({}));
            known.as_object_mut().into_iter().for_each(|known| known.extend(own.clone()));
        }
    }
    imported.divide(&pools);
    imported.add_openshift(openshift, dumps.around.disruption_policy);
    imported
}

/// A custom pool's nodes get the workers' configs as well, and so all that their own do not say.
fn inherit(pools: &mut [OfPool<'_>]) {
    let workers = pools.iter().find(|pool| pool.name == WORKER);
    let Some((has_conf, of_workers)) = workers.map(|it| (it.has_conf, it.settings.clone())) else {
        return;
    };
    for pool in pools.iter_mut().filter(|pool| pool.is_custom()) {
        for (name, value) in &of_workers {
            if name == "timezone" || !pool.has_conf {
                pool.settings.entry(name).or_insert_with(|| value.clone());
            }
        }
        pool.has_conf |= has_conf;
    }
}

/// The group whose hosts are in a pool where nothing else is said.
fn group(pool: &str) -> String {
    let known = Settings::read(None).map(|settings| settings.pools).unwrap_or_default();
    known.into_iter().find(|known| known.name == pool).map_or(pool.to_owned(), |known| known.group)
}

/// Whether config.yml may have this below `openshift`.
fn check_section(section: &Value) -> Result<(), Problem> {
    let text = yaml::write(section)?;
    let node = yaml::parse("", &text)?;
    Settings::read(Some(("", &text, &node))).map(drop)
}

impl Imported {
    fn kernel_arguments<'a>(
        &mut self,
        pool: &str,
        arguments: impl Iterator<Item = &'a String>,
    ) -> Map<String, Value> {
        let mut taken: Vec<&String> = Vec::new();
        for argument in arguments {
            let is_new = !taken.contains(&argument);
            let section = json!({ "kernel_arguments": [argument] });
            if is_new && check_section(&section).is_ok() {
                taken.push(argument);
            } else {
                let why = if is_new { "not one word" } else { "a second time" };
                self.others.push(format!("{pool}: the kernel's argument {argument} ({why})"));
            }
        }
        let list = (!taken.is_empty()).then(|| ("kernel_arguments".to_owned(), json!(taken)));
        list.into_iter().collect()
    }

    /// With what stands below `openshift`.
    fn add_openshift(&mut self, pools: Map<String, Value>, disruption_policy: bool) {
        let mut openshift = Map::new();
        if disruption_policy {
            openshift.insert("version".to_owned(), json!(POLICY_SINCE));
            openshift.insert("node_disruption_policy".to_owned(), json!(true));
            self.others.push(format!(
                "openshift.version: {POLICY_SINCE} is the first that has node_disruption_policy: write yours"
            ));
        }
        let mut taken = Map::new();
        for (name, own) in pools {
            match check_section(&json!({ "pools": { &name: own } })) {
                Ok(()) => drop(taken.insert(name, own)),
                Err(problem) => self.others.push(format!("the pool {name}: {}", problem.message())),
            }
        }
        if !taken.is_empty() {
            openshift.insert("pools".to_owned(), Value::Object(taken));
        }
        if openshift.is_empty() {
            return;
        }
        let is_config = |title: &String| title.starts_with(CONFIG);
        if !self.files.iter().any(|(title, _)| is_config(title)) {
            self.files.insert(0, (CONFIG.to_owned(), Map::new()));
        }
        for (_, settings) in self.files.iter_mut().filter(|(title, _)| is_config(title)) {
            settings.insert("openshift".to_owned(), json!(openshift));
        }
    }

    /// What all pools have goes into config.yml, and the rest to their groups.
    fn divide(&mut self, pools: &[OfPool<'_>]) {
        let any_conf = pools.iter().any(|pool| pool.has_conf);
        for pool in pools.iter().filter(|pool| any_conf && !pool.has_conf) {
            let (name, group) = (pool.name, pool.group());
            self.others.push(format!(
                "the pool {name} has no {CHRONY_CONF}: it gets one when the group {group} has hosts"
            ));
        }
        let differs = |setting: &str| {
            let speaking = pools.iter().filter(|pool| pool.speaks_of(setting));
            let mut values = speaking.map(|pool| pool.settings.get(setting));
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        let apart: Vec<&str> = OF_CLUSTER.into_iter().filter(|setting| differs(setting)).collect();
        if !apart.is_empty() {
            return self.set_apart(pools, &apart);
        }
        let all = |wanted: bool, pool: &OfPool<'_>| -> Map<String, Value> {
            let settings = pool.settings.iter().filter(|(name, _)| differs(name) == wanted);
            settings.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let common: Map<_, _> = pools.iter().flat_map(|pool| all(false, pool)).collect();
        if !common.is_empty() {
            self.files.push((CONFIG.to_owned(), common));
        }
        let of_workers = pools.iter().find(|pool| pool.name == WORKER).map(|pool| all(true, pool));
        for pool in pools {
            let mut own = all(true, pool);
            if pool.is_custom() {
                self.as_workers_too(pool, &mut own, &of_workers.clone().unwrap_or_default());
            }
            if !own.is_empty() {
                let title = match &pool.group {
                    Some(group) => format!("group_vars/{group}.yml"),
                    None => format!("the group_vars of the node that has {}", pool.name),
                };
                self.files.push((title, own));
            }
        }
    }

    /// Hosts of a custom pool are in the group of workers as well, and would have from there what their pool has not.
    fn as_workers_too(
        &mut self,
        pool: &OfPool<'_>,
        own: &mut Map<String, Value>,
        of_workers: &Map<String, Value>,
    ) {
        for name in of_workers.keys().filter(|name| pool.speaks_of(name)) {
            own.entry(name.as_str()).or_insert(Value::Null);
        }
        let (name, workers) = (pool.group(), group(WORKER));
        if !of_workers.is_empty() && name < workers.as_str() {
            self.others.push(format!(
                "{workers} counts for hosts that are in {name} as well, for it is later by name: write \
                 ansible_group_priority=2 below [{name}:vars] in the inventory"
            ));
        }
    }

    /// Pools that no one cluster can have, each with its own settings.
    fn set_apart(&mut self, pools: &[OfPool<'_>], apart: &[&str]) {
        let mut known: Vec<(Vec<&str>, &Map<String, Value>)> = Vec::new();
        for pool in pools.iter().filter(|pool| !pool.settings.is_empty()) {
            match known.iter_mut().find(|(_, settings)| **settings == pool.settings) {
                Some((names, _)) => names.push(pool.name),
                None => known.push((vec![pool.name], &pool.settings)),
            }
        }
        let titled = |(names, settings): &(Vec<&str>, &Map<String, Value>)| {
            (format!("{CONFIG}, as {} has it", names.join(", ")), (*settings).clone())
        };
        self.files = known.iter().map(titled).collect();
        let verb = if apart.len() == 1 { "is" } else { "are" };
        let apart = apart.join(" and ");
        self.others.push(format!("the pools differ: {apart} {verb} one for the whole cluster"));
    }

    fn of_pool(&mut self, configs: &[&Dumped], check: Check<'_>) -> Map<String, Value> {
        let mut settings = Map::new();
        let last = configs.iter().rfind(|config| config.writes(CHRONY_CONF));
        for config in configs {
            let name = &config.name;
            for file in &config.files {
                let path = &file.path;
                let overriding = last.filter(|last| path == CHRONY_CONF && last.name != *name);
                let label = config.title(file);
                if let Some(last) = overriding {
                    self.others.push(format!("{label}: {} overrides it", last.name));
                } else if path == CHRONY_CONF {
                    let (read, others) = chrony_conf::read(file, check);
                    settings.extend(read);
                    self.others.extend(others.iter().map(|it| format!("{label}: {it}")));
                } else {
                    let whose = owner(file).map(|owner| format!(", {owner}")).unwrap_or_default();
                    self.others.push(format!("{label}: a role of your own may write it{whose}"));
                }
            }
            for unit in &config.units {
                let zone = zone(&unit.contents).filter(|_| unit.enabled);
                match zone.filter(|zone| check_zone(zone).is_ok()) {
                    Some(zone) => {
                        settings.insert("timezone".to_owned(), json!(zone));
                        if unit.name != TIMEZONE_UNIT {
                            let name = format!("{name}: the unit {}", unit.name);
                            self.others.push(format!(
                                "{name}: exported as {TIMEZONE_UNIT}; take the old one away"
                            ));
                        }
                    }
                    None => self.others.push(format!("{name}: the unit {}", unit.name)),
                }
            }
            let others = config.labels.iter().chain(&config.others);
            self.others.extend(others.map(|other| format!("{name}: {other}")));
        }
        settings
    }
}

/// The file of settings for all.
const CONFIG: &str = "config.yml";

/// The zone that a unit sets, when it does nothing else.
fn zone(contents: &str) -> Option<&str> {
    let mut starts = contents.lines().map(str::trim).filter(|line| line.starts_with("Exec"));
    let line = starts.next().filter(|_| starts.next().is_none())?;
    let mut words = line.strip_prefix("ExecStart=")?.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    let (verb, zone) = (words.next()?, words.next()?);
    let is_it = program == "timedatectl" && verb == "set-timezone" && words.next().is_none();
    is_it.then(|| zone.trim_matches(['"', '\'']))
}
