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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_release_s_first_day() {
        for (format, version, expected) in [
            (Format::Deb, "2.36-9", "2.36-9"),
            (Format::Deb, "2.36-9+deb12u10", "2.36-9"),
            (Format::Deb, "2.36-9+b1", "2.36-9+b1"),
            (Format::Deb, "1:3.0.17-1~deb12u2", "1:3"),
            (Format::Deb, "2.39-0ubuntu8.6", "2.39-0ubuntu8"),
            (Format::Rpm, "2.34-100.el9_4.2", "2"),
            (Format::Rpm, "1:3.0.7-27.el9", "1:3"),
        ] {
            assert_eq!(earliest_version(format, version), expected, "{version}");
        }
    }

    #[test]
    fn a_minimal_host_has_what_is_required_and_what_that_needs() {
        let package = |name: &str, priority, needs: &[&str]| Package {
            name: name.to_owned(),
            version: "1-1+deb12u1".to_owned(),
            priority,
            needs: needs
                .iter()
                .map(|need| {
                    vec![crate::package::Relation { name: (*need).to_owned(), bound: None }]
                })
                .collect(),
            ..Package::default()
        };
        let mut packages = vec![
            package("dpkg", Priority::Essential, &["libc6"]),
            package("libc6", Priority::Optional, &[]),
            package("apt", Priority::Important, &["gpgv"]),
            package("gpgv", Priority::Important, &[]),
            package("passwd", Priority::Required, &[]),
            package("nano", Priority::Important, &[]),
        ];
        let names = |packages: &[Package]| -> Vec<String> {
            minimal(packages)
                .unwrap()
                .into_iter()
                .map(|p| format!("{} {}", p.name, p.version))
                .collect()
        };
        assert_eq!(
            names(&packages),
            ["apt 1-1", "dpkg 1-1", "gpgv 1-1", "libc6 1-1", "passwd 1-1"]
        );
        packages.iter_mut().for_each(|package| package.format = Format::Rpm);
        packages.push(Package {
            format: Format::Rpm,
            ..package("bash", Priority::Optional, &["libc6"])
        });
        assert_eq!(names(&packages), ["bash 1", "libc6 1"]);
        packages.retain(|package| package.name != "libc6");
        assert!(minimal(&packages).unwrap_err().to_string().contains("there is no libc6"));
    }
}
