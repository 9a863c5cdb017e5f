//! ezsync on real hosts: systemd, OpenSSH, chronyd and apt, each test with fresh hosts of its own.
//!
//! Needs root; without it each test says that it was skipped, and why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod bundles;
mod clock;
mod cluster;
mod cuts;
mod cutter;
mod diagnosis;
mod diagnosis_clocks;
mod distance;
mod dnf;
mod faults;
mod history;
mod installs;
mod journey;
mod kernels;
mod local;
mod muster;
mod offline;
mod offline_faults;
mod on_node;
mod planted;
mod policy;
mod portable;
mod privilege;
mod rivals;
mod roles;
mod secrets;
mod settings;
mod shards;
mod speed;
mod standby;
mod steps;
mod support;
mod terminal;
mod transaction;
mod trial;
mod uploads;
mod visit;
