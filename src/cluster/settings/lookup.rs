//! Finds settings, says where they stand, and reads them as what they should be.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::length;
use crate::problem::{Place, Problem};
use crate::template::{Engine, Scope};

/// What of a setting is meant: all of it, an item of its list, a field of a mapping in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::cluster) struct Part<'a> {
    pub item: Option<usize>,
    pub field: Option<&'a str>,
}

/// Where a setting stands, or a part of it.
type PlaceOf<'a> = Box<dyn Fn(&str, Part<'_>) -> Option<Place> + 'a>;

/// Finds settings and the places where they stand.
pub(in crate::cluster) struct Lookup<'a> {
    pub engine: &'a Engine,
    pub scope: Scope,
    pub place: PlaceOf<'a>,
}

impl<'a> Lookup<'a> {
    /// The setting `name`, all templates in it resolved; none when it has no value.
    pub fn entry(&'a self, name: &'a str) -> Result<Option<Entry<'a>>, Problem> {
        let here = Place { file: name.to_owned(), line: 0, column: 0, text: String::new() };
        let place = (self.place)(name, Part::default()).unwrap_or(here);
        let Some(value) = self.engine.variable(name, &place, &self.scope) else { return Ok(None) };
        let value = value?;
        let entry = Entry { lookup: self, setting: name, item: None, field: None, value };
        Ok(Some(entry).filter(|entry| !entry.value.is_null()))
    }

    /// A problem with the setting `name`.
    pub fn problem(&self, name: &str, message: &str) -> Problem {
        Problem::new(format!("{name}: {message}")).at((self.place)(name, Part::default()))
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        self.entry(name)?.map(|entry| entry.number()).transpose()
    }

    pub fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.entry(name)?.map(|entry| entry.truth()).transpose()
    }

    /// The items of a list of texts; a single text is a list of one.
    pub fn texts(&'a self, name: &'a str) -> Result<Option<Vec<Entry<'a>>>, Problem> {
        let Some(entry) = self.entry(name)? else { return Ok(None) };
        let items = entry.items();
        if items.iter().all(|item| item.value.is_string()) {
            return Ok(Some(items));
        }
        Err(entry.problem("must be a list of texts"))
    }
}

/// A setting's value, or one item or field of it.
#[derive(Clone)]
pub(in crate::cluster) struct Entry<'a> {
    lookup: &'a Lookup<'a>,
    setting: &'a str,
    item: Option<usize>,
    field: Option<String>,
    pub value: Value,
}

impl<'a> Entry<'a> {
    /// A problem with this value.
    pub fn problem(&self, message: &str) -> Problem {
        let part = Part { item: self.item, field: self.field.as_deref() };
        let field = self.field.as_ref().map(|field| format!("{}: ", field.escape_debug()));
        let message = format!("{}: {}{message}", self.setting, field.unwrap_or_default());
        Problem::new(message).at((self.lookup.place)(self.setting, part))
    }

    /// A problem with a value that nobody may see: the line is not shown.
    pub fn secret_problem(&self, message: &str) -> Problem {
        self.problem(message).without_text()
    }

    /// The items of a list; a single value is a list of one.
    pub fn items(&self) -> Vec<Self> {
        let item = |(number, value): (usize, &Value)| Self {
            item: Some(number),
            value: value.clone(),
            ..self.clone()
        };
        match &self.value {
            Value::Array(items) => items.iter().enumerate().map(item).collect(),
            _ => vec![self.clone()],
        }
    }

    /// The fields of a mapping by name; none when it is no mapping.
    pub fn fields(&self) -> Option<Vec<(&str, Self)>> {
        let field = |(name, value): (&'_ String, &Value)| Self {
            field: Some(name.clone()),
            value: value.clone(),
            ..self.clone()
        };
        let map = self.value.as_object()?;
        Some(map.iter().map(|entry| (entry.0.as_str(), field(entry))).collect())
    }

    pub fn text(&self) -> Result<&str, Problem> {
        self.value.as_str().ok_or_else(|| self.problem("must be a text"))
    }

    pub fn number(&self) -> Result<f64, Problem> {
        let number = match &self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.problem(&format!("{} is not a number", self.value)))
    }

    /// A length of time in seconds, more than 0: a number, or a text as `--max-offset` takes it.
    pub fn length(&self) -> Result<f64, Problem> {
        let length = match &self.value {
            Value::Number(number) => length::positive(number.as_f64().unwrap_or_default()),
            Value::String(text) => length::parse(text.trim()),
            other => length::parse(&other.to_string()),
        };
        length.map_err(|why| self.problem(&format!("{}: {why}", self.value)))
    }

    /// A whole number within `range`.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, Problem> {
        let integer = match &self.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        integer.filter(|integer| range.contains(integer)).ok_or_else(|| {
            let (least, most) = range.into_inner();
            self.problem(&format!("{} is not a whole number within {least} to {most}", self.value))
        })
    }

    /// A truth; `-e name=yes` gives it as text.
    pub fn truth(&self) -> Result<bool, Problem> {
        let text = match &self.value {
            Value::Bool(truth) => return Ok(*truth),
            Value::String(text) => text.to_ascii_lowercase(),
            other => other.to_string(),
        };
        match text.as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(self.problem(&format!("{} is neither true nor false", self.value))),
        }
    }
}
