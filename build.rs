//! Puts the commit into the version, and notes when it is built.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    // A source archive has no commit: the version alone is honest then.
    let version = match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo:rustc-env=EZSYNC_VERSION={version}");
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    // No right clock shows an earlier time. Builds that shall come out equal everywhere say when they are.
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|given| given.parse().ok());
    println!("cargo:rustc-env=EZSYNC_BUILT={}", given.unwrap_or_else(now));
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // include_dir does not tell cargo what it read.
    println!("cargo:rerun-if-changed=roles");
    println!("cargo:rerun-if-changed=templates");
}
