//! What any inventory must hold to, whatever its form.

use ezsync::inventory::{Connection, Inventory};
use serde_json::{Map, Value};

use crate::{Folder, bounded, safe, shown};

/// Reads `bytes` as the inventory file `name` in `folder`, and asks for all that it says.
///
/// # Panics
/// With a finding.
pub fn check(folder: &Folder, name: &str, bytes: &[u8]) {
    let file = folder.write(name, bytes);
    let source = file.display().to_string();
    // Ranges stand for many hosts: a line of a hundred bytes may mean a hundred thousand.
    let loaded = bounded(1 << 30, || Inventory::load(&[source.as_str()]));
    let inventory = match loaded {
        Err(problem) => return shown(&problem, bytes.len()),
        Ok(inventory) => inventory,
    };
    for warning in inventory.warnings() {
        shown(warning, bytes.len());
    }
    let hosts: Vec<&str> = inventory.hosts().collect();
    assert!(!hosts.is_empty(), "an inventory without hosts is refused");
    assert_eq!(inventory.group("all").map(|all| all.len()), Some(hosts.len()));
    // A host may have the name of a group: then it is meant, as with Ansible.
    if !hosts.contains(&"all") {
        let everyone = inventory.select("all").expect("all hosts");
        assert_eq!(everyone.len(), hosts.len());
    }
    for host in hosts.iter().take(20) {
        safe(host);
        let vars = inventory.vars(host);
        let place = |name: &str| inventory.place_of_var(host, name);
        let value = |name: &str| vars.get(name).cloned().map(Ok);
        if let Err(problem) = Connection::from_vars(host, &value, &place) {
            shown(&problem, bytes.len());
        }
    }
    if hosts.len() > 1000 {
        return;
    }
    let list = inventory.show_list(None, &Map::new()).expect("JSON");
    safe(&list);
    let list: Value = serde_json::from_str(&list).expect("JSON that can be read");
    assert!(list.get("_meta").is_some());
}
