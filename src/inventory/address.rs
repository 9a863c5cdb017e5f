//! Host patterns of inventory files: `web[01:20].example.com:2222`, `[2001:db8::1]:22`.

use std::net::Ipv6Addr;

use crate::problem::Problem;

/// More hosts than this from one pattern are taken for a slip of the finger.
const MAX_EXPANSION: usize = 100_000;

/// A mistake inside a host pattern.
#[derive(Debug)]
pub(super) struct Fault {
    pub problem: Problem,
    /// Characters before the mistake.
    pub offset: usize,
}

impl Fault {
    fn new(offset: usize, message: impl Into<String>, hint: Option<&str>) -> Self {
        let problem = Problem::new(message);
        Self { offset, problem: hint.iter().fold(problem, |problem, hint| problem.hint(*hint)) }
    }
}

/// The hosts that a pattern stands for, in order, and the port written behind it.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), Fault> {
    if let Some((head, _)) = pattern.rsplit_once('[').filter(|(_, tail)| !tail.contains(']')) {
        return Err(Fault::new(head.chars().count(), "this bracket is not closed", None));
    }
    let (host, port) = split_port(pattern);
    let port = match port {
        Some(text) => Some(parse_port(text).map_err(|problem| {
            let digits = text.chars().count();
            Fault { problem, offset: pattern.chars().count().saturating_sub(digits) }
        })?),
        None => None,
    };
    // The bracket around an IPv6 address with a port.
    let lead = usize::from(port.is_some() && pattern.starts_with('[') && !host.starts_with('['));
    let shift = |mut fault: Fault| {
        fault.offset += lead;
        fault
    };
    let mut names = vec![String::new()];
    let mut rest = host;
    while let Some((head, tail)) = rest.split_once('[') {
        let offset = |text: &str| host.chars().count().saturating_sub(text.chars().count());
        let start = offset(tail).saturating_sub(1);
        let Some((range, tail)) = tail.split_once(']') else {
            return Err(shift(Fault::new(start, "this bracket is not closed", None)));
        };
        let values = expand_range(range)
            .map_err(|(message, hint)| shift(Fault::new(start, message, hint)))?;
        if names.len().saturating_mul(values.len()) > MAX_EXPANSION {
            let message = format!("this stands for more than {MAX_EXPANSION} hosts");
            return Err(shift(Fault::new(start, message, None)));
        }
        names = names
            .iter()
            .flat_map(|name| values.iter().map(move |value| format!("{name}{head}{value}")))
            .collect();
        rest = tail;
    }
    for name in &mut names {
        name.push_str(rest);
        check_name(name).map_err(|problem| shift(Fault { problem, offset: 0 }))?;
    }
    Ok((names, port))
}

/// Splits `host:port` and `[address]:port`; whatever has no port comes back whole.
///
/// A bare IPv6 address has no port. The port is text: it may be wrong.
pub(super) fn split_port(pattern: &str) -> (&str, Option<&str>) {
    if let Some((address, port)) =
        pattern.strip_prefix('[').and_then(|inner| inner.rsplit_once("]:"))
        && is_ipv6(address)
    {
        return (address, Some(port));
    }
    if is_ipv6(pattern) {
        return (pattern, None);
    }
    // Only a colon outside of the brackets of a range separates a port.
    match pattern.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (pattern, None),
    }
}

/// Whether this is an IPv6 address, perhaps with a zone (`%eth0`) or with ranges in it.
fn is_ipv6(text: &str) -> bool {
    let Some(flat) = flatten_ranges(text) else { return false };
    let address = flat.split_once('%').map_or(flat.as_str(), |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

/// The text with a digit in the place of each well-formed range; `None` for stray brackets.
fn flatten_ranges(text: &str) -> Option<String> {
    let mut flat = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('[') {
        let (range, tail) = tail.split_once(']')?;
        let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        let parts: Vec<_> = range.split(':').collect();
        if !(2..=3).contains(&parts.len()) || !parts.into_iter().all(part) {
            return None;
        }
        flat.push_str(head);
        flat.push('1');
        rest = tail;
    }
    flat.push_str(rest);
    (!flat.contains(']')).then_some(flat)
}

/// Whether `text` is one host name or address, perhaps with ranges and a port: then the colons
/// in it do not separate patterns.
pub(super) fn is_one_host(text: &str) -> bool {
    let (host, port) = split_port(text);
    if !port.is_none_or(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())) {
        return false;
    }
    let label = |label: &str| {
        label.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
            && label.starts_with(|c| c != '-')
            && label.ends_with(|c| !matches!(c, '_' | '-'))
    };
    is_ipv6(host) || flatten_ranges(host).is_some_and(|flat| flat.split('.').all(label))
}

/// A port number, 1 to 65535.
pub(super) fn parse_port(text: &str) -> Result<u16, Problem> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| Problem::new(format!("the port {text:?} is not a number from 1 to 65535")))
}

/// Refuses names that could be mistaken for an option or break a line of a configuration.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let fault = if name.is_empty() {
        "is empty"
    } else if name.starts_with('-') {
        "starts with a dash"
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "has a space or control character in it"
    } else if name.contains(['[', ']']) {
        "has a stray bracket in it"
    } else {
        return Ok(());
    };
    Err(Problem::new(format!("the host name {name:?} {fault}")))
}

