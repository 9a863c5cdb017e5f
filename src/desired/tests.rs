//! Hosts share what is rendered: never where a template could tell them apart, and always where none can.

use std::fs;

use super::*;

const TASKS: &str = "roles/motd/tasks/main.yml";

/// What is rendered from a role `motd` with these tasks, and from its template `v.tera`.
fn recipe(tasks: &str, template: &str) -> (tempfile::TempDir, Recipe) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [(TASKS, tasks), ("templates/motd/v.tera", template)] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let project = Project::new(folder.path());
    let roles = vec![Role::load(&project, "motd").unwrap()];
    (folder, Recipe { roles, ..Recipe::empty(&project) })
}

/// Variables as JSON.
fn vars(json: &str) -> Vars {
    serde_json::from_str(json).unwrap()
}

/// A host whose inventory says `given`.
fn host(given: &str) -> HostVars {
    HostVars { given: vec![Layer::written(vars(given))], ..HostVars::default() }
}

/// All that a host gets, in words.
fn words(recipe: &Recipe, vars: &HostVars, facts: &Facts) -> String {
    match recipe.desired(vars, facts) {
        Ok(desired) => {
            format!("{:?} {:?}", desired, desired.files().collect::<Vec<_>>())
        }
        Err(problem) => problem.to_string(),
    }
}

/// Holds each host against one that was rendered alone: with one recipe for all of them, twice in turn.
#[track_caller]
fn check(tasks: &str, template: &str, hosts: &[(HostVars, Facts)]) {
    let (_folder, shared) = recipe(tasks, template);
    let mut all = BTreeSet::new();
    for (vars, facts) in hosts.iter().chain(hosts) {
        // A folder has another name each time, which errors show: so it is the same one.
        let alone = Recipe { roles: shared.roles.clone(), ..Recipe::empty(&shared.project) };
        let expected = words(&alone, vars, facts);
        assert_eq!(words(&shared, vars, facts), expected, "{tasks}{template}");
        all.insert(expected);
    }
    assert_eq!(all.len(), hosts.len(), "the case tells no hosts apart: {tasks}{template}");
}

/// Tasks that show the variable `v`, which is a text.
const SHOWN: &[&str] = &[
    "- command: echo {{ v }}\n",
    "- command: echo\n  name: '{{ v }}'\n",
    "- file: {path: '/{{ v }}', state: absent}\n",
    "- template: {src: v.tera, dest: '/{{ v }}'}\n",
    "- copy: {content: '{{ v }}', dest: /a}\n",
    "- command: x\n  when: v == 'a'\n",
    "- command: x\n  when: [true, v == 'a']\n",
    "- package: {name: ['{{ v }}']}\n",
    "- package: {name: '{{ item }}'}\n  loop: [x, '{{ v }}']\n",
    "- package: {name: '{{ item }}'}\n  with_items: '{{ v }}'\n",
    "- package: {name: '{{ item }}'}\n  loop: [a, b]\n  when: item == v\n",
    "- command: echo {{ nowhere | default(value=v) }}\n",
    "- command: echo {{ nowhere | d(v) }}\n",
    "- command: echo {{ 'a-b' | replace(from=v, to='') }}\n",
    "- command: echo {{ ['x', v] | join(',') }}\n",
    "- command: echo {{ w }}\n  vars: {w: '{{ v }}'}\n",
    "- command: echo {{ w.x[1] }}\n  vars: {w: {x: [1, '{{ v }}']}}\n",
    // By way of variables in the inventory.
    "- command: echo {{ by_way }}\n",
    "- command: echo {{ far.list[0] }}\n",
    "- package: {name: '{{ item }}'}\n  loop: '{{ far.list }}'\n",
    "- command: x\n  when: by_way == 'a'\n",
];

#[test]
fn one_variable_of_the_inventory_tells_hosts_apart_wherever_it_stands() {
    let text = |v: &str| {
        let given = format!(
            r#"{{"v": "{v}", "by_way": "{{{{ v }}}}", "far": {{"list": ["{{{{ by_way }}}}"]}}}}"#
        );
        (host(&given), Facts::typical(Platform::Debian))
    };
    for tasks in SHOWN {
        check(tasks, "", &[text("a"), text("b")]);
    }
    let tasks = "- template: {src: v.tera, dest: /a}\n";
    for template in [
        "{{ v }}",
        "{% if v == 'a' %}x{% endif %}",
        "{% for i in [1, 2] %}{{ i }}{{ v }}{% endfor %}",
        "{% for v in [v] %}{{ v }}{% endfor %}",
        "{% set x = v %}{{ x }}",
        "{{ nowhere | default(value=v) }}",
        "{% if nowhere is defined %}{% elif v == 'a' %}x{% endif %}",
        "{% for i in far.list %}{{ i }}{% endfor %}",
        "{{ by_way }}",
    ] {
        check(tasks, template, &[text("a"), text("b")]);
    }
}

