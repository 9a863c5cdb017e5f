//! Which of a bundle's sets a host can take.

use super::{Manifest, Set};
use crate::package::{Architecture, Release, Target};

/// Distributions that are made from the same sources: the packages of one fit the others of the same major
/// version, whatever the minor ones.
const RED_HAT: [&str; 5] = ["rhel", "centos", "rocky", "almalinux", "ol"];

/// Distributions whose mirrors `bundle create` knows by itself.
const WITH_MIRRORS: [&str; 7] =
    ["debian", "ubuntu", "centos", "rocky", "almalinux", "fedora", "opensuse-leap"];

/// Programs that install packages of the two formats.
const INSTALLERS: [&str; 4] = ["apt", "dnf", "yum", "zypper"];

/// What decides which packages a host can take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// `ID` of os-release.
    pub distribution: String,
    /// `VERSION_ID` of os-release; empty where it has none.
    pub version: String,
    /// As its package manager calls it: `amd64`, `x86_64`.
    pub architecture: String,
    /// Its package manager: `apt`, `dnf`, `yum`, `zypper`; others take no packages of a bundle.
    pub package_manager: String,
}

/// Why a bundle does not do for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is missing.
    pub what: String,
    /// What to do about it.
    pub next: String,
    /// The packages that a bundle must be made with too, where that is all that it lacks.
    pub lacks: Vec<String>,
}

impl Manifest {
    /// The set for `host`: its own, or that of a distribution which is made from the same sources.
    ///
    /// # Errors
    /// There is none.
    pub fn set_for(&self, host: &Host) -> Result<&Set, Misfit> {
        if !INSTALLERS.contains(&host.package_manager.as_str()) {
            let known = INSTALLERS.join(", ");
            let has = match host.package_manager.as_str() {
                "" => "none of them".to_owned(),
                other => other.to_owned(),
            };
            return Err(Misfit {
                what: format!("a bundle's packages are for {known}, and this host has {has}"),
                next: "install what is missing by the host's own means, then run again".to_owned(),
                lacks: Vec::new(),
            });
        }
        let target = host.target()?;
        let same_family = |set: &&Set| {
            let release = &set.target.release;
            let family = [&target.release.distribution, &release.distribution]
                .iter()
                .all(|name| RED_HAT.contains(&name.as_str()));
            family
                && major(&release.version) == major(&target.release.version)
                && set.target.architecture == target.architecture
        };
        let own = self.sets.iter().find(|set| set.target == target);
        let relatives = || {
            let mut found: Vec<&Set> = self.sets.iter().filter(same_family).collect();
            // Of several the one that is nearest: its own distribution's, then the first.
            found.sort_by_key(|set| set.target.release.distribution != target.release.distribution);
            found.first().copied()
        };
        own.or_else(relatives).ok_or_else(|| self.lacks(&target))
    }

    /// What to add so that a host like `target` can be served.
    fn lacks(&self, target: &Target) -> Misfit {
        let has: Vec<String> = self.sets.iter().map(|set| set.target.to_string()).collect();
        let has = if has.is_empty() { "nothing".to_owned() } else { has.join(", ") };
        let Target { release, architecture } = target;
        let name = release.distribution.as_str();
        let is_red_hat = RED_HAT.contains(&name);
        let wanted = match is_red_hat {
            // What has no public mirror takes the packages of one that has; minor versions do not matter.
            true if !WITH_MIRRORS.contains(&name) => format!("rocky-{}", major(&release.version)),
            true => format!("{name}-{}", major(&release.version)),
            false => release.to_string(),
        };
        let again = self.again(Some((&wanted, &architecture.to_string())), &[]);
        let from = match is_red_hat || WITH_MIRRORS.contains(&name) {
            true => String::new(),
            false => ", and --mirror or --packages to say where its packages are".to_owned(),
        };
        Misfit {
            what: format!("the bundle has nothing for {target}: it is for {has}"),
            next: format!("{again}{from}"),
            lacks: Vec::new(),
        }
    }
}

impl Host {
    fn target(&self) -> Result<Target, Misfit> {
        let Self { distribution, version, architecture, .. } = self;
        let release: Release = format!("{distribution}-{version}").parse().map_err(|_| Misfit {
            what: format!(
                "the host's os-release names no release that a bundle can be for: ID is `{distribution}`, \
                 VERSION_ID is `{version}`"
            ),
            next: "install what is missing by the host's own means, then run again".to_owned(),
            lacks: Vec::new(),
        })?;
        let architecture: Architecture = architecture.parse().map_err(|why| Misfit {
            what: format!("no bundle can be for this host's architecture: {why}"),
            next: "install what is missing by the host's own means, then run again".to_owned(),
            lacks: Vec::new(),
        })?;
        Ok(Target { release, architecture })
    }
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}
