//! Real hosts for the tests and the demo, in a network namespace of their own.
//!
//! [`Lab::up`] boots fresh Debian hosts that share a bridge, answer on SSH and install packages from a
//! repository that the lab serves to them. Dropping the [`Lab`] removes all of it. What a killed
//! process leaves behind, the next `up` or [`clean`] removes.
//!
//! Most hosts are systemd-nspawn containers. They share this machine's clock, so nothing in them has
//! the right to set it. Where clocks are to be set, hosts run in User-Mode-Linux, which has a clock of
//! its own ([`LabSpec::clock_offsets`]).

mod cgroup;
mod delay;
mod host;
mod image;
mod inventory;
mod lab;
mod leftovers;
mod mirror;
mod network;
mod nspawn;
mod python;
mod recipe;
mod requirements;
mod run;
mod skip;
mod uml;

pub use delay::DelayLine;
pub use image::ensure as ensure_image;
pub use inventory::inventory;
pub use lab::{Lab, LabSpec, TestHost};
pub use leftovers::clean;
pub use mirror::mirror;
pub use python::judge;
pub use recipe::{Image, Suite};
pub use requirements::{Missing, requirements, unavailable};
pub use run::interrupt;
pub use skip::{is_benchmark, skip};

use std::path::PathBuf;

/// Where images and running labs live: `EZSYNC_HOSTS_CACHE`, else `/var/cache/ezsync-hosts`.
#[must_use]
pub fn cache() -> PathBuf {
    std::env::var_os("EZSYNC_HOSTS_CACHE")
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from("/var/cache/ezsync-hosts"), PathBuf::from)
}
