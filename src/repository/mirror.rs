//! Other places for repositories: `debian=https://mirror.example.org/debian`.

use super::catalogue::repository_names;
use crate::package::Release;
use crate::problem::Problem;

/// Places for repositories, by the repository's name or that of a release, in the order in which they
/// were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors(Vec<(String, String)>);

impl Mirrors {
    /// Reads `NAME=URL` each; `releases` are those that are asked for, if that is known yet.
    ///
    /// # Errors
    /// No such repository, no release that is asked for, no URL.
    pub fn parse(texts: &[String], releases: Option<&[Release]>) -> Result<Self, Problem> {
        let mirror = |text: &String| {
            let (name, url) = text.split_once('=').ok_or_else(|| {
                Problem::new(format!("`{}` is not NAME=URL", text.escape_debug()))
                    .hint("write it as in debian=https://mirror.example.org/debian")
            })?;
            check_name(name, releases)?;
            check_url(url)?;
            Ok((name.to_owned(), url.to_owned()))
        };
        texts.iter().map(mirror).collect::<Result<_, _>>().map(Self)
    }

    /// These, and `other` where these name no place.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        let more = other.0.into_iter().filter(|(name, _)| self.of(name).is_empty());
        let more: Vec<(String, String)> = more.collect();
        self.0.extend(more);
        self
    }

    /// The places that are given for `name`.
    pub(super) fn of(&self, name: &str) -> Vec<&str> {
        let given = self.0.iter().filter(|(known, _)| known == name);
        given.map(|(_, url)| url.as_str()).collect()
    }
}

fn check_name(name: &str, releases: Option<&[Release]>) -> Result<(), Problem> {
    if releases.is_none() && name.parse::<Release>().is_ok() && !repository_names().contains(&name)
    {
        return Ok(());
    }
    let releases = releases.unwrap_or_default().iter();
    let releases: Vec<String> = releases.map(ToString::to_string).collect();
    let mut known = repository_names();
    known.extend(releases.iter().map(String::as_str));
    if known.contains(&name) {
        return Ok(());
    }
    let problem = Problem::new(format!(
        "`{}` is no repository, and no release that is asked for",
        name.escape_debug()
    ));
    Err(problem.meant(name, &known, "a mirror may be given for"))
}

fn check_url(url: &str) -> Result<(), Problem> {
    let shown = super::shown(url);
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let sound = url.chars().all(|c| c.is_ascii_graphic()) && !rest.is_empty();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" if sound && !rest.starts_with('/') => Ok(()),
        "file" if rest.starts_with('/') => Ok(()),
        _ => Err(Problem::new(format!("`{}` is no URL of a mirror", shown.escape_debug()))
            .hint("it starts with http://HOST, https://HOST or file:///")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_have_a_known_name_and_a_url() {
        let releases = ["debian-12".parse().unwrap()];
        let parse = |text: &str| Mirrors::parse(&[text.to_owned()], Some(&releases));
        for good in ["debian=http://x/y", "debian-12=file:///srv/x", "ubuntu-ports=https://u:p@x"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("debian", "is not NAME=URL"),
            ("debain=http://x", "did you mean `debian`?"),
            ("debian-13=http://x", "no release that is asked for"),
            ("debian=x", "is no URL"),
            ("debian=ftp://x", "is no URL"),
            ("debian=http:///x", "is no URL"),
            ("debian=file://host/x", "is no URL"),
            ("debian=http://u:secret@x y", "http://x y"),
        ] {
            let problem = parse(bad).unwrap_err().to_string();
            assert!(problem.contains(words) && !problem.contains("secret"), "{problem}");
        }
        let any = |text: &str| Mirrors::parse(&[text.to_owned()], None);
        assert!(any("rhel-9=http://x").is_ok() && any("debain=http://x").is_err());
    }

    #[test]
    fn what_is_typed_goes_before_what_is_set() {
        let parse = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            Mirrors::parse(&texts, None).unwrap()
        };
        let both = parse(&["debian=http://typed"]).or(parse(&[
            "debian=http://set",
            "ubuntu=http://a",
            "ubuntu=http://b",
        ]));
        assert_eq!(both.of("debian"), ["http://typed"]);
        assert_eq!(both.of("ubuntu"), ["http://a", "http://b"]);
    }
}
