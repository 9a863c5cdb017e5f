//! The report as text.

use std::io::{ErrorKind, Result, Stdout, Write};

use anstream::{AutoStream, ColorChoice};

use super::{Run, changes, clocks, closing, counts, status, stopped, table, troubles};

/// How a report is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// The columns of the terminal; none when lines may be of any length.
    pub width: Option<usize>,
    /// Whether diffs are shown.
    pub diff: bool,
}

impl Look {
    /// The look for standard output as it is.
    #[must_use]
    pub fn of_stdout(diff: bool) -> Self {
        let size = terminal_size::terminal_size_of(std::io::stdout());
        Self { width: size.map(|(width, _)| usize::from(width.0)), diff }
    }
}

/// The report with colours in it. Text from hosts holds no control characters any more.
#[must_use]
pub fn text(run: &Run, look: &Look) -> String {
    let diffs = if look.diff { changes::diffs(run) } else { String::new() };
    let ends = run.hosts.iter().map(|host| (host.host.as_str(), &host.outcome));
    let notes = run.hosts.iter().flat_map(|host| {
        let of_verdict = host.verdict.iter().flat_map(|verdict| &verdict.notes);
        host.notes.iter().chain(of_verdict).map(|note| (host.host.as_str(), note.as_str()))
    });
    let warnings = run.hosts.iter().flat_map(|host| {
        let of_verdict = host.verdict.iter().flat_map(|verdict| &verdict.warnings);
        of_verdict.map(|warning| (host.host.as_str(), warning))
    });
    let drifts = status::drifts(run, look.diff);
    if status::is_status(run) {
        return join([
            diffs,
            changes::plans(run),
            status::table(run, look.width),
            drifts,
            troubles::failures(ends),
            status::remarks(run),
            troubles::notes(notes),
            status::closing(run),
        ]);
    }
    if run.hosts.is_empty() {
        return closing::closing(run);
    }
    let sections = [
        diffs,
        changes::plans(run),
        table::table(run, look.width),
        changes::ways(run),
        drifts,
        troubles::failures(ends),
        troubles::warnings(warnings),
        troubles::notes(notes),
        clocks::clocks(run),
        stopped::stopped(run),
        counts::recap(&run.recap, look.width),
        closing::closing(run),
    ];
    join(sections)
}

/// The sections that have a text, with blank lines in between.
pub(super) fn join<const N: usize>(sections: [String; N]) -> String {
    let sections: Vec<String> = sections.into_iter().filter(|text| !text.is_empty()).collect();
    sections.join("\n")
}

/// Prints the report on standard output, with colours if `choice` and the terminal have them.
///
/// # Errors
/// Standard output cannot be written; a reader that has gone away is none.
pub fn print(run: &Run, look: &Look, choice: ColorChoice) -> Result<()> {
    print_text(&text(run, look), choice)
}

/// Prints `text`, which may have colours in it, in the same way.
///
/// # Errors
/// As [`print`].
pub fn print_text(text: &str, choice: ColorChoice) -> Result<()> {
    let mut out: AutoStream<Stdout> = AutoStream::new(std::io::stdout(), choice);
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
