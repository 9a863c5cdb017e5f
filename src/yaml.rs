//! YAML as Ansible reads it, with the place of every mistake.

use serde::de::DeserializeOwned;

use crate::problem::{Place, Problem};

/// Reads `text`, the contents of `file`.
///
/// # Errors
/// Broken YAML, a key that stands twice, or a value of another type than `T` wants, with line
/// and column.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Problem> {
    let options = serde_yaml::options! {
        // 0644 is a file mode, as in YAML 1.1 that Ansible reads.
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let place = match error.location() {
            Some(at) => Place::in_source(file, text, number(at.line()), number(at.column())),
            None => Place::in_source(file, text, 0, 0),
        };
        let message = error.to_string();
        Problem::new(message.lines().next().unwrap_or_default().to_owned()).at(place)
    })
}

/// The place in `text` of `file` that a [`serde_yaml::Location`] means.
#[must_use]
pub fn place(file: &str, text: &str, at: serde_yaml::Location) -> Place {
    Place::in_source(file, text, number(at.line()), number(at.column()))
}

fn number(n: u64) -> usize {
    usize::try_from(n).unwrap_or_default()
}
