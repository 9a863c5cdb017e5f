//! The way back: from what is kept on a host to a plan that puts it into place again.

use super::drift::{Drift, Thing, drifts};
use super::journal::{Journal, Stood, is_sound};
use super::record::{Kept, Record, Since, Wishes, sha256};
use crate::plan::{Change, Plan, unified};
use crate::resource::{Call, Observed, PathState, Subject, Texts, Work, is_service_name};

/// Our folder on a host.
const HOME: &str = "/var/lib/ezsync";

/// Where services of systemd are described: after a change there it has to read them again.
const UNIT_FOLDERS: [&str; 3] =
    ["/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"];

/// The path of the copy of what ezsync wrote at `path`.
#[must_use]
pub fn written(path: &str) -> String {
    format!("{HOME}/written{path}")
}

/// What is to be put back, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Way {
    /// Paths, and where what belongs there is kept; none: nothing belongs there.
    paths: Vec<(String, Option<String>)>,
    /// Folders that go if they are empty, the innermost first.
    made: Vec<String>,
    attributes: Vec<(String, [String; 3])>,
    /// Services, those that are to stop first.
    units: Vec<(String, Stood)>,
    /// Packages that came by what is taken back. They stay.
    pub packages: Vec<String>,
}

impl Way {
    /// Back from the change with this `number`.
    #[must_use]
    pub fn from_change(number: u64, journal: &Journal) -> Self {
        let folder = format!("{HOME}/changes/{number}");
        let place = |(path, saved): &(String, Option<String>)| {
            (path.clone(), saved.as_ref().map(|saved| format!("{folder}/{saved}")))
        };
        Self {
            paths: journal.paths.iter().rev().map(place).collect(),
            made: journal.made.iter().rev().cloned().collect(),
            attributes: journal.attributes.clone(),
            units: journal.units.iter().rev().cloned().collect(),
            packages: journal.packages.clone(),
        }
        .in_order()
    }

    /// Back to what stood there before ezsync came: `origins` are the paths in the host's `originals`,
    /// `units` the lines about services, `packages` those that came since, `journals` those of all changes that are
    /// known.
    #[must_use]
    pub fn to_origin(
        origins: &[String],
        units: &str,
        packages: &[String],
        journals: &[Journal],
    ) -> Self {
        let folder = format!("{HOME}/originals");
        let all: Vec<(String, Option<String>)> = origins
            .iter()
            .filter_map(|kept| {
                let path = kept.strip_prefix(&folder)?;
                Some(match path.strip_suffix(".none") {
                    Some(path) => (path.to_owned(), None),
                    None => (path.to_owned(), Some(kept.clone())),
                })
            })
            // Half a copy of a run that was cut off is none.
            .filter(|(path, _)| is_sound(path) && !path.ends_with(".part"))
            .collect();
        let unit = |line: &str| {
            let words: Vec<&str> = line.split('\t').collect();
            let (name, stood) = words.split_first().filter(|(name, _)| is_service_name(name))?;
            Some(((*name).to_owned(), Stood::of(stood)?))
        };
        let mut made: Vec<String> =
            journals.iter().flat_map(|journal| journal.made.clone()).collect();
        made.sort_by(|one, other| other.cmp(one));
        made.dedup();
        let of_journals = journals.iter().flat_map(|journal| &journal.packages);
        let mut packages: Vec<String> = packages.iter().chain(of_journals).cloned().collect();
        packages.sort();
        packages.dedup();
        let units = units.lines().filter_map(unit).collect();
        let mut attributes: Vec<(String, [String; 3])> = Vec::new();
        for (path, words) in journals.iter().flat_map(|journal| &journal.attributes) {
            // The oldest word is the one that counts. What is put back whole has its attributes.
            let known =
                attributes.iter().map(|(known, _)| known).chain(all.iter().map(|(known, _)| known));
            if !known.into_iter().any(|known| known == path) {
                attributes.push((path.clone(), words.clone()));
            }
        }
        Self { paths: all, made, attributes, units, packages }.in_order()
    }

