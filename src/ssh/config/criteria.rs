//! The conditions of `Match`.

use super::line::{Line, match_words};
use crate::problem::Problem;
use crate::ssh::pattern::matches_any;

/// One condition, perhaps negated.
#[derive(Debug, Clone)]
pub(super) struct Criterion {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    All,
    /// Only in the second reading of the files, which `Match final` asks for.
    Final,
    /// Only after a name was made canonical, which we never do.
    Canonical,
    Host(String),
    OriginalHost(String),
    User(String),
    LocalUser(String),
    /// One that we cannot judge, by its name.
    Unfollowed(String),
}

/// What conditions are held against.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// The host's name, after HostName so far.
    pub(super) host: String,
    /// The host's name as it was given.
    pub(super) original: &'a str,
    /// The user on the host, as far as is known.
    pub(super) user: &'a str,
    /// The user who runs this program.
    pub(super) local_user: &'a str,
    /// Whether this is the second reading.
    pub(super) last: bool,
}

/// What comes of a line of conditions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement<'a> {
    Applies,
    Differs,
    /// Everything else fits, and this condition is one that we cannot judge.
    Unknown(&'a str),
}

/// The conditions that take a value and that only newer releases of OpenSSH know, and `exec`,
/// which would run a program for each host.
const UNFOLLOWED: [&str; 6] =
    ["exec", "localnetwork", "tagged", "version", "sessiontype", "command"];

/// Reads the conditions of a `Match` line.
///
/// # Errors
/// A condition is not known, lacks its value, or cannot stand beside others.
pub(super) fn read(line: &Line<'_>) -> Result<Vec<Criterion>, Problem> {
    let mut criteria: Vec<Criterion> = Vec::new();
    let words = match_words(line);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.text.to_ascii_lowercase();
        let (negated, name) = match name.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, name.as_str()),
        };
        let test = match name {
            "all" if criteria.len() > 1 || words.len() > 0 => {
                let message = "all stands alone, or behind final or canonical";
                return Err(line.problem_at(word, message));
            }
            "all" => Test::All,
            "final" => Test::Final,
            "canonical" => Test::Canonical,
            _ => {
                let known = ["host", "originalhost", "user", "localuser"];
                if !known.contains(&name) && !UNFOLLOWED.contains(&name) {
                    return Err(line.problem_at(word, format!("`{name}` is no condition")).hint(
                        "the conditions are all, final, host, originalhost, user and localuser",
                    ));
                }
                let value = words.next().filter(|value| !value.text.is_empty());
                let missing = || line.problem_at(word, format!("{name} has no value"));
                let value = value.ok_or_else(missing)?.text.clone();
                match name {
                    "host" => Test::Host(value.to_lowercase()),
                    "originalhost" => Test::OriginalHost(value.to_lowercase()),
                    "user" => Test::User(value),
                    "localuser" => Test::LocalUser(value),
                    other => Test::Unfollowed(other.to_owned()),
                }
            }
        };
        criteria.push(Criterion { negated, test });
    }
    Ok(criteria)
}

/// Whether the conditions ask for a second reading of the files.
pub(super) fn ask_for_last(criteria: &[Criterion]) -> bool {
    criteria.iter().any(|criterion| matches!(criterion.test, Test::Final))
}

/// Whether all conditions hold.
pub(super) fn judge<'a>(criteria: &'a [Criterion], subject: &Subject<'_>) -> Judgement<'a> {
    let list = |text: &str, patterns: &str| matches_any(text, patterns.split(','));
    let mut unknown = None;
    for Criterion { negated, test } in criteria {
        let holds = match test {
            Test::All => true,
            Test::Final | Test::Canonical => subject.last,
            Test::Host(patterns) => list(&subject.host.to_lowercase(), patterns),
            Test::OriginalHost(patterns) => list(&subject.original.to_lowercase(), patterns),
            Test::User(patterns) => list(subject.user, patterns),
            Test::LocalUser(patterns) => list(subject.local_user, patterns),
            Test::Unfollowed(name) => {
                unknown = Some(name.as_str());
                continue;
            }
        };
        if holds == *negated {
            return Judgement::Differs;
        }
    }
    unknown.map_or(Judgement::Applies, Judgement::Unknown)
}
