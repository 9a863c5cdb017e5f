//! Resources: what a task wants on a host, one file a kind.
//!
//! A kind says what to observe, how to compare and what to run. It speaks in
//! [`Call`]s of the functions in `remote/sh/`; how these travel to a host is not known here.

mod args;
mod clock;
mod command;
mod entry;
mod file;
mod package;
mod path;
mod service;
mod timezone;

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

pub use args::Args;
pub use entry::{Entry, PathKind, PathWish, UnitWish};
pub use file::{CONTENT_MAX, Content};
pub use service::is_name as is_service_name;
pub use timezone::is_name as is_timezone;

use crate::bundle::{Misfit, Supply};
use crate::problem::Problem;
use crate::verify::ClockOffset;

/// One thing on a host that a resource looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An installed package, by name.
    Package(String),
    /// All packages of the host, where the one of this name is missing: what a bundle has to bring depends
    /// on them. Nothing in a run without a bundle.
    Stock(String),
    /// A path in the file system.
    Path(String),
    /// A service, by the name that the host's service manager uses.
    Unit(String),
    /// The host's time zone, and whether it has the one of this name.
    Timezone(String),
    /// How far the host's clock is from the controller's, read with care.
    Clock,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathState {
    /// `regular file`, `directory`, ... as stat names it.
    pub kind: String,
    /// Permission bits.
    pub mode: u32,
    /// Who owns it.
    pub owner: Account,
    /// The group that it belongs to.
    pub group: Account,
    /// Size in bytes.
    pub size: u64,
    /// The bytes of a regular file that is small enough to be fetched.
    pub content: Option<Vec<u8>>,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name; `UNKNOWN` for a number that has none.
    pub name: String,
    /// Its number.
    pub number: u32,
}

impl Account {
    /// Whether `wish`, a name or a number, means this one.
    #[must_use]
    pub fn is(&self, wish: &str) -> bool {
        self.name == wish || wish.parse() == Ok(self.number)
    }
}

impl PathState {
    /// True for a link that leads nowhere.
    #[must_use]
    pub fn is_broken_link(&self) -> bool {
        self.kind == "symbolic link"
    }

    /// True for a folder.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == "directory"
    }
}

/// What a service is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UnitState {
    /// The service's own name; differs from the one asked for when that is an alias.
    pub id: String,
    /// Whether the service manager knows it.
    pub exists: bool,
    /// Whether it runs.
    pub active: bool,
    /// `active`, `inactive`, `failed`, ...
    pub state: String,
    /// Whether it starts at boot; none for a service that can be neither enabled nor disabled.
    pub enabled: Option<bool>,
    /// Whether it is forbidden to start.
    pub masked: bool,
    /// False when a condition of the unit kept it from starting.
    pub condition: bool,
    /// Its command line as the service manager shows it.
    pub exec_start: String,
}

/// What stands on a host now. What was asked for and is not in here is not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Installed packages with their versions.
    pub packages: HashMap<String, String>,
    /// Paths that exist.
    pub paths: HashMap<String, PathState>,
    /// Services by the name that was asked for.
    pub units: HashMap<String, UnitState>,
    /// The time zone's name.
    pub timezone: Option<String>,
    /// How far the clock is ahead of the controller's.
    pub clock: Option<ClockOffset>,
    /// The container's kind, where the host is one: its clock is its own host's.
    pub container: Option<String>,
    /// Zones that the host has: those that were asked for, and where one of these is missing all others
    /// as well.
    pub zones: Vec<String>,
    /// What the run's bundle has for the host; none in a run without one.
    pub supply: Option<Supply>,
}

impl Observed {
    /// Counts on it that `work` brings the packages that it sends: later changes find them there.
    pub fn expect(&mut self, work: &Work) {
        if let Some(supply) = &mut self.supply {
            let digests = work.uploads.iter().map(|upload| upload.sha256.as_str());
            self.packages.extend(supply.expect(digests));
        }
    }
}

/// Why a host cannot be brought to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way.
    pub what: String,
    /// What to do about it.
    pub next: String,
    /// Whether it is the bundle that lacks something: then no host is to be changed.
    pub misfit: bool,
    /// The packages that the bundle lacks, where these are all that is in the way.
    pub lacks: Vec<String>,
}

impl Obstacle {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into(), misfit: false, lacks: Vec::new() }
    }

    /// Something else stands where a file or a folder shall be.
    fn at_path(what: String) -> Self {
        Self::new(what, "put it out of the way, or name another path")
    }
}

impl From<Misfit> for Obstacle {
    fn from(Misfit { what, next, lacks }: Misfit) -> Self {
        Self { what, next, misfit: true, lacks }
    }
}

/// A function of the remote script with its arguments. Quoted by `remote` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function's name in `remote/sh/`.
    pub function: &'static str,
    /// Its arguments after the number of the change.
    pub args: Vec<String>,
}

impl Call {
    pub(crate) fn new<I, S>(function: &'static str, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self { function, args: args.into_iter().map(Into::into).collect() }
    }
}