    /// With services that are to stop before those that are to start: some drive each other out.
    fn in_order(mut self) -> Self {
        self.units.sort_by_key(|(_, stood)| stood.active);
        self
    }

    /// What has to be observed to plan it.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        let kept = self.paths.iter().filter_map(|(_, saved)| saved.clone());
        let places = self.paths.iter().flat_map(|(path, _)| [path.clone(), written(path)]);
        let others = self.attributes.iter().map(|(path, _)| path.clone());
        let folders = self.made.iter().cloned();
        let paths = kept.chain(places).chain(others).chain(folders).map(Subject::Path);
        paths.chain(self.units.iter().map(|(name, _)| Subject::Unit(name.clone())))
    }

    /// What belongs at `path` now, from `observed`; none: nothing.
    fn wanted<'a>(saved: Option<&String>, observed: &'a Observed) -> Option<&'a PathState> {
        saved.and_then(|saved| observed.paths.get(saved))
    }

    /// What must be done on a host where `observed` stands.
    ///
    /// # Errors
    /// Something that was kept for the way back is not there any more: its path.
    pub fn plan(&self, observed: &Observed) -> Result<Plan, String> {
        let mut plan = Plan::default();
        for (path, saved) in &self.paths {
            let wanted = Self::wanted(saved.as_ref(), observed);
            if let Some(saved) = saved.as_ref().filter(|_| wanted.is_none()) {
                return Err(saved.clone());
            }
            let stands = observed.paths.get(path);
            if is_same(wanted, stands) {
                plan.unchanged += 1;
                continue;
            }
            let diff = difference(path, stands, wanted);
            match saved {
                Some(saved) => {
                    let work = Work {
                        prepare: Some(Call::new("restore_stage", [path, saved])),
                        activate: Some(Call::new("restore_commit", [path])),
                        ..Work::default()
                    };
                    add(&mut plan, format!("put back {path}"), diff, work);
                }
                None => {
                    let prepare = Some(Call::new("path_stage", [path]));
                    let work = Work { prepare, ..then("path_remove", [path]) };
                    add(&mut plan, format!("remove {path}"), diff, work);
                }
            }
        }
        self.plan_attributes(observed, &mut plan);
        for path in self.made.iter().filter(|path| observed.paths.contains_key(*path)) {
            let summary = format!("remove the folder {path} if it is empty");
            let prepare = Some(Call::new("path_stage", [path]));
            let work = Work { prepare, ..then("restore_folder", [path]) };
            add(&mut plan, summary, String::new(), work);
        }
        self.plan_units(observed, &mut plan);
        Ok(plan)
    }

    fn plan_attributes(&self, observed: &Observed, plan: &mut Plan) {
        for (path, [mode, owner, group]) in &self.attributes {
            let Some(stands) = observed.paths.get(path) else { continue };
            let same = u32::from_str_radix(mode, 8) == Ok(stands.mode)
                && stands.owner.is(owner)
                && stands.group.is(group);
            if same {
                plan.unchanged += 1;
                continue;
            }
            let summary = format!("set owner and mode of {path}");
            let prepare = Some(Call::new("attributes_stage", [path]));
            let work = Work { prepare, ..then("attributes_set", [path, mode, owner, group]) };
            add(plan, summary, String::new(), work);
        }
    }

    fn plan_units(&self, observed: &Observed, plan: &mut Plan) {
        let files_change = !plan.changes.is_empty();
        let in_units = |path: &str| UNIT_FOLDERS.iter().any(|folder| path.starts_with(folder));
        let reload = if self.paths.iter().any(|(path, _)| in_units(path)) { "yes" } else { "no" };
        let word = |truth: bool| if truth { "yes" } else { "no" };
        for (name, stood) in self.there(observed) {
            let verbs = verbs(stood, name, observed);
            if verbs.is_empty() && !(stood.active && files_change) {
                plan.unchanged += 1;
                continue;
            }
            let stage = || Some(Call::new("service_stage", [name]));
            if !verbs.is_empty() {
                let words =
                    [name, word(stood.active), word(stood.enabled), word(stood.masked), reload];
                let work = Work { prepare: stage(), ..then("service_set", words) };
                add(plan, format!("{} {name}", verbs.join(" and ")), String::new(), work);
            }
            if stood.active && files_change {
                let work = Work { prepare: stage(), ..then("service_restart", [name, reload]) };
                add(plan, format!("restart {name}"), String::new(), work);
            }
        }
    }

    /// Services that the host still has, or that need not be there to be as they were.
    fn there<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = (&'a str, &'a Stood)> {
        let exists = |name: &str| observed.units.get(name).is_some_and(|unit| unit.exists);
        self.units
            .iter()
            .filter(move |(name, _)| exists(name))
            .map(|(name, stood)| (name.as_str(), stood))
    }

    /// Services that were as the host cannot have them any more: their package is gone.
    pub fn lost<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = &'a str> {
        let gone = |name: &str| !observed.units.get(name).is_some_and(|unit| unit.exists);
        let wanted = |stood: &Stood| stood.active || stood.enabled || stood.masked;
        let lost = self.units.iter().filter(move |(name, stood)| gone(name) && wanted(stood));
        lost.map(|(name, _)| name.as_str())
    }

    /// What somebody else has changed of what would be overwritten or removed. `record` is that of the host
    /// as it is.
    #[must_use]
    pub fn drifts(&self, record: Option<&Record>, observed: &Observed, number: u64) -> Vec<Drift> {
        let of_record =
            record.map(|it| drifts(it, &Wishes::default(), observed)).unwrap_or_default();
        let mut all = Vec::new();
        for (path, saved) in &self.paths {
            let stands = observed.paths.get(path);
            // Nothing is lost where nothing stands, or what is put back.
            if stands.is_none() || is_same(Self::wanted(saved.as_ref(), observed), stands) {
                continue;
            }
            let zone = path == "/etc/localtime";
            let is_it = |drift: &&Drift| match drift.thing {
                Thing::Path => drift.name == *path,
                Thing::Timezone => zone,
                Thing::Unit | Thing::Package => false,
            };
            let known = record.is_some_and(|it| it.managed.paths.contains_key(path));
            let copy = observed.paths.get(&written(path));
            if let Some(drift) = of_record.iter().find(is_it) {
                all.push(drift.clone());
            } else if !known && copy.is_some_and(|copy| !is_same(Some(copy), stands)) {
                let since = Since { change: number, at: 0, by: String::new() };
                all.extend(Drift::of_copy(path, &since));
            }
        }
        all
    }

    /// What stands on a host where `observed` does once everything is put back.
    #[must_use]
    pub fn arrived(&self, observed: &Observed) -> Observed {
        let mut then = observed.clone();
        for (path, saved) in &self.paths {
            match Self::wanted(saved.as_ref(), observed) {
                Some(state) => then.paths.insert(path.clone(), state.clone()),
                None => then.paths.remove(path),
            };
        }
        for (name, stood) in self.there(observed) {
            if let Some(unit) = then.units.get_mut(name) {
                unit.active = stood.active;
                unit.enabled = unit.enabled.map(|_| stood.enabled);
                unit.masked = stood.masked;
            }
        }
        then
    }

    /// Makes `record` say what stands in `then`, which is put back, whoever had made it so before the change that
    /// is taken back. Gives the names of what was not as ezsync had left it.
    pub fn correct(&self, record: &mut Record, then: &Observed, since: &Since) -> Vec<String> {
        let mut names = Vec::new();
        for (path, _) in &self.paths {
            let stands = then.paths.get(path);
            let Some(kept) = record.managed.paths.get_mut(path) else { continue };
            let actual = kept.wish.actual(stands, sha256);
            // Where a link leads that is kept elsewhere is not known.
            if actual != kept.wish && !stands.is_some_and(PathState::is_broken_link) {
                *kept = Kept { wish: actual, since: since.clone() };
                names.push(path.clone());
            }
        }
        for (name, _) in self.there(then) {
            let Some(kept) = record.managed.units.get_mut(name) else { continue };
            let actual = kept.wish.actual(name, then);
            if actual != kept.wish {
                *kept = Kept { wish: actual, since: since.clone() };
                names.push(format!("service {name}"));
            }
        }
        record.digest = record.wishes().digest();
        names
    }

    /// What is not as it should be once all of it was done: `kept` stood there before, `now` does.
    #[must_use]
    pub fn proof(&self, kept: &Observed, now: &Observed) -> Vec<String> {
        let mut wrong = Vec::new();
        for (path, saved) in &self.paths {
            let wanted = Self::wanted(saved.as_ref(), kept);
            if !is_same(wanted, now.paths.get(path)) {
                wrong.push(format!("{path} is not as it was"));
            }
        }
        for (name, stood) in self.there(now) {
            for verb in verbs(stood, name, now) {
                wrong.push(match verb {
                    "start" => format!("{name} does not run"),
                    "stop" => format!("{name} still runs"),
                    other => format!("{name} is not as it was: it would take {other}"),
                });
            }
        }
        wrong
    }
}

