//! One task: Ansible's keywords around a module and its arguments.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::arguments;
use crate::problem::{Place, Problem};
use crate::project::Text;
use crate::resource;
use crate::template::Vars;
use crate::yaml::{self, Key, Kind, Node};

/// Keywords beside the module. `become` is taken and does nothing: every task runs as root.
const KEYWORDS: [&str; 12] = [
    "args",
    "name",
    "when",
    "loop",
    "with_items",
    "notify",
    "listen",
    "tags",
    "vars",
    "become",
    "become_user",
    "loop_control",
];

/// A task or handler as it is written.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name, or the module's when it has none.
    pub name: String,
    /// The module's short name.
    pub module: &'static str,
    /// The module's arguments, not rendered.
    pub args: Map<String, Value>,
    /// Conditions that must all hold.
    pub when: Vec<String>,
    /// The list to repeat the task for, not rendered.
    pub items: Option<Value>,
    /// Whether `with_items` gave the list: a single value is a list of one then, and lists in
    /// the list are opened.
    pub flatten: bool,
    /// The variable that holds an item of the list.
    pub loop_var: String,
    /// Handlers to run when the task changes something.
    pub notify: Vec<String>,
    /// Further names that a handler answers to.
    pub listen: Vec<String>,
    /// Tags for `--tags`.
    pub tags: Vec<String>,
    /// Variables of this task.
    pub vars: Vars,
    /// Where its module stands.
    pub place: Place,
    places: Places,
}

/// Where the parts of a task stand.
#[derive(Debug, Clone, Default)]
struct Places {
    keywords: HashMap<String, Place>,
    arguments: HashMap<String, Place>,
}

impl Task {
    /// Whether a handler runs for the notification `name`.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.listen.iter().any(|other| other == name)
    }

    /// Where a keyword of the task stands.
    #[must_use]
    pub fn place_of(&self, keyword: &str) -> &Place {
        self.places.keywords.get(keyword).unwrap_or(&self.place)
    }

    /// Where an argument of the module stands.
    #[must_use]
    pub fn place_of_argument(&self, name: &str) -> &Place {
        self.places.arguments.get(name).unwrap_or(&self.place)
    }
}

/// The tasks of a file.
///
/// # Errors
/// Anything that is not a list of tasks with one known module and known keywords each.
pub fn parse(text: &Text) -> Result<Vec<Task>, Problem> {
    let node = yaml::parse(&text.file, &text.text)?;
    let whole = |node: &Node| Place::in_source(&text.file, &text.text, node.line, node.column);
    if node.is_null() {
        return Ok(Vec::new());
    }
    let place = whole(&node);
    let Kind::List(items) = node.kind else {
        return Err(Problem::new("this file must be a list of tasks")
            .at(place)
            .hint("each task starts with `- name: ...`"));
    };
    items
        .into_iter()
        .map(|item| {
            let place = whole(&item);
            let Kind::Map(entries) = item.kind else {
                return Err(
                    Problem::new("a task must be a map of its module and keywords").at(place)
                );
            };
            let mut around = Around { place, places: Places::default() };
            for (key, node) in &entries {
                let place =
                    |key: &Key| Place::in_source(&text.file, &text.text, key.line, key.column);
                around.places.keywords.insert(key.name.clone(), place(key));
                // Only the module and `args` hold maps whose keys are arguments.
                if let (Kind::Map(arguments), true) = (&node.kind, key.name != "vars") {
                    let arguments = arguments.iter().map(|(key, _)| (key.name.clone(), place(key)));
                    around.places.arguments.extend(arguments);
                }
            }
            let map =
                entries.into_iter().map(|(key, node)| (key.name, node.into_value())).collect();
            task(map, around)
        })
        .collect()
}

/// The places of the task that is being read.
struct Around {
    place: Place,
    places: Places,
}

impl Around {
    fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        let place = self.places.keywords.get(key).unwrap_or(&self.place);
        Problem::new(message).at(place.clone())
    }
}

