//! RPM's descriptions of packages: the lists of a repository, the header of a package's file, and what rpm
//! says is installed.

mod elements;
mod primary;
mod repomd;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

pub use primary::read_primary;
pub use repomd::{Checksum, Primary, read_repomd};

use super::malformed::{self, Malformed};
use super::{Comparison, Given, Installed, Package, Relation};

/// What is installed, by lines of rpm: name, `[EPOCH:]VERSION-RELEASE`, and what it provides, with tabs
/// between them. Provides have commas between them, and are like `name`, `name = 1:2.0-3` or the path of a
/// file. A package may have several lines.
///
/// # Errors
///
/// A line that is not like this.
pub fn read_installed(lines: &str) -> Result<Vec<Installed>, Malformed> {
    let read = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else {
            return Err(Malformed(format!("{line:?} is no line of rpm's")));
        };
        let provides = parts.next().unwrap_or_default().split(',').map(str::trim);
        let gives = provides.filter(|text| !text.is_empty()).map(|text| {
            let mut words = text.split_ascii_whitespace();
            let name = words.next().unwrap_or_default();
            given(name, words.next().unwrap_or_default(), words.next().unwrap_or_default())
        });
        Ok(Installed {
            name: malformed::name(name)?.to_owned(),
            version: without_zero_epoch(malformed::version(version)?).to_owned(),
            gives: gives.collect(),
        })
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(read).collect()
}

/// Something that a package provides. What is not just one version but a range of them counts as if it had
/// none: any bound is met, as RPM has it where one of the two sides has no version.
pub(super) fn given(name: &str, sign: &str, version: &str) -> Given {
    let is_exact = Comparison::from_sign(sign) == Some(Comparison::Equal) && !version.is_empty();
    let version = is_exact.then(|| without_zero_epoch(version).to_owned());
    Given { name: name.to_owned(), version }
}

/// Something that a package requires, conflicts with or obsoletes.
pub(super) fn relation(name: &str, sign: &str, version: &str) -> Relation {
    let bound = Comparison::from_sign(sign)
        .filter(|_| !version.is_empty())
        .map(|comparison| (comparison, without_zero_epoch(version).to_owned()));
    Relation { name: name.to_owned(), bound }
}

/// `[EPOCH:]VERSION[-RELEASE]`, without the epoch that all have that have none.
pub(super) fn evr(epoch: &str, version: &str, release: &str) -> String {
    let epoch = if epoch.is_empty() { String::new() } else { format!("{epoch}:") };
    let release = if release.is_empty() { String::new() } else { format!("-{release}") };
    without_zero_epoch(&format!("{epoch}{version}{release}")).to_owned()
}

fn without_zero_epoch(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

/// Takes from each package the files in it that none of these packages needs: a shell gives hundreds of
/// programs, and a list of them all helps nobody.
pub fn forget_idle_files(packages: &mut [Package]) {
    let is_of_name = |sign: char| !sign.is_whitespace() && !"()".contains(sign);
    let needed: HashSet<String> = packages
        .iter()
        .flat_map(|package| package.needs.iter().flatten())
        .flat_map(|relation| relation.name.split(|sign| !is_of_name(sign)))
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect();
    for package in packages {
        package.gives.retain(|given| !given.name.starts_with('/') || needed.contains(&given.name));
    }
}
