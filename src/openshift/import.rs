//! From MachineConfigs back to files, and to the settings that would give the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::TIMEZONE_UNIT;
use super::ignition::Account;
use super::read::{Dumped, DumpedFile, Dumps};
use super::settings::{MASTER, WORKER};

/// The configuration of chrony on a node.
pub(super) const CHRONY_CONF: &str = "/etc/chrony.conf";

/// What chrony's template writes by itself.
const OWN_LINES: [&str; 2] = ["driftfile /var/lib/chrony/drift", "rtcsync"];

/// What MachineConfigs say, in ezsync's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// The settings for config.yml, each with the pools that have them: one where all have the same.
    pub settings: Vec<(Vec<String>, Map<String, Value>)>,
    /// What no setting stands for.
    pub others: Vec<String>,
}

/// The settings that would give what `dumps` say. `takes` tells whether a line that begins with a directive may
/// stand in `extra_lines`.
#[must_use]
pub fn import(dumps: &Dumps, takes: &dyn Fn(&str) -> bool) -> Imported {
    let mut imported = Imported::default();
    let mut pools: BTreeMap<&str, Vec<&Dumped>> = BTreeMap::new();
    for config in &dumps.configs {
        pools.entry(&config.pool).or_default().push(config);
    }
    let mut openshift = Map::new();
    for (pool, mut configs) in pools {
        // As the operator puts them together.
        configs.sort_by(|a, b| a.name.cmp(&b.name));
        let mut own = Map::new();
        let arguments: Vec<&String> = configs.iter().flat_map(|it| &it.kernel_arguments).collect();
        if !arguments.is_empty() {
            own.insert("kernel_arguments".to_owned(), json!(arguments));
        }
        if ![MASTER, WORKER].contains(&pool) || !own.is_empty() {
            openshift.insert(pool.to_owned(), Value::Object(own));
        }
        let settings = imported.of_pool(&configs, takes);
        match imported.settings.iter_mut().find(|(_, known)| *known == settings) {
            Some((pools, _)) => pools.push(pool.to_owned()),
            None => imported.settings.push((vec![pool.to_owned()], settings)),
        }
    }
    for (pool, own) in &dumps.around.pools {
        if ![MASTER, WORKER].contains(&pool.as_str()) || !own.is_empty() {
            let known = openshift.entry(pool.as_str()).or_insert_with(|| json!({}));
            known.as_object_mut().into_iter().for_each(|known| known.extend(own.clone()));
        }
    }
    imported.finish(openshift, dumps.around.disruption_policy)
}

impl Imported {
    /// With what stands below `openshift`.
    fn finish(mut self, pools: Map<String, Value>, disruption_policy: bool) -> Self {
        let mut openshift = Map::new();
        if disruption_policy {
            openshift.insert("node_disruption_policy".to_owned(), json!(true));
            let version = "node_disruption_policy: it needs openshift.version, 4.17 or later";
            self.others.push(version.to_owned());
        }
        if !pools.is_empty() {
            openshift.insert("pools".to_owned(), Value::Object(pools));
        }
        if !openshift.is_empty() {
            if self.settings.is_empty() {
                self.settings.push((Vec::new(), Map::new()));
            }
            for (_, settings) in &mut self.settings {
                settings.insert("openshift".to_owned(), json!(openshift));
            }
        }
        self
    }

