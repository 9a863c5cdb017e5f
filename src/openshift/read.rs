//! MachineConfigs as they stand in a file: written by hand, by Butane, or dumped with `oc get mc -o yaml`.

use super::around::Around;
use super::data_url;
use super::entry::Entry;
use super::ignition::Account;
use super::machine_config::{KIND, ROLE};
use crate::problem::{Place, Problem};
use crate::yaml::{Node, parse_all};

/// Permission bits of a file where nothing is said of them.
const MODE: u32 = 0o644;

/// How the names of those begin that the operator puts together. They have no label.
const RENDERED: &str = "rendered-";

/// The versions of Ignition's configuration that are read: those of 3 up to that of the newest release known here.
const IGNITIONS: [&str; 9] =
    ["2.0.0", "2.1.0", "2.2.0", "3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"];

/// What a cluster adds to the metadata of an object.
const ADDED: [&str; 10] = [
    "annotations",
    "creationTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What stands in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dumps {
    /// Its MachineConfigs in order.
    pub configs: Vec<Dumped>,
    /// Other objects by kind and name, and why they are left aside.
    pub others: Vec<String>,
    /// MachineConfigs that cannot be read: only where they are compared.
    pub unread: Vec<Unread>,
    pub(super) around: Around,
}

/// What MachineConfigs are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To compare them, each for itself: one that cannot be read is a finding.
    Compare,
    /// To have all that they say.
    Import,
}

/// A MachineConfig that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// The pool that it is for; none where that cannot be read either.
    pub pool: Option<String>,
    /// Why, with the line.
    pub why: String,
}

/// One MachineConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// Its name.
    pub name: String,
    /// The pool that it is for.
    pub pool: String,
    /// Its files, decoded.
    pub files: Vec<DumpedFile>,
    pub(super) units: Vec<DumpedUnit>,
    pub(super) kernel_arguments: Vec<String>,
    /// Its labels beside that of its pool, by name: a cluster's tools add their own.
    pub(super) labels: Vec<String>,
    /// What else is in it, by name.
    pub(super) others: Vec<String>,
}

/// A file of a MachineConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpedFile {
    /// Where it stands on a node.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whose it is; none for root.
    pub(super) user: Option<Account>,
    pub(super) group: Option<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DumpedUnit {
    pub name: String,
    pub contents: String,
    pub enabled: bool,
}

/// The objects in `text`, which is what `file` holds, read for a `purpose`.
///
/// # Errors
/// Something that cannot be read, and a MachineConfig that the operator would not take: with its place.
pub fn read(file: &str, text: &str, purpose: Purpose) -> Result<Dumps, Problem> {
    let mut dumps = Dumps::default();
    let mut found = false;
    let nodes: Vec<Node> = parse_all(file, text)?;
    for node in nodes.iter().filter(|node| !node.is_null()) {
        found |= dumps.add(&Entry::whole(file, text, node), purpose)?;
    }
    if !found {
        return Err(Problem::new("there is no MachineConfig in it")
            .at(Place { file: file.to_owned(), line: 0, column: 0, text: String::new() })
            .hint("dump them with `oc get mc -o yaml NAME`"));
    }
    Ok(dumps)
}

impl Dumps {
    /// Adds what another file has.
    ///
    /// # Errors
    /// The name of a MachineConfig that stands in both.
    pub fn add_all(&mut self, more: Self) -> Result<(), String> {
        for config in more.configs {
            if self.configs.iter().any(|known| known.name == config.name) {
                return Err(config.name);
            }
            self.configs.push(config);
        }
        self.others.extend(more.others);
        self.unread.extend(more.unread);
        self.around.pools.extend(more.around.pools);
        self.around.disruption_policy |= more.around.disruption_policy;
        Ok(())
    }

