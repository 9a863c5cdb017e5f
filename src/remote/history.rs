//! What a host tells of what ezsync did there before.

use super::Section;

/// How much is asked of a host's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// What every run has to know.
    #[default]
    Present,
    /// Also what is about each change.
    Changes,
    /// Also what it takes to go back from the newest change.
    Newest,
    /// Also what it takes to go back to what stood there before ezsync ever came.
    Origins,
}

impl Depth {
    /// The function of sh/past.sh that tells more.
    pub(super) fn function(self) -> Option<&'static str> {
        match self {
            Self::Present => None,
            Self::Changes => Some("show_changes"),
            Self::Newest => Some("show_newest"),
            Self::Origins => Some("show_origins"),
        }
    }
}

/// What is about a change, as the host has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// Its number.
    pub number: u64,
    /// When it was made, in seconds since 1970.
    pub at: Option<i64>,
    /// By whom: `user@controller`.
    pub by: String,
    /// By which version of ezsync.
    pub ezsync: String,
    /// For which cluster.
    pub cluster: String,
    /// In which run: the same on all of its hosts, and the later run has the greater one.
    pub run: String,
    /// The packages that are all of it, where the rest of its run was undone: what was installed stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
}

/// What a probe tells of a host's past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// The number of the newest change; 0 where there is none.
    pub newest: u64,
    /// The text of the record; none where there is none.
    pub state: Option<String>,
    /// Runs that have not ended, or have not yet.
    pub unfinished: Vec<Unfinished>,
    /// Who changes the host now, or did when it was cut off.
    pub lock: Option<Holder>,
    /// What could not be put back when earlier changes were undone, a line each.
    pub left: String,
    /// Its changes, oldest first, where they were asked for; else those of [`Past::only_packages`].
    pub changes: Vec<About>,
    /// Journals by the number of their change, where they were asked for.
    pub journals: Vec<(u64, String)>,
    /// The record as it was before the newest change, where that was asked for.
    pub before: Option<String>,
    /// The files in the host's `originals`, where they were asked for.
    pub origins: Vec<String>,
    /// How services were before, one a line: name, and yes or no for active, enabled and masked.
    pub origin_units: String,
    /// The packages that came by ezsync, where they were asked for.
    pub origin_packages: Vec<String>,
}

/// How far a run had come that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfinished {
    /// Nothing was in place yet.
    Staged,
    /// It was putting things into place.
    Begun,
    /// All was in place and proved: only tidying up was left.
    Kept,
}

/// Who holds the lock of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// `user@controller`; empty when it does not say.
    pub by: String,
    /// For how many seconds, by the host's clock.
    pub age: Option<i64>,
    /// Whether its process is there.
    pub alive: bool,
}

impl About {
    /// Which change it is, when it was made and by whom: `change 3 (2026-11-21 17:02 UTC, root@here)`. Without
    /// the cluster where that is `cluster`.
    #[must_use]
    pub fn words(&self, cluster: &str) -> String {
        match self.origin(cluster) {
            origin if origin.is_empty() => format!("change {}", self.number),
            origin => format!("change {} ({origin})", self.number),
        }
    }

    /// When it was made and by whom.
    #[must_use]
    pub fn origin(&self, cluster: &str) -> String {
        let when = self.at.and_then(|at| jiff::Timestamp::from_second(at).ok());
        let when = when.map(|when| when.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let of_other = !self.cluster.is_empty() && self.cluster != cluster;
        let words = [
            when,
            Some(self.by.clone()).filter(|by| !by.is_empty()),
            of_other.then(|| format!("of the cluster {}", self.cluster)),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        words.join(", ")
    }
}

impl Past {
    /// From the sections of a probe.
    pub(super) fn parse(sections: &[Section]) -> Self {
        let find = |name: &str| sections.iter().find(|section| section.name == name);
        let text_of = |name: &str| find(name).map(Section::text).unwrap_or_default();
        let mut past = Self {
            state: find("state").map(Section::text),
            before: find("before").map(Section::text),
            origins: text_of("origins").lines().map(ToOwned::to_owned).collect(),
            origin_units: text_of("origin-units"),
            origin_packages: text_of("origin-packages").lines().map(ToOwned::to_owned).collect(),
            left: text_of("left"),
            changes: numbered(sections, "about")
                .map(|(number, text)| about(number, &text))
                .collect(),
            journals: numbered(sections, "journal").collect(),
            ..Self::default()
        };
        past.changes.sort_by_key(|about| about.number);
        past.changes.dedup_by_key(|about| about.number);
        past.journals.sort_by_key(|(number, _)| *number);
        for (key, value) in text_of("history").lines().filter_map(|line| line.split_once('\t')) {
            match key {
                "newest" => past.newest = value.parse().unwrap_or_default(),
                "unfinished" => past.unfinished.extend(unfinished(value)),
                "lock" => {
                    past.lock = Some(Holder { by: value.to_owned(), ..Holder::default() });
                }
                "age" | "alive" => {
                    if let Some(lock) = &mut past.lock {
                        lock.age = lock.age.or(value.parse().ok());
                        lock.alive |= value == "yes";
                    }
                }
                _ => {}
            }
        }
        past
    }

    /// Whether somebody changes the host now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.alive)
    }

    /// The changes up to that with the number `newest`, newest first, as far as packages are all of them: these are not
    /// set up as they were to be.
    pub fn only_packages(&self, newest: u64) -> impl Iterator<Item = &About> {
        let known = self.changes.iter().rev().filter(move |about| about.number <= newest);
        known.take_while(|about| !about.stays.is_empty())
    }

    /// What is about the change with this number, where that was asked for and is known.
    #[must_use]
    pub fn about(&self, number: u64) -> Option<&About> {
        self.changes.iter().find(|about| about.number == number)
    }
}

/// The sections called `name` with their numbers.
fn numbered<'a>(
    sections: &'a [Section],
    name: &'a str,
) -> impl Iterator<Item = (u64, String)> + 'a {
    let named = sections.iter().filter(move |section| section.name == name);
    named.filter_map(|section| Some((section.args.first()?.parse().ok()?, section.text())))
}

fn about(number: u64, text: &str) -> About {
    let mut about = About { number, ..About::default() };
    for (key, value) in text.lines().filter_map(|line| line.split_once('\t')) {
        match key {
            "at" => about.at = value.parse().ok(),
            "by" => about.by = value.to_owned(),
            "ezsync" => about.ezsync = value.to_owned(),
            "cluster" => about.cluster = value.to_owned(),
            "run" => about.run = value.to_owned(),
            "stays" => about.stays = value.split_whitespace().map(ToOwned::to_owned).collect(),
            _ => {}
        }
    }
    about
}

fn unfinished(word: &str) -> Option<Unfinished> {
    match word {
        "staged" => Some(Unfinished::Staged),
        "begun" => Some(Unfinished::Begun),
        "kept" => Some(Unfinished::Kept),
        _ => None,
    }
}
