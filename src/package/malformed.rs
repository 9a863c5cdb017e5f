//! What lists and files of packages may say, for they come from anywhere.

/// A list or a file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(super) String);

/// The name of a package, as both formats let it be.
pub(super) fn name(text: &str) -> Result<&str, Malformed> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
    if fits { Ok(text) } else { Err(Malformed(format!("{text:?} cannot be a package's name"))) }
}

/// A version, as both formats let it be.
pub(super) fn version(text: &str) -> Result<&str, Malformed> {
    let fits = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~^:%".contains(c));
    if fits { Ok(text) } else { Err(Malformed(format!("{text:?} cannot be a version"))) }
}

/// The name of a package's file without any folder, from where it is in its repository. That is a path
/// below the repository's root.
pub(super) fn file_name(location: &str) -> Result<&str, Malformed> {
    let stays_below = |part: &str| !part.is_empty() && part != "." && part != "..";
    let name = location.rsplit_once('/').map_or(location, |(_, name)| name);
    let fits = location.split('/').all(stays_below)
        && !location.chars().any(|c| c.is_control() || c == '\\')
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~^:%".contains(c));
    if fits {
        Ok(name)
    } else {
        Err(Malformed(format!("{location:?} cannot be where a package's file is")))
    }
}

/// A SHA-256, in lower case.
pub(super) fn sha256(text: &str) -> Result<String, Malformed> {
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Malformed(format!("{text:?} is no SHA-256")))
    }
}
