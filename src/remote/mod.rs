//! Observations and changes as POSIX sh, and the hosts' answers as data.
//!
//! The functions stand in `sh/`, one file a topic; here they are put together with quoted
//! arguments. Every script is read whole before anything in it runs: its last line calls it.

mod answer;
mod apply;
mod greeting;
mod history;
mod look;
mod privilege;
mod probe;
mod script;
mod units;
mod visit;

pub use answer::{OUTPUT_MAX, Section, Sections};
pub use apply::{
    Ending, Errand, Outcome, Progress, apply_script, name_targets, packages_that_stay,
    recover_script,
};
pub use greeting::{Greeting, Heard, Stream};
pub use history::{About, Depth, Holder, Past, Unfinished};
pub use look::{
    ASK_TIME, Glance, Look, MORE, Sight, TIME_AROUND, TIME_READY, TIME_TOLD, source_script,
    source_side, watch_script,
};
pub use privilege::{Become, Method, Opening};
pub use probe::{Probe, Request, probe_script};
pub use script::{Word, quote};
pub use visit::{Greeted, command_script, command_status, ping_script, stock, stock_script};

#[cfg(test)]
mod tests;
