//! The arguments of a module as they may be written: a map, `k=v k=v` in one text, or a command.

use serde_json::{Map, Value};

/// Stands for a template's number in a text while that is split: nobody writes this character.
const MARK: char = '\u{e000}';

/// The arguments of `module` that are written as `value`.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn parse(value: Value, module: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        Value::String(line) if matches!(module, "command" | "shell") => {
            Ok(Map::from_iter([("_raw_params".to_owned(), Value::String(line))]))
        }
        Value::String(line) => key_values(&line),
        Value::Null => Ok(Map::new()),
        _ => Err("arguments must be a map".to_owned()),
    }
}

/// `src=a dest="b c"`. A template is part of one word, whatever blanks and quotes are in it.
fn key_values(line: &str) -> Result<Map<String, Value>, String> {
    let (line, templates) = hide_templates(line);
    let words = shlex::split(&line).ok_or("a quote is not closed")?;
    words
        .iter()
        .map(|word| {
            let word = show_templates(word, &templates);
            let (key, value) = word
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or(format!("`{word}` is not key=value"))?;
            Ok((key.to_owned(), Value::String(value.to_owned())))
        })
        .collect()
}

/// The text with numbered marks in the place of each `{{ ... }}`, and those in order.
fn hide_templates(line: &str) -> (String, Vec<&str>) {
    let mut hidden = String::new();
    let mut templates = Vec::new();
    let mut rest = line;
    while let Some((before, tail)) = rest.split_once("{{") {
        let Some((inside, after)) = tail.split_once("}}") else { break };
        hidden.push_str(before);
        hidden.push_str(&mark(templates.len()));
        templates.push(inside);
        rest = after;
    }
    (hidden + rest, templates)
}

/// A word with its templates in place of their marks.
fn show_templates(word: &str, templates: &[&str]) -> String {
    templates.iter().enumerate().fold(word.to_owned(), |word, (number, template)| {
        word.replace(&mark(number), &format!("{{{{{template}}}}}"))
    })
}

fn mark(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}
