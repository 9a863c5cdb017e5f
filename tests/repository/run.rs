//! The program, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ezsync::bundle::{Bundle, Manifest};

/// A folder with a cache, a home and what a test puts there.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

/// What came out.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    /// Runs `ezsync bundle create -o OUTPUT WORDS...`.
    pub fn create(&self, output: &str, words: &[&str]) -> Ran {
        self.create_with("exec", output, words)
    }

    /// The same behind the words `before` of a shell.
    pub fn create_with(&self, before: &str, output: &str, words: &[&str]) -> Ran {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{before} \"$0\" \"$@\""), env!("CARGO_BIN_EXE_ezsync")]);
        command.args(["bundle", "create", "-o", output]).args(words);
        command.current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: status.code().unwrap(), stdout: text(&stdout), stderr: text(&stderr) }
    }

    pub fn manifest(&self, output: &str) -> Manifest {
        Bundle::open(&self.path(output)).unwrap().manifest().clone()
    }
}

impl Ran {
    pub fn is_good(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Refused, with these words and code.
    pub fn fails(&self, code: i32, words: &str) {
        assert!(self.code == code && self.stderr.contains(words), "{words}: {self:?}");
    }
}

/// The packages of each set, as `chrony 4.3`, by the set's target.
pub fn packages(manifest: &Manifest) -> Vec<(String, Vec<String>)> {
    let set = |set: &ezsync::bundle::Set| {
        let names = set.packages.iter().map(ToString::to_string).collect();
        (set.target.to_string(), names)
    };
    manifest.sets.iter().map(set).collect()
}

/// Runs a program that has to work, in `folder`.
pub fn must(folder: &Path, program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}

/// Whether these programs are here; says that the test is skipped where not.
pub fn has(programs: &[&str]) -> bool {
    let is_there = |program: &&&str| {
        ["/usr/bin", "/bin"].iter().any(|dir| Path::new(dir).join(program).exists())
    };
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        ezsync_hosts::skip(&format!("not installed: {missing:?}"));
    }
    missing.is_empty()
}
