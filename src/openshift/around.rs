//! What stands around MachineConfigs in a dump, as far as settings stand for it: pools, and the disruption policy.

use serde_json::{Map, Value, json};

use super::document::TIMEZONE_UNIT;
use super::entry::Entry;
use super::import::CHRONY_CONF;
use super::objects::{Action, FilePolicy, UnitPolicy};
use super::settings::{MASTER, unavailable};
use crate::problem::Problem;

/// Fields that a cluster fills in by itself.
const BY_ITSELF: [&str; 3] = ["logLevel", "managementState", "operatorLogLevel"];

/// What settings stand for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Around {
    /// Pools by name, with their settings.
    pub pools: Vec<(String, Map<String, Value>)>,
    /// Whether a change of chrony's configuration restarts chronyd, and reboots no node.
    pub disruption_policy: bool,
}

impl Around {
    /// Reads a MachineConfigPool. What no setting stands for is added to `others`.
    pub fn pool(
        &mut self,
        name: &str,
        object: &Entry<'_>,
        others: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let mut settings = Map::new();
        let spec = object.get("spec")?;
        for (field, entry) in spec.map(|spec| spec.fields()).transpose()?.unwrap_or_default() {
            match field {
                "paused" if entry.truth()? => {
                    settings.insert("paused".to_owned(), json!(true));
                }
                "maxUnavailable" => match unavailable(&entry, name == MASTER) {
                    Ok(wish) => {
                        settings.insert("max_unavailable".to_owned(), json!(wish));
                    }
                    Err(problem) => {
                        others.push(format!("MachineConfigPool {name}: {}", problem.message()));
                    }
                },
                // These follow from the pool's name; `configuration` is what the operator has rendered.
                "paused" | "machineConfigSelector" | "nodeSelector" | "configuration" => {}
                _ if entry.says_nothing() => {}
                _ => others.push(format!("MachineConfigPool {name}: {}", entry.name)),
            }
        }
        self.pools.push((name.to_owned(), settings));
        Ok(())
    }

    /// Reads a MachineConfiguration. What no setting stands for is added to `others`.
    pub fn policy(
        &mut self,
        name: &str,
        object: &Entry<'_>,
        others: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let mut other = |what: &str| others.push(format!("MachineConfiguration {name}: {what}"));
        let spec = object.get("spec")?;
        for (field, entry) in spec.map(|spec| spec.fields()).transpose()?.unwrap_or_default() {
            if field != "nodeDisruptionPolicy" {
                if !BY_ITSELF.contains(&field) && !entry.says_nothing() {
                    other(&entry.name);
                }
                continue;
            }
            for (section, entry) in entry.fields()? {
                match section {
                    "files" | "units" => {
                        for item in entry.items()? {
                            if is_own_file(&item) {
                                self.disruption_policy = true;
                            } else if !is_own_unit(&item) {
                                other(&item.name);
                            }
                        }
                    }
                    _ if entry.says_nothing() => {}
                    _ => other(&entry.name),
                }
            }
        }
        Ok(())
    }
}

/// Whether it is the policy of chrony's configuration, as it is exported.
fn is_own_file(item: &Entry<'_>) -> bool {
    let own = FilePolicy {
        path: CHRONY_CONF.to_owned(),
        actions: vec![Action::restart("chronyd.service")],
    };
    serde_json::from_value(item.node.clone().into_value()).is_ok_and(|read: FilePolicy| read == own)
}

/// Whether it is the policy of the unit that sets the time zone, which is exported with that.
fn is_own_unit(item: &Entry<'_>) -> bool {
    let read = serde_json::from_value(item.node.clone().into_value());
    read.is_ok_and(|read: UnitPolicy| read.name == TIMEZONE_UNIT)
}
