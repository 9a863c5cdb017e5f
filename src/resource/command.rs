//! Commands: what no other kind can say. They cannot be undone.

use std::sync::Arc;

use super::{Args, Call, Difference, Observed, Obstacle, Resource, Subject, Work};
use crate::problem::Problem;

/// A command that runs unless the path that it makes is there already.
#[derive(Debug)]
struct Command {
    /// A text for the shell.
    line: String,
    creates: Option<String>,
    removes: Option<String>,
    chdir: Option<String>,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let line = match args.text("cmd")? {
        Some(line) => line,
        None => args.text("_raw_params")?.unwrap_or_default(),
    };
    if line.trim().is_empty() {
        return Err(args.problem("the command is missing"));
    }
    // `command` starts a program without a shell in between: its words are quoted again, so
    // that nothing in them means anything to one.
    let line = if args.module() == "command" {
        let words = shlex::split(&line)
            .ok_or_else(|| args.problem("a quote in the command is not closed"))?;
        shlex::try_join(words.iter().map(String::as_str))
            .map_err(|e| args.problem(&e.to_string()))?
    } else {
        line
    };
    let command = Command {
        line,
        creates: args.absolute("creates")?,
        removes: args.absolute("removes")?,
        chdir: args.absolute("chdir")?,
    };
    Ok(Arc::new(command))
}

impl Command {
    /// What is shown of the command: a summary has one line.
    fn first_line(&self) -> String {
        match self.line.trim().split_once('\n') {
            Some((first, _)) => format!("{first} ..."),
            None => self.line.trim().to_owned(),
        }
    }
}

impl Resource for Command {
    fn subjects(&self) -> Vec<Subject> {
        self.creates.iter().chain(&self.removes).cloned().map(Subject::Path).collect()
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        let there = |path: &String| observed.paths.contains_key(path);
        let done = self.creates.as_ref().is_some_and(there)
            || self.removes.as_ref().is_some_and(|path| !there(path));
        if done {
            return Ok(None);
        }
        let folder = self.chdir.clone().unwrap_or_else(|| "/".to_owned());
        Ok(Some(Difference {
            summary: format!("run {}", self.first_line()),
            texts: None,
            work: Work {
                activate: Some(Call::new("command_run", [folder, self.line.clone()])),
                ..Work::default()
            },
        }))
    }
}
