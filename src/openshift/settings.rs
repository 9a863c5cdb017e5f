//! The section `openshift` of a cluster's config.yml.

use serde_json::Value;

use super::dns::dns;
use super::entry::Entry;
use super::objects::{DnsServer, NodeMatch, PtpProfile, PtpSpec, Recommendation, Unavailable};
use super::version::Version;
use crate::facts;
use crate::problem::{Place, Problem};
use crate::yaml::{Kind, Node};

/// The pool of the control plane.
pub const MASTER: &str = "master";
/// The pool of all other nodes; a custom pool gets its configs as well.
pub const WORKER: &str = "worker";

/// What config.yml says of the cluster as one of OpenShift's.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The release.
    pub version: Option<Version>,
    /// The version of chrony on its nodes.
    pub chrony_version: Option<facts::Version>,
    /// The time source outside of all pools, and where it is named.
    pub internal_source: Option<(String, Place)>,
    /// The pools that are named, in order.
    pub pools: Vec<PoolSettings>,
    /// Whether a change of the time shall reboot no node, and where that is said.
    pub disruption_policy: Option<Place>,
    pub(super) kernel_arguments: Vec<String>,
    pub(super) ptp: Vec<Ptp>,
    pub(super) dns: Vec<DnsServer>,
}

/// One pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Its name.
    pub name: String,
    /// The inventory's group whose hosts are in it.
    pub group: String,
    /// Where it is named; none for the two that every cluster has, when nothing is said of them.
    pub place: Option<Place>,
    pub(super) paused: Option<bool>,
    pub(super) max_unavailable: Option<Unavailable>,
    pub(super) kernel_arguments: Vec<String>,
}

/// One PtpConfig.
#[derive(Debug, Clone)]
pub(super) struct Ptp {
    pub name: String,
    /// The pool that it is for; none where a label of its own is given.
    pub pool: Option<String>,
    pub spec: PtpSpec,
}

impl PoolSettings {
    /// One of the two that every cluster has.
    fn built_in(name: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            group: group.to_owned(),
            place: None,
            paused: None,
            max_unavailable: None,
            kernel_arguments: Vec::new(),
        }
    }

    /// Whether it is none of the two that every cluster has.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        ![MASTER, WORKER].contains(&self.name.as_str())
    }
}

impl Settings {
    /// What stands at `node`, a part of `text`, which is what `file` holds. Without it all is as it is by itself.
    ///
    /// # Errors
    /// Something that is not known, or not possible.
    pub fn read(section: Option<(&str, &str, &Node)>) -> Result<Self, Problem> {
        let built_in = [(MASTER, "kube_master"), (WORKER, "kube_node")];
        let pools = built_in.map(|(name, group)| PoolSettings::built_in(name, group)).to_vec();
        let mut settings = Self { pools, ..Self::default() };
        if let Some((file, text, node)) = section {
            settings.fill(&Entry::whole(file, text, node).named("openshift"))?;
        }
        Ok(settings)
    }

    fn fill(&mut self, section: &Entry<'_>) -> Result<(), Problem> {
        let fields = section.known_fields(&[
            "version",
            "chrony_version",
            "internal_source",
            "pools",
            "kernel_arguments",
            "node_disruption_policy",
            "ptp",
            "dns_forwarders",
        ])?;
        self.version = fields.get("version").map(version).transpose()?;
        self.chrony_version = fields.get("chrony_version").map(chrony_version).transpose()?;
        if let Some(entry) = fields.get("internal_source") {
            self.internal_source = Some((entry.word()?.to_owned(), entry.place()));
        }
        if let Some(entry) = fields.get("pools") {
            for (name, entry) in entry.all_fields()? {
                self.pool(name, &entry)?;
            }
        }
        if let Some(entry) = fields.get("kernel_arguments") {
            self.kernel_arguments = kernel_arguments(entry)?;
        }
        if let Some(entry) = fields.get("node_disruption_policy") {
            self.disruption_policy = entry.truth()?.then(|| entry.place());
        }
        if let Some(entry) = fields.get("ptp") {
            self.ptp = self.ptp(entry)?;
        }
        if let Some(entry) = fields.get("dns_forwarders") {
            self.dns = dns(entry)?;
        }
        Ok(())
    }

