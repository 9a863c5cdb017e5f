//! Keeps the result of each run as a file on the controller.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::Run;
use crate::shard::Shard;

/// How many runs of a cluster are kept, of each mode: looks must not push out what was changed.
const KEPT: usize = 50;

/// Where ezsync keeps its state: `$XDG_STATE_HOME/ezsync`, or `~/.local/state/ezsync`.
///
/// # Errors
/// The user has no home folder.
pub fn state_folder() -> Result<PathBuf> {
    let strategy = etcetera::base_strategy::Xdg::new().map_err(Error::other)?;
    let folder = strategy.state_dir().ok_or_else(|| Error::from(ErrorKind::NotFound))?;
    Ok(folder.join("ezsync"))
}

/// The folder below a cluster's for those of its shards.
const SHARDS: &str = "shards";

/// Writes `run` to `state/CLUSTER/2026-11-21T03-42-06.123Z.setup.json` and removes all but the newest
/// 50 runs of the cluster of the same mode; that of a shard to the shard's own folder, in the same way. Gives the
/// file's path. Only the user can read it.
///
/// # Errors
/// The folder cannot be made or the file not be written. A run that is too old and cannot be
/// removed is none.
pub fn archive(run: &Run, state: &Path) -> Result<PathBuf> {
    let folder = own_folder(state, &run.cluster, run.shard)?;
    // Colons are no good in file names; so written, names sort by time.
    let time = run.started.strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
    let mode = run.mode.name();
    let name = format!("{time}.{mode}.json");
    let path = folder.join(&name);
    // It is written aside and renamed: who reads the folder never sees half a file.
    let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(&folder)?;
    run.write_json(&mut file)?;
    file.persist(&path)?;
    prune(&folder, mode)?;
    Ok(path)
}

/// The folder of `cluster` below `state`, which is the user's alone, or that of a `shard` of it.
///
/// # Errors
/// It cannot be made, or belongs to somebody else.
pub fn own_folder(state: &Path, cluster: &str, shard: Option<Shard>) -> Result<PathBuf> {
    let whole = private(folder(state, cluster, None))?;
    if shard.is_some() { private(folder(state, cluster, shard)) } else { Ok(whole) }
}

/// Where the state of `cluster` is, or that of a `shard` of it.
pub(super) fn folder(state: &Path, cluster: &str, shard: Option<Shard>) -> PathBuf {
    let folder = state.join(cluster);
    shard.map_or(folder.clone(), |shard| folder.join(SHARDS).join(shard.file_name()))
}

/// The folders of the shards that a cluster had, in its own `folder`.
#[must_use]
pub fn shards(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder.join(SHARDS)).into_iter().flatten().flatten();
    found.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn private(folder: PathBuf) -> Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // One that was made by hand, or by a copy of it, may be open to all.
    if fs::metadata(&folder)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    }
    Ok(folder)
}

/// A kept run.
pub(super) struct Kept {
    pub path: PathBuf,
    /// As its name says; older versions did not.
    pub mode: Option<String>,
}

/// The runs in `folder`, the oldest first.
pub(super) fn kept(folder: &Path) -> Result<Vec<Kept>> {
    let mut runs: Vec<Kept> =
        fs::read_dir(folder)?.flatten().filter_map(|entry| of(&entry.path())).collect();
    runs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(runs)
}

/// Those without a mode in their name are older than all others, and go with any.
fn prune(folder: &Path, mode: &str) -> Result<()> {
    let runs = kept(folder)?;
    let alike = runs.iter().filter(|run| run.mode.as_deref().is_none_or(|known| known == mode));
    for old in alike.rev().skip(KEPT) {
        let _ = fs::remove_file(&old.path);
    }
    Ok(())
}

/// The kept run at `path`; none where it is no file of ours: others in the folder stay.
fn of(path: &Path) -> Option<Kept> {
    let (time, rest) = path.file_name()?.to_str()?.split_once('Z')?;
    jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S%.3f", time).ok()?;
    let mode = match rest.strip_suffix(".json")? {
        "" => None,
        mode => Some(mode.strip_prefix('.')?.to_owned()),
    };
    Some(Kept { path: path.to_owned(), mode })
}
