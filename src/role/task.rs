//! One task: Ansible's keywords around a module and its arguments.

use serde_json::{Map, Value};

use crate::problem::{self, Place, Problem};
use crate::project::Text;
use crate::resource;
use crate::template::Vars;
use crate::yaml::{self, Key, Kind, Node};

/// Keywords beside the module. `become` is taken and does nothing: every task runs as root.
const KEYWORDS: [&str; 11] = [
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
    /// Handlers to run when the task changes something.
    pub notify: Vec<String>,
    /// Further names that a handler answers to.
    pub listen: Vec<String>,
    /// Tags for `--tags`.
    pub tags: Vec<String>,
    /// Variables of this task.
    pub vars: Vars,
    /// Where it stands.
    pub place: Place,
}

impl Task {
    /// Whether a handler runs for the notification `name`.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.listen.iter().any(|other| other == name)
    }
}

/// The tasks of a file.
///
/// # Errors
/// Anything that is not a list of tasks with one known module and known keywords each.
pub fn parse(text: &Text) -> Result<Vec<Task>, Problem> {
    let node: Node = yaml::parse(&text.file, &text.text)?;
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
            let keys = entries.iter().map(|(key, _)| key.clone()).collect();
            let map =
                entries.into_iter().map(|(key, node)| (key.name, node.into_value())).collect();
            task(map, &Around { text, place, keys })
        })
        .collect()
}

/// The file and the places of the task that is being read.
struct Around<'a> {
    text: &'a Text,
    place: Place,
    keys: Vec<Key>,
}

impl Around<'_> {
    fn place_of(&self, key: &str) -> Place {
        match self.keys.iter().find(|known| known.name == key) {
            Some(key) => Place::in_source(&self.text.file, &self.text.text, key.line, key.column),
            None => self.place.clone(),
        }
    }

    fn problem(&self, key: &str, message: String) -> Problem {
        Problem::new(message).at(self.place_of(key))
    }
}

fn task(mut map: Map<String, Value>, around: &Around<'_>) -> Result<Task, Problem> {
    let (module, key) = module(&map, around)?;
    let args = arguments(map.shift_remove(&key).unwrap_or_default(), module)
        .map_err(|message| around.problem(&key, format!("{key}: {message}")))?;
    let mut take = |name: &str| map.shift_remove(name).filter(|value| !value.is_null());
    let name = match take("name") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(around.problem("name", "`name` must be a text".to_owned())),
        None => module.to_owned(),
    };
    let items = take("loop").or_else(|| take("with_items"));
    let vars = match take("vars") {
        Some(Value::Object(vars)) => vars,
        None => Vars::new(),
        Some(_) => return Err(around.problem("vars", "`vars` must be a map".to_owned())),
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
        notify: texts("notify")?,
        listen: texts("listen")?,
        tags: texts("tags")?,
        vars,
        place: around.place_of(&key),
    })
}

/// The task's one module: its short name, and the key under which its arguments stand.
fn module(
    map: &Map<String, Value>,
    around: &Around<'_>,
) -> Result<(&'static str, String), Problem> {
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

fn unknown(key: &str, around: &Around<'_>) -> Problem {
    let problem = around.problem(key, format!("`{key}` is neither a module nor a keyword"));
    let known: Vec<&str> = resource::module_names().into_iter().chain(KEYWORDS).collect();
    match problem::nearest(key, &known) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!("known are: {}", known.join(", "))),
    }
}

/// A module's arguments: a map, `k=v k=v` in one text, or a command line.
fn arguments(value: Value, module: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        Value::String(line) if matches!(module, "command" | "shell") => {
            Ok(Map::from_iter([("_raw_params".to_owned(), Value::String(line))]))
        }
        Value::String(line) => key_values(&line),
        _ => Err("arguments must be a map".to_owned()),
    }
}

/// `src=a dest="b c"`. Templates in values may hold blanks: `{{ a }}` is one word.
fn key_values(line: &str) -> Result<Map<String, Value>, String> {
    let hidden = line.replace("{{ ", "{{\u{a0}").replace(" }}", "\u{a0}}}");
    let words = shlex::split(&hidden).ok_or("a quote is not closed")?;
    words
        .iter()
        .map(|word| {
            let (key, value) = word.split_once('=').ok_or(format!("`{word}` is not key=value"))?;
            Ok((key.to_owned(), Value::String(value.replace('\u{a0}', " "))))
        })
        .collect()
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
