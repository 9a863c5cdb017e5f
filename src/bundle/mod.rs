//! A bundle: one file with all packages that the hosts of a cluster without internet may need.
//!
//! Its manifest says for which hosts it is, and which packages are in it, each with its SHA-256.

mod manifest;

use bytes::Bytes;

pub use manifest::{Manifest, Set};

use crate::package::Package;

/// A package with its file.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it is.
    pub package: Package,
    /// Its file: shared by all that hold it.
    pub bytes: Bytes,
}
