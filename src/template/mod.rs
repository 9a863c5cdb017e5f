//! Tera, set up strict: an undefined variable is an error with its place, never an empty string.
//!
//! Nothing here knows what is rendered. Roles, tasks and variables hand over texts and a
//! [`Scope`] of variables; what comes back is text, a value or a truth.

mod explain;
mod fields;
mod foreign;
mod jinja;
mod scope;
mod shared;

pub use scope::{Layer, Scope, Vars};
pub use shared::Shared;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use serde_json::Value;
use tera::{Context, Kwargs, State, Tera};

use crate::problem::{Place, Problem};
use crate::yaml::is_vaulted;
use explain::{explain, place_at, undefined};
use fields::Field;

/// A compiled text and the names of the variables that it needs.
#[derive(Debug)]
struct Compiled {
    tera: Tera,
    name: String,
    needs: Vec<String>,
    fields: Vec<Field>,
    origin: Place,
    source: String,
}

/// Compiles each template and expression once and renders it for any number of hosts.
#[derive(Debug, Default)]
pub struct Engine {
    compiled: Mutex<HashMap<String, Arc<Compiled>>>,
}

/// Texts with these marks are templates; all others are taken as they are.
const MARKS: [&str; 3] = ["{{", "{%", "{#"];

/// True when `text` has something to render.
#[must_use]
pub fn is_template(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// A template that gives `text`, whatever stands in it.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut template = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, mark)) =
        MARKS.iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min()
    {
        let (before, after) = rest.split_at(start);
        template += &format!("{before}{{{{ '{mark}' }}}}");
        rest = after.strip_prefix(mark).unwrap_or_default();
    }
    template + rest
}

impl Engine {
    /// Renders the template file `file` whose text is `source`.
    ///
    /// # Errors
    /// A syntax error, an undefined variable or a failing filter, with file, line and column.
    pub fn render_file(&self, file: &str, source: &str, scope: &Scope) -> Result<String, Problem> {
        let origin = Place { file: file.to_owned(), line: 1, column: 1, text: String::new() };
        let compiled = self.compile(source, source, &origin, true)?;
        self.run(&compiled, scope, &mut Vec::new())
    }

    /// The value of `text`: itself when it holds no expression, the native value (list, number,
    /// ...) when it is one expression alone, else the rendered string. As Ansible does it.
    ///
    /// # Errors
    /// As [`Engine::render_file`], placed at `origin`.
    pub fn value(&self, text: &str, origin: &Place, scope: &Scope) -> Result<Value, Problem> {
        self.value_within(text, origin, scope, &mut Vec::new())
    }

    /// Every string inside `value` rendered by [`Engine::value`].
    ///
    /// # Errors
    /// As [`Engine::render_file`], placed at `origin`.
    pub fn values(&self, value: &Value, origin: &Place, scope: &Scope) -> Result<Value, Problem> {
        self.values_within(value, origin, scope, &mut Vec::new())
    }

    /// The value of the variable `name`, rendered by [`Engine::value`]; nothing where nobody sets it.
    #[must_use]
    pub fn variable(
        &self,
        name: &str,
        origin: &Place,
        scope: &Scope,
    ) -> Option<Result<Value, Problem>> {
        let (layer, value) = scope.find(name)?;
        Some(match layer.is_literal() {
            true => Ok(value.clone()),
            false => self.resolve(name, value, origin, scope, &mut Vec::new()),
        })
    }

    /// Whether the condition `expression` (as in `when:`) holds.
    ///
    /// # Errors
    /// As [`Engine::render_file`], placed at `origin`.
    pub fn holds(&self, expression: &str, origin: &Place, scope: &Scope) -> Result<bool, Problem> {
        let bare = bare_expression(expression.trim()).unwrap_or(expression);
        let text = format!("{{% if {bare} %}}true{{% endif %}}");
        let compiled = self.compile(&text, bare, origin, false)?;
        Ok(self.run(&compiled, scope, &mut Vec::new())? == "true")
    }

    fn values_within(
        &self,
        value: &Value,
        origin: &Place,
        scope: &Scope,
        open: &mut Vec<String>,
    ) -> Result<Value, Problem> {
        Ok(match value {
            Value::String(text) => self.value_within(text, origin, scope, open)?,
            Value::Array(items) => items
                .iter()
                .map(|item| self.values_within(item, origin, scope, open))
                .collect::<Result<_, _>>()?,
            Value::Object(map) => map
                .iter()
                .map(|(k, v)| Ok((k.clone(), self.values_within(v, origin, scope, open)?)))
                .collect::<Result<_, Problem>>()?,
            plain => plain.clone(),
        })
    }

    fn value_within(
        &self,
        text: &str,
        origin: &Place,
        scope: &Scope,
        open: &mut Vec<String>,
    ) -> Result<Value, Problem> {
        if is_vaulted(text) {
            let what = open.last().map_or("this value".to_owned(), |name| format!("`{name}`"));
            return Err(Problem::new(format!("{what} is encrypted with ansible-vault"))
                .at(origin.clone())
                .hint("ezsync does not decrypt: give the plain value, with -e @FILE say"));
        }
        if !is_template(text) {
            return Ok(Value::String(text.to_owned()));
        }
        let Some(expression) = bare_expression(text) else {
            let compiled = self.compile(text, text, origin, false)?;
            return self.run(&compiled, scope, open).map(Value::String);
        };
        // One expression alone keeps its type: it travels through the renderer as JSON.
        let json = format!("{{{{ ({expression}) | as_json }}}}");
        let compiled = self.compile(&json, text, origin, false)?;
        let rendered = self.run(&compiled, scope, open)?;
        serde_json::from_str(&rendered)
            .map_err(|e| Problem::new(format!("{text}: {e}")).at(origin.clone()))
    }

