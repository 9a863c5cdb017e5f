//! Which repositories a release has, and where. One table; mirrors put other places into it.

use super::mirror::Mirrors;
use super::unknown::unknown;
use crate::package::{Architecture, Format, Target};
use crate::problem::Problem;

/// A repository with the packages of one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// `URL/dists/SUITE/COMPONENT/binary-ARCH`.
    Deb {
        url: String,
        suite: String,
        component: &'static str,
        /// Whose keys sign it.
        keys: Keys,
        /// Whether the mirror may do without this suite.
        optional: bool,
    },
    /// `URL/repodata/repomd.xml`.
    Rpm { url: String },
}

/// Whose keys sign a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Keys {
    /// Debian's.
    Debian,
    /// Ubuntu's.
    Ubuntu,
}

impl Source {
    /// The root of the repository.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Deb { url, .. } | Self::Rpm { url } => url,
        }
    }
}

/// The sources of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sources {
    /// How its packages are made.
    pub format: Format,
    /// Those that are read in any case.
    pub first: Vec<Source>,
    /// Those that are read where something is not in the first.
    pub further: Vec<Source>,
}

/// A distribution with Debian's packages.
pub(super) struct Deb {
    pub id: &'static str,
    /// `VERSION_ID`, and the name of the suite.
    pub versions: &'static [(&'static str, &'static str)],
    /// The same of releases that are in archives alone: a place must be named for them.
    pub old: &'static [(&'static str, &'static str)],
    /// The name of each repository, its URL, the ends of its suites' names.
    repositories: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The same for architectures that have a place of their own.
    ports: Option<(&'static str, &'static str)>,
    further: &'static [&'static str],
    keys: Keys,
}

/// A distribution with RPM's packages.
pub(super) struct Rpm {
    pub id: &'static str,
    /// The releases: major versions alone where minor ones share their repositories.
    pub versions: &'static [&'static str],
    /// The repository's name for mirrors, and its URL.
    repository: (&'static str, &'static str),
    /// What stands below that URL; `$releasever` and `$basearch` as in dnf's files.
    paths: &'static [&'static str],
}

pub(super) const DEBS: [Deb; 2] = [
    Deb {
        id: "debian",
        versions: &[("11", "bullseye"), ("12", "bookworm"), ("13", "trixie"), ("14", "forky")],
        old: &[("9", "stretch"), ("10", "buster")],
        repositories: &[
            ("debian", "http://deb.debian.org/debian", &["", "-updates"]),
            ("debian-security", "http://deb.debian.org/debian-security", &["-security"]),
        ],
        ports: None,
        further: &[],
        keys: Keys::Debian,
    },
    Deb {
        id: "ubuntu",
        versions: &[
            ("20.04", "focal"),
            ("22.04", "jammy"),
            ("24.04", "noble"),
            ("26.04", "resolute"),
        ],
        old: &[("16.04", "xenial"), ("18.04", "bionic")],
        repositories: &[(
            "ubuntu",
            "http://archive.ubuntu.com/ubuntu",
            &["", "-updates", "-security"],
        )],
        ports: Some(("ubuntu-ports", "http://ports.ubuntu.com/ubuntu-ports")),
        further: &["universe"],
        keys: Keys::Ubuntu,
    },
];

/// From the distributions' own .repo files; no mirror of theirs was at hand when this was made.
pub(super) const RPMS: [Rpm; 6] = [
    Rpm {
        id: "rocky",
        versions: &["8", "9", "10"],
        repository: ("rocky", "https://dl.rockylinux.org/pub/rocky"),
        paths: &["$releasever/BaseOS/$basearch/os", "$releasever/AppStream/$basearch/os"],
    },
    Rpm {
        id: "almalinux",
        versions: &["8", "9", "10"],
        repository: ("almalinux", "https://repo.almalinux.org/almalinux"),
        paths: &["$releasever/BaseOS/$basearch/os", "$releasever/AppStream/$basearch/os"],
    },
    Rpm {
        id: "centos",
        versions: &["9", "10"],
        repository: ("centos", "https://mirror.stream.centos.org"),
        paths: &[
            "$releasever-stream/BaseOS/$basearch/os",
            "$releasever-stream/AppStream/$basearch/os",
        ],
    },
    Rpm {
        id: "fedora",
        versions: &["41", "42", "43", "44"],
        repository: ("fedora", "https://dl.fedoraproject.org/pub/fedora/linux"),
        paths: &[
            "releases/$releasever/Everything/$basearch/os",
            "updates/$releasever/Everything/$basearch",
        ],
    },
    Rpm {
        id: "opensuse-leap",
        versions: &["15.5", "15.6"],
        repository: ("opensuse", "https://download.opensuse.org"),
        paths: &[
            "distribution/leap/$releasever/repo/oss",
            "update/leap/$releasever/oss",
            "update/leap/$releasever/sle",
        ],
    },
    Rpm {
        id: "opensuse-leap",
        versions: &["16.0"],
        repository: ("opensuse", "https://download.opensuse.org"),
        paths: &["distribution/leap/$releasever/repo/oss/$basearch"],
    },
];

