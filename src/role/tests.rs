//! Roles as users write them: good ones give their steps, broken ones a message with its place.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::desired::{Desired, HostVars, Recipe};
use crate::facts::{Facts, Platform};
use crate::template::{Engine, Shared};

/// What a host gets from the role `motd` that has these files (paths within the project).
fn desired(files: &[(&str, &str)]) -> Result<Desired, Problem> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let project = Project::new(folder.path());
    let role = Role::load(&project, "motd")?;
    let recipe = Recipe {
        project,
        roles: vec![role],
        tags: tags::Choice::default(),
        engine: Engine::default(),
        steps: Shared::default(),
    };
    let Value::Object(magic) = json!({"inventory_hostname": "n1", "groups": {"chrony": ["n1"]}})
    else {
        panic!("not an object");
    };
    let vars = HostVars { magic: crate::template::Layer::written(magic), ..HostVars::default() };
    recipe.desired(&vars, &Facts::typical(Platform::Debian)).map_err(|problem| {
        // The folder's name is another one each time.
        let place = problem.place().cloned().unwrap();
        assert!(place.line > 0, "{problem}");
        problem
    })
}

/// The message for a role with these tasks, without the folder's name.
fn refusal(files: &[(&str, &str)]) -> String {
    let text = desired(files).unwrap_err().to_string();
    let start = text.find("roles/motd").or(text.find("templates/motd")).unwrap_or(0);
    text.get(start..).unwrap().to_owned()
}

const TASKS: &str = "roles/motd/tasks/main.yml";
const HANDLERS: &str = "roles/motd/handlers/main.yml";

/// The steps of a role with these tasks, as `task: resource`.
fn steps(tasks: &str) -> Vec<String> {
    let desired = desired(&[(TASKS, tasks)]).unwrap();
    desired.steps.iter().map(|step| format!("{}: {:?}", step.task, step.resource)).collect()
}

#[test]
fn a_role_of_ones_own_loads() {
    let desired = desired(&[
        (
            TASKS,
            "- name: install\n  package: {name: [cron, at]}\n\
             - name: greet\n  template: {src: motd.tera, dest: /etc/motd, mode: '0644'}\n  \
               notify: [restart cron, say so]\n\
             - name: run\n  ansible.builtin.service: {name: cron, state: started, enabled: yes}\n",
        ),
        (
            HANDLERS,
            "- name: restart cron\n  service: {name: cron, state: restarted}\n\
             - name: tell\n  listen: say so\n  command: /bin/true\n\
             - name: idle\n  command: /bin/false\n",
        ),
        ("roles/motd/defaults/main.yml", "greeting: hello\n"),
        ("templates/motd/motd.tera", "{{ greeting }} {{ inventory_hostname }}\n"),
    ])
    .unwrap();
    let names: Vec<&str> = desired.steps.iter().map(|step| step.task.as_str()).collect();
    assert_eq!(names, ["install", "greet", "run"]);
    let text = Some("hello n1\n".to_owned());
    let file = crate::resource::FileText { path: "/etc/motd".to_owned(), text };
    assert_eq!(desired.files().collect::<Vec<_>>(), [file]);
    let notified: Vec<&[usize]> = desired.steps.iter().map(|step| &step.notify[..]).collect();
    assert_eq!(notified, [&[][..], &[0, 1], &[]]);
}

#[test]
fn arguments_may_be_words() {
    for (words, map) in [
        (
            "file: path=/etc/x state=directory mode=0755",
            "file: {path: /etc/x, state: directory, mode: 0755}",
        ),
        ("file: name=/etc/x state=directory", "file: {path: /etc/x, state: directory}"),
        ("file: dest=/etc/x state=absent", "file: {path: /etc/x, state: absent}"),
        ("package: name=ntp state=absent", "package: {name: ntp, state: absent}"),
        ("copy: content='a b' dest=/etc/x", "copy: {content: a b, dest: /etc/x}"),
        (
            "copy: content=\"{{ groups['chrony'] | join(sep=' ') }}\" dest=/etc/x",
            "copy: {content: n1, dest: /etc/x}",
        ),
        (
            "copy: dest=/etc/{{ inventory_hostname }} content={{ 'a b' }}",
            "copy: {dest: /etc/n1, content: a b}",
        ),
    ] {
        let task = |arguments: &str| steps(&format!("- {arguments}\n"));
        assert_eq!(task(words), task(map), "{words}");
    }
}

