//! The probe: one script that says what a host is and what stands there.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;

use super::history::{Depth, Past};
use super::look::{Look, set_far};
use super::script::Script;
use super::units::{self, CHRONY_UNITS, Units};
use super::visit::stock;
use super::{Section, Word};
use crate::bundle::Stock;
use crate::facts::{ChronyFacts, Facts, LeapSeconds, Platform, Version};
use crate::resource::{Account, CONTENT_MAX, Observed, PathState, Subject, UnitState};

const PARTS: [&str; 7] = [
    include_str!("sh/facts.sh"),
    include_str!("sh/process.sh"),
    include_str!("sh/history.sh"),
    include_str!("sh/installed.sh"),
    include_str!("sh/states.sh"),
    include_str!("sh/observe.sh"),
    include_str!("sh/clock.sh"),
];

/// What only a run with a bundle needs.
const STOCK: &str = include_str!("sh/stock.sh");

/// What only a look at a host's past needs.
const PAST: &str = include_str!("sh/past.sh");

/// Longer names of a distribution, a host or a kernel nobody has (characters).
const NAME_MAX: usize = 200;
/// The database of time zones has some 600.
const ZONES_MAX: usize = 5000;
/// chronyd names twelve of its features.
const FEATURES_MAX: usize = 100;

/// What to look at on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    packages: Vec<String>,
    units: Vec<String>,
    paths: Vec<String>,
    /// Time zones that the host shall have.
    zones: Vec<String>,
    /// Whether the clock is to be read with care; the probe tells the time in any case.
    clock: bool,
    /// Names of the time source that the host shall resolve.
    names: Vec<String>,
    /// Packages without which a bundle has to know all that are there.
    stock: Vec<String>,
    /// What the bundle's packages need by path; none in a run without a bundle.
    paths_needed: Option<Vec<String>>,
    /// How much of its past is asked for.
    past: Depth,
    /// Whether the host is so far away that each way there and back counts.
    far: bool,
}

impl Request {
    /// A request for `subjects`, for chrony's own services and those of its rivals, and for the
    /// addresses behind `names`.
    pub fn new(subjects: &BTreeSet<Subject>, names: &[String]) -> Self {
        let mut request = Self { names: names.to_vec(), ..Self::default() };
        request.units = units::of_time();
        for subject in subjects {
            match subject {
                Subject::Package(name) => request.packages.push(name.clone()),
                Subject::Path(path) => request.paths.push(path.clone()),
                Subject::Unit(name) if request.units.contains(name) => {}
                Subject::Unit(name) => request.units.push(name.clone()),
                Subject::Timezone(name) => request.zones.push(name.clone()),
                Subject::Stock(name) => request.stock.push(name.clone()),
                Subject::Clock => request.clock = true,
            }
        }
        request
    }

    /// The same in a run with a bundle, whose packages need these `paths`.
    #[must_use]
    pub fn with_bundle(self, paths: Vec<String>) -> Self {
        Self { paths_needed: Some(paths), ..self }
    }

    /// The same with so much of the host's past.
    #[must_use]
    pub fn with_past(self, past: Depth) -> Self {
        Self { past, ..self }
    }

    /// The same for a host that is far away: it tells the time with its answer, and not when it is asked.
    #[must_use]
    pub fn from_afar(self, far: bool) -> Self {
        Self { far, ..self }
    }

    /// Whether `subject` is among what is looked at.
    #[must_use]
    pub fn covers(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Package(name) => self.packages.contains(name),
            Subject::Path(path) => self.paths.contains(path),
            Subject::Unit(name) => self.units.contains(name),
            Subject::Timezone(name) => self.zones.contains(name),
            Subject::Stock(name) => self.paths_needed.is_none() || self.stock.contains(name),
            Subject::Clock => self.clock,
        }
    }
}

