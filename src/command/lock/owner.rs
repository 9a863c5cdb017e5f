//! Who holds a lock of a cluster: what stands in its file.

use std::fs;
use std::path::Path;
use std::process;

use jiff::Timestamp;

use super::super::operator::operator;
use crate::length;
use crate::sanitise::sanitise;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// `user@host`.
    pub by: String,
    /// The machine, also where others have its name.
    pub machine: String,
    pub pid: u32,
    pub since: Timestamp,
    pub command: String,
}

impl Owner {
    pub fn here(command: String) -> Self {
        let by = operator();
        // Homes may be shared, and names of machines are not always their own.
        let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let machine = match id.trim() {
            "" => by.rsplit('@').next().unwrap_or_default().to_owned(),
            id => id.to_owned(),
        };
        Self { by, machine, pid: process::id(), since: Timestamp::now(), command }
    }

    pub fn text(&self) -> String {
        let Self { by, machine, pid, since, command } = self;
        format!("by\t{by}\nmachine\t{machine}\npid\t{pid}\nsince\t{since}\ncommand\t{command}\n")
    }

    /// The owner in a lock's text; what is not as it should be is left open.
    pub fn of(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
            line.unwrap_or_default().to_owned()
        };
        let (by, machine, command) = (field("by"), field("machine"), field("command"));
        let since = field("since").parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let pid = field("pid").parse().unwrap_or_default();
        (!text.is_empty()).then_some(Self { by, machine, pid, since, command })
    }

    /// Whether it is a process that runs on this `machine`, as far as its number tells.
    pub fn runs_on(&self, machine: &str) -> bool {
        self.machine == machine && Path::new("/proc").join(self.pid.to_string()).exists()
    }

    /// `root@ctl (ezsync setup c1, process 4711, since 3 min 12 s)`.
    pub fn words(&self) -> String {
        let age = Timestamp::now().duration_since(self.since).as_secs_f64();
        let age = if self.since == Timestamp::UNIX_EPOCH {
            "?".into()
        } else {
            length::rough(age.max(0.0))
        };
        let by = if self.by.is_empty() { "somebody" } else { &self.by };
        sanitise(&format!("{by} ({}, process {}, since {age})", self.command, self.pid))
            .into_owned()
    }
}
