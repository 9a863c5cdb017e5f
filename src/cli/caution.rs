//! Options on when a run stops, and where the next one takes up.

use clap::Args;

use crate::cluster::FailurePolicy;

/// When a run stops, and where the next one takes up.
#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub struct Caution {
    /// Stop when more hosts fail than this: a number of them, or a percentage of the run's; goes before
    /// any_errors_fatal and max_fail_percentage in the settings
    #[arg(long, value_name = "N|P%", value_parser = FailurePolicy::parse, allow_hyphen_values = true)]
    pub max_fail: Option<FailurePolicy>,
    /// Only the hosts whose last setup did not end well, by the results that are kept here: `failed`
    #[arg(long, value_name = "WHICH", value_parser = ["failed"], help_heading = "Selection")]
    pub rerun: Option<String>,
    /// Break the locks of runs that are gone, of the cluster here and on its hosts
    #[arg(long)]
    pub break_lock: bool,
}