#[test]
fn loops_repeat_a_task() {
    for (tasks, names) in [
        ("- name: '{{ item }}'\n  package: {name: x}\n  loop: [a, b]\n", "a b"),
        ("- name: '{{ item }}'\n  package: {name: x}\n  with_items: [a, [b, c]]\n", "a b c"),
        ("- name: '{{ item }}'\n  package: {name: x}\n  with_items: a\n", "a"),
        (
            "- name: '{{ p }}'\n  package: {name: x}\n  loop: [a]\n  loop_control: {loop_var: p}\n",
            "a",
        ),
        ("- name: '{{ item }}'\n  package: {name: x}\n  loop: []\n", ""),
        ("- name: '{{ item }}'\n  package: {name: x}\n  loop: [a, b]\n  when: item != 'a'\n", "b"),
        ("- name: '{{ item }}'\n  package: {name: x}\n  loop: '{{ groups.chrony }}'\n", "n1"),
    ] {
        let found = desired(&[(TASKS, tasks)]).unwrap().steps;
        let found: Vec<&str> = found.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(found.join(" "), names, "{tasks}");
    }
}

/// Tasks of a broken role, and what is said about them.
const BROKEN: &[(&str, &str)] = &[
    (
        "- name: greet\n  tempalte: {src: a, dest: /b}\n",
        "2:3: ezsync knows no module or keyword `tempalte`\n  2 |   tempalte: {src: a, dest: /b}\n    |   ^\nhint: did you mean `template`?",
    ),
    (
        "- command: x\n  wenn: true\n",
        "2:3: ezsync knows no module or keyword `wenn`\n  2 |   wenn: true\n    |   ^\nhint: did you mean `when`?",
    ),
    (
        "- name: nothing\n",
        "1:3: the task has no module\n  1 | - name: nothing\n    |   ^\nhint: known modules are: ",
    ),
    (
        "- name: both\n  command: x\n  package: name=y\n",
        "1:3: the task has more than one module: command, package\n  1 | - name: both\n    |   ^",
    ),
    (
        "- file: {path: /a, state: directory, mdoe: '0755'}\n",
        "1:3: file: there is no argument `mdoe`\n  1 | - file: {path: /a, state: directory, mdoe: '0755'}\n    |   ^\nhint: did you mean `mode`?",
    ),
    (
        "- command: x\n  notify: restart\n",
        "2:3: the task notifies `restart`, and the role has no such handler\n  2 |   notify: restart\n    |   ^\nhint: handlers stand in roles/motd/handlers/main.yml",
    ),
    (
        "- template: {src: motd.tera, dest: /etc/motd}\n",
        "1:14: the template `motd.tera` is missing\n  1 | - template: {src: motd.tera, dest: /etc/motd}\n    |              ^\nhint: it belongs at templates/motd/motd.tera or roles/motd/templates/motd.tera",
    ),
    (
        "- copy: {src: ../../../etc/shadow, dest: /etc/motd}\n",
        "1:10: the file `../../../etc/shadow` is missing\n",
    ),
    ("- template: {dest: /etc/motd}\n", "1:3: template: `src` is missing\n"),
    ("- copy: {dest: /etc/motd}\n", "1:3: copy: `src` or `content` is missing\n"),
    (
        "- copy: {src: a, content: b, dest: /etc/motd}\n",
        "1:10: copy: use either `src` or `content`\n",
    ),
    (
        "- copy:\n    dest: /etc/motd\n    content: '{{ greetin }}'\n  vars: {greeting: hi}\n",
        "3:5: the variable `greetin` is not defined\n  3 |     content: '{{ greetin }}'\n    |     ^\nhint: did you mean `greeting`?",
    ),
    (
        "- command: x\n  when: inventory_hostnam == 'n1'\n",
        "2:3: the variable `inventory_hostnam` is not defined\n  2 |   when: inventory_hostnam == 'n1'\n    |   ^\nhint: did you mean `inventory_hostname`?",
    ),
    (
        "- command: x\n  when: not chrony.instaled\n",
        "2:3: `chrony` has no field `instaled`\n  2 |   when: not chrony.instaled\n    |   ^\nhint: did you mean `installed`?",
    ),
    (
        "- command: x\n  when: [not chrony.installed, groups.etcd is undefined and groups.chronny]\n",
        "2:3: `groups` has no field `chronny`\n",
    ),
    ("- command: x\n  when: a = 1\n", "2:3: `a = 1`: Found `=` but expected %}\n"),
    (
        "- command: x\n  when: chrony.unit | truncate('x') == 'x'\n",
        "2:3: `chrony.unit | truncate('x') == 'x'`: Found string but expected identifier\n  2 |   when: chrony.unit | truncate('x') == 'x'\n    |   ^\nhint: arguments have names here: default(value='x'), replace(from='a', to='b')",
    ),
    (
        "- package: name={{ item }}\n  loop: '{{ pakages }}'\n",
        "2:3: the variable `pakages` is not defined\n",
    ),
    (
        "- package: name={{ item }}\n  loop: cron\n",
        "2:3: `loop` must be a list, not \"cron\"\n  2 |   loop: cron\n    |   ^",
    ),
    ("- package: name={{ item }}\n  loop: {a: 1}\n", "2:3: `loop` must be a list, not {\"a\":1}\n"),
    ("- command: x\n  loop: [a]\n  with_items: [b]\n", "3:3: use either `loop` or `with_items`\n"),
    (
        "- command: x\n  loop: [a]\n  loop_control: {pause: 3}\n",
        "3:3: `pause` is not supported: only loop_var and label are\n",
    ),
    (
        "- file: {path: /a, state: directory, mode: 0999}\n",
        "1:3: file: `mode` must be an octal mode such as \"0644\", not ",
    ),
    (
        "- file: {path: /a, state: directory, mode: 755}\n",
        "1:3: file: `mode` must be an octal mode such as \"0644\", not 755\n  1 | - file: {path: /a, state: directory, mode: 755}\n    |   ^\nhint: write it with quotes and a leading zero",
    ),
    (
        "- file: {path: /a, state: directory, mode: u=rwx}\n",
        "1:3: file: `mode` must be an octal mode such as \"0644\", not \"u=rwx\"\n",
    ),
    (
        "- copy: {content: x, dest: etc/motd}\n",
        "1:3: copy: `dest` must be an absolute path, not etc/motd\n",
    ),
    (
        "- copy: {content: x, dest: /etc/../motd}\n",
        "1:3: copy: `dest` must be an absolute path, not /etc/../motd\n",
    ),
    (
        "- file: {path: /a, name: /b, state: absent}\n",
        "1:3: file: `name` is `path` by another name: keep one\n",
    ),
    ("- file: path=/a state\n", "1:3: file: `state` is not key=value\n"),
    ("- file: path='/a state=absent\n", "1:3: file: a quote is not closed\n"),
    (
        "- name: a\n\tcommand: x\n",
        "2:1: a tab stands in the indentation\n  2 | \tcommand: x\n    | ^\nhint: YAML is indented with spaces, never with tabs",
    ),
    ("- command: x\n  become_user: postgres\n", "2:3: tasks run as root, and as no other user\n"),
    ("tasks: []\n", "1:1: this file must be a list of tasks\n"),
    ("- x\n", "1:3: a task must be a map of its module and keywords\n"),
    ("- command: x\n  when: 5\n", "2:3: `when` must be a text or a list of texts\n"),
    ("- command: [x]\n", "1:3: command: arguments must be a map\n"),
];

