//! Asks Ansible: all questions in one process, for it starts slowly.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A folder, a program and its arguments.
#[derive(Clone)]
pub struct Question(Vec<String>);

impl Question {
    pub fn new<'a>(folder: &Path, program: &str, args: impl Iterator<Item = &'a str>) -> Self {
        let folder = folder.display().to_string();
        Self([folder, program.to_owned()].into_iter().chain(args.map(str::to_owned)).collect())
    }
}

/// What the program said.
#[derive(Deserialize)]
pub struct Answer {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

impl Answer {
    /// Whether Ansible made nothing of one of the sources. It warns then, and goes on.
    pub fn refused(&self) -> bool {
        self.code != 0 || self.stderr.contains("Unable to parse")
    }

    /// Whether Ansible found nothing for a pattern. It warns then, and goes on.
    pub fn mismatch(&self) -> bool {
        self.stderr.contains("Could not match")
    }
}

/// The answers, in the order of the questions; nothing where there is no Ansible.
pub fn ask(questions: Vec<Question>) -> Option<Vec<Answer>> {
    ask_with("", questions)
}

/// The same of an Ansible whose configuration this is.
pub fn ask_with(config: &str, questions: Vec<Question>) -> Option<Vec<Answer>> {
    let text = config;
    let requirements = Path::new("tests/ansible/requirements.txt");
    let python = ezsync_hosts::judge(requirements)?.join("python");
    // Whatever is set up for Ansible on this machine must not take part.
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("ansible.cfg");
    fs::write(&config, text).unwrap();
    let mut judge = Command::new("timeout")
        .args(["300".as_ref(), python.as_os_str(), "tests/ansible/judge.py".as_ref()])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .env("ANSIBLE_CONFIG", &config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions: Vec<Vec<String>> = questions.into_iter().map(|question| question.0).collect();
    let text = serde_json::to_string(&questions).unwrap();
    // Dropped at once, which ends what the judge reads.
    judge.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge failed: {}", output.status);
    let lines = str::from_utf8(&output.stdout).unwrap().lines();
    let answers: Vec<Answer> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    Some(answers)
}
