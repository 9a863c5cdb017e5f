//! From what is wanted to the packages with their files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::catalogue::{self, Source, Sources};
use super::deb::{self, Trust, suite};
use super::error::Error;
use super::event::{Event, Phase};
use super::fetch::{Fetcher, Item};
use super::http::{Http, SILENCE};
use super::offered::{Offered, Roots, fits, place, resolve, sum, unpacked};
use super::release_file::ReleaseFile;
use super::signature::Keyring;
use super::{Mirrors, Own, Proxies, below, rpm, shown};
use crate::bundle::{self, Manifest, Member, PACKAGES_MAX, Set};
use crate::package::{self, Installed, Package, Target};
use crate::problem::Problem;

/// No list of packages is larger than this when unpacked (bytes): Fedora's has 300 MB.
const LIST_MAX: u64 = 2 << 30;

/// What is wanted for one kind of host.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The kind of host.
    pub target: Target,
    /// The packages by name.
    pub packages: Vec<String>,
    /// Hosts by name, with what they have: the packages will do for each of them, and for one that has
    /// next to nothing.
    pub hosts: Vec<(String, Vec<Installed>)>,
}

/// Where and how packages are looked for.
#[derive(Debug)]
pub struct Means {
    /// Other places for repositories.
    pub mirrors: Mirrors,
    /// What downloads go through.
    pub proxies: Proxies,
    /// Files with the keys to trust; where there are none, those that distributions are known to
    /// sign with.
    pub keyrings: Vec<Vec<u8>>,
    /// The user's own packages: they go before those of repositories.
    pub own: Vec<Own>,
    /// Folders beside them that were not read.
    pub ignored: Vec<PathBuf>,
    /// What was fetched before.
    pub cache: Cache,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl Means {
    /// Whether it is known where packages for `target` are.
    ///
    /// # Errors
    /// It is not, and what to do about it.
    pub fn knows(&self, target: &Target) -> Result<(), Problem> {
        self.sources(target).map(drop)
    }

    fn sources(&self, target: &Target) -> Result<Sources, Problem> {
        catalogue::sources(target, &self.mirrors, !self.own.is_empty())
    }
}

/// What was gathered.
#[derive(Debug)]
pub struct Gathered {
    /// What is in it.
    pub manifest: Manifest,
    /// All packages with their files, each once.
    pub members: Vec<Member>,
    /// What the reader of the result should know.
    pub notes: Vec<String>,
}

/// Gathers all that is `wanted`, and tells what happens by `events`. It blocks until it is done, or
/// until `cancelled` says so.
///
/// # Errors
/// What cannot be had, what failed, or that the user ended it.
pub fn gather(
    wanted: &[Wanted],
    means: Means,
    events: UnboundedSender<Event>,
    cancelled: &CancellationToken,
) -> Result<Gathered, Error> {
    // Mistakes show before anything is fetched.
    let all = wanted
        .iter()
        .map(|it| means.sources(&it.target))
        .collect::<Result<Vec<Sources>, Problem>>()?;
    let keyring = means.keyrings.iter().map(|bytes| Keyring::read(bytes)).reduce(Keyring::and);
    if keyring.as_ref().is_some_and(Keyring::is_empty) {
        let problem = Problem::new("--keyring: there is no OpenPGP key in it");
        return Err(problem.hint("give a file as `gpg --export` writes it").into());
    }
    let fetcher = Fetcher {
        http: Http::new(means.proxies, SILENCE),
        cache: means.cache,
        events,
        cancelled,
        next: AtomicUsize::new(0),
    };
    let Means { own, ignored, now, .. } = means;
    let work = Gathering { fetcher, trust: Trust { keyring, now }, own, ignored };
    work.run(wanted, &all)
}

struct Gathering<'a> {
    fetcher: Fetcher<'a>,
    trust: Trust,
    own: Vec<Own>,
    ignored: Vec<PathBuf>,
}

/// The lists of packages that were fetched, by their sources.
type Lists = HashMap<(Source, Target), Item>;

