//! The SSH layer against a real OpenSSH server, and against servers that misbehave.

// clippy takes only functions marked #[test] for tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod exec;
mod host_keys;
mod jump;
mod login;
mod misbehaving;
mod pace;
mod proxy_command;
mod sshd;
mod stand_in;