    /// Adds an object, or those of a list. Whether a MachineConfig is among them.
    fn add(&mut self, entry: &Entry<'_>, purpose: Purpose) -> Result<bool, Problem> {
        let kind = match entry.get("kind")? {
            Some(kind) => kind.text()?,
            None => {
                let hint = "objects of a cluster are read, as `oc get mc -o yaml` prints them; what Butane takes becomes one \
                            with `butane FILE`";
                return Err(entry.problem("an object without its `kind`").hint(hint));
            }
        };
        let metadata = entry.get("metadata")?;
        let name = metadata.map(|it| it.get("name")).transpose()?.flatten();
        let name = name.map(|name| name.text()).transpose()?.unwrap_or_default();
        match kind {
            KIND if name.starts_with(RENDERED) => {
                self.others.push(format!("{KIND} {name}: the operator has made it of the others"));
                Ok(true)
            }
            KIND if purpose == Purpose::Import && has_no_role(entry)? => {
                self.others.push(format!("{KIND} {name}: without the label {ROLE} no pool has it"));
                Ok(true)
            }
            KIND => {
                let config = match Dumped::read(entry) {
                    Err(problem) if purpose == Purpose::Compare && !name.is_empty() => {
                        self.unread.push(Unread::new(name, entry, &problem));
                        return Ok(true);
                    }
                    read => read?,
                };
                if self.configs.iter().any(|known| known.name == config.name) {
                    return Err(entry.problem(&format!("{} stands here twice", config.name)));
                }
                self.configs.push(config);
                Ok(true)
            }
            "List" | "MachineConfigList" => {
                // One of nothing says that nothing is there, which is an answer.
                let items = entry.get("items")?;
                let mut found =
                    purpose == Purpose::Compare && items.as_ref().is_some_and(Entry::says_nothing);
                if let Some(items) = items {
                    for item in items.items()? {
                        found |= self.add(&item.named(""), purpose)?;
                    }
                }
                Ok(found)
            }
            "MachineConfigPool" if purpose == Purpose::Import => {
                self.around.pool(name, entry, &mut self.others)?;
                Ok(true)
            }
            "MachineConfiguration" if purpose == Purpose::Import => {
                self.around.policy(name, entry, &mut self.others)?;
                Ok(true)
            }
            other => {
                self.others.push(format!("{other} {name}: no MachineConfig"));
                Ok(false)
            }
        }
    }
}

impl Unread {
    fn new(name: &str, entry: &Entry<'_>, problem: &Problem) -> Self {
        let line = problem.place().map(|place| format!("line {}: ", place.line));
        let why = format!("{}{}", line.unwrap_or_default(), problem.message());
        let pool = role(entry).ok().flatten().and_then(|role| role.word().ok());
        Self { name: name.to_owned(), pool: pool.map(ToOwned::to_owned), why }
    }
}

impl Dumped {
    fn read(entry: &Entry<'_>) -> Result<Self, Problem> {
        let metadata = entry.get("metadata")?;
        let name = metadata.as_ref().map(|it| it.get("name")).transpose()?.flatten();
        let name = name.ok_or_else(|| {
            missing(metadata.as_ref().unwrap_or(entry), "name", "99-worker-chrony")
        })?;
        let role = role(entry)?.ok_or_else(|| {
            missing(metadata.as_ref().unwrap_or(entry), &format!("labels.{ROLE}"), "worker")
        })?;
        let mut config = Self {
            name: name.word()?.to_owned(),
            pool: role.word()?.to_owned(),
            files: Vec::new(),
            units: Vec::new(),
            kernel_arguments: Vec::new(),
            labels: Vec::new(),
            others: Vec::new(),
        };
        for (field, entry) in entry.fields()? {
            match field {
                "apiVersion" | "kind" | "status" => {}
                "metadata" => config.metadata(&entry)?,
                "spec" => config.spec(&entry)?,
                _ => config.other(&entry),
            }
        }
        Ok(config)
    }

    /// Notes what is read by nobody, when it says something.
    fn other(&mut self, entry: &Entry<'_>) {
        if !entry.says_nothing() {
            self.others.push(entry.name.clone());
        }
    }

    fn metadata(&mut self, metadata: &Entry<'_>) -> Result<(), Problem> {
        for (field, entry) in metadata.fields()? {
            match field {
                "name" => {}
                "labels" => {
                    for (_, label) in entry.fields()?.iter().filter(|(name, _)| *name != ROLE) {
                        self.labels.push(label.name.clone());
                    }
                }
                _ if ADDED.contains(&field) => {}
                _ => self.other(&entry),
            }
        }
        Ok(())
    }

    fn spec(&mut self, spec: &Entry<'_>) -> Result<(), Problem> {
        for (field, entry) in spec.fields()? {
            match field {
                "config" => self.config(&entry)?,
                "kernelArguments" => {
                    for item in entry.items()? {
                        self.kernel_arguments.push(item.text()?.to_owned());
                    }
                }
                _ => self.other(&entry),
            }
        }
        Ok(())
    }

