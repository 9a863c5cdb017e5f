//! What stands in a bundle.

use serde::{Deserialize, Serialize};

use crate::package::{Package, Target};

/// What stands in a bundle, without the packages' own bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// One set for each kind of host, in order.
    pub sets: Vec<Set>,
}

/// The packages for one kind of host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The hosts that it is for.
    pub target: Target,
    /// The packages that it was made for; all others are in it because these need them.
    pub wanted: Vec<String>,
    /// Its packages by name: no name twice.
    pub packages: Vec<Package>,
}
