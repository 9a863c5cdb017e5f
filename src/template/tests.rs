use serde_json::json;

use super::*;

fn scope(value: Value) -> Scope {
    let Value::Object(vars) = value else { panic!("not an object") };
    Scope::default().with(&Layer::written(vars))
}

fn here() -> Place {
    Place { file: "tasks.yml".to_owned(), line: 3, column: 5, text: String::new() }
}

#[test]
fn renders_kubeasz_spelling() {
    let scope = scope(json!({"groups": {"chrony": ["a", "b"]}, "ntp_servers": ["x", "y"]}));
    let text = "server {{ groups['chrony'][0] }}\n{% for HOST in ntp_servers %}\nserver {{ HOST }} iburst\n{% endfor %}\n";
    let out = Engine::default().render_file("t", text, &scope).unwrap();
    assert_eq!(out, "server a\n\nserver x iburst\n\nserver y iburst\n\n");
}

#[test]
fn does_not_escape() {
    let scope = scope(json!({"a": "<&\"'>"}));
    assert_eq!(Engine::default().render_file("t", "{{ a }}", &scope).unwrap(), "<&\"'>");
}

#[test]
fn undefined_in_output_names_the_place_and_the_near_name() {
    let scope = scope(json!({"local_stratum": 10}));
    let problem = Engine::default()
        .render_file(
            "s.tera",
            "# local_stratun is not an expression\nlocal {{ local_stratun }}\n",
            &scope,
        )
        .unwrap_err();
    assert_eq!(
        problem.to_string(),
        "s.tera:2:10: the variable `local_stratun` is not defined\n  2 | local {{ local_stratun }}\n    |          ^\nhint: did you mean `local_stratum`?"
    );
}

#[test]
fn undefined_in_a_condition_is_an_error_too() {
    let problem = Engine::default()
        .render_file("s", "{% if typo %}x{% endif %}", &scope(json!({})))
        .unwrap_err();
    assert!(
        problem.to_string().starts_with("s:1:7: the variable `typo` is not defined"),
        "{problem}"
    );
    assert!(Engine::default().holds("typo == 1", &here(), &scope(json!({}))).is_err());
}

#[test]
fn asking_whether_a_variable_is_defined_is_allowed() {
    let engine = Engine::default();
    let empty = scope(json!({}));
    assert_eq!(engine.render_file("s", "{% if a is defined %}x{% endif %}", &empty).unwrap(), "");
    assert!(engine.holds("a is not defined", &here(), &empty).unwrap());
    assert_eq!(engine.value("{{ a | default(value=3) }}", &here(), &empty).unwrap(), json!(3));
}

#[test]
fn a_missing_field_is_an_error_with_its_place() {
    let problem = Engine::default()
        .render_file("s", "a\nb {{ chrony.nope }}\n", &scope(json!({"chrony": {"conf": "x"}})))
        .unwrap_err();
    assert_eq!(problem.place().map(|p| p.line), Some(2), "{problem}");
}

#[test]
fn syntax_errors_have_a_place() {
    let problem =
        Engine::default().render_file("s", "ok\n{% if %}\n", &scope(json!({}))).unwrap_err();
    assert_eq!(problem.place().map(|p| p.line), Some(2), "{problem}");
}

#[test]
fn variables_refer_to_others_lazily_and_keep_their_type() {
    let scope = scope(json!({
        "base": "/etc", "dir": "{{ base }}/chrony", "list": [1, "{{ base }}"], "copy": "{{ list }}",
        "never": "{%- bad | nosuch('x') -%}"
    }));
    let engine = Engine::default();
    assert_eq!(engine.value("{{ dir }}/c", &here(), &scope).unwrap(), json!("/etc/chrony/c"));
    assert_eq!(engine.value("{{ copy }}", &here(), &scope).unwrap(), json!([1, "/etc"]));
    assert_eq!(engine.value("{{ base }}\n", &here(), &scope).unwrap(), json!("/etc\n"));
    assert_eq!(engine.value("plain", &here(), &scope).unwrap(), json!("plain"));
}

#[test]
fn a_circle_is_named() {
    let scope = scope(json!({"a": "{{ b }}", "b": "{{ a }}x"}));
    let problem = Engine::default().value("{{ a }}", &here(), &scope).unwrap_err();
    assert!(problem.to_string().contains("refers to itself: a -> b -> a"), "{problem}");
}

#[test]
fn conditions_as_kubeasz_writes_them() {
    let scope = scope(json!({"inventory_hostname": "a", "groups": {"chrony": ["a"]}}));
    let engine = Engine::default();
    assert!(engine.holds("inventory_hostname == groups.chrony[0]", &here(), &scope).unwrap());
    assert!(engine.holds("groups['chrony']|length > 0", &here(), &scope).unwrap());
    assert!(!engine.holds("inventory_hostname not in groups.chrony", &here(), &scope).unwrap());
}

#[test]
fn what_a_host_says_is_no_template() {
    let scope = scope(json!({"secret": "hunter2", "mine": "{{ fact }}"}));
    let Value::Object(facts) = json!({"fact": "{{ secret }}", "list": ["{{ secret }}"]}) else {
        panic!("not an object")
    };
    let scope = scope.with(&Layer::literal(facts));
    let engine = Engine::default();
    for (text, wanted) in [
        ("{{ fact }}", json!("{{ secret }}")),
        ("a {{ fact }}", json!("a {{ secret }}")),
        ("{{ list }}", json!(["{{ secret }}"])),
        ("{{ mine }}", json!("{{ secret }}")),
    ] {
        assert_eq!(engine.value(text, &here(), &scope).unwrap(), wanted, "{text}");
    }
}
