//! Variables in layers, as Ansible's precedence has them.

use std::sync::Arc;

use serde_json::{Map, Value};

/// Variables by name. Values may hold templates: they are resolved when they are used.
pub type Vars = Map<String, Value>;

/// Layers of variables; a later layer wins. Layers are shared, not copied.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    layers: Vec<Arc<Vars>>,
}

impl Scope {
    /// The same scope with `layer` above all others.
    #[must_use]
    pub fn with(&self, layer: impl Into<Arc<Vars>>) -> Self {
        let mut layers = self.layers.clone();
        layers.push(layer.into());
        Self { layers }
    }

    /// The value of `name` as it was written, from the highest layer that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// The known name that is most like `name`, when one is near enough to be meant.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<String> {
        let names: Vec<&str> =
            self.layers.iter().flat_map(|layer| layer.keys()).map(String::as_str).collect();
        crate::problem::nearest(name, &names)
    }
}
