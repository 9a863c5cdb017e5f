//! Variables from the command line: `-e k=v`, `-e '{"k": 1}'`, `-e @file`.

use std::path::Path;

use serde_json::{Map, Value};

use super::literal::unescape;
use super::vars_files::read_vars;
use crate::problem::Problem;
use crate::yaml;

/// The variables of all `-e` options; a later one wins. In `k=v` every value is a string.
///
/// # Errors
/// A [`Problem`] that names the option, or the file and place in it.
pub fn parse<S: AsRef<str>>(
    options: impl IntoIterator<Item = S>,
) -> Result<Map<String, Value>, Problem> {
    let mut vars = Map::new();
    for option in options {
        vars.extend(one(option.as_ref())?);
    }
    Ok(vars)
}

fn one(option: &str) -> Result<Map<String, Value>, Problem> {
    if let Some(file) = option.strip_prefix('@') {
        return read_vars(Path::new(file)).map_err(|problem| match problem.place() {
            Some(_) => problem,
            None => problem.of(&format!("-e {option}")),
        });
    }
    if option.starts_with(['{', '[']) {
        return match yaml::parse("-e", option)?.into_value() {
            Value::Object(vars) => Ok(vars),
            _ => Err(problem(option, "must be an object: {\"key\": value}")),
        };
    }
    if option.starts_with(['/', '.']) {
        let hint = format!("to read a file, write -e @{option}");
        return Err(problem(option, "is not key=value").hint(hint));
    }
    let mut vars = Map::new();
    for word in split(option).ok_or_else(|| problem(option, "has an open quote or {{"))? {
        let word = unescape(&word);
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(problem(&word, "is not key=value")
                .hint("also possible are -e '{\"key\": value}' and -e @FILE"));
        };
        vars.insert(key.to_owned(), unquote(value).into());
    }
    Ok(vars)
}

fn problem(option: &str, what: &str) -> Problem {
    // The value may be a password; the key says enough.
    let shown = option.split_once('=').map_or(option, |(key, _)| key);
    Problem::new(format!("-e {shown} {what}"))
}

/// The text without the quotes around the whole of it.
fn unquote(text: &str) -> &str {
    let inside = |quote: char| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.ends_with('\\')).then_some(inside)
    };
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// Splits at spaces outside of quotes and of template brackets; `None` when one stays open.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut depth = 0_usize;
    let mut before = ' ';
    for c in text.chars() {
        if quote.is_none() && depth == 0 && c.is_whitespace() {
            words.push(std::mem::take(&mut word));
            before = ' ';
            continue;
        }
        match (c, quote) {
            ('"' | '\'', None) if before != '\\' => quote = Some(c),
            (c, Some(open)) if c == open && before != '\\' => quote = None,
            ('{' | '%' | '#', None) if before == '{' => depth += 1,
            ('}', None) if matches!(before, '}' | '%' | '#') => depth = depth.saturating_sub(1),
            _ => {}
        }
        word.push(c);
        before = c;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    (quote.is_none() && depth == 0).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_options_as_ansible_does() {
        for (option, expected) in [
            ("a=1 b=\"x y\"", json!({"a": "1", "b": "x y"})),
            ("a={{ b c }} d=2", json!({"a": "{{ b c }}", "d": "2"})),
            ("a=\"x\\\"y\"", json!({"a": "x\"y"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a='x'", json!({"a": "x"})),
            ("a=x\"y z\"", json!({"a": "x\"y z\""})),
            ("a=x\\ty", json!({"a": "x\ty"})),
            ("a=", json!({"a": ""})),
            ("{\"a\": 1, \"b\": [true]}", json!({"a": 1, "b": [true]})),
            ("{a: yes}", json!({"a": true})),
        ] {
            assert_eq!(Value::Object(parse([option]).unwrap()), expected, "{option}");
        }
    }

    #[test]
    fn later_options_win() {
        let vars = parse(["a=1 b=1", "{\"b\": 2}"]).unwrap();
        assert_eq!(Value::Object(vars), json!({"a": "1", "b": 2}));
    }

    #[test]
    fn reads_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vars.yml");
        std::fs::write(&file, "a: 1\nb: {c: no}\n").unwrap();
        let vars = parse([format!("@{}", file.display())]).unwrap();
        assert_eq!(Value::Object(vars), json!({"a": 1, "b": {"c": false}}));
    }

    #[test]
    fn names_the_bad_option() {
        for (option, expected) in [
            (
                "a",
                "-e a is not key=value\nhint: also possible are -e '{\"key\": value}' and -e @FILE",
            ),
            ("a=\"b", "-e a has an open quote or {{"),
            ("./x.yml", "-e ./x.yml is not key=value\nhint: to read a file, write -e @./x.yml"),
            ("[1]", "-e [1] must be an object: {\"key\": value}"),
            ("{a: [}", "-e:1:5: "),
            (
                "@/nonexistent",
                "-e @/nonexistent: /nonexistent cannot be read: No such file or directory (os error 2)",
            ),
        ] {
            let problem = parse([option]).unwrap_err().to_string();
            assert!(problem.starts_with(expected), "{option}: {problem}");
        }
    }
}