impl Gathering<'_> {
    fn run(&self, wanted: &[Wanted], all: &[Sources]) -> Result<Gathered, Error> {
        self.fetcher.tell(Event::Begun(Phase::Lists));
        let lists = self.lists(wanted.iter().zip(all).map(|(it, of)| (&it.target, &of.first)))?;
        self.fetcher.tell(Event::Begun(Phase::Finding));
        let mut roots = HashMap::new();
        let (mut manifest, mut notes) = (Manifest::default(), Vec::new());
        for (it, sources) in wanted.iter().zip(all) {
            notes.extend(self.doubts(&it.target, &sources.first));
            let has = |source: &Source| lists.contains_key(&(source.clone(), it.target.clone()));
            let lacking = deb::lacking(&sources.first, has);
            notes.extend(lacking.map(|what| format!("{}: {what}", it.target)));
            let offered = self.offered(&it.target, &sources.first, &lists)?;
            let mut chosen = self.choose(it, sources, offered, &mut notes)?;
            package::rpm::forget_idle_files(&mut chosen.packages);
            roots.extend(chosen.roots);
            let (target, wanted) = (it.target.clone(), it.packages.clone());
            manifest.sets.push(Set { target, wanted, packages: chosen.packages });
        }
        self.fetcher.tell(Event::Begun(Phase::Packages));
        let members = self.members(&mut manifest, &roots)?;
        notes.extend(super::notes::notes(&manifest, &self.own, &self.ignored));
        Ok(Gathered { manifest, members, notes })
    }

    /// Fetches the lists of `sources`, each once.
    fn lists<'a>(
        &self,
        sources: impl Iterator<Item = (&'a Target, &'a Vec<Source>)>,
    ) -> Result<Lists, Error> {
        let pairs: Vec<(Source, Target)> = sources
            .flat_map(|(target, all)| all.iter().map(|it| (it.clone(), target.clone())))
            .collect();
        let suites = pairs.iter().filter_map(|(source, _)| suite(source));
        let releases =
            self.fetcher.map(suites, |suite| suite.release(&self.fetcher, &self.trust))?;
        let urls = pairs.iter().filter_map(|(source, _)| match source {
            Source::Rpm { url } => Some(url.clone()),
            Source::Deb { .. } => None,
        });
        let primaries = self.fetcher.map(urls, |url| rpm::list(&self.fetcher, &self.trust, url))?;
        let mut lists = Lists::new();
        for (source, target) in pairs {
            let item = match &source {
                Source::Rpm { url } => primaries.get(url).cloned(),
                Source::Deb { component, .. } => {
                    let suite = suite(&source);
                    let file: Option<&ReleaseFile> = suite
                        .as_ref()
                        .and_then(|suite| releases.get(suite))
                        .and_then(Option::as_ref);
                    suite
                        .zip(file)
                        .map(|(suite, file)| suite.list(file, component, target.architecture))
                        .transpose()?
                }
            };
            if let Some(item) = item {
                lists.insert((source, target), item);
            }
        }
        // From here on they are in the cache: not all of them are held at once.
        let mut items: Vec<&Item> = lists.values().collect();
        items.sort_by(|one, other| (&one.sum, &one.url).cmp(&(&other.sum, &other.url)));
        items.dedup_by(|next, kept| next.sum == kept.sum);
        self.fetcher.each(&items, |item| self.fetcher.get(item).map(drop))?;
        Ok(lists)
    }

    /// What the reader should know of sources that nobody has signed.
    fn doubts(&self, target: &Target, sources: &[Source]) -> Vec<String> {
        let unsigned = sources.iter().filter_map(|source| match source {
            Source::Rpm { url } if self.trust.keyring.is_none() => rpm::doubt(url),
            _ => None,
        });
        unsigned.map(|doubt| format!("{target}: {doubt}")).collect()
    }

    /// All packages that a target can have.
    fn offered(
        &self,
        target: &Target,
        sources: &[Source],
        lists: &Lists,
    ) -> Result<Offered, Error> {
        let mut offered = Offered::default();
        for source in sources {
            if let Some(item) = lists.get(&(source.clone(), target.clone())) {
                offered.add(self.read(source, item, target)?, source.url());
            }
        }
        Ok(offered)
    }

    /// The packages of one list.
    fn read(&self, source: &Source, item: &Item, target: &Target) -> Result<Vec<Package>, Error> {
        let text = BufReader::new(unpacked(self.fetcher.get(item)?).take(LIST_MAX));
        let packages = match source {
            Source::Deb { .. } => package::deb::read_packages(text, target.architecture),
            Source::Rpm { .. } => package::rpm::read_primary(text, target.architecture),
        };
        packages.map_err(|error| {
            Error::failed(
                format!("{}: this list of packages cannot be read: {error}", shown(&item.url)),
                "name another mirror with --mirror NAME=URL",
            )
        })
    }

    /// What of `offered` goes into the bundle.
    fn choose(
        &self,
        wanted: &Wanted,
        sources: &Sources,
        mut offered: Offered,
        notes: &mut Vec<String>,
    ) -> Result<Offered, Error> {
        let target = &wanted.target;
        let own = self.own.iter().filter(|own| own.is_for(&target.release));
        let own = own.map(|own| &own.package);
        let own: Vec<&Package> = own.filter(|it| fits(it, target, sources.format)).collect();
        if sources.first.is_empty() {
            notes.push(format!(
                "{target}: all packages of the folder are taken; what they need besides is only checked by setup, for no repository of {} was named",
                target.release
            ));
            offered.choose_best(&own);
            let absent = wanted.packages.iter().find(|name| !offered.has(name));
            return match absent {
                Some(name) => Err(super::own::not_in_folder(target, sources.format, name)),
                None => Ok(offered),
            };
        }
        offered.choose_best(&own);
        let mut chosen = resolve(wanted, &offered.packages);
        if chosen.is_err() && !sources.further.is_empty() {
            self.fetcher.tell(Event::Begun(Phase::Lists));
            let lists = self.lists(std::iter::once((target, &sources.further)))?;
            self.fetcher.tell(Event::Begun(Phase::Finding));
            let further = self.offered(target, &sources.further, &lists)?;
            offered.packages.extend(further.packages);
            offered.roots.extend(further.roots);
            offered.choose_best(&own);
            chosen = resolve(wanted, &offered.packages);
        }
        let chosen = chosen.map_err(|unmet| lacks(target, &unmet))?;
        offered.packages.retain(|package| chosen.contains(&package.name));
        let places: HashSet<(String, String)> = offered.packages.iter().map(place).collect();
        offered.roots.retain(|place, _| places.contains(place));
        Ok(offered)
    }

    /// The files of all packages. The manifest learns the SHA-256 of those that a list knows by another
    /// checksum.
    fn members(&self, manifest: &mut Manifest, roots: &Roots) -> Result<Vec<Member>, Error> {
        let sets = &manifest.sets;
        let packages = sets.iter().flat_map(|set| &set.packages);
        let packages: BTreeMap<&str, &Package> =
            packages.map(|package| (sum(package), package)).collect();
        let packages: Vec<&Package> = packages.into_values().collect();
        fit_together(&packages)?;
        let members = self.fetcher.each(&packages, |package| {
            let bytes = match roots.get(&place(package)) {
                None => self.own_file(package)?,
                Some(root) => {
                    let got = self.fetcher.get(&item(package, root)?);
                    Bytes::from(got.map_err(|error| error.of(&targets(sets, package)))?)
                }
            };
            let mut package = (*package).clone();
            if package.sha256.is_empty() {
                package.sha256 = bundle::sha256(&bytes);
            }
            Ok(Member { package, bytes })
        })?;
        let known: HashMap<String, &Package> = members
            .iter()
            .map(|member| (sum(&member.package).to_owned(), &member.package))
            .collect();
        for package in manifest.sets.iter_mut().flat_map(|set| &mut set.packages) {
            if let Some(known) = known.get(sum(package)) {
                package.sha256.clone_from(&known.sha256);
            }
        }
        Ok(members)
    }

    fn own_file(&self, package: &Package) -> Result<Bytes, Error> {
        let own = self.own.iter().find(|own| sum(&own.package) == sum(package));
        let missing =
            || Error::failed(format!("{package}: its file is not there"), "look at --packages");
        own.ok_or_else(missing)?.bytes()
    }
}

