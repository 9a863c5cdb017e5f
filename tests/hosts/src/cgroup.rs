//! A cgroup of its own for each lab and each host: what is in it, and only that, is ours to end.
//!
//! Without one each, hosts would share the cgroups of the process that boots them, and one host's
//! systemd would meet the services of another.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::run;

/// The folder below a cgroup tree that holds all labs.
const ALL_LABS: &str = "ezsync-hosts";

/// One cgroup of the unified hierarchy.
#[derive(Debug, Clone)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The cgroup of a lab; [`Cgroup::create`] makes it.
    pub fn of_lab(lab: &str) -> Result<Self> {
        let tree = tree().context("this machine has no cgroup v2 tree below /sys/fs/cgroup")?;
        Ok(Self(tree.join(ALL_LABS).join(lab)))
    }

    /// A cgroup below this one.
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, and those above it.
    pub fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.0).with_context(|| format!("cannot make {}", self.0.display()))
    }

    /// Ends every process in it and below it, and waits until they are gone.
    pub fn kill(&self) -> Result<()> {
        if !self.0.exists() {
            return Ok(());
        }
        run::wait_for("end of all processes of a lab", Duration::from_secs(20), || {
            if !self.populated() {
                return Ok(Some(()));
            }
            // One word to the kernel (since Linux 5.14) or one signal a process.
            if fs::write(self.0.join("cgroup.kill"), "1").is_err() {
                for pid in self.processes() {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            Ok(None)
        })
    }

    /// Removes it and those below it, here and where systemd-nspawn mirrored it; it must be empty.
    pub fn remove(&self) {
        let mirror = tree().and_then(|tree| {
            let below = self.0.strip_prefix(&tree).ok()?;
            Some(tree.parent()?.join("systemd").join(below))
        });
        for folder in std::iter::once(self.0.clone()).chain(mirror) {
            remove_folders(&folder);
            // The folder of all labs goes with the last of them; else this fails, rightly.
            if let Some(parent) = folder.parent() {
                let _ = fs::remove_dir(parent);
            }
        }
    }

    fn populated(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    fn processes(&self) -> Vec<Pid> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            let pids = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(pids.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
            folders.extend(folders_in(&folder));
        }
        found
    }
}

/// Where the cgroup v2 tree is mounted: alone, or beside the old hierarchies.
pub fn tree() -> Option<PathBuf> {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .map(PathBuf::from)
        .into_iter()
        .find(|tree| tree.join("cgroup.controllers").exists())
}

fn remove_folders(folder: &Path) {
    for below in folders_in(folder) {
        remove_folders(&below);
    }
    let _ = fs::remove_dir(folder);
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
