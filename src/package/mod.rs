//! Packages: what one is called, what it needs and gives, and for which hosts it is.
//!
//! Pure: where packages come from is `repository`'s to know, how they travel `bundle`'s and `fleet`'s.

pub mod deb;
mod file;
mod malformed;
mod minimal;
mod resolve;
pub mod rpm;
mod target;
mod version;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use file::{MAX_XZ_MEMORY, is_package, read_file};
pub use malformed::Malformed;
pub use minimal::minimal;
pub use resolve::{Unmet, resolve};
pub use target::{Architecture, Release, Target};
pub use version::compare;

/// How packages are made: it decides how their versions compare and who installs them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Debian's, for apt.
    #[default]
    Deb,
    /// Red Hat's, for dnf, yum and zypper.
    Rpm,
}

/// How a version must stand to that of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// Earlier than it.
    #[serde(rename = "<")]
    Less,
    /// It, or earlier.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Just it.
    #[serde(rename = "=")]
    Equal,
    /// It, or later.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Later than it.
    #[serde(rename = ">")]
    Greater,
}

/// A name, and which versions of it will do: `libc6 (>= 2.34)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// A package's name, or that of something that packages give; with RPM also the path of a file, or a
    /// rich dependency as a whole: `(a if b)`.
    pub name: String,
    /// Which versions will do; all of them when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<(Comparison, String)>,
}

/// Something that a package needs: one of these.
pub type Need = Vec<Relation>;

/// Something that a package gives beside its own name: a virtual package, a library, a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// Its version, as the package's format writes it. Without one no bound on versions is met with
    /// Debian's packages, and each is with RPM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How much a distribution cares that a package is there: the first is on every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Debian's `Essential: yes`: nothing works without it.
    Essential,
    /// On every host that an installer made, however small.
    Required,
    /// Expected on any Unix.
    Important,
    /// On hosts that are not kept small.
    Standard,
    /// All others, and all of RPM.
    #[default]
    Optional,
}

/// A package as a list of packages describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Package {
    /// Its name: `chrony`.
    pub name: String,
    /// Its version: `4.3-2+deb12u1`, `1:2.0-1`; for RPM `[EPOCH:]VERSION-RELEASE`.
    pub version: String,
    /// Its architecture as its format calls it: `amd64`, `all`, `x86_64`, `noarch`.
    pub architecture: String,
    /// How it is made.
    pub format: Format,
    /// The name of its file, without any folder.
    pub file: String,
    /// The size of its file in bytes.
    pub size: u64,
    /// How much it takes on a disk when installed, in bytes; 0 when that is not known.
    pub installed_size: u64,
    /// The SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// All that it needs to be installed and configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// What it gives beside its own name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives: Vec<Given>,
    /// Where it is in its repository, relative to its root, as the list says: not to be trusted. Empty
    /// when it is from no list.
    #[serde(skip)]
    pub location: String,
    /// The SHA-512 of its file, where a list has that instead: [`Self::sha256`] is empty until the file is here.
    #[serde(skip)]
    pub sha512: Option<String>,
    /// What it cannot be installed beside. No part of a bundle: what is in one fits together.
    #[serde(skip)]
    pub conflicts: Vec<Relation>,
    /// Which packages, by their own names, it takes the place of (RPM).
    #[serde(skip)]
    pub obsoletes: Vec<Relation>,
    /// Whether each host has it.
    #[serde(skip)]
    pub priority: Priority,
}

/// A package that is on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version, written as in [`Package::version`].
    pub version: String,
    /// What it gives beside its own name.
    pub gives: Vec<Given>,
}

/// A checksum's `bytes` as it is written: two hexadecimal digits each, in lower case.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Comparison {
    /// As relations of packages write it; Debian doubles the signs of the first and the last.
    #[must_use]
    pub fn sign(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Less, Format::Deb) => "<<",
            (Self::Less, Format::Rpm) => "<",
            (Self::LessOrEqual, _) => "<=",
            (Self::Equal, _) => "=",
            (Self::GreaterOrEqual, _) => ">=",
            (Self::Greater, Format::Rpm) => ">",
            (Self::Greater, Format::Deb) => ">>",
        }
    }
}

impl Comparison {
    /// What a sign means. Debian's obsolete `<` and `>` mean `<=` and `>=` there, and are not for here.
    fn from_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" | "<<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "=" | "==" => Self::Equal,
            ">=" => Self::GreaterOrEqual,
            ">" | ">>" => Self::Greater,
            _ => return None,
        })
    }
}

impl fmt::Display for Package {
    /// Name and version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}