/// The kinds of hosts that `package` is for.
fn targets(sets: &[Set], package: &Package) -> String {
    let has = |set: &&Set| set.packages.iter().any(|it| sum(it) == sum(package));
    let targets: Vec<String> = sets.iter().filter(has).map(|set| set.target.to_string()).collect();
    targets.join(", ")
}

/// Refuses what is more than a bundle may hold, before it is fetched.
fn fit_together(packages: &[&Package]) -> Result<(), Error> {
    let total = packages.iter().fold(0_u64, |total, package| total.saturating_add(package.size));
    if total <= PACKAGES_MAX {
        return Ok(());
    }
    Err(Error::failed(
        format!(
            "these packages have {total} bytes, and {PACKAGES_MAX} are the most that a bundle may hold"
        ),
        "look at --package, or make one bundle for each release",
    ))
}

/// Where the file of `package` is.
fn item(package: &Package, root: &str) -> Result<Item, Error> {
    let url = below(root, &package.location).map_err(|what| {
        Error::failed(
            format!("{}: {package}: {what}", shown(root)),
            "name another mirror with --mirror NAME=URL",
        )
    })?;
    let (name, sum) = (package.file.clone(), sum(package).to_owned());
    Ok(Item { url, name, size: Some(package.size), sum })
}

fn lacks(target: &Target, unmet: &str) -> Error {
    Error::failed(
        format!("{target}: {unmet}"),
        "look at --package; what no mirror has can be given with --packages DIR, or by another repository with --mirror",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_bundle_holds_is_not_fetched() {
        let of = |size| Package { size, ..Package::default() };
        let (half, rest, lie) = (of(PACKAGES_MAX / 2), of(1), of(u64::MAX));
        assert_eq!(fit_together(&[&half, &half]), Ok(()));
        for packages in [&[&half, &half, &rest][..], &[&lie, &lie]] {
            let error = fit_together(packages).unwrap_err().to_string();
            assert!(error.contains("the most that a bundle may hold"), "{error}");
        }
    }
}
