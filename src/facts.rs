//! What is known of a host: its distribution, its tools and its chrony.
//!
//! Facts carry Ansible's names in templates (`ansible_os_family`, ...), so that roles written
//! for Ansible read the same. [`Facts::typical`] gives the facts that a platform usually has:
//! with them templates are checked and resources are named before a host has answered.

mod version;

pub use version::Version;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::template::Vars;

/// Services of other time daemons: beside chronyd none of them may run.
/// (ntpdate and sntp set the clock once and end: they are found as processes.)
pub const TIME_DAEMONS: [&str; 6] =
    ["systemd-timesyncd", "ntp", "ntpd", "ntpsec", "openntpd", "ntpd-rs"];

/// The families of distributions that ezsync knows, by Ansible's `ansible_os_family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    /// Red Hat Enterprise Linux, its rebuilds, Fedora.
    RedHat,
    /// SUSE Linux Enterprise and openSUSE.
    Suse,
    /// Alpine Linux.
    Alpine,
    /// Arch Linux.
    Archlinux,
}

/// What a platform's own chrony package looks like (read from the packages).
struct Custom {
    platform: Platform,
    /// Values of `ID` and `ID_LIKE` in os-release that mean this platform.
    ids: &'static [&'static str],
    package_manager: &'static str,
    service_manager: &'static str,
    chrony_conf: &'static str,
    chrony_keys: &'static str,
    chrony_unit: &'static str,
    chrony_user: &'static str,
}

const CUSTOMS: [Custom; 5] = [
    Custom {
        platform: Platform::Debian,
        ids: &["debian", "ubuntu"],
        package_manager: "apt",
        service_manager: "systemd",
        chrony_conf: "/etc/chrony/chrony.conf",
        chrony_keys: "/etc/chrony/chrony.keys",
        chrony_unit: "chrony",
        chrony_user: "_chrony",
    },
    Custom {
        platform: Platform::RedHat,
        ids: &[
            "rhel",
            "fedora",
            "centos",
            "almalinux",
            "rocky",
            "ol",
            "amzn",
            "openEuler",
            "anolis",
            "kylin",
        ],
        package_manager: "dnf",
        service_manager: "systemd",
        chrony_conf: "/etc/chrony.conf",
        chrony_keys: "/etc/chrony.keys",
        chrony_unit: "chronyd",
        chrony_user: "chrony",
    },
    Custom {
        platform: Platform::Suse,
        ids: &["suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"],
        package_manager: "zypper",
        service_manager: "systemd",
        chrony_conf: "/etc/chrony.conf",
        chrony_keys: "/etc/chrony.keys",
        chrony_unit: "chronyd",
        chrony_user: "chrony",
    },
    Custom {
        platform: Platform::Alpine,
        ids: &["alpine"],
        package_manager: "apk",
        service_manager: "openrc",
        chrony_conf: "/etc/chrony/chrony.conf",
        chrony_keys: "/etc/chrony/chrony.keys",
        chrony_unit: "chronyd",
        chrony_user: "chrony",
    },
    Custom {
        platform: Platform::Archlinux,
        ids: &["arch", "archlinux"],
        package_manager: "pacman",
        service_manager: "systemd",
        chrony_conf: "/etc/chrony.conf",
        chrony_keys: "/etc/chrony.keys",
        chrony_unit: "chronyd",
        chrony_user: "chrony",
    },
];

impl Platform {
    /// Every platform.
    pub fn all() -> impl Iterator<Item = Self> {
        CUSTOMS.iter().map(|custom| custom.platform)
    }

    /// The platform of a host whose os-release has these `ID` and `ID_LIKE` words, nearest first.
    pub fn from_ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        ids.into_iter()
            .find_map(|id| CUSTOMS.iter().find(|custom| custom.ids.contains(&id)))
            .map(|custom| custom.platform)
    }

    /// The name in `ansible_os_family`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::RedHat => "RedHat",
            Self::Suse => "Suse",
            Self::Alpine => "Alpine",
            Self::Archlinux => "Archlinux",
        }
    }

    fn custom(self) -> &'static Custom {
        // The table has a row for each platform (a test holds that); the first one stands in.
        let [first, ..] = &CUSTOMS;
        CUSTOMS.iter().find(|custom| custom.platform == self).unwrap_or(first)
    }
}

/// What chrony is on a host: what stands there, or where its package would put it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChronyFacts {
    /// Whether a chronyd program stands on the host.
    pub installed: bool,
    /// Its version such as `4.3`; empty when it is not installed.
    pub version: String,
    /// The version that configurations are written for: its own, or that of the package which would
    /// be installed, or at least that of the distribution's release.
    pub written_for: Version,
    /// What it was built with and without, as `chronyd -v` says: `+NTS`, `-DEBUG`. Empty when it is
    /// not installed.
    pub features: Vec<String>,
    /// What the host knows of leap seconds, in the words of chrony's directives that tell of it.
    pub leap_seconds: Vec<LeapSeconds>,
    /// The name of its service.
    pub unit: String,
    /// The other services on the host that start a chronyd: never two may run.
    pub other_units: Vec<String>,
    /// The configuration file that the service reads.
    pub conf: String,
    /// The file of its keys.
    pub keys: String,
    /// The user and group that the daemon runs as.
    pub user: String,
}

/// Where a host has the leap seconds of the tz database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeapSeconds {
    /// The zone `right/UTC`.
    Zone,
    /// The file [`LEAP_SECONDS_LIST`].
    List,
}

/// The list of leap seconds in the tz database.
pub const LEAP_SECONDS_LIST: &str = "/usr/share/zoneinfo/leap-seconds.list";

