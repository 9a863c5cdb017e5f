//! A file of ssh_config, asked about two hosts; its first line is also read as options of `ssh`.
#![no_main]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use ezsync::ssh::config::{Config, Local, Overrides};
use ezsync_fuzz::{Folder, bounded, shown};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    // Other files are files of the machine that this runs on.
    if text.to_ascii_lowercase().contains("include") {
        return;
    }
    let first = text.lines().next().unwrap_or_default();
    let overrides = match bounded(64 << 20, || Overrides::from_args(first)) {
        Ok(overrides) => overrides,
        Err(problem) => {
            shown(&problem, bytes.len());
            Overrides::default()
        }
    };
    let file = FOLDER.write("config", bytes);
    let local = Local {
        user: "me".to_owned(),
        home: PathBuf::from("/nowhere/me"),
        uid: 1000,
        host: "desk.example".to_owned(),
        env: HashMap::from([("HOME".to_owned(), "/nowhere/me".to_owned())]),
    };
    let config = match bounded(64 << 20, || Config::read_only(local, &file)) {
        Ok(config) => config,
        Err(problem) => return shown(&problem, bytes.len()),
    };
    for host in ["web1.example", "10.0.0.1"] {
        for overrides in [&overrides, &Overrides::default()] {
            match bounded(64 << 20, || config.resolve(host, overrides)) {
                Err(problem) => shown(&problem, bytes.len()),
                Ok(resolved) => {
                    resolved.warnings.iter().for_each(|warning| shown(warning, bytes.len()));
                    assert!(resolved.port != 0);
                    assert!(!resolved.host.chars().any(char::is_control), "{:?}", resolved.host);
                    // The same question has the same answer.
                    assert_eq!(config.resolve(host, overrides).ok().as_ref(), Some(&resolved));
                }
            }
        }
    }
});
