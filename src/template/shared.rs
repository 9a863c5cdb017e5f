//! What was made from variables, made once for all hosts where these have the same values.
//!
//! Whoever makes something from a [`Scope`] may look at any variable, by way of others too. So the looks are
//! recorded: each is a question, and what it found decides about the next one. That is a tree, and what was made
//! hangs at its leaves. A host that gives the same answers on the way down gets what another got.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::{Layer, Scope};

/// A variable with more values than this tells hosts apart: what comes from it is not kept for others.
const MOST_ANSWERS: usize = 64;

/// Things of the kind `T` by what they are (`K`), and by the variables that they were made from.
pub struct Shared<K, T> {
    trees: Mutex<HashMap<K, Node<T>>>,
}

/// What comes next on the way to a thing.
#[derive(Default)]
enum Node<T> {
    /// Nobody has come here so far.
    #[default]
    Unknown,
    /// The variable that is looked at next, and what follows for each of its values.
    Ask { name: String, answers: Vec<(Answer, Node<T>)> },
    /// The end.
    Made(T),
}

/// The layer where a variable was found, if it was.
pub(super) type Answer = Option<Arc<Layer>>;

impl<K: Hash + Eq, T: Clone> Shared<K, T> {
    /// What `make` makes of `scope`, or has made of another one with the same values. It must depend on `key`
    /// and on what it looks up in the scope that it is given, and on nothing else.
    ///
    /// # Errors
    /// Those of `make`: they are not kept.
    pub fn get<E>(
        &self,
        key: K,
        scope: &Scope,
        make: impl FnOnce(&Scope) -> Result<T, E>,
    ) -> Result<T, E> {
        let known = self
            .trees
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .and_then(|tree| tree.find(scope));
        if let Some(made) = known {
            return Ok(made);
        }
        let watched = scope.watched();
        let made = make(&watched)?;
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees.entry(key).or_default().keep(watched.looks(), made.clone());
        Ok(made)
    }
}

impl<T: Clone> Node<T> {
    /// What hangs at the end of the way of `scope`.
    fn find(&self, scope: &Scope) -> Option<T> {
        let mut node = self;
        loop {
            match node {
                Self::Unknown => return None,
                Self::Made(made) => return Some(made.clone()),
                Self::Ask { name, answers } => {
                    let found = scope.layer_of(name);
                    let known =
                        answers.iter().find(|(answer, _)| is_same(name, answer.as_ref(), found));
                    node = &known?.1;
                }
            }
        }
    }

    /// Hangs `made` at the end of the way that `looks` describe.
    fn keep(&mut self, looks: Vec<(String, Answer)>, made: T) {
        let mut node = self;
        for (look, found) in looks {
            if matches!(node, Self::Unknown) {
                *node = Self::Ask { name: look.clone(), answers: Vec::new() };
            }
            // The same answers lead to the same question.
            let Self::Ask { name, answers } = node else { return };
            if *name != look {
                return;
            }
            let known = answers
                .iter()
                .position(|(answer, _)| is_same(name, answer.as_ref(), found.as_ref()));
            if known.is_none() && answers.len() == MOST_ANSWERS {
                return;
            }
            let number = known.unwrap_or(answers.len());
            if known.is_none() {
                answers.push((found, Self::Unknown));
            }
            let Some((_, next)) = answers.get_mut(number) else { return };
            node = next;
        }
        *node = Self::Made(made);
    }
}

/// Whether `name` has the same value in two layers, and templates in it mean the same.
fn is_same(name: &str, one: Option<&Arc<Layer>>, other: Option<&Arc<Layer>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            Arc::ptr_eq(one, other)
                || one.is_literal() == other.is_literal()
                    && one
                        .get(name)
                        .zip(other.get(name))
                        .is_some_and(|(one, other)| looks_same(one, other))
        }
        _ => false,
    }
}

/// Whether no template can tell two values from each other. Values are equal for less: whatever the order of
/// their fields, which a loop shows, and 0.0 is -0.0.
fn looks_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| looks_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((name, one), (other_name, other))| {
                    name == other_name && looks_same(one, other)
                })
        }
        (Value::Number(one), Value::Number(other)) => {
            one == other && one.to_string() == other.to_string()
        }
        (one, other) => one == other,
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self { trees: Mutex::default() }
    }
}

/// Nothing of what was made: there may be passwords and keys in it.
impl<K, T> fmt::Debug for Shared<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
