//! MachineConfigs as they stand in a file: written by hand, by Butane, or dumped with `oc get mc -o yaml`.

use super::around::Around;
use super::dumped::{Dumped, DumpedFile, MODE};
use super::entry::Entry;
use super::import::CHRONY_CONF;
use super::machine_config::{KIND, ROLE};
use crate::problem::{Place, Problem};
use crate::yaml::{Node, parse_all};

/// How the names of those begin that the operator puts together. They have no label.
const RENDERED: &str = "rendered-";

/// Lines of which a node's chrony.conf has at least one.
const CHRONY_LINES: [&str; 6] = ["server", "pool", "refclock", "driftfile", "makestep", "rtcsync"];

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
    /// Whether there is anything that is read.
    found: bool,
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

/// The objects in `text`, which is what `file` holds, read for a `purpose`. To be imported may be a node's own
/// chrony.conf as well.
///
/// # Errors
/// Something that cannot be read, and a MachineConfig that the operator would not take: with its place.
pub fn read(file: &str, text: &str, purpose: Purpose) -> Result<Dumps, Problem> {
    let mut dumps = Dumps::default();
    if purpose == Purpose::Import && is_chrony_conf(text) {
        dumps.found = true;
        dumps.configs.push(of_node(file, text));
        return Ok(dumps);
    }
    let nodes: Vec<Node> = parse_all(file, text)?;
    for node in nodes.iter().filter(|node| !node.is_null()) {
        dumps.found |= dumps.add(&Entry::whole(file, text, node), purpose)?;
    }
    if purpose == Purpose::Import { Ok(dumps) } else { dumps.or_nothing(file) }
}

/// Whether it is a configuration of chrony: a line begins with what most of them have, which is at the beginning of
/// no line of YAML.
fn is_chrony_conf(text: &str) -> bool {
    let begins = |line: &&str| !line.starts_with(char::is_whitespace);
    text.lines().filter(begins).any(|line| {
        let mut words = line.split_whitespace();
        let directive = words.next().unwrap_or_default().to_ascii_lowercase();
        CHRONY_LINES.contains(&directive.as_str()) && words.all(|word| !word.ends_with(':'))
    })
}

/// A node's /etc/chrony.conf: whose it is and its mode are not known.
fn of_node(file: &str, text: &str) -> Dumped {
    let conf = DumpedFile {
        path: CHRONY_CONF.to_owned(),
        mode: MODE,
        bytes: text.as_bytes().to_vec(),
        user: None,
        group: None,
    };
    Dumped {
        name: file.to_owned(),
        pool: file.to_owned(),
        is_of_node: true,
        files: vec![conf],
        units: Vec::new(),
        kernel_arguments: Vec::new(),
        labels: Vec::new(),
        others: Vec::new(),
    }
}

impl Dumps {
    /// Refuses a file, or several, with nothing in it that is read.
    ///
    /// # Errors
    /// There is nothing.
    pub fn or_nothing(self, file: &str) -> Result<Self, Problem> {
        if self.found {
            return Ok(self);
        }
        Err(Problem::new("there is no MachineConfig in it")
            .at(Place { file: file.to_owned(), line: 0, column: 0, text: String::new() })
            .hint("dump them with `oc get mc -o yaml NAME`"))
    }

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
        self.found |= more.found;
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

/// Whether an object with a name has no label by which a pool would find it.
fn has_no_role(entry: &Entry<'_>) -> Result<bool, Problem> {
    let Some(metadata) = entry.get("metadata")? else { return Ok(false) };
    Ok(role(entry)?.is_none() && metadata.get("name")?.is_some())
}

/// The label by which a pool finds an object.
pub(super) fn role<'a>(entry: &Entry<'a>) -> Result<Option<Entry<'a>>, Problem> {
    let labels = entry.get("metadata")?.map(|it| it.get("labels")).transpose()?.flatten();
    Ok(labels.map(|it| it.get(ROLE)).transpose()?.flatten())
}
