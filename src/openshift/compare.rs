//! What would be exported against what stands in a cluster: by what is in files, not by how it is encoded.

use super::content::PoolFile;
use super::document;
use super::dumped::{Dumped, DumpedFile, DumpedUnit};
use super::ignition::{Account, Unit};
use super::pool::Pool;
use super::read::{Dumps, Unread};
use super::settings::WORKER;
use super::version::Version;
use crate::plan::unified;
use crate::resource::Texts;

/// How one config of the cluster differs from the one that would be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The config's name.
    pub name: String,
    /// The differences, each with its diff; none when they say the same.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is, in a few words.
    pub what: String,
    /// From what stands there to what would be exported; empty where there is nothing to show.
    pub diff: String,
}

impl Difference {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), diff: String::new() }
    }

    /// One of a text that is called `path`.
    fn of_text(what: String, path: &str, before: &str, after: &str) -> Self {
        let texts =
            Texts { path: path.to_owned(), before: before.to_owned(), after: after.to_owned() };
        Self { what, diff: unified(&texts) }
    }

    /// This one, as made by the later config `name`.
    fn by(self, name: &str) -> Self {
        Self { what: format!("{name} overrides it: {}", self.what), ..self }
    }
}

/// Compares the pools that are wanted with what was dumped of a cluster of `version`.
#[must_use]
pub fn compare(pools: &[Pool], dumps: &Dumps, version: Version) -> Vec<Comparison> {
    let wanted = pools.iter().filter(|pool| pool.wanted);
    wanted
        .map(|pool| {
            let name = pool.config_name();
            let own = dumps.configs.iter().find(|config| config.name == name);
            let unread = dumps.unread.iter().find(|unread| unread.name == name);
            let mut differences = match (own, unread) {
                (Some(config), _) => differences(pool, config),
                (None, Some(unread)) => {
                    vec![Difference::new(format!("it cannot be read: {}", unread.why))]
                }
                (None, None) => vec![Difference::new("it is not there")],
            };
            overriding(pool, dumps, version, &mut differences);
            Comparison { name, differences }
        })
        .collect()
}

/// What other configs of the pool say in its place: of several that write the same path the last one counts, in the
/// order in which the operator puts them together.
fn overriding(pool: &Pool, dumps: &Dumps, version: Version, all: &mut Vec<Difference>) {
    let own = &pool.settings.name;
    let is_custom = pool.settings.is_custom();
    let order = |of: &str, name: &str| {
        let wins = is_custom && version.custom_pools_win() && of == own;
        (wins, name.to_owned())
    };
    let name = pool.config_name();
    let place = order(own, &name);
    let is_later = |of: &str, name: &str| {
        (of == own || (is_custom && of == WORKER)) && order(of, name) > place
    };
    let mut later: Vec<&Dumped> = dumps.configs.iter().collect();
    later.retain(|config| is_later(&config.pool, &config.name));
    later.sort_by_key(|config| order(&config.pool, &config.name));
    for file in &pool.content.files {
        let last = later.iter().rev().find_map(|config| {
            let theirs = config.files.iter().find(|it| it.path == file.path)?;
            Some((config, theirs))
        });
        let Some((config, theirs)) = last else { continue };
        let mut differences = Vec::new();
        compare_file(file, theirs, &mut differences);
        for difference in differences {
            all.push(difference.by(&config.name));
        }
    }
    for unit in document::units(pool) {
        let last = later.iter().rev().find_map(|config| {
            let theirs = config.units.iter().find(|it| it.name == unit.name)?;
            Some((config, theirs))
        });
        let Some((config, theirs)) = last else { continue };
        let mut differences = Vec::new();
        compare_unit(&unit, theirs, &mut differences);
        for difference in differences {
            all.push(difference.by(&config.name));
        }
    }
    for Unread { name, pool, why } in &dumps.unread {
        // Of one whose pool is not known nothing can be ruled out.
        if is_later(pool.as_deref().unwrap_or(own), name) {
            all.push(Difference::new(format!("{name} may override it, and cannot be read: {why}")));
        }
    }
}

