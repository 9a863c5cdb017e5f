//! What templates that were written for Ansible ask for and ezsync does not have, in words.

use regex::Regex;

use crate::problem::Problem;

/// Where the differences are listed.
const LIST: &str = "docs/ansible.md, \"Templates in values\", lists what is different";

/// Functions of Ansible and Jinja.
const FUNCTIONS: &str = "lookup|query|q|now|undef|url_for|cycler|joiner|namespace|lipsum|dict";

/// Variables that Ansible itself gives values to.
const VARIABLES: [&str; 24] = [
    "ansible_check_mode",
    "ansible_config_file",
    "ansible_date_time",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_playbook_python",
    "ansible_version",
    "environment",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_path",
    "vars",
];

/// Filters and tests of Ansible's own and of Jinja that are written with arguments in brackets.
const FILTERS: &str = "b64decode|b64encode|combine|dict2items|difference|extract|flatten|from_json|\
    from_yaml|hash|intersect|ipaddr|ipsubnet|ipv4|ipv6|items2dict|json_query|map|match|mandatory|\
    password_hash|product|random|regex|regex_escape|regex_findall|regex_replace|regex_search|reject|\
    rejectattr|search|select|selectattr|subelements|symmetric_difference|ternary|to_datetime|\
    to_json|to_nice_json|to_nice_yaml|to_yaml|union|version|zip";

/// The problem of a variable that only Ansible has.
pub(super) fn variable(name: &str) -> Option<Problem> {
    VARIABLES.contains(&name).then(|| missing(&format!("the variable `{name}`")))
}

/// The problem of a template that does not compile, by what the compiler says of it.
pub(super) fn construct(message: &str, source: &str) -> Option<Problem> {
    let found = |pattern: &str| {
        let regex = Regex::new(pattern).ok()?;
        Some(regex.captures(source)?.get(1)?.as_str().to_owned())
    };
    if message == "Unexpected end of input" {
        return Some(unfinished(source));
    }
    if message.starts_with("Function calls are only allowed")
        && let Some(method) = found(r"\.\s*(\w+)\s*\(")
    {
        return Some(
            Problem::new(format!("`.{method}()` is a method of Python's: there are none here"))
                .hint(format!("there are filters, as in x | split(pat=','); {LIST}")),
        );
    }
    let is_of_its_own = message.contains("expected identifier") || message.contains("nknown");
    let filter = || found(&format!(r"(?:\||\bis(?:\s+not)?)\s*({FILTERS})\b"));
    let function = || found(&format!(r"(?:^|[^\w.|\s]|\{{\{{|\{{%|\s)\s*({FUNCTIONS})\s*\("));
    match is_of_its_own {
        false => None,
        true => function()
            .map(|name| missing(&format!("the function `{name}`")))
            .or_else(|| filter().map(|name| missing(&format!("`{name}`")))),
    }
}

fn missing(what: &str) -> Problem {
    Problem::new(format!("{what} is Ansible's: ezsync has none")).hint(LIST)
}

/// What ends too early.
fn unfinished(source: &str) -> Problem {
    let count = |mark: &str| source.matches(mark).count();
    let open = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let open = open.into_iter().find(|(open, close)| count(open) > count(close));
    let problem = Problem::new("the template ends too early");
    match open {
        Some((open, close)) => problem.hint(format!("a {open} is not closed: add its {close}")),
        None => problem
            .hint("an {% if %} or {% for %} is not closed: add its {% endif %} or {% endfor %}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Engine, Layer, Scope};
    use crate::problem::Place;

    #[test]
    fn what_only_ansible_has_is_named() {
        let vars = json!({"base": "a.b", "q": "x", "l": [1]});
        let scope = Scope::default().with(&Layer::written(vars.as_object().unwrap().clone()));
        let here = Place { file: "f".to_owned(), line: 3, column: 5, text: String::new() };
        for (template, expected) in [
            ("{{ lookup('env', 'X') }}", "the function `lookup` is Ansible's: ezsync has none"),
            ("a{{ query(\"x\") }}", "the function `query` is Ansible's"),
            ("{{ 'a' ~ lookup('env', 'X') }}", "the function `lookup` is Ansible's"),
            ("{{ base.split('.')[0] }}", "`.split()` is a method of Python's"),
            ("{{ base | regex_replace('a', 'b') }}", "`regex_replace` is Ansible's"),
            ("{{ base | ipaddr }}", "`ipaddr` is Ansible's"),
            ("{{ base is match('x') }}", "`match` is Ansible's"),
            ("{{ hostvars['n2'].a }}", "the variable `hostvars` is Ansible's"),
            ("{{ omit }}", "the variable `omit` is Ansible's"),
            ("{{ playbook_dir }}/x", "the variable `playbook_dir` is Ansible's"),
            ("{{ base", "the template ends too early\nhint: a {{ is not closed: add its }}"),
            ("{% if base %}x", "the template ends too early\nhint: an {% if %} or"),
        ] {
            let problem = Engine::default().value(template, &here, &scope).unwrap_err().to_string();
            assert!(problem.contains(expected), "{template}: {problem}");
            assert!(problem.contains("hint: "), "{problem}");
        }
        // A name of theirs that somebody has set is a variable like any other, and so is the text.
        for (template, expected) in [("{{ q }}", "x"), ("{{ q ~ ' lookup(' }}", "x lookup(")] {
            assert_eq!(Engine::default().value(template, &here, &scope).unwrap(), expected);
        }
    }
}
