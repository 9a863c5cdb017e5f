//! What a package needs, as clauses: each names things of which one must be there, or must not.

use super::super::{Format, Need, Package, Relation};
use super::rich::Expr;

/// One of these packages is there, or one of those is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clause {
    /// It is met when a package fits one of these.
    pub has: Vec<Term>,
    /// It is met when no package fits one of these.
    pub lacks: Vec<Term>,
    /// Whether it is about what packages may not be beside: what is on the host already does not count.
    pub is_conflict: bool,
    /// The need as the package has it, for words.
    pub text: String,
    /// Why nothing can meet it, when it is not understood.
    pub unclear: Option<String>,
}

/// What a single package must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// It is or gives each of these.
    pub all: Vec<Relation>,
    /// It neither is nor gives any of these.
    pub none: Vec<Relation>,
}

impl From<Relation> for Term {
    fn from(relation: Relation) -> Self {
        Self { all: vec![relation], none: Vec::new() }
    }
}

/// All that must hold for the package to be installed.
pub(super) fn clauses(package: &Package) -> Vec<Clause> {
    let format = package.format;
    let needs = package.needs.iter().filter(|need| !is_about_rpm_itself(format, need));
    let rich = package.conflicts.iter().filter(|conflict| is_rich(format, conflict));
    needs
        .flat_map(|need| of_need(need, format, false))
        .chain(rich.flat_map(|conflict| of_need(std::slice::from_ref(conflict), format, true)))
        .collect()
}

/// `rpmlib(...)` names what the program `rpm` must be able to do: no package gives it.
/// Whether the host's can is for its package manager to say.
fn is_about_rpm_itself(format: Format, need: &[Relation]) -> bool {
    format == Format::Rpm && need.iter().all(|relation| relation.name.starts_with("rpmlib("))
}

/// Whether a relation is a rich dependency of RPM.
pub(super) fn is_rich(format: Format, relation: &Relation) -> bool {
    format == Format::Rpm && relation.name.starts_with('(')
}

/// A need, or that which it says must not be, as clauses.
pub(super) fn of_need(need: &[Relation], format: Format, is_conflict: bool) -> Vec<Clause> {
    let text = words(need, format);
    let expressions: Result<Vec<Expr>, String> = need
        .iter()
        .map(|relation| {
            if is_rich(format, relation) {
                Expr::parse(&relation.name)
            } else {
                Ok(Expr::Term(relation.clone().into()))
            }
        })
        .collect();
    let parts = expressions.and_then(|list| Expr::Any(list).clauses(!is_conflict));
    match parts {
        Ok(parts) => parts
            .into_iter()
            .map(|part| Clause { is_conflict, text: text.clone(), ..part })
            .collect(),
        Err(why) => vec![Clause { text, unclear: Some(why), ..Clause::default() }],
    }
}

/// A need as its format writes it: `libc6 (>= 2.34) | libc6.1`.
pub(super) fn words(need: &[Relation], format: Format) -> String {
    let word = |Relation { name, bound }: &Relation| match (bound, format) {
        (None, _) => name.clone(),
        (Some((comparison, version)), Format::Deb) => {
            format!("{name} ({} {version})", comparison.sign(format))
        }
        (Some((comparison, version)), Format::Rpm) => {
            format!("{name} {} {version}", comparison.sign(format))
        }
    };
    need.iter().map(word).collect::<Vec<_>>().join(" | ")
}

/// What somebody asks for by name.
pub(super) fn wanted(name: &str, format: Format) -> Vec<Clause> {
    let need: Need = vec![Relation { name: name.to_owned(), bound: None }];
    of_need(&need, format, false)
}
