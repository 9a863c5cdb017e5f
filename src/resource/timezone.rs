//! The host's time zone.

use std::sync::Arc;

use super::{Args, Call, Difference, Observed, Resource, Subject, Work};
use crate::problem::Problem;

/// A time zone by its name in the tz database.
#[derive(Debug)]
struct Timezone {
    name: String,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let name = args.required("name")?;
    let sound = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    if !name.chars().all(sound) || name.starts_with(['/', '-']) {
        return Err(args
            .problem(&format!("`{name}` is not the name of a time zone"))
            .hint("names look like Europe/Berlin or UTC"));
    }
    Ok(Arc::new(Timezone { name }))
}

impl Resource for Timezone {
    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Timezone]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, String> {
        if observed.timezone.as_ref() == Some(&self.name) {
            return Ok(None);
        }
        Ok(Some(Difference {
            summary: format!("set the time zone to {}", self.name),
            texts: None,
            work: Work {
                activate: Some(Call::new("timezone_set", [self.name.clone()])),
                undo: Some(Call::new("timezone_undo", [self.name.clone()])),
                ..Work::default()
            },
        }))
    }
}
