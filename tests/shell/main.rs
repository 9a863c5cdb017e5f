//! The shipped shell, run by each of the shells that a host may have.
//!
//! The scripts are the real ones, made by comparing resources with what the probe found. They
//! run as root in a small root of their own (see [`host`]): files there are real, and service and
//! package managers that cannot be had here are small recording stand-ins in `fakes/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod adrift;
mod clock;
mod commands;
mod evidence;
mod files;
mod gate;
mod history;
mod host;
mod lint;
mod packages;
mod paths;
mod probe;
mod recovery;
mod run;
mod services;
mod stopped;
mod uploads;
mod visit;
