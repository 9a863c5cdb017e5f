//! One line of ssh_config, taken apart as OpenSSH does: a keyword, at most one `=`, and arguments.

use std::path::Path;

use crate::problem::{Place, Problem};

/// What may stand between words.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Where a line comes from, for what is said about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// The file, or nothing for an option of a command line.
    pub(super) file: Option<&'a Path>,
    /// The line's number in the file, from 1.
    pub(super) number: usize,
    /// The whole line.
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// A problem at `column` (from 1) of this line.
    pub(super) fn problem(&self, column: usize, message: impl AsRef<str>) -> Problem {
        let message = message.as_ref();
        let Some(file) = self.file else {
            // Not the value: it may hold a password for a proxy.
            let end = self.text.find(|c| SPACE.contains(&c) || c == '=');
            let keyword = self.text.get(..end.unwrap_or(self.text.len())).unwrap_or_default();
            return Problem::new(format!("-o {keyword}: {message}"));
        };
        let place = Place::in_source(file.display().to_string(), self.text, 1, column);
        Problem::new(message).at(Place { line: self.number, ..place })
    }
}

/// An argument without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it starts, in characters from 1.
    pub(super) column: usize,
}

/// A line that says something.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) source: Source<'a>,
    /// In lower case: OpenSSH makes no difference.
    pub(super) keyword: String,
    /// Where the keyword starts, in characters from 1.
    pub(super) column: usize,
    /// All that follows the keyword, as it stands there: commands extend to the end of the line.
    pub(super) rest: &'a str,
    /// The same as arguments, without a comment.
    pub(super) words: Vec<Word>,
}

impl<'a> Line<'a> {
    /// Takes a line apart; nothing for one that is empty or a comment.
    ///
    /// # Errors
    /// There is no argument, or a quote is never closed.
    pub(super) fn read(source: Source<'a>) -> Result<Option<Self>, Problem> {
        let text = trimmed(source.text);
        let start = text.trim_start_matches(SPACE);
        if start.is_empty() || start.starts_with('#') {
            return Ok(None);
        }
        let column = column_of(text, start);
        let end = start.find(|c| SPACE.contains(&c) || c == '=' || c == '"');
        let (keyword, rest) = start.split_at(end.unwrap_or(start.len()));
        let rest = rest.trim_start_matches(SPACE);
        let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start_matches(SPACE);
        if rest.is_empty() {
            return Err(source.problem(column, format!("{keyword} has no argument")));
        }
        let words = words(rest).map_err(|quote| {
            let column = column_of(text, rest) + rest.chars().count() - quote.chars().count();
            source.problem(column, "this quote is never closed")
        })?;
        let first = column_of(text, rest) - 1;
        let placed = |word: Word| Word { column: word.column + first, ..word };
        let words = words.into_iter().map(placed).collect();
        Ok(Some(Self { source, keyword: keyword.to_lowercase(), column, rest, words }))
    }

    /// A problem with this line as a whole.
    pub(super) fn problem(&self, message: impl AsRef<str>) -> Problem {
        self.source.problem(self.column, message)
    }

    /// A problem with one of its words.
    pub(super) fn problem_at(&self, word: &Word, message: impl AsRef<str>) -> Problem {
        self.source.problem(word.column, message)
    }
}

/// The text of a line up to what ssh takes for the blank end of it: less than what Unicode calls white space.
fn trimmed(text: &str) -> &str {
    text.trim_end_matches(|c| SPACE.contains(&c) || c == '\x0c')
}

/// The column, in characters from 1, at which `part`, the end of `text`, starts.
fn column_of(text: &str, part: &str) -> usize {
    text.chars().count() - part.chars().count() + 1
}

