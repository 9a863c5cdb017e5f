//! Packages, by the host's own package manager.

use std::sync::Arc;

use super::{Args, Call, Difference, Observed, Obstacle, Resource, Subject, Work};
use crate::problem::Problem;

/// The function that installs packages.
pub(super) const INSTALL: &str = "package_install";

/// Packages that are there, or are not.
#[derive(Debug)]
struct Package {
    names: Vec<String>,
    present: bool,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let names = args.words("name")?;
    // Ansible's apt module refreshes the index on demand; so do we, when a package is not found.
    args.ignore("update_cache");
    let present = match args.word("state")?.as_deref() {
        None | Some("present" | "installed") => true,
        Some("absent" | "removed") => false,
        Some(other) => {
            return Err(args
                .problem(&format!("`state` must be present or absent, not {other}"))
                .hint("ezsync installs what is missing and never upgrades by itself"));
        }
    };
    Ok(Arc::new(Package { names, present }))
}

impl Resource for Package {
    fn subjects(&self) -> Vec<Subject> {
        self.names.iter().cloned().map(Subject::Package).collect()
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        let names: Vec<&String> = self
            .names
            .iter()
            .filter(|name| observed.packages.contains_key(*name) != self.present)
            .collect();
        if names.is_empty() {
            return Ok(None);
        }
        let listed = names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
        let args = || names.iter().map(|name| (*name).clone());
        let work = if self.present {
            Work { prepare: Some(Call::new(INSTALL, args())), ..Work::default() }
        } else {
            Work { activate: Some(Call::new("package_remove", args())), ..Work::default() }
        };
        let verb = if self.present { "install" } else { "remove" };
        Ok(Some(Difference { summary: format!("{verb} {listed}"), texts: None, work }))
    }
}