/// Distributions with RPM's packages whose mirrors are not for everyone, or not one for all.
pub(super) const RPM_ELSEWHERE: [&str; 9] = [
    "rhel",
    "sles",
    "ol",
    "amzn",
    "opensuse-tumbleweed",
    "openEuler",
    "anolis",
    "kylin",
    "sle-micro",
];

/// The sources of `target`. `has_folder`: without any, there are the user's own packages.
///
/// # Errors
/// The release is not known, and no mirror is named for it.
pub(super) fn sources(
    target: &Target,
    mirrors: &Mirrors,
    has_folder: bool,
) -> Result<Sources, Problem> {
    let release = target.release.to_string();
    let (id, version) = (target.release.distribution.as_str(), target.release.version.as_str());
    let own = mirrors.of(&release);
    if let Some(deb) = DEBS.iter().find(|deb| deb.id == id) {
        let old = deb.old.iter().filter(|_| !own.is_empty());
        let known = deb.versions.iter().chain(old).find(|(known, _)| *known == version);
        let (_, codename) = known.ok_or_else(|| unknown(target))?;
        return Ok(deb.sources(codename, target.architecture, &own, mirrors));
    }
    let rpm = RPMS.iter().find(|rpm| rpm.id == id && rpm.has(version));
    let known_id = rpm.is_some() || RPMS.iter().any(|rpm| rpm.id == id);
    let urls: Vec<String> = match rpm {
        _ if !own.is_empty() => own.iter().map(|url| (*url).to_owned()).collect(),
        Some(rpm) => rpm.urls(mirrors),
        None if has_folder && (known_id || RPM_ELSEWHERE.contains(&id)) => Vec::new(),
        None => return Err(unknown(target)),
    };
    // dnf's words, by which people know the places of their mirrors.
    let major = version.split('.').next().unwrap_or(version);
    let releasever = if id == "opensuse-leap" { version } else { major };
    let filled = |url: String| Source::Rpm {
        url: url.replace("$releasever", releasever).replace("$basearch", target.architecture.rpm()),
    };
    let first = urls.into_iter().map(filled).collect();
    Ok(Sources { format: Format::Rpm, first, further: Vec::new() })
}

impl Deb {
    fn sources(
        &self,
        codename: &str,
        architecture: Architecture,
        own: &[&str],
        mirrors: &Mirrors,
    ) -> Sources {
        let at = |url: &str, end: &str, component, optional| Source::Deb {
            url: url.trim_end_matches('/').to_owned(),
            suite: format!("{codename}{end}"),
            component,
            keys: self.keys,
            optional,
        };
        let is_main = matches!(architecture, Architecture::Amd64 | Architecture::I386);
        let ports = self.ports.filter(|_| !is_main);
        let of = |component| -> Vec<Source> {
            if !own.is_empty() {
                // One's own place holds the release, and its updates where they are there.
                let ends = ["", "-updates", "-security"];
                let urls = own.iter();
                return urls
                    .flat_map(|url| ends.map(|end| at(url, end, component, !end.is_empty())))
                    .collect();
            }
            let mut sources = Vec::new();
            for (name, url, ends) in self.repositories {
                let (name, url) = ports.unwrap_or((name, url));
                let given = mirrors.of(name);
                let urls = if given.is_empty() { vec![url] } else { given };
                for url in urls {
                    sources.extend(ends.iter().map(|end| at(url, end, component, false)));
                }
            }
            sources
        };
        Sources {
            format: Format::Deb,
            first: of("main"),
            further: self.further.iter().flat_map(|component| of(component)).collect(),
        }
    }
}

impl Rpm {
    fn has(&self, version: &str) -> bool {
        let major = version.split('.').next().unwrap_or(version);
        self.versions.iter().any(|known| *known == version || *known == major)
    }