/// What to run on a host for one change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// Runs on all hosts at once, before any service is touched: sets the clock, installs, stages, checks, and
    /// notes in the host's journal how all is undone.
    pub prepare: Option<Call>,
    /// Runs when the host's turn has come.
    pub activate: Option<Call>,
    /// The bytes to write and the command that checks them.
    pub content: Option<Content>,
    /// What is sent to the host before `prepare` runs, and taken away when the run has ended.
    pub uploads: Vec<Upload>,
}

/// A file that is sent to a host. Its bytes are shared by all hosts that get it.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name, without any folder.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How much more it takes on the host's disk once it is installed, in bytes; 0 when that is not known.
    pub installed_size: u64,
    /// What it holds.
    pub bytes: Bytes,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

impl Work {
    /// Whether it starts the service `unit` anew, also where that runs.
    #[must_use]
    pub fn restarts(&self, unit: &str) -> bool {
        self.activate.as_ref().is_some_and(|call| {
            call.function == service::RESTART && call.args.first().is_some_and(|name| name == unit)
        })
    }

    /// Whether it replaces or removes what stands at `path`.
    #[must_use]
    pub fn replaces(&self, path: &str) -> bool {
        self.activate.as_ref().is_some_and(|call| {
            let replaces = matches!(call.function, file::COMMIT | path::REMOVE);
            replaces && call.args.first().is_some_and(|known| known == path)
        })
    }

    /// Whether it fetches packages, which only a host with about the right time takes.
    #[must_use]
    pub fn installs(&self) -> bool {
        self.prepare.as_ref().is_some_and(|call| call.function == package::INSTALL)
    }

    /// Whether it brings packages, which nothing takes away again.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.prepare
            .as_ref()
            .is_some_and(|call| [package::INSTALL, package::INSTALL_FILES].contains(&call.function))
    }

    /// Whether it writes the file `path`.
    #[must_use]
    pub fn writes(&self, path: &str) -> bool {
        self.content.is_some()
            && self
                .activate
                .as_ref()
                .is_some_and(|call| call.args.first().is_some_and(|file| file == path))
    }

    /// Whether it sets the clock.
    #[must_use]
    pub fn sets_clock(&self) -> bool {
        self.prepare.as_ref().is_some_and(|call| call.function == clock::SET)
    }
}

/// How a host differs from what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What will be done, in a few words: `install chrony`.
    pub summary: String,
    /// Text before and after, for the diff; none when there is nothing to show.
    pub texts: Option<Texts>,
    /// What to run.
    pub work: Work,
}

/// A text before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The file's path.
    pub path: String,
    /// What stands there; empty when nothing does.
    pub before: String,
    /// What will stand there.
    pub after: String,
}

/// A file that a resource writes whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Where it stands on the host.
    pub path: String,
    /// What it holds; none when not everyone may read it there.
    pub text: Option<String>,
}

/// A kind of resource with its wishes.
pub trait Resource: Debug + Send + Sync {
    /// What has to be observed to compare.
    fn subjects(&self) -> Vec<Subject>;
    /// What must change on a host where `observed` stands; none when all is as wanted.
    ///
    /// # Errors
    /// The host cannot be brought there.
    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle>;
    /// The file that it writes, when it writes one.
    fn file(&self) -> Option<FileText> {
        None
    }
    /// What it wants, for the record on the host; nothing for what leaves no lasting state.
    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }
}

type Make = fn(&mut Args) -> Result<Arc<dyn Resource>, Problem>;

/// Ansible's module names and the kinds behind them.
const MODULES: [(&str, Make); 14] = [
    ("package", package::make),
    ("apt", package::make),
    ("dnf", package::make),
    ("yum", package::make),
    ("template", file::make),
    ("copy", file::make),
    ("file", path::make),
    ("service", service::make),
    ("systemd", service::make),
    ("systemd_service", service::make),
    ("timezone", timezone::make),
    ("clock", clock::make),
    ("command", command::make),
    ("shell", command::make),
];

/// The module's short name for `name`, when there is such a module: `ansible.builtin.copy` and
/// `community.general.timezone` are the same as `copy` and `timezone`.
#[must_use]
pub fn module(name: &str) -> Option<&'static str> {
    let short = ["ansible.builtin.", "ansible.legacy.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    MODULES.iter().map(|(known, _)| *known).find(|known| *known == short)
}

/// The names of all modules.
#[must_use]
pub fn module_names() -> Vec<&'static str> {
    MODULES.iter().map(|(name, _)| *name).collect()
}

/// The resource that module `name` makes of `args`.
///
/// # Errors
/// An argument that is missing, unknown or of the wrong type.
pub fn make(name: &str, mut args: Args) -> Result<Arc<dyn Resource>, Problem> {
    let Some((_, make)) = MODULES.iter().find(|(known, _)| *known == name) else {
        return Err(args.problem(&format!("there is no module `{name}`")));
    };
    let resource = make(&mut args)?;
    args.finish()?;
    Ok(resource)
}

#[cfg(test)]
mod tests;
