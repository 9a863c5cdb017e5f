//! Filters as Jinja writes them, `default('x')`, in Tera's spelling, `default(value='x')`.
//!
//! Inventories and variable files are shared with Ansible, so what stands in them has to work in both.

/// What Jinja calls a filter, what Tera calls it, and the names of its arguments.
const FILTERS: [(&str, &str, &[&str]); 4] = [
    ("default", "default", &["value"]),
    ("d", "default", &["value"]),
    ("join", "join", &["sep"]),
    ("replace", "replace", &["from", "to"]),
];

/// The template with the arguments of these filters named. Everything else stays as it is.
pub(super) fn named_arguments(text: &str) -> String {
    let mut named = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // Only what stands between brackets is an expression.
    while let Some(start) = ["{{", "{%"].iter().filter_map(|open| rest.find(open)).min() {
        let (before, inside) = rest.split_at(start);
        let end = find(inside, |text, _| text.starts_with("}}") || text.starts_with("%}"));
        let (inside, after) = inside.split_at(end);
        named.push_str(before);
        named.push_str(&expression(inside));
        rest = after;
    }
    named.push_str(rest);
    named
}

/// An expression, or a part of one, with the arguments of filters named.
fn expression(text: &str) -> String {
    let mut named = String::new();
    let mut rest = text;
    loop {
        let bar = find(rest, |text, _| text.starts_with('|'));
        let (before, after) = rest.split_at(bar);
        named.push_str(before);
        let Some(after) = after.strip_prefix('|') else { return named };
        named.push('|');
        let filter = after.trim_start();
        named.push_str(after.strip_suffix(filter).unwrap_or_default());
        let length = filter.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, after) = filter.split_at(length.unwrap_or(filter.len()));
        let known = FILTERS.iter().find(|(jinja, ..)| *jinja == name);
        let arguments = known.and_then(|known| Some((known, after.strip_prefix('(')?)));
        let Some(((_, tera, names), inside)) = arguments else {
            named.push_str(name);
            rest = after;
            continue;
        };
        let close = find(inside, |text, depth| depth == 0 && text.starts_with(')'));
        let (list, after) = inside.split_at(close);
        named.push_str(tera);
        named.push('(');
        named.push_str(&arguments_of(list, names));
        rest = after;
    }
}

fn arguments_of(list: &str, names: &[&str]) -> String {
    let mut named = Vec::new();
    let mut rest = list;
    let mut names = names.iter();
    while !rest.trim().is_empty() {
        let comma = find(rest, |text, depth| depth == 0 && text.starts_with(','));
        let (argument, after) = rest.split_at(comma);
        rest = after.strip_prefix(',').unwrap_or_default();
        let argument = expression(argument.trim());
        named.push(match names.next() {
            Some(name) if !has_name(&argument) => format!("{name}={argument}"),
            _ => argument,
        });
    }
    named.join(", ")
}

/// Whether an argument is written `name=value` already.
fn has_name(argument: &str) -> bool {
    argument.split_once('=').is_some_and(|(name, value)| {
        !value.starts_with('=')
            && !name.is_empty()
            && name.trim_end().chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Where `wanted` first holds for the rest of the text and the number of brackets that are open
/// there, strings left out; else the end.
fn find(text: &str, wanted: impl Fn(&str, usize) -> bool) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, _) if wanted(text.get(at..).unwrap_or_default(), depth) => return at,
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_arguments_of_filters() {
        for (jinja, tera) in [
            ("{{ a | default('x') }}", "{{ a | default(value='x') }}"),
            ("{{ a|d(1) }}", "{{ a|default(value=1) }}"),
            ("{{ a | default(value='x') }}", "{{ a | default(value='x') }}"),
            ("{{ a | default(b == 1) }}", "{{ a | default(value=b == 1) }}"),
            (
                "{{ a | default(b | default('c')) }}",
                "{{ a | default(value=b | default(value='c')) }}",
            ),
            ("{{ l | join(', ') | upper }}!", "{{ l | join(sep=', ') | upper }}!"),
            ("{{ a | replace('(', \")|d(\") }}", "{{ a | replace(from='(', to=\")|d(\") }}"),
            (
                "{% if a | d([]) | length > 0 %}x{% endif %}",
                "{% if a | default(value=[]) | length > 0 %}x{% endif %}",
            ),
            ("a | d(1)", "a | d(1)"),
            ("{{ 'a | d(1)' }} | d(2)", "{{ 'a | d(1)' }} | d(2)"),
            ("{{ (a | d((1, 2)[0])) }}", "{{ (a | default(value=(1, 2)[0])) }}"),
            ("{{ a | default }}", "{{ a | default }}"),
            ("{{ a | upper", "{{ a | upper"),
            ("{{ a | d(1", "{{ a | default(value=1"),
        ] {
            assert_eq!(named_arguments(jinja), tera);
        }
    }
}
