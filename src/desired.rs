//! The desired state: what the roles want on one host with these facts, all texts rendered.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::cluster::Networks;
use crate::facts::{Facts, Platform};
use crate::problem::{Place, Problem};
use crate::project::Project;
use crate::resource::{self, Args, Resource, Subject};
use crate::role::{Role, Task};
use crate::template::{Engine, Scope, Vars};

/// One resource that a task wants.
#[derive(Debug, Clone)]
pub struct Step {
    /// The role's name.
    pub role: String,
    /// The task's name.
    pub task: String,
    /// What is wanted.
    pub resource: Arc<dyn Resource>,
    /// The task's number of the handlers to run when it changes, within [`Desired::handlers`].
    pub notify: Vec<usize>,
}

/// What one host shall be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Resources in order.
    pub steps: Vec<Step>,
    /// What runs after changes, once each, in order.
    pub handlers: Vec<Step>,
    /// The files that templates give, in order: path and text.
    pub files: Vec<(String, String)>,
}

/// What is rendered: the roles in order, with everything that their texts come from.
#[derive(Debug)]
pub struct Recipe {
    /// Where templates and files are read.
    pub project: Project,
    /// The roles in order.
    pub roles: Vec<Role>,
    /// Only tasks with one of these tags; all when empty.
    pub tags: Vec<String>,
    /// Compiled templates, shared by all hosts.
    pub engine: Engine,
}

/// The variables of one host beside its facts, in two layers: roles' own variables lie between.
#[derive(Debug, Clone, Default)]
pub struct HostVars {
    /// Names that ezsync gives to this host: `inventory_hostname`, the time source, ...
    pub magic: Arc<Vars>,
    /// Inventory, then config.yml.
    pub given: Vec<Arc<Vars>>,
    /// `-e`.
    pub extra: Arc<Vars>,
    /// What is the same for all hosts: `groups`, `cluster_name`.
    pub shared: Arc<Vars>,
    /// The subnets that the source serves.
    pub networks: Networks,
}

impl HostVars {
    /// All of them for `role` on a host with `facts`, in Ansible's precedence.
    #[must_use]
    pub fn scope(&self, role: &Role, facts: &Facts) -> Scope {
        let networks = self.networks.on(facts);
        // Templates for one subnet (kubeasz's) and for several: both have their variable.
        let computed = Vars::from_iter([
            ("local_network".to_owned(), json!(Networks::hull(&networks))),
            ("local_networks".to_owned(), json!(networks)),
        ]);
        self.stack(Some(role), facts.vars()).with(computed)
    }

    /// What settings and connections may refer to: everything that needs no host.
    #[must_use]
    pub fn without_facts(&self, role: Option<&Role>) -> Scope {
        self.stack(role, Vars::new())
    }

    fn stack(&self, role: Option<&Role>, facts: Vars) -> Scope {
        let mut scope = Scope::default();
        if let Some(role) = role {
            scope = scope.with(role.defaults.clone());
        }
        scope = self.given.iter().fold(scope, |scope, layer| scope.with(layer.clone())).with(facts);
        if let Some(role) = role {
            scope = scope.with(role.vars.clone());
        }
        scope.with(self.extra.clone()).with(self.shared.clone()).with(self.magic.clone())
    }
}

impl Recipe {
    /// The desired state of a host with `vars` and `facts`.
    ///
    /// # Errors
    /// An undefined variable, a missing template, a wrong argument: with file, line and column.
    pub fn desired(&self, vars: &HostVars, facts: &Facts) -> Result<Desired, Problem> {
        let mut desired = Desired::default();
        for role in &self.roles {
            let scope = vars.scope(role, facts);
            let first_handler = desired.handlers.len();
            let mut handler_numbers: Vec<Vec<usize>> = Vec::new();
            let mut handlers = Vec::new();
            for handler in &role.handlers {
                let start = first_handler + handlers.len();
                handlers.extend(self.steps(role, handler, &scope, &mut desired.files)?);
                handler_numbers.push((start..first_handler + handlers.len()).collect());
            }
            for task in &role.tasks {
                if !self.tags.is_empty() && !task.tags.iter().any(|tag| self.tags.contains(tag)) {
                    continue;
                }
                let notify: Vec<usize> = role
                    .handlers
                    .iter()
                    .zip(&handler_numbers)
                    .filter(|(handler, _)| task.notify.iter().any(|name| handler.answers_to(name)))
                    .flat_map(|(_, numbers)| numbers.iter().copied())
                    .collect();
                for step in self.steps(role, task, &scope, &mut desired.files)? {
                    desired.steps.push(Step { notify: notify.clone(), ..step });
                }
            }
            desired.handlers.extend(handlers);
        }
        Ok(desired)
    }

