//! Drift: what ezsync made so and somebody else has changed since.

use serde::{Deserialize, Serialize};

use super::back::difference;
use super::record::{Record, Since, Wishes, sha256};
use crate::resource::{Observed, PathKind, PathState, PathWish, UnitWish};

/// What kind of thing has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A file, a folder, or what must not be there.
    Path,
    /// A service.
    Unit,
    /// A package.
    Package,
    /// The time zone.
    Timezone,
}

/// One thing that is not as ezsync left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// What it is.
    pub thing: Thing,
    /// Its path or its name.
    pub name: String,
    /// In what it differs, each in a few words: `content`, `mode 0600, not 0644`.
    pub differs: Vec<String>,
    /// The change that made it as it was.
    pub since: Since,
    /// Whether it is a file that somebody has another content for: what setup would lose.
    #[serde(skip)]
    pub is_edited: bool,
    /// What was changed, as a unified diff; empty where there is none to show.
    pub diff: String,
}

impl Drift {
    fn new(thing: Thing, name: &str, since: &Since, differs: Vec<String>) -> Option<Self> {
        let name = name.to_owned();
        let since = since.clone();
        let drift = Self { thing, name, differs, since, is_edited: false, diff: String::new() };
        (!drift.differs.is_empty()).then_some(drift)
    }

    /// A file that is not what its copy says that was written.
    pub(super) fn of_copy(path: &str, since: &Since) -> Option<Self> {
        let drift = Self::new(Thing::Path, path, since, vec!["content".to_owned()]);
        drift.map(|drift| Self { is_edited: true, ..drift })
    }

    /// Shows what was changed of a file, where `written` is what ezsync wrote and `stands` what is there. For
    /// those that everyone may read alone: what others hold belongs in no report.
    pub fn show(
        &mut self,
        record: Option<&Record>,
        written: Option<&PathState>,
        stands: Option<&PathState>,
    ) {
        let digest =
            record.and_then(|record| record.managed.paths.get(&self.name)?.wish.sha256.clone());
        let of_copy = written.and_then(|written| written.content.as_deref()).map(sha256);
        // A copy that is something else than what was written shows nothing.
        if of_copy.is_some() && (digest.is_none() || digest == of_copy) {
            self.diff = difference(&self.name, written, stands);
        }
    }

    /// Which change made it as it was, when and by whom.
    #[must_use]
    pub fn origin(&self) -> String {
        let Since { change, at, by } = &self.since;
        let when = jiff::Timestamp::from_second(*at).ok().filter(|_| *at > 0);
        let when = when.map(|when| format!(", {}", when.strftime("%Y-%m-%d %H:%M UTC")));
        let by = if by.is_empty() { String::new() } else { format!(", {by}") };
        format!("change {change}{}{by}", when.unwrap_or_default())
    }

    /// What it is and in what it differs, on one line.
    #[must_use]
    pub fn words(&self) -> String {
        let name = match self.thing {
            Thing::Path => self.name.clone(),
            Thing::Unit => format!("service {}", self.name),
            Thing::Package => format!("package {}", self.name),
            Thing::Timezone => "time zone".to_owned(),
        };
        format!("{name}: {}", self.differs.join(", "))
    }
}

/// What has drifted on a host where `observed` stands, by its `record`. What is by now as it is `wanted` is
/// no drift any more, whoever made it so.
#[must_use]
pub fn drifts(record: &Record, wanted: &Wishes, observed: &Observed) -> Vec<Drift> {
    let (was, is) = (&record.managed, record.wishes().actual(observed));
    let as_wanted = wanted.actual(observed);
    let mut drifts = Vec::new();
    for (path, kept) in &was.paths {
        let Some(actual) = is.paths.get(path) else { continue };
        if wanted.paths.get(path).is_some_and(|wish| as_wanted.paths.get(path) == Some(wish)) {
            continue;
        }
        let drift = Drift::new(Thing::Path, path, &kept.since, of_path(&kept.wish, actual));
        let is_edited = actual.kind != PathKind::Absent;
        drifts.extend(drift.map(|drift| Drift { is_edited, ..drift }));
    }
    for (name, kept) in &was.units {
        let Some(actual) = is.units.get(name) else { continue };
        if wanted.units.get(name).is_some_and(|wish| as_wanted.units.get(name) == Some(wish)) {
            continue;
        }
        drifts.extend(Drift::new(Thing::Unit, name, &kept.since, of_unit(&kept.wish, actual)));
    }
    for (name, kept) in &was.packages {
        let actual = is.packages.get(name).copied().unwrap_or_default();
        if actual == kept.wish.present || wanted.packages.get(name) == Some(&actual) {
            continue;
        }
        let word = if actual { "was installed" } else { "was removed" };
        drifts.extend(Drift::new(Thing::Package, name, &kept.since, vec![word.to_owned()]));
    }
    if let Some(kept) = &was.timezone
        && let Some(actual) = is.timezone
        && actual != kept.wish.name
        && wanted.timezone.as_ref() != Some(&actual)
    {
        let differs = vec![format!("{actual}, not {}", kept.wish.name)];
        drifts.extend(Drift::new(Thing::Timezone, &actual, &kept.since, differs));
    }
    drifts
}

/// In what a path that was as `was` differs when it `is` so.
fn of_path(was: &PathWish, is: &PathWish) -> Vec<String> {
    if was.kind != is.kind {
        let word = match is.kind {
            PathKind::Absent => "was removed",
            PathKind::File if was.kind == PathKind::Absent => "is there again",
            PathKind::File => "is a file",
            PathKind::Directory => "is a folder",
            PathKind::Other => "is no file",
        };
        return vec![word.to_owned()];
    }
    let mut differs = Vec::new();
    if was.sha256 != is.sha256 {
        differs.push("content".to_owned());
    }
    for (aspect, was, is) in [
        ("mode", &was.mode, &is.mode),
        ("owner", &was.owner, &is.owner),
        ("group", &was.group, &is.group),
    ] {
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            differs.push(format!("{aspect} {is}, not {was}"));
        }
    }
    differs
}

/// In what a service that was as `was` differs when it `is` so.
fn of_unit(was: &UnitWish, is: &UnitWish) -> Vec<String> {
    let aspects = [
        (was.masked, is.masked, "is masked", "is not masked"),
        (was.active, is.active, "runs", "does not run"),
        (was.enabled, is.enabled, "starts at boot", "does not start at boot"),
    ];
    let differs = aspects.into_iter().filter(|(was, is, ..)| was != is);
    differs
        .filter_map(|(_, is, yes, no)| is.map(|is| if is { yes } else { no }.to_owned()))
        .collect()
}
