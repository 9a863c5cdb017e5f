//! What a bundle brings to one host.

use std::sync::Arc;

use super::{Bundle, Host, Member, Misfit, Set};
use crate::package::{Format, Installed, Package, deb, resolve, rpm};

/// What a host says of its packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stock {
    /// Its architecture, as its package manager calls it.
    pub architecture: String,
    /// A line for each package that is installed: name, version, what it gives, with tabs between them.
    pub packages: String,
}

/// A bundle held against a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Supply {
    bundle: Arc<Bundle>,
    host: Host,
    /// What is on the host, and what the plan so far brings.
    installed: Vec<Installed>,
}

impl Supply {
    /// What `bundle` has for `host`, which has this `stock`.
    ///
    /// # Errors
    /// What the host says of its packages cannot be read.
    pub fn new(bundle: Arc<Bundle>, host: Host, stock: &Stock) -> Result<Self, Misfit> {
        let installed = match bundle.manifest().set_for(&host) {
            Ok(set) => stock.installed(set)?,
            // It can take nothing of the bundle: that is for the task to say that wants a package.
            Err(_) => Vec::new(),
        };
        Ok(Self { bundle, host, installed })
    }

    /// The version of package `name` that the host would get; none where it gets none.
    #[must_use]
    pub fn version_of(&self, name: &str) -> Option<&str> {
        let packages = &self.set().ok()?.packages;
        packages.iter().find(|package| package.name == name).map(|package| package.version.as_str())
    }

    /// The packages that the host lacks for `wanted`, with their files.
    ///
    /// # Errors
    /// No set fits the host, or something is needed that neither the host nor the set has.
    pub fn bring(&self, wanted: &[String]) -> Result<Vec<Member>, Misfit> {
        let set = self.set()?;
        // What is wanted is not properly there, or nobody would ask: dpkg may have been cut off at it.
        let is_there = |package: &&Installed| !wanted.contains(&package.name);
        let installed: Vec<Installed> = self.installed.iter().filter(is_there).cloned().collect();
        let chosen = resolve(wanted, &set.packages, &installed).map_err(|unmet| {
            let asked_for: Vec<&String> = match unmet.by {
                Some(_) => Vec::new(),
                None => wanted.iter().filter(|name| !has(set, name)).collect(),
            };
            let next = match asked_for.as_slice() {
                [] => "make the bundle from what the hosts have: `ezsync bundle create --from CLUSTER`"
                    .to_owned(),
                names => {
                    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                    let names = names.join(",");
                    format!("make it again, with --package {names} too: `ezsync bundle create`")
                }
            };
            let what = format!("the bundle does not do for this host ({}): {unmet}", set.target);
            Misfit { what, next }
        })?;
        let member = |package: &Package| {
            // Each package of an opened bundle has its file.
            Some(Member { package: package.clone(), bytes: self.bundle.file(package)? })
        };
        Ok(chosen.into_iter().filter_map(member).collect())
    }

    /// Counts on it that these packages are brought, by their SHA-256: what comes later finds them there.
    /// Gives their names and versions.
    pub fn expect<'a>(&mut self, brought: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
        let Ok(set) = self.set() else { return Vec::new() };
        let of = |digest: &str| set.packages.iter().find(|package| package.sha256 == digest);
        let packages: Vec<Package> = brought.filter_map(of).cloned().collect();
        let mut names = Vec::new();
        for package in packages {
            names.push((package.name.clone(), package.version.clone()));
            self.installed.retain(|installed| installed.name != package.name);
            let Package { name, version, gives, .. } = package;
            self.installed.push(Installed { name, version, gives });
        }
        names
    }

    fn set(&self) -> Result<&Set, Misfit> {
        self.bundle.manifest().set_for(&self.host)
    }
}

fn has(set: &Set, name: &str) -> bool {
    set.packages.iter().any(|package| package.name == name)
}

impl Stock {
    /// What is installed, in the format of `set`.
    fn installed(&self, set: &Set) -> Result<Vec<Installed>, Misfit> {
        let format = set.packages.first().map(|package| package.format).unwrap_or_default();
        let read = match format {
            Format::Deb => deb::read_installed(&self.packages, set.target.architecture),
            Format::Rpm => rpm::read_installed(&self.packages),
        };
        read.map_err(|why| Misfit {
            what: format!("what the host says of its packages cannot be read: {why}"),
            next: "look at what `dpkg-query -W` or `rpm -qa` prints there".to_owned(),
        })
    }
}
