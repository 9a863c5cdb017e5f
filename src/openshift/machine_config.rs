//! A MachineConfig, and the Butane configuration that becomes one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ignition::{self, Account, Unit};

/// The label by which the operator finds the pool of a config.
pub(super) const ROLE: &str = "machineconfiguration.openshift.io/role";

/// The API that MachineConfigs and their pools are part of.
pub(super) const API: &str = "machineconfiguration.openshift.io/v1";

/// The kind of object that is read back.
pub(super) const KIND: &str = "MachineConfig";

/// A MachineConfig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MachineConfig {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: Spec,
}

/// Labels and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub labels: BTreeMap<String, String>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    pub config: ignition::Config,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel_arguments: Vec<String>,
}

impl Metadata {
    /// Of the config `name` for `pool`.
    pub fn new(name: String, pool: &str) -> Self {
        Self { labels: BTreeMap::from([(ROLE.to_owned(), pool.to_owned())]), name }
    }
}

/// Butane's `variant: openshift`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Butane {
    pub variant: String,
    pub version: String,
    pub metadata: ButaneMetadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<ButaneStorage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<ButaneSystemd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openshift: Option<ButaneOpenshift>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneMetadata {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneStorage {
    pub files: Vec<ButaneFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneFile {
    pub path: String,
    pub mode: u32,
    pub overwrite: bool,
    pub contents: ButaneContents,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Account>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneContents {
    pub inline: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneSystemd {
    pub units: Vec<Unit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButaneOpenshift {
    pub kernel_arguments: Vec<String>,
}
