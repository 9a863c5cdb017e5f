//! ezsync makes every node of a cluster agree on the time, over SSH, and proves it.
//!
//! Data flows one way, and each module is one stage of it or one thing that a stage needs:
//! inventory -> facts -> desired state -> plan -> apply -> verify -> report.
//! ARCHITECTURE.md says which module may know what.

pub mod access;
pub mod bundle;
pub mod cli;
pub mod cluster;
pub mod command;
pub mod desired;
pub mod exec;
pub mod exit;
pub mod facts;
pub mod fleet;
pub mod history;
pub mod interrupt;
pub mod inventory;
pub mod length;
pub mod local;
pub mod openshift;
pub mod package;
pub mod plan;
pub mod problem;
pub mod project;
pub mod remote;
pub mod report;
pub mod repository;
pub mod resource;
pub mod role;
pub mod sanitise;
pub mod shard;
pub mod ssh;
pub mod template;
pub mod ui;
pub mod verify;
pub mod yaml;
