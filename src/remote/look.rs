//! A look at a host's time: the texts that the verdict is made from.

use std::net::IpAddr;

use super::script::Script;
use super::units::{self, Units};
use super::{Section, Word};
use crate::facts::{ChronyFacts, Facts};
use crate::verify::{RawReading, Reading, SourceSide};

const PARTS: [&str; 4] = [
    include_str!("sh/states.sh"),
    include_str!("sh/observe.sh"),
    include_str!("sh/clock.sh"),
    include_str!("sh/evidence.sh"),
];

/// The texts of one look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    timedatectl: String,
    chronyc: String,
    unit: String,
    command_line: String,
    rivals: String,
    resolved: String,
    log: String,
    container: String,
    ntpdata: String,
    selectdata: String,
    authdata: String,
    queries: String,
    at_boot: String,
    system: String,
}

impl Look {
    /// From the sections of one look and what the service manager said.
    pub(super) fn new(sections: &[Section], units: &Units<'_>, facts: &Facts) -> Self {
        let text = |name: &str| {
            let found = sections.iter().find(|section| section.name == name);
            found.map(Section::short_text).unwrap_or_default()
        };
        Self {
            timedatectl: text("timedatectl"),
            chronyc: text("chronyc"),
            unit: units.block(&facts.chrony.unit).to_owned(),
            command_line: text("daemon"),
            rivals: units.rivals(),
            resolved: text("resolved"),
            log: text("log"),
            container: facts.container.clone(),
            ntpdata: text("ntpdata"),
            selectdata: text("selectdata"),
            authdata: text("authdata"),
            queries: text("queries"),
            at_boot: units.rivals_at_boot(),
            system: text("system"),
        }
    }

    /// From the sections of one answer of the watch script.
    #[must_use]
    pub fn watched(sections: &[Section], facts: &Facts) -> Self {
        let units =
            sections.iter().find(|section| section.name == "units").map(Section::short_text);
        let names = watched_units(&facts.chrony.unit);
        Self::new(sections, &Units::parse(&names, &units.unwrap_or_default()), facts)
    }

    /// What the texts mean.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading::new(&RawReading {
            timedatectl: &self.timedatectl,
            chronyc: &self.chronyc,
            unit: &self.unit,
            command_line: &self.command_line,
            rivals: &self.rivals,
            source_addresses: &self.resolved,
            log: &self.log,
            container: &self.container,
            ntpdata: &self.ntpdata,
            selectdata: &self.selectdata,
            authdata: &self.authdata,
            queries: &self.queries,
            at_boot: &self.at_boot,
            system: &self.system,
        })
    }
}

/// How a look is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Glance {
    /// Just looking.
    Look,
    /// After asking the sources at once.
    Burst,
    /// After forgetting what the sources said, and asking them at once.
    Anew,
    /// After stepping the clock to what the sources say.
    Step,
    /// With all that helps to explain; these sources are silent.
    Explain(Vec<IpAddr>),
    /// The same, and with what may become a trouble where there is none yet.
    Examine(Vec<IpAddr>),
}

impl Glance {
    /// Its words in the script.
    #[must_use]
    pub fn order(&self) -> String {
        match self {
            Self::Look => "look".to_owned(),
            Self::Burst => "burst".to_owned(),
            Self::Anew => "anew".to_owned(),
            Self::Step => "step".to_owned(),
            Self::Explain(silent) => with_addresses("explain", silent),
            Self::Examine(silent) => with_addresses("examine", silent),
        }
    }
}

fn with_addresses(order: &str, addresses: &[IpAddr]) -> String {
    let addresses = addresses.iter().map(|address| format!(" {address}"));
    format!("{order}{}", addresses.collect::<String>())
}

/// The services that a look asks about: a conf of its own may come with a service of its own.
fn watched_units(chrony: &str) -> Vec<String> {
    let mut names = units::of_time();
    if !names.iter().any(|name| name == chrony) {
        names.push(chrony.to_owned());
    }
    names
}

/// The section after which the probe tells the time for each line that it hears, and the watch, once it has
/// heard [`ASK_TIME`].
pub const TIME_READY: &str = "ready";

/// A line that is answered by the time.
pub const ASK_TIME: &str = "time";

/// A line after which a shell of its own reads another script. What comes behind it may come with it: shells read
/// no further than to the end of a line, but for those on a terminal.
pub const MORE: &str = "more";

/// The section by which it is told: the first argument is what `date +%s.%N` prints.
pub const TIME_TOLD: &str = "clock";

/// The sections by which a host that is far away tells the time at the begin and at the end of an answer, as
/// [`TIME_TOLD`] does.
pub const TIME_AROUND: [&str; 2] = ["since", "till"];

/// What the looks at a host's time are about.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What chrony is there.
    pub chrony: &'a ChronyFacts,
    /// The names of sources that it should resolve.
    pub names: &'a [String],
    /// Whether the host is so far away that each way there and back counts: it tells the time with each look then.
    pub far: bool,
}

impl<'a> Sight<'a> {
    /// One of a host that is near, and has no names to resolve.
    #[must_use]
    pub fn of(chrony: &'a ChronyFacts) -> Self {
        Self { chrony, names: &[], far: false }
    }
}

/// The variable by which scripts know that.
pub(super) fn set_far(script: &mut Script, far: bool) {
    script.line(if far { "far=yes" } else { "far=" });
}

/// The function that asks the service manager, for `take_look` in sh/clock.sh.
pub(super) fn watch_units(script: &mut Script, chrony: &str) {
    let watched = watched_units(chrony);
    script.line("watch_units() {");
    script.call(std::iter::once("probe_units").chain(watched.iter().map(String::as_str)), "");
    script.line("}");
}

/// A script that takes the look `first` at once, and another for each line on its input; after
/// [`ASK_TIME`] it only tells the time any more.
#[must_use]
pub fn watch_script(first: &Glance, sight: Sight<'_>, mark: &Word) -> String {
    let Sight { chrony, names, far } = sight;
    let mut script = Script::new(mark, &PARTS);
    set_far(&mut script, far);
    watch_units(&mut script, &chrony.unit);
    let order = first.order();
    let words = ["watch_clock", &order, &chrony.unit, &chrony.conf];
    script.line("watch() {");
    script.call(words.into_iter().chain(names.iter().map(String::as_str)), "");
    script.line("}");
    script.finish("watch")
}

/// A script that asks the source about clients at these `addresses`.
#[must_use]
pub fn source_script(addresses: &[IpAddr], mark: &Word) -> String {
    let mut script = Script::new(mark, &[include_str!("sh/evidence.sh")]);
    let addresses = addresses.iter().map(ToString::to_string);
    script.line("ask() {");
    script.call(std::iter::once("ask_source".to_owned()).chain(addresses), "");
    script.line("}");
    script.finish("ask </dev/null")
}

/// What the source said; none when its answer was cut off.
#[must_use]
pub fn source_side(sections: &[Section]) -> Option<SourceSide> {
    let text = |name: &str| {
        let found = sections.iter().find(|section| section.name == name);
        found.map(Section::short_text)
    };
    text("end")?;
    Some(SourceSide::parse(&text("access")?, &text("clients")?))
}
