//! The program as it is typed: everything that happens before a connection is opened.
//!
//! Each folder below tests/cases/cli that has a file `cmd` is one case. `cmd` is a shell script
//! that runs `ezsync` in a project folder of its own: a copy of tests/cases/cli/project with the
//! case's own `project` folder laid over it. `stdout`, `stderr` and `exit` say what must come out;
//! a file that is missing stands for nothing printed and for exit code 0. `@PORT@` in files is
//! the port of a socket that listens on 127.0.0.1: a case fails when anything connects to it.
//!
//! `UPDATE_CASES=1 cargo test --test cli` writes down what comes out: read it before keeping it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const CASES: &str = "tests/cases/cli";

/// What came out of a case, in the words of its files.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    stdout: String,
    stderr: String,
    exit: String,
}

impl Outcome {
    const FILES: [&str; 3] = ["stdout", "stderr", "exit"];

    fn texts(&self) -> [&str; 3] {
        [&self.stdout, &self.stderr, &self.exit]
    }

    fn expected(case: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
        let exit = read("exit").trim().to_owned();
        let exit = if exit.is_empty() { "0".to_owned() } else { exit };
        Self { stdout: read("stdout"), stderr: read("stderr"), exit }
    }

    fn write(&self, case: &Path) {
        for (name, text) in Self::FILES.iter().zip(self.texts()) {
            let path = case.join(name);
            let nothing = text.is_empty() || (*name == "exit" && text == "0");
            if nothing {
                let _ = fs::remove_file(path);
            } else {
                let end = if *name == "exit" { "\n" } else { "" };
                fs::write(path, format!("{text}{end}")).unwrap();
            }
        }
    }
}

/// A project folder of its own, and a socket that must stay alone.
struct Bench {
    folder: tempfile::TempDir,
    listener: TcpListener,
}

impl Bench {
    fn new(case: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let bench = Self { folder: tempfile::tempdir().unwrap(), listener };
        fs::create_dir_all(bench.folder.path().join("home")).unwrap();
        bench.lay(&Path::new(CASES).join("project"), &bench.project());
        bench.lay(&case.join("project"), &bench.project());
        bench
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn port(&self) -> String {
        self.listener.local_addr().unwrap().port().to_string()
    }

    fn lay(&self, from: &Path, to: &Path) {
        let Ok(entries) = fs::read_dir(from) else { return };
        fs::create_dir_all(to).unwrap();
        for entry in entries.map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                self.lay(&entry.path(), &target);
            } else {
                let bytes = fs::read(entry.path()).unwrap();
                let bytes = match String::from_utf8(bytes) {
                    Ok(text) => text.replace("@PORT@", &self.port()).into_bytes(),
                    Err(error) => error.into_bytes(),
                };
                fs::write(target, bytes).unwrap();
            }
        }
    }

    fn run(&self, script: &str) -> Outcome {
        let program = Path::new(env!("CARGO_BIN_EXE_ezsync"));
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.project())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()))
            .env("HOME", self.folder.path().join("home"))
            .env("USER", "tester")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .replace(&self.port(), "@PORT@")
                .replace(ezsync::cli::VERSION, "@VERSION@")
        };
        let exit = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => code.to_string(),
            (None, signal) => format!("signal {signal:?}"),
        };
        Outcome { stdout: text(&output.stdout), stderr: text(&output.stderr), exit }
    }

    /// Whether anything connected to the socket.
    fn was_called(&self) -> bool {
        match self.listener.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                false
            }
        }
    }
}

/// All folders with a `cmd` in them, sorted.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().join("cmd").is_file() {
            found.push(entry.path());
        } else if entry.path().is_dir() && entry.file_name() != "project" {
            found.extend(cases(&entry.path()));
        }
    }
    found.sort();
    found
}

/// What is wrong with a case, if anything.
fn check(case: &Path) -> Option<String> {
    let bench = Bench::new(case);
    let found = bench.run(&fs::read_to_string(case.join("cmd")).unwrap());
    if bench.was_called() {
        return Some("a connection was opened".to_owned());
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        found.write(case);
    }
    let expected = Outcome::expected(case);
    if found == expected {
        return None;
    }
    let differences = Outcome::FILES.iter().zip(expected.texts()).zip(found.texts());
    let shown = differences.filter(|((_, expected), found)| expected != found).map(
        |((name, expected), found)| {
            let diff = similar::TextDiff::from_lines(expected, found);
            diff.unified_diff().header(&format!("expected {name}"), "found").to_string()
        },
    );
    Some(shown.collect())
}

#[test]
fn every_case_comes_out_as_written() {
    let cases = cases(Path::new(CASES));
    assert!(cases.len() > 150, "the cases are missing: {}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).map(|what| format!("{}:\n{what}", case.display())))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The guard itself: without a mistake, the socket is called.
#[test]
fn good_input_opens_a_connection() {
    let bench = Bench::new(Path::new("no such case"));
    let port = bench.port();
    bench.run(&format!("ezsync setup cluster01 -l node1 -T 1 -e ansible_port={port}"));
    assert!(bench.was_called());
}
