//! The texts an inventory is read from, and places in them.

use std::path::Path;
use std::sync::OnceLock;

use super::wait;
use crate::problem::{Place, Problem};

/// One place in one of the inventory's files, in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which file, by its number in [`Sources`].
    pub source: usize,
    /// From 1; 0 where only the file is known.
    pub line: usize,
    pub column: usize,
}

/// The text of every file that was read, so that messages can show the line they mean.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    /// Where each line starts, in bytes: found out when the first place is asked for.
    starts: OnceLock<Vec<usize>>,
}

impl Sources {
    /// Keeps a file's name and text, and numbers it.
    pub fn add(&mut self, name: String, text: String) -> usize {
        self.files.push(Source { name, text, starts: OnceLock::new() });
        self.files.len() - 1
    }

    /// The file, line, column and text of a mark.
    pub fn place(&self, mark: Mark) -> Place {
        let source = self.files.get(mark.source);
        let (name, text) =
            source.map_or(("", ""), |source| (source.name.as_str(), source.line(mark.line)));
        Place::on_line(name, text, mark.line, mark.column)
    }

    /// The file, when it is the only one.
    pub fn only(&self) -> Option<Place> {
        match self.files.as_slice() {
            [source] => Some(Place::in_file(Path::new(&source.name))),
            _ => None,
        }
    }

    /// `file:line` of a mark, for a second place in a message.
    pub fn short(&self, mark: Mark) -> String {
        let file = self.files.get(mark.source).map_or("", |source| source.name.as_str());
        if mark.line == 0 { file.to_owned() } else { format!("{file}:{}", mark.line) }
    }
}

impl Source {
    /// The text of a line, counted from 1, without its end.
    fn line(&self, number: usize) -> &str {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let starts = self.starts.get_or_init(|| {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        });
        let start = number.checked_sub(1).and_then(|index| starts.get(index));
        let rest = start.and_then(|start| text.get(*start..)).unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }
}

/// The text of a file.
///
/// # Errors
/// A [`Problem`] when it cannot be read or is not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, Problem> {
    let shown = path.display();
    let bytes = wait::read(path)
        .map_err(|error| Problem::new(format!("{shown} cannot be read: {error}")))?;
    text(path, bytes)
}

/// `bytes`, which `path` holds or said, as text.
///
/// # Errors
/// A [`Problem`] with the line that is not UTF-8.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let file = path.display().to_string();
        Problem::new("this line is not UTF-8 text").at(Place::on_line(file, "", line, 0))
    })
}
