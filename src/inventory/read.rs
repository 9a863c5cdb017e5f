//! What `-i` names: files, folders of files, programs and lists of hosts.

use std::io;
use std::path::{Path, PathBuf};

use super::model::{Model, UNGROUPED};
use super::source::{self, Mark};
use super::vars_files::{list, refuse_vault};
use super::{address, ini, script, wait, yaml_file};
use crate::problem::{Place, Problem};
use crate::yaml;

/// The names under which a cluster's inventory may stand in its folder.
const NAMES: [&str; 4] = ["hosts", "hosts.yml", "hosts.yaml", "hosts.ini"];

/// The settings of a cluster, which stand beside its inventory and are none.
const SETTINGS: &str = "config.yml";

/// Entries of a folder that are no inventories: Ansible's own list.
const NO_SOURCES: [&str; 3] = ["host_vars", "group_vars", "vars_plugins"];

/// Endings of files that are no inventories: Ansible's `INVENTORY_IGNORE_EXTS`.
const IGNORED: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];

/// Adds what one `-i` names: a comma list of hosts, a folder, a program or a file. Says beside
/// which folder's `group_vars` and `host_vars` it stands, if it stands anywhere.
pub(super) fn source(model: &mut Model, source: &str) -> Result<Option<PathBuf>, Problem> {
    if source.trim().is_empty() {
        return Err(Problem::new("this names nothing")
            .hint("give a file, a folder or a list of hosts with a comma in it"));
    }
    let path = Path::new(source);
    if source.contains(',') && !path.exists() {
        host_list(model, source)?;
        return Ok(None);
    }
    if !path.is_dir() {
        file(model, path)?;
        return Ok(Some(path.parent().unwrap_or(Path::new("")).to_owned()));
    }
    let is_cluster =
        path.join(SETTINGS).is_file() && NAMES.iter().any(|name| path.join(name).is_file());
    if is_cluster {
        cluster(model, path)?;
    } else if !folder(model, path)? {
        let message = format!("there is no inventory in {}", path.display());
        return Err(Problem::new(message)
            .hint("hidden files and those that end in .md, .txt, .cfg, .bak, ... are not read"));
    }
    Ok(Some(path.to_owned()))
}

/// Adds the one inventory in a cluster's folder, which holds other things too.
pub(super) fn cluster(model: &mut Model, folder: &Path) -> Result<(), Problem> {
    let mut found = NAMES.iter().map(|name| folder.join(name)).filter(|file| file.is_file());
    match (found.next(), found.next()) {
        (Some(path), None) => file(model, &path),
        (Some(first), Some(second)) => Err(Problem::new(format!(
            "there are two inventories: {} and {}",
            first.display(),
            second.display()
        ))
        .hint("keep one of them")),
        (None, _) => Err(Problem::new(format!("there is no inventory in {}", folder.display()))
            .hint("its name is hosts, hosts.yml, hosts.yaml or hosts.ini")),
    }
}

/// Adds every inventory in a folder and the folders in it, sorted by name. Says whether there is
/// one.
fn folder(model: &mut Model, path: &Path) -> Result<bool, Problem> {
    let mut any = false;
    for name in list(path)? {
        let ignored = name.starts_with('.')
            || NO_SOURCES.contains(&name.as_str())
            || IGNORED.iter().any(|ending| name.ends_with(ending));
        if ignored {
            continue;
        }
        let entry = path.join(&name);
        if entry.is_dir() {
            any |= folder(model, &entry)?;
        } else {
            file(model, &entry)?;
            any = true;
        }
    }
    Ok(any)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let shown = path.display();
    let problem = Problem::new(format!("{shown} cannot be read: {error}"));
    let is_name = path.components().count() == 1 && error.kind() == io::ErrorKind::NotFound;
    if is_name {
        problem.hint(format!("a list of hosts ends with a comma: -i {shown},"))
    } else {
        problem
    }
}

fn file(model: &mut Model, path: &Path) -> Result<(), Problem> {
    let bytes = wait::read(path).map_err(|error| unreadable(path, &error))?;
    if script::is_program(path, &bytes) {
        return script::read(model, path);
    }
    let name = path.display().to_string();
    if bytes.starts_with(b"#!") && !script::is_executable(path) {
        let problem = Problem::new("it starts as a program does (#!), and may not be executed");
        return Err(problem.at(Place::in_file(path)).hint(format!("chmod +x {name}")));
    }
    if path.extension().is_some_and(|ending| ending == "toml") {
        return Err(Problem::new("inventories in TOML are not supported")
            .at(Place::in_file(path))
            .hint(format!("let Ansible convert it: ansible-inventory -i {name} --list --yaml")));
    }
    let text = source::text(path, without_odd_comments(bytes))?;
    refuse_vault(&name, &text)?;
    let source = model.sources.add(name.clone(), text.clone());
    if is_yaml(path, &text) {
        yaml_file::read(model, source, yaml::parse(&name, &text)?)
    } else {
        ini::read(model, source, text.strip_prefix('\u{feff}').unwrap_or(&text))
    }
}

/// Comments may be in any encoding: their bytes become question marks where they are not UTF-8.
fn without_odd_comments(mut bytes: Vec<u8>) -> Vec<u8> {
    if std::str::from_utf8(&bytes).is_ok() {
        return bytes;
    }
    for line in bytes.split_mut(|byte| *byte == b'\n') {
        if line.first().is_some_and(|byte| b"#;".contains(byte)) && str::from_utf8(line).is_err() {
            line.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
    }
    bytes
}

/// Adds the hosts of a list such as `web1,web2:2222,`. Those that are known stay as they are.
fn host_list(model: &mut Model, list: &str) -> Result<(), Problem> {
    let source = model.sources.add(format!("-i {list}"), String::new());
    let mark = Mark { source, line: 0, column: 0 };
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (name, port) = address::split_port(item);
        let port = port.map(address::parse_port).transpose()?;
        address::check_name(name).map_err(|problem| {
            if name.contains('[') {
                problem.hint("ranges are for inventory files: name each host in a list")
            } else {
                problem
            }
        })?;
        if model.hosts.contains_key(name) {
            continue;
        }
        let host = model.add_host(name.to_owned(), UNGROUPED, mark);
        if let Some(port) = port {
            model.set_host_var(host, "ansible_port", port.into(), mark)?;
        }
    }
    Ok(())
}

/// Whether a file is YAML: by its ending, or without one by its first line.
fn is_yaml(file: &Path, text: &str) -> bool {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => true,
        Some("ini") => false,
        _ => {
            let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
            let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
            first.is_some_and(|line| {
                let line = line.split(" #").next().unwrap_or_default().trim_end();
                line == "---" || line.starts_with('{') || line.ends_with(':')
            })
        }
    }
}
