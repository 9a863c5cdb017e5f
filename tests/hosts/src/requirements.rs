//! What this machine must have to bring hosts up, and how to get what it lacks.

use std::fmt;
use std::path::Path;

use crate::cgroup;

/// Program or file, and the Debian package that brings it.
const TOOLS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("busybox", "busybox"),
    ("apt-ftparchive", "apt-utils"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("tar", "tar"),
    // For hosts with a clock of their own.
    ("linux.uml", "user-mode-linux"),
    ("mke2fs", "e2fsprogs"),
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
];

/// Something that this machine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The process does not run as root.
    Root,
    /// There is no cgroup v2 tree below `/sys/fs/cgroup`.
    Cgroup2,
    /// A program or file that is not there, and the Debian package that brings it.
    Tool {
        /// Program name or absolute path.
        name: &'static str,
        /// Debian package.
        package: &'static str,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => write!(f, "root rights"),
            Self::Cgroup2 => write!(f, "a cgroup v2 tree below /sys/fs/cgroup"),
            Self::Tool { name, .. } => write!(f, "{name}"),
        }
    }
}

/// All that this machine lacks to bring hosts up; empty when it can.
#[must_use]
pub fn requirements() -> Vec<Missing> {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push(Missing::Root);
    }
    if cgroup::tree().is_none() {
        missing.push(Missing::Cgroup2);
    }
    let tools = TOOLS.iter().filter(|(name, _)| !is_there(name));
    missing.extend(tools.map(|&(name, package)| Missing::Tool { name, package }));
    missing
}

/// Why hosts cannot be brought up here and what to do about it; `None` when they can.
/// Tests print it and skip.
#[must_use]
pub fn unavailable() -> Option<String> {
    explain(&requirements())
}

fn explain(missing: &[Missing]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let mut text = format!("test hosts need {}", names.join(", "));
    let mut packages: Vec<_> = missing
        .iter()
        .filter_map(|missing| match missing {
            Missing::Tool { package, .. } => Some(*package),
            _ => None,
        })
        .collect();
    packages.dedup();
    if !packages.is_empty() {
        text.push_str("; get them: apt-get install ");
        text.push_str(&packages.join(" "));
    }
    Some(text)
}

fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(name).is_absolute() && Path::new(name).exists()
        || std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_is_missing_and_how_to_get_it() {
        let missing = [
            Missing::Root,
            Missing::Tool { name: "ssh", package: "openssh-client" },
            Missing::Tool { name: "ssh-keygen", package: "openssh-client" },
        ];
        assert_eq!(
            explain(&missing).as_deref(),
            Some(
                "test hosts need root rights, ssh, ssh-keygen; \
                 get them: apt-get install openssh-client"
            )
        );
        assert_eq!(explain(&[]), None);
    }

    #[test]
    fn programs_are_looked_up_in_path_and_files_by_name() {
        assert!(is_there("sh"));
        assert!(is_there("/bin/sh"));
        assert!(!is_there("no-such-program"));
        assert!(!is_there("/no/such/file"));
    }
}