fn task(mut map: Map<String, Value>, around: Around) -> Result<Task, Problem> {
    let (module, key) = module(&map, &around)?;
    let mut args = arguments::parse(map.shift_remove(&key).unwrap_or_default(), module)
        .map_err(|message| around.problem(&key, format!("{key}: {message}")))?;
    let mut take = |name: &str| map.shift_remove(name).filter(|value| !value.is_null());
    match take("args") {
        Some(Value::Object(more)) => args.extend(more),
        None => {}
        Some(_) => return Err(around.problem("args", "`args` must be a map")),
    }
    let name = match take("name") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(around.problem("name", "`name` must be a text")),
        None => module.to_owned(),
    };
    if take("become_user").is_some_and(|user| user != "root") {
        return Err(around
            .problem("become_user", "tasks run as root, and as no other user")
            .hint("in a command, write: su USER -c '...'"));
    }
    let loop_var = loop_var(take("loop_control"))
        .map_err(|message| around.problem("loop_control", message))?;
    let (items, flatten) = match (take("loop"), take("with_items")) {
        (Some(_), Some(_)) => {
            return Err(around.problem("with_items", "use either `loop` or `with_items`"));
        }
        (Some(items), None) => (Some(items), false),
        (None, items) => (items, true),
    };
    let vars = match take("vars") {
        Some(Value::Object(vars)) => vars,
        None => Vars::new(),
        Some(_) => return Err(around.problem("vars", "`vars` must be a map")),
    };
    let mut texts = |name: &str| {
        texts(take(name)).ok_or_else(|| {
            around.problem(name, format!("`{name}` must be a text or a list of texts"))
        })
    };
    Ok(Task {
        name,
        module,
        args,
        when: texts("when")?,
        items,
        flatten,
        loop_var,
        notify: texts("notify")?,
        listen: texts("listen")?,
        tags: texts("tags")?
            .iter()
            .flat_map(|tags| tags.split(','))
            .map(|tag| tag.trim().to_owned())
            .collect(),
        vars,
        place: around.places.keywords.get(&key).unwrap_or(&around.place).clone(),
        places: around.places,
    })
}

/// The name that `loop_control` gives to the variable of a loop. Its `label` is only for show.
fn loop_var(control: Option<Value>) -> Result<String, String> {
    let mut name = "item".to_owned();
    let control = match control {
        None => return Ok(name),
        Some(Value::Object(control)) => control,
        Some(_) => return Err("`loop_control` must be a map".to_owned()),
    };
    for (key, value) in control {
        match (key.as_str(), value) {
            ("loop_var", Value::String(var)) => name = var,
            ("label", _) => {}
            (key, _) => {
                return Err(format!("`{key}` is not supported: only loop_var and label are"));
            }
        }
    }
    Ok(name)
}

/// The task's one module: its short name, and the key under which its arguments stand.
fn module(map: &Map<String, Value>, around: &Around) -> Result<(&'static str, String), Problem> {
    let mut modules: Vec<(&'static str, String)> = Vec::new();
    for key in map.keys() {
        match resource::module(key) {
            Some(module) => modules.push((module, key.clone())),
            None if KEYWORDS.contains(&key.as_str()) => {}
            None => return Err(unknown(key, around)),
        }
    }
    let names = modules.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(", ");
    let mut modules = modules.into_iter();
    match (modules.next(), modules.next()) {
        (Some(module), None) => Ok(module),
        (Some(_), Some(_)) => {
            Err(Problem::new(format!("the task has more than one module: {names}"))
                .at(around.place.clone()))
        }
        (None, _) => Err(Problem::new("the task has no module")
            .at(around.place.clone())
            .hint(format!("known modules are: {}", resource::module_names().join(", ")))),
    }
}

fn unknown(key: &str, around: &Around) -> Problem {
    let problem = around.problem(key, format!("ezsync knows no module or keyword `{key}`"));
    let known: Vec<&str> = resource::module_names().into_iter().chain(KEYWORDS).collect();
    problem.meant(key, &known, "known are")
}

/// A text, a truth, or a list of them, as texts. None for anything else.
fn texts(value: Option<Value>) -> Option<Vec<String>> {
    let one = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => items.into_iter().map(one).collect(),
        Some(value) => one(value).map(|text| vec![text]),
    }
}
