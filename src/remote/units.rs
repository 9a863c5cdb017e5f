//! What a host's service manager says of services.

use std::collections::HashMap;

use crate::facts::TIME_DAEMONS;
use crate::resource::UnitState;

/// What is said of a service has no more characters.
const BLOCK_MAX: usize = 16 * 1024;

/// The services that start a chronyd, by distribution.
pub(super) const CHRONY_UNITS: [&str; 2] = ["chrony", "chronyd"];

/// The services that have to do with time: chrony's own and those of its rivals.
pub(super) fn of_time() -> Vec<String> {
    CHRONY_UNITS.iter().chain(&TIME_DAEMONS).map(ToString::to_string).collect()
}

/// Services with what was said of each.
pub(super) struct Units<'a> {
    blocks: Vec<(&'a str, String)>,
}

impl<'a> Units<'a> {
    /// Reads `text`, the blocks of `systemctl show` for `names`.
    pub(super) fn parse(names: &'a [String], text: &str) -> Self {
        let blocks: Vec<&str> = text.split("\n\n").map(|block| block.trim_matches('\n')).collect();
        // By their names, not by their order: systemd ends at a name that it does not like.
        let find = |name: &str| blocks.iter().find(|block| is_about(block, name));
        // One that the script takes for an alias of another, and did not ask about.
        let block = |name: &str| match value(find(name)?, "SameAs") {
            "" => find(name),
            other => find(other),
        };
        // Under how many names one is asked for is not the host's to say, nor how much each of them costs.
        let cut = |block: &&str| block.chars().take(BLOCK_MAX).collect();
        let found = |name: &'a String| Some((name.as_str(), block(name).map(cut)?));
        Self { blocks: names.iter().filter_map(found).collect() }
    }

    /// Their states by name.
    pub(super) fn states(&self) -> HashMap<String, UnitState> {
        self.blocks.iter().map(|(name, block)| ((*name).to_owned(), state(block))).collect()
    }

    /// What was said of `name`; empty when it was not asked for.
    pub(super) fn block(&self, name: &str) -> &str {
        let found = self.blocks.iter().find(|(known, _)| *known == name);
        found.map(|(_, block)| block.as_str()).unwrap_or_default()
    }

    /// The other time daemons that run, one a line.
    pub(super) fn rivals(&self) -> String {
        let states = TIME_DAEMONS.into_iter().map(|name| state(self.block(name)));
        // Some have several names.
        let mut running: Vec<_> = states.filter(|unit| unit.active).map(|unit| unit.id).collect();
        running.dedup();
        running.join("\n")
    }

    /// The other time daemons that do not run, but will after the next boot, one a line.
    pub(super) fn rivals_at_boot(&self) -> String {
        let states = TIME_DAEMONS.into_iter().map(|name| state(self.block(name)));
        let waiting = states.filter(|unit| {
            unit.exists
                && !unit.active
                && !unit.masked
                && unit.condition
                && unit.enabled == Some(true)
        });
        let mut names: Vec<_> = waiting.map(|unit| unit.id).collect();
        names.dedup();
        names.join("\n")
    }
}

/// The value of `key` in a block.
fn value<'a>(block: &'a str, key: &str) -> &'a str {
    let mut pairs = block.lines().filter_map(|line| line.split_once('='));
    pairs.find(|(known, _)| *known == key).map(|(_, value)| value).unwrap_or_default()
}

/// Whether `name` is one of the service's names: aliases have those of what they stand for.
fn is_about(block: &str, name: &str) -> bool {
    let names = value(block, "Id").split(' ').chain(value(block, "Names").split(' '));
    names.into_iter().any(|known| known == name || known.strip_suffix(".service") == Some(name))
}

fn state(block: &str) -> UnitState {
    let value = |key: &str| value(block, key);
    let time = |key: &str| value(key).parse::<u64>().unwrap_or_default();
    let state = value("ActiveState");
    let load = value("LoadState");
    // A condition that was never looked at is "no" as well, and has no time.
    let kept = value("ConditionResult") == "no" && time("ConditionTimestampMonotonic") > 0;
    UnitState {
        id: value("Id").trim_end_matches(".service").to_owned(),
        exists: !matches!(load, "not-found" | ""),
        active: matches!(state, "active" | "reloading" | "activating"),
        state: state.to_owned(),
        enabled: match value("UnitFileState") {
            "enabled" | "enabled-runtime" => Some(true),
            "static" | "indirect" | "generated" | "transient" | "alias" => None,
            _ => Some(false),
        },
        // An alias of a masked service cannot be loaded at all.
        masked: load == "masked" || value("UnitFileState").starts_with("masked"),
        condition: !kept,
        exec_start: value("ExecStart").to_owned(),
    }
}
