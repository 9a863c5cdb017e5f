//! The record: what ezsync manages on a host, as JSON in the host's `/var/lib/ezsync/state`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desired::Desired;
use crate::package::hexadecimal;
use crate::resource::{Entry, Observed, PathKind, PathWish, Subject, UnitWish};

/// The format's version. A newer one is not read: what it means is not known.
const VERSION: u64 = 1;

/// Everything that was wanted of a host, by its names. What stands there has the same form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Wishes {
    /// Files, folders, and what must not be there.
    pub paths: BTreeMap<String, PathWish>,
    /// Services.
    pub units: BTreeMap<String, UnitWish>,
    /// Packages, and whether they are there.
    pub packages: BTreeMap<String, bool>,
    /// The time zone.
    pub timezone: Option<String>,
}

impl Wishes {
    /// What the roles want of a host.
    #[must_use]
    pub fn of(desired: &Desired) -> Self {
        let mut wishes = Self::default();
        for entry in desired.steps.iter().flat_map(|step| step.resource.entries()) {
            match entry {
                Entry::Path(path, wish, content) => {
                    let sha256 = content.map(|content| sha256(&content.bytes));
                    let wish = PathWish { sha256, ..wish };
                    let known = wishes.paths.entry(path).or_default();
                    // A file that is written by one task may get its mode from another.
                    *known = joined(known.clone(), wish);
                }
                Entry::Unit(name, wish) => {
                    let known = wishes.units.entry(name).or_default();
                    known.active = wish.active.or(known.active);
                    known.enabled = wish.enabled.or(known.enabled);
                    known.masked = wish.masked.or(known.masked);
                }
                Entry::Package(name, present) => {
                    wishes.packages.insert(name, present);
                }
                Entry::Timezone(name) => wishes.timezone = Some(name),
            }
        }
        wishes
    }

    /// What stands on the host, as far as anything is wanted here.
    #[must_use]
    pub fn actual(&self, observed: &Observed) -> Self {
        let path = |(path, wish): (&String, &PathWish)| {
            (path.clone(), wish.actual(observed.paths.get(path), sha256))
        };
        let unit = |(name, wish): (&String, &UnitWish)| (name.clone(), wish.actual(name, observed));
        let there = |name: &String| (name.clone(), observed.packages.contains_key(name));
        Self {
            paths: self.paths.iter().map(path).collect(),
            units: self.units.iter().map(unit).collect(),
            packages: self.packages.keys().map(there).collect(),
            timezone: self.timezone.as_ref().and(observed.timezone.clone()),
        }
    }

    /// One number for all of it, in hexadecimal digits: equal wishes have equal ones.
    #[must_use]
    pub fn digest(&self) -> String {
        // Maps of texts and truths: there is nothing in them that JSON could not hold.
        sha256(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// `wish` after `known` about the same path.
fn joined(known: PathWish, wish: PathWish) -> PathWish {
    if wish.kind != known.kind {
        return wish;
    }
    PathWish {
        kind: wish.kind,
        sha256: wish.sha256.or(known.sha256),
        mode: wish.mode.or(known.mode),
        owner: wish.owner.or(known.owner),
        group: wish.group.or(known.group),
    }
}

/// The SHA-256 of `bytes` in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Which change made something so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Its number on the host.
    pub change: u64,
    /// When, in seconds since 1970 by the controller's clock.
    pub at: i64,
    /// Who: `user@controller`.
    pub by: String,
}

/// Something that is managed, and since when it is wanted as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// What is wanted.
    #[serde(flatten)]
    pub wish: T,
    /// The change that first wanted it so.
    pub since: Since,
}

/// A package that is managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageWish {
    /// Whether it is there.
    pub present: bool,
    /// Whether it came by ezsync.
    #[serde(default)]
    pub installed: bool,
}

/// The time zone that is managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneWish {
    /// Its name.
    pub name: String,
}

/// All that is managed, by its names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Managed {
    /// Files, folders, and what must not be there.
    #[serde(default)]
    pub paths: BTreeMap<String, Kept<PathWish>>,
    /// Services.
    #[serde(default)]
    pub units: BTreeMap<String, Kept<UnitWish>>,
    /// Packages.
    #[serde(default)]
    pub packages: BTreeMap<String, Kept<PackageWish>>,
    /// The time zone.
    #[serde(default)]
    pub timezone: Option<Kept<ZoneWish>>,
}

/// What ezsync manages on a host, and the change that made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The format's version.
    version: u64,
    /// The cluster that the host was set up for.
    pub cluster: String,
    /// The number of the last change on the host.
    pub change: u64,
    /// When that was, in seconds since 1970 by the controller's clock.
    pub at: i64,
    /// Who made it: `user@controller`.
    pub by: String,
    /// The version of ezsync that made it.
    pub ezsync: String,
    /// See [`Wishes::digest`].
    pub digest: String,
    /// What is managed.
    #[serde(flatten)]
    pub managed: Managed,
}

/// A change as the record tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The cluster's name.
    pub cluster: String,
    /// The number that the change has on the host.
    pub change: u64,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Who: `user@controller`.
    pub by: String,
}

