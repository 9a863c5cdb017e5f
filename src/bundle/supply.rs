//! What a bundle brings to one host.

use std::sync::Arc;

use super::again::is_name;
use super::{Bundle, Host, Member, Misfit, Set};
use crate::package::{Format, Installed, Package, Unmet, deb, resolve, rpm};

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
        let chosen = resolve(wanted, &set.packages, &installed)
            .map_err(|first| self.lacking(set, first, wanted, &installed))?;
        let member = |package: &Package| {
            // Each package of an opened bundle has its file.
            Some(Member { package: package.clone(), bytes: self.bundle.file(package)? })
        };
        Ok(chosen.into_iter().filter_map(member).collect())
    }

    /// All that the bundle lacks for this host, not only what comes `first`: each need that nothing meets is
    /// taken out, until the others are met.
    fn lacking(&self, set: &Set, first: Unmet, wanted: &[String], has: &[Installed]) -> Misfit {
        let (mut wanted, mut packages) = (wanted.to_vec(), set.packages.clone());
        let (mut lines, mut lacks) = (Vec::new(), Vec::new());
        let mut unmet = Some(first);
        let mut all_named = true;
        while let Some(Unmet { need, .. }) = &unmet {
            lines.extend(unmet.as_ref().map(ToString::to_string));
            let name = need.split(' ').next().unwrap_or_default().to_owned();
            all_named = is_name(&name) && !lacks.contains(&name);
            if !all_named {
                break;
            }
            wanted.retain(|it| *it != name);
            for package in &mut packages {
                package.needs.retain(|of| of.first().is_none_or(|it| it.name != name));
            }
            lacks.push(name);
            unmet = resolve(&wanted, &packages, has).err();
        }
        let what =
            format!("the bundle does not do for this host ({}): {}", set.target, lines.join("; "));
        if all_named {
            return Misfit { what, next: self.again(&lacks), lacks };
        }
        let next = "make the bundle from what the hosts have, where both they and the repositories are in \
                    reach: `ezsync bundle create -o FILE --from CLUSTER`";
        Misfit { what, next: next.to_owned(), lacks: Vec::new() }
    }

    /// What to do when the bundle lacks the packages `names`.
    #[must_use]
    pub fn again(&self, names: &[String]) -> String {
        self.bundle.manifest().again(None, names)
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
            lacks: Vec::new(),
        })
    }
}
