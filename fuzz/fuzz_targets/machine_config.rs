//! MachineConfigs that somebody else wrote.
#![no_main]

use ezsync::cluster;
use ezsync::openshift::{Purpose, import, read};
use ezsync::yaml::{self, Node};
use ezsync_fuzz::{bounded, shown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Compressed contents become a thousand times as much, up to a limit.
    let limit = 8192 * text.len() + (1 << 24);
    let dumps = match bounded(limit, || read("there.yaml", text, Purpose::Import)) {
        Err(problem) => return shown(&problem, text.len()),
        Ok(dumps) => dumps,
    };
    for config in &dumps.configs {
        assert!(!config.name.is_empty() && !config.pool.is_empty(), "{config:?}");
        assert!(config.files.iter().all(|file| file.mode <= 0o777), "{config:?}");
    }
    let check = |settings: &serde_json::Map<_, _>| {
        cluster::check(settings.clone()).map_err(|problem| problem.message().to_owned())
    };
    let imported = bounded(limit, || import(&dumps, &check));
    // What is printed for config.yml is read as the same, and taken.
    for (_, settings) in &imported.files {
        assert_eq!(check(settings), Ok(()), "{settings:?}");
        let written = yaml::write(settings).expect("settings");
        let again: Node = yaml::parse("config.yml", &written).expect("settings that were written");
        assert_eq!(again.into_value(), serde_json::Value::Object(settings.clone()), "{written}");
    }
});
