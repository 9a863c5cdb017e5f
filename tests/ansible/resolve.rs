//! Variables with their templates rendered, by ezsync's engine and by Ansible's.

use ezsync::inventory::Inventory;
use ezsync::problem::Place;
use ezsync::template::{Engine, Layer, Scope};
use serde_json::{Map, Value, json};

/// What differs. `known` holds a line for each variable that does: its name, and why.
pub fn differences(inventory: &Inventory, expected: &Value, known: &str) -> Vec<String> {
    let engine = Engine::default();
    let known: Vec<&str> = known.lines().filter_map(|line| line.split(' ').next()).collect();
    let mut met = Vec::new();
    let mut wrong = Vec::new();
    for host in inventory.hosts() {
        let vars = inventory.vars(host);
        let magic = Map::from_iter([
            ("inventory_hostname".to_owned(), json!(host)),
            ("inventory_hostname_short".to_owned(), json!(host.split('.').next())),
            ("group_names".to_owned(), json!(inventory.group_names_of(host))),
            ("groups".to_owned(), json!(inventory.groups())),
        ]);
        let scope =
            Scope::default().with(&Layer::literal(magic)).with(&Layer::written(vars.clone()));
        for (name, value) in &vars {
            let place = inventory.place_of_var(host, name).unwrap_or(Place::in_file("".as_ref()));
            let found = engine.values(value, &place, &scope).map_err(|error| error.to_string());
            let expected = &expected[host][name];
            let same = match &found {
                Ok(found) => found == expected,
                Err(_) => expected.get("undefined").is_some(),
            };
            match (same, known.contains(&name.as_str())) {
                (true, true) => wrong.push(format!("{host}: {name} does not differ any more")),
                (false, false) => {
                    wrong.push(format!("{host}: {name}: ansible {expected}, ezsync {found:?}"));
                }
                (false, true) => met.push(name.clone()),
                (true, false) => {}
            }
        }
    }
    let unmet = known.iter().filter(|name| !name.is_empty() && !met.iter().any(|met| met == *name));
    wrong.extend(unmet.map(|name| format!("{name} is named as different, and is not there")));
    wrong
}
