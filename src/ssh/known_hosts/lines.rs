//! The lines of known_hosts, found by the names in them.

use std::collections::HashMap;

use super::entry::Entry;

/// All lines. One with plain names alone is found at once: with a line for each of ten thousand hosts there would be
/// a hundred million to look at.
#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Entry>,
    /// The numbers of the lines that have this name.
    plain: HashMap<String, Vec<usize>>,
    /// Those of lines with patterns or hashes: each of them has to be tried.
    others: Vec<usize>,
}

impl Lines {
    /// All of them, in their order.
    pub fn all(&self) -> &[Entry] {
        &self.all
    }

    /// The lines that are about the host that is looked up as `name`, in their order.
    pub fn of_host(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let plain = self.plain.get(name).into_iter().flatten();
        let is_for = |number: &&usize| self.all.get(**number).is_some_and(|it| it.is_for(name));
        let mut numbers: Vec<usize> =
            plain.chain(self.others.iter().filter(is_for)).copied().collect();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| self.all.get(number))
    }
}

impl Extend<Entry> for Lines {
    fn extend<T: IntoIterator<Item = Entry>>(&mut self, entries: T) {
        for entry in entries {
            let number = self.all.len();
            match entry.plain_names() {
                Some(names) => {
                    for name in names {
                        let numbers = self.plain.entry(name.clone()).or_default();
                        // A name may stand there twice.
                        if numbers.last() != Some(&number) {
                            numbers.push(number);
                        }
                    }
                }
                None => self.others.push(number),
            }
            self.all.push(entry);
        }
    }
}
