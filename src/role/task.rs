//! One task: Ansible's keywords around a module and its arguments.

use serde_json::{Map, Value};
use serde_yaml::Spanned;

use crate::problem::{self, Place, Problem};
use crate::project::Text;
use crate::resource;
use crate::{template::Vars, yaml};

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
    let items: Option<Vec<Spanned<Map<String, Value>>>> = yaml::parse(&text.file, &text.text)?;
    items
        .unwrap_or_default()
        .into_iter()
        .map(|item| {
            let place = yaml::place(&text.file, &text.text, item.referenced);
            task(item.value, &Around { text, place })
        })
        .collect()
}

/// The file and the place of the task that is being read.
struct Around<'a> {
    text: &'a Text,
    place: Place,
}

impl Around<'_> {
    /// The place of `key`, which is looked for from the task's first line on.
    fn place_of(&self, key: &str) -> Place {
        let lines = self.text.text.lines().enumerate().skip(self.place.line.saturating_sub(1));
        let spells = |line: &str| {
            let bare = line.trim_start().trim_start_matches("- ").trim_start();
            bare.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        for (number, line) in lines {
            if spells(line) {
                let column = line.find(key).unwrap_or_default() + 1;
                return Place::in_source(&self.text.file, &self.text.text, number + 1, column);
            }
        }
        self.place.clone()
    }

    fn problem(&self, key: &str, message: String) -> Problem {
        Problem::new(message).at(self.place_of(key))
    }
}

fn task(mut map: Map<String, Value>, around: &Around<'_>) -> Result<Task, Problem> {
    let mut modules: Vec<(&'static str, String)> = Vec::new();
    for key in map.keys() {
        match resource::module(key) {
            Some(module) => modules.push((module, key.clone())),
            None if KEYWORDS.contains(&key.as_str()) => {}
            None => return Err(unknown(key, around)),
        }
    }
    let [(module, key)] = modules.as_slice() else {
        let message = match modules.as_slice() {
            [] => "the task has no module".to_owned(),
            several => format!(
                "the task has more than one module: {}",
                several.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(Problem::new(message)
            .at(around.place.clone())
            .hint(format!("known modules are: {}", resource::module_names().join(", "))));
    };
    let args = arguments(map.shift_remove(key).unwrap_or_default(), module)
        .map_err(|message| around.problem(key, format!("{key}: {message}")))?;
    let mut take = |name: &str| map.shift_remove(name).filter(|value| !value.is_null());
    let name = match take("name") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(around.problem("name", "`name` must be a text".to_owned())),
        None => (*module).to_owned(),
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
        place: around.place_of(key),
    })
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
