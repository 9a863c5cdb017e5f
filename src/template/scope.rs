//! Variables in layers, as Ansible's precedence has them.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::zeroize::Zeroize;
use serde_json::{Map, Value};

use super::is_template;
use crate::yaml::is_vaulted;

/// Variables by name. Values may hold templates: they are resolved when they are used.
pub type Vars = Map<String, Value>;

/// One set of variables, shared by all scopes that hold it.
#[derive(Default)]
pub struct Layer {
    vars: Vars,
    literal: bool,
    /// Values without templates in them, as the renderer takes them: made once for all hosts.
    ready: Mutex<HashMap<String, tera::Value>>,
}

impl Layer {
    /// Variables that a user wrote: templates in them are resolved.
    #[must_use]
    pub fn written(vars: Vars) -> Arc<Self> {
        Arc::new(Self { vars, literal: false, ready: Mutex::default() })
    }

    /// Variables that are not the user's words: what a host says of itself, above all. Nothing in
    /// them is a template, or a host could read every other variable of the run.
    #[must_use]
    pub fn literal(vars: Vars) -> Arc<Self> {
        Arc::new(Self { vars, literal: true, ready: Mutex::default() })
    }

    /// The value of `name` as the renderer takes it. None when it has to be resolved first.
    pub(super) fn ready(&self, name: &str, value: &Value) -> Option<tera::Value> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = ready.get(name) {
            return Some(known.clone());
        }
        if !self.literal && is_unresolved(value) {
            return None;
        }
        let made = tera::Value::from_serializable(value);
        ready.insert(name.to_owned(), made.clone());
        Some(made)
    }
}

/// Among the values there may be passwords and keys.
impl Drop for Layer {
    fn drop(&mut self) {
        self.vars.values_mut().for_each(wipe);
    }
}

/// Overwrites the texts in a value.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}

/// The names alone: among the values there may be passwords and keys.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl Deref for Layer {
    type Target = Vars;

    fn deref(&self) -> &Vars {
        &self.vars
    }
}

/// Whether there is a template in a value to render, or a vault that nobody can open.
fn is_unresolved(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text) || is_vaulted(text),
        Value::Array(items) => items.iter().any(is_unresolved),
        Value::Object(map) => map.values().any(is_unresolved),
        _ => false,
    }
}

/// Layers of variables; a later layer wins. Layers are shared, not copied.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    layers: Vec<Arc<Layer>>,
}

impl Scope {
    /// The same scope with `layer` above all others.
    #[must_use]
    pub fn with(&self, layer: &Arc<Layer>) -> Self {
        let mut layers = self.layers.clone();
        layers.push(layer.clone());
        Self { layers }
    }

    /// The value of `name` as it was written, from the highest layer that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).map(|(_, value)| value)
    }

    /// The highest layer that has `name`, and the value there.
    pub(super) fn find(&self, name: &str) -> Option<(&Layer, &Value)> {
        let mut layers = self.layers.iter().rev();
        layers.find_map(|layer| layer.get(name).map(|value| (&**layer, value)))
    }

    /// The known name that is most like `name`, when one is near enough to be meant.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<String> {
        let names: Vec<&str> =
            self.layers.iter().flat_map(|layer| layer.keys()).map(String::as_str).collect();
        crate::problem::nearest(name, &names)
    }
}
