//! The same time configuration for OpenShift and OKD: what the Machine Config Operator takes, and the way back.
//!
//! There the cluster's own operator brings files to nodes. It knows pools of nodes, and no single node.

mod around;
mod chrony_conf;
mod compare;
mod content;
mod data_url;
mod dns;
mod document;
mod dumped;
mod entry;
mod ignition;
mod import;
mod machine_config;
mod objects;
mod pool;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod version;

pub use chrony_conf::Check;
pub use compare::{Comparison, compare};
pub use content::{Content, check_zone};
pub use document::{Document, Format, beside, documents, is_written_here};
pub use dumped::{Dumped, DumpedFile};
pub use import::{Imported, import};
pub use pool::{Pool, pools};
pub use read::{Dumps, Purpose, Unread, read};
pub use settings::{MASTER, PoolSettings, Settings, WORKER};
pub use version::Version;
