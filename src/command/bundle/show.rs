//! `ezsync bundle show`: what is in a bundle, after all of it was checked.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::super::print;
use super::summary;
use crate::bundle::Bundle;
use crate::cli::{BundleShow, Cli};
use crate::exit::Exit;
use crate::length;
use crate::sanitise::{sanitise, sanitise_json};

pub(super) fn run(cli: &Cli, options: &BundleShow) -> Result<Exit> {
    let bundle = Bundle::open(&options.file)?;
    let manifest = bundle.manifest();
    let file = bundle.path().display().to_string();
    if options.json {
        let sets = summary::sets(manifest);
        let document = json!({"bundle": file, "size": bundle.size(), "sets": sets});
        print(&(sanitise_json(serde_json::to_string_pretty(&document)?) + "\n"))?;
        return Ok(Exit::Ok);
    }
    // What several targets share is in it once.
    let packages = manifest.sets.iter().flat_map(|set| &set.packages);
    let sizes: BTreeMap<&str, u64> =
        packages.map(|package| (package.sha256.as_str(), package.size)).collect();
    let text = summary::list(manifest, cli.verbose > 0);
    print(&format!(
        "{text}{}: {} of packages in {} file{}, {} in all, undamaged\n",
        sanitise(&file),
        length::bytes(sizes.values().sum()),
        sizes.len(),
        if sizes.len() == 1 { "" } else { "s" },
        length::bytes(bundle.size())
    ))?;
    Ok(Exit::Ok)
}
