//! Ansible's recap: four counts for each host.

use std::fmt::Write;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::paint::{BAD, CHANGE, GOOD, Paint, clean};
use super::units::width;
use crate::fleet::{HostResult, Mode, Outcome};

/// The column of Ansible's recap in which host names stand.
const NAMES: usize = 26;
/// What a line of the recap needs besides the name.
const NUMBERS: usize = 50;

/// What was done on a host, counted as Ansible does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Resources that are as wanted: those that were before, and those that are by a change. Where
    /// only the time is proved: 1 when it is.
    pub ok: usize,
    /// Changes that were made and stand; in check mode those that would be made.
    pub changed: usize,
    /// 1 when the host could not be reached.
    pub unreachable: usize,
    /// 1 when it failed.
    pub failed: usize,
}

impl Counts {
    /// The counts of `host` in a run of `mode`.
    #[must_use]
    pub fn of(host: &HostResult, mode: Mode) -> Self {
        if matches!(mode, Mode::Verify | Mode::Doctor | Mode::Status) {
            return Self::after(&host.outcome);
        }
        let changes = host.plan.changes.iter();
        // What is refused would not change.
        let would = mode.is_check() && host.outcome == Outcome::Ok;
        let changed = changes.filter(|change| change.done || would).count();
        Self { ok: host.plan.unchanged + changed, changed, ..Self::after(&host.outcome) }
    }

    /// The counts of a host where one thing was to be done that changes nothing of ours.
    #[must_use]
    pub fn after(outcome: &Outcome) -> Self {
        Self {
            ok: usize::from(*outcome == Outcome::Ok),
            changed: 0,
            unreachable: usize::from(matches!(outcome, Outcome::Unreachable(_))),
            failed: usize::from(matches!(outcome, Outcome::Failed(_))),
        }
    }
}

/// The recap as Ansible prints it: `node1    : ok=7    changed=3    unreachable=0    failed=0`.
pub(super) fn recap(recap: &IndexMap<String, Counts>, limit: Option<usize>) -> String {
    let names: Vec<String> = recap.keys().map(|name| clean(name)).collect();
    let longest = names.iter().map(|name| width(name)).max().unwrap_or_default();
    let most = limit.map_or(usize::MAX, |limit| limit.saturating_sub(NUMBERS));
    let column = longest.min(most).max(NAMES);
    let mut text = String::from("RECAP\n");
    for (name, counts) in names.iter().zip(recap.values()) {
        let Counts { ok, changed, unreachable, failed } = *counts;
        let pad = " ".repeat(column.saturating_sub(width(name)));
        let style = match (unreachable + failed, changed) {
            (0, 0) => GOOD,
            (0, _) => CHANGE,
            _ => BAD,
        };
        let name = name.paint(style);
        let _ = writeln!(
            text,
            "{name}{pad} : ok={ok:<4} changed={changed:<4} unreachable={unreachable:<4} failed={failed}"
        );
    }
    text
}