    fn urls(&self, mirrors: &Mirrors) -> Vec<String> {
        let (name, url) = self.repository;
        let given = mirrors.of(name);
        let bases = if given.is_empty() { vec![url] } else { given };
        let below = |base: &&str| {
            let base = base.trim_end_matches('/').to_owned();
            self.paths.iter().map(move |path| format!("{base}/{path}"))
        };
        bases.iter().flat_map(below).collect()
    }
}

/// The names that a mirror may be given for, releases apart.
pub(super) fn repository_names() -> Vec<&'static str> {
    let debs = DEBS.iter().flat_map(|deb| deb.repositories.iter().map(|(name, ..)| *name));
    let ports = DEBS.iter().filter_map(|deb| deb.ports).map(|(name, _)| name);
    let mut names: Vec<&str> =
        debs.chain(ports).chain(RPMS.iter().map(|rpm| rpm.repository.0)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(release: &str, architecture: Architecture) -> Target {
        Target { release: release.parse().unwrap(), architecture }
    }

    fn urls(release: &str, architecture: Architecture, mirrors: &[&str]) -> Vec<String> {
        let mirrors: Vec<String> = mirrors.iter().map(|text| (*text).to_owned()).collect();
        let mirrors = Mirrors::parse(&mirrors, Some(&[release.parse().unwrap()])).unwrap();
        let found = sources(&target(release, architecture), &mirrors, false).unwrap();
        let shown = |source: &Source| match source {
            Source::Deb { url, suite, component, .. } => format!("{url} {suite} {component}"),
            Source::Rpm { url } => url.clone(),
        };
        found.first.iter().map(shown).collect()
    }

    #[test]
    fn releases_have_their_repositories() {
        assert_eq!(
            urls("debian-12", Architecture::Amd64, &[]),
            [
                "http://deb.debian.org/debian bookworm main",
                "http://deb.debian.org/debian bookworm-updates main",
                "http://deb.debian.org/debian-security bookworm-security main",
            ]
        );
        assert_eq!(
            urls("ubuntu-24.04", Architecture::Arm64, &[])[2],
            "http://ports.ubuntu.com/ubuntu-ports noble-security main"
        );
        assert_eq!(
            urls("rocky-9.4", Architecture::Arm64, &[])[1],
            "https://dl.rockylinux.org/pub/rocky/9/AppStream/aarch64/os"
        );
        assert_eq!(
            urls("opensuse-leap-15.6", Architecture::Amd64, &[])[0],
            "https://download.opensuse.org/distribution/leap/15.6/repo/oss"
        );
    }

    #[test]
    fn mirrors_take_their_place() {
        assert_eq!(
            urls("debian-12", Architecture::Amd64, &["debian=http://m.example/d/"]),
            [
                "http://m.example/d bookworm main",
                "http://m.example/d bookworm-updates main",
                "http://deb.debian.org/debian-security bookworm-security main",
            ]
        );
        assert_eq!(
            urls(
                "rhel-9",
                Architecture::Amd64,
                &[
                    "rhel-9=https://m.example/$releasever/$basearch/baseos",
                    "rhel-9=https://m.example/appstream"
                ]
            ),
            ["https://m.example/9/x86_64/baseos", "https://m.example/appstream"]
        );
        let own = urls("debian-12", Architecture::Amd64, &["debian-12=file:///srv/debian"]);
        assert_eq!(own.len(), 3, "{own:?}");
        let old = urls("debian-10", Architecture::Amd64, &["debian-10=file:///srv/debian"]);
        assert_eq!(old[0], "file:///srv/debian buster main");
        assert!(own.iter().all(|url| url.starts_with("file:///srv/debian bookworm")), "{own:?}");
    }

    #[test]
    fn unknown_releases_say_what_to_do() {
        for (release, hint) in [
            ("debian-9", "--mirror debian-9=URL; known are debian-11, debian-12"),
            ("rhel-9", "--mirror rhel-9=URL"),
            ("rocky-7", "known are rocky-8"),
            ("debain-12", "did you mean `debian-12`?"),
            ("Debian-12", "did you mean `debian-12`?"),
            ("Debian-7", "known are debian-11"),
            ("debian-7", "hint: known are debian-11"),
            ("plan9-4", "--mirror plan9-4=URL"),
        ] {
            let target = target(release, Architecture::Amd64);
            let problem = sources(&target, &Mirrors::default(), false).unwrap_err().to_string();
            assert!(problem.contains(hint), "{problem}");
        }
        let rhel = target("rhel-9", Architecture::Amd64);
        assert_eq!(sources(&rhel, &Mirrors::default(), true).unwrap().first, []);
    }
}
