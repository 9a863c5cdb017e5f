//! The host's time zone.

use std::sync::Arc;

use super::{Args, Call, Difference, Entry, Observed, Obstacle, Resource, Subject, Texts, Work};
use crate::problem::{Problem, nearest};

/// A time zone by its name in the tz database.
#[derive(Debug)]
struct Timezone {
    name: String,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let name = args.required("name")?;
    if !is_name(&name) {
        return Err(args
            .problem(&format!("`{name}` is not the name of a time zone"))
            .hint("names look like Europe/Berlin or UTC"));
    }
    Ok(Arc::new(Timezone { name }))
}

/// Whether `name` looks like a zone of the tz database: `Europe/Berlin`, `Etc/GMT+5`, `UTC`.
pub fn is_name(name: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('-') && part.chars().all(sound);
    name.split('/').all(part)
}

impl Resource for Timezone {
    fn entries(&self) -> Vec<Entry> {
        vec![Entry::Timezone(self.name.clone())]
    }

    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Timezone(self.name.clone())]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        if observed.timezone.as_ref() == Some(&self.name) {
            return Ok(None);
        }
        if !observed.zones.contains(&self.name) {
            return Err(self.missing(&observed.zones));
        }
        let line = |zone: &String| format!("{zone}\n");
        Ok(Some(Difference {
            summary: format!("set the time zone to {}", self.name),
            texts: Some(Texts {
                path: "time zone".to_owned(),
                before: observed.timezone.as_ref().map(line).unwrap_or_default(),
                after: line(&self.name),
            }),
            work: Work {
                prepare: Some(Call::new("timezone_stage", [self.name.clone()])),
                activate: Some(Call::new("timezone_set", Vec::<String>::new())),
                ..Work::default()
            },
        }))
    }
}

impl Timezone {
    /// What to do where the host has only `zones`.
    fn missing(&self, zones: &[String]) -> Obstacle {
        let name = &self.name;
        if zones.is_empty() {
            return Obstacle::new(
                format!("the host has no time zones: there is no {name} in /usr/share/zoneinfo"),
                "install its package tzdata (timezone on openSUSE)",
            );
        }
        let known: Vec<&str> = zones.iter().map(String::as_str).collect();
        let next = match nearest(name, &known) {
            Some(near) => format!("did you mean {near}?"),
            None => "`timedatectl list-timezones` there lists those that it has; Debian keeps old names in the package tzdata-legacy".to_owned(),
        };
        Obstacle::new(format!("the host has no time zone {name} in /usr/share/zoneinfo"), next)
    }
}
