//! Patterns of ssh_config(5), of known_hosts and of host certificates: `*`, `?`, and lists of them with `!`.

/// Whether `text` matches `pattern`, in which `*` is any text and `?` any one character. The time it
/// takes grows with their lengths alone, for a pattern may be a stranger's.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to go on when the last `*` has to take one character more.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut after = pattern.clone();
        let wanted = after.next();
        if wanted == Some('*') {
            pattern = after;
            retry = Some((text.clone(), pattern.clone()));
            continue;
        }
        let mut rest = text.clone();
        let found = rest.next();
        let fits = match (wanted, found) {
            (None, None) => return true,
            (Some('?'), Some(_)) => true,
            (Some(wanted), Some(found)) => wanted == found,
            _ => false,
        };
        if fits {
            (text, pattern) = (rest, after);
        } else if let Some((longer, after_star)) = &mut retry {
            if longer.next().is_none() {
                return false;
            }
            (text, pattern) = (longer.clone(), after_star.clone());
        } else {
            return false;
        }
    }
}

/// Whether `text` matches a list of patterns: one of them, and none that is negated.
pub(super) fn matches_any<'a>(text: &str, patterns: impl IntoIterator<Item = &'a str>) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if matches(text, not) => return false,
            Some(_) => {}
            None => matched |= matches(text, pattern),
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (text, pattern, wanted) in [
            ("node1", "node1", true),
            ("node1", "Node1", false),
            ("node1", "node?", true),
            ("node", "node?", false),
            ("node10", "node?", false),
            ("a.b.c", "*.c", true),
            ("a.b.c", "*.b", false),
            ("abcbd", "a*b?", true),
            ("", "*", true),
            ("", "", true),
            ("x", "", false),
            ("10.1.2.3", "10.*.3", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*a*c", false),
        ] {
            assert_eq!(matches(text, pattern), wanted, "{text} {pattern}");
        }
    }

    #[test]
    fn lists() {
        for (list, wanted) in [
            ("a,b", true),
            ("!b", false),
            ("*,!b", false),
            ("!b,*", false),
            ("*,!c", true),
            ("!c", false),
        ] {
            assert_eq!(matches_any("b", list.split(',')), wanted, "{list}");
        }
    }
}
