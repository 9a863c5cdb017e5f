//! Debian's descriptions of packages: the list of a repository, the control file of a package, and what
//! dpkg says is installed.

use std::io::BufRead;

use deb822_fast::{Deb822, Paragraph};

use super::malformed::{self, Malformed};
use super::{
    Architecture, Comparison, Format, Given, Installed, Need, Package, Priority, Relation,
};

/// Reads a `Packages` list of a repository: those packages that are for hosts of this architecture.
///
/// # Errors
///
/// A stanza that is none, or that lacks what is needed to fetch the package and to check it.
pub fn read_packages(
    list: impl BufRead,
    architecture: Architecture,
) -> Result<Vec<Package>, Malformed> {
    let mut packages = Vec::new();
    for stanza in Deb822::iter_paragraphs_from_reader(list) {
        let stanza = stanza.map_err(|error| Malformed(error.to_string()))?;
        let field = |name| field(&stanza, name);
        if !architecture.takes(Format::Deb, field("Architecture")?) {
            continue;
        }
        let mut package = describe(&stanza)?;
        let of = |Malformed(error)| Malformed(format!("package {}: {error}", package.name));
        let location = field("Filename").map_err(of)?;
        let location = location.strip_prefix("./").unwrap_or(location);
        package.file = malformed::file_name(location).map_err(of)?.to_owned();
        package.location = location.to_owned();
        package.size = number(field("Size").map_err(of)?).map_err(of)?;
        package.sha256 = malformed::sha256(field("SHA256").map_err(of)?).map_err(of)?;
        packages.push(package);
    }
    Ok(packages)
}

/// A package by its stanza or control file, but for what only its file or the list can tell.
pub(super) fn describe(stanza: &Paragraph) -> Result<Package, Malformed> {
    let name = malformed::name(field(stanza, "Package")?)?;
    let of = |Malformed(error)| Malformed(format!("package {name}: {error}"));
    let architecture = malformed::name(field(stanza, "Architecture").map_err(of)?).map_err(of)?;
    let optional = |field| stanza.get(field).unwrap_or_default();
    let relations = |field| needs(optional(field), architecture);
    let priority = match (optional("Essential"), optional("Priority")) {
        ("yes", _) => Priority::Essential,
        (_, "required") => Priority::Required,
        (_, "important") => Priority::Important,
        (_, "standard") => Priority::Standard,
        _ => Priority::Optional,
    };
    // In KiB; it is an estimate, so a package without it is none the worse.
    let installed_size = number(optional("Installed-Size")).unwrap_or_default();
    Ok(Package {
        name: name.to_owned(),
        version: malformed::version(field(stanza, "Version").map_err(of)?).map_err(of)?.to_owned(),
        architecture: architecture.to_owned(),
        format: Format::Deb,
        installed_size: installed_size.saturating_mul(1024),
        needs: [relations("Pre-Depends"), relations("Depends")].concat(),
        gives: relations("Provides").into_iter().flatten().map(as_given).collect(),
        conflicts: [relations("Conflicts"), relations("Breaks")].concat().concat(),
        priority,
        ..Package::default()
    })
}

/// What is installed, by lines of dpkg-query: name, version and `Provides`, with tabs between them.
/// The name may have its architecture behind it (`libc6:i386`): what is for another one than the host's
/// meets no need of a package for that.
///
/// # Errors
///
/// A line that is not like this.
pub fn read_installed(
    lines: &str,
    architecture: Architecture,
) -> Result<Vec<Installed>, Malformed> {
    let mut installed = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let mut parts = line.splitn(3, '\t');
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else {
            return Err(Malformed(format!("{line:?} is no line of dpkg-query's")));
        };
        let (name, own) = name.split_once(':').unwrap_or((name, architecture.deb()));
        if !architecture.takes(Format::Deb, own) {
            continue;
        }
        let given = needs(parts.next().unwrap_or_default(), architecture.deb());
        installed.push(Installed {
            name: malformed::name(name)?.to_owned(),
            version: malformed::version(version)?.to_owned(),
            gives: given.into_iter().flatten().map(as_given).collect(),
        });
    }
    Ok(installed)
}

