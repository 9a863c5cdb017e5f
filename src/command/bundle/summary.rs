//! What is in a bundle, and what came of `ezsync bundle create`, for people and for programs.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::bundle::{Manifest, Set};
use crate::length;
use crate::package::Package;
use crate::sanitise::{sanitise, sanitise_json};

/// A bundle that was written.
pub(super) struct Summary<'a> {
    pub output: &'a Path,
    /// The size of the file in bytes.
    pub size: u64,
    /// How long it took.
    pub seconds: f64,
    pub manifest: &'a Manifest,
    pub notes: &'a [String],
}

impl Summary<'_> {
    /// For people. `cluster`: the one that it was made from.
    pub(super) fn text(&self, cluster: Option<&str>) -> String {
        let mut text: String = list(self.manifest, false);
        for note in self.notes {
            let _ = writeln!(text, "note: {}", sanitise(note));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        let output = self.output.display().to_string();
        let (output, size) = (sanitise(&output), length::bytes(self.size));
        let _ = writeln!(text, "{output}: {size}, in {:.1} s", self.seconds);
        let cluster = cluster.unwrap_or("CLUSTER");
        let _ = writeln!(text, "next: ezsync setup {} --bundle {output}", sanitise(cluster));
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Result<String> {
        let document = json!({
            "bundle": self.output.display().to_string(),
            "size": self.size,
            "seconds": self.seconds,
            "sets": sets(self.manifest),
            "notes": self.notes,
        });
        Ok(sanitise_json(serde_json::to_string_pretty(&document)?) + "\n")
    }
}

/// All sets of a bundle, with the SHA-256 of each package where `digests` are wanted.
pub(super) fn list(manifest: &Manifest, digests: bool) -> String {
    manifest.sets.iter().map(|it| set(it, digests)).collect()
}

/// The same for programs.
pub(super) fn sets(manifest: &Manifest) -> Vec<Value> {
    let package = |it: &Package| {
        json!({
            "name": it.name, "version": it.version, "architecture": it.architecture,
            "file": it.file, "size": it.size, "sha256": it.sha256,
        })
    };
    let set = |set: &Set| {
        json!({
            "release": set.target.release,
            "architecture": set.target.architecture,
            "wanted": set.wanted,
            "packages": set.packages.iter().map(package).collect::<Vec<_>>(),
        })
    };
    manifest.sets.iter().map(set).collect()
}

/// One kind of host with its packages.
fn set(set: &Set, digests: bool) -> String {
    let widest = |of: fn(&Package) -> &str| {
        set.packages.iter().map(|package| of(package).len()).max().unwrap_or_default()
    };
    let (name, version) = (widest(|package| &package.name), widest(|package| &package.version));
    let total = set.packages.iter().map(|package| package.size).sum();
    let wanted = set.wanted.join(", ");
    let mut text = format!(
        "{}: {} package{}, {}, for {}\n",
        set.target,
        set.packages.len(),
        if set.packages.len() == 1 { "" } else { "s" },
        length::bytes(total),
        sanitise(&wanted)
    );
    for package in &set.packages {
        let size = length::bytes(package.size);
        let (own, of) = (sanitise(&package.name), sanitise(&package.version));
        let digest = if digests { format!("  {}", package.sha256) } else { String::new() };
        let _ = writeln!(text, "  {own:name$}  {of:version$}  {size:>9}{digest}");
    }
    text + "\n"
}