/// What it takes to bring a service to how it `stood`.
fn verbs(stood: &Stood, name: &str, observed: &Observed) -> Vec<&'static str> {
    let Some(is) = observed.units.get(name) else { return Vec::new() };
    // A unit that its own condition keeps from starting has done what it can.
    let active = is.active || (stood.active && !is.condition);
    let aspects = [
        (stood.masked, is.masked, "mask", "unmask"),
        (stood.enabled, is.enabled.unwrap_or(stood.enabled), "enable", "disable"),
        (stood.active, active, "start", "stop"),
    ];
    let differ = aspects.into_iter().filter(|(was, is, ..)| was != is);
    differ.map(|(was, _, on, off)| if was { on } else { off }).collect()
}

fn then<S: Into<String>, const N: usize>(function: &'static str, args: [S; N]) -> Work {
    Work { activate: Some(Call::new(function, args)), ..Work::default() }
}

fn add(plan: &mut Plan, summary: String, diff: String, work: Work) {
    let number = plan.changes.len() + 1;
    plan.changes.push(Change { number, summary, diff, work, ..Change::default() });
}

/// Whether the same stands at two places, up to the names of accounts. What a link leads to is not
/// compared where it cannot be: relative ones lead elsewhere from where they are kept.
fn is_same(wanted: Option<&PathState>, stands: Option<&PathState>) -> bool {
    match (wanted, stands) {
        (None, None) => true,
        (Some(wanted), Some(stands)) => {
            wanted.is_broken_link()
                || (wanted.kind == stands.kind
                    && wanted.mode == stands.mode
                    && wanted.owner.number == stands.owner.number
                    && wanted.group.number == stands.group.number
                    && (wanted.is_directory()
                        || (wanted.size == stands.size && wanted.content == stands.content)))
        }
        _ => false,
    }
}

/// The diff from what `stands` at `path` to what is `wanted`; empty where not everyone may read one of them.
pub(super) fn difference(
    path: &str,
    stands: Option<&PathState>,
    wanted: Option<&PathState>,
) -> String {
    let secret = |state: &&PathState| state.mode & 0o004 == 0;
    if stands.as_ref().is_some_and(secret) || wanted.as_ref().is_some_and(secret) {
        return String::new();
    }
    let text = |state: Option<&PathState>| {
        let content = state.and_then(|state| state.content.as_ref());
        content.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    };
    unified(&Texts { path: path.to_owned(), before: text(stands), after: text(wanted) })
}
