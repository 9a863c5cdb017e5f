//! What the settings put into one host's chrony configuration, in the words of its own chrony.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::json;

use super::keys::HostKeys;
use super::line::Line;
use super::own::Own;
use crate::facts::Facts;
use crate::problem::Problem;
use crate::template::{Layer, Vars};

/// The lines of one host's configuration, for any chrony.
#[derive(Debug, Clone, Default)]
pub struct Conf {
    pub(super) sources: Vec<Line>,
    pub(super) own: Own,
    /// Lines that only a host which serves time has.
    pub(super) serving: Vec<Line>,
    /// Whether the host's leap seconds are given to its chrony, as far as the settings want it.
    pub(super) has_leap_line: bool,
    pub(super) keys: HostKeys,
}

/// What of a [`Conf`] a host's chrony takes.
#[derive(Debug, Clone, Default)]
pub struct Spoken {
    /// Variables for templates: `time_sources`, `time_options`, `extra_lines`, `time_keys`.
    pub vars: Arc<Layer>,
    /// What was left out.
    pub notes: Vec<String>,
}

impl Conf {
    /// The lines that a host with `facts` takes.
    ///
    /// # Errors
    /// Its chrony lacks something that must not be left out.
    pub fn on(&self, facts: &Facts) -> Result<Spoken, Problem> {
        let chrony = &facts.chrony;
        let mut notes = Vec::new();
        for gate in self.keys.gates() {
            gate.passes(chrony, &mut notes)?;
        }
        let mut taken = |lines: &[Line]| -> Result<Vec<String>, Problem> {
            let lines: Result<Vec<_>, _> =
                lines.iter().map(|line| line.on(chrony, &mut notes)).collect();
            Ok(lines?.into_iter().flatten().collect())
        };
        let sources = taken(&self.sources)?;
        let mut options = taken(&self.own.options)?;
        options.extend(taken(&self.serving)?);
        let extra = taken(&self.own.extra)?;
        if !self.keys.is_empty() {
            options.push(format!("keyfile {}", chrony.keys));
        }
        if self.has_leap_line {
            let line = self.own.leap_line(chrony, &mut notes);
            let line = line.map(|line| line.on(chrony, &mut notes)).transpose()?;
            options.extend(line.flatten());
        }
        let vars = Vars::from_iter([
            ("time_sources".to_owned(), json!(sources)),
            ("time_options".to_owned(), json!(options)),
            ("extra_lines".to_owned(), json!(extra)),
            ("time_keys".to_owned(), json!(self.keys.text().expose_secret())),
        ]);
        Ok(Spoken { vars: Layer::literal(vars), notes })
    }
}