type RangeFault = (String, Option<&'static str>);

/// The values of `begin:end` or `begin:end:step`, both ends included.
fn expand_range(range: &str) -> Result<Vec<String>, RangeFault> {
    const SHAPE: Option<&str> = Some("ranges are [1:5], [01:50], [a:f] or [0:10:2]");
    let bad = |what: &str| (format!("the range [{range}] {what}"), SHAPE);
    let mut parts = range.split(':');
    let (begin, end, step) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(begin), Some(end), step, None) => (begin, end, step.unwrap_or("1")),
        _ => return Err(bad("is not begin:end or begin:end:step")),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(bad("has no end"));
    }
    let step: usize = match step.parse() {
        Ok(step) if step > 0 => step,
        _ => return Err(bad("needs a step of 1 or more")),
    };
    let backwards = || {
        let hint = Some("write the smaller end first");
        (format!("the range [{range}] ends before it starts"), hint)
    };
    if let (Some(first), Some(last)) = (letter_index(begin), letter_index(end)) {
        if first > last {
            return Err(backwards());
        }
        let letters = letters().skip(first).take(last - first + 1).step_by(step);
        return Ok(letters.map(String::from).collect());
    }
    let number = |text: &str| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        text.parse::<usize>().ok().filter(|_| digits)
    };
    let (Some(first), Some(last)) = (number(begin), number(end)) else {
        return Err(bad("needs two numbers or two letters"));
    };
    let padded = begin.len() > 1 && begin.starts_with('0');
    if padded && begin.len() != end.len() {
        return Err(bad("needs ends of equal length when the first starts with 0"));
    }
    if first > last {
        return Err(backwards());
    }
    if (last - first) / step >= MAX_EXPANSION {
        return Err(bad(&format!("stands for more than {MAX_EXPANSION} hosts")));
    }
    let width = if padded { begin.len() } else { 0 };
    Ok((first..=last).step_by(step).map(|n| format!("{n:0width$}")).collect())
}

/// The order of letters in ranges: a to z, then A to Z.
fn letters() -> impl Iterator<Item = char> {
    ('a'..='z').chain('A'..='Z')
}

fn letter_index(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let letter = chars.next()?;
    if chars.next().is_some() { None } else { letters().position(|l| l == letter) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_patterns() {
        for (pattern, names, port) in [
            ("web", "web", None),
            ("web:2222", "web", Some(2222)),
            ("10.0.0.1:22", "10.0.0.1", Some(22)),
            ("w[1:3]", "w1 w2 w3", None),
            ("w[08:11]x", "w08x w09x w10x w11x", None),
            ("w[9:11]", "w9 w10 w11", None),
            ("w[:2]", "w0 w1 w2", None),
            ("w[a:c]", "wa wb wc", None),
            ("w[y:B]", "wy wz wA wB", None),
            ("w[0:10:5]:22", "w0 w5 w10", Some(22)),
            ("r[1:2]-n[a:b]", "r1-na r1-nb r2-na r2-nb", None),
            ("[1:2].example", "1.example 2.example", None),
            ("fe80::1", "fe80::1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[2001:db8::1]:22", "2001:db8::1", Some(22)),
            ("2001:db8::[1:2]", "2001:db8::1 2001:db8::2", None),
            ("[2001:db8::[1:2]]:22", "2001:db8::1 2001:db8::2", Some(22)),
        ] {
            let (found, found_port) = expand(pattern).unwrap();
            assert_eq!((found.join(" ").as_str(), found_port), (names, port), "{pattern}");
        }
    }

    #[test]
    fn refuses_bad_patterns() {
        for (pattern, offset, part) in [
            ("w[5:1]", 1, "ends before it starts"),
            ("w[c:a]", 1, "ends before it starts"),
            ("w[1-5]", 1, "is not begin:end"),
            ("w[1:5:2:1]", 1, "is not begin:end"),
            ("w[01:100]", 1, "equal length"),
            ("w[1:]", 1, "has no end"),
            ("w[1:a]", 1, "two numbers or two letters"),
            ("w[1:5:0]", 1, "step"),
            ("w[1:5", 1, "not closed"),
            ("w[0:999999999]", 1, "more than 100000 hosts"),
            ("w[1:999]x[1:999]", 9, "more than 100000 hosts"),
            ("w:99999", 2, "is not a number from 1 to 65535"),
            ("w:0", 2, "is not a number from 1 to 65535"),
            ("w:ssh", 2, "is not a number from 1 to 65535"),
            ("w:", 2, "is not a number from 1 to 65535"),
            ("[fe80::1]:0", 10, "is not a number from 1 to 65535"),
            ("-oProxyCommand=x", 0, "starts with a dash"),
            ("a\u{7}", 0, "control character"),
            ("a]b", 0, "stray bracket"),
        ] {
            let fault = expand(pattern).unwrap_err();
            assert!(fault.problem.message().contains(part), "{pattern}: {}", fault.problem);
            assert_eq!(fault.offset, offset, "{pattern}");
        }
    }

    #[test]
    fn knows_one_host_from_a_list() {
        for one in ["web", "web:22", "w[1:3].x", "fe80::1", "a_b-c.d", "[fe80::1]:22"] {
            assert!(is_one_host(one), "{one}");
        }
        for several in ["a:b", "web:!db", "w[0]", "w*", "~w", "all:&x", "w[0:-1]"] {
            assert!(!is_one_host(several), "{several}");
        }
    }
}
