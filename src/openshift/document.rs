//! What is written: the objects of a cluster as text, in a stable order.

use serde::Serialize;

use super::content::{PoolFile, Then};
use super::data_url;
use super::ignition::{self, Account, Contents, Ignition, Storage, Systemd, Unit};
use super::machine_config::{
    API, Butane, ButaneContents, ButaneFile, ButaneMetadata, ButaneOpenshift, ButaneStorage,
    ButaneSystemd, KIND, MachineConfig, Metadata, ROLE, Spec,
};
use super::objects::{
    Action, DisruptionPolicy, DnsSpec, Expression, FilePolicy, MachineConfigurationSpec,
    OPERATOR_API, Object, PTP_API, PTP_NAMESPACE, PoolSpec, Selector, UnitPolicy,
};
use super::pool::Pool;
use super::settings::{PoolSettings, Settings, WORKER, role_label};
use super::version::Version;
use crate::problem::Problem;
use crate::yaml;

/// The unit that sets the time zone. A link in Ignition's configuration would be none that the operator ever changes.
pub(super) const TIMEZONE_UNIT: &str = "ezsync-timezone.service";

/// The most that a cluster keeps in one object, in bytes: what etcd takes in one request by itself
/// (<https://etcd.io/docs/v3.5/dev-guide/limit/>).
pub(super) const OBJECT_MAX: usize = 1_572_864;

/// How configs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Objects for `oc apply`.
    MachineConfig,
    /// What `butane` makes objects of.
    Butane,
    /// What a node reads when it boots for the first time.
    Ignition,
}

/// A text and the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file's name.
    pub file: String,
    /// What it holds.
    pub text: String,
}

/// All documents of the pools that are wanted, in order; what the reader should know of them is added to `notes`.
///
/// # Errors
/// What the format or this version cannot say, or a config that is too large.
pub fn documents(
    pools: &[Pool],
    settings: &Settings,
    version: Version,
    format: Format,
    notes: &mut Vec<String>,
) -> Result<Vec<Document>, Problem> {
    let mut all = Vec::new();
    let wanted: Vec<&Pool> = pools.iter().filter(|pool| pool.wanted).collect();
    let objects = objects(&wanted, settings, version)?;
    let names = names(&objects);
    if format == Format::MachineConfig {
        // A pool comes before its config: without one nobody would look for that.
        all.extend(objects);
    } else if !objects.is_empty() {
        notes.push(format!("only --format machineconfig writes {}", names.join(", ")));
    }
    for pool in &wanted {
        all.push(config(pool, version, format)?);
    }
    warn_of_phc2sys(&wanted, settings, notes);
    Ok(all)
}

/// The names of what is written beside the configs of the pools that are wanted.
///
/// # Errors
/// What this version cannot say.
pub fn beside(
    pools: &[Pool],
    settings: &Settings,
    version: Version,
) -> Result<Vec<String>, Problem> {
    let wanted: Vec<&Pool> = pools.iter().filter(|pool| pool.wanted).collect();
    Ok(names(&objects(&wanted, settings, version)?))
}

/// Whether a file of this name is one of those that are written here.
#[must_use]
pub fn is_written_here(name: &str) -> bool {
    let Some((stem, kind)) = name.rsplit_once('.') else { return false };
    let is_config = stem.starts_with("99-") && stem.ends_with("-chrony");
    let is_object = ["machineconfigpool-", "ptpconfig-"].iter().any(|it| stem.starts_with(it))
        || ["machineconfiguration-cluster", "dns-default"].contains(&stem);
    (is_config && ["yaml", "bu", "ign"].contains(&kind)) || (is_object && kind == "yaml")
}

fn names(objects: &[Document]) -> Vec<String> {
    objects.iter().map(|it| it.file.trim_end_matches(".yaml").to_owned()).collect()
}

