//! Makes text from elsewhere (a host, a server's banner, a file) safe to print.
//!
//! Control characters can move the cursor, recolour or rewrite a terminal, and bidirectional
//! controls can make a line read as what it is not. They are shown as escapes, never passed on.

use std::borrow::Cow;
use std::io::{self, Write};

/// Stands for a password that a host has said back.
pub const HIDDEN: &str = "********";

/// `text` for one line: every control character becomes a visible escape, line ends included.
///
/// Replaced are C0, DEL and C1 (`\n`, `\r`, `\t`, else `\xNN`), the bidirectional controls of
/// Unicode and its line and paragraph separators (`\u{NNNN}`). All else stays as it is.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    replace(text, |c| !is_unsafe(c))
}

/// As [`sanitise`], but lines stay lines: `\n` and `\t` are kept, and the `\r` of a `\r\n` is
/// dropped.
#[must_use]
pub fn sanitise_lines(text: &str) -> Cow<'_, str> {
    let keep = |c| matches!(c, '\n' | '\t') || !is_unsafe(c);
    if text.contains("\r\n") {
        return Cow::Owned(replace(&text.replace("\r\n", "\n"), keep).into_owned());
    }
    replace(text, keep)
}

/// `bytes` as text, in which a byte that is no part of UTF-8 is `\xNN`. It may be up to four times as long.
#[must_use]
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A JSON document with the same meaning whose strings hold no unsafe character: JSON itself asks
/// for escapes of a part of them alone.
#[must_use]
pub fn sanitise_json(json: String) -> String {
    // All of them stand in strings, and have at most four digits.
    let odd = |c: char| is_unsafe(c) && c != '\n';
    if !json.contains(odd) {
        return json;
    }
    let safe = |c| if odd(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(safe).collect()
}

/// Writes a JSON document on as [`sanitise_json`] gives it, for one that is too long to be held as a text. What comes
/// in large pieces costs least.
#[derive(Debug)]
pub struct SafeJson<W> {
    to: W,
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl<W: Write> SafeJson<W> {
    /// Writes on to `to`.
    pub fn new(to: W) -> Self {
        Self { to, begun: Vec::new() }
    }
}

impl<W: Write> Write for SafeJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = std::mem::take(&mut self.begun);
        text.extend_from_slice(bytes);
        if let Err(error) = std::str::from_utf8(&text)
            && error.error_len().is_none()
        {
            self.begun = text.split_off(error.valid_up_to());
        }
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        self.to.write_all(sanitise_json(text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn replace(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&keep) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if keep(c) => shown.push(c),
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            _ if c.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ => shown.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

/// Whether `c` does something to the display other than being shown.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    // The bidirectional controls of Unicode's UAX #9, then the line and paragraph separators.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_escapes() {
        for (text, one_line, lines) in [
            ("plain ünïcode 日本", "plain ünïcode 日本", "plain ünïcode 日本"),
            ("a\x1b[31mred", "a\\x1b[31mred", "a\\x1b[31mred"),
            (
                "bell\x07 del\x7f nul\0",
                "bell\\x07 del\\x7f nul\\x00",
                "bell\\x07 del\\x7f nul\\x00",
            ),
            ("c1 \u{9b}2J", "c1 \\x9b2J", "c1 \\x9b2J"),
            ("a\tb\nc", "a\\tb\\nc", "a\tb\nc"),
            ("dos\r\nline", "dos\\r\\nline", "dos\nline"),
            ("over\rwrite", "over\\rwrite", "over\\rwrite"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("line\u{2028}sep", "line\\u{2028}sep", "line\\u{2028}sep"),
        ] {
            assert_eq!(sanitise(text), one_line, "{text:?} on one line");
            assert_eq!(sanitise_lines(text), lines, "{text:?} as lines");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a\u{7f}": "\u{9b}2J \u{202e}x\n\u{2028} ünï日本"});
        let json = sanitise_json(serde_json::to_string_pretty(&value).unwrap());
        assert!(json.chars().all(|c| c == '\n' || !is_unsafe(c)), "{json}");
        assert!(json.contains("\\u009b2J \\u202ex") && json.contains("ünï日本"), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        for size in [1, 3, 7, 1000] {
            let mut written = Vec::new();
            let mut to = SafeJson::new(&mut written);
            let text = serde_json::to_string_pretty(&value).unwrap();
            text.as_bytes().chunks(size).for_each(|chunk| to.write_all(chunk).unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), json, "{size} bytes at a time");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        for (bytes, text) in [
            (&b"a\xffb"[..], "a\\xffb"),
            (b"\xc3\xbc \xfc", "ü \\xfc"),
            (b"cut \xe6\x97", "cut \\xe6\\x97"),
            (b"\0\x1b", "\0\u{1b}"),
        ] {
            assert_eq!(text_of(bytes), text);
        }
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(sanitise("clean"), Cow::Borrowed(_)));
        assert!(matches!(sanitise_lines("two\nlines"), Cow::Borrowed(_)));
    }
}
