//! What is wrong with a template, in words, and where.

use regex::Regex;
use tera::ErrorKind;

use super::{Compiled, Scope, foreign};
use crate::problem::{Place, Problem};

/// The problem of an undefined variable, at the place where the template first names it.
pub(super) fn undefined(name: &str, compiled: &Compiled, scope: &Scope) -> Problem {
    let place = place_at(compiled, first_use(name, &compiled.source));
    if let Some(problem) = foreign::variable(name) {
        return problem.at(place);
    }
    let problem = Problem::new(format!("the variable `{name}` is not defined")).at(place);
    match scope.nearest(name) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!(
            "set {name} in config.yml, group_vars, host_vars or with -e {name}=VALUE"
        )),
    }
}

/// The place of the byte at `offset` of a template file; for a text in another file, that text's.
pub(super) fn place_at(compiled: &Compiled, offset: usize) -> Place {
    if compiled.origin.line > 0 {
        return compiled.origin.clone();
    }
    let before = compiled.source.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place::in_source(&compiled.origin.file, &compiled.source, line, column)
}

/// Where `name` is first used inside an expression of `source`, in bytes.
fn first_use(name: &str, source: &str) -> usize {
    let word = Regex::new(&format!(r"\b{}\b", regex::escape(name)));
    let found = word.ok().and_then(|word| {
        word.find_iter(source).map(|m| m.start()).find(|at| {
            let before = source.get(..*at).unwrap_or_default();
            let opened = before.rfind("{{").max(before.rfind("{%"));
            opened > before.rfind("}}").max(before.rfind("%}"))
        })
    });
    found.unwrap_or_default()
}

/// A problem from Tera's error: its own words and the place it names.
pub(super) fn explain(
    error: &tera::Error,
    origin: &Place,
    source: &str,
    whole_file: bool,
) -> Problem {
    let (message, span) = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            (report.message().to_owned(), Some(report.span().clone()))
        }
        other => (other.to_string(), None),
    };
    // Tera keeps the reason of a failing filter in the error's source.
    let reason = std::error::Error::source(error).map(|e| format!(": {e}")).unwrap_or_default();
    // Only the first lines speak of the mistake; the rest draws what the place draws.
    let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let message = message.trim_end_matches('.').to_owned() + &reason;
    let place = match span {
        Some(span) if whole_file => {
            Place::in_source(&origin.file, source, span.start_line, span.start_col + 1)
        }
        _ => origin.clone(),
    };
    let wrote = if whole_file { String::new() } else { format!("`{source}`: ") };
    if let Some(problem) = foreign::construct(&message, source) {
        return if whole_file { problem } else { problem.of(&format!("`{source}`")) }.at(place);
    }
    let hint = hint(&message, source);
    let problem = Problem::new(format!("{wrote}{message}")).at(place);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// Advice for what is written differently in Ansible's templates.
fn hint(message: &str, source: &str) -> Option<&'static str> {
    let unnamed = Regex::new(r"\|\s*\w+\(\s*[^)\s\w]|\|\s*\w+\(\s*\w+\s*[,)]");
    if message.contains("expected identifier") && unnamed.is_ok_and(|re| re.is_match(source)) {
        return Some("arguments have names here: default(value='x'), replace(from='a', to='b')");
    }
    None
}
