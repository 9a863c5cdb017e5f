//! The desired state: what the roles want on one host with these facts, all texts rendered.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::cluster::{Conf, Networks};
use crate::facts::{Facts, Platform};
use crate::problem::{Place, Problem};
use crate::project::Project;
use crate::resource::{self, Args, FileText, Resource, Subject};
use crate::role::tags::Choice;
use crate::role::{Role, Task};
use crate::template::{Engine, Layer, Scope, Shared, Vars};

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
    /// What the settings ask for and this host cannot do.
    pub notes: Vec<String>,
}

/// What is rendered: the roles in order, with everything that their texts come from.
#[derive(Debug)]
pub struct Recipe {
    /// Where templates and files are read.
    pub project: Project,
    /// The roles in order.
    pub roles: Vec<Role>,
    /// `--tags` and `--skip-tags`.
    pub tags: Choice,
    /// Compiled templates, shared by all hosts.
    pub engine: Engine,
    /// The steps of tasks, shared by all hosts that have the same values in what they refer to.
    pub steps: Shared<TaskNumber, Arc<[Step]>>,
}

/// Which task of a [`Recipe`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskNumber {
    role: usize,
    is_handler: bool,
    task: usize,
}

/// What hosts of each platform typically say of themselves, and that as variables.
static TYPICAL: LazyLock<Vec<(Facts, Arc<Layer>)>> = LazyLock::new(|| {
    let facts = Platform::all().map(Facts::typical);
    facts.map(|facts| (facts.clone(), Layer::literal(facts.vars()))).collect()
});

/// The variables of one host beside its facts, in two layers: roles' own variables lie between.
#[derive(Debug, Clone, Default)]
pub struct HostVars {
    /// Names that ezsync gives to this host: `inventory_hostname`, ...
    pub magic: Arc<Layer>,
    /// Inventory, then config.yml.
    pub given: Vec<Arc<Layer>>,
    /// `-e`.
    pub extra: Arc<Layer>,
    /// What is the same for all hosts: `groups`, `cluster_name`.
    pub shared: Arc<Layer>,
    /// Where the time comes from, for this host: `time_source`, `time_part`, ...
    pub time: Arc<Layer>,
    /// The subnets that the source serves.
    pub networks: Networks,
    /// What the settings put into its chrony's configuration.
    pub conf: Arc<Conf>,
}

impl HostVars {
    /// What settings and connections may refer to: everything that needs no host.
    #[must_use]
    pub fn without_facts(&self, role: Option<&Role>) -> Scope {
        self.stack(role, None)
    }

    /// `scope` with the variables of `task` itself. Which of them count differs from host to host: so they are
    /// among what is compared when steps are shared.
    fn within<'a>(&self, task: &Task, scope: &'a Scope) -> Cow<'a, Scope> {
        if task.vars.is_empty() {
            return Cow::Borrowed(scope);
        }
        let mut vars = task.vars.clone();
        vars.retain(|name, _| !self.is_final(name));
        Cow::Owned(scope.with(&Layer::written(vars)))
    }

    /// Whether `name` is given with `-e` or by ezsync itself: nothing in a role overrides it.
    fn is_final(&self, name: &str) -> bool {
        self.finals().iter().any(|layer| layer.contains_key(name))
    }

    /// All of them for `role` on a host that says `facts`, in Ansible's precedence.
    fn stack(&self, role: Option<&Role>, facts: Option<&Arc<Layer>>) -> Scope {
        let defaults = role.map(|role| &role.defaults).into_iter();
        let layers = defaults.chain(&self.given).chain(facts).chain(role.map(|role| &role.vars));
        layers.chain(self.finals()).cloned().collect()
    }

    fn finals(&self) -> [&Arc<Layer>; 4] {
        [&self.extra, &self.shared, &self.time, &self.magic]
    }
}

impl Recipe {
    /// One that wants nothing.
    #[must_use]
    pub fn empty(project: &Project) -> Self {
        Self {
            project: project.clone(),
            roles: Vec::new(),
            tags: Choice::default(),
            engine: Engine::default(),
            steps: Shared::default(),
        }
    }

    /// The role `name`, when it is one of this run's.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The desired state of a host with `vars` and `facts`.
    ///
    /// # Errors
    /// An undefined variable, a missing template, a wrong argument: with file, line and column. A
    /// setting that the host's chrony is too old for.
    pub fn desired(&self, vars: &HostVars, facts: &Facts) -> Result<Desired, Problem> {
        self.with_facts(vars, facts, &Layer::literal(facts.vars()))
    }

