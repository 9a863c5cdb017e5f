//! Ansible itself as the judge: it and ezsync read the same inventories and must say the same.
//!
//! Each folder in tests/cases/ansible and tests/cases/inventory is one case. `args` holds what
//! both programs get (`-i hosts` where there is none), a line an argument, and they run in the
//! case's folder. Compared are the answers to `--list` and to `--graph --vars`, and
//! that both refuse what one of them refuses. `patterns` holds patterns, one a line, whose hosts
//! must be those of `ansible PATTERN --list-hosts`, in its order. With a file `resolve` every
//! variable of every host is rendered and compared too; the file names those that differ.
//!
//! A file `differs` says why a case is answered in another way. docs/ansible.md must name the case,
//! and the answers must really differ.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod connection;
mod documented;
mod judge;
mod resolve;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ezsync::inventory::Inventory;
use judge::{Answer, Question};

const FOLDERS: [&str; 2] = ["tests/cases/ansible", "tests/cases/inventory"];

struct Case {
    folder: PathBuf,
    name: String,
    args: Vec<String>,
}

impl Case {
    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    fn question(&self, program: &str, args: &[&str]) -> Question {
        let args = args.iter().copied().chain(self.args.iter().map(String::as_str));
        Question::new(&self.folder, program, args)
    }

    /// What ezsync says, and nothing when it refuses.
    fn ezsync(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_ezsync"))
            .arg("inventory")
            .args(&self.args)
            .args(args)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        match output.status.code() {
            Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
            Some(5) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            code => Err(format!("PANIC? exit code {code:?}")),
        }
    }

    /// The inventory, from anywhere.
    fn load(&self) -> Inventory {
        let sources = self.args.iter().filter(|arg| *arg != "-i");
        let source = |arg: &String| {
            let path = self.folder.join(arg);
            if path.exists() { path.display().to_string() } else { arg.clone() }
        };
        Inventory::load(&sources.map(source).collect::<Vec<_>>()).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let folder = entry.path();
            let name = entry.file_name().into_string().unwrap();
            let args = match fs::read_to_string(folder.join("args")) {
                Ok(args) => args.lines().map(str::to_owned).collect(),
                Err(_) => {
                    let names = ["hosts", "hosts.yml", "hosts.yaml", "hosts.ini"];
                    let hosts = names.into_iter().find(|name| folder.join(name).is_file());
                    // What ezsync says to none is a case of its own, tested elsewhere.
                    let Some(hosts) = hosts else { continue };
                    vec!["-i".to_owned(), hosts.to_owned()]
                }
            };
            cases.push(Case { folder, name, args });
        }
    }
    cases.sort_by(|a, b| a.folder.cmp(&b.folder));
    cases
}

/// What differs, if anything: as both say it.
fn compare(found: Result<String, String>, expected: &Answer) -> Option<String> {
    match (found, expected.refused()) {
        (Err(message), _) if message.starts_with("PANIC") => Some(message),
        (Err(_), true) => None,
        (Err(message), false) => Some(format!("ezsync alone refuses it:\n{message}")),
        (Ok(found), true) => {
            Some(format!("Ansible alone refuses it:\n{}\nezsync: {found}", expected.stderr))
        }
        (Ok(found), false) => {
            let [expected, found] = [&expected.stdout, &found].map(|text| numbers_alike(text));
            (expected != found).then(|| {
                let diff = similar::TextDiff::from_lines(&expected, &found);
                diff.unified_diff().header("ansible", "ezsync").to_string()
            })
        }
    }
}

/// JSON may write a number in several ways. Everything else has to be the same to the letter.
fn numbers_alike(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => format!("{value:#}"),
        Err(_) => text.trim_end().to_owned(),
    }
}

