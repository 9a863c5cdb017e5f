//! Tags of tasks, and what `--tags` and `--skip-tags` pick, by Ansible's rules.

/// Words that mean something to `--tags` and `--skip-tags` beside the tags themselves.
pub const SPECIAL: [&str; 5] = ["all", "tagged", "untagged", "always", "never"];

/// Which tasks of a run are done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// `--tags`: only tasks with one of these; all when none is given.
    pub only: Vec<String>,
    /// `--skip-tags`: no task with one of these. It is stronger.
    pub skip: Vec<String>,
}

impl Choice {
    /// Whether a task that has `tags` is done.
    #[must_use]
    pub fn picks(&self, tags: &[String]) -> bool {
        let has = |tag: &str| tags.iter().any(|known| known == tag);
        let named_in = |words: &[String], tag: &str| words.iter().any(|word| word == tag);
        // `untagged` is the tag of tasks that have none.
        let met = |words: &[String]| match tags {
            [] => named_in(words, "untagged"),
            tags => tags.iter().any(|tag| named_in(words, tag)),
        };
        let tagged_in = |words: &[String]| !tags.is_empty() && named_in(words, "tagged");

        let everything = self.only.is_empty() || named_in(&self.only, "all");
        let by_kind = (everything || tagged_in(&self.only)) && !has("never");
        let skipped = if named_in(&self.skip, "all") {
            !has("always") || named_in(&self.skip, "always")
        } else {
            met(&self.skip) || tagged_in(&self.skip)
        };
        (has("always") || met(&self.only) || by_kind) && !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_as_ansible_does() {
        for (only, skip, tags, expected) in [
            ("", "", "", true),
            ("", "", "a", true),
            ("", "", "never", false),
            ("", "", "never a", false),
            ("a", "", "a b", true),
            ("a", "", "b", false),
            ("a", "", "", false),
            ("a", "", "always", true),
            ("a", "", "never a", true),
            ("never", "", "never", true),
            ("all", "", "a", true),
            ("all", "", "never", false),
            ("tagged", "", "a", true),
            ("tagged", "", "", false),
            ("untagged", "", "", true),
            ("untagged", "", "a", false),
            ("a b", "", "b", true),
            ("", "a", "a", false),
            ("", "a", "a b", false),
            ("", "a", "b", true),
            ("", "a", "", true),
            ("a", "b", "a b", false),
            ("", "all", "a", false),
            ("", "all", "always", true),
            ("", "all always", "always", false),
            ("", "always", "always", false),
            ("", "tagged", "a", false),
            ("", "tagged", "", true),
            ("", "untagged", "", false),
            ("", "untagged", "a", true),
        ] {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let choice = Choice { only: words(only), skip: words(skip) };
            assert_eq!(choice.picks(&words(tags)), expected, "{choice:?}: {tags:?}");
        }
    }
}
