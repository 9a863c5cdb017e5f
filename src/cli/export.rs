//! `ezsync export` and `ezsync import`: what is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// How configs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Objects for `oc apply`
    #[value(name = "machineconfig")]
    MachineConfig,
    /// What `butane` makes MachineConfigs of
    Butane,
    /// What a node reads when it boots for the first time, as JSON
    Ignition,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The cluster: the name of a folder in inventories/, or any name with -i
    pub cluster: String,
    /// Another inventory: a file, a program, a folder of such, or a list of hosts (`a,b` or `a,`)
    #[arg(
        help_heading = "Selection",
        short,
        long,
        alias = "inventory-file",
        value_name = "SOURCE"
    )]
    pub inventory: Vec<String>,
    /// Only this pool; may be given several times
    #[arg(help_heading = "Selection", long, value_name = "POOL")]
    pub pool: Vec<String>,
    /// Set a variable: k=v, JSON, or @file
    #[arg(help_heading = "Selection", short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Follow this host, which is in no pool, instead of the servers in ntp_servers
    #[arg(help_heading = "Time", long, value_name = "HOST")]
    pub internal_source: Option<String>,
    /// What is written
    #[arg(
        help_heading = "Output",
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "machineconfig"
    )]
    pub format: ExportFormat,
    /// The release of OpenShift or OKD that it is for: 4.8 to 4.22 [default: that of config.yml, or 4.14]
    #[arg(help_heading = "Output", long, value_name = "X.Y")]
    pub openshift_version: Option<String>,
    /// Write one file an object into DIR instead of printing
    #[arg(help_heading = "Output", short, long, value_name = "DIR", conflicts_with = "check")]
    pub output: Option<PathBuf>,
    /// Write nothing: compare with what a cluster has, as `oc get mc -o yaml` printed it; `-` is standard input
    #[arg(help_heading = "Output", long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// What is read back.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Print the files of MachineConfigs, and the settings that would give the same
    #[command(
        name = "machineconfig",
        after_help = "\
Example:
  oc get mc -o yaml 99-worker-chrony >worker.yaml
  ezsync import machineconfig worker.yaml

  oc debug node/worker-0 -- chroot /host cat /etc/chrony.conf >chrony.conf
  ezsync import machineconfig chrony.conf

Reads all forms of contents that the operator takes, also those of Ignition 2. What no setting
stands for is listed at the end. Asks no cluster."
    )]
    MachineConfig(ImportMachineConfig),
}

/// Options of `import machineconfig`.
#[derive(Debug, Args)]
pub struct ImportMachineConfig {
    /// Files with MachineConfigs, or a node's own chrony.conf; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
