//! A look at a host's time: the texts that the verdict is made from.

use std::net::IpAddr;

use super::script::Script;
use super::units::{self, Units};
use super::{Section, Word};
use crate::facts::Facts;
use crate::verify::{RawReading, Reading};

const PARTS: [&str; 4] = [
    include_str!("sh/services.sh"),
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
}

impl Look {
    /// From the sections of one look and what the service manager said.
    pub(super) fn new(sections: &[Section], units: &Units<'_>, facts: &Facts) -> Self {
        let text = |name: &str| {
            let found = sections.iter().find(|section| section.name == name);
            found.map(Section::text).unwrap_or_default()
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
        }
    }

    /// From the sections of one answer of the watch script.
    #[must_use]
    pub fn watched(sections: &[Section], facts: &Facts) -> Self {
        let units = sections.iter().find(|section| section.name == "units").map(Section::text);
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
    /// After forgetting what the sources said, asking them at once, and stepping to what they say now.
    Anew,
    /// With all that helps to explain; these sources are silent.
    Explain(Vec<IpAddr>),
}

impl Glance {
    /// Its words in the script.
    #[must_use]
    pub fn order(&self) -> String {
        match self {
            Self::Look => "look".to_owned(),
            Self::Burst => "burst".to_owned(),
            Self::Anew => "anew".to_owned(),
            Self::Explain(silent) => {
                let addresses = silent.iter().map(|address| format!(" {address}"));
                format!("explain{}", addresses.collect::<String>())
            }
        }
    }
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

/// The section by which it is told: the first argument is what `date +%s.%N` prints.
pub const TIME_TOLD: &str = "clock";

/// A script that takes the look `first` at once, and another for each line on its input; after
/// [`ASK_TIME`] it only tells the time any more.
#[must_use]
pub fn watch_script(first: &Glance, unit: &str, names: &[String], mark: &Word) -> String {
    let mut script = Script::new(mark, &PARTS);
    let watched = watched_units(unit);
    script.line("watch_units() {");
    script.call(std::iter::once("probe_units").chain(watched.iter().map(String::as_str)), "");
    script.line("}");
    let order = first.order();
    let words = ["watch_clock", &order, unit];
    script.line("watch() {");
    script.call(words.into_iter().chain(names.iter().map(String::as_str)), "");
    script.line("}");
    script.finish("watch")
}
