//! ezsync makes every node of a cluster agree on the time, over SSH, and proves it.
//!
//! Data flows one way, and each module is one stage of it or one thing that a stage needs:
//! inventory -> facts -> desired state -> plan -> apply -> verify -> report.
//! ARCHITECTURE.md says which module may know what.

pub mod inventory;
pub mod problem;
pub mod ssh;
pub mod verify;
pub mod yaml;
