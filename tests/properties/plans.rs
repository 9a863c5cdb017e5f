//! Plans over small worlds: what a plan names is all that differs, and once it is carried out nothing differs.

use std::collections::BTreeMap;

use ezsync::desired::{Desired, Step};
use ezsync::plan::Plan;
use ezsync::problem::Place;
use ezsync::resource::{Account, Args, Observed, PathState, UnitState, make};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One thing, as it shall be or as it is.
#[derive(Debug, Clone, PartialEq)]
enum Thing {
    /// Nothing at this path, or no such package.
    Absent,
    File {
        text: String,
        mode: u32,
    },
    Folder {
        mode: u32,
    },
    Package,
    Unit {
        active: bool,
        enabled: bool,
    },
}

/// Things by name: what a name begins with says of which kind it is.
type World = BTreeMap<String, Thing>;

fn modes() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0o600, 0o640, 0o644, 0o755])
}

/// What may stand at a path of which `first` says whether it is a file's or a folder's.
fn at_path() -> impl Strategy<Value = (String, Thing)> {
    let file = ("[ab]{0,3}\n?", modes()).prop_map(|(text, mode)| Thing::File { text, mode });
    let folder = modes().prop_map(|mode| Thing::Folder { mode });
    prop_oneof![
        ("/etc/file[0-3]", prop_oneof![3 => file, 1 => Just(Thing::Absent)]),
        ("/etc/folder[0-3]", folder),
    ]
}

fn thing() -> impl Strategy<Value = (String, Thing)> {
    let unit = (any::<bool>(), any::<bool>())
        .prop_map(|(active, enabled)| Thing::Unit { active, enabled });
    let package = prop_oneof![Just(Thing::Package), Just(Thing::Absent)];
    prop_oneof![4 => at_path(), 1 => ("package[0-3]", package), 1 => ("unit[0-3]", unit)]
}

fn world() -> impl Strategy<Value = World> {
    prop::collection::vec(thing(), 0..12).prop_map(|things| things.into_iter().collect())
}

fn step(name: &str, thing: &Thing) -> Step {
    let mode = |mode: &u32| format!("{mode:04o}");
    let (module, args) = match thing {
        Thing::File { text, mode: bits } => {
            ("copy", json!({"dest": name, "content": text, "mode": mode(bits)}))
        }
        Thing::Folder { mode: bits } => {
            ("file", json!({"path": name, "state": "directory", "mode": mode(bits)}))
        }
        Thing::Absent if name.starts_with('/') => {
            ("file", json!({"path": name, "state": "absent"}))
        }
        Thing::Absent => ("package", json!({"name": name, "state": "absent"})),
        Thing::Package => ("package", json!({"name": name, "state": "present"})),
        Thing::Unit { active, enabled } => {
            let state = if *active { "started" } else { "stopped" };
            ("service", json!({"name": name, "state": state, "enabled": enabled}))
        }
    };
    let Value::Object(args) = args else { panic!("arguments are a map") };
    let place = Place::in_source("tasks.yml", "", 0, 0);
    Step {
        role: "role".to_owned(),
        task: name.to_owned(),
        resource: make(module, Args::new(module, args, place)).unwrap(),
        notify: Vec::new(),
    }
}

fn desired(world: &World) -> Desired {
    let steps = world.iter().map(|(name, thing)| step(name, thing)).collect();
    Desired { steps, ..Desired::default() }
}

/// What a probe tells of `world`.
fn observed(world: &World) -> Observed {
    let mut observed = Observed::default();
    let root = || Account { name: "root".to_owned(), number: 0 };
    let path = |kind: &str, mode: u32, content: Option<Vec<u8>>| PathState {
        kind: kind.to_owned(),
        mode,
        owner: root(),
        group: root(),
        size: content.as_ref().map_or(4096, |content| content.len() as u64),
        content,
    };
    for (name, thing) in world {
        let name = name.clone();
        match thing {
            Thing::Absent => {}
            Thing::File { text, mode } => {
                let bytes = Some(text.as_bytes().to_vec());
                observed.paths.insert(name, path("regular file", *mode, bytes));
            }
            Thing::Folder { mode } => {
                observed.paths.insert(name, path("directory", *mode, None));
            }
            Thing::Package => {
                observed.packages.insert(name, "1.0".to_owned());
            }
            Thing::Unit { active, enabled } => {
                let state = if *active { "active" } else { "inactive" };
                let unit = UnitState {
                    id: name.clone(),
                    exists: true,
                    active: *active,
                    state: state.to_owned(),
                    enabled: Some(*enabled),
                    condition: true,
                    ..UnitState::default()
                };
                observed.units.insert(name, unit);
            }
        }
    }
    observed
}

/// All units are there: a plan brings none.
fn with_units(mut world: World, of: &World) -> World {
    for (name, thing) in of {
        if matches!(thing, Thing::Unit { .. }) {
            world.entry(name.clone()).or_insert(Thing::Unit { active: false, enabled: false });
        }
    }
    world
}

/// `world` once `plan` is carried out: what it names is as `wanted`, and nothing else has changed.
fn carried_out(plan: &Plan, world: &World, wanted: &World) -> World {
    let mut after = world.clone();
    for change in &plan.changes {
        after.insert(change.task.clone(), wanted[&change.task].clone());
    }
    after
}

proptest! {
    #[test]
    fn a_plan_leads_to_what_is_wanted_and_the_next_one_is_empty(
        wanted in world(),
        stands in world(),
    ) {
        let stands = with_units(stands, &wanted);
        let desired = desired(&wanted);
        let plan = Plan::new(&desired, &observed(&stands)).unwrap();
        prop_assert_eq!(plan.changes.len() + plan.unchanged, wanted.len());
        let after = carried_out(&plan, &stands, &wanted);
        for (name, thing) in &wanted {
            let there = after.get(name).unwrap_or(&Thing::Absent);
            prop_assert_eq!(there, thing, "{}", name);
        }
        let second = Plan::new(&desired, &observed(&after)).unwrap();
        prop_assert!(second.is_empty(), "{:?}", second.changes);
    }

    #[test]
    fn what_is_as_wanted_is_left_alone(world in world()) {
        let plan = Plan::new(&desired(&world), &observed(&world)).unwrap();
        prop_assert!(plan.is_empty(), "{:?}", plan.changes);
    }
}
