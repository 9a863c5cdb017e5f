//! Who gets a lock, and what others are told.

use std::os::unix::fs::MetadataExt;
use std::process;

use jiff::Timestamp;

use super::*;

/// Takes the lock of a whole cluster.
fn take(folder: &Path, owner: &Owner, broken: bool) -> Result<(Lock, Option<String>), Problem> {
    let (lock, left) = whole(folder, owner, broken)?;
    assert!(left.len() < 2, "{left:?}");
    Ok((lock, left.into_iter().next()))
}

/// Takes the lock of a shard.
fn take_part(folder: &Path, name: &str, owner: &Owner, broken: bool) -> Result<Taken, Problem> {
    let own = folder.join("shards").join(name);
    fs::create_dir_all(&own).unwrap();
    let owner = Owner { command: format!("{} --shard {name}", owner.command), ..owner.clone() };
    part(folder, &own, &owner, broken)
}

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
        (false, "a", "the cluster is being changed by ops@a (ezsync setup c1, process 4711, since"),
        // Who lives is not broken.
        (true, "a", "the cluster is being changed by ops@a (ezsync setup c1, process 4711, since"),
        (false, "b", "the cluster's lock is held by ops@a (ezsync setup c1, process 4711, since"),
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

#[test]
fn shards_run_side_by_side_and_keep_the_whole_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let here = Owner { pid: process::id(), ..owner("a") };
    let (one, left) = take_part(folder, "1-of-2", &here, false).unwrap();
    let (two, more) = take_part(folder, "2-of-2", &here, false).unwrap();
    assert!(left.is_empty() && more.is_empty(), "{left:?} {more:?}");
    // The same shard twice, and all of the cluster; who lives is not broken.
    for broken in [false, true] {
        let problem = take_part(folder, "1-of-2", &here, broken).unwrap_err();
        let words = "is being changed by ops@a (ezsync setup c1 --shard 1-of-2, process";
        assert!(problem.message().contains(words), "{problem}");
        let problem = take(folder, &here, broken).unwrap_err();
        assert!(problem.message().contains("(ezsync setup c1 --shard "), "{problem}");
        assert!(problem.advice().unwrap().contains(&format!("`kill {}`", here.pid)), "{problem}");
    }
    drop(one);
    assert!(take(folder, &here, false).is_err());
    drop(two);
    let (whole, left) = take(folder, &here, false).unwrap();
    assert_eq!(left, None);
    let problem = take_part(folder, "1-of-2", &here, false).unwrap_err();
    assert!(problem.message().contains("(ezsync setup c1, process"), "{problem}");
    drop(whole);
    assert!(take_part(folder, "1-of-2", &here, false).is_ok());
}

#[test]
fn what_shards_left_behind_is_taken_over_here_and_broken_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let own = folder.join("shards/2-of-2");
    fs::create_dir_all(&own).unwrap();
    let leave = |machine: &str| fs::write(own.join(FILE), owner(machine).text()).unwrap();
    leave("a");
    let left = take(folder, &owner("a"), false).unwrap().1.unwrap();
    assert!(left.ends_with("it is taken over"), "{left}");
    // Of another machine, whose locks this one does not see.
    leave("b");
    let problem = take(folder, &owner("a"), false).unwrap_err();
    assert!(problem.message().contains("is held by ops@b"), "{problem}");
    // Other shards are none of its business.
    assert!(take_part(folder, "1-of-2", &owner("a"), false).is_ok());
    let left = take(folder, &owner("a"), true).unwrap().1.unwrap();
    assert!(left.ends_with("was broken"), "{left}");
    assert!(take(folder, &owner("a"), false).is_ok());
    // All of the cluster, in which a shard would be changed as well.
    fs::write(folder.join(FILE), owner("b").text()).unwrap();
    assert!(take_part(folder, "1-of-2", &owner("a"), false).is_err());
    let (_part, left) = take_part(folder, "1-of-2", &owner("a"), true).unwrap();
    assert!(matches!(left.as_slice(), [left] if left.ends_with("was broken")), "{left:?}");
    assert!(take_part(folder, "2-of-2", &owner("a"), false).unwrap().1.is_empty());
}

/// Where a file system tells of the locks of other machines, and keeps them when these are gone.
#[test]
fn shards_of_another_machine_that_seem_to_run_can_be_broken() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_elsewhere, _) = take_part(folder, "1-of-2", &owner("b"), false).unwrap();
    let problem = take(folder, &owner("a"), false).unwrap_err();
    assert!(problem.message().contains("is held by ops@b"), "{problem}");
    assert!(take(folder, &owner("a"), true).is_ok());
}
