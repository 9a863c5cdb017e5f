//! What a host tells of what ezsync did there before.

use super::Section;

/// What every probe tells of a host's past.
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
}

/// How far a run had come that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Holder {
    /// `user@controller`; empty when it does not say.
    pub by: String,
    /// For how many seconds, by the host's clock.
    pub age: Option<i64>,
    /// Whether its process is there.
    pub alive: bool,
}

impl Past {
    /// From the sections of a probe.
    pub(super) fn parse(sections: &[Section]) -> Self {
        let find = |name: &str| sections.iter().find(|section| section.name == name);
        let mut past = Self { state: find("state").map(Section::text), ..Self::default() };
        let text = find("history").map(Section::text).unwrap_or_default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('\t')) {
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
}

fn unfinished(word: &str) -> Option<Unfinished> {
    match word {
        "staged" => Some(Unfinished::Staged),
        "begun" => Some(Unfinished::Begun),
        "kept" => Some(Unfinished::Kept),
        _ => None,
    }
}
