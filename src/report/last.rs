//! How hosts ended in the runs that are kept: read with tolerance, for files are damaged and older versions wrote
//! less.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Result};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::archive::{folder, kept};
use crate::shard::Shard;

/// How a host's last kept run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its name in the inventory.
    pub host: String,
    /// When that run began.
    pub started: Timestamp,
    /// `ok`, `failed`, `held back`, `unreachable` or `interrupted`, as that run had it.
    pub state: String,
    /// What was wrong, as it was told.
    pub what: String,
}

/// What is needed of a kept run; all else in it is left aside.
#[derive(Deserialize)]
struct Kept {
    mode: String,
    started: Timestamp,
    hosts: Vec<KeptHost>,
}

#[derive(Deserialize)]
struct KeptHost {
    host: String,
    outcome: KeptOutcome,
}

#[derive(Deserialize)]
struct KeptOutcome {
    state: String,
    trouble: Option<KeptTrouble>,
}

#[derive(Deserialize)]
struct KeptTrouble {
    #[serde(default)]
    what: String,
    #[serde(default)]
    held_back: bool,
}

/// How each of `hosts` ended in the last run of `mode` that it was part of, as far as runs of `cluster` are kept
/// below `state`, or of a `shard` of it; and a word on each file that cannot be read. A run of some hosts says
/// nothing of the others.
///
/// # Errors
/// The folder cannot be read. That there is none is no error: nothing is kept.
pub fn last(
    state: &Path,
    cluster: &str,
    shard: Option<Shard>,
    mode: &str,
    hosts: &BTreeSet<&str>,
) -> Result<(Vec<Last>, Vec<String>)> {
    let mut runs = match kept(&folder(state, cluster, shard)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        runs => runs?,
    };
    let (mut found, mut complaints): (Vec<Last>, Vec<String>) = Default::default();
    let mut open = hosts.clone();
    while let Some(file) = runs.pop().filter(|_| !open.is_empty()) {
        if file.mode.is_some_and(|known| known != mode) {
            continue;
        }
        let path = file.path;
        let run = match read(&path) {
            Ok(run) => run,
            Err(error) => {
                let name = path.file_name().unwrap_or_default().display();
                complaints.push(format!("the result {name} cannot be read: {error}"));
                continue;
            }
        };
        if run.mode != mode {
            continue;
        }
        for KeptHost { host, outcome } in run.hosts {
            if !open.remove(host.as_str()) {
                continue;
            }
            let trouble =
                outcome.trouble.unwrap_or(KeptTrouble { what: String::new(), held_back: false });
            let state = if trouble.held_back { "held back".to_owned() } else { outcome.state };
            found.push(Last { host, started: run.started, state, what: trouble.what });
        }
    }
    Ok((found, complaints))
}

fn read(path: &Path) -> Result<Kept> {
    let file = File::open(path)?;
    Ok(serde_json::from_reader(BufReader::new(file))?)
}
