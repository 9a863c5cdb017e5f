//! The lock of a cluster on this controller: one run at a time changes its hosts.
//!
//! It is a file in the cluster's state folder that is locked while a run goes on, and empty when none does. The
//! operating system lets go of it with the process, however that ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process;

use jiff::Timestamp;

use super::operator::operator;
use crate::length;
use crate::problem::Problem;
use crate::report::{own_folder, state_folder};
use crate::sanitise::sanitise;

/// The file in the cluster's state folder.
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
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of `cluster` for `command` (`setup`, `rollback`), and says what it found of one that was
    /// left behind. `break_lock`: a holder that may be gone is taken for gone.
    ///
    /// # Errors
    /// With the owner and its age when another run holds it.
    pub fn take(cluster: &str, command: &str, break_lock: bool) -> Result<Self, NoLock> {
        let none = |error: io::Error| Problem::new(format!("no lock can be taken: {error}"));
        let folder = state_folder().and_then(|state| own_folder(&state, cluster)).map_err(none)?;
        let owner = Owner::here(format!("ezsync {command} {cluster}"));
        let (lock, left) = take(&folder, &owner, break_lock)?;
        if let Some(left) = left {
            eprintln!("warning: {left}");
        }
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Emptied, not removed: who has opened it meanwhile would hold the lock of a file that nobody finds.
        let _ = self.0.set_len(0);
    }
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    /// `user@host`.
    by: String,
    /// The machine, also where others have its name.
    machine: String,
    pid: u32,
    since: Timestamp,
    command: String,
}

impl Owner {
    fn here(command: String) -> Self {
        let by = operator();
        // Homes may be shared, and names of machines are not always their own.
        let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let machine = match id.trim() {
            "" => by.rsplit('@').next().unwrap_or_default().to_owned(),
            id => id.to_owned(),
        };
        Self { by, machine, pid: process::id(), since: Timestamp::now(), command }
    }

    fn text(&self) -> String {
        let Self { by, machine, pid, since, command } = self;
        format!("by\t{by}\nmachine\t{machine}\npid\t{pid}\nsince\t{since}\ncommand\t{command}\n")
    }

    /// The owner in a lock's text; what is not as it should be is left open.
    fn of(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
            line.unwrap_or_default().to_owned()
        };
        let (by, machine, command) = (field("by"), field("machine"), field("command"));
        let since = field("since").parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let pid = field("pid").parse().unwrap_or_default();
        (!text.is_empty()).then_some(Self { by, machine, pid, since, command })
    }

    /// `root@ctl (ezsync setup c1, process 4711, since 3 min 12 s)`.
    fn words(&self) -> String {
        let age = Timestamp::now().duration_since(self.since).as_secs_f64();
        let age = if self.since == Timestamp::UNIX_EPOCH {
            "?".into()
        } else {
            length::rough(age.max(0.0))
        };
        let by = if self.by.is_empty() { "somebody" } else { &self.by };
        sanitise(&format!("{by} ({}, process {}, since {age})", self.command, self.pid))
            .into_owned()
    }
}

/// Takes the lock in `folder`; with it comes a word on one that was left behind.
fn take(folder: &Path, owner: &Owner, broken: bool) -> Result<(Lock, Option<String>), Problem> {
    let path = folder.join(FILE);
    let shown = path.display();
    let failed = |error: io::Error| Problem::new(format!("no lock can be taken: {shown}: {error}"));
    for _ in 0..TRIES {
        let mut file = open(&path).map_err(failed)?;
        let holder = read(&mut file).map_err(failed)?;
        let is_free = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        // Read again: until the lock was ours another may have come and gone.
        let holder = if is_free { read(&mut file).map_err(failed)? } else { holder };
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
        file.write_all(owner.text().as_bytes()).map_err(failed)?;
        return Ok((Lock(file), left));
    }
    Err(failed(io::ErrorKind::ResourceBusy.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(machine: &str) -> Owner {
        Owner {
            by: format!("ops@{machine}"),
            machine: machine.to_owned(),
            pid: 4711,
            since: Timestamp::now(),
            command: "ezsync setup c1".to_owned(),
        }
    }

    #[test]
    fn the_second_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (first, left) = take(folder.path(), &owner("a"), false).unwrap();
        assert_eq!(left, None);
        for (broken, machine, expected) in [
            (
                false,
                "a",
                "the cluster is being changed by ops@a (ezsync setup c1, process 4711, since",
            ),
            // Who lives is not broken.
            (
                true,
                "a",
                "the cluster is being changed by ops@a (ezsync setup c1, process 4711, since",
            ),
            (
                false,
                "b",
                "the cluster's lock is held by ops@a (ezsync setup c1, process 4711, since",
            ),
        ] {
            let problem = take(folder.path(), &owner(machine), broken).unwrap_err();
            assert!(problem.message().starts_with(expected), "{problem}");
        }
        drop(first);
        assert_eq!(take(folder.path(), &owner("b"), false).unwrap().1, None);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn one_that_was_left_is_taken_over_here_and_broken_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, owner("a").text()).unwrap();
        let left = take(folder.path(), &owner("a"), false).unwrap().1.unwrap();
        assert!(left.contains("ops@a") && left.ends_with("it is taken over"), "{left}");

        fs::write(&path, owner("a").text()).unwrap();
        let problem = take(folder.path(), &owner("b"), false).unwrap_err();
        assert!(problem.advice().unwrap().ends_with("run again with --break-lock"), "{problem}");
        let left = take(folder.path(), &owner("b"), true).unwrap().1.unwrap();
        assert!(left.contains("ops@a") && left.ends_with("was broken"), "{left}");
    }

    /// Some file systems tell of the locks of other machines, and keep them when these are gone.
    #[test]
    fn a_lock_that_another_machine_seems_to_hold_can_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, _) = take(folder.path(), &owner("a"), false).unwrap();
        let (here, _) = take(folder.path(), &owner("b"), true).unwrap();
        // What it lets go of is not ours.
        drop(elsewhere);
        let problem = take(folder.path(), &owner("c"), false).unwrap_err();
        assert!(problem.message().contains("ops@b"), "{problem}");
        drop(here);
        assert!(take(folder.path(), &owner("c"), false).is_ok());
    }

    #[test]
    fn what_is_no_lock_is_treated_as_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"\xff\x1b[2Jnonsense").unwrap();
        let problem = take(folder.path(), &owner("a"), false).unwrap_err();
        assert!(problem.message().contains("somebody (, process 0, since ?)"), "{problem}");
        assert!(take(folder.path(), &owner("a"), true).is_ok());
    }
}
