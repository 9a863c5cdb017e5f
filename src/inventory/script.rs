//! Dynamic inventory: a program that answers `--list` and `--host NAME` with JSON, as Ansible's
//! inventory scripts do.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use indexmap::IndexSet;
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout, Command};

use super::address;
use super::model::Model;
use super::source::{self, Mark};
use super::wait::{MOST, MOST_SHOWN, wait};
use crate::problem::{Place, Problem};

/// How long a program may take for one answer. Those that ask a cloud for a thousand machines
/// take a minute; one that hangs must not hold up the run for ever.
const DEADLINE: Duration = Duration::from_secs(180);

/// How much of a program's complaints is kept, in bytes.
const COMPLAINT_MOST: u64 = 64 << 10;

/// Whether a file is there to be run: it may be executed, and starts as a program does. Where
/// file systems call every file executable (Windows' drives do) an INI file is still read.
pub(super) fn is_program(path: &Path, bytes: &[u8]) -> bool {
    is_executable(path) && (bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF"))
}

/// Whether anybody may execute a file.
pub(super) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

/// Runs a program and adds the hosts, groups and variables that it answers with.
pub(super) fn read(model: &mut Model, path: &Path) -> Result<(), Problem> {
    let source = model.sources.add(path.display().to_string(), String::new());
    let program = Program { path, mark: Mark { source, line: 0, column: 0 } };
    let Value::Object(mut groups) = program.ask(model, &["--list"], DEADLINE)? else {
        return Err(program.problem("its answer to --list is not a JSON object of groups"));
    };
    let meta = groups.shift_remove("_meta");
    let mut hosts = IndexSet::new();
    for (name, group) in groups {
        program.group(model, &name, group, &mut hosts)?;
    }
    let known = match meta {
        None => None,
        Some(meta) => match meta.get("hostvars") {
            Some(Value::Object(known)) => Some(known.clone()),
            _ => return Err(program.problem("its _meta holds no object hostvars")),
        },
    };
    for name in hosts {
        let vars = match &known {
            Some(known) => known.get(&name).cloned().unwrap_or_default(),
            None => program.ask(model, &["--host", &name], DEADLINE)?,
        };
        let vars = match vars {
            Value::Object(vars) => vars,
            Value::Null => Map::new(),
            _ => return Err(program.problem(format!("the variables of {name} are no object"))),
        };
        if let Some(host) = model.hosts.get_index_of(&name) {
            for (key, value) in vars {
                model.set_host_var(host, &key, value, program.mark)?;
            }
        }
    }
    Ok(())
}

struct Program<'a> {
    path: &'a Path,
    mark: Mark,
}

