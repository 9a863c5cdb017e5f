//! The lock of a cluster on this controller: one run at a time changes its hosts, or one of each shard.
//!
//! It is a file in the cluster's state folder that is locked while a run goes on, and empty when none does. The
//! operating system lets go of it with the process, however that ends. Runs of shards share the cluster's, and
//! each has its shard's own to itself: that one stands in the shard's folder.

mod owner;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use owner::Owner;

use super::say;
use crate::problem::Problem;
use crate::report::{own_folder, shards, state_folder};
use crate::shard::Shard;

/// The file in the state folder of the cluster, or of a shard.
const FILE: &str = "lock";

/// More than this is none of ours (bytes).
const MAX: u64 = 4096;

/// How often the file is opened anew when it was replaced meanwhile: once for each run that breaks it.
const TRIES: usize = 10;

/// Why the lock cannot be had. It is a [`Problem`] in its words, and no mistake in what the user wrote.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoLock(#[from] Problem);

impl NoLock {
    /// What it says.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

/// The lock, held. It is let go when this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// The one that this run has to itself.
    own: File,
    /// The cluster's, which shards share.
    _shared: Option<File>,
}

impl Lock {
    /// Takes the lock of `cluster`, or of a `shard` of it, for `command` (`setup`, `rollback`), and says what it
    /// found of one that was left behind. `break_lock`: a holder that may be gone is taken for gone.
    ///
    /// # Errors
    /// With the owner and its age when another run holds it.
    pub fn take(
        cluster: &str,
        shard: Option<Shard>,
        command: &str,
        break_lock: bool,
    ) -> Result<Self, NoLock> {
        let none = |error: io::Error| Problem::new(format!("no lock can be taken: {error}"));
        let state = state_folder().map_err(none)?;
        let folder = own_folder(&state, cluster, None).map_err(none)?;
        let words = format!("ezsync {command} {cluster}");
        let (lock, left) = match shard {
            None => whole(&folder, &Owner::here(words), break_lock)?,
            Some(shard) => {
                let own = own_folder(&state, cluster, Some(shard)).map_err(none)?;
                let owner = Owner::here(format!("{words} --shard {shard}"));
                part(&folder, &own, &owner, break_lock)?
            }
        };
        for left in left {
            say(&format!("warning: {left}"));
        }
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Emptied, not removed: who has opened it meanwhile would hold the lock of a file that nobody finds.
        let _ = self.own.set_len(0);
    }
}

/// A lock with a word on each that was left behind.
type Taken = (Lock, Vec<String>);

/// The lock of the cluster in `folder`, for a run of all of it.
fn whole(folder: &Path, owner: &Owner, broken: bool) -> Result<Taken, Problem> {
    let (own, left) = take(folder, Hold::Alone, owner, broken)?;
    let mut left = Vec::from_iter(left);
    // Who runs a shard on this machine shares the cluster's lock. Some file systems know nothing of other machines.
    for shard in shards(folder) {
        let (own, found) = take(&shard, Hold::Alone, owner, broken)?;
        drop(Lock { own, _shared: None });
        left.extend(found);
    }
    Ok((Lock { own, _shared: None }, left))
}

/// The lock of a shard in the folder `own`, of the cluster in `folder`.
fn part(folder: &Path, own: &Path, owner: &Owner, broken: bool) -> Result<Taken, Problem> {
    let (shared, left) = take(folder, Hold::Shared, owner, broken)?;
    let (own, more) = take(own, Hold::Alone, owner, broken)?;
    let left = left.into_iter().chain(more).collect();
    Ok((Lock { own, _shared: Some(shared) }, left))
}

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// By one process, whose name then stands in it.
    Alone,
    /// By several, whose names stand elsewhere.
    Shared,
}

/// Locks the file in `folder`; with it comes a word on a run that has left it behind.
fn take(
    folder: &Path,
    hold: Hold,
    owner: &Owner,
    broken: bool,
) -> Result<(File, Option<String>), Problem> {
    let path = folder.join(FILE);
    let shown = path.display();
    let failed = |error: io::Error| Problem::new(format!("no lock can be taken: {shown}: {error}"));
    for _ in 0..TRIES {
        let mut file = open(&path).map_err(failed)?;
        let holder = read(&mut file).map_err(failed)?;
        let locked = match hold {
            Hold::Alone => file.try_lock(),
            Hold::Shared => file.try_lock_shared(),
        };
        let is_free = match locked {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        // Read again: until the lock was ours another may have come and gone.
        let holder = match is_free {
            true => read(&mut file).map_err(failed)?,
            false => holder.or_else(|| holder_of_a_shard(folder, owner)),
        };
        if is_free && !is_at(&file, &path) {
            continue;
        }
        let left = match holder {
            None if is_free => None,
            // The operating system knows of this machine's processes who is gone.
            Some(holder) if is_free && holder.machine == owner.machine => Some(format!(
                "{} has ended without letting go of the cluster's lock: it is taken over",
                holder.words()
            )),
            Some(holder) if broken && holder.machine != owner.machine => {
                // One on another machine that is alive after all keeps the file that it has.
                if !is_free {
                    fs::remove_file(&path).map_err(failed)?;
                    continue;
                }
                Some(format!("the cluster's lock of {} was broken", holder.words()))
            }
            holder => return Err(refused(holder, owner)),
        };
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        if hold == Hold::Alone {
            file.write_all(owner.text().as_bytes()).map_err(failed)?;
        }
        return Ok((file, left));
    }
    Err(failed(io::ErrorKind::ResourceBusy.into()))
}

/// Who runs a shard of the cluster in `folder`: those that share a lock do not stand in its file. One that runs
/// for certain goes before one that may have been left behind.
fn holder_of_a_shard(folder: &Path, owner: &Owner) -> Option<Owner> {
    let holder = |shard: PathBuf| read(&mut File::open(shard.join(FILE)).ok()?).ok()?;
    let holders = shards(folder).into_iter().filter_map(holder);
    holders.max_by_key(|holder| (holder.runs_on(&owner.machine), holder.since))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read(file: &mut File) -> io::Result<Option<Owner>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MAX).read_to_end(&mut bytes)?;
    Ok(Owner::of(&String::from_utf8_lossy(&bytes)))
}

/// Whether `file` is still the one at `path`: else somebody has broken the lock.
fn is_at(file: &File, path: &Path) -> bool {
    let of = |found: fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => of(ours) == of(there),
        _ => false,
    }
}

fn refused(holder: Option<Owner>, owner: &Owner) -> Problem {
    // One that has just begun has not written yet who it is.
    let Some(holder) = holder else {
        return Problem::new("the cluster is being changed by another run that has just begun")
            .hint("wait until it has ended");
    };
    let problem = |what: &str| Problem::new(format!("{what} {}", holder.words()));
    if holder.machine == owner.machine {
        let hint = format!(
            "wait until it has ended, or end it in order with `kill {}`: hosts that are being changed finish or undo",
            holder.pid
        );
        return problem("the cluster is being changed by").hint(hint);
    }
    let hint = "it ran on another machine that has the same home: if it is gone, run again with --break-lock";
    problem("the cluster's lock is held by").hint(hint)
}
