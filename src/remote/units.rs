//! What a host's service manager says of services.

use std::collections::HashMap;

use crate::facts::TIME_DAEMONS;
use crate::resource::UnitState;

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
    /// Reads `text`, the blocks of `systemctl show` for `names`, in their order.
    pub(super) fn parse(names: &'a [String], text: &str) -> Self {
        let blocks = text.trim_matches('\n').split("\n\n").map(|b| b.trim_matches('\n').to_owned());
        Self { blocks: names.iter().map(String::as_str).zip(blocks).collect() }
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
        let runs = |name: &&str| state(self.block(name)).active;
        TIME_DAEMONS.into_iter().filter(runs).collect::<Vec<_>>().join("\n")
    }
}

fn state(block: &str) -> UnitState {
    let value = |key: &str| {
        let mut pairs = block.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(known, _)| *known == key).map(|(_, value)| value).unwrap_or_default()
    };
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
        enabled: matches!(
            value("UnitFileState"),
            "enabled" | "enabled-runtime" | "alias" | "static"
        ),
        masked: load == "masked",
        started: time("ActiveEnterTimestampMonotonic"),
        condition: !kept,
        exec_start: value("ExecStart").to_owned(),
    }
}
