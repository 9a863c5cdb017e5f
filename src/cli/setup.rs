//! `ezsync setup`: what is typed.

use std::ffi::OsString;

use clap::Args;

use super::{Access, Caution, Hosts, Proof};
use crate::cluster::OptionSetting;
use crate::length;

/// Options of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// The step: 01 or all for every role, or the name of one, as in `ezctl setup`
    #[arg(help_heading = None::<&str>)]
    pub step: Option<String>,
    /// Only show what would change
    #[arg(help_heading = "Safety", short = 'C', long)]
    pub check: bool,
    /// Show how files change
    #[arg(help_heading = "Output", short = 'D', long)]
    pub diff: bool,
    /// Only tasks with one of these tags
    #[arg(
        help_heading = "Selection",
        short = 't',
        long,
        value_name = "TAGS",
        value_delimiter = ','
    )]
    pub tags: Vec<String>,
    /// No tasks with one of these tags
    #[arg(help_heading = "Selection", long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Only list the tasks, with their tags
    #[arg(help_heading = "Selection", long, alias = "list-tags")]
    pub list_tasks: bool,
    /// How long the source may take to follow one of its servers, before it serves its own clock
    #[arg(help_heading = "Time", long, value_name = "SECONDS", default_value_t = 30, value_parser = |text: &str| length::whole(text, 0..=86_400), allow_hyphen_values = true)]
    pub source_timeout: u32,
    /// Take packages from this file of `ezsync bundle create` alone; '' for none where the settings name one
    #[arg(help_heading = "Packages", long, value_name = "FILE")]
    pub bundle: Option<OsString>,
    /// Overwrite also what somebody else has changed of what ezsync wrote
    #[arg(help_heading = "Safety", long)]
    pub force: bool,
    /// With a bundle: set up the hosts that it does for, also when it does not do for others
    #[arg(help_heading = "Packages", long)]
    pub partial: bool,
    /// Set the clock of a source that follows no server from this machine's
    #[arg(help_heading = "Time", long)]
    pub set_clock: bool,
    /// Let hosts go back to their previous configuration when their time is not proved, also when this machine
    /// is lost; the default for those that ezsync has set up before
    #[arg(help_heading = "Safety", long, conflicts_with = "no_confirm")]
    pub confirm: bool,
    /// Let hosts keep their changes in any case
    #[arg(help_heading = "Safety", long)]
    pub no_confirm: bool,
    /// When it stops, and where it takes up again.
    #[command(flatten)]
    pub caution: Caution,
    /// How the time is proved.
    #[command(flatten)]
    pub proof: Proof,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

impl Setup {
    /// Whether hosts go back when their time is not proved; none where nothing was said about it.
    #[must_use]
    pub fn confirm(&self) -> Option<bool> {
        (self.confirm || self.no_confirm).then_some(self.confirm)
    }

    /// What its options set.
    #[must_use]
    pub fn settings(&self) -> Vec<OptionSetting> {
        let mut settings = self.proof.threshold.settings();
        if self.set_clock {
            let (name, value) = ("source_clock", "controller".into());
            settings.push(OptionSetting { name, value, option: "--set-clock" });
        }
        settings
    }
}
