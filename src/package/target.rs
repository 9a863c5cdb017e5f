//! For which hosts packages are: a release of a distribution, on an architecture.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Format;

/// A release of a distribution by os-release's words, `ID` and `VERSION_ID`: `debian-12`,
/// `opensuse-leap-15.6`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release {
    /// `ID` of os-release.
    pub distribution: String,
    /// `VERSION_ID` of os-release.
    pub version: String,
}

/// An architecture. Printed as Debian calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM with hardware floating point.
    Armhf,
    /// 32-bit x86.
    I386,
    /// 64-bit POWER, little end first.
    Ppc64el,
    /// 64-bit RISC-V.
    Riscv64,
    /// IBM Z.
    S390x,
}

/// Each architecture as Debian, RPM and `uname -m` call it.
const NAMES: [(Architecture, &str, &str, &str); 7] = [
    (Architecture::Amd64, "amd64", "x86_64", "x86_64"),
    (Architecture::Arm64, "arm64", "aarch64", "aarch64"),
    (Architecture::Armhf, "armhf", "armv7hl", "armv7l"),
    (Architecture::I386, "i386", "i686", "i686"),
    (Architecture::Ppc64el, "ppc64el", "ppc64le", "ppc64le"),
    (Architecture::Riscv64, "riscv64", "riscv64", "riscv64"),
    (Architecture::S390x, "s390x", "s390x", "s390x"),
];

/// What a set of packages is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The release.
    pub release: Release,
    /// The architecture.
    pub architecture: Architecture,
}

impl Architecture {
    fn names(self) -> (&'static str, &'static str) {
        let row = NAMES.iter().find(|(known, ..)| *known == self);
        row.map_or(("", ""), |(_, deb, rpm, _)| (deb, rpm))
    }

    /// As Debian and Ubuntu call it.
    #[must_use]
    pub fn deb(self) -> &'static str {
        self.names().0
    }

    /// As distributions with RPM call it.
    #[must_use]
    pub fn rpm(self) -> &'static str {
        self.names().1
    }

    /// Whether a host takes packages for what its format calls so: its own, those for any, and with RPM's
    /// 32-bit x86 those for older processors. What is for newer ones than all have, `x86_64_v3`, is not taken.
    #[must_use]
    pub fn takes(self, format: Format, package: &str) -> bool {
        match format {
            Format::Deb => package == "all" || package == self.deb(),
            Format::Rpm => {
                package == "noarch"
                    || package == self.rpm()
                    || self == Self::I386 && ["i586", "i486", "i386"].contains(&package)
            }
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.deb())
    }
}

impl FromStr for Architecture {
    type Err = String;

    /// By any of the names that it goes by.
    fn from_str(name: &str) -> Result<Self, String> {
        let row = NAMES.iter().find(|(_, deb, rpm, uname)| [deb, rpm, uname].contains(&&name));
        row.map(|(found, ..)| *found).ok_or_else(|| {
            let both = |(_, deb, rpm, _): &(Self, &str, &str, &str)| match deb == rpm {
                true => (*deb).to_owned(),
                false => format!("{deb} ({rpm})"),
            };
            let known: Vec<String> = NAMES.iter().map(both).collect();
            format!("there is no architecture `{name}`; there are {}", known.join(", "))
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.distribution, self.version)
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = |word: &str, signs: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
        };
        text.rsplit_once('-')
            .filter(|(name, version)| is_word(name, "-_") && is_word(version, "."))
            .map(|(distribution, version)| Self {
                distribution: distribution.to_owned(),
                version: version.to_owned(),
            })
            .ok_or_else(|| {
                format!("`{text}` is no release: write DISTRIBUTION-VERSION as in debian-12")
            })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.release, self.architecture)
    }
}

macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Release, Architecture);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_go_by_all_their_names() {
        for (architecture, deb, rpm, uname) in NAMES {
            for name in [deb, rpm, uname] {
                assert_eq!(name.parse(), Ok(architecture), "{name}");
            }
        }
        let unknown = "vax".parse::<Architecture>().unwrap_err();
        assert!(unknown.contains("amd64 (x86_64), arm64 (aarch64)"), "{unknown}");
    }

    #[test]
    fn hosts_take_packages_for_their_architecture_or_any() {
        for (host, format, package, expected) in [
            (Architecture::Amd64, Format::Deb, "amd64", true),
            (Architecture::Amd64, Format::Deb, "all", true),
            (Architecture::Amd64, Format::Deb, "i386", false),
            (Architecture::Amd64, Format::Rpm, "x86_64", true),
            (Architecture::Amd64, Format::Rpm, "noarch", true),
            (Architecture::Amd64, Format::Rpm, "i686", false),
            (Architecture::I386, Format::Rpm, "i586", true),
            (Architecture::Arm64, Format::Rpm, "aarch64", true),
            (Architecture::Arm64, Format::Rpm, "src", false),
        ] {
            assert_eq!(host.takes(format, package), expected, "{host} {package}");
        }
    }

    #[test]
    fn releases_are_written_as_os_release_has_them() {
        let leap: Release = "opensuse-leap-15.6".parse().unwrap();
        assert_eq!((leap.distribution.as_str(), leap.version.as_str()), ("opensuse-leap", "15.6"));
        assert_eq!(leap.to_string(), "opensuse-leap-15.6");
        for bad in ["", "debian", "debian-", "-12", "debian/12", "a b-1", "debian-12\n"] {
            assert!(bad.parse::<Release>().is_err(), "{bad:?}");
        }
    }
}