    /// The desired state of a host with `facts`, which are `said` as variables.
    fn with_facts(
        &self,
        vars: &HostVars,
        facts: &Facts,
        said: &Arc<Layer>,
    ) -> Result<Desired, Problem> {
        let spoken = vars.conf.on(facts)?;
        let networks = vars.networks.on(facts);
        // Templates for one subnet (kubeasz's) and for several: both have their variable.
        let computed = Vars::from_iter([
            ("local_network".to_owned(), json!(Networks::hull(&networks))),
            ("local_networks".to_owned(), json!(networks)),
        ]);
        let computed = Layer::literal(computed);
        let mut desired = Desired { notes: spoken.notes, ..Desired::default() };
        for (number, role) in self.roles.iter().enumerate() {
            let scope = vars.stack(Some(role), Some(said)).with(&computed).with(&spoken.vars);
            let steps = |is_handler, task_number, task: &Task| {
                let key = TaskNumber { role: number, is_handler, task: task_number };
                let scope = vars.within(task, &scope);
                self.steps.get(key, &scope, |scope| self.made(role, task, scope))
            };
            let first_handler = desired.handlers.len();
            let mut handler_numbers: Vec<Vec<usize>> = Vec::new();
            let mut handlers = Vec::new();
            for (number, handler) in role.handlers.iter().enumerate() {
                let start = first_handler + handlers.len();
                handlers.extend(steps(true, number, handler)?.iter().cloned());
                handler_numbers.push((start..first_handler + handlers.len()).collect());
            }
            for (number, task) in role.tasks.iter().enumerate() {
                if !self.tags.picks(&task.tags) {
                    continue;
                }
                let notify: Vec<usize> = role
                    .handlers
                    .iter()
                    .zip(&handler_numbers)
                    .filter(|(handler, _)| task.notify.iter().any(|name| handler.answers_to(name)))
                    .flat_map(|(_, numbers)| numbers.iter().copied())
                    .collect();
                for step in steps(false, number, task)?.iter().cloned() {
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
        for (facts, said) in TYPICAL.iter() {
            subjects.extend(self.with_facts(vars, facts, said)?.subjects());
        }
        Ok(subjects)
    }

    /// The steps of one task: none when its condition does not hold, one for each loop item.
    fn made(&self, role: &Role, task: &Task, scope: &Scope) -> Result<Arc<[Step]>, Problem> {
        let mut steps = Vec::new();
        for item in self.items(task, scope)? {
            let scope = match item {
                Some(item) => {
                    scope.with(&Layer::literal(Map::from_iter([(task.loop_var.clone(), item)])))
                }
                None => scope.clone(),
            };
            if self.wanted(task, &scope)? {
                steps.push(Step {
                    role: role.name.clone(),
                    task: self.text(&task.name, task.place_of("name"), &scope)?,
                    resource: self.resource(role, task, &scope)?,
                    notify: Vec::new(),
                });
            }
        }
        Ok(steps.into())
    }

    /// The items that a task is repeated for; one that is none for a task without a loop.
    fn items(&self, task: &Task, scope: &Scope) -> Result<Vec<Option<Value>>, Problem> {
        let Some(list) = &task.items else { return Ok(vec![None]) };
        let place = task.place_of(if task.flatten { "with_items" } else { "loop" });
        let items = match self.engine.values(list, place, scope)? {
            Value::Array(items) if task.flatten => items.into_iter().flat_map(opened).collect(),
            Value::Array(items) => items,
            single if task.flatten => vec![single],
            other => {
                let message = format!("`loop` must be a list, not {other}");
                return Err(Problem::new(message).at(place.clone()));
            }
        };
        Ok(items.into_iter().map(Some).collect())
    }

    fn wanted(&self, task: &Task, scope: &Scope) -> Result<bool, Problem> {
        for condition in &task.when {
            if !self.engine.holds(condition, task.place_of("when"), scope)? {
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
    ) -> Result<Arc<dyn Resource>, Problem> {
        let mut args = Map::new();
        for (name, value) in &task.args {
            let place = task.place_of_argument(name);
            args.insert(name.clone(), self.engine.values(value, place, scope)?);
        }
        if matches!(task.module, "template" | "copy") {
            self.fill(role, task, &mut args, scope)?;
        }
        resource::make(task.module, Args::new(task.module, args, task.place.clone()))
    }

    /// Puts the text behind `src` into the argument `content`.
    fn fill(
        &self,
        role: &Role,
        task: &Task,
        args: &mut Map<String, Value>,
        scope: &Scope,
    ) -> Result<(), Problem> {
        let problem = |message: &str| {
            let message = format!("{}: {message}", task.module);
            Problem::new(message).at(task.place_of_argument("src").clone())
        };
        let inline = task.module == "copy" && args.contains_key("content");
        match args.shift_remove("src").filter(|src| !src.is_null()) {
            Some(_) if inline => Err(problem("use either `src` or `content`")),
            Some(Value::String(src)) => {
                let content = self.source(role, task, &src, scope)?;
                args.insert("content".to_owned(), json!(content));
                Ok(())
            }
            Some(_) => Err(problem("`src` must be a text")),
            None if inline => Ok(()),
            None if task.module == "copy" => Err(problem("`src` or `content` is missing")),
            None => Err(problem("`src` is missing")),
        }
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
            .at(task.place_of_argument("src").clone())
            .hint(format!("it belongs at {}", places.join(" or "))))
    }
}

/// The items of a list, or the one value itself.
fn opened(item: Value) -> Vec<Value> {
    match item {
        Value::Array(items) => items,
        single => vec![single],
    }
}

impl Desired {
    /// The files that are written whole, in order.
    pub fn files(&self) -> impl Iterator<Item = FileText> {
        self.steps.iter().filter_map(|step| step.resource.file())
    }

    /// What has to be observed to compare.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.steps.iter().chain(&self.handlers).flat_map(|step| step.resource.subjects())
    }
}

#[cfg(test)]
mod tests;