fn config(pool: &Pool, version: Version, format: Format) -> Result<Document, Problem> {
    let name = pool.config_name();
    let object = machine_config(pool, version);
    let size = serde_json::to_string(&object).map_or(0, |text| text.len());
    if size > OBJECT_MAX {
        let largest = pool.content.files.iter().max_by_key(|file| file.text.len());
        let message = format!(
            "{name} would have {size} bytes, and a cluster keeps {OBJECT_MAX} in one object at the most"
        );
        return Err(Problem::new(message)
            .at(largest.and_then(|file| file.place.clone()))
            .hint("bring large files to the nodes in an image, not in a MachineConfig"));
    }
    Ok(match format {
        Format::MachineConfig => document(&name, &object)?,
        Format::Butane => {
            let Document { text, .. } = document(&name, &butane(pool, version))?;
            Document { file: format!("{name}.bu"), text }
        }
        Format::Ignition => {
            if let Some(argument) = pool.kernel_arguments.first() {
                let message = format!(
                    "{argument}: the operator takes arguments for the kernel from a MachineConfig alone"
                );
                return Err(Problem::new(message)
                    .hint("use --format machineconfig or butane, or take kernel_arguments out"));
            }
            let text = serde_json::to_string(&object.spec.config).unwrap_or_default();
            Document { file: format!("{name}.ign"), text: text + "\n" }
        }
    })
}

fn document(name: &str, object: &impl Serialize) -> Result<Document, Problem> {
    // Files are put together as they are: `cat *.yaml | oc apply -f -`.
    Ok(Document { file: format!("{name}.yaml"), text: format!("---\n{}", yaml::write(object)?) })
}

/// The config of a pool.
pub(super) fn machine_config(pool: &Pool, version: Version) -> MachineConfig {
    let files: Vec<ignition::File> =
        pool.content.files.iter().map(|file| ignition_file(file, version)).collect();
    let units = units(pool);
    MachineConfig {
        api_version: API.to_owned(),
        kind: KIND.to_owned(),
        metadata: Metadata::new(pool.config_name(), &pool.settings.name),
        spec: Spec {
            config: ignition::Config {
                ignition: Ignition { version: version.ignition().to_owned() },
                storage: (!files.is_empty()).then_some(Storage { files }),
                systemd: (!units.is_empty()).then_some(Systemd { units }),
            },
            kernel_arguments: pool.kernel_arguments.clone(),
        },
    }
}

fn ignition_file(file: &PoolFile, version: Version) -> ignition::File {
    let encoded = data_url::encode(file.text.as_bytes(), version.takes_gzip());
    ignition::File {
        contents: Contents { compression: encoded.compression.to_owned(), source: encoded.source },
        group: Account::of(file.group.as_deref()),
        mode: file.mode,
        overwrite: true,
        path: file.path.clone(),
        user: Account::of(file.owner.as_deref()),
    }
}

/// The units of a pool.
pub(super) fn units(pool: &Pool) -> Vec<Unit> {
    let unit = |zone: &String| Unit {
        contents: format!(
            "[Unit]\nDescription=Set the time zone to {zone}\n\n[Service]\nType=oneshot\n\
             ExecStart=/usr/bin/timedatectl set-timezone {zone}\n\n[Install]\nWantedBy=multi-user.target\n"
        ),
        enabled: true,
        name: TIMEZONE_UNIT.to_owned(),
    };
    pool.content.timezone.iter().map(unit).collect()
}

fn butane(pool: &Pool, version: Version) -> Butane {
    let files: Vec<ButaneFile> = pool
        .content
        .files
        .iter()
        .map(|file| ButaneFile {
            path: file.path.clone(),
            mode: file.mode,
            overwrite: true,
            contents: ButaneContents { inline: file.text.clone() },
            user: Account::of(file.owner.as_deref()),
            group: Account::of(file.group.as_deref()),
        })
        .collect();
    let units = units(pool);
    let Metadata { labels, name } = Metadata::new(pool.config_name(), &pool.settings.name);
    let kernel_arguments = pool.kernel_arguments.clone();
    Butane {
        variant: "openshift".to_owned(),
        version: version.butane(),
        metadata: ButaneMetadata { name, labels },
        storage: (!files.is_empty()).then_some(ButaneStorage { files }),
        systemd: (!units.is_empty()).then_some(ButaneSystemd { units }),
        openshift: (!kernel_arguments.is_empty()).then_some(ButaneOpenshift { kernel_arguments }),
    }
}

