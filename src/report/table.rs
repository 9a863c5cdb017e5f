//! The table: one row for each host.

use anstyle::Style;

use super::Run;
use super::paint::{BAD, BOLD, CHANGE, GOOD, PLAIN, Paint, clean};
use super::units::{seconds, shorten, signed_rough, signed_seconds, width};
use crate::fleet::{HostResult, Mode, Outcome, Part};
use crate::verify::{Measure, State, Verdict};

/// Between two columns.
const GAP: usize = 2;
/// Names are not shortened below this: a whole IPv4 address has at most as many characters.
const SHORTEST_NAME: usize = 15;
/// What is left out, in this order, when the terminal is narrow.
const LESS_NEEDED: [&str; 8] =
    [CONTROLLER, "TIMEDATECTL", "ROLE", "STRATUM", "THERE", "WANTED", "EZSYNC", "BY"];
/// How far a clock is ahead of this machine's.
const CONTROLLER: &str = "VS CONTROLLER";

/// One column of a table.
pub(super) struct Column {
    title: &'static str,
    /// A name, which may be shortened.
    name: bool,
    right: bool,
    cells: Vec<Cell>,
    width: usize,
}

#[derive(Clone, Default)]
pub(super) struct Cell {
    pub text: String,
    pub style: Style,
}

impl Cell {
    pub(super) fn plain(text: &str) -> Self {
        Self { text: clean(text), style: PLAIN }
    }
}

impl Column {
    pub(super) fn new<T>(title: &'static str, rows: &[T], cell: impl Fn(&T) -> Cell) -> Self {
        let cells: Vec<Cell> = rows.iter().map(cell).collect();
        let widest = cells.iter().map(|cell| width(&cell.text)).max().unwrap_or_default();
        Self { title, name: false, right: false, cells, width: widest.max(width(title)) }
    }

    pub(super) fn name(self) -> Self {
        Self { name: true, ..self }
    }

    pub(super) fn right(self) -> Self {
        Self { right: true, ..self }
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.text.is_empty())
    }

    /// What it can be shortened to.
    fn least(&self) -> usize {
        if self.name { self.width.min(SHORTEST_NAME) } else { self.width }
    }

    /// The text in the column's width; the last column is not padded.
    fn fill(&self, text: &str, style: Style, last: bool) -> String {
        let text = shorten(text, self.width);
        let pad = " ".repeat(self.width.saturating_sub(width(&text)));
        let text = text.paint(style);
        match (self.right, last) {
            (true, _) => format!("{pad}{text}"),
            (false, true) => text,
            (false, false) => format!("{text}{pad}"),
        }
    }
}

/// The table in at most `limit` columns, as far as that is possible.
pub(super) fn table(run: &Run, limit: Option<usize>) -> String {
    let verdict = |of: fn(&Verdict) -> Option<String>| {
        move |host: &HostResult| {
            // Of one that went back it is of the configuration that is gone.
            let verdict = host.verdict.as_ref().filter(|_| !host.went_back);
            let text = verdict.and_then(of).unwrap_or_default();
            Cell { text: clean(&text), style: PLAIN }
        }
    };
    let columns = vec![
        Column::new("HOST", &run.hosts, |host| Cell::plain(&host.host)).name(),
        Column::new("ROLE", &run.hosts, |host| Cell::plain(role(host.part))),
        Column::new("STATE", &run.hosts, |host| state(host, run.mode)),
        Column::new(
            "STRATUM",
            &run.hosts,
            verdict(|v| v.stratum.map(|stratum| stratum.to_string())),
        )
        .right(),
        Column::new("REFERENCE", &run.hosts, verdict(|v| v.reference.clone())).name(),
        Column::new("OFFSET", &run.hosts, verdict(offset)),
        Column::new("TIMEDATECTL", &run.hosts, verdict(|v| Some(v.timedatectl.to_owned()))),
        Column::new(CONTROLLER, &run.hosts, |host| Cell::plain(&controller(host))),
    ];
    lay_out(columns, limit)
}

