//! Variables in layers, as Ansible's precedence has them.

use std::collections::HashMap;
use std::fmt;
use std::mem::take;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::zeroize::Zeroize;
use serde_json::{Map, Value};

use super::is_template;
use super::shared::Answer;
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

    /// Whether it holds nothing that is to be resolved.
    pub(super) fn is_literal(&self) -> bool {
        self.literal
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
    watch: Option<Arc<Watch>>,
}

/// A scope of these layers, the lowest first.
impl FromIterator<Arc<Layer>> for Scope {
    fn from_iter<I: IntoIterator<Item = Arc<Layer>>>(layers: I) -> Self {
        Self { layers: layers.into_iter().collect(), watch: None }
    }
}

/// A record of which variables were looked at.
#[derive(Debug)]
struct Watch {
    /// How many layers were there when it began: what later ones hold comes from them.
    depth: usize,
    /// The variables in the order in which they were first looked at, and where each was found.
    looks: Mutex<Vec<(String, Answer)>>,
}

impl Scope {
    /// The same scope with `layer` above all others.
    #[must_use]
    pub fn with(&self, layer: &Arc<Layer>) -> Self {
        let mut scope = self.clone();
        scope.layers.push(layer.clone());
        scope
    }

    /// The value of `name` as it was written, from the highest layer that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).map(|(_, value)| value)
    }

    /// The highest layer that has `name`, and the value there. A scope that is watched records it.
    pub(super) fn find(&self, name: &str) -> Option<(&Layer, &Value)> {
        let mut layers = self.layers.iter().enumerate().rev();
        let found = layers.find_map(|(number, layer)| Some((number, layer, layer.get(name)?)));
        if let Some(watch) = &self.watch
            && found.is_none_or(|(number, ..)| number < watch.depth)
        {
            watch.note(name, found.map(|(_, layer, _)| layer));
        }
        found.map(|(_, layer, value)| (&**layer, value))
    }

    /// The same scope with a record of all that is looked at from now on, layers apart that come on top.
    pub(super) fn watched(&self) -> Self {
        let watch = Watch { depth: self.layers.len(), looks: Mutex::default() };
        Self { layers: self.layers.clone(), watch: Some(Arc::new(watch)) }
    }

    /// What was looked at so far, in a scope that is watched; the record begins anew.
    pub(super) fn looks(&self) -> Vec<(String, Answer)> {
        let looks = self.watch.as_ref().map(|watch| watch.looks.lock());
        looks
            .map(|looks| take(&mut *looks.unwrap_or_else(PoisonError::into_inner)))
            .unwrap_or_default()
    }

    /// The highest layer that has `name`; no record tells of it.
    pub(super) fn layer_of(&self, name: &str) -> Option<&Arc<Layer>> {
        self.layers.iter().rev().find(|layer| layer.contains_key(name))
    }

    /// The known name that is most like `name`, when one is near enough to be meant. It is for messages: no
    /// record tells of it.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<String> {
        let names: Vec<&str> =
            self.layers.iter().flat_map(|layer| layer.keys()).map(String::as_str).collect();
        crate::problem::nearest(name, &names)
    }
}

impl Watch {
    fn note(&self, name: &str, found: Option<&Arc<Layer>>) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if !looks.iter().any(|(known, _)| known == name) {
            looks.push((name.to_owned(), found.cloned()));
        }
    }
}
