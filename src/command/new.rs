//! `ezsync new`: the folder of a new cluster.

use std::fs::{self, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result};

use super::print;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{self, Project};

const HOSTS: &str = include_str!("../../inventories/example/hosts");
const CONFIG: &str = include_str!("../../inventories/example/config.yml");

pub(super) fn run(project: &Project, cluster: &str) -> Result<Exit> {
    project::check_cluster_name(cluster)?;
    let folder = project.path(&format!("inventories/{cluster}"));
    if folder.exists() {
        return Err(Problem::new(format!(
            "{} exists already: nothing was changed",
            folder.display()
        ))
        .hint("choose another name, or edit what is there")
        .into());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in [("hosts", HOSTS), ("config.yml", CONFIG)] {
        let path = folder.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let shown = folder.display();
    print(&format!(
        "made {shown}/hosts       which hosts, and which of them is the time source\n\
         made {shown}/config.yml  the public servers it follows, and more\n\n\
         Edit both, then run: ezsync setup {cluster}\n"
    ))?;
    Ok(Exit::Ok)
}
