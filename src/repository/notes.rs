//! What the reader of a bundle's summary should know, once it is clear what is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Own;
use super::offered::fits;
use crate::bundle::{Manifest, Set};
use crate::package::{Format, Package};

/// What is not in a bundle though one may believe that it is: chrony, and what is of the user's `own`.
pub(super) fn notes(manifest: &Manifest, own: &[Own], ignored: &[PathBuf]) -> Vec<String> {
    let mut notes: Vec<String> = manifest.sets.iter().filter_map(without_chrony).collect();
    notes.extend(manifest.sets.iter().flat_map(|set| of_another_architecture(set, own)));
    notes.extend(idle(manifest, own, ignored));
    notes
}

/// Who names other packages may believe that they come beside chrony.
fn without_chrony(set: &Set) -> Option<String> {
    let is_there = set.packages.iter().any(|package| package.name == "chrony");
    let add = format!("chrony,{}", set.wanted.join(","));
    (!is_there).then(|| format!("{}: chrony is not in it; --package {add} takes it in", set.target))
}

/// Packages that were asked for and came from a repository, for the user's do not fit.
fn of_another_architecture(set: &Set, own: &[Own]) -> Vec<String> {
    let format = format(set);
    let of = |name: &String| {
        let same = |it: &&Package| it.name == *name && it.format == format;
        let there = own.iter().filter(|it| it.is_for(&set.target.release)).map(|it| &it.package);
        let there: Vec<&Package> = there.filter(same).collect();
        if there.is_empty() || there.iter().any(|it| fits(it, &set.target, format)) {
            return None;
        }
        let of: Vec<&str> = there.iter().map(|it| it.architecture.as_str()).collect();
        Some(format!(
            "{}: {name} is from a repository: in the folder of --packages it is for {} alone",
            set.target,
            of.join(", ")
        ))
    };
    set.wanted.iter().filter_map(of).collect()
}

/// What of the user's own was not taken, by the reasons.
fn idle(manifest: &Manifest, own: &[Own], ignored: &[PathBuf]) -> Vec<String> {
    let packages = || manifest.sets.iter().flat_map(|set| &set.packages);
    let is_idle = |it: &&Own| packages().all(|package| package.sha256 != it.package.sha256);
    let shown = |path: &Path| path.display().to_string();
    let folders = ignored.iter().map(|folder| (NO_RELEASE, shown(folder)));
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (reason, what) in own.iter().filter(is_idle).map(|it| why(manifest, it)).chain(folders) {
        let all = reasons.entry(reason).or_default();
        if !all.contains(&what) {
            all.push(what);
        }
    }
    reasons.into_iter().map(|(reason, all)| format!("{}: {reason}", all.join(", "))).collect()
}

const NO_RELEASE: &str = "not looked at: no release that is asked for has this name";

/// Why a package of the user's is in no set, and what to call it.
fn why(manifest: &Manifest, own: &Own) -> (&'static str, String) {
    let sets = manifest.sets.iter().filter(|set| own.is_for(&set.target.release));
    let sets: Vec<&Set> = sets.collect();
    if sets.is_empty() {
        return (NO_RELEASE, own.folder());
    }
    let fitting = sets.iter().filter(|set| fits(&own.package, &set.target, format(set)));
    let fitting: Vec<&&Set> = fitting.collect();
    if fitting.is_empty() {
        return ("not taken: for none of the architectures and formats", own.name());
    }
    let is_other = |it: &Package| it.name == own.package.name;
    if fitting.iter().any(|set| set.packages.iter().any(is_other)) {
        return ("not taken: a later one of its name is there", own.name());
    }
    ("nobody asked for this: name it with --package", own.package.name.clone())
}

/// That of all packages of a set.
fn format(set: &Set) -> Format {
    set.packages.first().map(|package| package.format).unwrap_or_default()
}