    /// Compiles `text`, once for each text and place. `source` is what the user wrote.
    fn compile(
        &self,
        text: &str,
        source: &str,
        origin: &Place,
        whole_file: bool,
    ) -> Result<Arc<Compiled>, Problem> {
        let key = format!("{}:{}:{}\n{text}", origin.file, origin.line, origin.column);
        let mut known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return Ok(found.clone());
        }
        // Tera escapes HTML in templates by the end of their name: ours have none of those.
        let name = "text".to_owned();
        // Templates in files are Tera's; texts in YAML and INI are Ansible's too.
        let text = if whole_file { text } else { &jinja::named_arguments(text) };
        let mut tera = Tera::default();
        tera.register_filter("as_json", as_json);
        tera.register_filter("bool", as_truth);
        tera.add_raw_template(&name, text).map_err(|e| explain(&e, origin, source, whole_file))?;
        let mut needs: Vec<String> = tera
            .get_template_variables(&name)
            .map_err(|e| explain(&e, origin, source, whole_file))?
            .into_iter()
            .map(ToOwned::to_owned)
            .collect();
        needs.sort();
        let origin = if whole_file { Place { line: 0, ..origin.clone() } } else { origin.clone() };
        let fields = fields::find(text);
        let source = source.to_owned();
        let compiled = Arc::new(Compiled { tera, name, needs, fields, origin, source });
        known.insert(key, compiled.clone());
        Ok(compiled)
    }

    /// Renders with just the variables that are needed, each resolved first. `open` holds the
    /// names that are being resolved, so that a circle is seen.
    fn run(
        &self,
        compiled: &Compiled,
        scope: &Scope,
        open: &mut Vec<String>,
    ) -> Result<String, Problem> {
        let mut context = Context::new();
        for name in &compiled.needs {
            match scope.find(name) {
                Some((layer, value)) => match layer.ready(name, value) {
                    Some(ready) => {
                        compiled.check_fields(name, value)?;
                        context.insert_value(name.clone(), ready);
                    }
                    None => {
                        let value = self.resolve(name, value, &compiled.origin, scope, open)?;
                        compiled.check_fields(name, &value)?;
                        context.insert(name.clone(), &value);
                    }
                },
                None if may_be_undefined(name, &compiled.source) => {}
                None => return Err(undefined(name, compiled, scope)),
            }
        }
        compiled
            .tera
            .render(&compiled.name, &context)
            .map_err(|e| explain(&e, &compiled.origin, &compiled.source, compiled.origin.line == 0))
    }

    /// The value of a variable whose own text may refer to other variables.
    fn resolve(
        &self,
        name: &str,
        value: &Value,
        origin: &Place,
        scope: &Scope,
        open: &mut Vec<String>,
    ) -> Result<Value, Problem> {
        if open.iter().any(|other| other == name) {
            let circle = open.join(" -> ");
            return Err(Problem::new(format!(
                "the variable `{name}` refers to itself: {circle} -> {name}"
            ))
            .at(origin.clone()));
        }
        open.push(name.to_owned());
        let resolved = self.values_within(value, origin, scope, open);
        open.pop();
        resolved
    }
}

impl Compiled {
    /// Refuses fields of the variable `name` that its `value` does not have.
    fn check_fields(&self, name: &str, value: &Value) -> Result<(), Problem> {
        // A loop or `set` may give the name another meaning inside of the template.
        let again = [format!("for {name} in"), format!("set {name} ")];
        if again.iter().any(|words| self.source.contains(words)) {
            return Ok(());
        }
        let mut fields = self.fields.iter().filter(|field| field.name == name);
        match fields.find_map(|field| fields::missing(field, value)) {
            Some((offset, problem)) => Err(problem.at(place_at(self, offset))),
            None => Ok(()),
        }
    }
}

/// Ansible's filter `bool`: variables given with `-e k=v` are texts.
fn as_truth(value: &tera::Value, _: Kwargs, _: &State) -> tera::TeraResult<bool> {
    let text = value.to_string().to_ascii_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        _ => Err(tera::Error::message(format!("{text} is neither true nor false"))),
    }
}

/// The filter behind native values: a value as JSON text.
fn as_json(value: &tera::Value, _: Kwargs, _: &State) -> tera::TeraResult<String> {
    if value.is_undefined() {
        return Err(tera::Error::message("the value is not defined"));
    }
    serde_json::to_string(value).map_err(tera::Error::message)
}

/// `EXPR` when `text` is exactly `{{ EXPR }}`. With anything around it, a line end say, it is
/// a text.
fn bare_expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    let alone = !["{{", "}}", "{%"].iter().any(|mark| inner.contains(mark));
    alone.then_some(inner.trim())
}

/// Templates may ask whether a variable exists, or give a default for it.
fn may_be_undefined(name: &str, source: &str) -> bool {
    let name = regex::escape(name);
    Regex::new(&format!(
        r"(^|[^\w.]){name}\s+is\s+(not\s+)?(un)?defined\b|(^|[^\w.]){name}\s*\|\s*d(efault)?\("
    ))
    .is_ok_and(|asked| asked.is_match(source))
}

#[cfg(test)]
mod tests;
