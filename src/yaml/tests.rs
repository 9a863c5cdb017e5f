use super::*;

fn value(text: &str) -> Value {
    parse("f.yml", text).unwrap().into_value()
}

#[test]
fn reads_scalars_as_ansible_does() {
    let text = "a: yes\nb: Off\nc: 0644\nd: 0o17\ne: 1_000\nf: 1.5\ng: ~\nh:\ni: '5'\n\
                j: 10.0.0.1\nk: +5\nl: 0x1f\nm: .inf\nn: 1e3\np: yes please\n1: q\n";
    let expected = serde_json::json!({
        "a": true, "b": false, "c": 420, "d": 15, "e": 1000, "f": 1.5, "g": null, "h": null,
        "i": "5", "j": "10.0.0.1", "k": 5, "l": 31, "m": ".inf", "n": 1000.0,
        "p": "yes please", "1": "q",
    });
    assert_eq!(value(text), expected);
}

#[test]
fn words_and_numbers_that_are_texts_for_ansible_stay_texts() {
    let text = "a: y\nb: [N, n, Y]\nc: {d: y, e: n}\nf: yEs\ng: YES\nh: &x y\ni: *x\nj: !!bool yes\n\
                k: 12345678901234567890123\nl: -9999999999999999999\nm: 1.5e3\nn: 18446744073709551615\n\
                o: 'é'\np: y # comment\nq: Off\nr: nO\n";
    let expected = serde_json::json!({
        "a": "y", "b": ["N", "n", "Y"], "c": {"d": "y", "e": "n"}, "f": "yEs", "g": true,
        "h": "y", "i": "y", "j": true, "k": "12345678901234567890123",
        "l": "-9999999999999999999", "m": 1500.0, "n": 18_446_744_073_709_551_615_u64,
        "o": "é", "p": "y", "q": false, "r": "nO",
    });
    assert_eq!(value(text), expected);
    assert_eq!(value("\u{feff}a: y\n"), serde_json::json!({"a": "y"}));
    assert_eq!(value("{\"é\": 12345678901234567890123}")["é"], "12345678901234567890123");
}

#[test]
fn aliases_and_merges_point_at_their_definition() {
    let node = parse("f", "d: &x {a: 1}\ne:\n  <<: *x\n  b: 2\n").unwrap();
    assert_eq!(
        node.clone().into_value(),
        serde_json::json!({"d": {"a": 1}, "e": {"b": 2, "a": 1}})
    );
    let Kind::Map(entries) = node.kind else { panic!("not a mapping") };
    let Kind::Map(merged) = &entries[1].1.kind else { panic!("not a mapping") };
    assert_eq!((merged[1].1.line, merged[1].1.column), (1, 11));
}

#[test]
fn reads_json_and_nothing() {
    assert_eq!(value("{\"a\": [1, 2.5, null]}"), serde_json::json!({"a": [1, 2.5, null]}));
    assert_eq!(value("# nothing\n"), Value::Null);
    assert_eq!(value("\u{feff}a: 1\n"), serde_json::json!({"a": 1}));
}

#[test]
fn mistakes_have_a_place() {
    for (text, expected) in [
        ("a: 1\na: 2\n", "f.yml:2:1: the key a stands twice in one mapping\n  2 | a: 2\n    | ^"),
        (
            "a: b: c\n",
            "f.yml:1:5: mapping values are not allowed in this context\n  1 | a: b: c\n    |     ^",
        ),
        (
            "a: {{ b }}\n",
            "f.yml:1:5: expected string scalar\n  1 | a: {{ b }}\n    |     ^\n\
             hint: put quotes around a value that starts with {{ or {%",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "f.yml:3:1: a second document (---) starts here\n  3 | b: 2\n    | ^",
        ),
        (
            "a: b\n\tc: d\n",
            "f.yml:2:1: a tab stands in the indentation\n  2 | \tc: d\n    | ^\n\
             hint: YAML is indented with spaces, never with tabs",
        ),
    ] {
        assert_eq!(parse("f.yml", text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn large_inventories_stay_within_the_budget() {
    let text: String = (0..60_000).map(|n| format!("h{n}: {{a: 1, b: 2}}\n")).collect();
    assert_eq!(value(&text).as_object().map(Map::len), Some(60_000));
}
