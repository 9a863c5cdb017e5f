//! A pattern of hosts, as `--limit` takes it.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use ezsync::inventory::Inventory;
use ezsync_fuzz::{Folder, bounded, shown};
use libfuzzer_sys::fuzz_target;

const HOSTS: &str = "\
[web]
web[01:20].example
[db]
db[a:f] ansible_host=10.0.0.1
fe80::1
[prod:children]
web
db
[odd]
a-b_c
10.1.2.3
";

static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| {
    let folder = Folder::new();
    let file = folder.write("hosts.ini", HOSTS.as_bytes());
    Inventory::load(&[file.display().to_string()]).expect("an inventory")
});

fuzz_target!(|pattern: &str| {
    // This names a file of the user's, any of them.
    if pattern.contains('@') {
        return;
    }
    let inventory = &*INVENTORY;
    let chosen = match bounded(64 << 20, || inventory.select(pattern)) {
        Err(problem) => return shown(&problem, pattern.len()),
        Ok(chosen) => chosen,
    };
    let known: HashSet<&str> = inventory.hosts().collect();
    let different: HashSet<&str> = chosen.iter().map(String::as_str).collect();
    assert_eq!(different.len(), chosen.len(), "a host is chosen once");
    assert!(different.is_subset(&known), "only hosts of the inventory are chosen");
    // What is one pattern can be taken away, and cuts like itself.
    let one = !pattern.contains([',', ':', '!', '&']) && !pattern.contains(char::is_whitespace);
    if one && !pattern.is_empty() {
        let kept = inventory.select(&format!("{pattern},&{pattern}"));
        let rest = inventory.select(&format!("all,!{pattern}"));
        if let (Ok(kept), Ok(rest)) = (kept, rest) {
            let kept: HashSet<&str> = kept.iter().map(String::as_str).collect();
            assert!(kept.is_subset(&different), "{kept:?} of {different:?}");
            assert!(rest.iter().all(|host| !kept.contains(host.as_str())));
        }
    }
});