/// The script for `request`. After its answer, which ends with the section `end`, it tells the time: see
/// [`super::TIME_READY`]. After the line [`super::MORE`] another script may follow, unless it runs on a terminal.
#[must_use]
pub fn probe_script(request: &Request, mark: &Word) -> String {
    let paths_needed = request.paths_needed.as_ref().filter(|_| !request.stock.is_empty());
    let mut parts = PARTS.to_vec();
    parts.extend(paths_needed.map(|_| STOCK));
    parts.extend(request.past.function().map(|_| PAST));
    let mut script = Script::new(mark, &parts);
    script.line(&format!("content_max={CONTENT_MAX}"));
    set_far(&mut script, request.far);
    let with = |function: &str, words: &[String]| -> Vec<String> {
        std::iter::once(function.to_owned()).chain(words.iter().cloned()).collect()
    };
    // What is text, and not long.
    script.line("probe_texts() {").line("probe_system");
    script.call(with("probe_units", &request.units), "");
    if !request.packages.is_empty() {
        script.call(with("probe_packages", &request.packages), "");
    }
    if !request.zones.is_empty() {
        script.call(with("probe_timezone", &request.zones), "");
    }
    script.call(with("look_clock", &request.names), "");
    script.line("}");
    // Who hears the first section knows that it runs.
    script
        .line("probe() {")
        .line("section begun")
        .line("note_time since")
        .line("in_one_piece beside_timedatectl probe_texts");
    script.line("probe_history");
    if let Some(function) = request.past.function() {
        script.line(function);
    }
    if let Some(paths) = paths_needed {
        let words = [request.stock.as_slice(), &["--".to_owned()], paths].concat();
        script.call(with("probe_stock", &words), "");
    }
    if !request.paths.is_empty() {
        script.call(with("probe_paths", &request.paths), "");
    }
    script.line("note_time till").line("section end").line("}");
    script
        .line("probe_and_tell() {")
        .line("gathered probe </dev/null")
        .line("tell_times_and_go_on")
        .line("}");
    script.finish("probe_and_tell")
}

/// A host's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// What it is.
    pub facts: Facts,
    /// What stands there.
    pub observed: Observed,
    /// What it says of its time.
    pub look: Look,
    /// All of its packages, where a bundle has to know them.
    pub stock: Option<Stock>,
    /// Whether the script ran as root.
    pub root: bool,
    /// What ezsync did there before.
    pub past: Past,
}

impl Probe {
    /// Reads the answer to `request`. None when it was cut off.
    #[must_use]
    pub fn parse(request: &Request, sections: &[Section]) -> Option<Self> {
        let find = |name: &str| sections.iter().find(|section| section.name == name);
        find("end")?;
        let text = |name: &str| find(name).map(Section::short_text).unwrap_or_default();
        let answers = Units::parse(&request.units, &text("units"));
        let units = answers.states();
        let release = Release::parse(&text("os-release"));
        let facts = facts(&release, &units, &text);
        let look = Look::new(sections, &answers, &facts);
        let observed = Observed {
            packages: text("packages")
                .lines()
                .filter_map(|line| line.split_once('\t'))
                .map(|(name, version)| (name.to_owned(), version.trim().to_owned()))
                .collect(),
            paths: paths(request, sections, &text("paths")),
            units,
            timezone: find("timezone").map(|zone| zone.text().trim().to_owned()),
            // It is read when all of this has been said.
            clock: None,
            container: Some(facts.container.clone()).filter(|kind| !kind.is_empty()),
            zones: text("zones")
                .lines()
                .filter(|line| !line.is_empty())
                .take(ZONES_MAX)
                .map(Into::into)
                .collect(),
            supply: None,
        };
        let stock = stock(sections);
        let past = Past::parse(sections);
        Some(Self { facts, observed, look, stock, root: text("user").trim() == "0", past })
    }
}

/// What os-release says.
pub(super) struct Release(HashMap<String, String>);

impl Release {
    pub(super) fn parse(text: &str) -> Self {
        // The file is made for the shell: values may be quoted as there.
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once('='));
        Self(
            pairs
                .map(|(key, value)| {
                    let value = shlex::split(value).unwrap_or_default().join(" ");
                    (key.trim().to_owned(), value)
                })
                .collect(),
        )
    }

    pub(super) fn get(&self, key: &str) -> String {
        self.0.get(key).map(|value| value.chars().take(NAME_MAX).collect()).unwrap_or_default()
    }
}

fn facts(
    release: &Release,
    units: &HashMap<String, UnitState>,
    text: &dyn Fn(&str) -> String,
) -> Facts {
    let id = release.get("ID");
    let like = release.get("ID_LIKE");
    let platform = Platform::from_ids(std::iter::once(id.as_str()).chain(like.split_whitespace()));
    // A platform that is not known is taken for the nearest thing: one with plain paths.
    let usual = Facts::typical(platform.unwrap_or(Platform::RedHat));
    let uname = text("uname");
    let mut uname =
        uname.split_whitespace().map(|word| word.chars().take(NAME_MAX).collect::<String>());
    let mut next = || uname.next().unwrap_or_default();
    let mut facts = Facts {
        platform,
        distribution: id,
        distribution_version: release.get("VERSION_ID"),
        pretty_name: release.get("PRETTY_NAME"),
        package_manager: text("packager").trim().replace("apt-get", "apt"),
        service_manager: text("manager").trim().to_owned(),
        hostname: next(),
        kernel: next(),
        architecture: next(),
        addresses: addresses(&text("addresses")),
        container: text("container").trim().to_owned(),
        chrony: chrony_facts(usual.chrony, units, &text("chronyd"), &text("daemon")),
    };
    // "  Candidate: 4.3-2+deb12u1"
    let candidate = text("candidate");
    let candidate = candidate.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    let on_offer = candidate.and_then(|version| Version::parse(version.trim()));
    let installed = Version::parse(&facts.chrony.version);
    facts.chrony.written_for = installed.unwrap_or_else(|| facts.expected_chrony(on_offer));
    facts.chrony.leap_seconds = leap_seconds(&text("leap"));
    // It is there, and its package was cut off before it was configured: that is to be brought to its end.
    facts.chrony.installed &= !text("packages").lines().any(|line| line == "! chrony");
    facts
}

