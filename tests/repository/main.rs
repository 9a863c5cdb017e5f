//! `ezsync bundle create` against repositories that the tests make: signed by GnuPG, made by rpmbuild and
//! createrepo_c, and Debian's own mirror where it is reachable.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod archive;
mod debian;
mod from;
mod real;
mod rpm;
mod run;
