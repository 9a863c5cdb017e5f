//! Tags of tasks and what `--tags` picks, by Ansible's rules.

/// Words that mean something to `--tags` beside the tags themselves.
pub const SPECIAL: [&str; 5] = ["all", "tagged", "untagged", "always", "never"];

/// Whether a run with `--tags wanted` (none: no such option) does a task that has `tags`.
#[must_use]
pub fn picks(wanted: &[String], tags: &[String]) -> bool {
    let asked = |tag: &str| wanted.iter().any(|wanted| wanted == tag);
    let has = |tag: &str| tags.iter().any(|known| known == tag);
    let by_name = tags.iter().any(|tag| asked(tag));
    let by_kind = if tags.is_empty() { asked("untagged") } else { asked("tagged") };
    has("always") || by_name || ((by_kind || asked("all") || wanted.is_empty()) && !has("never"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_as_ansible_does() {
        for (wanted, tags, expected) in [
            ("", "", true),
            ("", "a", true),
            ("", "never", false),
            ("", "never a", false),
            ("a", "a b", true),
            ("a", "b", false),
            ("a", "", false),
            ("a", "always", true),
            ("a", "never a", true),
            ("never", "never", true),
            ("all", "a", true),
            ("all", "never", false),
            ("tagged", "a", true),
            ("tagged", "", false),
            ("untagged", "", true),
            ("untagged", "a", false),
            ("a b", "b", true),
        ] {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(
                picks(&words(wanted), &words(tags)),
                expected,
                "--tags {wanted:?}: {tags:?}"
            );
        }
    }
}
