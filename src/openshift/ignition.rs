//! Ignition's configuration, as far as it is written here. Fields stand in the order of their names, as Butane
//! writes them.

use serde::{Deserialize, Serialize};

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub ignition: Ignition,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<Systemd>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ignition {
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    pub files: Vec<File>,
}

/// A file; its mode in decimal, as JSON has no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub contents: Contents,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Account>,
    pub mode: u32,
    pub overwrite: bool,
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    pub compression: String,
    pub source: String,
}

/// A user or a group, by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Account {
    /// Who is meant by a name or a number; root, whose files are by themselves, need not be named.
    pub fn of(text: Option<&str>) -> Option<Self> {
        let text = text.filter(|text| !["root", "0"].contains(text))?;
        let id = text.parse().ok();
        Some(Self { id, name: id.is_none().then(|| text.to_owned()) })
    }

    /// How it is called where people read.
    pub fn shown(account: Option<&Self>) -> String {
        match account {
            Some(Self { name: Some(name), .. }) => name.clone(),
            Some(Self { id: Some(id), .. }) => id.to_string(),
            _ => "root".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Systemd {
    pub units: Vec<Unit>,
}

/// A systemd unit, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    pub contents: String,
    pub enabled: bool,
    pub name: String,
}
