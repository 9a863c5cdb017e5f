//! `ezsync inventory`: what was read, as `ansible-inventory` prints it.

use anyhow::Result;

use super::print;
use crate::cli;
use crate::exit::Exit;
use crate::inventory::{Inventory, extra};
use crate::problem::Problem;
use crate::project::Project;
use crate::sanitise::sanitise_lines;

pub(super) fn run(project: &Project, options: &cli::Inventory) -> Result<Exit> {
    if options.other_format || options.output.is_some() {
        let message =
            "--yaml, --toml, --export and --output of ansible-inventory do not exist here";
        return Err(Problem::new(message)
            .hint("--list prints JSON, for a file: ezsync inventory ... --list > FILE")
            .into());
    }
    let inventory = load(project, options)?;
    for warning in inventory.warnings() {
        eprintln!("warning: {warning}");
    }
    let extra = extra::parse(&options.extra_vars)?;
    let text = if let Some(host) = &options.host {
        inventory.show_host(host, &extra)??
    } else if let Some(group) = &options.graph {
        sanitise_lines(&inventory.show_graph(group, options.vars, &extra)?).into_owned()
    } else {
        let only = options.limit.as_deref().map(|pattern| inventory.select(pattern));
        inventory.show_list(only.transpose()?.as_deref(), &extra)?
    };
    print(&text)?;
    Ok(Exit::Ok)
}

fn load(project: &Project, options: &cli::Inventory) -> Result<Inventory, Problem> {
    if !options.inventory.is_empty() {
        return Inventory::load(&options.inventory);
    }
    match &options.cluster {
        Some(cluster) => Inventory::load_cluster(&project.cluster(cluster)?),
        None => Err(Problem::new("which inventory?").hint(
            "name a cluster before the options, or give a file, a folder or a list of hosts with -i",
        )),
    }
}