/// Why a record says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no record.
    #[error("/var/lib/ezsync/state cannot be read ({0}): what was changed by hand is not known")]
    Damaged(String),
    /// A newer ezsync has written it.
    #[error(
        "a newer ezsync has set up this host (its record has version {0}, this one reads {VERSION})"
    )]
    Newer(u64),
}

/// What any version of the format begins with.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

impl Record {
    /// Reads what stands in a host's `state`.
    ///
    /// # Errors
    /// It is damaged, or newer than this program.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let Head { version } = serde_json::from_str(text).map_err(damaged)?;
        if version > VERSION {
            return Err(Unreadable::Newer(version));
        }
        serde_json::from_str(text).map_err(damaged)
    }

    /// The record once `wishes` are met by the change of `stamp`. `observed` stood there before. What stood
    /// in the record and is not spoken of stays: a run may be about a part.
    #[must_use]
    pub fn next(
        before: Option<&Self>,
        wishes: &Wishes,
        observed: &Observed,
        stamp: &Stamp,
    ) -> Self {
        let since = Since { change: stamp.change, at: stamp.at, by: stamp.by.clone() };
        let mut managed = before.map(|record| record.managed.clone()).unwrap_or_default();
        for (path, wish) in &wishes.paths {
            keep(&mut managed.paths, path, wish.clone(), &since);
        }
        for (name, wish) in &wishes.units {
            keep(&mut managed.units, name, wish.clone(), &since);
        }
        for (name, present) in &wishes.packages {
            let known = managed.packages.get(name).is_some_and(|known| known.wish.installed);
            let installed = *present && (known || !observed.packages.contains_key(name));
            let wish = PackageWish { present: *present, installed };
            keep(&mut managed.packages, name, wish, &since);
        }
        if let Some(name) = &wishes.timezone {
            let known = managed.timezone.take().filter(|known| known.wish.name == *name);
            let fresh = || Kept { wish: ZoneWish { name: name.clone() }, since: since.clone() };
            managed.timezone = Some(known.unwrap_or_else(fresh));
        }
        let mut record = Self::of(managed, stamp);
        record.digest = record.wishes().digest();
        record
    }

    fn of(managed: Managed, stamp: &Stamp) -> Self {
        Self {
            version: VERSION,
            cluster: stamp.cluster.clone(),
            change: stamp.change,
            at: stamp.at,
            by: stamp.by.clone(),
            ezsync: env!("CARGO_PKG_VERSION").to_owned(),
            digest: String::new(),
            managed,
        }
    }

    /// The record once the change that made it from `before` is taken back: that one, and the packages that
    /// stay. None where nothing is left to tell.
    #[must_use]
    pub fn taken_back(&self, before: Option<&Self>) -> Option<Self> {
        let mut record = match before {
            Some(before) => before.clone(),
            None => Self { change: 0, managed: Managed::default(), ..self.clone() },
        };
        for (name, kept) in self.managed.packages.iter().filter(|(_, kept)| kept.wish.installed) {
            record.managed.packages.entry(name.clone()).or_insert_with(|| kept.clone());
        }
        record.digest = record.wishes().digest();
        (before.is_some() || !record.managed.packages.is_empty()).then_some(record)
    }

    /// What it says that was wanted.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        let Managed { paths, units, packages, timezone } = &self.managed;
        Wishes {
            paths: paths.iter().map(|(path, kept)| (path.clone(), kept.wish.clone())).collect(),
            units: units.iter().map(|(name, kept)| (name.clone(), kept.wish.clone())).collect(),
            packages: packages
                .iter()
                .map(|(name, kept)| (name.clone(), kept.wish.present))
                .collect(),
            timezone: timezone.as_ref().map(|kept| kept.wish.name.clone()),
        }
    }

    /// What has to be observed to see what became of it.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        let Managed { paths, units, packages, timezone } = &self.managed;
        let paths = paths.keys().cloned().map(Subject::Path);
        let units = units.keys().cloned().map(Subject::Unit);
        let packages = packages.keys().cloned().map(Subject::Package);
        let zone = timezone.iter().map(|kept| Subject::Timezone(kept.wish.name.clone()));
        paths.chain(units).chain(packages).chain(zone)
    }

    /// Whether the file at `path` was written by ezsync.
    #[must_use]
    pub fn wrote(&self, path: &str) -> bool {
        let kept = self.managed.paths.get(path);
        kept.is_some_and(|kept| kept.wish.kind == PathKind::File && kept.wish.sha256.is_some())
    }

    /// The packages that came by ezsync.
    pub fn installed(&self) -> impl Iterator<Item = &str> {
        let packages = self.managed.packages.iter();
        packages.filter(|(_, kept)| kept.wish.installed).map(|(name, _)| name.as_str())
    }

    /// Its text, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps with texts for keys: there is nothing in them that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// Notes `wish` for `name`; one that was there before keeps its age.
fn keep<T: PartialEq>(map: &mut BTreeMap<String, Kept<T>>, name: &str, wish: T, since: &Since) {
    let known = map.remove(name).filter(|known| known.wish == wish);
    let kept = known.unwrap_or_else(|| Kept { wish, since: since.clone() });
    map.insert(name.to_owned(), kept);
}
