//! The SSH layer against a real OpenSSH server, and against servers that misbehave.

// clippy takes only functions marked #[test] for tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod advice;
mod become_password;
mod certificates;
mod exec;
mod host_keys;
mod hostile;
mod jump;
mod locked;
mod login;
mod many;
mod misbehaving;
mod pace;
mod program;
mod proxy_command;
mod questions;
mod run;
#[path = "../simulated/mod.rs"]
mod simulated;
mod sshd;
mod stand_in;
mod visits;
mod whole;
