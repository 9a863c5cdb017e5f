//! What ezsync did on a host: the record of what it manages there, and what became of that since.
//!
//! The record stands in `/var/lib/ezsync/state`. Everything here is a function of texts and
//! observations: how these are had, and how a way back is carried out, is not known.

mod drift;
mod record;

pub use drift::{Drift, Thing, drifts};
pub use record::{Kept, Managed, PackageWish, Record, Since, Stamp, Unreadable, Wishes, ZoneWish};

#[cfg(test)]
mod tests;