impl Program<'_> {
    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(message).at(Place::in_file(self.path))
    }

    /// One group: a list of hosts, or an object with `hosts`, `vars` and `children`. An object
    /// with none of these is what very old scripts say of a single host: its variables.
    fn group(
        &self,
        model: &mut Model,
        name: &str,
        answer: Value,
        hosts: &mut IndexSet<String>,
    ) -> Result<(), Problem> {
        let mut parts = match answer {
            Value::Array(_) => Map::from_iter([("hosts".to_owned(), answer)]),
            Value::Object(parts) => parts,
            _ => return Err(self.problem(format!("the group {name} is neither object nor list"))),
        };
        if !["hosts", "vars", "children"].iter().any(|part| parts.contains_key(*part)) {
            let vars = Value::Object(std::mem::take(&mut parts));
            parts.insert("hosts".to_owned(), vec![name].into());
            parts.insert("vars".to_owned(), vars);
        }
        let group = model.add_group(name, self.mark);
        for host in self.names(name, "hosts", parts.shift_remove("hosts"))? {
            address::check_name(&host).map_err(|problem| problem.at(Place::in_file(self.path)))?;
            model.add_host(host.clone(), group, self.mark);
            hosts.insert(host);
        }
        match parts.shift_remove("vars") {
            None => {}
            Some(Value::Object(vars)) => {
                for (key, value) in vars {
                    model.set_group_var(group, &key, value, self.mark)?;
                }
            }
            Some(_) => return Err(self.problem(format!("the vars of {name} are no object"))),
        }
        for child in self.names(name, "children", parts.shift_remove("children"))? {
            let child = model.add_group(&child, self.mark);
            model.add_child(group, child, self.mark)?;
        }
        Ok(())
    }

    /// The strings of a list in the answer.
    fn names(&self, group: &str, part: &str, list: Option<Value>) -> Result<Vec<String>, Problem> {
        let problem =
            || self.problem(format!("the {part} of the group {group} are no list of names"));
        let Some(list) = list else { return Ok(Vec::new()) };
        let Value::Array(items) = list else { return Err(problem()) };
        let name = |item| match item {
            Value::String(name) => Ok(name),
            _ => Err(problem()),
        };
        items.into_iter().map(name).collect()
    }

    /// The program's answer. What it says on its standard error becomes a warning. An empty
    /// answer, which is allowed for a host without variables, is null.
    fn ask(
        &self,
        model: &mut Model,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<Value, Problem> {
        let asked = arguments.join(" ");
        let output = run(self.path, arguments, deadline)
            .map_err(|fault| self.problem(format!("{asked}: {fault}")))?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !output.status.success() {
            let problem = self.problem(format!("{asked}: it ended with {}", output.status));
            return Err(if complaint.is_empty() {
                problem
            } else {
                problem.hint(format!("it says: {complaint}"))
            });
        }
        if !complaint.is_empty() {
            model.warnings.push(self.problem(format!("{asked}: it says: {complaint}")));
        }
        let text = source::text(self.path, output.stdout)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .map_err(|error| self.problem(format!("{asked}: its answer is not JSON: {error}")))
    }
}

/// Runs a program to its end. It reads nothing, and is killed when `deadline` has passed, when it says too much
/// or when the user wants to end.
fn run(path: &Path, arguments: &[&str], deadline: Duration) -> Result<Output, String> {
    // Without a slash the name would be looked for in PATH.
    let program = std::path::absolute(path).map_err(|error| error.to_string())?;
    let work = async {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = tokio::try_join!(said(out, MOST), complaint(err))?;
        Ok(Output { status: child.wait().await?, stdout, stderr })
    };
    wait(deadline, work).map_err(|error| match error.raw_os_error() {
        Some(_) => format!("it cannot be run: {error}"),
        None => error.to_string(),
    })
}

/// All that a program says, which must be no more than `most` bytes.
async fn said(pipe: Option<ChildStdout>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok(bytes) };
    let read = pipe.take(most + 1).read_to_end(&mut bytes).await?;
    if u64::try_from(read).unwrap_or(u64::MAX) > most {
        let words = format!("its answer is larger than {MOST_SHOWN}, and was given up");
        return Err(io::Error::other(words));
    }
    Ok(bytes)
}

/// The beginning of what it says on its standard error.
async fn complaint(pipe: Option<ChildStderr>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(bytes) };
    (&mut pipe).take(COMPLAINT_MOST).read_to_end(&mut bytes).await?;
    // The rest is heard, or the program would wait for its listener.
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, text: &str, mode: u32) -> std::path::PathBuf {
        let path = folder.join("hosts");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn only_programs_that_may_be_run_are_run() {
        let folder = tempfile::tempdir().unwrap();
        for (text, mode, expected) in [
            ("#!/bin/sh\n", 0o755, true),
            ("#!/bin/sh\n", 0o644, false),
            ("[web]\nw1\n", 0o777, false),
            ("\x7fELF", 0o700, true),
        ] {
            let path = program(folder.path(), text, mode);
            assert_eq!(is_program(&path, text.as_bytes()), expected, "{text:?} {mode:o}");
        }
    }

    #[test]
    fn a_program_that_hangs_costs_its_deadline() {
        let begun = std::time::Instant::now();
        let sleep = Path::new("/bin/sleep");
        let fault = run(sleep, &["600"], Duration::from_millis(300)).unwrap_err();
        assert_eq!(fault, "no answer within 0.3 seconds");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
