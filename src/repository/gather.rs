//! From what is wanted to the packages with their files.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Cursor, Read};
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::catalogue::{self, Source, Sources};
use super::deb::{Suite, Trust};
use super::error::Error;
use super::event::Event;
use super::fetch::{Fetcher, Item};
use super::http::Http;
use super::release_file::ReleaseFile;
use super::signature::Keyring;
use super::{Mirrors, Proxies, below, rpm, shown};
use crate::bundle::{Manifest, Member, Set};
use crate::package::{self, Format, Installed, Package, Target};
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
    pub own: Vec<Member>,
    /// What was fetched before.
    pub cache: Cache,
    /// Now, in seconds since 1970.
    pub now: i64,
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

/// A package, and where it is.
struct Offered {
    package: Package,
    /// The root of its repository; none for the user's own.
    root: Option<String>,
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
    let has_own = !means.own.is_empty();
    let sources = |it: &Wanted| catalogue::sources(&it.target, &means.mirrors, has_own);
    // Mistakes show before anything is fetched.
    let all = wanted.iter().map(sources).collect::<Result<Vec<Sources>, Problem>>()?;
    let keyring = means.keyrings.iter().map(|bytes| Keyring::read(bytes)).reduce(Keyring::and);
    if keyring.as_ref().is_some_and(Keyring::is_empty) {
        let problem = Problem::new("--keyring: there is no OpenPGP key in it");
        return Err(problem.hint("give a file as `gpg --export` writes it").into());
    }
    let fetcher = Fetcher {
        http: Http::new(means.proxies),
        cache: means.cache,
        events,
        cancelled,
        next: AtomicUsize::new(0),
    };
    let work = Gathering { fetcher, trust: Trust { keyring, now: means.now }, own: means.own };
    work.run(wanted, &all)
}

struct Gathering<'a> {
    fetcher: Fetcher<'a>,
    trust: Trust,
    own: Vec<Member>,
}

/// The lists of packages that were fetched, by their sources.
type Lists = HashMap<(Source, Target), Item>;

impl Gathering<'_> {
    fn run(&self, wanted: &[Wanted], all: &[Sources]) -> Result<Gathered, Error> {
        self.fetcher.tell(Event::Begun("what repositories have".to_owned()));
        let lists = self.lists(wanted.iter().zip(all).map(|(it, of)| (&it.target, &of.first)))?;
        let mut roots: HashMap<String, String> = HashMap::new();
        let (mut manifest, mut notes) = (Manifest::default(), Vec::new());
        for (it, sources) in wanted.iter().zip(all) {
            let offered = self.offered(&it.target, sources, &lists)?;
            let chosen = self.choose(it, sources, offered, &mut notes)?;
            let mut packages = Vec::new();
            for Offered { package, root } in chosen {
                if let Some(root) = root {
                    roots.insert(package.sha256.clone(), root);
                }
                packages.push(package);
            }
            let (target, wanted) = (it.target.clone(), it.packages.clone());
            manifest.sets.push(Set { target, wanted, packages });
        }
        self.fetcher.tell(Event::Begun("packages".to_owned()));
        let members = self.members(&manifest, &roots)?;
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
        items.sort_by(|one, other| one.url.cmp(&other.url));
        items.dedup();
        self.fetcher.each(&items, |item| self.fetcher.get(item).map(drop))?;
        Ok(lists)
    }

    /// All packages that a target can have.
    fn offered(
        &self,
        target: &Target,
        sources: &Sources,
        lists: &Lists,
    ) -> Result<Vec<Offered>, Error> {
        let mut offered: Vec<Offered> = Vec::new();
        for source in &sources.first {
            let Some(item) = lists.get(&(source.clone(), target.clone())) else { continue };
            offered.extend(self.read(source, item, target)?);
        }
        Ok(offered)
    }

    /// The packages of one list.
    fn read(
        &self,
        source: &Source,
        item: &Item,
        target: &Target,
    ) -> Result<impl Iterator<Item = Offered> + use<>, Error> {
        let text = BufReader::new(unpacked(self.fetcher.get(item)?).take(LIST_MAX));
        let (root, packages) = match source {
            Source::Deb { url, .. } => {
                (url, package::deb::read_packages(text, target.architecture))
            }
            Source::Rpm { url } => (url, package::deb::read_packages(text, target.architecture)),
        };
        let packages = packages.map_err(|error| {
            Error::failed(
                format!("{}: this list of packages cannot be read: {error}", shown(&item.url)),
                "name another mirror with --mirror NAME=URL",
            )
        })?;
        let root = root.clone();
        Ok(packages.into_iter().map(move |package| Offered { package, root: Some(root.clone()) }))
    }

    /// What of `offered` goes into the bundle.
    fn choose(
        &self,
        wanted: &Wanted,
        sources: &Sources,
        offered: Vec<Offered>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Offered>, Error> {
        let target = &wanted.target;
        let mine: Vec<&Package> = self
            .own
            .iter()
            .map(|member| &member.package)
            .filter(|package| fits(package, target, sources.format))
            .collect();
        if sources.first.is_empty() {
            notes.push(format!(
                "{target}: all packages of the folder are taken, and what they need besides is not checked before setup: no repository of {} was named",
                target.release
            ));
            let own = mine.into_iter().cloned();
            return Ok(best(own.map(|package| Offered { package, root: None }), &[]));
        }
        let first = best(offered.into_iter(), &mine);
        match resolve(wanted, &first) {
            Err(_) if !sources.further.is_empty() => {}
            Err(unmet) => return Err(lacks(target, &unmet)),
            Ok(chosen) => return Ok(picked(first, &chosen)),
        }
        let further =
            Sources { format: sources.format, first: sources.further.clone(), further: Vec::new() };
        let lists = self.lists(std::iter::once((target, &further.first)))?;
        let more = self.offered(target, &further, &lists)?;
        let all = best(first.into_iter().chain(more), &mine);
        let chosen = resolve(wanted, &all).map_err(|unmet| lacks(target, &unmet))?;
        Ok(picked(all, &chosen))
    }

    /// The files of all packages.
    fn members(
        &self,
        manifest: &Manifest,
        roots: &HashMap<String, String>,
    ) -> Result<Vec<Member>, Error> {
        let packages = manifest.sets.iter().flat_map(|set| &set.packages);
        let packages: BTreeMap<&str, &Package> =
            packages.map(|package| (package.sha256.as_str(), package)).collect();
        let packages: Vec<&Package> = packages.into_values().collect();
        self.fetcher.each(&packages, |package| {
            let bytes = match roots.get(&package.sha256) {
                None => self.own_file(package)?,
                Some(root) => Bytes::from(self.fetcher.get(&item(package, root)?)?),
            };
            Ok(Member { package: (*package).clone(), bytes })
        })
    }

    fn own_file(&self, package: &Package) -> Result<Bytes, Error> {
        let mut own = self.own.iter();
        let found = own.find(|member| member.package.sha256 == package.sha256);
        found.map(|member| member.bytes.clone()).ok_or_else(|| {
            Error::failed(format!("{package}: its file is not there"), "look at --packages")
        })
    }
}

