//! `ezsync bundle create --from CLUSTER`: what a bundle has to hold, by the hosts themselves.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::access::{Rights, warn};
use super::super::drive::{Moved, drive};
use crate::cli::{BundleCreate, Cli, Hosts};
use crate::cluster::{Cluster, Member};
use crate::exit::Exit;
use crate::facts::{ChronyFacts, Facts};
use crate::fleet::{self, Outcome, Surveyed, Trouble, Visit, Visitee};
use crate::package::{self, Installed, Release, Target};
use crate::problem::Problem;
use crate::project::Project;
use crate::repository::{Means, Wanted};
use crate::resource::Subject;
use crate::role::tags::Choice;
use crate::sanitise::sanitise_lines;

/// A cluster that a bundle is made for.
pub(super) struct From {
    cluster: Cluster,
}

/// What its hosts said.
pub(super) enum Said {
    /// What a bundle has to hold, and what the reader should know.
    Wanted(Vec<Wanted>, Vec<String>),
    /// A host did not answer, or nothing fits it: that has been told.
    Trouble(Exit),
}

impl From {
    /// Reads the cluster, and what is wrong with it.
    pub(super) fn read(project: &Project, options: &BundleCreate, cluster: &str) -> Result<Self> {
        let hosts = Hosts {
            cluster: cluster.to_owned(),
            inventory: options.inventory.clone(),
            limit: options.limit.clone(),
            shard: None,
            extra_vars: options.extra_vars.clone(),
            list_hosts: false,
        };
        Ok(Self { cluster: hosts.load(project, None, Choice::default(), Vec::new())? })
    }

    /// The settings of config.yml for this.
    pub(super) fn settings(&self) -> &crate::cluster::PackageSettings {
        &self.cluster.settings.packages
    }

    /// Asks the hosts.
    pub(super) fn ask(&self, cli: &Cli, options: &BundleCreate, means: &Means) -> Result<Said> {
        let hosts = visitees(&self.cluster.members, options)?;
        let names = hosts.iter().map(|host| host.name.clone()).collect();
        let forks = options.access.forks;
        let moved =
            drive(cli, forks, "no more hosts are asked", names, |by| fleet::survey(by, hosts))?;
        let Moved { hosts: visits, interrupted, .. } = moved;
        if interrupted {
            return Ok(Said::Trouble(Exit::Interrupted));
        }
        let (mut wanted, mut notes, mut exit) = (BTreeMap::new(), Vec::new(), Exit::Ok);
        for (member, visit) in self.cluster.members.iter().zip(visits) {
            let name = visit.host.clone();
            match self.one(member, visit, (options, means), &mut wanted) {
                Ok(()) => {}
                Err((Trouble { what, .. }, _)) if options.partial => {
                    notes.push(format!("{name} is left out: {what}"));
                }
                Err((trouble, of)) => {
                    let text = format!("{name}: {}\nhint: {}", trouble.what, trouble.next);
                    eprintln!("error: {}", sanitise_lines(&text));
                    // A host that fails outranks one that is unreachable, as elsewhere.
                    exit = if exit == Exit::HostFailed { exit } else { of };
                }
            }
        }
        if exit != Exit::Ok {
            eprintln!("nothing was written; --partial goes on without these hosts");
            return Ok(Said::Trouble(exit));
        }
        let wanted: Vec<Wanted> = wanted.into_values().collect();
        if wanted.iter().all(|it| it.packages.is_empty()) {
            return Err(Problem::new("the cluster's roles install no packages on these hosts")
                .hint("name what the bundle is to hold with --package")
                .into());
        }
        Ok(Said::Wanted(wanted, notes))
    }

    /// Takes one host's answer in.
    fn one(
        &self,
        member: &Member,
        visit: Visit<Surveyed>,
        (options, means): (&BundleCreate, &Means),
        wanted: &mut BTreeMap<Target, Wanted>,
    ) -> Result<(), (Trouble, Exit)> {
        let surveyed = match (visit.outcome, visit.answer) {
            (Outcome::Ok, Some(surveyed)) => surveyed,
            (Outcome::Unreachable(trouble), _) => return Err((trouble, Exit::Unreachable)),
            (Outcome::Failed(trouble), _) => return Err((trouble, Exit::HostFailed)),
            _ => return Err((Trouble::new("it was not asked", "run it again"), Exit::HostFailed)),
        };
        let failed = |trouble| (trouble, Exit::HostFailed);
        let (target, installed) = read(&surveyed).map_err(failed)?;
        means.knows(&target).map_err(|problem| {
            let next = problem.advice().unwrap_or("leave this host out with --limit");
            failed(Trouble::new(problem.message(), next))
        })?;
        let packages = match options.packages.as_slice() {
            [] => self.packages(member, surveyed.facts).map_err(failed)?,
            given => given.to_vec(),
        };
        let of_target = wanted.entry(target.clone()).or_insert_with(|| Wanted {
            target,
            packages: Vec::new(),
            hosts: Vec::new(),
        });
        of_target.packages.extend(packages);
        of_target.packages.sort();
        of_target.packages.dedup();
        // Hosts of one image have the same packages: what does for one does for all.
        if of_target.hosts.iter().all(|(_, known)| *known != installed) {
            of_target.hosts.push((visit.host, installed));
        }
        Ok(())
    }

    /// What the roles install on a host like this one, if it had no chrony yet: a bundle is also for the
    /// day when a host is made anew.
    fn packages(&self, member: &Member, facts: Facts) -> Result<Vec<String>, Trouble> {
        let chrony = ChronyFacts { installed: false, ..facts.chrony };
        let facts = Facts { chrony, ..facts };
        let desired =
            self.cluster.recipe.desired(&member.vars, &facts).map_err(|problem| {
                Trouble::new(problem.to_string(), "mend the file and run again")
            })?;
        let name = |subject| match subject {
            // Of those alone that shall be there.
            Subject::Stock(name) => Some(name),
            _ => None,
        };
        Ok(desired.subjects().filter_map(name).collect())
    }
}

fn visitees(members: &[Member], options: &BundleCreate) -> Result<Vec<Visitee>> {
    let mut access = options.access.settings(Rights::Login)?;
    let visitee = |member: &Member| {
        Ok(Visitee {
            name: member.name.clone(),
            reach: access.reach(&member.name, &member.connection)?,
            notes: member.notes.clone(),
        })
    };
    let visitees: Result<Vec<Visitee>, Problem> = members.iter().map(visitee).collect();
    warn(&access);
    Ok(visitees?)
}

/// What kind of host it is, and what it has.
fn read(surveyed: &Surveyed) -> Result<(Target, Vec<Installed>), Trouble> {
    let facts = &surveyed.facts;
    let leave_out = "leave this host out with --limit, or name what is for it with --for";
    let name = format!("{}-{}", facts.distribution, facts.distribution_version);
    let release: Release = name.parse().map_err(|_| {
        let what = format!("its os-release names no release: ID and VERSION_ID make `{name}`");
        Trouble::new(what, leave_out)
    })?;
    let architecture = surveyed
        .stock
        .architecture
        .parse()
        .map_err(|what: String| Trouble::new(what, leave_out))?;
    let installed = if facts.package_manager == "apt" {
        package::deb::read_installed(&surveyed.stock.packages, architecture)
    } else {
        package::rpm::read_installed(&surveyed.stock.packages)
    };
    let installed = installed.map_err(|error| {
        let what = format!("its list of packages cannot be read: {error}");
        Trouble::new(what, "see what `dpkg-query -W` or `rpm -qa` prints there")
    })?;
    Ok((Target { release, architecture }, installed))
}