    /// What has to be observed on a host before its facts are known: all that is named with the
    /// typical facts of any platform. Renders everything, so that mistakes show before any
    /// host is touched.
    ///
    /// # Errors
    /// As [`Recipe::desired`].
    pub fn candidates(&self, vars: &HostVars) -> Result<BTreeSet<Subject>, Problem> {
        let mut subjects = BTreeSet::new();
        for platform in Platform::all() {
            subjects.extend(self.desired(vars, &Facts::typical(platform))?.subjects());
        }
        Ok(subjects)
    }

    /// The steps of one task: none when its condition does not hold, one for each loop item.
    fn steps(
        &self,
        role: &Role,
        task: &Task,
        scope: &Scope,
        files: &mut Vec<(String, String)>,
    ) -> Result<Vec<Step>, Problem> {
        let scope = scope.with(task.vars.clone());
        let items = match &task.items {
            None => vec![None],
            Some(list) => match self.engine.values(list, &task.place, &scope)? {
                Value::Array(items) => items.into_iter().map(Some).collect(),
                _ => return Err(Problem::new("`loop` must be a list").at(task.place.clone())),
            },
        };
        let mut steps = Vec::new();
        for item in items {
            let scope = match item {
                Some(item) => scope.with(Map::from_iter([("item".to_owned(), item)])),
                None => scope.clone(),
            };
            if self.wanted(task, &scope)? {
                steps.push(Step {
                    role: role.name.clone(),
                    task: self.text(&task.name, &task.place, &scope)?,
                    resource: self.resource(role, task, &scope, files)?,
                    notify: Vec::new(),
                });
            }
        }
        Ok(steps)
    }

    fn wanted(&self, task: &Task, scope: &Scope) -> Result<bool, Problem> {
        for condition in &task.when {
            if !self.engine.holds(condition, &task.place, scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn text(&self, text: &str, place: &Place, scope: &Scope) -> Result<String, Problem> {
        Ok(match self.engine.value(text, place, scope)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    fn resource(
        &self,
        role: &Role,
        task: &Task,
        scope: &Scope,
        files: &mut Vec<(String, String)>,
    ) -> Result<Arc<dyn Resource>, Problem> {
        let mut args = Map::new();
        for (name, value) in &task.args {
            args.insert(name.clone(), self.engine.values(value, &task.place, scope)?);
        }
        if let Some(src) = args.shift_remove("src") {
            let Value::String(src) = src else {
                return Err(Problem::new("`src` must be a text").at(task.place.clone()));
            };
            let content = self.source(role, task, &src, scope)?;
            if let Some(dest) = args.get("dest").and_then(Value::as_str) {
                files.push((dest.to_owned(), content.clone()));
            }
            args.insert("content".to_owned(), json!(content));
        } else if task.module == "template" {
            return Err(Problem::new("template: `src` is missing").at(task.place.clone()));
        }
        resource::make(task.module, Args::new(task.module, args, task.place.clone()))
    }

    /// The text behind `src`: a rendered template, or a file as it is.
    fn source(
        &self,
        role: &Role,
        task: &Task,
        src: &str,
        scope: &Scope,
    ) -> Result<String, Problem> {
        let is_template = task.module == "template";
        let places = if is_template {
            [
                format!("templates/{}/{src}", role.name),
                format!("roles/{}/templates/{src}", role.name),
            ]
        } else {
            [format!("roles/{}/files/{src}", role.name), format!("roles/{}/{src}", role.name)]
        };
        let leaves = src.starts_with('/') || src.split('/').any(|part| part == "..");
        for place in places.iter().filter(|_| !leaves) {
            if let Some(text) = self.project.read(place)? {
                return if is_template {
                    self.engine.render_file(&text.file, &text.text, scope)
                } else {
                    Ok(text.text)
                };
            }
        }
        let kind = if is_template { "template" } else { "file" };
        Err(Problem::new(format!("the {kind} `{src}` is missing"))
            .at(task.place.clone())
            .hint(format!("it belongs at {}", places.join(" or "))))
    }
}

impl Desired {
    /// What has to be observed to compare.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.steps.iter().chain(&self.handlers).flat_map(|step| step.resource.subjects())
    }
}