fn leap_seconds(text: &str) -> Vec<LeapSeconds> {
    let known = |line: &str| match line.trim() {
        "zone" => Some(LeapSeconds::Zone),
        "list" => Some(LeapSeconds::List),
        _ => None,
    };
    text.lines().filter_map(known).collect()
}

/// The addresses in the lines of `ip -o addr`.
fn addresses(text: &str) -> Vec<IpNet> {
    let words = |line: &str| line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    text.lines()
        .filter_map(|line| {
            let mut words = words(line).into_iter();
            words.find(|word| word == "inet" || word == "inet6")?;
            words.next()?.parse().ok()
        })
        .collect()
}

/// What chrony is here: the service that stands on the host goes before the platform's usual.
fn chrony_facts(
    usual: ChronyFacts,
    units: &HashMap<String, UnitState>,
    version_line: &str,
    command_line: &str,
) -> ChronyFacts {
    // An alias has the name of the service that it stands for.
    let mut found: Vec<&UnitState> =
        CHRONY_UNITS.iter().filter_map(|name| units.get(*name)).filter(|u| u.exists).collect();
    found.sort_by_key(|unit| (!unit.active, unit.id != usual.unit));
    found.dedup_by_key(|unit| unit.id.clone());
    // A masked one is none to use, and none to stop. Where chronyd has no other, it is the one to speak of.
    if version_line.is_empty() || found.iter().any(|unit| !unit.masked) {
        found.retain(|unit| !unit.masked);
    } else {
        found.truncate(1);
    }
    let mut names = found.iter().map(|unit| unit.id.clone());
    let unit = names.next().unwrap_or_else(|| usual.unit.clone());
    let other_units = names.filter(|name| *name != unit).collect();
    // The unit's own words first. They may hold variables: then the running daemon tells.
    let daemon = || found.first().filter(|unit| unit.active).and(conf_option(command_line));
    let conf = found.first().and_then(|unit| conf_option(&unit.exec_start)).or_else(daemon);
    // "chronyd (chrony) version 4.3 (+CMDMON ...)"
    let mut words = version_line.split_once(" version ").unwrap_or_default().1.split_whitespace();
    let version = words.next().unwrap_or_default();
    let feature = |word: &str| word.trim_matches(['(', ')']).to_owned();
    ChronyFacts {
        installed: !version.is_empty(),
        version: version.to_owned(),
        features: words
            .map(feature)
            .filter(|word| word.starts_with(['+', '-']))
            .take(FEATURES_MAX)
            .collect(),
        unit,
        other_units,
        conf: conf.unwrap_or(usual.conf),
        ..usual
    }
}

/// The file behind `-f` in a command line, when one is given there.
fn conf_option(command_line: &str) -> Option<String> {
    let mut words = command_line.split_whitespace();
    words.find(|word| *word == "-f")?;
    words.next().filter(|path| path.starts_with('/')).map(ToOwned::to_owned)
}

/// The paths that exist, with the bytes of files that were fetched.
fn paths(request: &Request, sections: &[Section], text: &str) -> HashMap<String, PathState> {
    let mut paths = HashMap::new();
    for line in text.lines() {
        let state = path_state(line).filter(|(path, _)| request.paths.contains(path));
        if let Some((path, state)) = state {
            paths.insert(path, state);
        }
    }
    for section in sections.iter().filter(|section| section.name == "content") {
        let Some(path) = section.number().and_then(|number| request.paths.get(number)) else {
            continue;
        };
        if let Some(state) = paths.get_mut(path) {
            let whole = u64::try_from(section.body.len()) == Ok(state.size);
            state.content = whole.then(|| section.body.clone());
        }
    }
    paths
}

/// One line: `mode|owner|uid|group|gid|size|kind|path`.
fn path_state(line: &str) -> Option<(String, PathState)> {
    let mut fields = line.splitn(8, '|');
    let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
    let mut account = || {
        let name = fields.next()?.to_owned();
        Some(Account { name, number: fields.next()?.parse().ok()? })
    };
    let (owner, group) = (account()?, account()?);
    let size = fields.next()?.parse().ok()?;
    let kind = fields.next()?.to_owned();
    let state = PathState { kind, mode, owner, group, size, content: None };
    Some((fields.next()?.to_owned(), state))
}
