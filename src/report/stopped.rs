//! In which state each host is that a run did not wait for.

use std::fmt::Write;

use super::Run;
use super::group::{group, names};
use super::paint::{BOLD, Paint};
use crate::fleet::{Outcome, Standing};

/// The states, worst first, each with all of its hosts; nothing for a run that went to its end.
pub(super) fn stopped(run: &Run) -> String {
    let left = run.hosts.iter().filter_map(|host| Some((host.left_as?, host.host.as_str())));
    let mut left = group(left);
    if left.is_empty() {
        return String::new();
    }
    left.sort_by_key(|(standing, _)| *standing);
    let mut text = String::from("STOPPED AT ONCE\n");
    for (standing, hosts) in left {
        let _ = writeln!(text, "{}: {}", names(&hosts).paint(BOLD), words(standing));
    }
    let done = run.hosts.iter().filter(|host| host.outcome == Outcome::Ok);
    let done: Vec<&str> = done.map(|host| host.host.as_str()).collect();
    if !done.is_empty() {
        let _ = writeln!(text, "{}: done", names(&done).paint(BOLD));
    }
    text
}

fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Changing => {
            "being changed: goes on to its end or comes back by itself, as a rule within a minute; the guard on the \
             host ends a step that takes more than 15 min"
        }
        Standing::Changed => "changed, its time was not proved",
        Standing::Staging => {
            "nothing was activated; a package that was being installed goes on and stays"
        }
        Standing::Unchanged => "unchanged",
    }
}
