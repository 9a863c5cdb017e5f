//! One MachineConfig as it stands in a file: its files decoded, and by name what else is in it.

use super::data_url;
use super::entry::Entry;
use super::ignition::Account;
use super::machine_config::ROLE;
use super::read::role;
use crate::problem::Problem;

/// Permission bits of a file where nothing is said of them.
pub(super) const MODE: u32 = 0o644;

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

/// One MachineConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// Its name.
    pub name: String,
    /// The pool that it is for; the file's name where it is what a node has.
    pub pool: String,
    /// Whether it is no MachineConfig, but /etc/chrony.conf as a node has it.
    pub is_of_node: bool,
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

impl Dumped {
    /// Whether it has a file with this path.
    pub(super) fn writes(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// What one of its files is called where people read.
    #[must_use]
    pub fn title(&self, file: &DumpedFile) -> String {
        if self.is_of_node { self.name.clone() } else { format!("{}: {}", self.name, file.path) }
    }

    /// Reads an object.
    pub(super) fn read(entry: &Entry<'_>) -> Result<Self, Problem> {
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
            is_of_node: false,
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
        let path = sound_path(&path)?;
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

/// The path of a file, as Ignition 3 takes it, into which the operator turns all others.
fn sound_path(entry: &Entry<'_>) -> Result<String, Problem> {
    let path = entry.text()?;
    let Some(parts) = path.strip_prefix('/') else {
        return Err(entry.problem(&format!("`{}` does not begin with /", path.escape_debug())));
    };
    if parts.split('/').any(|part| ["", ".", ".."].contains(&part)) && path != "/" {
        let message = format!("`{}` is not in its shortest form", path.escape_debug());
        return Err(entry
            .problem(&message)
            .hint("Ignition takes no //, no . and .., and no / at the end"));
    }
    Ok(path.to_owned())
}
