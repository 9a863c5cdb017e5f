//! The command that makes a bundle again with what it lacked.

use std::collections::BTreeSet;

use super::Manifest;

impl Manifest {
    /// What to type so that a bundle is for all that this one is for, and for `target`, a release and an
    /// architecture; with all packages that this one was made for, and those called `names`.
    pub(super) fn again(&self, target: Option<(&str, &str)>, names: &[String]) -> String {
        let (mut releases, mut architectures) = (BTreeSet::new(), BTreeSet::new());
        let mut packages: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        for set in &self.sets {
            releases.insert(set.target.release.to_string());
            architectures.insert(set.target.architecture.to_string());
            packages.extend(set.wanted.iter().map(String::as_str));
        }
        if let Some((release, architecture)) = target {
            releases.insert(release.to_owned());
            architectures.insert(architecture.to_owned());
        }
        let listed = |words: Vec<String>| words.join(",");
        format!(
            "make it again: `ezsync bundle create -o FILE --for {} --arch {} --package {}`, with --mirror, \
             --packages and --keyring as before",
            listed(releases.into_iter().collect()),
            listed(architectures.into_iter().collect()),
            listed(packages.into_iter().map(quoted).collect()),
        )
    }
}

/// Whether this can be the name of a package alone: with RPM needs also name files, libraries and more.
pub(super) fn is_name(word: &str) -> bool {
    let begins_well = word.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins_well && word.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
}

/// As one word for a shell, whatever a bundle says that it was made for.
fn quoted(word: &str) -> String {
    if is_name(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', "")) }
}
