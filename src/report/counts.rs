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
/// And for hosts that were held back.
const HELD: usize = 16;

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
    /// 1 when it failed by itself.
    pub failed: usize,
    /// 1 when nothing is wrong with it: others kept it from being changed.
    pub held_back: usize,
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
        let held_back = matches!(outcome, Outcome::Failed(trouble) if trouble.held_back);
        Self {
            ok: usize::from(*outcome == Outcome::Ok),
            changed: 0,
            unreachable: usize::from(matches!(outcome, Outcome::Unreachable(_))),
            failed: usize::from(matches!(outcome, Outcome::Failed(_)) && !held_back),
            held_back: usize::from(held_back),
        }
    }
}

/// The recap as Ansible prints it: `node1    : ok=7    changed=3    unreachable=0    failed=0`; with another count
/// where hosts were held back.
pub(super) fn recap(recap: &IndexMap<String, Counts>, limit: Option<usize>) -> String {
    let names: Vec<String> = recap.keys().map(|name| clean(name)).collect();
    let longest = names.iter().map(|name| width(name)).max().unwrap_or_default();
    let any_held = recap.values().any(|counts| counts.held_back > 0);
    let numbers = NUMBERS + if any_held { HELD } else { 0 };
    let most = limit.map_or(usize::MAX, |limit| limit.saturating_sub(numbers));
    let column = longest.min(most).max(NAMES);
    let mut text = String::from("RECAP\n");
    for (name, counts) in names.iter().zip(recap.values()) {
        let Counts { ok, changed, unreachable, failed, held_back } = *counts;
        let pad = " ".repeat(column.saturating_sub(width(name)));
        let style = match (unreachable + failed + held_back, changed) {
            (0, 0) => GOOD,
            (0, _) => CHANGE,
            _ => BAD,
        };
        let name = name.paint(style);
        let _ = write!(
            text,
            "{name}{pad} : ok={ok:<4} changed={changed:<4} unreachable={unreachable:<4} "
        );
        let _ = match any_held {
            true => writeln!(text, "failed={failed:<4} held_back={held_back}"),
            false => writeln!(text, "failed={failed}"),
        };
    }
    text
}
