//! The plan: what must change on one host. Nothing else happens there.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::desired::{Desired, Step};
use crate::resource::{Observed, Obstacle, Texts, Work};

/// One change of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Change {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// The role that wants it.
    pub role: String,
    /// The task that wants it.
    pub task: String,
    /// What is done, in a few words.
    pub summary: String,
    /// The unified diff of a text; empty when there is none.
    pub diff: String,
    /// Whether it is a handler's.
    pub handler: bool,
    /// Whether it was made and stands.
    pub done: bool,
    /// What to run.
    #[serde(skip)]
    pub work: Work,
}

/// An ordered list of changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The changes in order, handlers last.
    pub changes: Vec<Change>,
    /// How many resources were compared and are as wanted.
    pub unchanged: usize,
}

impl Plan {
    /// What must change where `observed` stands and `desired` is wanted.
    ///
    /// # Errors
    /// The host cannot be brought there.
    pub fn new(desired: &Desired, observed: &Observed) -> Result<Self, Obstacle> {
        let mut plan = Self::default();
        // What changes bring by themselves is there for the later ones.
        let mut observed = Cow::Borrowed(observed);
        let mut notified: BTreeSet<usize> = BTreeSet::new();
        let mut lacking: Option<Obstacle> = None;
        for step in &desired.steps {
            match plan.add(step, &mut observed, false) {
                Ok(true) => notified.extend(&step.notify),
                Ok(false) => plan.unchanged += 1,
                // What the bundle lacks is told all at once.
                Err(obstacle) if !obstacle.lacks.is_empty() => {
                    lacking = Some(joined(lacking, obstacle, &observed));
                }
                // What else is in the way may only be so for want of a package.
                Err(obstacle) => return Err(lacking.unwrap_or(obstacle)),
            }
        }
        if let Some(obstacle) = lacking {
            return Err(obstacle);
        }
        for (number, handler) in desired.handlers.iter().enumerate() {
            if notified.contains(&number) {
                plan.add(handler, &mut observed, true)?;
            }
        }
        Ok(plan)
    }

    /// True when nothing has to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn add(
        &mut self,
        step: &Step,
        observed: &mut Cow<'_, Observed>,
        handler: bool,
    ) -> Result<bool, Obstacle> {
        let placed = |obstacle: Obstacle| {
            let what = format!("{} : {}: {}", step.role, step.task, obstacle.what);
            Obstacle { what, ..obstacle }
        };
        let difference = step.resource.compare(observed).map_err(placed)?;
        let Some(difference) = difference else { return Ok(false) };
        if !difference.work.uploads.is_empty() {
            observed.to_mut().expect(&difference.work);
        }
        self.changes.push(Change {
            number: self.changes.len() + 1,
            role: step.role.clone(),
            task: step.task.clone(),
            summary: difference.summary,
            diff: difference.texts.as_ref().map(unified).unwrap_or_default(),
            handler,
            done: false,
            work: difference.work,
        });
        Ok(true)
    }
}

/// What the bundle lacks for one task, and `more` of it for another.
fn joined(known: Option<Obstacle>, more: Obstacle, observed: &Observed) -> Obstacle {
    let Some(mut all) = known else { return more };
    all.what = format!("{}; {}", all.what, more.what);
    all.lacks.extend(more.lacks);
    if let Some(supply) = &observed.supply {
        all.next = supply.again(&all.lacks);
    }
    all
}

/// A unified diff with three lines of context, as `diff -u` prints it.
#[must_use]
pub fn unified(texts: &Texts) -> String {
    let old = if texts.before.is_empty() { "/dev/null" } else { texts.path.as_str() };
    TextDiff::from_lines(&texts.before, &texts.after)
        .unified_diff()
        .context_radius(3)
        .header(old, &texts.path)
        .to_string()
}

#[cfg(test)]
mod tests;
