//! SSH by russh, which is used nowhere else in the project.

pub mod known_hosts;