fn as_given(Relation { name, bound }: Relation) -> Given {
    Given { name, version: bound.map(|(_, version)| version) }
}

fn field<'a>(stanza: &'a Paragraph, name: &str) -> Result<&'a str, Malformed> {
    stanza.get(name).map(str::trim).ok_or_else(|| Malformed(format!("it has no {name}")))
}

fn number(text: &str) -> Result<u64, Malformed> {
    text.trim().parse().map_err(|_| Malformed(format!("{text:?} is no number")))
}

/// Reads a field like `Depends`: `libc6 (>= 2.34), debconf | debconf-2.0`.
fn needs(field: &str, architecture: &str) -> Vec<Need> {
    field
        .split(',')
        .filter(|need| !need.trim().is_empty())
        .map(|need| need.split('|').map(|text| relation(text, architecture)).collect())
        .collect()
}

/// Reads `libc6:any (>= 2.34)`. What is not understood becomes a name that no package has, so that whoever
/// needs it is refused with these words.
fn relation(text: &str, architecture: &str) -> Relation {
    let text = text.trim();
    let understood = || {
        let (name, bound) = match text.split_once('(') {
            None => (text, None),
            Some((name, bound)) => {
                let bound = bound.strip_suffix(')')?.trim();
                let sign = bound.find(|c| !"<=>".contains(c))?;
                let (sign, version) = bound.split_at(sign);
                let version = malformed::version(version.trim()).ok()?;
                (name.trim_end(), Some((Comparison::from_sign(sign)?, version.to_owned())))
            }
        };
        let name = match name.split_once(':') {
            None => name,
            Some((name, "any" | "native")) => name,
            Some((name, qualifier)) if qualifier == architecture => name,
            Some(_) => return None,
        };
        Some(Relation { name: malformed::name(name).ok()?.to_owned(), bound })
    };
    understood().unwrap_or_else(|| Relation { name: text.to_owned(), bound: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in the lists of Debian 12, cut.
    const LIST: &str = "\
Package: chrony
Version: 4.3-2+deb12u1
Installed-Size: 654
Maintainer: Somebody <somebody@example.org>
Architecture: amd64
Replaces: time-daemon
Provides: time-daemon, ntp-like (= 4.3)
Depends: adduser, iproute2 | init, libc6 (>= 2.34),
 libcap2:any (>= 1:2.10), tzdata
Pre-Depends: init-system-helpers (>= 1.54~)
Conflicts: time-daemon
Breaks: old (<< 2)
Description: Versatile implementation of the Network Time Protocol
Priority: optional
Filename: pool/main/c/chrony/chrony_4.3-2+deb12u1_amd64.deb
Size: 301916
SHA256: C4E1A67C1C1E0C2D8F1E8F1CBE7B1D3F5E2B9AB54FA44F1E4EF7F1E1E4E2D8AA

Package: chrony
Version: 4.3-2+deb12u1
Architecture: arm64
Filename: pool/main/c/chrony/chrony_4.3-2+deb12u1_arm64.deb
Size: 1
SHA256: 0000000000000000000000000000000000000000000000000000000000000000

Package: base-files
Essential: yes
Version: 12.4
Architecture: all
Priority: required
Filename: ./base-files.deb
Size: 2
SHA256: 1111111111111111111111111111111111111111111111111111111111111111
";

    fn relation(name: &str, bound: Option<(Comparison, &str)>) -> Relation {
        let bound = bound.map(|(comparison, version)| (comparison, version.to_owned()));
        Relation { name: name.to_owned(), bound }
    }

    #[test]
    fn a_list_of_packages_is_read() {
        let packages = read_packages(LIST.as_bytes(), Architecture::Amd64).unwrap();
        let [chrony, base] = packages.as_slice() else { panic!("{packages:?}") };
        let at_least = |version| Some((Comparison::GreaterOrEqual, version));
        let needs: Vec<Need> = vec![
            vec![relation("init-system-helpers", at_least("1.54~"))],
            vec![relation("adduser", None)],
            vec![relation("iproute2", None), relation("init", None)],
            vec![relation("libc6", at_least("2.34"))],
            vec![relation("libcap2", at_least("1:2.10"))],
            vec![relation("tzdata", None)],
        ];
        let given = |name: &str, version: Option<&str>| Given {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        };
        let expected = Package {
            name: "chrony".to_owned(),
            version: "4.3-2+deb12u1".to_owned(),
            architecture: "amd64".to_owned(),
            file: "chrony_4.3-2+deb12u1_amd64.deb".to_owned(),
            location: "pool/main/c/chrony/chrony_4.3-2+deb12u1_amd64.deb".to_owned(),
            size: 301_916,
            installed_size: 654 * 1024,
            sha256: "c4e1a67c1c1e0c2d8f1e8f1cbe7b1d3f5e2b9ab54fa44f1e4ef7f1e1e4e2d8aa".to_owned(),
            needs,
            gives: vec![given("time-daemon", None), given("ntp-like", Some("4.3"))],
            conflicts: vec![
                relation("time-daemon", None),
                relation("old", Some((Comparison::Less, "2"))),
            ],
            ..Package::default()
        };
        assert_eq!(*chrony, expected);
        assert_eq!(
            (base.priority, base.location.as_str()),
            (Priority::Essential, "base-files.deb")
        );
    }

    #[test]
    fn a_list_that_cannot_be_trusted_is_refused() {
        for (wrong, right, why) in [
            ("Filename: ../x.deb", "Filename: ./base-files.deb", "where a package's file is"),
            ("Filename: /etc/x.deb", "Filename: ./base-files.deb", "where a package's file is"),
            ("Filename: pool/-x.deb", "Filename: ./base-files.deb", "where a package's file is"),
            ("Filename: pool/a b.deb", "Filename: ./base-files.deb", "where a package's file is"),
            ("", "Filename: ./base-files.deb\n", "base-files: it has no Filename"),
            ("Size: -2", "Size: 2", "is no number"),
            (
                "SHA256: 12",
                "SHA256: 1111111111111111111111111111111111111111111111111111111111111111",
                "is no SHA-256",
            ),
            ("Package: -o", "Package: base-files", "cannot be a package's name"),
            ("Version: 1;2", "Version: 12.4", "cannot be a version"),
            ("Version 1", "Version: 12.4", ""),
        ] {
            let list = LIST.replace(right, wrong);
            assert_ne!(list, LIST, "{right}");
            let error =
                read_packages(list.as_bytes(), Architecture::Amd64).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
        assert!(read_packages(&b"Package: \xff\n"[..], Architecture::Amd64).is_err());
    }

    #[test]
    fn what_dpkg_has_installed_is_read() {
        let lines = "chrony\t4.3-2\ttime-daemon, x (= 2)\nlibc6:amd64\t2.36\t\nlibc6:i386\t2.31\t\nucf\t3\n\n";
        let installed = read_installed(lines, Architecture::Amd64).unwrap();
        let names: Vec<(&str, &str)> =
            installed.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        assert_eq!(names, [("chrony", "4.3-2"), ("libc6", "2.36"), ("ucf", "3")]);
        let gives = installed.first().map(|chrony| chrony.gives.clone()).unwrap();
        assert_eq!(gives.last().and_then(|given| given.version.clone()).as_deref(), Some("2"));
        assert!(read_installed("chrony", Architecture::Amd64).is_err());
        assert!(read_installed("a b\t1\t", Architecture::Amd64).is_err());
    }
}