/// `columns` as a table in at most `limit` columns of the terminal. Those with nothing in them are left
/// out; a blank cell is shown as `-`.
pub(super) fn lay_out(mut columns: Vec<Column>, limit: Option<usize>) -> String {
    columns.retain(|column| !column.is_empty());
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or_default();
    let left_out = limit.map(|limit| fit(&mut columns, limit)).unwrap_or_default();

    let mut text = line(columns.iter().map(|column| (column, column.title, BOLD)));
    for number in 0..rows {
        text += &line(columns.iter().map(|column| match column.cells.get(number) {
            Some(cell) if !cell.text.is_empty() => (column, cell.text.as_str(), cell.style),
            _ => (column, "-", PLAIN),
        }));
    }
    if !left_out.is_empty() {
        text += &format!("(too narrow for {})\n", left_out.join(", "));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = (&'a Column, &'a str, Style)>) -> String {
    let mut cells = cells.peekable();
    let mut line = String::new();
    while let Some((column, text, style)) = cells.next() {
        let last = cells.peek().is_none();
        line += &column.fill(text, style, last);
        line += &" ".repeat(if last { 0 } else { GAP });
    }
    line + "\n"
}

/// Makes the columns fit into `limit`: names are shortened, then less needed columns are left
/// out. Gives the titles of those.
fn fit(columns: &mut Vec<Column>, limit: usize) -> Vec<&'static str> {
    let total = |columns: &[Column], of: fn(&Column) -> usize| {
        columns.iter().map(of).sum::<usize>() + GAP * columns.len().saturating_sub(1)
    };
    let mut left_out = Vec::new();
    for title in LESS_NEEDED {
        if total(columns, Column::least) <= limit {
            break;
        }
        let before = columns.len();
        columns.retain(|column| column.title != title);
        if columns.len() < before {
            left_out.push(title);
        }
    }
    // The longest name gives way first.
    let mut over = total(columns, |column| column.width).saturating_sub(limit);
    while over > 0 {
        let names = columns.iter_mut().filter(|column| column.width > column.least());
        let Some(longest) = names.max_by_key(|column| column.width) else { break };
        longest.width -= 1;
        over -= 1;
    }
    left_out
}

fn role(part: Part) -> &'static str {
    match part {
        Part::Source => "source",
        Part::Standby => "standby",
        Part::Client => "client",
        Part::Node => "",
    }
}

/// A host's state in a word or two.
fn state(host: &HostResult, mode: Mode) -> Cell {
    let changes = !host.plan.is_empty();
    let (word, style) = match (&host.outcome, host.verdict.as_ref().map(|v| v.state)) {
        (Outcome::Unreachable(_), _) => ("unreachable", BAD),
        (Outcome::Interrupted, _) => ("interrupted", BAD),
        (_, Some(State::Waiting)) => ("not in sync", BAD),
        (_, Some(State::NotOurClock)) => ("not our clock", BAD),
        (Outcome::Failed(trouble), _) if trouble.held_back => ("held back", BAD),
        (Outcome::Failed(_), _) | (_, Some(State::Failed)) => ("failed", BAD),
        (Outcome::Ok, Some(State::Synchronised)) => ("synchronised", GOOD),
        (Outcome::Ok, Some(State::Local)) => ("local", GOOD),
        (Outcome::Ok, Some(State::Unsteered)) => ("unsteered", GOOD),
        (Outcome::Ok, Some(State::FlagOnly)) => ("flag only", CHANGE),
        (Outcome::Ok, None) if changes && mode.is_check() => ("planned", CHANGE),
        // With nothing to put back only what ezsync knew of the host is gone.
        (Outcome::Ok, None) if mode == Mode::Rollback && host.applied && !changes => {
            ("forgotten", CHANGE)
        }
        (Outcome::Ok, None) if mode == Mode::Rollback && host.applied => ("went back", CHANGE),
        (Outcome::Ok, None) if changes => ("changed", CHANGE),
        (Outcome::Ok, None) => ("unchanged", GOOD),
    };
    Cell { text: word.to_owned(), style }
}

/// The clock's offset to this machine's: `+3.1 s ± 1.2 ms`, `-4 y 364 d`.
fn controller(host: &HostResult) -> String {
    let Some(clock) = host.clock else { return String::new() };
    let Measure { seconds: offset, uncertainty } = clock.after.measure();
    // What is told in minutes and more is not told to the millisecond.
    if offset.abs() < 59.95 {
        format!("{} ± {}", signed_seconds(offset), seconds(uncertainty))
    } else {
        signed_rough(offset)
    }
}

/// The offset with its bound: `+12 µs ± 430 µs`.
fn offset(verdict: &Verdict) -> Option<String> {
    let offset = signed_seconds(verdict.offset?);
    Some(match verdict.bound {
        Some(bound) => format!("{offset} ± {}", seconds(bound)),
        None => offset,
    })
}
