//! What a resource wants in a form that is kept on the host, so that it is known later what was wanted.

use serde::{Deserialize, Serialize};

use super::{Account, Content, Observed, PathState};

/// One thing that a resource wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// What stands at a path, and for a file that is written whole its content.
    Path(String, PathWish, Option<Content>),
    /// A service.
    Unit(String, UnitWish),
    /// Whether a package is there.
    Package(String, bool),
    /// The host's time zone.
    Timezone(String),
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// A regular file.
    #[default]
    File,
    /// A folder.
    Directory,
    /// Nothing.
    Absent,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What is wanted at a path; none: it may be as it likes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PathWish {
    /// What stands there.
    pub kind: PathKind,
    /// The SHA-256 of a file's bytes, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Permission bits, in octal digits: `0644`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Who owns it, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its group, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What is wanted of a service; none: it may be as it likes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnitWish {
    /// Whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Whether it starts at boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it is forbidden to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<bool>,
}

impl PathWish {
    /// What stands there, in the words of this wish: what is not wanted is not told.
    /// `digest` gives the SHA-256 of bytes.
    #[must_use]
    pub fn actual(&self, stands: Option<&PathState>, digest: impl Fn(&[u8]) -> String) -> Self {
        let Some(stands) = stands else {
            return Self { kind: PathKind::Absent, ..Self::default() };
        };
        let kind = match stands.kind.as_str() {
            kind if kind.starts_with("regular") => PathKind::File,
            "directory" => PathKind::Directory,
            _ => PathKind::Other,
        };
        let account = |wish: &Option<String>, stands: &Account| {
            let same = wish.as_ref().filter(|wish| stands.is(wish)).cloned();
            wish.as_ref().map(|_| same.unwrap_or_else(|| stands.name.clone()))
        };
        // Bytes that are too many to be fetched are not those that were written.
        let content = || stands.content.as_deref().map(&digest).unwrap_or_default();
        Self {
            kind,
            sha256: self.sha256.as_ref().filter(|_| kind == PathKind::File).map(|_| content()),
            mode: self.mode.as_ref().map(|_| format!("{:04o}", stands.mode)),
            owner: account(&self.owner, &stands.owner),
            group: account(&self.group, &stands.group),
        }
    }
}

impl UnitWish {
    /// How the service `name` is, in the words of this wish.
    #[must_use]
    pub fn actual(&self, name: &str, observed: &Observed) -> Self {
        let stands = observed.units.get(name).cloned().unwrap_or_default();
        // A unit that its own condition keeps from starting has done what it can.
        let held = stands.exists && !stands.condition && self.active == Some(true);
        // What can be neither enabled nor disabled is as it has to be.
        let enabled = if stands.exists { stands.enabled.or(self.enabled) } else { Some(false) };
        Self {
            active: self.active.map(|_| stands.active || held),
            enabled: self.enabled.and(enabled),
            masked: self.masked.map(|_| stands.masked),
        }
    }
}
