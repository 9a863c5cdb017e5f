//! `primary.xml`: the packages of a repository.

use std::io::BufRead;

use super::super::{Architecture, Format, Given, Package};
use super::elements::{Attributes, Part, walk};
use super::malformed;
use super::{Checksum, Malformed, evr, given, relation};

/// Reads the list of packages of a repository, unpacked: those for hosts of this architecture. Files that a
/// package has in it are among what it gives, as far as the list names them: programs, and what is in
/// /etc.
///
/// # Errors
///
/// A text that is no such list, or a package that lacks what is needed to fetch and to check it.
pub fn read_primary(
    text: impl BufRead,
    architecture: Architecture,
) -> Result<Vec<Package>, Malformed> {
    let mut packages = Vec::new();
    let mut reading = Reading::default();
    walk(text, |part| {
        match part {
            Part::Start(name, _) if name == "package" => reading = Reading::default(),
            Part::Start(name, attributes) => reading.start(&name, &attributes)?,
            Part::End(name, _) if name == "package" => {
                let Reading { package, checksum, .. } = std::mem::take(&mut reading);
                if architecture.takes(Format::Rpm, &package.architecture) {
                    packages.push(check(package, &checksum)?);
                }
            }
            Part::End(name, text) => reading.end(&name, text),
        }
        Ok(())
    })?;
    Ok(packages)
}

/// The path of a file from the root of the repository.
pub(super) fn location(attributes: &Attributes) -> Result<String, Malformed> {
    if !attributes.get("base").is_empty() {
        return Err(Malformed(format!("{:?} is elsewhere", attributes.get("href"))));
    }
    let href = attributes.get("href");
    Ok(href.strip_prefix("./").unwrap_or(href).to_owned())
}

/// What has been read of a package so far.
#[derive(Default)]
struct Reading {
    package: Package,
    /// Kind and digits.
    checksum: (String, String),
    /// Which list of relations is being read: `requires`.
    list: String,
}

impl Reading {
    fn start(&mut self, name: &str, attributes: &Attributes) -> Result<(), Malformed> {
        let package = &mut self.package;
        match name {
            "version" => {
                let part = |name| attributes.get(name);
                package.version = evr(part("epoch"), part("ver"), part("rel"));
            }
            "checksum" => attributes.get("type").clone_into(&mut self.checksum.0),
            "size" => {
                package.size = attributes.get("package").parse().unwrap_or_default();
                package.installed_size = attributes.get("installed").parse().unwrap_or_default();
            }
            "location" => package.location = location(attributes)?,
            "entry" => self.entry(attributes),
            "provides" | "requires" | "conflicts" | "obsoletes" | "recommends" | "suggests"
            | "supplements" | "enhances" => name.clone_into(&mut self.list),
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, attributes: &Attributes) {
        let part = |name| attributes.get(name);
        let sign = match part("flags") {
            "LT" => "<",
            "LE" => "<=",
            "EQ" => "=",
            "GE" => ">=",
            "GT" => ">",
            _ => "",
        };
        let version = evr(part("epoch"), part("ver"), part("rel"));
        let relation = || relation(part("name"), sign, &version);
        match self.list.as_str() {
            "provides" => self.package.gives.push(given(part("name"), sign, &version)),
            "requires" => self.package.needs.push(vec![relation()]),
            "conflicts" => self.package.conflicts.push(relation()),
            "obsoletes" => self.package.obsoletes.push(relation()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str, text: String) {
        match name {
            "name" => self.package.name = text,
            "arch" => self.package.architecture = text,
            "checksum" => self.checksum.1 = text,
            "file" => self.package.gives.push(Given { name: text, version: None }),
            _ => {}
        }
    }
}

/// Looks at what decides where a package's file is and whether it is the right one.
fn check(mut package: Package, checksum: &(String, String)) -> Result<Package, Malformed> {
    malformed::name(&package.name)?;
    let of = |Malformed(error)| Malformed(format!("package {}: {error}", package.name));
    malformed::version(&package.version).map_err(of)?;
    malformed::file_name(&package.location).map_err(of)?.clone_into(&mut package.file);
    match Checksum::new(&checksum.0, &checksum.1).map_err(of)? {
        Checksum::Sha256(digits) => package.sha256 = digits,
        Checksum::Sha512(digits) => package.sha512 = Some(digits),
    }
    package.format = Format::Rpm;
    Ok(package)
}
