//! `ezsync status` and `ezsync rollback`: what is typed.

use clap::Args;

use super::{Access, Hosts};

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Show what was changed by hand, and what setup would change
    #[arg(help_heading = "Output", short = 'D', long)]
    pub diff: bool,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Back to what stood there before ezsync ever came: only packages stay as they are now
    #[arg(help_heading = "Selection", long)]
    pub pristine: bool,
    /// Only show what would change
    #[arg(help_heading = "Safety", short = 'C', long)]
    pub check: bool,
    /// Show how files change
    #[arg(help_heading = "Output", short = 'D', long)]
    pub diff: bool,
    /// Go back also where that loses what somebody else has changed since
    #[arg(help_heading = "Safety", long)]
    pub force: bool,
    /// Break the locks of runs that are gone, of the cluster here and on its hosts
    #[arg(help_heading = "Safety", long)]
    pub break_lock: bool,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}
