//! An error that ends a run before there is a result, for programs.

use serde::Serialize;

use super::document;
use crate::exit::Exit;
use crate::problem::Problem;

#[derive(Serialize)]
struct Document<'a> {
    ezsync: &'static str,
    exit: u8,
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<&'a str>,
}

/// The JSON document of a run that `problem` ended with this `exit`: `ezsync`, `exit` and `error` with `message`,
/// `file`, `line` and `column` (from 1) and `hint`, each null where it is not known. Results have no `error`.
#[must_use]
pub fn error(problem: &Problem, exit: Exit) -> String {
    let place = problem.place();
    let known = |number: usize| (number > 0).then_some(number);
    let error = Error {
        message: problem.message(),
        file: place.map(|place| place.file.as_str()),
        line: place.and_then(|place| known(place.line)),
        column: place.and_then(|place| known(place.column)),
        hint: problem.advice(),
    };
    let whole = Document { ezsync: env!("CARGO_PKG_VERSION"), exit: exit.code(), error };
    document(&whole).unwrap_or_default()
}
