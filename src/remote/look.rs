//! A look at a host's time: the texts that the verdict is made from.

use super::script::Script;
use super::{Section, Word};
use crate::facts::Facts;
use crate::verify::{RawReading, Reading};

const PARTS: [&str; 3] =
    [include_str!("sh/services.sh"), include_str!("sh/observe.sh"), include_str!("sh/clock.sh")];

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
    /// The host's clock in seconds since 1970; none when `date` could not say it.
    pub clock: Option<f64>,
}

impl Look {
    /// From the sections of one look; `unit` is what the service manager says of chrony.
    #[must_use]
    pub fn new(sections: &[Section], unit: String, rivals: String, facts: &Facts) -> Self {
        let text = |name: &str| {
            sections
                .iter()
                .find(|section| section.name == name)
                .map(Section::text)
                .unwrap_or_default()
        };
        Self {
            timedatectl: text("timedatectl"),
            chronyc: text("chronyc"),
            unit,
            command_line: text("daemon"),
            rivals,
            resolved: text("resolved"),
            log: text("log"),
            container: facts.container.clone(),
            clock: text("clock").trim().parse().ok(),
        }
    }

    /// The next look at the same host, from the sections of the watch script.
    #[must_use]
    pub fn again(&self, sections: &[Section], facts: &Facts) -> Self {
        let unit = sections.iter().find(|section| section.name == "units").map(Section::text);
        Self::new(sections, unit.unwrap_or_default(), self.rivals.clone(), facts)
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
        })
    }
}

/// A script that answers a look for each line on its input: `look`, `burst` or `explain`.
#[must_use]
pub fn watch_script(unit: &str, names: &[String], mark: &Word) -> String {
    let mut script = Script::new(mark, &PARTS);
    let words = ["watch_clock", unit].into_iter().chain(names.iter().map(String::as_str));
    script.call(words, "");
    script.finish()
}