impl ChronyFacts {
    /// Whether it was built without `feature` (`NTS`), as far as that is known.
    #[must_use]
    pub fn lacks(&self, feature: &str) -> bool {
        self.features.iter().any(|known| known.strip_prefix('-') == Some(feature))
    }
}

/// What one host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The family of its distribution; none when it is one that ezsync does not know.
    pub platform: Option<Platform>,
    /// `ID` of os-release, e.g. `debian`.
    pub distribution: String,
    /// `VERSION_ID` of os-release, e.g. `12`.
    pub distribution_version: String,
    /// `PRETTY_NAME` of os-release.
    pub pretty_name: String,
    /// `apt`, `dnf`, `yum`, `zypper`, `apk`, `pacman`; empty when there is none of them.
    pub package_manager: String,
    /// `systemd`, `openrc`, or `sysv` for anything else.
    pub service_manager: String,
    /// The host's own name.
    pub hostname: String,
    /// The kernel's release.
    pub kernel: String,
    /// The machine's architecture, e.g. `x86_64`.
    pub architecture: String,
    /// The addresses of its interfaces with their subnets, loopback left out.
    pub addresses: Vec<IpNet>,
    /// The container technology that it runs in, as systemd names it; empty outside of one.
    pub container: String,
    /// Its chrony.
    pub chrony: ChronyFacts,
}

impl Facts {
    /// The facts that a freshly installed host of `platform` has.
    #[must_use]
    pub fn typical(platform: Platform) -> Self {
        let custom = platform.custom();
        Self {
            platform: Some(platform),
            distribution: custom.ids.first().copied().unwrap_or_default().to_owned(),
            distribution_version: String::new(),
            pretty_name: platform.name().to_owned(),
            package_manager: custom.package_manager.to_owned(),
            service_manager: custom.service_manager.to_owned(),
            hostname: String::new(),
            kernel: String::new(),
            architecture: String::new(),
            addresses: Vec::new(),
            container: String::new(),
            chrony: ChronyFacts {
                installed: false,
                version: String::new(),
                written_for: Version::NEWEST,
                features: Vec::new(),
                leap_seconds: Vec::new(),
                unit: custom.chrony_unit.to_owned(),
                other_units: Vec::new(),
                conf: custom.chrony_conf.to_owned(),
                keys: custom.chrony_keys.to_owned(),
                user: custom.chrony_user.to_owned(),
            },
        }
    }

    /// What chrony's version would be where none is installed: that of the package which is on offer,
    /// or else what the distribution's release has had at least.
    #[must_use]
    pub fn expected_chrony(&self, on_offer: Option<Version>) -> Version {
        on_offer
            .or_else(|| Version::of_release(&self.distribution, &self.distribution_version))
            .unwrap_or(Version::OLDEST)
    }

    /// The facts as template variables, under Ansible's names where Ansible has them.
    #[must_use]
    pub fn vars(&self) -> Vars {
        let of_kind = |v4: bool| -> Vec<String> {
            let addresses = self.addresses.iter().map(IpNet::addr);
            addresses.filter(|a| a.is_ipv4() == v4).map(|a| a.to_string()).collect()
        };
        let facts = json!({
            "os_family": self.platform.map_or("", Platform::name),
            "distribution": distribution_name(&self.distribution),
            "distribution_version": self.distribution_version,
            "distribution_major_version": self.distribution_version.split('.').next(),
            "pkg_mgr": self.package_manager,
            "service_mgr": self.service_manager,
            "hostname": self.hostname.split('.').next(),
            "nodename": self.hostname,
            "kernel": self.kernel,
            "architecture": self.architecture,
            "all_ipv4_addresses": of_kind(true),
            "all_ipv6_addresses": of_kind(false),
            "virtualization_type": self.container,
        });
        let mut vars = Vars::new();
        if let Value::Object(map) = &facts {
            vars.extend(map.iter().map(|(name, value)| (format!("ansible_{name}"), value.clone())));
        }
        vars.insert("ansible_facts".to_owned(), facts);
        vars.insert("chrony".to_owned(), json!(self.chrony));
        vars.insert("time_daemons".to_owned(), json!(TIME_DAEMONS));
        vars
    }
}

/// Ansible's name for the distribution whose `ID` in os-release is `id`.
fn distribution_name(id: &str) -> String {
    let name = match id {
        "debian" => "Debian",
        "ubuntu" => "Ubuntu",
        "rhel" => "RedHat",
        "centos" => "CentOS",
        "rocky" => "Rocky",
        "almalinux" => "AlmaLinux",
        "fedora" => "Fedora",
        "ol" => "OracleLinux",
        "amzn" => "Amazon",
        "sles" => "SLES",
        "opensuse-leap" => "openSUSE Leap",
        "opensuse-tumbleweed" => "openSUSE Tumbleweed",
        "alpine" => "Alpine",
        "arch" => "Archlinux",
        other => return other.to_owned(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_its_row() {
        for platform in Platform::all() {
            assert_eq!(platform.custom().platform, platform);
        }
        assert_eq!(Platform::all().count(), 5);
    }

    #[test]
    fn derived_distributions_are_known_by_id_like() {
        assert_eq!(Platform::from_ids(["linuxmint", "ubuntu", "debian"]), Some(Platform::Debian));
        assert_eq!(Platform::from_ids(["rocky", "rhel"]), Some(Platform::RedHat));
        assert_eq!(Platform::from_ids(["sles", "suse"]), Some(Platform::Suse));
        assert_eq!(Platform::from_ids(["plan9"]), None);
    }

    #[test]
    fn typical_facts_name_all_that_real_ones_do() {
        let names: Vec<_> = Facts::typical(Platform::Alpine).vars().keys().cloned().collect();
        for name in ["ansible_os_family", "ansible_pkg_mgr", "ansible_facts", "chrony"] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
    }
}
