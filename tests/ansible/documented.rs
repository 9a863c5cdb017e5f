//! docs/ansible.md says of everything that Ansible has here whether ezsync has it: Ansible lists what that is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use ezsync::cli::Cli;
use serde_json::Value;

use crate::judge::{self, Question};

/// What is documented by Ansible itself: the kind of a plugin, and its name.
const PLUGINS: [(&str, &str); 4] =
    [("connection", "ssh"), ("connection", "local"), ("become", "sudo"), ("become", "su")];

/// Whose flags are meant.
const PROGRAMS: [&str; 3] = ["ansible", "ansible-inventory", "ansible-playbook"];

/// The words of a text that may be names of variables, flags and plugins.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).collect()
}

/// The variables, of hosts and of the environment, that set the options of a plugin.
fn variables(plugin: &Value) -> Vec<String> {
    let options = plugin["doc"]["options"].as_object().unwrap().values();
    let named = options.flat_map(|option| ["vars", "env"].map(|kind| option[kind].as_array()));
    let names = named.flatten().flatten().map(|it| it["name"].as_str().unwrap().to_owned());
    // One host's that another one is asked for: there is no delegation.
    names.filter(|name| !name.contains('[')).collect()
}

/// The flags in the help of a program.
fn flags(help: &str) -> Vec<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split([' ', ',', '/', ')']));
    words.filter(|word| word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn everything_that_ansible_has_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ask = |program: &str, args: &[&str]| Question::new(folder, program, args.iter().copied());
    let plugins = PLUGINS.map(|(kind, name)| ask("ansible-doc", &["-t", kind, "-j", name]));
    let sources = ask("ansible-doc", &["-t", "inventory", "-l", "-j"]);
    let helps = PROGRAMS.map(|program| ask(program, &["--help"]));
    let questions = plugins.into_iter().chain([sources]).chain(helps).collect();
    let Some(answers) = judge::ask(questions) else { return };
    let text = fs::read_to_string("docs/ansible.md").unwrap();
    let known = words(&text);
    let mut missing = BTreeSet::new();
    let mut asked = 0;
    for (number, answer) in answers.iter().enumerate() {
        let names: Vec<String> = if number > PLUGINS.len() {
            flags(&answer.stdout)
        } else {
            let said: Value = serde_json::from_str(&answer.stdout).unwrap();
            let said = said.as_object().unwrap();
            if number == PLUGINS.len() {
                said.keys().map(|name| name.rsplit('.').next().unwrap().to_owned()).collect()
            } else {
                said.values().flat_map(variables).collect()
            }
        };
        asked += names.len();
        missing.extend(names.into_iter().filter(|name| !known.contains(name.as_str())));
    }
    assert!(asked > 200, "only {asked} names");
    assert!(missing.is_empty(), "docs/ansible.md does not name {missing:?}");
}

/// Whether ezsync or one of its commands has this flag.
fn is_known(flag: &str) -> bool {
    [&[][..], &["setup"], &["exec"], &["inventory"]].into_iter().any(|command| {
        let parsed = Cli::try_parse_from([&["ezsync"], command, &[flag]].concat());
        !parsed.is_err_and(|error| error.kind() == ErrorKind::UnknownArgument)
    })
}

#[test]
fn flags_that_are_said_to_be_here_are() {
    let text = fs::read_to_string("docs/ansible.md").unwrap();
    let (_, rest) = text.split_once("## Flags").unwrap();
    let (table, _) = rest.split_once("## Inventory").unwrap();
    let mut asked = 0;
    for row in table.lines() {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let (Some(flags), Some("yes")) = (cells.next(), cells.next()) else { continue };
        for flag in words(flags).into_iter().filter(|word| word.starts_with('-')) {
            assert!(is_known(flag), "{flag}");
            asked += 1;
        }
    }
    assert!(asked > 30, "only {asked} flags");
    assert!(!is_known("--flush-cache"));
}