#[test]
fn inventories_are_read_as_ansible_reads_them() {
    const ASKED: [&[&str]; 2] = [&["--list"], &["--graph", "--vars"]];
    let cases = cases();
    let questions = cases
        .iter()
        .flat_map(|case| ASKED.map(|args| case.question("ansible-inventory", args)))
        .collect();
    let Some(answers) = judge::ask(questions) else { return };
    let documented = fs::read_to_string("docs/ansible.md").unwrap();
    let mut wrong = Vec::new();
    let mut same = 0;
    for (case, answers) in cases.iter().zip(answers.chunks(ASKED.len())) {
        let differences: Vec<String> = ASKED
            .iter()
            .zip(answers)
            .filter_map(|(args, expected)| compare(case.ezsync(args), expected))
            .collect();
        let name = &case.name;
        match (case.read("differs"), differences.is_empty()) {
            (None, true) => same += usize::from(!answers[0].refused()),
            (None, false) => wrong.push(format!("{name}: {}", differences.join("\n"))),
            (Some(_), true) => wrong.push(format!("{name}: does not differ any more")),
            (Some(_), false) if !documented.contains(&format!("`{name}`")) => {
                wrong.push(format!("{name}: docs/ansible.md does not name it"));
            }
            (Some(_), false) => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
    assert!(same >= 90, "only {same} inventories are read by both: cases are missing");
}

#[test]
fn options_mean_what_they_mean_to_ansible_inventory() {
    let asked: [(&str, &[&str]); 8] = [
        ("many-groups", &["--list", "--limit", "x:!a"]),
        (
            "many-groups",
            &["--list", "-l", "common*", "-e", "v=1", "-e", "{\"w\": [1, {\"b\": 1, \"a\": 2}]}"],
        ),
        ("many-groups", &["--host", "common1"]),
        ("many-groups", &["--graph", "--limit", "a1"]),
        ("two-sources", &["--host", "w1", "-e", "v=extra"]),
        ("kubeasz-multi-node", &["--host", "192.0.2.1?"]),
        ("program", &["--host", "l1"]),
        ("sources-parents-and-children", &["--graph", "--vars", "-e", "v=1"]),
    ];
    let cases = cases();
    let case = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let questions =
        asked.iter().map(|(name, args)| case(name).question("ansible-inventory", args)).collect();
    let Some(answers) = judge::ask(questions) else { return };
    for ((name, args), expected) in asked.iter().zip(answers) {
        let difference = compare(case(name).ezsync(args), &expected);
        assert_eq!(difference, None, "{name} {args:?}");
    }
}

#[test]
fn patterns_select_what_they_select_for_ansible() {
    let mut asked = Vec::new();
    // Cases of our own are tests/inventory.rs's.
    for case in cases().into_iter().filter(|case| !case.name.starts_with("own-")) {
        let Some(patterns) = case.read("patterns") else { continue };
        let inventory = case.load();
        for pattern in patterns.lines().filter(|line| !line.is_empty()) {
            // Ansible takes files of hosts only to limit others, in their order.
            let file = pattern.contains('@');
            let pattern =
                if file { pattern.replace('@', &at(&case.folder)) } else { pattern.into() };
            let limit = format!("--limit={pattern}");
            let args = if file {
                ["all", "--list-hosts", &limit]
            } else {
                [&pattern, "--list-hosts", "-v"]
            };
            let mut found = inventory.select(&pattern).map_err(|problem| problem.to_string());
            if file && let Ok(hosts) = &mut found {
                let order: Vec<&str> = inventory.group("all").unwrap();
                hosts.sort_by_key(|host| order.iter().position(|known| known == host));
            }
            asked.push((case.question("ansible", &args), case.name.clone(), pattern, found));
        }
    }
    assert!(asked.len() > 60, "the patterns are missing: {}", asked.len());
    let questions = asked.iter().map(|(question, ..)| question.clone()).collect();
    let Some(answers) = judge::ask(questions) else { return };
    let mut wrong = Vec::new();
    for ((_, case, pattern, found), answer) in asked.iter().zip(answers) {
        let lines = answer.stdout.lines().filter_map(|line| line.strip_prefix("    "));
        let expected: Vec<String> = lines.map(str::to_owned).collect();
        let same = match found {
            Ok(hosts) => *hosts == expected && answer.code == 0,
            // What matches nothing is a mistake here and a warning there.
            Err(_) => expected.is_empty() || answer.code != 0 || answer.mismatch(),
        };
        if !same {
            wrong.push(format!(
                "{case}: {pattern}\n  ansible {expected:?} {}\n  ezsync  {found:?}",
                answer.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hosts_are_listed_in_ansibles_order() {
    const ASKED: [(&str, &[&str]); 9] = [
        ("list-order", &["all"]),
        ("list-order", &["kube_node:etcd"]),
        ("list-order", &["all", "--limit=kube_node:etcd"]),
        ("list-order", &["etcd:kube_node", "--limit=all[0]:e2"]),
        ("kubeasz-multi-node", &["all"]),
        ("kubeasz-multi-node", &["kube_node:kube_master"]),
        ("kubespray-like", &["all"]),
        ("depth-diamond", &["all"]),
        ("children-across-sources", &["all"]),
    ];
    let cases = cases();
    let case = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let flags = |args: &[&'static str]| [args, &["--list-hosts"]].concat();
    let questions =
        ASKED.iter().map(|(name, args)| case(name).question("ansible", &flags(args))).collect();
    let Some(answers) = judge::ask(questions) else { return };
    for ((name, args), expected) in ASKED.iter().zip(answers) {
        let listed = Command::new(env!("CARGO_BIN_EXE_ezsync"))
            .args(["exec", "any"])
            .args(flags(args))
            .args(&case(name).args)
            .current_dir(&case(name).folder)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&listed.stdout), expected.stdout, "{name} {args:?}");
        assert!(expected.stdout.contains("hosts ("), "{name} {args:?}: {}", expected.stderr);
    }
}

fn at(folder: &Path) -> String {
    format!("@{}/", folder.display())
}

#[test]
fn templates_in_variables_become_what_they_become_for_ansible() {
    let cases: Vec<Case> =
        cases().into_iter().filter(|case| case.read("resolve").is_some()).collect();
    assert!(cases.len() >= 12, "the cases are missing: {}", cases.len());
    let questions = cases.iter().map(|case| case.question("resolve", &[])).collect();
    let Some(answers) = judge::ask(questions) else { return };
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(answers) {
        let expected = serde_json::from_str(&answer.stdout).unwrap();
        let known = case.read("resolve").unwrap_or_default();
        let differences = resolve::differences(&case.load(), &expected, &known);
        wrong.extend(differences.iter().map(|what| format!("{}: {what}", case.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
