//! Reading YAML (and JSON, its subset) the way Ansible users write it.
//!
//! One set of rules for inventories, variable files, roles and config.yml: `yes` and `no` are
//! booleans, `y` and `n` are not, `0644` is octal, `<<` merges, a key that stands twice is a mistake.

mod plain;

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_yaml::options::{NonFiniteFloatPolicy, Options};
use serde_yaml::{Error, Spanned, budget, options, ser_options};

use crate::problem::{Place, Problem};

/// Reads `text`, the content of `file`, as one YAML document.
///
/// # Errors
/// A [`Problem`] with file, line and column for broken YAML.
pub fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut node: Node = serde_yaml::from_str_with_options(text, rules())
        .map_err(|error| problem(file, text, &error))?;
    node.keep_texts(text);
    Ok(node)
}

/// Reads `text`, the content of `file`, as any number of YAML documents.
///
/// # Errors
/// As [`parse`].
pub fn parse_all(file: &str, text: &str) -> Result<Vec<Node>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut nodes: Vec<Node> = serde_yaml::from_multiple_with_options(text, rules())
        .map_err(|error| problem(file, text, &error))?;
    nodes.iter_mut().for_each(|node| node.keep_texts(text));
    Ok(nodes)
}

/// Reads `text`, the content of `file`, as variables by name. Nothing means none.
///
/// # Errors
/// As [`parse`], and for what is no mapping.
pub fn variables(file: &str, text: &str) -> Result<Vec<(Key, Node)>, Problem> {
    let node = parse(file, text)?;
    let is = node.kind_name();
    match node.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::Scalar(Value::Null) => Ok(Vec::new()),
        _ => Err(Problem::new(format!("expected variables (key: value), found {is}"))
            .at(Place::in_source(file, text, node.line, node.column))),
    }
}

/// `value` as a YAML document. Texts of one line stay on one, however long they are: a URL is no prose.
///
/// # Errors
/// YAML has no way to say it.
pub fn write(value: &impl Serialize) -> Result<String, Problem> {
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_yaml::to_string_with_options(value, options)
        .map_err(|error| Problem::new(format!("cannot be written as YAML: {error}")))
}

/// Whether a file or a value (`!vault`) is encrypted with ansible-vault: both begin alike.
#[must_use]
pub fn is_vaulted(text: &str) -> bool {
    text.starts_with("$ANSIBLE_VAULT;")
}

/// How YAML is read here. The budgets only guard against runaway input: an inventory of
/// 100,000 hosts with a handful of variables each stays far below them.
fn rules() -> Options {
    options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        // JSON has no infinity; as text it can still be shown and compared.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: budget! {
            max_nodes: 20_000_000,
            max_events: 60_000_000,
            max_aliases: 1_000_000,
            enforce_alias_anchor_ratio: false,
        },
    }
}

/// Turns the parser's error into a problem that shows the line.
fn problem(file: &str, text: &str, error: &Error) -> Problem {
    let shown = match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key} stands twice in one mapping")
        }
        Error::MultipleDocuments { .. } => "a second document (---) starts here".to_owned(),
        other => match other.to_string() {
            budget if budget.starts_with("budget breached") => {
                "this is too large or too deep, or repeats too much by aliases (*name)".to_owned()
            }
            message => message,
        },
    };
    let shown = match shown.starts_with("cannot deserialize null into string") {
        true => "a name is missing: `~`, `null` or nothing stands where a key must".to_owned(),
        false => shown,
    };
    let (line, column) =
        error.location().map_or((0, 0), |at| (number(at.line()), number(at.column())));
    // The place is shown in front of the message, so it need not be repeated behind it.
    let message = shown.split(" at line ").next().unwrap_or(&shown);
    let about_tab = message.contains(" tab") || message.starts_with("tab");
    if let Some((line, column)) = about_tab.then(|| indenting_tab(text, line)).flatten() {
        return Problem::new("a tab stands in the indentation")
            .at(Place::in_source(file, text, line, column))
            .hint("YAML is indented with spaces, never with tabs");
    }
    let place = Place::in_source(file, text, line, column);
    let unquoted_template = [": {{", "- {{", ": {%"].iter().any(|lead| place.text.contains(lead));
    let problem = Problem::new(message).at(place);
    if unquoted_template {
        problem.hint("put quotes around a value that starts with {{ or {%")
    } else {
        problem
    }
}

/// Line and column of the first tab in an indentation from `line` on: the parser may name the
/// value before it.
fn indenting_tab(text: &str, line: usize) -> Option<(usize, usize)> {
    let lines = (1..).zip(text.lines()).skip(line.saturating_sub(1));
    lines.into_iter().find_map(|(number, line)| {
        let indent = line.chars().take_while(|c| c.is_whitespace());
        let column = (1..).zip(indent).find(|(_, c)| *c == '\t')?.0;
        Some((number, column))
    })
}

fn number(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A YAML value that remembers where each of its parts stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What stands there.
    pub kind: Kind,
    /// Line of its first character, from 1.
    pub line: usize,
    /// Column of its first character, from 1.
    pub column: usize,
    /// Where its first character stands in the document, in bytes, when that is known.
    start: Option<usize>,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A string, number, boolean or null.
    Scalar(Value),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key as a string, whatever it looks like.
    pub name: String,
    /// Line of its first character, from 1.
    pub line: usize,
    /// Column of its first character, from 1.
    pub column: usize,
}

impl Node {
    /// A place where nothing is written.
    #[must_use]
    pub fn nothing(line: usize, column: usize) -> Self {
        Self { kind: Kind::Scalar(Value::Null), line, column, start: None }
    }

    /// Makes texts again of what only the parser takes for something else.
    fn keep_texts(&mut self, document: &str) {
        match &mut self.kind {
            Kind::Scalar(value) => {
                let rest = self.start.and_then(|start| document.get(start..));
                if let Some(text) = rest.and_then(|rest| plain::as_written(value, rest)) {
                    *value = text;
                }
            }
            Kind::List(items) => items.iter_mut().for_each(|item| item.keep_texts(document)),
            Kind::Map(entries) => {
                entries.iter_mut().for_each(|(_, node)| node.keep_texts(document));
            }
        }
    }

    /// The value without its places.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self.kind {
            Kind::Scalar(value) => value,
            Kind::List(items) => items.into_iter().map(Self::into_value).collect(),
            Kind::Map(entries) => {
                let entries = entries.into_iter().map(|(key, node)| (key.name, node.into_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Whether nothing is written here (`~`, `null`, or an empty value).
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// The word for this kind of value in messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(Value::Null) => "nothing",
            Kind::Scalar(Value::Bool(_)) => "a boolean",
            Kind::Scalar(Value::Number(_)) => "a number",
            Kind::Scalar(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<Kind>::deserialize(deserializer)?;
        let start = defined.span().byte_offset().map(number);
        let (line, column) = (number(defined.line()), number(defined.column()));
        Ok(Self { kind: value, line, column, start })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { name: value, line: number(defined.line()), column: number(defined.column()) })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Kind::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Kind::Map(map))
    }
}

#[cfg(test)]
mod tests;
