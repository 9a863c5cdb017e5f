//! What stands in a bundle.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{FORMAT, PACKAGES_MAX};
use crate::package::{Format, Package, Target};

/// What stands in a bundle, without the packages' own bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// One set for each kind of host, in order.
    pub sets: Vec<Set>,
}

/// The packages for one kind of host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The hosts that it is for.
    pub target: Target,
    /// The packages that it was made for; all others are in it because these need them.
    pub wanted: Vec<String>,
    /// Its packages by name: no name twice.
    pub packages: Vec<Package>,
}

/// The manifest as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    sets: &'a [Set],
}

/// What any manifest has, whatever its format.
#[derive(Deserialize)]
struct Numbered {
    format: u32,
}

/// A member of the file that the manifest promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    /// Its name in the file: `debian-12-amd64/chrony_4.3-2_amd64.deb`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The same with its sets and their packages in the one order that a file has.
    pub(super) fn in_order(&self) -> Self {
        let mut sets = self.sets.clone();
        sets.sort_by(|a, b| a.target.cmp(&b.target));
        for set in &mut sets {
            set.packages.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Self { sets }
    }

    /// As text that a person can read.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(&Written { format: FORMAT, sets: &self.sets })?;
        text.push(b'\n');
        Ok(text)
    }

    /// From the bytes of its member. The error says what is wrong, and whether it is only that a later
    /// ezsync made it.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, Unread> {
        let unread = |error: serde_json::Error| Unread::Damaged(error.to_string());
        let numbered: Numbered = serde_json::from_slice(text).map_err(unread)?;
        if numbered.format != FORMAT {
            return Err(Unread::Format(numbered.format));
        }
        serde_json::from_slice(text).map_err(unread)
    }

    /// What its packages need by the path of a file (RPM).
    #[must_use]
    pub fn paths_needed(&self) -> Vec<String> {
        let packages = self.sets.iter().flat_map(|set| &set.packages);
        let relations = packages.flat_map(|package| &package.needs).flatten();
        let paths = relations.map(|relation| &relation.name).filter(|name| name.starts_with('/'));
        paths.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// The members that the file has after the manifest, in their order. The error says what cannot be.
    pub(super) fn promises(&self) -> Result<Vec<Promise>, String> {
        let mut promises: Vec<Promise> = Vec::new();
        // By SHA-256: the place among the promises.
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut total: u64 = 0;
        let mut targets = HashSet::new();
        for set in &self.sets {
            let target = &set.target;
            if !targets.insert(target) {
                return Err(format!("it has {target} twice"));
            }
            let (mut names, mut files) = (HashSet::new(), HashSet::new());
            for package in &set.packages {
                check(package)?;
                if !names.insert(&package.name) || !files.insert(&package.file) {
                    let twice = format!("it has {} ({}) twice", package.name, package.file);
                    return Err(format!("{twice} for {target}"));
                }
                let known_as = known.get(package.sha256.as_str()).and_then(|at| promises.get(*at));
                if let Some(promise) = known_as {
                    if promise.size != package.size {
                        return Err(format!("it gives two sizes for {}", package.file));
                    }
                    continue;
                }
                total = total.saturating_add(package.size);
                known.insert(&package.sha256, promises.len());
                promises.push(Promise {
                    name: format!("{}-{}/{}", target.release, target.architecture, package.file),
                    size: package.size,
                    sha256: package.sha256.clone(),
                });
            }
        }
        if total > PACKAGES_MAX {
            return Err(format!(
                "its packages have {total} bytes, and {PACKAGES_MAX} are the most that a bundle may hold"
            ));
        }
        Ok(promises)
    }
}

/// Why a manifest cannot be read.
pub(super) enum Unread {
    /// It is of a format that this ezsync does not know.
    Format(u32),
    /// It is not what ezsync writes.
    Damaged(String),
}

/// A name or a version has no more bytes: rpm and dpkg know none that is half as long.
const WORD_MAX: usize = 255;

/// A package takes no more of a disk than this, in bytes: 1 TiB.
const INSTALLED_MAX: u64 = 1 << 40;

/// Refuses a package whose words cannot be used as they are: its file's name becomes one on hosts, and all
/// are shown.
fn check(package: &Package) -> Result<(), String> {
    let Package { name, version, architecture, file, sha256, .. } = package;
    let end = match package.format {
        Format::Deb => ".deb",
        Format::Rpm => ".rpm",
    };
    let sound = |c: char| c.is_ascii_alphanumeric() || "._+~:^%-".contains(c);
    let begins_well = file.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !begins_well || !file.chars().all(sound) || !file.ends_with(end) || file.len() > 100 {
        return Err(format!(
            "`{file}` cannot be the name of a package's file: letters, digits and ._+~:^%- it may have, \
             100 of them at most, and `{end}` at its end"
        ));
    }
    let is_digest = sha256.len() == 64
        && sha256.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    if !is_digest {
        return Err(format!("`{sha256}` is no SHA-256 of {file}"));
    }
    for (what, word) in [("name", name), ("version", version), ("architecture", architecture)] {
        let is_word = !word.is_empty() && word.len() <= WORD_MAX && word.chars().all(sound);
        if !is_word {
            return Err(format!("{file} has no package's {what}"));
        }
    }
    if package.installed_size > INSTALLED_MAX {
        return Err(format!("{file} would take {} bytes when installed", package.installed_size));
    }
    Ok(())
}
