//! Which packages to bring so that all needs are met: a search in apt's manner.
//!
//! Needs are met one after the other, each by the first that can: what is there already, then the newest
//! version of the first alternative. Where that leads nowhere the search goes back and takes the next one.

mod clause;
mod rich;
mod state;
mod unmet;

use std::collections::HashMap;

use clause::Clause;
use state::State;
pub use unmet::Unmet;

use super::{Installed, Package};

/// So many candidates are tried before a search that conflicts drive around in circles is given up.
const MAX_TRIES: usize = 100_000;

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
    let goal = |clause| Goal { by: None, clause };
    let mut search = Search {
        state: State::new(format, offered, installed),
        goals: wanted.iter().flat_map(|name| clause::wanted(name, format)).map(goal).collect(),
        next: 0,
        steps: Vec::new(),
        dead: HashMap::new(),
        hindrance: None,
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
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), Unmet> {
        for _ in 0..MAX_TRIES {
            match self.goals.get(self.next) {
                Some(goal) if self.state.meets(goal) => self.next += 1,
                Some(_) => self.choose()?,
                // A later choice may have replaced what met an earlier goal, or brought what a goal
                // asks to be absent.
                None => match self.goals.iter().find(|goal| !self.state.meets(goal)).cloned() {
                    Some(undone) => self.goals.push(undone),
                    None => return Ok(()),
                },
            }
        }
        Err(self.hindrance.take().unwrap_or_else(Unmet::tangled))
    }

    /// Takes a candidate for the next goal, or goes back and takes another one for an earlier goal.
    fn choose(&mut self) -> Result<(), Unmet> {
        let mut tried = 0;
        loop {
            let Some(goal) = self.goals.get(self.next) else { return Ok(()) };
            let candidates = self.state.candidates(goal);
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
                let Some(by) = goal.by else { return Err(Unmet::hopeless(self, goal)) };
                let goal = goal.clone();
                self.dead.insert(by, goal);
                self.state.step_of(by)
            } else {
                if self.hindrance.is_none() {
                    self.hindrance = Some(Unmet::hindered(self, goal, &candidates));
                }
                self.steps.len().checked_sub(1)
            };
            let step = back_to.and_then(|step| self.steps.drain(step..).next());
            let Some(step) = step else {
                return Err(self.hindrance.take().unwrap_or_else(Unmet::tangled));
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
        self.goals.extend(goals.map(|clause| Goal { by: Some(index), clause }));
        self.next += 1;
    }
}