/// What stands beside the configs.
fn objects(
    pools: &[&Pool],
    settings: &Settings,
    version: Version,
) -> Result<Vec<Document>, Problem> {
    let mut all = Vec::new();
    for pool in pools.iter().map(|pool| &pool.settings) {
        let speaks = pool.paused.is_some() || pool.max_unavailable.is_some();
        if pool.is_custom() || speaks {
            let object = Object::new(API, "MachineConfigPool", &pool.name, pool_spec(pool));
            all.push(document(&format!("machineconfigpool-{}", pool.name), &object)?);
        }
    }
    if settings.disruption_policy.is_some() {
        let spec = disruption_policy(pools, settings, version)?;
        let object = Object::new(OPERATOR_API, "MachineConfiguration", "cluster", spec);
        all.push(document("machineconfiguration-cluster", &object)?);
    }
    let is_wanted = |pool: &String| pools.iter().any(|wanted| wanted.settings.name == *pool);
    for ptp in settings.ptp.iter().filter(|ptp| ptp.pool.as_ref().is_none_or(is_wanted)) {
        let mut object = Object::new(PTP_API, "PtpConfig", &ptp.name, ptp.spec.clone());
        object.metadata.namespace = Some(PTP_NAMESPACE.to_owned());
        all.push(document(&format!("ptpconfig-{}", ptp.name), &object)?);
    }
    if !settings.dns.is_empty() {
        let spec = DnsSpec { servers: settings.dns.clone() };
        all.push(document("dns-default", &Object::new(OPERATOR_API, "DNS", "default", spec))?);
    }
    Ok(all)
}

fn pool_spec(pool: &PoolSettings) -> PoolSpec {
    let configs = if pool.is_custom() {
        let values = vec![WORKER.to_owned(), pool.name.clone()];
        let expression = Expression { key: ROLE.to_owned(), operator: "In".to_owned(), values };
        Selector { match_expressions: vec![expression], ..Selector::default() }
    } else {
        Selector::label(ROLE.to_owned(), &pool.name)
    };
    PoolSpec {
        machine_config_selector: configs,
        node_selector: Selector::label(role_label(&pool.name), ""),
        max_unavailable: pool.max_unavailable.clone(),
        paused: pool.paused,
    }
}

fn disruption_policy(
    pools: &[&Pool],
    settings: &Settings,
    version: Version,
) -> Result<MachineConfigurationSpec, Problem> {
    let problem = |message: String, hint: &str| {
        Problem::new(message).at(settings.disruption_policy.clone()).hint(hint)
    };
    if !version.has_disruption_policy() {
        let message =
            format!("OpenShift {version} has no node disruption policy: 4.17 is the first");
        return Err(problem(
            message,
            "take node_disruption_policy out: nodes reboot one after the other then",
        ));
    }
    let mut files: Vec<FilePolicy> = Vec::new();
    for file in pools.iter().flat_map(|pool| &pool.content.files) {
        let actions = match &file.then {
            Then::Restart(services) if services.is_empty() => vec![Action::plain("None")],
            Then::Restart(services) => services.iter().map(|name| Action::restart(name)).collect(),
            Then::Other => {
                let message =
                    format!("{}: what its role does after a change no policy can say", file.path);
                return Err(problem(message, "handlers may restart services, and nothing else"));
            }
        };
        if files.iter().all(|known| known.path != file.path) {
            files.push(FilePolicy { path: file.path.clone(), actions });
        }
    }
    let zones = pools.iter().any(|pool| pool.content.timezone.is_some());
    let actions = vec![Action::plain("DaemonReload"), Action::restart(TIMEZONE_UNIT)];
    let units = zones.then(|| UnitPolicy { name: TIMEZONE_UNIT.to_owned(), actions });
    let node_disruption_policy = DisruptionPolicy { files, units: units.into_iter().collect() };
    Ok(MachineConfigurationSpec { node_disruption_policy })
}

/// Two programs that both steer a clock make it worse.
fn warn_of_phc2sys(pools: &[&Pool], settings: &Settings, notes: &mut Vec<String>) {
    for ptp in &settings.ptp {
        let steers = ptp
            .spec
            .profile
            .iter()
            .any(|it| it.phc2sys_opts.as_ref().is_some_and(|o| !o.is_empty()));
        let which = match &ptp.pool {
            Some(pool) if pools.iter().any(|wanted| wanted.settings.name == *pool) => {
                format!("in the pool {pool}")
            }
            Some(_) => continue,
            None => "that have its label".to_owned(),
        };
        if steers {
            notes.push(format!(
                "PtpConfig {}: phc2sys sets the clock of its nodes {which}, and chronyd would do so as well: \
                 give these nodes a pool of their own, in which chronyd does not run",
                ptp.name
            ));
        }
    }
}
