//! The hosts of an inventory and how they are reached: all that is needed to look in on them.

use std::collections::HashSet;

use super::builder::Builder;
use super::{Ground, Wish};
use crate::desired::Recipe;
use crate::inventory::Connection;
use crate::problem::Problem;
use crate::project::Project;
use crate::template::Layer;

/// One host of an inventory.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in the inventory.
    pub name: String,
    /// How to reach it.
    pub connection: Connection,
    /// What the reader of the result should know of its settings.
    pub notes: Vec<String>,
}

impl Node {
    /// The hosts of the cluster `name` of `project` that `pattern` and `wish` leave, in Ansible's order (none
    /// where a shard has none of them), and what looks like a mistake there. It needs no time source and no roles.
    ///
    /// # Errors
    /// The first mistake that is found, with its place, and when no host is left.
    pub fn load(
        project: &Project,
        name: &str,
        wish: &Wish,
        pattern: Option<&str>,
    ) -> Result<(Vec<Self>, Vec<Problem>), Problem> {
        let Ground { inventory, config, folder, extra } = Ground::read(project, name, wish)?;
        let recipe = Recipe::empty(project);
        let builder =
            Builder { name, inventory, config, folder, extra, options: Vec::new(), recipe };
        let everyone = builder.inventory.select("all")?;
        let mut chosen = match pattern {
            None => everyone,
            Some(pattern) => {
                builder.chosen(pattern, &everyone).map_err(|problem| problem.of(pattern))?
            }
        };
        if let Some(limit) = &wish.limit {
            let left = builder.chosen(limit, &chosen);
            let left = left.map_err(|problem| problem.of(format!("--limit {limit}").trim_end()))?;
            // As for Ansible, a limit says who, and the pattern in which order.
            let left: HashSet<String> = left.into_iter().collect();
            chosen.retain(|host| left.contains(host));
        }
        if chosen.is_empty() {
            return Err(Problem::new("the inventory has no hosts"));
        }
        builder.keep_shard(wish.shard, &mut chosen);
        let shared = Layer::literal(builder.shared_vars());
        let node = |host: &String| {
            let member = builder.member(host, &shared)?;
            Ok(Self { name: member.name, connection: member.connection, notes: member.notes })
        };
        let nodes: Result<_, Problem> = chosen.iter().map(node).collect();
        Ok((nodes?, builder.inventory.warnings().to_vec()))
    }
}
