//! What is on the smallest host of a release, by the packages that the release has.

use super::{Format, Given, Installed, Package, Priority, Unmet, resolve};

/// On each host that has RPM, or it would not be managed by any of its tools. The one or the other does
/// not exist everywhere.
const RPM: [&str; 9] =
    ["filesystem", "bash", "coreutils", "glibc", "rpm", "systemd", "dnf", "microdnf", "zypper"];

/// What is on the smallest host that has a package manager: with Debian all that is essential or required, and
/// apt; with RPM a shell, rpm, systemd and dnf or zypper; and what these need.
///
/// Their versions are the earliest that a host of this release may have, as far as versions tell: a
/// package that asks for a later one brings it along.
///
/// # Errors
///
/// A need of these that no package meets: the list is not all of a release.
pub fn minimal(packages: &[Package]) -> Result<Vec<Installed>, Unmet> {
    let is_there = |package: &&Package| match package.format {
        Format::Deb => package.priority <= Priority::Required || package.name == "apt",
        Format::Rpm => RPM.contains(&package.name.as_str()),
    };
    let mut names: Vec<String> =
        packages.iter().filter(is_there).map(|package| package.name.clone()).collect();
    names.sort();
    names.dedup();
    let earliest = |package: &Package| {
        let version = |version: &str| earliest_version(package.format, version);
        Installed {
            name: package.name.clone(),
            version: version(&package.version),
            gives: package
                .gives
                .iter()
                .map(|given| Given {
                    name: given.name.clone(),
                    version: given.version.as_deref().map(version),
                })
                .collect(),
        }
    };
    Ok(resolve(&names, packages, &[])?.into_iter().map(earliest).collect())
}

/// What a version was when its release came out: updates of Debian and Ubuntu add to the revision
/// (`+deb12u3`, `ubuntu8.6`). Where an update brings a new upstream version (`~deb12u1`), and with RPM, only
/// the epoch and the first number are sure.
fn earliest_version(format: Format, version: &str) -> String {
    let first_number = || {
        let (epoch, rest) = version
            .split_once(':')
            .map_or(("", version), |(epoch, _)| version.split_at(epoch.len().saturating_add(1)));
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("{epoch}{number}")
    };
    if format == Format::Rpm || version.contains("~deb") || version.contains("~ubuntu") {
        return first_number();
    }
    if let Some((before, _)) = version.split_once("+deb") {
        return before.to_owned();
    }
    match version.split_once("ubuntu") {
        Some((before, update)) => {
            let first: String = update.chars().take_while(char::is_ascii_digit).collect();
            format!("{before}ubuntu{first}")
        }
        None => version.to_owned(),
    }
}
