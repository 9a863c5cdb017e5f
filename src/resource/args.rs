//! The arguments of a module, read once each: what is left over is a mistake.

use serde_json::{Map, Value};

use crate::problem::{Place, Problem};

/// Arguments of one task's module, all templates in them resolved.
#[derive(Debug, Clone)]
pub struct Args {
    module: String,
    values: Map<String, Value>,
    asked: Vec<&'static str>,
    place: Place,
}

impl Args {
    /// The arguments `values` of `module`, used by the task at `place`.
    #[must_use]
    pub fn new(module: &str, values: Map<String, Value>, place: Place) -> Self {
        Self { module: module.to_owned(), values, asked: Vec::new(), place }
    }

    /// The module's name.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.module
    }

    /// A problem of this task.
    #[must_use]
    pub fn problem(&self, message: &str) -> Problem {
        Problem::new(format!("{}: {message}", self.module)).at(self.place.clone())
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        // `null` is how YAML spells an argument that is left out.
        self.values.shift_remove(name).filter(|value| !value.is_null())
    }

    /// An optional text; numbers and booleans are taken as they are written.
    ///
    /// # Errors
    /// The value is a list or a map, or holds a NUL, which no shell can pass on.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return Err(self.problem(&format!("`{name}` must be a text"))),
        };
        if text.contains('\0') {
            return Err(self.problem(&format!("`{name}` has a NUL in it")));
        }
        Ok(Some(text))
    }

    /// An optional user or group, by name or number.
    ///
    /// # Errors
    /// As [`Args::word`], and for what no account can be called.
    pub fn account(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let account = self.word(name)?;
        match &account {
            Some(text) if text.starts_with('-') || text.contains([':', ' ']) => {
                Err(self.problem(&format!("`{name}` must be a name or a number, not {text}")))
            }
            _ => Ok(account),
        }
    }

    /// An optional text on one line without control characters: a name or a path.
    ///
    /// # Errors
    /// As [`Args::text`], and for control characters.
    pub fn word(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let text = self.text(name)?;
        match &text {
            Some(text) if text.chars().any(char::is_control) => {
                Err(self.problem(&format!("`{name}` has a control character or a line end in it")))
            }
            Some(text) if text.is_empty() => Err(self.problem(&format!("`{name}` is empty"))),
            _ => Ok(text),
        }
    }

    /// A word that must be there.
    ///
    /// # Errors
    /// As [`Args::word`], and when it is missing.
    pub fn required(&mut self, name: &'static str) -> Result<String, Problem> {
        self.word(name)?.ok_or_else(|| self.problem(&format!("`{name}` is missing")))
    }

    /// An absolute path that must be there, under its `name` or one of its `aliases`.
    ///
    /// # Errors
    /// As [`Args::required`], for a path that is not absolute or that climbs with `..`, and
    /// when more than one of the names is used.
    pub fn path(
        &mut self,
        name: &'static str,
        aliases: &[&'static str],
    ) -> Result<String, Problem> {
        let mut path = self.absolute(name)?;
        for alias in aliases {
            let Some(other) = self.absolute(alias)? else { continue };
            if path.replace(other).is_some() {
                return Err(
                    self.problem(&format!("`{alias}` is `{name}` by another name: keep one"))
                );
            }
        }
        path.ok_or_else(|| self.problem(&format!("`{name}` is missing")))
    }

    /// An optional absolute path.
    ///
    /// # Errors
    /// As [`Args::word`], and for a path that is not absolute or that climbs with `..`.
    pub fn absolute(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let path = self.word(name)?;
        let sound = |path: &String| {
            path.starts_with('/') && !path.split('/').any(|part| part == ".." || part == ".")
        };
        match &path {
            Some(path) if !sound(path) => {
                Err(self.problem(&format!("`{name}` must be an absolute path, not {path}")))
            }
            _ => Ok(path),
        }
    }

    /// One word or a list of words (`name: [a, b]`, or `a,b` as Ansible allows).
    ///
    /// # Errors
    /// Anything else, or an empty list.
    pub fn words(&mut self, name: &'static str) -> Result<Vec<String>, Problem> {
        let words: Vec<String> = match self.take(name) {
            Some(Value::String(text)) => text.split(',').map(|w| w.trim().to_owned()).collect(),
            // What is no text becomes an empty word, which is refused.
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
            }
            _ => Vec::new(),
        };
        let sound = |word: &String| {
            !word.is_empty() && !word.starts_with('-') && !word.chars().any(char::is_control)
        };
        if words.is_empty() || !words.iter().all(sound) {
            return Err(self.problem(&format!("`{name}` must be a name or a list of names")));
        }
        Ok(words)
    }

    /// An optional truth: `true`, `yes`, `on`, `1` and their opposites.
    ///
    /// # Errors
    /// Anything else.
    pub fn truth(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Some(true)),
            "false" | "no" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.problem(&format!("`{name}` must be true or false, not {text}"))),
        }
    }

    /// Optional permission bits: `0644`, `"0644"`, `"644"`.
    ///
    /// # Errors
    /// Anything that is not an octal number up to 7777, and a number that was hardly meant as it
    /// is: YAML reads 644 as decimal, which is the mode 1204.
    pub fn mode(&mut self, name: &'static str) -> Result<Option<u32>, Problem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let mode = match &value {
            Value::String(text) => u32::from_str_radix(text.trim_start_matches("0o"), 8).ok(),
            // YAML has already read 0644 as the octal number that it is.
            Value::Number(number) => number
                .as_u64()
                .and_then(|bits| u32::try_from(bits).ok())
                .filter(|bits| is_usual(*bits)),
            _ => None,
        };
        match mode {
            Some(bits) if bits <= 0o7777 => Ok(Some(bits)),
            _ => Err(self
                .problem(&format!("`{name}` must be an octal mode such as \"0644\", not {value}"))
                .hint("write it with quotes and a leading zero")),
        }
    }

    /// Takes an argument that asks for what is done anyway, so that it is not called unknown.
    pub fn ignore(&mut self, name: &'static str) {
        self.take(name);
    }

    /// Refuses arguments that nothing has asked for.
    ///
    /// # Errors
    /// The first such argument, with the nearest known name.
    pub fn finish(self) -> Result<(), Problem> {
        let Some(name) = self.values.keys().next() else { return Ok(()) };
        let problem = self.problem(&format!("there is no argument `{name}`"));
        Err(problem.meant(name, &self.asked, "known are"))
    }
}

/// Whether mode bits are such as people give: the owner may read and has all that others have,
/// and nobody may write what he may not read.
fn is_usual(mode: u32) -> bool {
    let [owner, group, others] = [mode >> 6 & 7, mode >> 3 & 7, mode & 7];
    let readable = |bits: u32| bits & 2 == 0 || bits & 4 != 0;
    owner & 4 != 0 && (group | others) & !owner == 0 && readable(group) && readable(others)
}
