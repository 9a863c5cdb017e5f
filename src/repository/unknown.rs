//! What to say of releases that nobody knows.

use super::catalogue::{DEBS, RPM_ELSEWHERE, RPMS};
use crate::package::{Release, Target};
use crate::problem::{Problem, nearest};

/// The release that was typed as `text`.
///
/// # Errors
/// It is none: a codename, or a distribution alone.
pub fn release(text: &str) -> Result<Release, Problem> {
    text.parse().map_err(|what: String| {
        let problem = Problem::new(what);
        let word = text.to_ascii_lowercase();
        let codenames = DEBS.iter().flat_map(|deb| {
            deb.versions.iter().chain(deb.old).map(|(version, name)| (deb.id, *version, *name))
        });
        let named = codenames.into_iter().find(|(.., name)| *name == word);
        match (named, of_distribution(&word)) {
            (Some((id, version, name)), _) => problem.hint(format!("{name} is {id}-{version}")),
            (None, known) if !known.is_empty() => {
                problem.hint(format!("known are {}", known.join(", ")))
            }
            _ => problem.hint("it is ID-VERSION_ID of the hosts' /etc/os-release"),
        }
    })
}

/// The known releases as distribution and version.
fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    let debs = DEBS.iter().flat_map(|deb| deb.versions.iter().map(|(v, _)| (deb.id, *v)));
    debs.chain(RPMS.iter().flat_map(|rpm| rpm.versions.iter().map(|v| (rpm.id, *v))))
}

/// The known releases of the distribution `id`.
fn of_distribution(id: &str) -> Vec<String> {
    let of_it = known().filter(|(known, _)| *known == id);
    of_it.map(|(id, version)| format!("{id}-{version}")).collect()
}

/// Why there are no repositories for `target`, and what to do about it.
pub(super) fn unknown(target: &Target) -> Problem {
    let release = &target.release;
    let (id, version) = (release.distribution.as_str(), release.version.as_str());
    let problem = Problem::new(format!("{release}: no repositories of this release are known"));
    let of_it = of_distribution(id);
    if let Some(deb) = DEBS.iter().find(|deb| deb.id == id) {
        let known = format!("known are {}", of_it.join(", "));
        return problem.hint(match deb.old.iter().any(|(old, _)| *old == version) {
            true => format!("its mirrors have it no longer: name an archive with --mirror {release}=URL; {known}"),
            false => known,
        });
    }
    if of_it.is_empty() && !RPM_ELSEWHERE.contains(&id) {
        let mut ids: Vec<&str> = known().map(|(id, _)| id).collect();
        ids.dedup();
        return problem.hint(match nearest(&id.to_ascii_lowercase(), &ids) {
            Some(near) => match known().any(|it| it == (near.as_str(), version)) {
                true => format!("did you mean `{near}-{version}`?"),
                false => format!("known are {}", of_distribution(&near).join(", ")),
            },
            None => format!(
                "with --mirror {release}=URL a repository of RPM packages; known are: {}",
                ids.join(", ")
            ),
        });
    }
    let also =
        if of_it.is_empty() { String::new() } else { format!("; known are {}", of_it.join(", ")) };
    problem.hint(format!(
        "name a repository with --mirror {release}=URL (more than one where there are more), or a folder of packages with --packages DIR{also}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_release_is_explained() {
        for (text, words) in [
            ("bookworm", "bookworm is debian-12"),
            ("Xenial", "xenial is ubuntu-16.04"),
            ("debian", "known are debian-11, debian-12"),
            ("plan9", "ID-VERSION_ID"),
        ] {
            let problem = release(text).unwrap_err().to_string();
            assert!(problem.contains(words), "{problem}");
        }
        assert!(release("debian-12").is_ok());
    }
}
