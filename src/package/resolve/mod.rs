//! Which packages to bring so that all needs are met: a search in apt's manner.
//!
//! Needs are met one after the other, each by the first that can: what is there already, then the newest
//! version of the first alternative. Where several packages could meet a need it waits until all others are
//! met, for one of these may be there by then. Where a choice leads nowhere the search goes back and takes the
//! next one.

mod clause;
mod rich;
mod state;
#[cfg(test)]
mod tests;
mod unmet;

use std::collections::HashMap;

use clause::Clause;
use state::State;
pub use unmet::Unmet;

use super::{Installed, Package};

/// So often a search goes back because packages exclude each other before it is given up. In the release of a
/// distribution that happens a few times, if at all.
const MAX_RETREATS: usize = 5_000;

/// The packages to bring to a host that has what is `installed`, so that it gets what is `wanted` with all
/// that this needs: by name, no name twice, the same ones for the same lists in whatever order.
///
/// What is installed stays as it is unless a need asks for a later version. Conflicts with what is
/// installed are no obstacle: the host's package manager replaces rivals. All `offered` packages are
/// of one format, and for one architecture.
///
/// # Errors
///
/// A need that nothing meets.
pub fn resolve<'a>(
    wanted: &[String],
    offered: &'a [Package],
    installed: &'a [Installed],
) -> Result<Vec<&'a Package>, Unmet> {
    let format = offered.first().map(|package| package.format).unwrap_or_default();
    let goal = |clause| Goal { by: None, clause, is_due: false };
    let mut search = Search {
        state: State::new(format, offered, installed),
        goals: wanted.iter().flat_map(|name| clause::wanted(name, format)).map(goal).collect(),
        next: 0,
        steps: Vec::new(),
        dead: HashMap::new(),
        hindrance: None,
        retreats: 0,
    };
    search.run()?;
    let mut chosen: Vec<&Package> = search.state.chosen().collect();
    chosen.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(chosen)
}

/// Something to be met.
#[derive(Clone)]
struct Goal {
    /// Which of the offered packages needs it; none, when it was wanted.
    by: Option<usize>,
    clause: Clause,
    /// Whether it must be met now, though several packages could do that.
    is_due: bool,
}

/// A package that was chosen, and what there was before it.
struct Step {
    /// Which goal it was chosen for.
    goal: usize,
    /// How many of the goal's candidates have been tried, this one among them.
    tried: usize,
    /// How many goals there were.
    goals: usize,
}

struct Search<'a> {
    state: State<'a>,
    /// What is to be met; those before `next` have been.
    goals: Vec<Goal>,
    next: usize,
    /// One for each chosen package.
    steps: Vec<Step>,
    /// Packages that can never be installed, and what stays unmet.
    dead: HashMap<usize, Goal>,
    /// What first made the search go back, where that was no package's own fault.
    hindrance: Option<Unmet>,
    /// How often that was.
    retreats: usize,
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), Unmet> {
        loop {
            match self.goals.get(self.next) {
                Some(goal) if self.state.meets(goal) => self.next += 1,
                Some(goal) if !goal.is_due && self.state.is_open(goal) => self.next += 1,
                Some(_) => self.choose()?,
                // Left are goals that several packages could meet, those whose answer a later choice has
                // replaced, and those that ask for something to be absent that came later.
                None => match self.goals.iter().find(|goal| !self.state.meets(goal)).cloned() {
                    Some(goal) => self.goals.push(Goal { is_due: true, ..goal }),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Takes a candidate for the next goal, or goes back and takes another one for an earlier goal.
    fn choose(&mut self) -> Result<(), Unmet> {
        let mut tried = 0;
        loop {
            let Some(goal) = self.goals.get(self.next).cloned() else { return Ok(()) };
            let candidates = self.state.candidates(&goal);
            let mut rest = candidates.iter().enumerate().skip(tried);
            let fits = |index: &usize| {
                !self.dead.contains_key(index) && self.state.clash(*index).is_none()
            };
            if let Some((position, index)) = rest.find(|(_, index)| fits(index)) {
                self.take(*index, position.saturating_add(1));
                return Ok(());
            }
            let is_hopeless = goal.clause.lacks.is_empty()
                && candidates.iter().all(|index| self.dead.contains_key(index));
            let back_to = if is_hopeless {
                let Some(by) = goal.by else { return Err(Unmet::hopeless(self, &goal)) };
                self.dead.insert(by, goal.clone());
                self.state.step_of(by)
            } else {
                if self.hindrance.is_none() {
                    self.hindrance = Some(Unmet::hindered(self, &goal, &candidates));
                }
                self.retreats = self.retreats.saturating_add(1);
                self.steps.len().checked_sub(1).filter(|_| self.retreats < MAX_RETREATS)
            };
            let step = back_to.and_then(|step| self.steps.drain(step..).next());
            let Some(step) = step else {
                let first = self.hindrance.take();
                return Err(first.unwrap_or_else(|| Unmet::hopeless(self, &goal)));
            };
            self.state.truncate(self.steps.len());
            self.goals.truncate(step.goals);
            self.next = step.goal;
            tried = step.tried;
        }
    }

    /// Chooses a package for the next goal: what it needs becomes goals.
    fn take(&mut self, index: usize, tried: usize) {
        let Some(package) = self.state.package(index) else { return };
        self.steps.push(Step { goal: self.next, tried, goals: self.goals.len() });
        self.state.choose(index);
        let goals = clause::clauses(package).into_iter();
        self.goals.extend(goals.map(|clause| Goal { by: Some(index), clause, is_due: false }));
        self.next += 1;
    }
}
