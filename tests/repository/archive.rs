//! An archive as Debian's is: suites with lists, a pool, and a key that signs.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::run::{Bench, has, must};

/// An archive in the folder `debian` of a bench, signed by the key in `archive.key` there.
pub struct Archive<'a> {
    pub bench: &'a Bench,
}

/// A suite that is to be written.
pub struct Suite<'a> {
    pub name: &'a str,
    /// Lines of its Release file before the sums.
    pub fields: String,
    /// Its packages: name, version, further fields.
    pub packages: &'a [(&'a str, &'a str, &'a str)],
    /// Which key signs.
    pub signer: &'a str,
}

impl<'a> Suite<'a> {
    pub fn new(name: &'a str, packages: &'a [(&'a str, &'a str, &'a str)]) -> Self {
        let fields = format!("Suite: {name}\nCodename: {name}\nAcquire-By-Hash: no\n");
        Self { name, fields, packages, signer: "archive" }
    }
}

/// What stands on every host, in any release.
pub const BASE: &[(&str, &str, &str)] = &[
    ("base-files", "12", "Essential: yes\nProvides: awk\n"),
    ("libc6", "2.36-9+deb12u4", "Priority: required\n"),
    ("apt", "2.6.1", "Depends: libc6 (>= 2.30)\n"),
    ("chrony", "4.3-2", "Depends: libc6 (>= 2.34), libx1 (>= 1.0), adduser | passwd\n"),
    ("libx1", "1.0-1", ""),
    ("passwd", "1", "Priority: required\n"),
    ("vim", "9", "Depends: nothing-has-this\n"),
];

impl<'a> Archive<'a> {
    /// An archive with bookworm and its updates, the security ones with a later chrony; none where
    /// GnuPG is not installed.
    pub fn new(bench: &'a Bench) -> Option<Self> {
        if !has(&["gpg", "gpgconf"]) {
            return None;
        }
        let archive = Self { bench };
        fs::create_dir_all(archive.home()).unwrap();
        must(&archive.home(), "chmod", &["700", "."]);
        for name in ["archive", "stranger"] {
            let id = format!("{name} <{name}@example.org>");
            archive.gpg(&["--quick-gen-key", &id, "ed25519", "sign", "never"]);
        }
        let key = bench.path("archive.key");
        archive.gpg(&["--armor", "--output", key.to_str().unwrap(), "--export", "archive@"]);
        archive.write(&Suite::new("bookworm", BASE));
        archive.write(&Suite::new("bookworm-updates", &[]));
        archive.write(&Suite::new(
            "bookworm-security",
            &[("chrony", "4.3-2+deb12u1", "Depends: libc6 (>= 2.34), libx1\n")],
        ));
        Some(archive)
    }

    fn home(&self) -> PathBuf {
        self.bench.path("gnupg")
    }

    pub fn gpg(&self, words: &[&str]) {
        let home = self.home();
        let always = ["--quiet", "--batch", "--yes", "--pinentry-mode", "loopback"];
        let mut all = vec!["--homedir", home.to_str().unwrap()];
        all.extend(always);
        all.extend(["--passphrase", ""]);
        all.extend(words);
        must(&home, "gpg", &all);
    }

    pub fn dist(&self, suite: &str) -> PathBuf {
        self.bench.path(&format!("debian/dists/{suite}"))
    }

    /// Writes a suite, its lists as xz, and the files of its packages.
    pub fn write(&self, suite: &Suite) {
        let dist = self.dist(suite.name);
        let lists = dist.join("main/binary-amd64");
        fs::create_dir_all(&lists).unwrap();
        let mut list = String::new();
        for (name, version, fields) in suite.packages {
            let file = format!("pool/{name}_{version}_amd64.deb");
            let path = self.bench.path(&format!("debian/{file}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = format!("the file of {name} {version}");
            fs::write(path, &bytes).unwrap();
            let (size, sum) = (bytes.len(), hex(bytes.as_bytes()));
            list += &format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: {file}\nSize: {size}\nSHA256: {sum}\n{fields}\n"
            );
        }
        let packages = lists.join("Packages");
        fs::write(&packages, list).unwrap();
        must(&lists, "xz", &["--force", "Packages"]);
        self.sign(suite);
    }

    /// Writes the Release file of what stands there, and signs it.
    pub fn sign(&self, suite: &Suite) {
        let dist = self.dist(suite.name);
        let list = fs::read(dist.join("main/binary-amd64/Packages.xz")).unwrap();
        let release = format!(
            "Origin: Test\n{}Architectures: amd64\nComponents: main\nSHA256:\n {} {} main/binary-amd64/Packages.xz\n",
            suite.fields,
            hex(&list),
            list.len()
        );
        fs::write(dist.join("Release"), release).unwrap();
        let (from, to) = (dist.join("Release"), dist.join("InRelease"));
        let signer = format!("{}@example.org", suite.signer);
        let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
        self.gpg(&["-u", &signer, "--output", to, "--clearsign", from]);
    }

    /// The options that make ezsync take this archive for debian-12's.
    pub fn options(&self) -> Vec<String> {
        let url = self.bench.url("debian");
        let words = ["--for", "debian-12", "--arch", "amd64", "--keyring", "archive.key"];
        let mut all: Vec<String> = words.map(str::to_owned).to_vec();
        for name in ["debian", "debian-security"] {
            all.extend(["--mirror".to_owned(), format!("{name}={url}")]);
        }
        all
    }
}

impl Drop for Archive<'_> {
    /// Ends the agent that gpg has started for this home.
    fn drop(&mut self) {
        let home = self.home();
        let words = ["--homedir", home.to_str().unwrap(), "--kill", "all"];
        let _ = std::process::Command::new("gpgconf").args(words).status();
    }
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
