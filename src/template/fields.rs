//! Fields that expressions name (`chrony.conf`, `groups['etcd'][0]`), checked for existence.
//!
//! Tera takes a missing field in a condition for false, so that `not chrony.instaled` holds.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::problem::Problem;

/// One use of a field of a variable in a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The variable.
    pub name: String,
    /// The fields, outermost first.
    path: Vec<String>,
    /// Where each of them starts, in bytes of the template.
    offsets: Vec<usize>,
}

/// What can stand in an expression: a text, or a name with the fields behind it.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#""[^"]*"|'[^']*'|`[^`]*`|[A-Za-z_]\w*((?:\.\w+|\[(?:'[^']*'|"[^"]*"|\d+)\])*)"#)
        .ok()
});

/// One field: what is inside of `.x`, `['x']` or `[0]`.
static PART: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\.(\w+)|\[['"]?([^'"\]]*)['"]?\]"#).ok());

/// What a template may ask of a field that need not exist.
static ASKED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(is\s+(not\s+)?(un)?defined\b|\|\s*default\()").ok());

/// All fields that `template` uses, but for those that it asks about (`is defined`, `default`).
pub(super) fn find(template: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut asked: Vec<(String, Vec<String>)> = Vec::new();
    for (start, expression) in expressions(template) {
        for token in TOKEN.iter().flat_map(|token| token.captures_iter(expression)) {
            let Some((whole, path)) = token.get(0).zip(token.get(1)) else { continue };
            // `x.y` after a bracket that is no plain index belongs to what stands before it.
            let is_tail = expression.get(..whole.start()).is_some_and(|text| text.ends_with('.'));
            if path.is_empty() || is_tail {
                continue;
            }
            let name = expression.get(whole.start()..path.start()).unwrap_or_default().to_owned();
            let (path, offsets) = parts(path.as_str(), start + path.start());
            let rest = expression.get(whole.end()..).unwrap_or_default();
            if ASKED.as_ref().is_some_and(|asking| asking.is_match(rest)) {
                asked.push((name, path));
            } else {
                fields.push(Field { name, path, offsets });
            }
        }
    }
    let is_asked = |field: &Field| {
        asked.iter().any(|(name, path)| *name == field.name && field.path.starts_with(path))
    };
    fields.retain(|field| !is_asked(field));
    fields
}

/// The fields of a path such as `.a['b'][0]`, and where each starts.
fn parts(path: &str, start: usize) -> (Vec<String>, Vec<usize>) {
    let captures = PART.iter().flat_map(|part| part.captures_iter(path));
    captures
        .filter_map(|part| part.get(1).or_else(|| part.get(2)))
        .map(|part| (part.as_str().to_owned(), start + part.start()))
        .unzip()
}

/// The insides of `{{ }}` and `{% %}` with their offsets; comments and raw text are none.
fn expressions(template: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = template.get(from..) {
        let Some(open) = rest.find(['{']) else { break };
        let start = from + open + 2;
        let close = match rest.get(open..open + 2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                from += open + 1;
                continue;
            }
        };
        let Some(length) = template.get(start..).and_then(|inside| inside.find(close)) else {
            break;
        };
        let inside = template.get(start..start + length).unwrap_or_default();
        from = start + length + 2;
        if inside.trim_matches(['-', ' ']) == "raw" {
            let end = template.get(from..).and_then(|text| text.find("endraw"));
            from = end.map_or(template.len(), |end| from + end);
        } else if close != "#}" {
            found.push((start, inside));
        }
    }
    found
}

/// The first field that `value`, the variable's, does not have: its offset and what is wrong.
pub(super) fn missing(field: &Field, value: &Value) -> Option<(usize, Problem)> {
    let mut stands = value;
    let mut name = field.name.clone();
    for (part, offset) in field.path.iter().zip(&field.offsets) {
        stands = match stands {
            Value::Object(map) => match map.get(part) {
                Some(inner) => inner,
                None => {
                    let known: Vec<&str> = map.keys().map(String::as_str).collect();
                    let problem = Problem::new(format!("`{name}` has no field `{part}`"));
                    return Some((*offset, problem.meant(part, &known, "it has")));
                }
            },
            Value::Array(items) => match part.parse().ok().map(|index: usize| items.get(index)) {
                Some(Some(item)) => item,
                Some(None) => {
                    let message = format!("`{name}` has no item {part}");
                    let hint = format!("it has {}, counted from 0", items.len());
                    return Some((*offset, Problem::new(message).hint(hint)));
                }
                None => return None,
            },
            // Tera itself knows what other values have.
            _ => return None,
        };
        name = format!("{name}.{part}");
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The fields of a template as `name/field/field`.
    fn found(template: &str) -> String {
        let fields = find(template);
        let shown = fields.iter().map(|field| format!("{}/{}", field.name, field.path.join("/")));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn finds_fields_of_variables() {
        for (template, fields) in [
            ("{{ a.b }} c.d", "a/b"),
            ("{% if not a.b %}{% endif %}", "a/b"),
            ("{{ groups['x y'][0] }}", "groups/x y/0"),
            ("{{ groups[\"x\"].y | length > 1.5 }}", "groups/x/y"),
            ("{{ a[b].c }} {{ a[b.d].c }}", "b/d"),
            ("{{ 'a.b' ~ \"c.d\" ~ e.f }}", "e/f"),
            ("{# a.b #}{% raw %}{{ a.b }}{% endraw %}{{ c.d }}", "c/d"),
            ("{% if a.b is defined and a.b.c == 1 %}{% endif %}", ""),
            ("{% if a.b is not defined or c.d %}{% endif %}", "c/d"),
            ("{{ a.b | default(value=c.d) }}", "c/d"),
            ("{ a.b } {{ plain }}", ""),
        ] {
            assert_eq!(found(template), fields, "{template}");
        }
    }

    #[test]
    fn names_the_field_that_is_not_there() {
        let value = json!({"conf": "/etc/chrony.conf", "hosts": ["n1"], "inner": {"x": 1}});
        for (expression, expected) in [
            ("{{ v.conf }}", None),
            ("{{ v.hosts[0] }}", None),
            ("{{ v.conf.length }}", None),
            ("{{ v.cnof }}", Some((5, "`v` has no field `cnof`\nhint: did you mean `conf`?"))),
            ("{{ v.inner.y }}", Some((11, "`v.inner` has no field `y`\nhint: it has: x"))),
            (
                "{{ v.hosts[3] }}",
                Some((11, "`v.hosts` has no item 3\nhint: it has 1, counted from 0")),
            ),
        ] {
            let fields = find(expression);
            let found = missing(&fields[0], &value).map(|(at, problem)| (at, problem.to_string()));
            assert_eq!(found, expected.map(|(at, text)| (at, text.to_owned())), "{expression}");
        }
    }
}
