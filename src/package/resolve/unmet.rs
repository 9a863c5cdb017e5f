//! Why a need cannot be met, in words.

use super::super::{Comparison, Relation};
use super::{Goal, Search};

/// A need that nothing meets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{need}: {reason}", .by.as_ref().map(|by| format!("{by} needs ")).unwrap_or_default())]
pub struct Unmet {
    /// Which package has the need, with its version; none, when it was asked for by name.
    pub by: Option<String>,
    /// The need, as the package has it.
    pub need: String,
    /// What there is instead, and what would do.
    pub reason: String,
}

impl Unmet {
    /// A goal whose candidates all have a need that nothing meets, or that has none.
    pub(super) fn hopeless(search: &Search, goal: &Goal) -> Self {
        // The first candidate is the one that would have been taken, so its need is told.
        let mut goal = goal;
        while let Some(deeper) =
            search.state.candidates(goal).first().and_then(|first| search.dead.get(first))
        {
            goal = deeper;
        }
        let reason = match &goal.clause.unclear {
            Some(why) => format!("this is not understood: {why}"),
            None => nearest(search, goal),
        };
        Self::new(search, goal, reason)
    }

    /// A goal whose candidates do not go with what was chosen before.
    pub(super) fn hindered(search: &Search, goal: &Goal, candidates: &[usize]) -> Self {
        let clash = candidates
            .iter()
            .find_map(|index| Some((search.state.package(*index)?, search.state.clash(*index)?)));
        let reason = match clash {
            Some((one, other)) => format!("{one} cannot be installed beside {other}"),
            None => "this excludes what else is needed".to_owned(),
        };
        Self::new(search, goal, reason)
    }

    fn new(search: &Search, goal: &Goal, reason: String) -> Self {
        let by = goal.by.and_then(|by| search.state.package(by)).map(ToString::to_string);
        Self { by, need: goal.clause.text.clone(), reason }
    }
}

/// What comes nearest to a need, by each of its alternatives.
fn nearest(search: &Search, goal: &Goal) -> String {
    let relations = goal.clause.has.iter().flat_map(|term| &term.all);
    let lines: Vec<String> = relations.map(|relation| nearest_to(search, relation)).collect();
    lines.join("; ")
}

fn nearest_to(search: &Search, Relation { name, bound }: &Relation) -> String {
    let installed = search.state.installed(name).map(|found| &found.version);
    let offered = search.state.newest(name).map(|found| &found.version);
    let found = match (installed, offered) {
        (Some(installed), Some(offered)) if installed != offered => {
            format!("{name} {installed} is installed and {offered} is offered")
        }
        (Some(installed), _) => format!("{name} {installed} is installed"),
        (None, Some(offered)) => format!("{name} {offered} is offered"),
        (None, None) => return format!("there is no {name}"),
    };
    match bound {
        Some(bound) => format!("{found}, {} is needed", bound_in_words(bound)),
        None => found,
    }
}

fn bound_in_words((comparison, version): &(Comparison, String)) -> String {
    match comparison {
        Comparison::Less => format!("one before {version}"),
        Comparison::LessOrEqual => format!("{version} or earlier"),
        Comparison::Equal => format!("just {version}"),
        Comparison::GreaterOrEqual => format!("{version} or later"),
        Comparison::Greater => format!("one after {version}"),
    }
}
