//! Host patterns, as `--limit` takes them: `web:&prod:!db1`, `web[0:2]`, `*.example`, `~re`.

use std::path::Path;

use indexmap::{IndexMap, IndexSet};
use regex::Regex;

use super::address;
use super::model::{ALL, Model};
use super::source::read_text;
use crate::problem::Problem;

/// How one pattern of a list changes the hosts that were chosen before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Add,
    Keep,
    Remove,
}

/// Which of the matching hosts are meant: `[1]`, `[-1]`, `[0:2]`, `[2:]`.
#[derive(Debug, PartialEq, Eq)]
enum Subscript {
    One(isize),
    /// Both ends included; without an end up to the last.
    Range(usize, Option<usize>),
}

/// The numbers of the hosts that `pattern` selects, in Ansible's order.
pub(super) fn select(model: &Model, pattern: &str) -> Result<IndexSet<usize>, Problem> {
    let mut parts = Vec::new();
    for part in split(pattern) {
        match part.strip_prefix('@') {
            Some(file) => {
                let text = read_text(Path::new(file))?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                parts.extend(lines.map(str::to_owned));
            }
            None => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(Problem::new("the host pattern is empty"));
    }
    let mut parts: Vec<(Effect, &str)> = parts.iter().map(|part| effect(part)).collect();
    // Whatever their order, additions come first, then `&`, then `!`.
    parts.sort_by_key(|(effect, _)| *effect);
    let mut chosen = IndexSet::new();
    if !matches!(parts.first(), Some((Effect::Add, _))) {
        chosen.extend(model.members(ALL));
    }
    for (effect, part) in parts {
        // Only what is added may name a host before a group: Ansible looks for `&a` itself.
        let host = model.hosts.get_index_of(part).filter(|_| effect == Effect::Add);
        let matched = host.map_or_else(|| matching(model, part), |host| Ok(vec![host]))?;
        match effect {
            Effect::Add => chosen.extend(matched),
            Effect::Keep => {
                let matched: IndexSet<usize> = matched.into_iter().collect();
                chosen.retain(|host| matched.contains(host));
            }
            Effect::Remove => {
                let matched: IndexSet<usize> = matched.into_iter().collect();
                chosen.retain(|host| !matched.contains(host));
            }
        }
    }
    Ok(chosen)
}

fn effect(part: &str) -> (Effect, &str) {
    match (part.strip_prefix('&'), part.strip_prefix('!')) {
        (Some(rest), _) => (Effect::Keep, rest),
        (_, Some(rest)) => (Effect::Remove, rest),
        _ => (Effect::Add, part),
    }
}

/// The single patterns of a list. Commas separate; where there is none, colons do, unless the
/// whole is one address or range.
fn split(pattern: &str) -> Vec<String> {
    let parts = if pattern.contains(',') {
        pattern.split(',').map(str::to_owned).collect()
    } else if address::is_one_host(pattern.trim()) {
        vec![pattern.to_owned()]
    } else {
        split_at_colons(pattern)
    };
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Splits at colons and spaces that stand outside of brackets.
fn split_at_colons(pattern: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut in_brackets = false;
    for c in pattern.chars() {
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        if !in_brackets && (c == ':' || c.is_whitespace()) {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts
}

/// The hosts that one pattern matches. Without a subscript each may come more than once.
fn matching(model: &Model, part: &str) -> Result<Vec<usize>, Problem> {
    let (name, subscript) = split_subscript(part);
    let matched = matching_name(model, name)?;
    let Some(subscript) = subscript.filter(|_| !matched.is_empty()) else { return Ok(matched) };
    let count = matched.len();
    let (start, wanted) = match subscript {
        Subscript::One(index) => {
            let index = if index < 0 {
                count.checked_sub(index.unsigned_abs())
            } else {
                index.try_into().ok().filter(|index| *index < count)
            };
            let index = index.ok_or_else(|| {
                Problem::new(format!("{part} selects no host: {name} has {count}"))
                    .hint("the first is [0], the last is [-1]")
            })?;
            (index, 1)
        }
        Subscript::Range(start, Some(end)) => (start, (end + 1).saturating_sub(start)),
        Subscript::Range(start, None) => (start, count),
    };
    Ok(matched.into_iter().skip(start).take(wanted).collect())
}

/// Splits `name[subscript]`. In a regular expression brackets mean something else.
fn split_subscript(part: &str) -> (&str, Option<Subscript>) {
    let split = || {
        let (name, inside) = part.strip_suffix(']')?.rsplit_once('[')?;
        if name.is_empty() || name.starts_with('~') {
            return None;
        }
        Some((name, parse_subscript(inside)?))
    };
    split().map_or((part, None), |(name, subscript)| (name, Some(subscript)))
}

fn parse_subscript(text: &str) -> Option<Subscript> {
    if let Ok(index) = text.parse() {
        return (!text.starts_with('+')).then_some(Subscript::One(index));
    }
    // [0-2] is the old spelling of [0:2].
    let (start, end) = text.split_once([':', '-'])?;
    let end = if end.is_empty() { None } else { Some(end.parse().ok()?) };
    Some(Subscript::Range(start.parse().ok()?, end))
}

/// The hosts of all groups that match, then, for a glob or a regular expression or when no
/// group matches, the matching hosts themselves.
fn matching_name(model: &Model, name: &str) -> Result<Vec<usize>, Problem> {
    let special = name.starts_with('~') || name.contains(['?', '*', '[']);
    let mut matched = Vec::new();
    let any_group;
    if special {
        let regex = compile(name)?;
        let groups = positions(&model.groups, &regex);
        any_group = !groups.is_empty();
        for group in groups {
            matched.extend(model.members(group));
        }
        matched.extend(positions(&model.hosts, &regex));
    } else {
        let group = model.groups.get_index_of(name);
        any_group = group.is_some();
        matched.extend(group.map(|group| model.members(group)).unwrap_or_default());
        if !any_group {
            matched.extend(model.hosts.get_index_of(name));
        }
    }
    if matched.is_empty() && !any_group { Err(unknown(model, name)) } else { Ok(matched) }
}

fn positions<T>(names: &IndexMap<String, T>, regex: &Regex) -> Vec<usize> {
    names.keys().enumerate().filter(|(_, name)| regex.is_match(name)).map(|(n, _)| n).collect()
}

/// `~re` matches from the start of a name, a glob the whole of it.
fn compile(pattern: &str) -> Result<Regex, Problem> {
    let invalid = |error: regex::Error| {
        let shown = error.to_string();
        let reason = shown.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Problem::new(format!("the host pattern {pattern} is not valid: {reason}"))
    };
    let regex = match pattern.strip_prefix('~') {
        Some(regex) => {
            // By itself: `a)|(b` is valid between our own parentheses, and means something else there.
            Regex::new(regex).map_err(invalid)?;
            format!("^(?:{regex})")
        }
        None => glob(pattern),
    };
    Regex::new(&regex).map_err(invalid)
}

/// A glob as Python's fnmatch reads it: `*`, `?`, `[abc]`, `[!abc]`.
fn glob(pattern: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class(chars.as_str()) {
                Some((class, rest)) => {
                    regex.push_str(&class);
                    chars = rest.chars();
                }
                None => regex.push_str("\\["),
            },
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}

/// A class in brackets, of which the first has been read, and what follows it.
fn class(text: &str) -> Option<(String, &str)> {
    let (negated, inside) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    // A bracket right at the start is a member of the class.
    let skip = inside.chars().next().map_or(0, char::len_utf8);
    let end = skip + inside.get(skip..)?.find(']')?;
    let mut class = String::from(if negated { "[^" } else { "[" });
    for c in inside.get(..end)?.chars() {
        if c.is_ascii_punctuation() && c != '-' {
            class.push('\\');
        }
        class.push(c);
    }
    class.push(']');
    Some((class, inside.get(end + 1..)?))
}

/// What to say about a name that is neither a group nor a host.
fn unknown(model: &Model, name: &str) -> Problem {
    let problem = Problem::new(format!("no group or host matches {name}"));
    let known: Vec<&str> =
        model.groups.keys().chain(model.hosts.keys()).map(String::as_str).collect();
    let near = similar::get_close_matches(name, &known, 3, 0.6);
    if !near.is_empty() {
        return problem.hint(format!("did you mean {}?", near.join(" or ")));
    }
    let groups: Vec<&str> = model.groups.keys().map(String::as_str).take(20).collect();
    problem.hint(format!("the groups are {}", groups.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_lists() {
        for (pattern, parts) in [
            ("a:b", "a b"),
            ("a,b, c", "a b c"),
            ("web:&prod:!db[0:1]", "web &prod !db[0:1]"),
            ("web[0:2]", "web[0:2]"),
            ("fe80::1", "fe80::1"),
            ("fe80::1,fe80::2", "fe80::1 fe80::2"),
            ("web[-1]", "web[-1]"),
            ("~web[0-9]+", "~web[0-9]+"),
        ] {
            assert_eq!(split(pattern).join(" "), parts);
        }
    }

    #[test]
    fn reads_subscripts() {
        for (part, name, subscript) in [
            ("g[0]", "g", Some(Subscript::One(0))),
            ("g[-1]", "g", Some(Subscript::One(-1))),
            ("g[0:2]", "g", Some(Subscript::Range(0, Some(2)))),
            ("g[1:]", "g", Some(Subscript::Range(1, None))),
            ("g[0-2]", "g", Some(Subscript::Range(0, Some(2)))),
            ("g[ab]", "g[ab]", None),
            ("~g[0]", "~g[0]", None),
            ("[0]", "[0]", None),
        ] {
            assert_eq!(split_subscript(part), (name, subscript), "{part}");
        }
    }

    #[test]
    fn a_regex_is_one_by_itself() {
        for pattern in ["~a)|(b", "~(", "~a{2"] {
            let error = compile(pattern).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("the host pattern {pattern} is not valid")),
                "{error}"
            );
        }
    }

    #[test]
    fn globs_match_like_fnmatch() {
        for (pattern, name, expected) in [
            ("web*", "web1.x", true),
            ("web?", "web1", true),
            ("web?", "web12", false),
            ("web[12]", "web2", true),
            ("web[!12]", "web2", false),
            ("web[1-3]", "web2", true),
            ("[]x]*", "]a", true),
            ("web[", "web[", true),
            ("a.c", "abc", false),
            ("~w.b", "web1", true),
            ("~b", "web", false),
            ("~a|b", "xb", false),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(name), expected, "{pattern} {name}");
        }
    }
}
