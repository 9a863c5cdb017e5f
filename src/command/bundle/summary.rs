//! What came of `ezsync bundle create`, for people and for programs.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::bundle::{Manifest, Set};
use crate::length;
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
        let mut text: String = self.manifest.sets.iter().map(set).collect();
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
        let sets = self.manifest.sets.iter().map(|set| {
            let packages: Vec<_> = set
                .packages
                .iter()
                .map(|it| {
                    json!({"name": it.name, "version": it.version, "file": it.file, "size": it.size, "sha256": it.sha256})
                })
                .collect();
            json!({
                "release": set.target.release,
                "architecture": set.target.architecture,
                "wanted": set.wanted,
                "packages": packages,
            })
        });
        let document = json!({
            "bundle": self.output.display().to_string(),
            "size": self.size,
            "seconds": self.seconds,
            "sets": sets.collect::<Vec<_>>(),
            "notes": self.notes,
        });
        Ok(sanitise_json(serde_json::to_string_pretty(&document)?) + "\n")
    }
}

/// One kind of host with its packages.
fn set(set: &Set) -> String {
    let widest = |of: fn(&crate::package::Package) -> &str| {
        set.packages.iter().map(|package| of(package).len()).max().unwrap_or_default()
    };
    let (name, version) = (widest(|package| &package.name), widest(|package| &package.version));
    let total = set.packages.iter().map(|package| package.size).sum();
    let mut text =
        format!("{}: {} packages, {}\n", set.target, set.packages.len(), length::bytes(total));
    for package in &set.packages {
        let size = length::bytes(package.size);
        let (own, of) = (sanitise(&package.name), sanitise(&package.version));
        let _ = writeln!(text, "  {own:name$}  {of:version$}  {size:>9}");
    }
    text + "\n"
}
