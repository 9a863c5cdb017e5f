//! The project folder: inventories, roles and templates, with those inside the binary beneath.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::problem::{Place, Problem};

static ROLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/roles");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// A file's text and the name to call it by in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The path as the user knows it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// A folder with `inventories/`, `roles/` and `templates/`, each of which may be missing.
#[derive(Debug, Clone)]
pub struct Project {
    dir: PathBuf,
}

impl Project {
    /// The project in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The path of `relative` as the user would type it.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        if self.dir == Path::new(".") { PathBuf::from(relative) } else { self.dir.join(relative) }
    }

    /// The file at `relative` (`roles/...` or `templates/...`): the project's own copy, or the
    /// one inside the binary. None when there is neither.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is not UTF-8.
    pub fn read(&self, relative: &str) -> Result<Option<Text>, Problem> {
        let path = self.path(relative);
        match read_text(&path) {
            Ok(text) => return Ok(Some(Text { file: path.display().to_string(), text })),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        let built_in = match relative.split_once('/') {
            Some(("roles", rest)) => ROLES.get_file(rest),
            Some(("templates", rest)) => TEMPLATES.get_file(rest),
            _ => None,
        };
        let text = built_in.and_then(|file| file.contents_utf8());
        Ok(text.map(|text| Text { file: format!("(built in) {relative}"), text: text.to_owned() }))
    }

    /// The names of all roles with tasks, sorted.
    #[must_use]
    pub fn role_names(&self) -> Vec<String> {
        let mut names = folders(&self.path("roles"));
        names.extend(ROLES.dirs().map(|dir| dir.path().display().to_string()));
        names.sort();
        names.dedup();
        names.retain(|name| self.role_has(name, "tasks"));
        names
    }

    /// Whether the role `name` has a file `main.yml` in its folder `part`.
    fn role_has(&self, name: &str, part: &str) -> bool {
        ["yml", "yaml"].iter().any(|end| {
            let file = format!("roles/{name}/{part}/main.{end}");
            self.read(&file).is_ok_and(|text| text.is_some())
        })
    }

    /// The names of all clusters, sorted.
    #[must_use]
    pub fn clusters(&self) -> Vec<String> {
        folders(&self.path("inventories"))
    }

    /// The folder of `cluster`.
    ///
    /// # Errors
    /// There is no such cluster: the known ones are listed.
    pub fn cluster(&self, cluster: &str) -> Result<PathBuf, Problem> {
        check_cluster_name(cluster)?;
        let folder = self.path(&format!("inventories/{cluster}"));
        if folder.is_dir() {
            return Ok(folder);
        }
        if !self.dir.is_dir() {
            return Err(Problem::new(format!("there is no project folder {}", self.dir.display()))
                .hint("give the folder that holds inventories/ with --project-dir"));
        }
        let known = self.clusters();
        let problem = Problem::new(format!(
            "there is no cluster `{cluster}`: {} does not exist",
            folder.display()
        ));
        Err(if known.is_empty() {
            problem.hint(format!("`ezsync new {cluster}` makes it"))
        } else {
            problem.hint(format!(
                "known clusters: {}; `ezsync new {cluster}` makes a new one",
                known.join(", ")
            ))
        })
    }
}

/// Refuses a cluster name that would leave the folder of inventories or spoil a report.
///
/// # Errors
/// Anything but letters, digits, `.`, `_` and `-`, or a name that starts with `.` or `-`.
pub fn check_cluster_name(name: &str) -> Result<(), Problem> {
    let sound = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(sound) {
        let shown = name.escape_debug();
        return Err(Problem::new(format!("`{shown}` is not a name for a cluster"))
            .hint("use letters, digits, `.`, `_` and `-`, as in cluster01"));
    }
    Ok(())
}

/// The text of a file that must be there.
///
/// # Errors
/// The file is missing, cannot be read, or is not UTF-8.
pub fn read_required(path: &Path) -> Result<Text, Problem> {
    match read_text(path) {
        Ok(text) => Ok(Text { file: path.display().to_string(), text }),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return Problem::new("this file is not UTF-8 text").at(Place::in_file(path));
    }
    Problem::new(format!("cannot read it: {error}")).at(Place::in_file(path))
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn folders(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