    fn of_pool(&mut self, configs: &[&Dumped], takes: &dyn Fn(&str) -> bool) -> Map<String, Value> {
        let mut settings = Map::new();
        let writes = |config: &&&Dumped| config.files.iter().any(|file| file.path == CHRONY_CONF);
        let last = configs.iter().rfind(writes).map(|config| &config.name);
        for config in configs {
            let name = &config.name;
            for file in &config.files {
                if file.path == CHRONY_CONF && last.is_some_and(|last| last != name) {
                    let last = last.map(String::as_str).unwrap_or_default();
                    self.others.push(format!("{name}: {CHRONY_CONF}: {last} goes before it"));
                } else if file.path == CHRONY_CONF {
                    let (read, others) = chrony(file, takes);
                    settings.extend(read);
                    self.others
                        .extend(others.iter().map(|it| format!("{name}: {CHRONY_CONF}: {it}")));
                } else {
                    let path = &file.path;
                    let whose = owner(file).map(|owner| format!(", {owner}")).unwrap_or_default();
                    self.others
                        .push(format!("{name}: {path}: a role of your own may write it{whose}"));
                }
            }
            for unit in &config.units {
                match zone(&unit.contents).filter(|_| unit.enabled) {
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

/// Whose a file is, when it is not root's.
fn owner(file: &DumpedFile) -> Option<String> {
    let said = [("user", &file.user), ("group", &file.group)];
    let said: Vec<String> = said
        .iter()
        .filter(|(_, account)| account.is_some())
        .map(|(which, account)| format!("{which} {}", Account::shown(account.as_ref())))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

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

/// The settings that give a configuration, and the lines that none stands for.
fn chrony(file: &DumpedFile, takes: &dyn Fn(&str) -> bool) -> (Map<String, Value>, Vec<String>) {
    let text = String::from_utf8_lossy(&file.bytes);
    let mut read = Lines::default();
    if file.mode != 0o644 {
        read.others.push(format!("mode {:04o}: ezsync writes it with 0644", file.mode));
    }
    if let Some(owner) = owner(file) {
        read.others.push(format!("{owner}: ezsync writes it as root"));
    }
    // chronyd's own marks of a comment (CPS_NormalizeLine).
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!', ';', '%'])) {
        read.line(line, takes);
    }
    read.finish()
}

/// A configuration line by line.
#[derive(Default)]
struct Lines {
    servers: Vec<Value>,
    step: Option<(f64, i64)>,
    interfaces: Vec<String>,
    extra: Vec<String>,
    single: Map<String, Value>,
    own: Vec<&'static str>,
    others: Vec<String>,
}

impl Lines {
    fn line(&mut self, line: &str, takes: &dyn Fn(&str) -> bool) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let normal = words.join(" ");
        if let Some(own) = OWN_LINES.iter().find(|own| own.eq_ignore_ascii_case(&normal)) {
            self.own.push(own);
            return;
        }
        let Some((directive, args)) = words.split_first() else { return };
        let directive = directive.to_ascii_lowercase();
        let understood = match (directive.as_str(), args) {
            ("server" | "pool", [name, options @ ..]) => self.server(&directive, name, options),
            ("makestep", [threshold, limit]) => {
                self.step = threshold.parse().ok().zip(limit.parse().ok());
                self.step.is_some()
            }
            ("maxdistance", [number]) => self.number("max_distance", number),
            ("minsources", [number]) => self.number("min_sources", number),
            ("hwtimestamp", [name]) => {
                self.interfaces.push((*name).to_owned());
                true
            }
            (directive, _) if takes(directive) => {
                self.extra.push(normal.clone());
                true
            }
            _ => false,
        };
        if !understood {
            self.others.push(line.to_owned());
        }
    }

    fn number(&mut self, setting: &str, text: &str) -> bool {
        let integer = text.parse::<i64>().ok().map(Value::from);
        let number = integer.or_else(|| text.parse::<f64>().ok().map(Value::from));
        let known = number.is_some();
        self.single.extend(number.map(|number| (setting.to_owned(), number)));
        known
    }

    /// A server, when all of its options have a name here and none is a key, which no MachineConfig may hold.
    fn server(&mut self, directive: &str, name: &str, options: &[&str]) -> bool {
        let known = self.servers.iter().any(|server| {
            server.as_str() == Some(name)
                || server.get("hostname").and_then(Value::as_str) == Some(name)
        });
        let Some(mut options) = server_options(options).filter(|_| !known) else { return false };
        if directive == "pool" {
            options.insert("pool".to_owned(), json!(true));
        }
        // ezsync's default is the other way round than chrony's.
        if options.shift_remove("iburst").is_none() {
            options.insert("iburst".to_owned(), json!(false));
        }
        let server = if options.is_empty() {
            json!(name)
        } else {
            let mut server = Map::from_iter([("hostname".to_owned(), json!(name))]);
            server.extend(options);
            Value::Object(server)
        };
        self.servers.push(server);
        true
    }

    fn finish(mut self) -> (Map<String, Value>, Vec<String>) {
        let mut settings = Map::from_iter([("ntp_servers".to_owned(), json!(self.servers))]);
        settings.extend(self.single);
        match self.step {
            None => {
                settings.insert("step_threshold".to_owned(), json!(0));
            }
            Some((threshold, limit)) => {
                if (threshold - 1.0).abs() > f64::EPSILON {
                    settings.insert("step_threshold".to_owned(), json!(threshold));
                }
                if limit != 3 {
                    settings.insert("step_limit".to_owned(), json!(limit));
                }
            }
        }
        if !self.interfaces.is_empty() {
            settings.insert("hwtimestamp".to_owned(), json!(self.interfaces));
        }
        if !self.extra.is_empty() {
            settings.insert("extra_lines".to_owned(), json!(self.extra));
        }
        if self.servers.is_empty() {
            self.others.push(
                "it follows nobody, which no pool can be told: name servers, or openshift.internal_source"
                    .to_owned(),
            );
        }
        for own in OWN_LINES.iter().filter(|own| !self.own.contains(own)) {
            self.others.push(format!("it has no `{own}`, which ezsync writes"));
        }
        (settings, self.others)
    }
}

/// The options of a server by their names; none when one of them is not known here.
fn server_options(words: &[&str]) -> Option<Map<String, Value>> {
    let mut options = Map::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let word = word.to_ascii_lowercase();
        let value = match word.as_str() {
            "iburst" | "prefer" | "trust" | "xleave" | "nts" => json!(true),
            "minpoll" | "maxpoll" | "filter" | "port" | "maxsources" => {
                json!(words.next()?.parse::<i64>().ok()?)
            }
            _ => return None,
        };
        options.insert(word, value);
    }
    Some(options)
}
