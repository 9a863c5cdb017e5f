//! A Debian repository: from its signed `InRelease` to the list of one component and architecture.

use super::catalogue::{Keys, Source};
use super::error::Error;
use super::fetch::{Fetcher, Item};
use super::release_file::ReleaseFile;
use super::shown;
use super::signature::Keyring;
use crate::package::Architecture;

/// A suite of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Suite {
    /// The repository.
    pub url: String,
    /// The suite's name.
    pub name: String,
    /// Whose keys sign it.
    pub keys: Keys,
    /// Whether there may be none.
    pub optional: bool,
}

/// Whom to trust, and what time it is.
pub(super) struct Trust {
    /// The keys that the user names; none: those that are known.
    pub keyring: Option<Keyring>,
    /// In seconds since 1970.
    pub now: i64,
}

impl Trust {
    /// The signed part of the file at `url`.
    fn signed(&self, url: &str, text: &[u8], keys: Keys) -> Result<String, Error> {
        let text = std::str::from_utf8(text)
            .map_err(|_| Error::failed(format!("{}: this is no text", shown(url)), NOT_A_MIRROR))?;
        let keyring = self.keyring.clone().unwrap_or_else(|| Keyring::of(keys));
        keyring.cleartext(text, self.now).map_err(|why| {
            Error::failed(
                format!("{}: not trusted: {why}", shown(url)),
                "if this mirror signs with keys of its own, give them with --keyring FILE; else it is broken, or \
                 someone is between: name another with --mirror NAME=URL",
            )
        })
    }
}

const NOT_A_MIRROR: &str = "this is no mirror of the distribution, or a login page is in between: try the URL in a browser";

/// The suite that `source` is of.
pub(super) fn suite(source: &Source) -> Option<Suite> {
    match source {
        Source::Deb { url, suite, keys, optional, .. } => {
            Some(Suite { url: url.clone(), name: suite.clone(), keys: *keys, optional: *optional })
        }
        Source::Rpm { .. } => None,
    }
}

/// What the reader should know of suites that none of `sources` has, where they may do without.
pub(super) fn lacking(sources: &[Source], has: impl Fn(&Source) -> bool) -> Option<String> {
    let suites = |wanted: bool| {
        let of = sources.iter().filter(|source| has(source) == wanted);
        of.filter_map(|source| match source {
            Source::Deb { suite, .. } => Some(suite.as_str()),
            Source::Rpm { .. } => None,
        })
        .collect::<Vec<&str>>()
    };
    let there = suites(true);
    let mut lacking = suites(false);
    lacking.retain(|suite| !there.contains(suite));
    lacking.dedup();
    if lacking.is_empty() {
        return None;
    }
    let lacking = lacking.join(" and no ");
    Some(format!("the mirror has no {lacking}: what is fixed there is not in this bundle"))
}

impl Suite {
    /// Its `Release` file, trusted; none where there may be none.
    pub fn release(
        &self,
        fetcher: &Fetcher<'_>,
        trust: &Trust,
    ) -> Result<Option<ReleaseFile>, Error> {
        let url = format!("{}/dists/{}/InRelease", self.url, self.name);
        let Some(text) = fetcher.fresh(&url, &format!("{} InRelease", self.name))? else {
            if self.optional {
                return Ok(None);
            }
            return Err(Error::failed(
                format!("{}: there is no such file", shown(&url)),
                format!(
                    "this mirror does not have the release: look at its URL, which is the folder that has dists/ in it; \
                     a release that is no longer supported moves to an archive: name it with --mirror NAME=URL \
                     ({} keeps Debian's)",
                    "http://archive.debian.org/debian"
                ),
            ));
        };
        let file = ReleaseFile::parse(&trust.signed(&url, &text, self.keys)?);
        let refused = |why: String, hint: &str| {
            Error::failed(format!("{}: refused: {why}", shown(&url)), hint)
        };
        file.is_of(&self.name).map_err(|why| refused(why, "look at the URL of the mirror"))?;
        file.holds(trust.now).map_err(|why| {
            refused(
                why,
                "the mirror has not been brought up to date since, or this machine's clock is wrong: look at `date`, \
                 or name another mirror with --mirror NAME=URL",
            )
        })?;
        Ok(Some(file))
    }

    /// The list of `component` for `architecture`.
    pub fn list(
        &self,
        file: &ReleaseFile,
        component: &str,
        architecture: Architecture,
    ) -> Result<Item, Error> {
        let folder = format!("{component}/binary-{}", architecture.deb());
        let found = ["xz", "gz"].iter().find_map(|end| {
            let path = format!("{folder}/Packages.{end}");
            file.list(&path).map(|(size, sha256)| (path, size, sha256.to_owned()))
        });
        let Some((path, size, sha256)) = found else {
            let known = file.field("Architectures");
            return Err(Error::failed(
                format!(
                    "{} {}: it has no {folder}/Packages.xz and no Packages.gz (it is for {known})",
                    shown(&self.url),
                    self.name
                ),
                "look at --arch, or name another mirror with --mirror NAME=URL",
            ));
        };
        let base = format!("{}/dists/{}", self.url, self.name);
        let url = if file.is_by_hash() {
            format!("{base}/{folder}/by-hash/SHA256/{sha256}")
        } else {
            format!("{base}/{path}")
        };
        Ok(Item { url, name: format!("{} {path}", self.name), size: Some(size), sum: sha256 })
    }
}
