//! group_vars/ and host_vars/: files of variables beside the inventory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::model::{Model, Var, Vars};
use super::source::{Mark, read_text};
use crate::problem::{Place, Problem};
use crate::yaml::{self, Node};

/// Endings of variable files, in the order in which they are looked for.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// Reads the variables of every group and host from the folders beside an inventory.
pub(super) fn read(model: &mut Model, folder: &Path) -> Result<(), Problem> {
    let this = model.folders;
    model.folders += 1;
    let groups = folder.join("group_vars");
    for (number, file) in found(&groups, model.groups.keys())? {
        let vars = load(model, &file)?;
        if let Some((_, group)) = model.groups.get_index_mut(number) {
            match group.files.last_mut() {
                Some((folder, known)) if *folder == this => known.extend(vars),
                _ => group.files.push((this, vars)),
            }
        }
    }
    let hosts = folder.join("host_vars");
    for (number, file) in found(&hosts, model.hosts.keys())? {
        let vars = load(model, &file)?;
        if let Some((_, host)) = model.hosts.get_index_mut(number) {
            host.files.extend(vars);
        }
    }
    Ok(())
}

/// The variables of one YAML or JSON file, such as config.yml. An empty file has none.
///
/// # Errors
/// A [`Problem`] when the file cannot be read, is broken, or is not a mapping.
pub fn read_vars(file: &Path) -> Result<Map<String, Value>, Problem> {
    let name = file.display().to_string();
    let text = read_text(file)?;
    let entries = entries(&name, &text)?;
    Ok(entries.into_iter().map(|(key, node)| (key.name, node.into_value())).collect())
}

/// The files for each name, with the number of the name, in the order in which they apply.
///
/// Like Ansible this takes the first of NAME, NAME.yml, NAME.yaml and NAME.json, and when NAME
/// is a folder all files in it. The folder is listed once, however many names there are.
fn found<'a>(
    folder: &Path,
    names: impl Iterator<Item = &'a String>,
) -> Result<Vec<(usize, PathBuf)>, Problem> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    let listed: HashSet<String> = list(folder)?.into_iter().collect();
    for (number, name) in names.enumerate() {
        let mut candidates = ENDINGS.iter().map(|ending| format!("{name}{ending}"));
        if let Some(entry) = candidates.find(|candidate| listed.contains(candidate)) {
            let path = folder.join(entry);
            if path.is_dir() {
                let mut inside = Vec::new();
                collect(&path, &mut inside)?;
                files.extend(inside.into_iter().map(|file| (number, file)));
            } else {
                files.push((number, path));
            }
        }
    }
    Ok(files)
}

/// All variable files in a folder and its folders, sorted by name, without hidden files and
/// backups.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    for name in list(folder)? {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = folder.join(&name);
        let ending = path.extension().map_or(String::new(), |e| format!(".{}", e.display()));
        if path.is_dir() {
            if ending.is_empty() {
                collect(&path, files)?;
            }
        } else if ENDINGS.contains(&ending.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}

/// The names in a folder, sorted. Names that are not UTF-8 cannot be meant for us.
pub(super) fn list(folder: &Path) -> Result<Vec<String>, Problem> {
    let unreadable = |error| Problem::new(format!("{} cannot be read: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn load(model: &mut Model, file: &Path) -> Result<Vars, Problem> {
    let name = file.display().to_string();
    let text = read_text(file)?;
    if yaml::is_vaulted(&text) {
        // Most runs need nothing of it; what they need will be missed by name.
        let problem = Problem::new("encrypted with ansible-vault: its variables are left aside");
        model.warnings.push(problem.at(Place::in_file(file)));
        return Ok(Vars::new());
    }
    let entries = entries(&name, &text)?;
    let source = model.sources.add(name, text);
    let mut vars = Vars::new();
    for (key, node) in entries {
        let mark = Mark { source, line: node.line, column: node.column };
        let value = node.into_value();
        model.check(&key.name, &value, mark)?;
        vars.insert(key.name, Var { value, mark });
    }
    Ok(vars)
}

fn entries(file: &str, text: &str) -> Result<Vec<(yaml::Key, Node)>, Problem> {
    refuse_vault(file, text)?;
    yaml::variables(file, text)
}

/// Refuses a file that nothing can be done without.
pub(super) fn refuse_vault(file: &str, text: &str) -> Result<(), Problem> {
    if !yaml::is_vaulted(text) {
        return Ok(());
    }
    Err(Problem::new("this file is encrypted with ansible-vault")
        .at(Place::in_source(file, text, 1, 1))
        .hint("decrypt it first: ansible-vault decrypt FILE"))
}
