//! A value in a YAML file, with its name and its place: nothing that is wrong there goes unsaid.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::problem::{Place, Problem};
use crate::yaml::{Key, Kind, Node};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    file: &'a str,
    text: &'a str,
    /// Its name with those of all that it is in: `openshift.pools.infra`.
    pub name: String,
    pub node: &'a Node,
    /// The line and the column of its key, or of the value itself.
    at: (usize, usize),
}

impl<'a> Entry<'a> {
    /// The whole of `text`, which is what `file` holds.
    pub fn whole(file: &'a str, text: &'a str, node: &'a Node) -> Self {
        Self { file, text, name: String::new(), node, at: (node.line, node.column) }
    }

    /// What is called `name` there.
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    pub fn place(&self) -> Place {
        Place::in_source(self.file, self.text, self.at.0, self.at.1)
    }

    pub fn problem(&self, message: &str) -> Problem {
        let message = match self.name.as_str() {
            "" => message.to_owned(),
            name => format!("{}: {message}", name.escape_debug()),
        };
        Problem::new(message).at(self.place())
    }

    /// Nothing is written here.
    pub fn is_null(&self) -> bool {
        self.node.is_null()
    }

    fn child(&self, key: &Key, node: &'a Node) -> Self {
        let dot = if self.name.is_empty() { "" } else { "." };
        let name = format!("{}{dot}{}", self.name, key.name);
        Self { name, node, at: (key.line, key.column), ..self.clone() }
    }

    /// The fields of a mapping by their names; those without a value are left out.
    pub fn fields(&self) -> Result<Vec<(&'a str, Self)>, Problem> {
        let mut fields = self.all_fields()?;
        fields.retain(|(_, entry)| !entry.is_null());
        Ok(fields)
    }

    /// The fields of a mapping by their names.
    pub fn all_fields(&self) -> Result<Vec<(&'a str, Self)>, Problem> {
        match &self.node.kind {
            Kind::Map(entries) => Ok(entries
                .iter()
                .map(|(key, node)| (key.name.as_str(), self.child(key, node)))
                .collect()),
            _ if self.is_null() => Ok(Vec::new()),
            _ => Err(self.problem(&format!("must be a mapping, not {}", self.node.kind_name()))),
        }
    }

    /// The fields of a mapping that may have no others than `known`.
    pub fn known_fields(&self, known: &[&str]) -> Result<Fields<'a>, Problem> {
        let mut fields = self.all_fields()?;
        match fields.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, entry)) => {
                Err(entry.problem("there is no such setting").meant(name, known, "there are"))
            }
            None => {
                fields.retain(|(_, entry)| !entry.is_null());
                Ok(Fields { of: self.clone(), fields })
            }
        }
    }

    /// The field `name` of a mapping, when it has a value.
    pub fn get(&self, name: &str) -> Result<Option<Self>, Problem> {
        Ok(self.fields()?.into_iter().find(|(known, _)| *known == name).map(|(_, entry)| entry))
    }

    /// The items of a list.
    pub fn items(&self) -> Result<Vec<Self>, Problem> {
        match &self.node.kind {
            Kind::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(number, node)| {
                    let name = format!("{}[{number}]", self.name);
                    Self { name, node, at: (node.line, node.column), ..self.clone() }
                })
                .collect()),
            _ if self.is_null() => Ok(Vec::new()),
            _ => Err(self.problem(&format!("must be a list, not {}", self.node.kind_name()))),
        }
    }

    pub fn text(&self) -> Result<&'a str, Problem> {
        match &self.node.kind {
            Kind::Scalar(Value::String(text)) => Ok(text),
            _ => Err(self.problem(&format!("must be a text, not {}", self.node.kind_name()))),
        }
    }

    /// A text that something is called by: not empty, and nothing in it that is not seen.
    pub fn word(&self) -> Result<&'a str, Problem> {
        let text = self.text()?;
        if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let shown = text.escape_debug();
            return Err(self.problem(&format!("must be one word without blanks, not `{shown}`")));
        }
        Ok(text)
    }

    pub fn truth(&self) -> Result<bool, Problem> {
        match &self.node.kind {
            Kind::Scalar(Value::Bool(truth)) => Ok(*truth),
            _ => Err(self.problem("must be true or false")),
        }
    }

    pub fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, Problem> {
        let number = match &self.node.kind {
            Kind::Scalar(Value::Number(number)) => number.as_i64(),
            _ => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let (least, most) = range.into_inner();
            self.problem(&format!("must be a whole number within {least} to {most}"))
        })
    }

    /// Whether nothing is said here: no value, or only values that say nothing themselves.
    pub fn says_nothing(&self) -> bool {
        says_nothing(self.node)
    }
}

fn says_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(Value::Null | Value::Bool(false)) => true,
        Kind::Scalar(Value::String(text)) => text.is_empty(),
        Kind::Scalar(_) => false,
        Kind::List(items) => items.iter().all(says_nothing),
        Kind::Map(entries) => entries.iter().all(|(_, node)| says_nothing(node)),
    }
}

/// The fields of a mapping, all known.
pub(super) struct Fields<'a> {
    of: Entry<'a>,
    fields: Vec<(&'a str, Entry<'a>)>,
}

impl<'a> Fields<'a> {
    pub fn get(&self, name: &str) -> Option<&Entry<'a>> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, entry)| entry)
    }

    /// A field that must be there.
    pub fn required(&self, name: &str) -> Result<&Entry<'a>, Problem> {
        self.get(name).ok_or_else(|| self.of.problem(&format!("`{name}` is missing")))
    }
}
