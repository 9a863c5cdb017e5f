//! Splitting an INI host line into words by the rules of a POSIX shell, as Python's `shlex`
//! applies them: quotes, backslashes, and `#` starting a comment wherever it stands unquoted.

/// One word of a line, without its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    /// Where the word starts, in characters from 1.
    pub column: usize,
}

/// A quote that is never closed, or a backslash with nothing behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub message: &'static str,
    /// Where it stands, in characters from 1.
    pub column: usize,
}

/// The words of `line`.
pub(super) fn split(line: &str) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut chars = (1..).zip(line.chars());
    let mut word: Option<Word> = None;
    while let Some((column, c)) = chars.next() {
        if c == '#' {
            break;
        }
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let text = &mut word.get_or_insert_with(|| Word { text: String::new(), column }).text;
        match c {
            '\\' => {
                let (_, next) = chars
                    .next()
                    .ok_or(Unclosed { message: "nothing follows this backslash", column })?;
                text.push(next);
            }
            '\'' | '"' => {
                quoted(c, &mut chars, text)
                    .ok_or(Unclosed { message: "this quote is not closed", column })?;
            }
            _ => text.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Takes everything up to the closing quote; `None` when there is none.
fn quoted(
    quote: char,
    chars: &mut impl Iterator<Item = (usize, char)>,
    text: &mut String,
) -> Option<()> {
    loop {
        match chars.next()?.1 {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => {
                // In double quotes a backslash protects only itself and the quote.
                let next = chars.next()?.1;
                if next != '"' && next != '\\' {
                    text.push('\\');
                }
                text.push(next);
            }
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_like_a_shell() {
        for (line, expected) in [
            ("a b=1", vec!["a", "b=1"]),
            ("a  b='x y' # note", vec!["a", "b=x y"]),
            ("a b=x#y", vec!["a", "b=x"]),
            ("a b='x#y'", vec!["a", "b=x#y"]),
            ("a b=\"x \\\" \\n\"", vec!["a", "b=x \" \\n"]),
            ("a b=x\\ y c=''", vec!["a", "b=x y", "c="]),
            ("a b='\"5\"'", vec!["a", "b=\"5\""]),
            ("a ; b", vec!["a", ";", "b"]),
        ] {
            let words: Vec<_> = split(line).unwrap().into_iter().map(|word| word.text).collect();
            assert_eq!(words, expected, "{line}");
        }
        assert_eq!(split("é  x").unwrap()[1].column, 4);
    }

    #[test]
    fn points_at_an_open_quote() {
        assert_eq!(split("a b='x").unwrap_err().column, 5);
        assert_eq!(split("a b=\\").unwrap_err().column, 5);
    }
}
