//! Packages, by the host's own package manager.

use std::sync::Arc;

use super::{Args, Call, Difference, Entry, Observed, Obstacle, Resource, Subject, Upload, Work};
use crate::bundle::{Member, Supply};
use crate::length;
use crate::problem::Problem;

/// The function that installs packages.
pub(super) const INSTALL: &str = "package_install";

/// The function that installs packages from files that were sent: their names, behind a `--` the packages that were
/// asked for, and behind another one those that only come along.
pub(super) const INSTALL_FILES: &str = "package_install_files";

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
    fn entries(&self) -> Vec<Entry> {
        self.names.iter().map(|name| Entry::Package(name.clone(), self.present)).collect()
    }

    fn subjects(&self) -> Vec<Subject> {
        let names = self.names.iter().cloned();
        let stock = names.clone().filter(|_| self.present).map(Subject::Stock);
        names.map(Subject::Package).chain(stock).collect()
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
        if let Some(supply) = observed.supply.as_ref().filter(|_| self.present) {
            return from_bundle(supply, names.into_iter().cloned().collect());
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

/// What a host that lacks the packages `names` gets from the bundle.
fn from_bundle(supply: &Supply, names: Vec<String>) -> Result<Option<Difference>, Obstacle> {
    let members = supply.bring(&names)?;
    if members.is_empty() {
        // Something on the host stands for all of them.
        return Ok(None);
    }
    let (wanted, others): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| names.contains(&member.package.name));
    let listed: Vec<String> = wanted.iter().map(|member| member.package.to_string()).collect();
    let more = match others.len() {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    let size = length::bytes(members.iter().map(|member| member.package.size).sum());
    let summary = format!(
        "install {} (from the bundle: {}{more}, {size})",
        names.join(", "),
        listed.join(", ")
    );
    let mut args: Vec<String> = members.iter().map(|it| it.package.file.clone()).collect();
    for members in [&wanted, &others] {
        args.push("--".to_owned());
        args.extend(members.iter().map(|member| member.package.name.clone()));
    }
    let uploads: Vec<Upload> = members.into_iter().map(upload).collect();
    let prepare = Some(Call::new(INSTALL_FILES, args));
    Ok(Some(Difference {
        summary,
        texts: None,
        work: Work { prepare, uploads, ..Work::default() },
    }))
}

fn upload(Member { package, bytes }: Member) -> Upload {
    Upload {
        name: package.file,
        sha256: package.sha256,
        installed_size: package.installed_size,
        bytes,
    }
}
