//! The files an inventory is read from, and places in them.

use std::path::{Path, PathBuf};

use crate::problem::{Place, Problem};

/// The names under which a folder's inventory may stand.
const NAMES: [&str; 4] = ["hosts", "hosts.yml", "hosts.yaml", "hosts.ini"];

/// One place in one of the inventory's files, in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which file, by its number in [`Sources`].
    pub source: usize,
    pub line: usize,
    pub column: usize,
}

/// The text of every file that was read, so that messages can show the line they mean.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<(String, String)>,
}

impl Sources {
    /// Keeps a file's name and text, and numbers it.
    pub fn add(&mut self, file: String, text: String) -> usize {
        self.files.push((file, text));
        self.files.len() - 1
    }

    /// The file, line, column and text of a mark.
    pub fn place(&self, mark: Mark) -> Place {
        let (file, text) = self.files.get(mark.source).map_or(("", ""), |(file, text)| {
            (file.as_str(), text.strip_prefix('\u{feff}').unwrap_or(text))
        });
        Place::in_source(file, text, mark.line, mark.column)
    }

    /// `file:line` of a mark, for a second place in a message.
    pub fn short(&self, mark: Mark) -> String {
        let file = self.files.get(mark.source).map_or("", |(file, _)| file.as_str());
        format!("{file}:{}", mark.line)
    }
}

/// The text of a file.
///
/// # Errors
/// A [`Problem`] when it cannot be read or is not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, Problem> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Problem::new(format!("{shown} cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let place = Place { file: shown.to_string(), line, column: 0, text: String::new() };
        Problem::new("this line is not UTF-8 text").at(place)
    })
}

/// The inventory file that `path` names: itself, or the one in that folder.
pub(super) fn find(path: &Path) -> Result<PathBuf, Problem> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut found = NAMES.iter().map(|name| path.join(name)).filter(|file| file.is_file());
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file),
        (Some(first), Some(second)) => Err(Problem::new(format!(
            "there are two inventories: {} and {}",
            first.display(),
            second.display()
        ))
        .hint("keep one of them")),
        (None, _) => Err(Problem::new(format!("there is no inventory in {}", path.display()))
            .hint("its name is hosts, hosts.yml, hosts.yaml or hosts.ini")),
    }
}
