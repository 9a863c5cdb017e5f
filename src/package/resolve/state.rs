//! What there would be on the host: what is installed, and what was chosen so far.

use std::collections::HashMap;

use super::super::version::{compare, is_within};
use super::super::{Format, Given, Installed, Package, Relation};
use super::Goal;
use super::clause::{Term, is_rich};

pub(super) struct State<'a> {
    format: Format,
    offered: &'a [Package],
    installed: &'a [Installed],
    /// Which of the offered packages are or give a name.
    givers: HashMap<&'a str, Vec<usize>>,
    /// Which of the installed ones do.
    installed_givers: HashMap<&'a str, Vec<usize>>,
    /// In the order of choice.
    chosen: Vec<usize>,
    /// The same by name.
    chosen_by_name: HashMap<&'a str, usize>,
}

impl<'a> State<'a> {
    pub(super) fn new(format: Format, offered: &'a [Package], installed: &'a [Installed]) -> Self {
        let mut givers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, package) in offered.iter().enumerate() {
            register(&mut givers, &package.name, &package.gives, index);
        }
        let mut installed_givers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, package) in installed.iter().enumerate() {
            register(&mut installed_givers, &package.name, &package.gives, index);
        }
        Self {
            format,
            offered,
            installed,
            givers,
            installed_givers,
            chosen: Vec::new(),
            chosen_by_name: HashMap::new(),
        }
    }

    pub(super) fn package(&self, index: usize) -> Option<&'a Package> {
        self.offered.get(index)
    }

    pub(super) fn chosen(&self) -> impl Iterator<Item = &'a Package> {
        self.chosen.iter().filter_map(|index| self.offered.get(*index))
    }

    /// Which step chose a package.
    pub(super) fn step_of(&self, package: usize) -> Option<usize> {
        self.chosen.iter().rposition(|index| *index == package)
    }

    pub(super) fn choose(&mut self, index: usize) {
        if let Some(package) = self.offered.get(index) {
            self.chosen.push(index);
            self.chosen_by_name.insert(&package.name, index);
        }
    }

    /// Takes back all choices but the first ones.
    pub(super) fn truncate(&mut self, steps: usize) {
        for index in self.chosen.split_off(steps.min(self.chosen.len())) {
            if let Some(package) = self.offered.get(index) {
                self.chosen_by_name.remove(package.name.as_str());
            }
        }
    }

    /// Whether a goal is met by what there is.
    pub(super) fn meets(&self, goal: &Goal) -> bool {
        let clause = &goal.clause;
        let is_there = |term: &Term| {
            if clause.is_conflict {
                self.has_chosen(term, goal.by)
            } else {
                self.has_chosen(term, None) || self.has_installed(term)
            }
        };
        clause.has.iter().any(|term| self.has_chosen(term, None) || self.has_installed(term))
            || clause.lacks.iter().any(|term| !is_there(term))
    }

    /// Whether a chosen package, but not the excepted one, fits.
    fn has_chosen(&self, term: &Term, except: Option<usize>) -> bool {
        self.givers_of(term).any(|(index, package)| {
            Some(index) != except
                && self.chosen_by_name.get(package.name.as_str()) == Some(&index)
                && self.fits(term, &package.name, &package.version, &package.gives)
        })
    }

    /// Whether an installed package that no choice replaces fits.
    fn has_installed(&self, term: &Term) -> bool {
        let first = term.all.first().and_then(|first| self.installed_givers.get(&*first.name));
        first.into_iter().flatten().filter_map(|index| self.installed.get(*index)).any(|package| {
            !self.chosen_by_name.contains_key(package.name.as_str())
                && self.fits(term, &package.name, &package.version, &package.gives)
        })
    }

    /// The offered packages that may fit, for they give the term's first name.
    fn givers_of(&self, term: &Term) -> impl Iterator<Item = (usize, &'a Package)> {
        let first = term.all.first().and_then(|first| self.givers.get(&*first.name));
        first.into_iter().flatten().filter_map(|index| Some((*index, self.offered.get(*index)?)))
    }

    fn fits(&self, term: &Term, name: &str, version: &str, gives: &[Given]) -> bool {
        let is = |relation: &Relation| is_or_gives(self.format, relation, name, version, gives);
        term.all.iter().all(is) && !term.none.iter().any(is)
    }

    /// The packages that would meet a goal, best first: alternatives in their order, a package of the wanted
    /// name before others that give it, what is on the host in an older version before what is not, what
    /// more hosts have, the first by name, the newest version.
    pub(super) fn candidates(&self, goal: &Goal) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for term in &goal.clause.has {
            let mut fitting: Vec<(usize, &Package)> = self
                .givers_of(term)
                .filter(|(_, package)| {
                    self.fits(term, &package.name, &package.version, &package.gives)
                })
                .filter(|(_, package)| !self.is_older_than_installed(package))
                .collect();
            let has_name = |name: &str| term.all.iter().any(|relation| relation.name == name);
            fitting.sort_by(|(_, one), (_, other)| {
                let rank = |package: &'a Package| {
                    let is_update = self.installed(&package.name).is_some();
                    (!has_name(&package.name), !is_update, package.priority, &package.name)
                };
                rank(one)
                    .cmp(&rank(other))
                    .then_with(|| compare(self.format, &other.version, &one.version))
                    .then_with(|| (&one.file, &one.sha256).cmp(&(&other.file, &other.sha256)))
            });
            for (index, _) in fitting {
                if !found.contains(&index) {
                    found.push(index);
                }
            }
        }
        found
    }

    /// Whether packages of several names would meet a goal.
    pub(super) fn is_open(&self, goal: &Goal) -> bool {
        let mut names = self
            .candidates(goal)
            .into_iter()
            .filter_map(|index| self.offered.get(index).map(|package| &package.name));
        let first = names.next();
        names.any(|name| Some(name) != first)
    }

    /// No package manager goes back to an older version by itself.
    fn is_older_than_installed(&self, package: &Package) -> bool {
        self.installed(&package.name).is_some_and(|installed| {
            compare(self.format, &package.version, &installed.version).is_lt()
        })
    }

    /// The latest installed package of a name.
    pub(super) fn installed(&self, name: &str) -> Option<&'a Installed> {
        let named = self.installed_givers.get(name).into_iter().flatten();
        named
            .filter_map(|index| self.installed.get(*index))
            .filter(|package| package.name == name)
            .max_by(|one, other| compare(self.format, &one.version, &other.version))
    }

    /// The latest offered package of a name.
    pub(super) fn newest(&self, name: &str) -> Option<&'a Package> {
        let named = self.givers.get(name).into_iter().flatten();
        named
            .filter_map(|index| self.offered.get(*index))
            .filter(|package| package.name == name)
            .max_by(|one, other| compare(self.format, &one.version, &other.version))
    }

    /// The chosen package beside which this one cannot be installed.
    pub(super) fn clash(&self, index: usize) -> Option<&'a Package> {
        let candidate = self.offered.get(index)?;
        if let Some(chosen) = self.chosen_by_name.get(candidate.name.as_str()) {
            return self.offered.get(*chosen);
        }
        self.chosen()
            .find(|chosen| self.excludes(chosen, candidate) || self.excludes(candidate, chosen))
    }

    fn excludes(&self, one: &Package, other: &Package) -> bool {
        let is = |relation: &Relation, gives: &[Given]| {
            is_or_gives(self.format, relation, &other.name, &other.version, gives)
        };
        one.conflicts
            .iter()
            .filter(|conflict| !is_rich(self.format, conflict))
            .any(|conflict| is(conflict, &other.gives))
            || one.obsoletes.iter().any(|obsolete| is(obsolete, &[]))
    }
}

fn register<'a>(
    givers: &mut HashMap<&'a str, Vec<usize>>,
    name: &'a str,
    gives: &'a [Given],
    index: usize,
) {
    for name in std::iter::once(name).chain(gives.iter().map(|given| given.name.as_str())) {
        let list = givers.entry(name).or_default();
        if list.last() != Some(&index) {
            list.push(index);
        }
    }
}

/// Whether something of this name and version, which gives this beside, is what a relation asks for.
fn is_or_gives(
    format: Format,
    relation: &Relation,
    name: &str,
    version: &str,
    gives: &[Given],
) -> bool {
    let within = |version: Option<&str>| match (&relation.bound, version) {
        (None, _) => true,
        (Some(_), None) => format == Format::Rpm,
        (Some(bound), Some(version)) => is_within(format, version, bound),
    };
    let given = gives.iter().filter(|given| given.name == relation.name);
    (name == relation.name && within(Some(version)))
        || given.into_iter().any(|given| within(given.version.as_deref()))
}