    /// Reads what is said of the pool `name`.
    fn pool(&mut self, name: &str, entry: &Entry<'_>) -> Result<(), Problem> {
        check_label(entry, name)?;
        let fields =
            entry.known_fields(&["group", "paused", "max_unavailable", "kernel_arguments"])?;
        let number = self.pools.iter().position(|pool| pool.name == name);
        let mut pool = match number {
            Some(number) => self.pools.remove(number),
            None => PoolSettings::built_in(name, name),
        };
        pool.place = Some(entry.place());
        if let Some(group) = fields.get("group") {
            pool.group = group.word()?.to_owned();
        }
        pool.paused = fields.get("paused").map(Entry::truth).transpose()?;
        pool.max_unavailable = fields
            .get("max_unavailable")
            .map(|entry| unavailable(entry, name == MASTER))
            .transpose()?;
        if let Some(entry) = fields.get("kernel_arguments") {
            pool.kernel_arguments = kernel_arguments(entry)?;
        }
        self.pools.insert(number.unwrap_or(self.pools.len()), pool);
        Ok(())
    }

    fn ptp(&self, entry: &Entry<'_>) -> Result<Vec<Ptp>, Problem> {
        let mut all: Vec<Ptp> = Vec::new();
        for item in entry.items()? {
            let ptp = self.ptp_config(&item)?;
            if all.iter().any(|known| known.name == ptp.name) {
                return Err(item.problem(&format!("{} stands here twice", ptp.name)));
            }
            all.push(ptp);
        }
        Ok(all)
    }

    fn ptp_config(&self, item: &Entry<'_>) -> Result<Ptp, Problem> {
        let fields = item.known_fields(&[
            "name",
            "pool",
            "node_label",
            "interface",
            "ptp4l_opts",
            "phc2sys_opts",
            "ptp4l_conf",
            "priority",
        ])?;
        let name = fields.required("name")?;
        check_label(name, name.text()?)?;
        let name = name.text()?.to_owned();
        let text = |field| {
            let entry = fields.get(field);
            Ok::<_, Problem>(entry.map(Entry::text).transpose()?.map(ToOwned::to_owned))
        };
        let (pool, node_label) = match (fields.get("pool"), fields.get("node_label")) {
            (Some(pool), Some(_)) => {
                return Err(pool.problem("a pool and a label of nodes exclude each other"));
            }
            (None, Some(label)) => (None, label.word()?.to_owned()),
            (pool, None) => {
                let name = pool.map(Entry::word).transpose()?.unwrap_or(WORKER);
                let known: Vec<&str> = self.pools.iter().map(|pool| pool.name.as_str()).collect();
                if let Some(pool) = pool.filter(|_| !known.contains(&name)) {
                    return Err(pool.problem("there is no such pool").meant(
                        name,
                        &known,
                        "there are",
                    ));
                }
                (Some(name.to_owned()), role_label(name))
            }
        };
        let profile = PtpProfile {
            name: name.clone(),
            interface: fields.get("interface").map(interface).transpose()?,
            ptp4l_opts: text("ptp4l_opts")?,
            phc2sys_opts: text("phc2sys_opts")?,
            ptp4l_conf: text("ptp4l_conf")?,
        };
        // Of several profiles that fit a node the one with the lowest number counts.
        let priority = fields.get("priority").map(|entry| entry.integer(0..=99)).transpose()?;
        let recommend = Recommendation {
            profile: name.clone(),
            priority: priority.unwrap_or(4),
            matches: vec![NodeMatch { node_label }],
        };
        Ok(Ptp { name, pool, spec: PtpSpec { profile: vec![profile], recommend: vec![recommend] } })
    }
}

/// The label of the nodes in a pool.
pub(super) fn role_label(pool: &str) -> String {
    format!("node-role.kubernetes.io/{pool}")
}

