//! Mistakes in what the user wrote: files, patterns, options.
//!
//! A [`Problem`] is found before any host is touched and ends the program with exit code 5.

use std::fmt;
use std::path::Path;

use crate::sanitise::sanitise_lines;

/// One mistake in the input: what is wrong, where it stands, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    message: String,
    place: Option<Box<Place>>,
    hint: Option<String>,
}

/// Where in a file a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's path as the user would type it.
    pub file: String,
    /// Line number, from 1; 0 when only the file is known.
    pub line: usize,
    /// Column in characters, from 1; 0 when only the line is known.
    pub column: usize,
    /// The text of the line, without its line end; empty when it is not known.
    pub text: String,
}

/// The most characters of a line that are shown.
const SHOWN_MAX: usize = 200;

/// Stands for what is left out of a line.
const CLIPPED: &str = "...";

impl Place {
    /// The place at `line` and `column` (both from 1) of `source`, the text of `file`.
    #[must_use]
    pub fn in_source(file: impl Into<String>, source: &str, line: usize, column: usize) -> Self {
        let text = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Self::on_line(file, text, line, column)
    }

    /// The place at `column` of the line number `line`, whose text is `text`.
    #[must_use]
    pub fn on_line(file: impl Into<String>, text: &str, line: usize, column: usize) -> Self {
        // Messages end up in logs, where a password must not, nor a key of chrony's.
        let secret = ["pass", "HEX:", "ASCII:"].iter().any(|mark| text.contains(mark));
        let text = if secret { "" } else { text };
        Self { file: file.into(), line, column, text: text.to_owned() }
    }

    /// The file as a whole.
    #[must_use]
    pub fn in_file(file: &Path) -> Self {
        Self { file: file.display().to_string(), line: 0, column: 0, text: String::new() }
    }
}

impl Problem {
    /// A problem with no place in a file.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, hint: None }
    }

    /// The same problem, standing at `place`; as it was where no place is known.
    #[must_use]
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        if let Some(place) = place.into() {
            self.place = Some(Box::new(place));
        }
        self
    }

    /// The same problem without the text of its line, in which a secret stands.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        if let Some(place) = &mut self.place {
            place.text.clear();
        }
        self
    }

    /// The same problem with advice on what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem with the one of `known` that was probably meant by `name`, else with all
    /// of them behind `otherwise`.
    #[must_use]
    pub fn meant(self, name: &str, known: &[&str], otherwise: &str) -> Self {
        match nearest(name, known) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self.hint(format!("{otherwise}: {}", known.join(", "))),
        }
    }

    /// The same problem, told as one of `what` (an option, say) where no place says so.
    #[must_use]
    pub fn of(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Place and message in one line, to stand within another message.
    #[must_use]
    pub fn brief(&self) -> String {
        match &self.place {
            Some(place) => sanitise_lines(&format!("{place}: {}", self.message)).into_owned(),
            None => sanitise_lines(&self.message).into_owned(),
        }
    }

    /// What is wrong, without place and hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The advice, when there is any.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where it stands, when that is known.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = match &self.place {
            Some(place) => format!("{place}: {}{}", self.message, place.snippet()),
            None => self.message.clone(),
        };
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nhint: {hint}"));
        }
        // What stands in a file may be there to fool the terminal.
        f.write_str(&sanitise_lines(&text))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().take_while(|n| *n > 0) {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

impl Place {
    /// The part of the line that is shown, and how many characters of it stand before the column. Lines may be
    /// files of their own: encoded contents, for example.
    fn clipped(&self) -> (String, usize) {
        let before = self.column.saturating_sub(1);
        let length = self.text.chars().count();
        if length <= SHOWN_MAX {
            return (self.text.clone(), before);
        }
        // As much before the column as behind it, unless the line begins or ends there.
        let from = before.saturating_sub(SHOWN_MAX / 2).min(length - SHOWN_MAX);
        let lead = if from > 0 { CLIPPED } else { "" };
        let end = if from + SHOWN_MAX < length { CLIPPED } else { "" };
        let part: String = self.text.chars().skip(from).take(SHOWN_MAX).collect();
        (format!("{lead}{part}{end}"), before - from + lead.len())
    }

    /// The line itself with a mark below the column, as compilers show it.
    fn snippet(&self) -> String {
        if self.text.is_empty() || self.line == 0 {
            return String::new();
        }
        let number = self.line.to_string();
        let (text, before) = self.clipped();
        let mut shown = format!("\n  {number} | {text}");
        if self.column > 0 {
            // A tab in the line is repeated so that the mark stands below its character.
            let lead: String =
                text.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            shown.push_str(&format!("\n  {:width$} | {lead}^", "", width = number.len()));
        }
        shown
    }
}

/// The one of `known` that is most like `name`, when one is near enough to be what was meant.
#[must_use]
pub fn nearest(name: &str, known: &[&str]) -> Option<String> {
    // 0.7 lets one slip of the fingers through in names of five letters and more.
    similar::get_close_matches(name, known, 1, 0.7).first().map(|near| (*near).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_place_snippet_and_hint() {
        let problem = Problem::new("the range [5:1] ends before it starts")
            .at(Place::in_source("hosts", "[all]\nnode[5:1]\n", 2, 5))
            .hint("write [1:5]");
        assert_eq!(
            problem.to_string(),
            "hosts:2:5: the range [5:1] ends before it starts\n  2 | node[5:1]\n    |     ^\nhint: write [1:5]"
        );
    }

    #[test]
    fn passwords_and_control_characters_are_not_shown() {
        let shown = |source: &str| {
            Problem::new("bad").at(Place::in_source("hosts", source, 1, 1)).to_string()
        };
        assert_eq!(shown("n1 ansible_password=x"), "hosts:1:1: bad");
        assert_eq!(shown("key: HEX:0123"), "hosts:1:1: bad");
        assert_eq!(shown("n1 \x1b[2J"), "hosts:1:1: bad\n  1 | n1 \\x1b[2J\n    | ^");
    }

    #[test]
    fn of_long_lines_the_part_at_the_column_is_shown() {
        for (column, lead, end) in [
            (1, "", "..."),
            (101, "", "..."),
            (5000, "...", "..."),
            (9999, "...", ""),
            (0, "", "..."),
        ] {
            let mut line: Vec<char> = vec!['é'; 10_000];
            if column > 0 {
                line[column - 1] = '*';
            }
            let line: String = line.into_iter().collect();
            let shown = Problem::new("bad").at(Place::on_line("f", &line, 1, column)).to_string();
            let mut lines = shown.lines().skip(1);
            let text = lines.next().unwrap().strip_prefix("  1 | ").unwrap();
            assert_eq!(text.chars().count(), 200 + lead.len() + end.len(), "{column}");
            assert!(text.starts_with(lead) && text.ends_with(end), "{column}: {text}");
            let mark = lines.next().map(|line| line.strip_prefix("    | ").unwrap());
            let found = mark.map(|mark| text.chars().nth(mark.find('^').unwrap()).unwrap());
            assert_eq!(found, (column > 0).then_some('*'), "{column}");
        }
        // A line that fits is shown whole.
        let line = "a".repeat(200);
        let shown = Problem::new("bad").at(Place::on_line("f", &line, 1, 200)).to_string();
        assert!(shown.contains(&format!("| {line}\n")), "{shown}");
    }

    #[test]
    fn a_problem_may_have_no_place() {
        assert_eq!(Problem::new("no hosts").to_string(), "no hosts");
    }
}
