//! Putting a script together: the functions it needs, quoted words, and the call at its end.

use std::fmt::Write as _;

use secrecy::zeroize::{Zeroize, Zeroizing};

const COMMON: &str = include_str!("sh/common.sh");

/// A word that no host can guess: it marks the sections of an answer, and names candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// A fresh one, of 128 random bits.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut word = "ezsync-".to_owned();
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(word, "{byte:02x}");
        }
        Self(word)
    }

    /// Its text: letters, digits and `-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` as one word for a POSIX shell. The only place where the project quotes.
#[must_use]
pub fn quote(text: &str) -> String {
    match shlex::try_quote(text) {
        Ok(quoted) => quoted.into_owned(),
        // Only a NUL cannot be quoted: no shell can hold one. Inputs with one are refused.
        Err(_) => quote(&text.replace('\0', "")),
    }
}

/// A script in the making.
pub(super) struct Script(String);

impl Script {
    /// Starts with the mark and the functions of `parts`. A brace that is closed on the last line
    /// keeps a script that was cut off from being more than a syntax error.
    pub(super) fn new(mark: &Word, parts: &[&str]) -> Self {
        let parts: Vec<&str> = std::iter::once(COMMON).chain(parts.iter().copied()).collect();
        Self::bare(mark, &parts)
    }

    /// The same without what every script of ours starts with: it sets the environment.
    pub(super) fn bare(mark: &Word, parts: &[&str]) -> Self {
        let mut script = Self(format!("{{\nmark={}\n", mark.as_str()));
        script.parts(parts);
        script
    }

    /// Adds the functions of `parts`.
    pub(super) fn parts(&mut self, parts: &[&str]) {
        for part in parts {
            self.0.extend(compact(part));
        }
    }

    /// Adds `text` and a line end.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        self.push(text);
        self.push("\n");
        self
    }

    /// Adds `text`. What is there moves when there is no room for more, and its old place is wiped: keys may
    /// stand in it.
    fn push(&mut self, text: &str) {
        let wanted = self.0.len() + text.len();
        if wanted > self.0.capacity() {
            let mut larger = String::with_capacity(2 * wanted);
            larger.push_str(&self.0);
            std::mem::replace(&mut self.0, larger).zeroize();
        }
        self.0.push_str(text);
    }

    /// Adds a call of `words`, quoted, followed by `after`.
    pub(super) fn call<I>(&mut self, words: I, after: &str) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        for (number, word) in words.into_iter().enumerate() {
            self.push(if number == 0 { "" } else { " " });
            self.push(&Zeroizing::new(quote(word.as_ref())));
        }
        self.line(after)
    }

    /// Ends with the call `last`, and `exit`: the shell would wait for more to read.
    pub(super) fn finish(mut self, last: &str) -> String {
        self.line(last).line("exit").line("}");
        self.0
    }
}

/// The lines of a shell file without comments, blank lines and indentation: what a host need not
/// read need not travel. Here-documents hold one variable each, and no text goes over several lines.
pub(super) fn compact(part: &str) -> impl Iterator<Item = String> {
    part.lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
}
