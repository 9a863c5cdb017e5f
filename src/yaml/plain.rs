//! What the parser takes for a boolean or a number, and Ansible for a text.

use serde_json::Value;

/// The words that are booleans in YAML 1.1 as Ansible reads it. `y` and `n` are none of them.
const BOOLEANS: [&str; 6] = ["yes", "no", "true", "false", "on", "off"];

/// `value`, or the text itself where it only looks like one. `rest` is the document from the value's first
/// character on.
pub(super) fn as_written(value: &Value, rest: &str) -> Option<Value> {
    let end = rest.find(|c: char| c.is_whitespace() || ",]}".contains(c));
    let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let is_text = match value {
        Value::Bool(_) => is_bare(word) && !is_boolean(word),
        // A whole number that 64 bits do not hold came as the nearest one that a float has.
        Value::Number(number) => number.is_f64() && is_whole(word),
        _ => false,
    };
    is_text.then(|| word.into())
}

/// Whether it is a word without quotes, a tag or an anchor before it.
fn is_bare(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic())
}

/// In small letters, in capitals, or with a capital before small letters.
fn is_boolean(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let after_first = word.get(1..).unwrap_or_default();
    let is_uniform = word == lower
        || word == word.to_ascii_uppercase()
        || after_first == after_first.to_ascii_lowercase();
    BOOLEANS.contains(&lower.as_str()) && is_uniform
}

fn is_whole(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_')
}
