//! Labs as things on this machine that can outlive the process that made them.
//!
//! A lab's name gives all that belongs to it: its folder in the cache, its cgroup and its network
//! namespace. Its owner holds a lock on a file in the folder, and the kernel lets go of that lock
//! when the owner ends, however it ends: a lab whose lock is free is a leftover.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::cgroup::Cgroup;
use crate::image::open_lock;
use crate::network::Network;

/// The file in a lab's folder that its owner holds locked.
const OWNER: &str = "owner";

static COUNT: AtomicU32 = AtomicU32::new(1);

/// A lab's name and folder, held by this process.
#[derive(Debug)]
pub struct Claim {
    pub name: String,
    pub folder: PathBuf,
    _owner: File,
}

/// Takes a name that no lab on this machine has, and makes its folder.
pub fn claim() -> Result<Claim> {
    let labs = labs()?;
    let _guard = guard(&labs)?;
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ezs-{}-{count}", std::process::id());
        let folder = labs.join(&name);
        // A dead process with the same number may have left a lab in another cache.
        if folder.exists() || Network::named(&name).path().exists() {
            continue;
        }
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let owner = open_lock(&folder.join(OWNER))?;
        owner.lock()?;
        return Ok(Claim { name, folder, _owner: owner });
    }
}

/// Ends all that belongs to a lab and removes it.
pub fn remove(name: &str, folder: &Path) -> Result<()> {
    let cgroup = Cgroup::of_lab(name)?;
    cgroup.kill()?;
    Network::named(name).remove()?;
    cgroup.remove();
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Removes the labs whose owner is dead and gives their names. Others are left alone.
///
/// # Errors
/// When the cache cannot be read or a lab cannot be removed.
pub fn clean() -> Result<Vec<String>> {
    let labs = labs()?;
    let _guard = guard(&labs)?;
    let mut removed = Vec::new();
    for entry in fs::read_dir(&labs)?.flatten() {
        let folder = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !folder.is_dir() || !name.starts_with("ezs-") {
            continue;
        }
        let owner = open_lock(&folder.join(OWNER))?;
        if owner.try_lock().is_ok() {
            remove(&name, &folder).with_context(|| format!("cannot remove the lab {name}"))?;
            removed.push(name);
        }
    }
    Ok(removed)
}

fn labs() -> Result<PathBuf> {
    let labs = crate::cache().join("labs");
    fs::create_dir_all(&labs).with_context(|| format!("cannot make {}", labs.display()))?;
    Ok(labs)
}

/// Held while a lab is claimed or leftovers are looked for: a folder without a lock is then never a
/// lab that is just being made.
fn guard(labs: &Path) -> Result<File> {
    let guard = open_lock(&labs.join("lock"))?;
    guard.lock().context("cannot lock the folder of labs")?;
    Ok(guard)
}
