//! What ezsync did on a host: the record of what it manages there, and what became of that since.
//!
//! The record stands in `/var/lib/ezsync/state`. Everything here is a function of texts and
//! observations: how these are had, and how a way back is carried out, is not known.

mod back;
mod drift;
mod journal;
mod record;

pub use back::{Way, written};
pub use drift::{Drift, Thing, drifts};
pub use journal::{Journal, Stood};
pub use record::{Kept, Managed, PackageWish, Record, Since, Stamp, Unreadable, Wishes, ZoneWish};

#[cfg(test)]
mod tests;