#[test]
fn broken_roles_are_refused_with_a_place() {
    for (tasks, expected) in BROKEN {
        let expected = format!("{TASKS}:{expected}");
        let found = refusal(&[(TASKS, tasks)]);
        // A message that is given up to a line's end may go on behind it.
        assert!(found.starts_with(&expected), "{tasks}\nexpected {expected}\nfound    {found}");
    }
}

#[test]
fn broken_handlers_and_templates_are_refused_with_a_place() {
    let handler = "- name: restart cron\n  service: {name: cron, state: restated}\n";
    assert!(
        refusal(&[(TASKS, "- command: x\n"), (HANDLERS, handler)])
            .starts_with(&format!("{HANDLERS}:2:3: service: `state` must be started,"))
    );
    assert_eq!(
        refusal(&[(TASKS, "- command: x\n  notify: restart crom\n"), (HANDLERS, handler)]),
        format!(
            "{TASKS}:2:3: the task notifies `restart crom`, and the role has no such handler\n  \
             2 |   notify: restart crom\n    |   ^\nhint: did you mean `restart cron`?"
        )
    );
    let template = ("templates/motd/a.tera", "one\n{{ nme }}\n");
    assert_eq!(
        refusal(&[(TASKS, "- template: {src: a.tera, dest: /etc/motd}\n"), template]),
        "templates/motd/a.tera:2:4: the variable `nme` is not defined\n  2 | {{ nme }}\n    |    ^\n\
         hint: set nme in config.yml, group_vars, host_vars or with -e nme=VALUE"
    );
}

#[test]
fn a_role_that_is_not_there_lists_those_that_are() {
    let project = Project::new("/nonexistent");
    for (name, hint) in [
        ("chronny", "did you mean `chrony`?"),
        ("motd", "a role is a folder roles/NAME with tasks/main.yml in it; there are: chrony"),
        ("../chrony", "did you mean `chrony`?"),
        ("", "a role is a folder"),
    ] {
        let problem = Role::load(&project, name).unwrap_err().to_string();
        let expected = format!("there is no role `{name}`\nhint: {hint}");
        assert!(problem.starts_with(&expected), "{problem}");
    }
}
