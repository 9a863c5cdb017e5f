//! The journal of a change: what it touched on the host, and what stood there.

use crate::resource::is_service_name;

/// What one change touched, in the order in which it did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// Paths that were replaced, made or removed, and where what stood there is kept; none: nothing did.
    pub paths: Vec<(String, Option<String>)>,
    /// Folders that were made.
    pub made: Vec<String>,
    /// Paths whose attributes were set, and those that they had: mode, owner and group by number.
    pub attributes: Vec<(String, [String; 3])>,
    /// Services, as they were.
    pub units: Vec<(String, Stood)>,
    /// Packages that were installed.
    pub packages: Vec<String>,
}

/// How a service was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stood {
    /// Whether it ran.
    pub active: bool,
    /// Whether it started at boot.
    pub enabled: bool,
    /// Whether it was forbidden to start.
    pub masked: bool,
}

impl Stood {
    /// From three words, each yes or no.
    pub(super) fn of(words: &[&str]) -> Option<Self> {
        let truth = |word: &str| match word {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let [active, enabled, masked] = words else { return None };
        Some(Self { active: truth(active)?, enabled: truth(enabled)?, masked: truth(masked)? })
    }
}

impl Journal {
    /// Reads `text`. The first word on a path tells what stood there before the change.
    ///
    /// # Errors
    /// The first line that says nothing sound.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut journal = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            journal.take(line).ok_or_else(|| line.to_owned())?;
        }
        Ok(journal)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let fields: Vec<&str> = line.split('\t').collect();
        match *fields.as_slice() {
            ["path", path, saved] if is_sound(path) => {
                let saved = Some(saved).filter(|saved| *saved != "-").map(ToOwned::to_owned);
                if saved.as_deref().is_some_and(|saved| !is_saved(saved)) {
                    return None;
                }
                if !self.paths.iter().any(|(known, _)| known == path) {
                    self.paths.push((path.to_owned(), saved));
                }
            }
            ["made", path] if is_sound(path) => self.made.push(path.to_owned()),
            ["attributes", path, mode, owner, group] if is_sound(path) => {
                let digits = |word: &str| word.chars().all(|c| c.is_ascii_digit());
                if ![mode, owner, group].into_iter().all(|word| !word.is_empty() && digits(word)) {
                    return None;
                }
                // What is put back whole has its attributes.
                let known = self.paths.iter().any(|(known, _)| known == path);
                if !known && !self.attributes.iter().any(|(known, _)| known == path) {
                    let words = [mode, owner, group].map(ToOwned::to_owned);
                    self.attributes.push((path.to_owned(), words));
                }
            }
            ["unit", name, ref words @ ..] if is_service_name(name) => {
                // More may be known of it later in the same change: whether it was enabled under its mask.
                let stood = Stood::of(words)?;
                match self.units.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = stood,
                    None => self.units.push((name.to_owned(), stood)),
                }
            }
            ["package", ref names @ ..] => {
                self.packages.extend(names.iter().map(ToString::to_string));
            }
            // The clock goes on: what set it right is not taken back later.
            ["clock", ..] => {}
            _ => return None,
        }
        Some(())
    }
}

/// Whether it is a path as those of tasks are.
pub(super) fn is_sound(path: &str) -> bool {
    path.len() > 1
        && path.starts_with('/')
        && !path.chars().any(char::is_control)
        && !path.split('/').any(|part| part == "..")
}

/// Whether it is a name in the change's own folder.
fn is_saved(name: &str) -> bool {
    name.strip_prefix("saved/").is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('.') && !rest.contains(['/', '\0'])
    })
}
