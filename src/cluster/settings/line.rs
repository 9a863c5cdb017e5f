//! Lines of a chrony configuration, and what of them a host's chrony takes.

use super::gates::Gate;
use crate::facts::ChronyFacts;
use crate::problem::Problem;

/// One line: a directive and its words, each with what a chrony must have for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What stands above it in the file, without the `#`.
    comment: String,
    words: Vec<(String, Vec<Gate>)>,
}

impl Line {
    /// A line that every chrony takes.
    pub fn new(text: impl Into<String>) -> Self {
        Self { comment: String::new(), words: vec![(text.into(), Vec::new())] }
    }

    /// A line that is written as a whole or not at all.
    pub fn gated(text: impl Into<String>, gate: Gate) -> Self {
        Self { comment: String::new(), words: vec![(text.into(), vec![gate])] }
    }

    /// The same line with a comment above.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// The same line with `text` behind.
    pub fn word(self, text: impl Into<String>) -> Self {
        self.gated_word(text, [])
    }

    /// The same line with `text` behind, where all of `gates` let it pass.
    pub fn gated_word(
        mut self,
        text: impl Into<String>,
        gates: impl IntoIterator<Item = Gate>,
    ) -> Self {
        self.words.push((text.into(), gates.into_iter().collect()));
        self
    }

    /// Its text on a host with `chrony`; none when it is left out there. What is left out is said
    /// in `notes`.
    ///
    /// # Errors
    /// The host's chrony lacks what must be there.
    pub fn on(
        &self,
        chrony: &ChronyFacts,
        notes: &mut Vec<String>,
    ) -> Result<Option<String>, Problem> {
        let mut taken: Vec<&str> = Vec::new();
        for (number, (text, gates)) in self.words.iter().enumerate() {
            let mut passes = true;
            for gate in gates {
                passes = passes && gate.passes(chrony, notes)?;
            }
            match passes {
                true => taken.push(text),
                false if number == 0 => return Ok(None),
                false => {}
            }
        }
        let comment = match self.comment.as_str() {
            "" => String::new(),
            comment => format!("# {comment}\n"),
        };
        Ok(Some(comment + &taken.join(" ")))
    }
}
