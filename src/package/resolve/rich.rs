//! RPM's rich dependencies: `(a or b)`, `(a if b else c)`, `(a with b)`.

use super::super::{Comparison, Relation};
use super::clause::{Clause, Term};

/// Parentheses in parentheses in parentheses: no package has more than three or four.
const MAX_DEPTH: usize = 16;

/// A need that is worth more clauses than this is nobody's.
const MAX_CLAUSES: usize = 256;

/// A rich dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    /// A package that is like this.
    Term(Term),
    /// Each of these; with none of them it holds.
    All(Vec<Expr>),
    /// One of these; with none of them it does not hold.
    Any(Vec<Expr>),
    /// The second when the first holds, else the third.
    Choice(Box<[Expr; 3]>),
}

impl Expr {
    /// Reads one, from its `(` to its `)`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let expr = reader.group(MAX_DEPTH)?;
        if reader.rest.trim().is_empty() {
            Ok(expr)
        } else {
            Err(format!("`{}` follows its end", reader.rest.trim()))
        }
    }

    /// The clauses that must all hold for it to hold, or not to.
    pub(super) fn clauses(&self, holds: bool) -> Result<Vec<Clause>, String> {
        let both = |mut one: Vec<Clause>, other: Vec<Clause>| {
            one.extend(other);
            one
        };
        let found = match self {
            Self::Term(term) if holds => {
                vec![Clause { has: vec![term.clone()], ..Clause::default() }]
            }
            Self::Term(term) => vec![Clause { lacks: vec![term.clone()], ..Clause::default() }],
            Self::All(list) | Self::Any(list) => {
                let parts = list.iter().map(|expr| expr.clauses(holds));
                if matches!(self, Self::All(_)) == holds {
                    parts.collect::<Result<Vec<_>, _>>()?.concat()
                } else {
                    parts
                        .into_iter()
                        .try_fold(vec![Clause::default()], |so_far, part| either(&so_far, &part?))?
                }
            }
            Self::Choice(parts) => {
                let [on, then, otherwise] = &**parts;
                both(
                    either(&then.clauses(holds)?, &on.clauses(false)?)?,
                    either(&otherwise.clauses(holds)?, &on.clauses(true)?)?,
                )
            }
        };
        if found.len() > MAX_CLAUSES { Err("it is too long".to_owned()) } else { Ok(found) }
    }
}

/// The clauses that hold when all of the one or all of the other list do.
fn either(one: &[Clause], other: &[Clause]) -> Result<Vec<Clause>, String> {
    if one.len().saturating_mul(other.len()) > MAX_CLAUSES {
        return Err("it is too long".to_owned());
    }
    let pair = |one: &Clause, other: &Clause| Clause {
        has: [one.has.clone(), other.has.clone()].concat(),
        lacks: [one.lacks.clone(), other.lacks.clone()].concat(),
        ..Clause::default()
    };
    Ok(one.iter().flat_map(|a| other.iter().map(move |b| pair(a, b))).collect())
}

/// Reads an expression from its start.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// `(` operand, operator, operand … `)`.
    fn group(&mut self, depth: usize) -> Result<Expr, String> {
        self.rest = self.rest.trim_start();
        self.rest = self.rest.strip_prefix('(').ok_or("a `(` is missing")?;
        let depth = depth.checked_sub(1).ok_or("its parentheses are too deep")?;
        let first = self.operand(depth)?;
        let mut rest: Vec<(&str, Expr)> = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(after) = self.rest.strip_prefix(')') {
                self.rest = after;
                return join(first, rest);
            }
            let operator = self.word();
            if operator.is_empty() {
                return Err("its `)` is missing".to_owned());
            }
            rest.push((operator, self.operand(depth)?));
        }
    }

    /// A group, or a name with or without a bound on its version.
    fn operand(&mut self, depth: usize) -> Result<Expr, String> {
        if self.rest.trim_start().starts_with('(') {
            return self.group(depth);
        }
        let name = self.word().to_owned();
        if name.is_empty() {
            return Err("a name is missing".to_owned());
        }
        let before = self.rest;
        let Some(comparison) = Comparison::from_sign(self.word()) else {
            self.rest = before;
            return Ok(Expr::Term(Relation { name, bound: None }.into()));
        };
        let version = self.word().to_owned();
        if version.is_empty() {
            return Err(format!("the version of {name} is missing"));
        }
        Ok(Expr::Term(Relation { name, bound: Some((comparison, version)) }.into()))
    }

    /// All up to the next blank or the `)` of the group; a name may have parentheses: `perl(English)`.
    fn word(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let mut depth = 0_usize;
        let end = text.find(|sign: char| match sign {
            '(' => {
                depth = depth.saturating_add(1);
                false
            }
            ')' if depth > 0 => {
                depth = depth.saturating_sub(1);
                false
            }
            ')' => true,
            _ => sign.is_whitespace(),
        });
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        self.rest = rest;
        word
    }
}

/// A group's operands by their operators.
fn join(first: Expr, rest: Vec<(&str, Expr)>) -> Result<Expr, String> {
    let operators: Vec<&str> = rest.iter().map(|(operator, _)| *operator).collect();
    let mut operands = vec![first];
    operands.extend(rest.into_iter().map(|(_, operand)| operand));
    let all_are = |wanted: &str| operators.iter().all(|operator| *operator == wanted);
    let nothing_else = || Expr::All(Vec::new());
    let never = || Expr::Any(Vec::new());
    let mut three = operands.clone().into_iter();
    let parts = (three.next(), three.next(), three.next());
    Ok(match (operators.as_slice(), parts) {
        ([], (Some(only), ..)) => only,
        (["if"], (Some(then), Some(on), _)) => choice(on, then, nothing_else()),
        (["if", "else"], (Some(then), Some(on), Some(other))) => choice(on, then, other),
        (["unless"], (Some(other), Some(on), _)) => choice(on, never(), other),
        (["unless", "else"], (Some(other), Some(on), Some(then))) => choice(on, then, other),
        (["without"], (Some(Expr::Term(mut one)), Some(Expr::Term(other)), _))
            if other.none.is_empty() && other.all.len() == 1 =>
        {
            one.none.extend(other.all);
            Expr::Term(one)
        }
        _ if all_are("and") => Expr::All(operands),
        _ if all_are("or") => Expr::Any(operands),
        _ if all_are("with") => Expr::Term(with(operands)?),
        _ => return Err(format!("`{}` is not understood in it", operators.join(" … "))),
    })
}

fn choice(on: Expr, then: Expr, otherwise: Expr) -> Expr {
    Expr::Choice(Box::new([on, then, otherwise]))
}

/// One package that is all of these.
fn with(operands: Vec<Expr>) -> Result<Term, String> {
    let mut whole = Term { all: Vec::new(), none: Vec::new() };
    for operand in operands {
        let Expr::Term(term) = operand else {
            return Err("`with` takes names only".to_owned());
        };
        whole.all.extend(term.all);
        whole.none.extend(term.none);
    }
    Ok(whole)
}
