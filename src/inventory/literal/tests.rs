use serde_json::json;

use super::*;

/// Each right side is what `ansible-inventory --list` (ansible-core 2.19) makes of the left.
#[test]
fn reads_literals_as_ansible_does() {
    for (text, expected) in [
        ("5", json!(5)),
        ("-3", json!(-3)),
        ("- 3", json!(-3)),
        ("--3", json!("--3")),
        ("00", json!(0)),
        ("0644", json!("0644")),
        ("0o644", json!(420)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("1__0", json!("1__0")),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        ("1.", json!(1.0)),
        ("01.5", json!(1.5)),
        ("1e3", json!(1000.0)),
        ("1e-3", json!(0.001)),
        ("1.2.3", json!("1.2.3")),
        ("10.68.0.0/16", json!("10.68.0.0/16")),
        ("5abc", json!("5abc")),
        ("5 6", json!("5 6")),
        ("5 # five", json!(5)),
        ("x # y", json!("x # y")),
        ("True", json!(true)),
        ("False", json!(false)),
        ("None", json!(null)),
        ("true", json!("true")),
        ("yes", json!("yes")),
        ("", json!("")),
        ("''", json!("")),
        ("\"6443\"", json!("6443")),
        ("'it''s'", json!("its")),
        ("'a\\nb\\x41\\q\\101'", json!("a\nbA\\qA")),
        ("r'a\\nb'", json!("a\\nb")),
        ("'''a'b'''", json!("a'b")),
        ("f'a'", json!("f'a'")),
        ("\"{{ base_dir }}/x\"", json!("{{ base_dir }}/x")),
        ("{{ base_dir }}/x", json!("{{ base_dir }}/x")),
        ("[1, 'a', [True]]", json!([1, "a", [true]])),
        ("[1,]", json!([1])),
        ("[1", json!("[1")),
        ("[a, b]", json!("[a, b]")),
        ("{'a': 1, 'b': {}}", json!({"a": 1, "b": {}})),
        ("{1: 2}", json!({"1": 2})),
        ("{\"a\": true}", json!("{\"a\": true}")),
        ("{'a'}", json!(["a"])),
        ("()", json!([])),
        ("(1)", json!(1)),
        ("(1,)", json!([1])),
        ("1,2", json!([1, 2])),
        ("5,", json!([5])),
        ("1 + 2", json!("1 + 2")),
        ("...", json!("...")),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn deep_brackets_do_not_exhaust_the_stack() {
    let text = "[".repeat(100_000);
    assert_eq!(value(&text), json!(text));
}
