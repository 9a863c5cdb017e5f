//! Versions of chrony, and which one a distribution has.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A version of chrony, such as 4.6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u16; 3]);

impl Version {
    /// The oldest chrony that is written for.
    pub const OLDEST: Self = Self::new(2, 4);

    /// The newest chrony whose directives are known here.
    pub const NEWEST: Self = Self::new(4, 8);

    /// `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self([major, minor, 0])
    }

    /// `major.minor.patch`.
    #[must_use]
    pub const fn patch(major: u16, minor: u16, patch: u16) -> Self {
        Self([major, minor, patch])
    }

    /// The version that `text` begins with: `4.6.1-3+deb13u1`, `4.0-pre2`, with Debian's or RPM's
    /// epoch before it or without (`1:4.3`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once(':').map_or(text, |(_, rest)| rest);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text.get(..end)?.split('.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (major, minor) = (next()?, next()?);
        Some(Self([major, minor, next().unwrap_or(0)]))
    }

    /// The chrony of a distribution's release; the oldest that the release has had, so that
    /// nothing newer is ever expected there. None for releases that are not known.
    #[must_use]
    pub(super) fn of_release(id: &str, version_id: &str) -> Option<Self> {
        let major = version_id.split('.').next().unwrap_or_default();
        let release = |row: &&(&str, &str, Self)| {
            row.0 == id && (row.1 == version_id || row.1 == major || row.1.is_empty())
        };
        RELEASES.iter().find(release).map(|row| row.2)
    }
}

/// `ID` and `VERSION_ID` of os-release (the latter empty for any), and the chrony of that release's
/// package archive.
const RELEASES: [(&str, &str, Version); 30] = [
    ("debian", "9", Version::new(3, 0)),
    ("debian", "10", Version::new(3, 4)),
    ("debian", "11", Version::new(4, 0)),
    ("debian", "12", Version::new(4, 3)),
    ("debian", "13", Version::new(4, 6)),
    ("ubuntu", "18.04", Version::new(3, 2)),
    ("ubuntu", "20.04", Version::new(3, 5)),
    ("ubuntu", "22.04", Version::new(4, 2)),
    ("ubuntu", "24.04", Version::new(4, 5)),
    ("rhel", "7", Version::new(3, 1)),
    ("centos", "7", Version::new(3, 1)),
    ("rhel", "8", Version::new(3, 3)),
    ("rhel", "9", Version::new(4, 1)),
    ("rhel", "10", Version::new(4, 6)),
    ("centos", "8", Version::new(3, 3)),
    ("centos", "9", Version::new(4, 1)),
    ("centos", "10", Version::new(4, 6)),
    ("almalinux", "8", Version::new(3, 3)),
    ("almalinux", "9", Version::new(4, 1)),
    ("almalinux", "10", Version::new(4, 6)),
    ("rocky", "8", Version::new(3, 3)),
    ("rocky", "9", Version::new(4, 1)),
    ("rocky", "10", Version::new(4, 6)),
    ("ol", "8", Version::new(3, 3)),
    ("ol", "9", Version::new(4, 1)),
    ("sles", "15", Version::new(3, 2)),
    ("opensuse-leap", "15", Version::new(3, 2)),
    ("alpine", "3", Version::new(4, 0)),
    // These roll on: no release of theirs that still gets packages is older.
    ("fedora", "", Version::new(4, 5)),
    ("arch", "", Version::new(4, 6)),
];

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}")?;
        if patch > 0 { write!(f, ".{patch}") } else { Ok(()) }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is no version")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        for (text, expected) in [
            ("4.3", Some("4.3")),
            ("4.6.1", Some("4.6.1")),
            ("4.6.1-3+deb13u1", Some("4.6.1")),
            ("4.0-pre2", Some("4.0")),
            ("1:4.3-2+deb12u1", Some("4.3")),
            ("3.5.1", Some("3.5.1")),
            ("(none)", None),
            ("4", None),
            ("", None),
            ("99999.1", None),
        ] {
            assert_eq!(Version::parse(text).map(|v| v.to_string()).as_deref(), expected, "{text}");
        }
        assert!(Version::new(4, 10) > Version::new(4, 9));
        assert!(Version::patch(4, 6, 1) > Version::new(4, 6));
        assert!(Version::OLDEST < Version::NEWEST);
    }

    #[test]
    fn releases_are_known_by_their_number() {
        let of = |id, version| Version::of_release(id, version).map(|v| v.to_string());
        assert_eq!(of("debian", "12"), Some("4.3".to_owned()));
        assert_eq!(of("ubuntu", "22.04"), Some("4.2".to_owned()));
        assert_eq!(of("rocky", "9.4"), Some("4.1".to_owned()));
        assert_eq!(of("arch", ""), Some("4.6".to_owned()));
        assert_eq!(of("debian", "99"), None);
        assert_eq!(of("plan9", "4"), None);
    }
}