#[test]
fn values_that_are_nearly_the_same_are_not() {
    for (tasks, hosts) in [
        // Whether it is there at all.
        ("- command: x\n  when: v is defined\n", &[r#"{"v": 1}"#, "{}"][..]),
        ("- command: echo {{ v | default('') }}\n", &[r#"{"v": 1}"#, "{}"]),
        ("- command: echo {{ v }}\n", &[r#"{"v": 0.0}"#, r#"{"v": -0.0}"#, r#"{"v": 1.0}"#, "{}"]),
        ("- copy: {content: '{{ v }}!', dest: /a}\n", &[r#"{"v": 1}"#, r#"{"v": 1.5}"#]),
        ("- command: x\n  when: v\n", &[r#"{"v": true}"#, r#"{"v": false}"#]),
        // The order of fields is seen in a loop.
        (
            "- copy: {content: '{% for k, x in v %}{{ k }}{% endfor %}', dest: /a}\n",
            &[r#"{"v": {"a": 1, "b": 2}}"#, r#"{"v": {"b": 2, "a": 1}}"#],
        ),
        // Only where the first condition holds the second is looked at.
        (
            "- command: x\n  name: '{{ v }}'\n  when: [u, v]\n",
            &[r#"{"u": false, "v": "a"}"#, r#"{"u": true, "v": "a"}"#, r#"{"u": true, "v": "b"}"#],
        ),
        // A variable of the inventory behind one of a loop, and one that a loop takes the name of.
        (
            "- command: echo {{ v }}\n  loop: '{{ u }}'\n  loop_control: {loop_var: v}\n",
            &[r#"{"u": ["a"], "v": 1}"#, r#"{"u": ["b"], "v": 1}"#],
        ),
    ] {
        let facts = Facts::typical(Platform::Debian);
        let hosts: Vec<_> = hosts.iter().map(|given| (host(given), facts.clone())).collect();
        check(tasks, "", &hosts);
    }
}

#[test]
fn facts_and_names_of_hosts_tell_them_apart() {
    let facts = Facts::typical(Platform::Debian);
    let other = Facts { hostname: "n2".to_owned(), ..facts.clone() };
    let far = Facts::typical(Platform::RedHat);
    for (tasks, facts) in [
        ("- command: echo {{ ansible_hostname }}\n", [&facts, &other]),
        ("- command: echo {{ ansible_facts['hostname'] }}\n", [&facts, &other]),
        ("- command: echo {{ chrony.conf }}\n", [&facts, &far]),
        ("- package: {name: x}\n  when: ansible_os_family == 'Debian'\n", [&facts, &far]),
    ] {
        check(tasks, "", &facts.map(|facts| (host("{}"), facts.clone())));
    }

    let named = |name: &str| {
        let magic = vars(&format!(r#"{{"inventory_hostname": "{name}"}}"#));
        (HostVars { magic: Layer::literal(magic), ..host("{}") }, facts.clone())
    };
    check("- command: echo {{ inventory_hostname }}\n", "", &[named("n1"), named("n2")]);
    // What is ezsync's own on one host only: there the task's variable of the same name does not count.
    let tasks = "- command: echo {{ inventory_hostname }}\n  vars: {inventory_hostname: x}\n";
    check(tasks, "", &[named("n1"), (host("{}"), facts.clone())]);
    // Somebody's own words are rendered, ezsync's are not.
    let given = (host(r#"{"inventory_hostname": "{{ 1 + 1 }}"}"#), facts.clone());
    check("- command: echo {{ inventory_hostname }}\n", "", &[given, named("{{ 1 + 1 }}")]);
}

#[test]
fn a_template_reads_no_other() {
    let (_folder, recipe) =
        recipe("- template: {src: v.tera, dest: /a}\n", "{% include 'other' %}");
    let problem = recipe.desired(&host("{}"), &Facts::typical(Platform::Debian)).unwrap_err();
    assert!(problem.to_string().contains("other"), "{problem}");
}

#[test]
fn hosts_that_differ_in_nothing_that_a_task_reads_share_its_steps() {
    let tasks = "- command: echo {{ v }}\n- command: echo {{ inventory_hostname }}\n";
    let (_folder, recipe) = recipe(tasks, "");
    let desired = |number: usize| {
        let given = format!(r#"{{"v": ["same", {{"x": 1.5}}], "aside": {number}}}"#);
        let magic = vars(&format!(r#"{{"inventory_hostname": "n{number}"}}"#));
        let vars = HostVars { magic: Layer::literal(magic), ..host(&given) };
        // Nor in what the host says.
        let hostname = format!("n{number}");
        let facts = Facts { hostname, ..Facts::typical(Platform::Debian) };
        recipe.desired(&vars, &facts).unwrap().steps
    };
    let first = desired(0);
    for number in 1..200 {
        let steps = desired(number);
        assert!(Arc::ptr_eq(&steps[0].resource, &first[0].resource), "{number}");
        let expected = format!("echo n{number}\"");
        assert!(format!("{:?}", steps[1].resource).contains(&expected), "{:?}", steps[1]);
    }
}
