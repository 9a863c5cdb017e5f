//! `repomd.xml`: which lists a repository has.

use std::io::BufRead;

use super::elements::{Part, walk};
use super::malformed;
use super::{Malformed, primary};

/// The digest of a file, in hexadecimal digits of lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// What most repositories have.
    Sha256(String),
    /// What some have instead.
    Sha512(String),
}

impl Checksum {
    /// By its kind and digits.
    pub(super) fn new(kind: &str, digits: &str) -> Result<Self, Malformed> {
        let digits = digits.trim().to_ascii_lowercase();
        let wanted = match kind {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(Malformed(format!("checksums of the kind {kind:?} are not taken"))),
        };
        if digits.len() != wanted || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Malformed(format!("{digits:?} is no {kind}")));
        }
        Ok(if kind == "sha256" { Self::Sha256(digits) } else { Self::Sha512(digits) })
    }
}

/// Where a repository's list of packages is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary {
    /// The path from the repository's root; its end says how it is packed: `.gz`, `.zst`, `.xz`.
    pub location: String,
    /// Of the file as it is fetched.
    pub checksum: Checksum,
    /// Of the file as it is fetched, in bytes, where that is told.
    pub size: Option<u64>,
}

/// Finds the list of packages (`primary`) in a `repomd.xml`.
///
/// # Errors
///
/// A text that is no such file, or that names no list of packages.
pub fn read_repomd(text: impl BufRead) -> Result<Primary, Malformed> {
    let (mut is_primary, mut location, mut checksum, mut size) = (false, None, None, None);
    walk(text, |part| {
        match part {
            Part::Start(name, attributes) if name == "data" => {
                is_primary = attributes.get("type") == "primary";
            }
            Part::Start(name, attributes) if is_primary && name == "location" => {
                location = Some(primary::location(&attributes)?);
            }
            Part::Start(name, attributes) if is_primary && name == "checksum" => {
                checksum = Some((attributes.get("type").to_owned(), String::new()));
            }
            Part::End(name, text) if is_primary && name == "checksum" => {
                checksum = checksum.take().map(|(kind, _)| (kind, text));
            }
            Part::End(name, text) if is_primary && name == "size" => {
                size = text.trim().parse().ok()
            }
            Part::End(name, _) if name == "data" => is_primary = false,
            _ => {}
        }
        Ok(())
    })?;
    let (Some(location), Some((kind, digits))) = (location, checksum) else {
        return Err(Malformed("it names no list of packages (primary)".to_owned()));
    };
    malformed::file_name(&location)?;
    Ok(Primary { location, checksum: Checksum::new(&kind, &digits)?, size })
}