fn differences(pool: &Pool, dumped: &Dumped) -> Vec<Difference> {
    let mut all = Vec::new();
    let own = &pool.settings.name;
    if dumped.pool != *own {
        all.push(Difference::new(format!("it is for the pool {}, not for {own}", dumped.pool)));
    }
    files(pool, dumped, &mut all);
    units(pool, dumped, &mut all);
    if dumped.kernel_arguments != pool.kernel_arguments {
        let lines = |list: &[String]| list.iter().map(|it| format!("{it}\n")).collect::<String>();
        let (before, after) = (lines(&dumped.kernel_arguments), lines(&pool.kernel_arguments));
        let what = "kernelArguments differ".to_owned();
        all.push(Difference::of_text(what, "kernelArguments", &before, &after));
    }
    let others = dumped.others.iter();
    all.extend(
        others.map(|other| Difference::new(format!("{other} is in it and would not be exported"))),
    );
    all
}

fn files(pool: &Pool, dumped: &Dumped, all: &mut Vec<Difference>) {
    for file in &pool.content.files {
        let path = &file.path;
        let Some(stands) = dumped.files.iter().find(|it| it.path == *path) else {
            all.push(Difference::of_text(format!("{path} is missing"), path, "", &file.text));
            continue;
        };
        compare_file(file, stands, all);
    }
    for file in &dumped.files {
        if pool.content.files.iter().all(|it| it.path != file.path) {
            let what = format!("{} is in it and would not be exported", file.path);
            let stands = String::from_utf8_lossy(&file.bytes);
            all.push(Difference::of_text(what, &file.path, &stands, ""));
        }
    }
}

/// How the file that `stands` there differs from the one that would be exported.
fn compare_file(file: &PoolFile, stands: &DumpedFile, all: &mut Vec<Difference>) {
    let DumpedFile { path, mode, bytes, user, group } = stands;
    if *mode != file.mode {
        let what = format!("{path} has mode {mode:04o}, not {:04o}", file.mode);
        all.push(Difference::new(what));
    }
    let accounts = [("user", user, &file.owner), ("group", group, &file.group)];
    for (which, stands, wanted) in accounts {
        let wanted = Account::of(wanted.as_deref());
        if *stands != wanted {
            let (stands, wanted) =
                (Account::shown(stands.as_ref()), Account::shown(wanted.as_ref()));
            all.push(Difference::new(format!("{path} has {which} {stands}, not {wanted}")));
        }
    }
    if *bytes != file.text.as_bytes() {
        let stands = String::from_utf8_lossy(bytes);
        let ends = if stands.contains('\r') { ": it has carriage returns" } else { "" };
        let what = format!("{path} differs{ends}");
        all.push(Difference::of_text(what, path, &stands, &file.text));
    }
}

fn units(pool: &Pool, dumped: &Dumped, all: &mut Vec<Difference>) {
    let own = document::units(pool);
    for unit in &own {
        let name = &unit.name;
        match dumped.units.iter().find(|it| it.name == *name) {
            None => all.push(Difference::of_text(
                format!("{name} is missing"),
                name,
                "",
                &unit.contents,
            )),
            Some(stands) => compare_unit(unit, stands, all),
        }
    }
    for unit in dumped.units.iter().filter(|unit| own.iter().all(|it| it.name != unit.name)) {
        let what = format!("{} is in it and would not be exported", unit.name);
        all.push(Difference::of_text(what, &unit.name, &unit.contents, ""));
    }
}

/// How the unit that `stands` there differs from the one that would be exported.
fn compare_unit(unit: &Unit, stands: &DumpedUnit, all: &mut Vec<Difference>) {
    let name = &unit.name;
    if stands.contents != unit.contents {
        let what = format!("{name} differs");
        all.push(Difference::of_text(what, name, &stands.contents, &unit.contents));
    }
    if !stands.enabled {
        all.push(Difference::new(format!("{name} is not enabled")));
    }
}
