//! SSH by russh, which is used nowhere else in the project.
//!
//! A [`Client`] holds what all hosts share; [`Client::connect`] makes a [`Session`] with one
//! host; a session runs commands.

mod auth;
mod error;
mod exec;
mod identity;
pub mod known_hosts;
mod session;
mod target;
mod transport;

pub use crate::exec::{Event, ExecError, ExitStatus, OUTPUT_MAX};
pub use error::{ConnectError, Phase, Rejected, UnusableKey, UnusableReason};
pub use exec::{Events, Exec, Output, Stdin};
pub use known_hosts::HostKeyPolicy;
pub use session::{Client, Session};
pub use target::{Credentials, Endpoint, HostKeys, Target};