/// The words of `text` up to a comment, with columns in `text`; or what starts with a quote that is
/// never closed. Quotes of both kinds may stand in the middle of a word; a backslash stands before
/// a quote, a backslash, or a space outside of quotes.
fn words(text: &str) -> Result<Vec<Word>, &str> {
    let mut words = Vec::new();
    let mut chars = text.char_indices().enumerate().peekable();
    while let Some(&(index, (_, first))) = chars.peek() {
        if first == ' ' || first == '\t' {
            chars.next();
            continue;
        }
        if first == '#' {
            break;
        }
        let mut word = Word { text: String::new(), column: index + 1 };
        let mut quote = None;
        while let Some((_, (at, c))) = chars.next() {
            let next = chars.peek().map(|(_, (_, next))| *next);
            match (c, quote) {
                ('\\', _) => {
                    let escapes = matches!(next, Some('\'' | '"' | '\\'))
                        || (quote.is_none() && next == Some(' '));
                    word.text.push(if escapes { next.unwrap_or(c) } else { c });
                    if escapes {
                        chars.next();
                    }
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some((at, c)),
                (_, Some((_, open))) if c == open => quote = None,
                _ => word.text.push(c),
            }
        }
        if let Some((at, _)) = quote {
            return Err(text.get(at..).unwrap_or_default());
        }
        words.push(word);
    }
    Ok(words)
}

/// The words of a `Match` line, which are cut at white space and at one `=`, and quoted by `"` alone.
pub(super) fn match_words<'a>(line: &Line<'a>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.rest;
    while !rest.is_empty() && !rest.starts_with('#') {
        let column = column_of(trimmed(line.source.text), rest);
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                let end = rest.find(|c| SPACE.contains(&c) || c == '=');
                rest.split_at(end.unwrap_or(rest.len()))
            }
        };
        let after = after.trim_start_matches(SPACE);
        rest = after.strip_prefix('=').unwrap_or(after).trim_start_matches(SPACE);
        words.push(Word { text: word.to_owned(), column });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line<'_> {
        let source = Source { file: Some(Path::new("config")), number: 3, text };
        Line::read(source).unwrap().unwrap()
    }

    fn shown(text: &str) -> String {
        let line = line(text);
        let words: Vec<_> =
            line.words.iter().map(|word| format!("{}:{}", word.column, word.text)).collect();
        format!("{}|{}", line.keyword, words.join("|"))
    }

    #[test]
    fn keywords_and_words() {
        for (text, wanted) in [
            ("Port 22", "port|6:22"),
            ("  Port=22 \r\n", "port|8:22"),
            ("PORT\t = \t22", "port|10:22"),
            ("Host a  b#c #d e", "host|6:a|9:b#c"),
            ("IdentityFile \"a b\"'c d' e", "identityfile|14:a bc d|25:e"),
            (r#"IdentityFile a\ b\"c "d\ e""#, r#"identityfile|14:a b"c|22:d\ e"#),
            ("Host \u{e4} b", "host|6:\u{e4}|8:b"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    /// Found by fuzzing: what is white space to Unicode alone belongs to the word.
    #[test]
    fn words_of_match_end_where_the_line_does() {
        let words = match_words(&line("Match user me\x0b\x0b\u{a0} "));
        let words: Vec<_> = words.iter().map(|word| (word.column, word.text.as_str())).collect();
        assert_eq!(words, [(7, "user"), (12, "me\x0b\x0b\u{a0}")]);
    }

    #[test]
    fn commands_keep_the_rest_of_the_line() {
        assert_eq!(line("ProxyCommand = nc  '%h' # x ").rest, "nc  '%h' # x");
    }

    #[test]
    fn lines_without_words() {
        for text in ["", " \t", "# Host a", "  #"] {
            let source = Source { file: None, number: 1, text };
            assert!(Line::read(source).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, wanted) in [
            ("  Port", "config:3:3: port has no argument"),
            ("Port =", "config:3:1: Port has no argument"),
            ("Host a \"b", "config:3:8: this quote is never closed"),
        ] {
            let source = Source { file: Some(Path::new("config")), number: 3, text };
            let error = Line::read(source).unwrap_err().to_string();
            assert_eq!(error.lines().next().unwrap().to_lowercase(), wanted.to_lowercase());
        }
    }

    #[test]
    fn criteria_are_cut_at_equals_signs_too() {
        let line = line("Match host=a,b user \"c d\" # e");
        let words: Vec<_> =
            match_words(&line).into_iter().map(|w| format!("{}:{}", w.column, w.text)).collect();
        assert_eq!(words, ["7:host", "12:a,b", "16:user", "21:c d"]);
    }
}