    fn config(&mut self, config: &Entry<'_>) -> Result<(), Problem> {
        for (section, entry) in config.fields()? {
            for (field, entry) in entry.fields()? {
                match (section, field) {
                    ("ignition", "version") => ignition_version(&entry)?,
                    ("storage", "files") => {
                        for item in entry.items()? {
                            self.file(&item)?;
                        }
                    }
                    ("systemd", "units") => {
                        for item in entry.items()? {
                            self.unit(&item)?;
                        }
                    }
                    _ => self.other(&entry),
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &Entry<'_>) -> Result<(), Problem> {
        let path = file.get("path")?.ok_or_else(|| file.problem("a file without its `path`"))?;
        let path = path.text()?.to_owned();
        let mut read = DumpedFile { path, mode: MODE, bytes: Vec::new(), user: None, group: None };
        for (field, entry) in file.fields()? {
            match field {
                "path" => {}
                // By itself it is `false` in Ignition 3, and the operator writes over a file all the same.
                "overwrite" if entry.truth().is_ok_and(|truth| !truth) => {
                    self.others.push(format!("{}: false", entry.name));
                }
                "overwrite" => {}
                "mode" => read.mode = mode(&entry)?,
                "contents" => read.bytes = self.contents(&entry)?,
                "user" => read.user = self.account(&entry)?,
                "group" => read.group = self.account(&entry)?,
                // Ignition 2 had several roots.
                "filesystem" if entry.text()? == "root" => {}
                _ => self.other(&entry),
            }
        }
        if self.files.iter().any(|known| known.path == read.path) {
            return Err(file.problem(&format!("{} stands here twice", read.path.escape_debug())));
        }
        self.files.push(read);
        Ok(())
    }

    fn contents(&mut self, contents: &Entry<'_>) -> Result<Vec<u8>, Problem> {
        let mut compression = "";
        let mut source = None;
        for (field, entry) in contents.fields()? {
            match field {
                "source" => source = Some(entry),
                "compression" => compression = entry.text()?,
                // Butane and people wrote it before it was encoded.
                _ => self.other(&entry),
            }
        }
        let Some(entry) = source else { return Ok(Vec::new()) };
        data_url::decode(entry.text()?, compression).map_err(|why| entry.problem(&why))
    }

    /// A user or a group; none for root, whose files are by themselves.
    fn account(&mut self, account: &Entry<'_>) -> Result<Option<Account>, Problem> {
        let mut read = Account { id: None, name: None };
        for (field, entry) in account.fields()? {
            match field {
                "id" => read.id = u32::try_from(entry.integer(0..=u32::MAX.into())?).ok(),
                "name" => read.name = Some(entry.text()?.to_owned()),
                _ => self.other(&entry),
            }
        }
        let is_root = read.id.unwrap_or(0) == 0
            && read.name.as_deref().is_none_or(|name| ["", "root"].contains(&name));
        Ok(Some(read).filter(|_| !is_root))
    }

    fn unit(&mut self, unit: &Entry<'_>) -> Result<(), Problem> {
        let name = unit.get("name")?.ok_or_else(|| unit.problem("a unit without its `name`"))?;
        let mut read =
            DumpedUnit { name: name.text()?.to_owned(), contents: String::new(), enabled: false };
        for (field, entry) in unit.fields()? {
            match field {
                "name" => {}
                "contents" => entry.text()?.clone_into(&mut read.contents),
                // `enable` in Ignition 2.
                "enabled" | "enable" => read.enabled = entry.truth()?,
                _ => self.other(&entry),
            }
        }
        self.units.push(read);
        Ok(())
    }
}

/// Whether an object with a name has no label by which a pool would find it.
fn has_no_role(entry: &Entry<'_>) -> Result<bool, Problem> {
    let Some(metadata) = entry.get("metadata")? else { return Ok(false) };
    Ok(role(entry)?.is_none() && metadata.get("name")?.is_some())
}

/// The label by which a pool finds an object.
fn role<'a>(entry: &Entry<'a>) -> Result<Option<Entry<'a>>, Problem> {
    let labels = entry.get("metadata")?.map(|it| it.get("labels")).transpose()?.flatten();
    Ok(labels.map(|it| it.get(ROLE)).transpose()?.flatten())
}

fn missing(entry: &Entry<'_>, field: &str, example: &str) -> Problem {
    let whole = if entry.name == "metadata" { String::new() } else { "metadata.".to_owned() };
    entry
        .problem(&format!("`{whole}{field}` is missing"))
        .hint(format!("the operator takes no MachineConfig without it: write {field}: {example}"))
}

/// In a version that is not known, fields might mean something else.
fn ignition_version(entry: &Entry<'_>) -> Result<(), Problem> {
    let text = entry.text()?;
    if IGNITIONS.contains(&text) {
        return Ok(());
    }
    let message = format!("Ignition `{}` is not known here", text.escape_debug());
    Err(entry.problem(&message).hint(format!("there are {}", IGNITIONS.join(", "))))
}

fn mode(entry: &Entry<'_>) -> Result<u32, Problem> {
    let mode = entry.integer(0..=0o7777)?;
    let mode = u32::try_from(mode).unwrap_or_default();
    if mode & !0o777 != 0 {
        let message = format!("{mode} ({mode:04o}) has special bits, and the operator takes none");
        return Err(entry.problem(&message).hint("permission bits alone: 420 is 0644"));
    }
    Ok(mode)
}
