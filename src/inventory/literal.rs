//! Python literals, as Ansible's INI reader understands values.
//!
//! Ansible hands every INI value to Python's `ast.literal_eval` and keeps the text when that
//! fails. So `5` is a number, `True` a boolean, `"6443"` and `'6443'` strings without their
//! quotes, `[1, 'a']` and `1,2` lists, and `true`, `10.0.0.1` and `0644` plain text.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Number, Value};

/// How deep brackets may nest: Python gives up too, only later.
const MAX_DEPTH: usize = 50;

/// The value that Ansible's INI reader takes `text` for.
#[must_use]
pub fn value(text: &str) -> Value {
    literal(text).unwrap_or_else(|| Value::from(text))
}

/// `text` as a Python literal, or `None` when it is none.
fn literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']).chars().peekable() };
    let first = reader.element(0)?;
    let value = if reader.skip_char(',') {
        // A bare tuple: `1,2`.
        let mut items = vec![first];
        items.extend(reader.elements(None, 0)?);
        Value::Array(items)
    } else {
        first
    };
    reader.skip_blanks();
    matches!(reader.peek(), None | Some('#')).then_some(value)
}

/// The text with Python's escapes (`\n`, `\x41`) replaced by what they stand for; a broken
/// escape leaves the text as it is.
pub(super) fn unescape(text: &str) -> String {
    let mut reader = Reader { rest: text.chars().peekable() };
    let mut plain = String::new();
    while let Some(c) = reader.next() {
        if c != '\\' {
            plain.push(c);
        } else if reader.peek().is_none() || reader.escape(&mut plain).is_none() {
            return text.to_owned();
        }
    }
    plain
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    fn skip_blanks(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\u{c}')).is_some() {}
    }

    /// Skips blanks and then `c`, if it comes next.
    fn skip_char(&mut self, c: char) -> bool {
        self.skip_blanks();
        self.rest.next_if_eq(&c).is_some()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.next_if(|c| wanted(*c)) {
            taken.push(c);
        }
        taken
    }

    /// One literal of any kind.
    fn element(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_blanks();
        match self.peek()? {
            '[' => {
                self.next();
                self.elements(Some(']'), depth).map(Value::Array)
            }
            '(' => {
                self.next();
                self.parenthesis(depth)
            }
            '{' => {
                self.next();
                self.braces(depth)
            }
            sign @ ('+' | '-') => {
                self.next();
                self.skip_blanks();
                number(&self.number_text()?, sign == '-')
            }
            '"' | '\'' => self.strings("").map(Value::String),
            '0'..='9' | '.' => {
                let text = self.number_text()?;
                if text == "..." { Some(text.into()) } else { number(&text, false) }
            }
            _ => self.word(),
        }
    }

    /// Elements up to `close` (or the end of the text), with an optional comma at the end.
    fn elements(&mut self, close: Option<char>, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match close {
                Some(close) if self.skip_char(close) => return Some(items),
                None if matches!(self.peek(), None | Some('#')) => return Some(items),
                _ => items.push(self.element(depth + 1)?),
            }
            if !self.skip_char(',') {
                return match close {
                    Some(close) => self.skip_char(close).then_some(items),
                    None => Some(items),
                };
            }
        }
    }

    /// `(1)` is 1; `()`, `(1,)` and `(1, 2)` are tuples, which become lists.
    fn parenthesis(&mut self, depth: usize) -> Option<Value> {
        if self.skip_char(')') {
            return Some(Value::Array(Vec::new()));
        }
        let first = self.element(depth + 1)?;
        if self.skip_char(')') {
            return Some(first);
        }
        if !self.skip_char(',') {
            return None;
        }
        let mut items = vec![first];
        items.extend(self.elements(Some(')'), depth)?);
        Some(Value::Array(items))
    }

    /// A dict, or a set, which becomes a list.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        if self.skip_char('}') {
            return Some(Value::Object(Map::new()));
        }
        let first = self.element(depth + 1)?;
        if !self.skip_char(':') {
            let mut items = vec![first];
            if self.skip_char(',') {
                items.extend(self.elements(Some('}'), depth)?);
            } else if !self.skip_char('}') {
                return None;
            }
            return Some(Value::Array(items));
        }
        let mut map = Map::new();
        let mut key = first;
        loop {
            map.insert(key_text(key), self.element(depth + 1)?);
            let more = self.skip_char(',');
            if self.skip_char('}') {
                return Some(Value::Object(map));
            }
            if !more {
                return None;
            }
            key = self.element(depth + 1)?;
            if !self.skip_char(':') {
                return None;
            }
        }
    }

    /// `True`, `False`, `None`, or the prefix of a string.
    fn word(&mut self) -> Option<Value> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        match word.as_str() {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ if matches!(self.peek(), Some('"' | '\'')) => self.strings(&word).map(Value::String),
            _ => None,
        }
    }

    /// One or more strings side by side, which Python joins: `'it''s'`.
    fn strings(&mut self, prefix: &str) -> Option<String> {
        let mut text = self.string(prefix)?;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('"' | '\'') => text.push_str(&self.string("")?),
                _ => return Some(text),
            }
        }
    }

    fn string(&mut self, prefix: &str) -> Option<String> {
        let raw = match prefix.to_ascii_lowercase().as_str() {
            "" | "u" | "b" => false,
            "r" | "br" | "rb" => true,
            _ => return None,
        };
        let quote = self.next()?;
        let mut text = String::new();
        let triple = if self.rest.next_if_eq(&quote).is_some() {
            if self.rest.next_if_eq(&quote).is_none() {
                return Some(text);
            }
            true
        } else {
            false
        };
        loop {
            match self.next()? {
                '\\' if raw => text.extend(['\\', self.next()?]),
                '\\' => self.escape(&mut text)?,
                c if c == quote => {
                    if !triple {
                        return Some(text);
                    }
                    let seconds = self.take_quotes(quote);
                    if seconds == 2 {
                        return Some(text);
                    }
                    text.extend(std::iter::repeat_n(quote, seconds + 1));
                }
                c => text.push(c),
            }
        }
    }

    /// Takes up to two more quotes and says how many there were.
    fn take_quotes(&mut self, quote: char) -> usize {
        (0..2).take_while(|_| self.rest.next_if_eq(&quote).is_some()).count()
    }

    /// What follows a backslash. An unknown escape stays as it is written.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.next()?;
        let known = match c {
            '\\' | '\'' | '"' => c,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            '0'..='7' => {
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.next_if(|c| c.is_digit(8)) else { break };
                    code = code * 8 + digit.to_digit(8)?;
                }
                char::from_u32(code)?
            }
            // Names of characters need a table; such a value stays as it is written.
            'N' => return None,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(known);
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + self.next()?.to_digit(16)?;
        }
        char::from_u32(code)
    }

    /// The characters of a number, with the sign of its exponent.
    fn number_text(&mut self) -> Option<String> {
        let mut text = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let hex = text.starts_with("0x") || text.starts_with("0X");
        if !hex && text.ends_with(['e', 'E']) {
            text.extend(self.rest.next_if(|c| matches!(c, '+' | '-')));
            text.push_str(&self.take_while(|c| c.is_ascii_digit() || c == '_'));
        }
        (!text.is_empty()).then_some(text)
    }
}

/// A dict's key as JSON needs it.
fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A Python number. Numbers too large for 64 bits stay text.
fn number(text: &str, negative: bool) -> Option<Value> {
    let underscores_between_digits = !text.ends_with('_') && !text.contains("__");
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    let radix = match lower.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if !underscores_between_digits || text.starts_with('_') {
        return None;
    }
    if radix != 10 {
        return integer(u64::from_str_radix(lower.get(2..)?, radix).ok()?, negative);
    }
    if digits.chars().all(|c| c.is_ascii_digit()) {
        // Python refuses 0644 (but not 00), so that it is not taken for octal.
        let leading_zero = digits.starts_with('0') && digits.chars().any(|c| c != '0');
        return if leading_zero { None } else { integer(digits.parse().ok()?, negative) };
    }
    let shaped = digits.chars().all(|c| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    if !shaped {
        return None;
    }
    let float: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -float } else { float }).map(Value::Number)
}

fn integer(magnitude: u64, negative: bool) -> Option<Value> {
    if negative {
        0i64.checked_sub_unsigned(magnitude).map(Value::from)
    } else {
        Some(magnitude.into())
    }
}

#[cfg(test)]
mod tests;
