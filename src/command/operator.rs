//! Who runs this program, for those who come upon what it has done.

use crate::ssh::config::Local;

/// `user@host` of this process.
pub(super) fn operator() -> String {
    let Local { user, host, .. } = Local::here();
    // It becomes a field of a line on the hosts.
    format!("{user}@{host}").chars().filter(|c| !c.is_control()).collect()
}
