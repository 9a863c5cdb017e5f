//! A bundle: one file with all packages that the hosts of a cluster without internet may need.
//!
//! Its manifest says for which hosts it is, and which packages are in it, each with its SHA-256. The
//! file is a tar, compressed with zstd: first `manifest.json`, then each package once, in the order in
//! which the manifest first names it, and nothing else.

mod again;
mod fit;
mod manifest;
mod open;
mod supply;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use fit::{Host, Misfit};
pub use manifest::{Manifest, Set};
pub use open::Bundle;
pub use supply::{Stock, Supply};
pub use write::{try_write, write};

use crate::package::{Package, hexadecimal};

/// A package with its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub package: Package,
    /// Its file: shared by all that hold it.
    pub bytes: Bytes,
}

/// The name of the manifest's member.
const MANIFEST: &str = "manifest.json";

/// How the file is made. A later ezsync counts up where older ones would misread what it writes.
const FORMAT: u32 = 1;

/// How many bytes a manifest may have: 16 MiB, some 20,000 packages.
const MANIFEST_MAX: u64 = 16 << 20;

/// How many bytes all packages of a bundle may have together: 1 GiB. They are held in memory.
pub const PACKAGES_MAX: u64 = 1 << 30;

/// Members of a tar are made of blocks of so many bytes.
const BLOCK: usize = 512;

/// The SHA-256 of `bytes` in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
