//! Settings that each host may have of its own, as any of Ansible's variables: steps, time stamps,
//! extra lines, the time zone.

use super::gates::{self, Gate};
use super::line::Line;
use super::lookup::{Entry, Lookup};
use crate::facts::{ChronyFacts, LEAP_SECONDS_LIST, LeapSeconds};
use crate::problem::Problem;
use crate::resource;

/// The longest line that chronyd reads, in bytes (MAX_LINE_LENGTH in conf.c), with room for the end.
const LINE_MAX: usize = 2000;

/// Directives that ezsync writes itself, and the settings that they come from.
const OURS: [(&str, &str); 13] = [
    ("server", "ntp_servers"),
    ("pool", "ntp_servers, with `pool: true`"),
    ("local", "local_stratum"),
    ("allow", "local_network"),
    ("makestep", "step_threshold and step_limit"),
    ("minsources", "min_sources"),
    ("maxdistance", "max_distance"),
    ("hwtimestamp", "hwtimestamp"),
    ("leapsectz", "leap_seconds"),
    ("leapseclist", "leap_seconds"),
    ("keyfile", "chrony_keys or time_key"),
    ("driftfile", ""),
    ("rtcsync", ""),
];

/// What one host's settings say beside what the whole cluster has.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Own {
    /// Lines before `rtcsync`.
    pub options: Vec<Line>,
    /// The user's own lines, at the end.
    pub extra: Vec<Line>,
    /// Whether the host's leap seconds are used: none where nothing is said of it.
    pub leap_seconds: Option<bool>,
}

impl Own {
    /// The settings of a host that is the source, or a client.
    pub fn read(lookup: &Lookup<'_>, is_source: bool) -> Result<Self, Problem> {
        let mut options = Vec::new();
        options.extend(makestep(lookup)?);
        options.extend(max_distance(lookup)?);
        options.extend(hwtimestamp(lookup)?);
        let part = if is_source { "source_extra_lines" } else { "client_extra_lines" };
        let mut extra = extra_lines(lookup, "extra_lines")?;
        extra.extend(extra_lines(lookup, part)?);
        timezone(lookup)?;
        Ok(Self { options, extra, leap_seconds: lookup.truth("leap_seconds")? })
    }

    /// The line that gives the host's leap seconds to its chrony.
    pub fn leap_line(&self, chrony: &ChronyFacts, notes: &mut Vec<String>) -> Option<Line> {
        if self.leap_seconds == Some(false) {
            return None;
        }
        let has = |kind| chrony.leap_seconds.contains(&kind);
        let list = Gate::of_directive("leapseclist");
        let takes_list = list.is_some_and(|gate| chrony.written_for >= gate.since);
        let line = if takes_list && has(LeapSeconds::List) {
            format!("leapseclist {LEAP_SECONDS_LIST}")
        } else if has(LeapSeconds::Zone) {
            "leapsectz right/UTC".to_owned()
        } else {
            if self.leap_seconds.is_some() {
                notes.push(format!(
                    "leap_seconds: this host's chrony {} can read neither right/UTC nor {LEAP_SECONDS_LIST}: left out",
                    chrony.written_for
                ));
            }
            return None;
        };
        Some(Line::new(line).comment("Leap seconds come from the tz database of this host."))
    }
}

/// From how far off on a clock is stepped, in seconds: `step_threshold` with the meaning that it has in
/// RHEL's timesync role. 0 never steps (none), and -1 is what is done when nothing is said.
pub(super) fn step_threshold(lookup: &Lookup<'_>) -> Result<Option<f64>, Problem> {
    let Some(entry) = lookup.entry("step_threshold")? else { return Ok(Some(1.0)) };
    match entry.number()? {
        -1.0 => Ok(Some(1.0)),
        number if number >= 0.0 => Ok(Some(number).filter(|number| *number > 0.0)),
        number => {
            let message = format!("{number} is less than 0 seconds");
            Err(entry.problem(&message).hint("0 never steps, -1 is the default of 1 s"))
        }
    }
}

