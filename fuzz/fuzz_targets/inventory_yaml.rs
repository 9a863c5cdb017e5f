//! An inventory in YAML.
#![no_main]

use std::sync::LazyLock;

use ezsync_fuzz::{Folder, inventory};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);

fuzz_target!(|bytes: &[u8]| inventory::check(&FOLDER, "hosts.yml", bytes));
