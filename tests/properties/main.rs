//! What holds for any input: words survive every shell, a plan that was carried out leaves nothing to do, and
//! what is shown moves no cursor.

// clippy takes only functions marked #[test] for tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod plans;
mod shells;
mod shown;
