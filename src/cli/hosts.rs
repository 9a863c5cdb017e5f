//! Options on which hosts are meant, and what proves their time.

use clap::Args;

use crate::cluster::OptionSetting;
use crate::length;
use crate::shard::Shard;

/// Which hosts, and what is said of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub struct Hosts {
    /// The cluster: the name of a folder in inventories/, or any name with -i
    #[arg(help_heading = None::<&str>)]
    pub cluster: String,
    /// Another inventory: a file, a program, a folder of such, or a list of hosts (`a,b` or `a,`)
    #[arg(short, long, alias = "inventory-file", value_name = "SOURCE")]
    pub inventory: Vec<String>,
    /// Only these hosts: a pattern such as 'kube_node:!node7'
    #[arg(short, long, value_name = "PATTERN", overrides_with = "limit")]
    pub limit: Option<String>,
    /// Only this part of the cluster: `sources` (the group chrony), or the K-th of N equal parts of all
    /// others, K from 1 to N (a Kubernetes completion index is K-1). It is divided before it is limited
    #[arg(long, value_name = "sources|K/N", value_parser = Shard::parse, allow_hyphen_values = true)]
    pub shard: Option<Shard>,
    /// Set a variable: k=v, JSON, or @file
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Only list the hosts
    #[arg(long)]
    pub list_hosts: bool,
}

/// How a host's time is proved.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time")]
pub struct Proof {
    /// How long to wait for hosts to be synchronised
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = |text: &str| length::whole(text, 0..=86_400), allow_hyphen_values = true)]
    pub verify_timeout: u32,
    /// What passes.
    #[command(flatten)]
    pub threshold: Threshold,
}

/// What error of a clock passes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time")]
pub struct Threshold {
    /// How far a clock may be off, such as 0.05 or 50ms; goes before max_offset in the settings
    #[arg(long, value_name = "SECONDS", value_parser = length::parse, allow_hyphen_values = true)]
    pub max_offset: Option<f64>,
}

impl Threshold {
    /// What these options set.
    #[must_use]
    pub fn settings(&self) -> Vec<OptionSetting> {
        let setting = |seconds: &f64| {
            let (name, value) = ("max_offset", (*seconds).into());
            OptionSetting { name, value, option: "--max-offset" }
        };
        self.max_offset.iter().map(setting).collect()
    }
}