/// `step_threshold` and `step_limit`.
fn makestep(lookup: &Lookup<'_>) -> Result<Option<Line>, Problem> {
    let threshold = step_threshold(lookup)?;
    let entry = lookup.entry("step_limit")?;
    let limit = match &entry {
        None => 3,
        Some(entry) => match entry.integer(-1..=1_000_000)? {
            0 => return Err(entry.problem("0 would never step").hint("write step_threshold: 0")),
            limit => limit,
        },
    };
    let Some(threshold) = threshold else {
        return match entry {
            None => Ok(None),
            Some(entry) => Err(entry
                .problem("there is no step to limit: step_threshold is 0")
                .hint("leave one of the two out")),
        };
    };
    let off = if (threshold - 1.0).abs() < f64::EPSILON {
        "a second".to_owned()
    } else {
        format!("{threshold} s")
    };
    let when = match limit {
        -1 => ", at any time".to_owned(),
        1 => ", in the first update only".to_owned(),
        3 => ", in the first three updates only".to_owned(),
        limit => format!(", in the first {limit} updates only"),
    };
    let line = Line::new(format!("makestep {threshold:?} {limit}"));
    Ok(Some(line.comment(format!("Step the clock when it is off by more than {off}{when}."))))
}

fn max_distance(lookup: &Lookup<'_>) -> Result<Option<Line>, Problem> {
    let Some(entry) = lookup.entry("max_distance")? else { return Ok(None) };
    let distance = entry.number()?;
    if distance <= 0.0 {
        return Err(entry.problem("must be more than 0 seconds"));
    }
    let line = Line::new(format!("maxdistance {distance:?}"));
    Ok(Some(line.comment("How far from true time a source may say it is (seconds).")))
}

fn hwtimestamp(lookup: &Lookup<'_>) -> Result<Vec<Line>, Problem> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in lookup.texts("hwtimestamp")?.unwrap_or_default() {
        let name = entry.text()?;
        // Linux keeps names of interfaces below 16 bytes (IFNAMSIZ).
        let sound = |c: char| c.is_ascii_alphanumeric() || "._:@-".contains(c);
        let is_name = name.len() < 16 && !name.is_empty() && name.chars().all(sound);
        if name != "*" && (!is_name || name.starts_with('-')) {
            let message = format!("`{}` is no interface", name.escape_debug());
            return Err(entry.problem(&message).hint("write [eth0, eth1], or [\"*\"] for all"));
        }
        let line = Line::gated(format!("hwtimestamp {name}"), gates::HWTIMESTAMP);
        if lines.contains(&line) {
            return Err(entry.problem(&format!("{name} stands here twice")));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Lines that the user wrote, for what has no setting.
fn extra_lines(lookup: &Lookup<'_>, setting: &str) -> Result<Vec<Line>, Problem> {
    let entries = lookup.texts(setting)?.unwrap_or_default();
    entries.iter().map(extra_line).collect()
}

fn extra_line(entry: &Entry<'_>) -> Result<Line, Problem> {
    let text = entry.text()?.trim();
    if text.contains(['\n', '\r']) {
        return Err(entry
            .problem("an entry has more than one line")
            .hint("write each line as an entry of the list"));
    }
    if text.chars().any(char::is_control) || text.len() > LINE_MAX {
        return Err(entry.problem("has a control character, or is too long for chronyd"));
    }
    let directive = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if directive.is_empty() {
        return Err(entry.problem("an empty line"));
    }
    // chronyd's own marks of a comment (CPS_NormalizeLine).
    if directive.starts_with(['#', '!', ';', '%']) {
        return Ok(Line::new(text));
    }
    if let Some((_, setting)) = OURS.iter().find(|(name, _)| *name == directive) {
        let problem = entry.problem(&format!("ezsync writes `{directive}` itself"));
        return Err(match *setting {
            "" => problem.hint("leave the line out"),
            setting => problem.hint(format!("use {setting}")),
        });
    }
    match Gate::of_directive(&directive) {
        Some(gate) => Ok(Line::gated(text, gate)),
        None => {
            let shown = directive.escape_debug();
            let problem = entry.problem(&format!("chrony has no directive `{shown}`"));
            let near = crate::problem::nearest(&directive, &gates::directives());
            Err(match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("see chrony.conf(5)"),
            })
        }
    }
}

/// The zone itself is the role's to set: here it is seen to that it may be one.
fn timezone(lookup: &Lookup<'_>) -> Result<(), Problem> {
    let Some(entry) = lookup.entry("timezone")? else { return Ok(()) };
    let name = entry.text()?;
    if name.is_empty() || resource::is_timezone(name) {
        return Ok(());
    }
    let message = format!("`{}` is not the name of a time zone", name.escape_debug());
    Err(entry.problem(&message).hint("names look like Europe/Berlin or UTC"))
}
