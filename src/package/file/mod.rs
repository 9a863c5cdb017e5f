//! A package's own file: what it says of itself, its size and its SHA-256.
//!
//! A file in somebody's folder may hold anything, so nothing that it claims decides how much memory is
//! taken. `ar` 0.9 and `rpm` 0.30 are not used for that reason: both take as much as the file says, and end
//! the program at an offset that is out of bounds.

mod deb;
mod header;
mod rpm;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

pub use deb::MAX_XZ_MEMORY;
use sha2::{Digest, Sha256};

use super::malformed::{self, Malformed};
use super::{Format, Package};

/// Ends of file names, and what their files are.
const KINDS: [(&str, Result<Format, &str>); 5] = [
    (".deb", Ok(Format::Deb)),
    (".src.rpm", Err("it is a source package")),
    (".rpm", Ok(Format::Rpm)),
    (".apk", Err("packages of Alpine are not supported")),
    (".pkg.tar.zst", Err("packages of Arch Linux are not supported")),
];

/// Whether a file is a package by its name; also one that is not supported is one.
#[must_use]
pub fn is_package(path: &Path) -> bool {
    kind(path).is_some()
}

/// Reads a package's file as a whole, once, and describes the package.
///
/// # Errors
///
/// A file that cannot be read, is cut off, or is no package that is supported. The error names it.
pub fn read_file(path: &Path) -> Result<Package, Malformed> {
    let of = |why: &dyn std::fmt::Display| Malformed(format!("{}: {why}", path.display()));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let format = match kind(path) {
        Some(Ok(format)) => format,
        Some(Err(why)) => return Err(of(&why)),
        None => return Err(of(&"it is neither a .deb nor a .rpm")),
    };
    let file = malformed::file_name(name).map_err(|error| of(&error))?;
    let opened = File::open(path).map_err(|error| of(&error))?;
    let mut bytes = Hashed { inner: BufReader::new(opened), hash: Sha256::new(), size: 0 };
    let package = match format {
        Format::Deb => deb::read(&mut bytes),
        Format::Rpm => rpm::read(&mut bytes),
    };
    let package = package.map_err(|error| of(&error))?;
    io::copy(&mut bytes, &mut io::sink()).map_err(|error| of(&error))?;
    let sha256 = super::hexadecimal(&bytes.hash.finalize());
    Ok(Package { file: file.to_owned(), size: bytes.size, sha256, ..package })
}

fn kind(path: &Path) -> Option<Result<Format, &'static str>> {
    let name = path.file_name()?.to_str()?;
    KINDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
}

/// Counts and hashes all that is read.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    /// In bytes.
    size: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.size = self.size.saturating_add(read as u64);
        Ok(read)
    }
}

/// Reads so many bytes; memory grows with what is there, not with what is claimed.
fn take(source: &mut impl Read, count: u64) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    source.take(count).read_to_end(&mut bytes).map_err(|error| Malformed(error.to_string()))?;
    if (bytes.len() as u64) < count { Err(cut_off()) } else { Ok(bytes) }
}

fn cut_off() -> Malformed {
    Malformed("it is cut off".to_owned())
}
