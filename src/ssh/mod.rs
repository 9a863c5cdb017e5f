//! SSH by russh, which is used nowhere else in the project.
//!
//! A [`Client`] holds what all hosts share; [`Client::connect`] makes a [`Session`] with one
//! host; a session runs commands.

mod agent;
mod asking;
mod auth;
mod candidate;
mod client;
pub mod config;
mod error;
mod exec;
mod gateway;
mod identity;
mod interactive;
pub mod known_hosts;
mod open;
mod pace;
mod pattern;
mod proxy;
mod rejected;
mod session;
mod signing;
mod stream;
mod target;
mod transport;

pub use crate::exec::{Event, ExecError, ExitStatus};
pub use asking::{Prompt, Question};
pub use client::Client;
pub use error::{ConnectError, Phase};
pub use exec::{Events, Exec, Stdin};
pub use identity::fault_of_key;
pub use known_hosts::HostKeyPolicy;
pub use rejected::{Rejected, UnusableKey, UnusableReason};
pub use session::Session;
pub use target::{Credentials, Endpoint, HostKeys, Jump, Keepalive, Method, Socket, Target, Via};