fn suite(source: &Source) -> Option<Suite> {
    match source {
        Source::Deb { url, suite, keys, optional, .. } => {
            Some(Suite { url: url.clone(), name: suite.clone(), keys: *keys, optional: *optional })
        }
        Source::Rpm { .. } => None,
    }
}

/// Where the file of `package` is.
fn item(package: &Package, root: &str) -> Result<Item, Error> {
    let url = below(root, &package.location).map_err(|what| {
        Error::failed(
            format!("{}: {package}: {what}", shown(root)),
            "name another mirror with --mirror NAME=URL",
        )
    })?;
    let (name, sha256) = (package.file.clone(), package.sha256.clone());
    Ok(Item { url, name, size: Some(package.size), sha256 })
}

/// What is in a packed list, by its first bytes.
fn unpacked(bytes: Vec<u8>) -> Box<dyn Read> {
    let is = |magic: &[u8]| bytes.starts_with(magic);
    // xz, gzip (RFC 1952), Zstandard (RFC 8878).
    let (xz, gz, zst) = (is(b"\xfd7zXZ\0"), is(b"\x1f\x8b"), is(b"\x28\xb5\x2f\xfd"));
    let source = Cursor::new(bytes);
    match (xz, gz, zst) {
        (true, ..) => Box::new(lzma_rust2::XzReader::new(source, true)),
        (_, true, _) => Box::new(flate2::read::MultiGzDecoder::new(source)),
        (.., true) => match zstd::Decoder::new(source) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => Box::new(std::io::empty()),
        },
        _ => Box::new(source),
    }
}

fn fits(package: &Package, target: &Target, format: Format) -> bool {
    let (own, all) = match format {
        Format::Deb => (target.architecture.deb(), "all"),
        Format::Rpm => (target.architecture.rpm(), "noarch"),
    };
    package.format == format && [own, all].contains(&package.architecture.as_str())
}

/// One package of each name, as apt and dnf choose: the latest, wherever it is from; the user's own
/// before that.
fn best(offered: impl Iterator<Item = Offered>, own: &[&Package]) -> Vec<Offered> {
    let mut names: BTreeMap<String, Offered> = BTreeMap::new();
    let mut add = |candidate: Offered| {
        let known = names.get(&candidate.package.name);
        let later = known.is_none_or(|known| {
            let (one, other) = (&candidate.package, &known.package);
            package::compare(one.format, &one.version, &other.version).is_gt()
        });
        if later {
            names.insert(candidate.package.name.clone(), candidate);
        }
    };
    offered
        .filter(|candidate| own.iter().all(|own| own.name != candidate.package.name))
        .for_each(&mut add);
    own.iter().for_each(|package| add(Offered { package: (*package).clone(), root: None }));
    names.into_values().collect()
}

/// The names of the packages that are needed on a host that has next to nothing, and on each host that
/// is known.
fn resolve(wanted: &Wanted, offered: &[Offered]) -> Result<Vec<String>, String> {
    let packages: Vec<Package> = offered.iter().map(|it| it.package.clone()).collect();
    let of = |what: &str, installed: &[Installed]| -> Result<Vec<String>, String> {
        let chosen = package::resolve(&wanted.packages, &packages, installed)
            .map_err(|unmet| format!("{what}{unmet}"))?;
        Ok(chosen.into_iter().map(|package| package.name.clone()).collect())
    };
    let minimal =
        package::minimal(&packages).map_err(|unmet| format!("what every host has: {unmet}"))?;
    let mut names = of("", &minimal)?;
    for (host, installed) in &wanted.hosts {
        names.extend(of(&format!("{host}: "), installed)?);
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn picked(offered: Vec<Offered>, names: &[String]) -> Vec<Offered> {
    offered.into_iter().filter(|it| names.binary_search(&it.package.name).is_ok()).collect()
}

fn lacks(target: &Target, unmet: &str) -> Error {
    Error::failed(
        format!("{target}: {unmet}"),
        "look at --package; what no mirror has can be given with --packages DIR, or by another repository with --mirror",
    )
}
