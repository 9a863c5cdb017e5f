//! ezsync on real hosts: systemd, OpenSSH, chronyd and apt, each test with fresh hosts of its own.
//!
//! Needs root; without it each test says that it was skipped, and why.

mod access;
mod cluster;
mod faults;
mod roles;
mod support;