fn version(entry: &Entry<'_>) -> Result<Version, Problem> {
    let text = match &entry.node.kind {
        Kind::Scalar(Value::String(text)) => text.clone(),
        Kind::Scalar(Value::Number(number)) => number.to_string(),
        _ => return Err(entry.problem("must be a version such as \"4.14\"")),
    };
    let is_number = matches!(&entry.node.kind, Kind::Scalar(Value::Number(_)));
    Version::parse(&text).map_err(|why| {
        let problem = entry.problem(&why);
        // A number loses its last nought: 4.20 is 4.2.
        let loses = is_number && Version::parse(&format!("{text}0")).is_ok();
        if loses {
            return problem.hint(format!("put quotes around it: version: \"{text}0\""));
        }
        problem
    })
}

fn chrony_version(entry: &Entry<'_>) -> Result<facts::Version, Problem> {
    let problem = || entry.problem("must be a version of chrony in quotes, such as \"4.5\"");
    match &entry.node.kind {
        Kind::Scalar(Value::String(text)) => facts::Version::parse(text)
            .filter(|version| *version >= facts::Version::OLDEST)
            .ok_or_else(problem),
        _ => Err(problem()),
    }
}

/// What may name an object and its pool: a label of DNS (RFC 1123).
pub(super) fn check_label(entry: &Entry<'_>, name: &str) -> Result<(), Problem> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = name.starts_with('-') || name.ends_with('-');
    if name.is_empty() || name.len() > 63 || edges || !name.chars().all(sound) {
        let message = format!("`{}` is no name for an object of Kubernetes", name.escape_debug());
        return Err(entry
            .problem(&message)
            .hint("use lower case letters, digits and `-`, 63 at most"));
    }
    Ok(())
}

/// How many nodes of a pool may be away.
pub(super) fn unavailable(entry: &Entry<'_>, is_master: bool) -> Result<Unavailable, Problem> {
    let wish = match &entry.node.kind {
        Kind::Scalar(Value::Number(number)) => {
            let number = number.as_i64().filter(|number| (1..=i32::MAX.into()).contains(number));
            number.map(Unavailable::Nodes)
        }
        Kind::Scalar(Value::String(text)) => {
            let number =
                text.strip_suffix('%').filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let percent = number.and_then(|number| number.parse::<u8>().ok());
            percent
                .filter(|number| (1..=100).contains(number))
                .map(|_| Unavailable::Percent(text.clone()))
        }
        _ => None,
    };
    let wish = wish.ok_or_else(|| {
        entry
            .problem(
                "must be a number of nodes from 1 to 2147483647, or \"1%\" to \"100%\" of them",
            )
            .hint(match &entry.node.kind {
                Kind::Scalar(Value::String(text)) if text.parse::<i64>().is_ok() => {
                    "write the number without quotes"
                }
                Kind::Scalar(Value::Number(number)) if number.as_i64() == Some(0) => {
                    "`paused: true` holds a pool back"
                }
                _ => "1 is the default",
            })
    })?;
    if is_master && wish != Unavailable::Nodes(1) {
        let problem = entry.problem("two masters at a time could cost etcd its majority");
        return Err(problem.hint("leave it out: one at a time is the default"));
    }
    Ok(wish)
}

fn kernel_arguments(entry: &Entry<'_>) -> Result<Vec<String>, Problem> {
    let mut all: Vec<String> = Vec::new();
    for item in entry.items()? {
        let argument = item.word()?.to_owned();
        if all.contains(&argument) {
            return Err(item.problem(&format!("{argument} stands here twice")));
        }
        all.push(argument);
    }
    Ok(all)
}

fn interface(entry: &Entry<'_>) -> Result<String, Problem> {
    let name = entry.word()?;
    // Linux keeps names of interfaces below 16 bytes (IFNAMSIZ).
    if name.len() < 16 && !name.contains('/') {
        return Ok(name.to_owned());
    }
    Err(entry.problem(&format!("`{}` is no interface", name.escape_debug())))
}
