//! `ezsync render`: the files that each host would get, with no network at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{list_hosts, print};
use crate::cli::Render;
use crate::exit::Exit;
use crate::facts::{Facts, Platform};
use crate::problem::Problem;
use crate::project::Project;
use crate::resource::FileText;
use crate::role::tags::Choice;

/// What stands for a file that not everyone may read on the host.
const HIDDEN: &str = "# Not shown: it is not for everyone to read.\n";

pub(super) fn run(project: &Project, options: &Render) -> Result<Exit> {
    let platform = platform(&options.platform)?;
    let cluster = options.hosts.load(project, None, Choice::default(), Vec::new())?;
    if options.hosts.list_hosts {
        return list_hosts(&cluster);
    }
    let facts = Facts::typical(platform);
    let mut all = Vec::new();
    for member in &cluster.members {
        let desired = cluster.recipe.desired(&member.vars, &facts)?;
        let text = |file: FileText| (file.path, file.text.unwrap_or_else(|| HIDDEN.to_owned()));
        all.extend(desired.files().map(text).map(|(path, text)| (&member.name, path, text)));
    }
    let is_source = |name: &String| cluster.sources.iter().any(|source| source.name == *name);
    let has_source = cluster.members.iter().any(|member| is_source(&member.name));
    if has_source && cluster.settings.networks.needs_facts() {
        anstream::eprintln!(
            "note: some hosts are given by name, so the subnets that the source is in are allowed too; \
             they are known only on the host. Set local_network to choose them yourself."
        );
    }
    match &options.output {
        Some(folder) => {
            for (host, path, text) in &all {
                let path = write(&folder.join(host), path, text)?;
                print(&format!("wrote {}\n", path.display()))?;
            }
        }
        None => {
            for (host, path, text) in &all {
                let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
                print(&format!("# --- {host}: {path}\n{text}{end}"))?;
            }
        }
    }
    Ok(Exit::Ok)
}

fn platform(name: &str) -> Result<Platform, Problem> {
    let known = |platform: &Platform| platform.name().eq_ignore_ascii_case(name);
    Platform::all().find(known).ok_or_else(|| {
        let names: Vec<&str> = Platform::all().map(Platform::name).collect();
        Problem::new(format!("--platform {name}: there is no such family")).meant(
            name,
            &names,
            "known are",
        )
    })
}

/// Writes the file of a host below its folder. Paths are absolute and climb nowhere: the
/// resources have seen to that.
fn write(folder: &Path, path: &str, text: &str) -> Result<PathBuf> {
    let target = folder.join(path.trim_start_matches('/'));
    let parent = target.parent().unwrap_or(folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    fs::write(&target, text).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(target)
}
