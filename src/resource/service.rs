//! Services, by the host's own service manager.

use std::sync::Arc;

use super::{Args, Call, Difference, Entry, Observed, Obstacle, Resource, Subject, UnitWish, Work};
use crate::problem::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Started,
    Stopped,
    Restarted,
    Reloaded,
}

/// The function that restarts a service.
pub(super) const RESTART: &str = "service_restart";

/// A service that runs or not, now and at boot.
#[derive(Debug)]
struct Service {
    name: String,
    state: Option<State>,
    enabled: Option<bool>,
    masked: Option<bool>,
    daemon_reload: bool,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let name = args.required("name")?;
    if !is_name(&name) {
        return Err(args.problem(&format!("`{name}` is not the name of a service")));
    }
    let state = match args.word("state")?.as_deref() {
        None => None,
        Some("started") => Some(State::Started),
        Some("stopped") => Some(State::Stopped),
        Some("restarted") => Some(State::Restarted),
        Some("reloaded") => Some(State::Reloaded),
        Some(other) => {
            return Err(args.problem(&format!(
                "`state` must be started, stopped, restarted or reloaded, not {other}"
            )));
        }
    };
    let enabled = args.truth("enabled")?;
    let masked = args.truth("masked")?;
    let daemon_reload = args.truth("daemon_reload")?.unwrap_or(false);
    let name = name.strip_suffix(".service").unwrap_or(&name).to_owned();
    Ok(Arc::new(Service { name, state, enabled, masked, daemon_reload }))
}

/// Whether `name` is what systemd allows for a service's; `*` and its like would stand for several.
pub fn is_name(name: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(sound)
}

/// `yes`, `no`, or `-` for "as it is".
fn wish(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}

impl Resource for Service {
    fn entries(&self) -> Vec<Entry> {
        let active = self.state.map(|state| state != State::Stopped);
        let wish = UnitWish { active, enabled: self.enabled, masked: self.masked };
        vec![Entry::Unit(self.name.clone(), wish)]
    }

    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Unit(self.name.clone())]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        let stands = observed.units.get(&self.name).cloned().unwrap_or_default();
        // systemd refuses to enable or disable by an alias: act on the service's own name.
        let name = if stands.id.is_empty() { self.name.clone() } else { stands.id.clone() };
        if stands.masked && self.masked != Some(false) && self.runs() {
            return Err(Obstacle::new(
                format!("{name}.service is masked"),
                format!("run `systemctl unmask {name}.service` on this host, then setup"),
            ));
        }
        let active = match self.state {
            Some(State::Restarted) => {
                return Ok(Some(self.run(RESTART, "restart", name)));
            }
            Some(State::Reloaded) => return Ok(Some(self.run("service_reload", "reload", name))),
            Some(State::Started) => Some(true),
            Some(State::Stopped) => Some(false),
            None => None,
        };
        let wanted_off = active != Some(true) && self.enabled != Some(true);
        if !stands.exists && !stands.active && wanted_off && self.masked != Some(true) {
            // Nothing to stop. What went with its package may run on all the same.
            return Ok(None);
        }
        let enabled = if stands.exists { stands.enabled } else { Some(false) };
        let mut verbs = Vec::new();
        for (want, stands, on, off) in [
            (self.masked, Some(stands.masked), "mask", "unmask"),
            (self.enabled, enabled, "enable", "disable"),
            (active, Some(stands.active), "start", "stop"),
        ] {
            // A unit that its own condition keeps from starting has done what it can.
            let done = want == stands
                || stands.is_none()
                || (on == "start" && want == Some(true) && self.held(observed));
            if let Some(want) = want.filter(|_| !done) {
                verbs.push(if want { on } else { off });
            }
        }
        if verbs.is_empty() {
            return Ok(None);
        }
        let args = [
            &name,
            wish(active),
            wish(self.enabled),
            wish(self.masked),
            wish(Some(self.daemon_reload)),
        ];
        Ok(Some(Difference {
            summary: format!("{} {name}", verbs.join(" and ")),
            texts: None,
            work: Work {
                prepare: Some(Call::new("service_stage", [name.clone()])),
                activate: Some(Call::new("service_set", args)),
                ..Work::default()
            },
        }))
    }
}

impl Service {
    /// Whether it is to run, now or at boot. Whoever masked a service does not want that: it is left to
    /// them to unmask it.
    fn runs(&self) -> bool {
        self.enabled == Some(true) || !matches!(self.state, None | Some(State::Stopped))
    }

    /// Whether the unit was asked to start and its own condition kept it from it.
    fn held(&self, observed: &Observed) -> bool {
        observed.units.get(&self.name).is_some_and(|unit| unit.exists && !unit.condition)
    }

    fn run(&self, function: &'static str, verb: &str, name: String) -> Difference {
        Difference {
            summary: format!("{verb} {name}"),
            texts: None,
            work: Work {
                activate: Some(Call::new(
                    function,
                    [name.as_str(), wish(Some(self.daemon_reload))],
                )),
                prepare: Some(Call::new("service_stage", [name])),
                ..Work::default()
            },
        }
    }
}
