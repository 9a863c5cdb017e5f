//! What stands beside the MachineConfigs of a cluster: pools, the disruption policy, PTP, DNS forwarding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The API of the operators' own settings.
pub(super) const OPERATOR_API: &str = "operator.openshift.io/v1";
/// The API of the PTP operator.
pub(super) const PTP_API: &str = "ptp.openshift.io/v1";
/// The namespace of the PTP operator.
pub(super) const PTP_NAMESPACE: &str = "openshift-ptp";

/// An object of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Object<S> {
    pub api_version: String,
    pub kind: String,
    pub metadata: Name,
    pub spec: S,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl<S> Object<S> {
    /// One without a namespace.
    pub fn new(api: &str, kind: &str, name: &str, spec: S) -> Self {
        let metadata = Name { name: name.to_owned(), namespace: None };
        Self { api_version: api.to_owned(), kind: kind.to_owned(), metadata, spec }
    }
}

/// A MachineConfigPool's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PoolSpec {
    pub machine_config_selector: Selector,
    pub node_selector: Selector,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Unavailable>,
    /// Unsaid it stays as somebody has set it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// Which objects are meant by their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Selector {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Expression>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expression {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
}

impl Selector {
    /// What has the label `name` with this value.
    pub fn label(name: String, value: &str) -> Self {
        let match_labels = BTreeMap::from([(name, value.to_owned())]);
        Self { match_labels, ..Self::default() }
    }
}

/// How many nodes of a pool may be away at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Unavailable {
    Nodes(i64),
    /// A percentage, such as `10%`.
    Percent(String),
}

/// A MachineConfiguration's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MachineConfigurationSpec {
    pub node_disruption_policy: DisruptionPolicy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DisruptionPolicy {
    pub files: Vec<FilePolicy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitPolicy>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilePolicy {
    pub path: String,
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitPolicy {
    pub name: String,
    pub actions: Vec<Action>,
}

/// What is done when something has changed; in the place of a reboot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<ServiceName>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ServiceName {
    pub service_name: String,
}

impl Action {
    /// One that needs no more words: `None`, `DaemonReload`.
    pub fn plain(kind: &str) -> Self {
        Self { kind: kind.to_owned(), restart: None }
    }

    /// `unit` is started anew.
    pub fn restart(unit: &str) -> Self {
        let restart = Some(ServiceName { service_name: unit.to_owned() });
        Self { kind: "Restart".to_owned(), restart }
    }
}

/// A PtpConfig's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PtpSpec {
    pub profile: Vec<PtpProfile>,
    pub recommend: Vec<Recommendation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PtpProfile {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ptp4l_opts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phc2sys_opts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ptp4l_conf: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recommendation {
    pub profile: String,
    pub priority: i64,
    #[serde(rename = "match")]
    pub matches: Vec<NodeMatch>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NodeMatch {
    pub node_label: String,
}

/// The DNS operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsSpec {
    pub servers: Vec<DnsServer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DnsServer {
    pub name: String,
    pub zones: Vec<String>,
    pub forward_plugin: ForwardPlugin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardPlugin {
    pub upstreams: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}
