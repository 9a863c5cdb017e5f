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
        if ![architecture.deb(), "all"].contains(&field("Architecture")?) {
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
        if ![architecture.deb(), "all"].contains(&own) {
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
