//! What is typed on the command line. Flags mean what they mean to Ansible.

mod access;
mod bundle;
mod caution;
mod export;
mod history;
mod hosts;
mod report;
mod setup;

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{ArgGroup, Args, Parser, Subcommand};

pub use access::{Access, Privilege};
pub use bundle::{Bundle, BundleCreate, BundleShow};
pub use caution::Caution;
pub use export::{Export, ExportFormat, Import, ImportMachineConfig};
pub use history::{Rollback, Status};
pub use hosts::{Hosts, Proof, Threshold};
pub use report::{Merge, Report};
pub use setup::Setup;

use crate::length;

/// The version with the commit that it was built from.
pub const VERSION: &str = env!("EZSYNC_VERSION");

const MAIN_EXAMPLES: &str = "\
Examples:
  ezsync new cluster01                    make inventories/cluster01, ready to edit
  ezsync setup cluster01                  set up the time everywhere, and prove it
  ezsync setup cluster01 --check --diff   show what would change
  ezsync verify cluster01                 prove it again, change nothing
  ezsync status cluster01                 say what is there, and who else has changed it
  ezsync rollback cluster01               take the last run back on the hosts that it changed
  ezsync doctor cluster01                 say what is wrong, and what to do about it
  ezsync render cluster01 -o out          write the files that each host would get
  ezsync export cluster01 -o out          write the same for OpenShift, as MachineConfigs
  ezsync ping cluster01                   say which hosts answer
  ezsync exec cluster01 all -- date       run a command everywhere
  ezsync inventory cluster01 --graph      show what was read
  ezsync bundle create -o time.bundle --for debian-12
                                          fetch what hosts without internet need

Exit codes: 0 all well, 1 an error, 2 a host failed or is not synchronised,
4 a host is unreachable, 5 bad options or input, 99 interrupted.";

/// Makes every node of a cluster agree on the time, over SSH, and proves it.
#[derive(Debug, Parser)]
#[command(name = "ezsync", version = VERSION, after_help = MAIN_EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The folder with inventories/, roles/ and templates/
    #[arg(long, global = true, value_name = "DIR", default_value = ".", display_order = 900)]
    pub project_dir: PathBuf,
    /// No colours, also on a terminal
    #[arg(long, global = true, display_order = 901, help_heading = "Output")]
    pub no_color: bool,
    /// Say more; repeat for yet more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 902, help_heading = "Output")]
    pub verbose: u8,
}

impl Cli {
    /// Whether one JSON document is to be printed, and nothing else on standard output.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        match &self.command {
            Command::Setup(options) => options.access.json,
            Command::Ping(options) => options.access.json,
            Command::Exec(options) => options.access.json,
            Command::Verify(options) => options.access.json,
            Command::Doctor(options) => options.access.json,
            Command::Status(options) => options.access.json,
            Command::Rollback(options) => options.access.json,
            Command::Bundle(Bundle::Create(options)) => options.access.json,
            Command::Bundle(Bundle::Show(options)) => options.json,
            Command::Report(Report::Merge(options)) => options.json,
            Command::New { .. }
            | Command::Render(_)
            | Command::Inventory(_)
            | Command::Export(_)
            | Command::Import(_) => false,
        }
    }

    /// Whether there are colours: as the terminal and `NO_COLOR` have it, unless told otherwise.
    #[must_use]
    pub fn colours(&self) -> ColorChoice {
        if self.no_color { ColorChoice::Never } else { ColorChoice::Auto }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the folder of a new cluster, ready to edit
    #[command(
        after_help = "Example:\n  ezsync new cluster01    makes inventories/cluster01/hosts and config.yml"
    )]
    New {
        /// The cluster's name
        cluster: String,
    },
    /// Set up the time on every host: probe, plan, apply, verify, report
    #[command(after_help = "\
Examples:
  ezsync setup cluster01
  ezsync setup cluster01 --check --diff
  ezsync setup cluster01 chrony -l 'kube_node:!node7'
  ezsync setup cluster01 --max-offset 10ms -u ops
  ezsync setup cluster01 --max-fail 0     any error is fatal: then nothing is activated anywhere
  ezsync setup cluster01 --rerun failed   only the hosts that did not end well")]
    Setup(Box<Setup>),
    /// Say which hosts answer, and as whom commands run there
    #[command(after_help = "\
Examples:
  ezsync ping cluster01
  ezsync ping cluster01 'kube_node:!node7' -u ops -K")]
    Ping(Box<Ping>),
    /// Run a command on hosts and show who answers the same
    #[command(after_help = "\
Examples:
  ezsync exec cluster01 all -- timedatectl
  ezsync exec cluster01 kube_node -b -- 'journalctl -u chrony | tail -3'

The words of COMMAND are joined with blanks and read by sh on the host, as with ssh. It has
nothing to read, and runs as the login user unless -b or the inventory says otherwise.")]
    Exec(Box<Exec>),
    /// Prove the time on every host: only the verification and the report
    #[command(after_help = "Example:\n  ezsync verify cluster01 --json | jq .recap")]
    Verify(Box<Verify>),
    /// Say what is wrong with the time on each host, and what may become a trouble
    #[command(after_help = "\
Examples:
  ezsync doctor cluster01
  ezsync doctor cluster01 -l node1,node7 --json | jq '.hosts[].verdict.cause'

Changes nothing: no daemon is restarted, no clock is set. A source that stays silent is asked once
by `chronyd -Q` beside the daemon, and the cluster's source is asked why it does not answer. Ends with
the exit code of verify.")]
    Doctor(Box<Doctor>),
    /// Say what is there on each host, since when, and what somebody else has changed of it
    #[command(after_help = "\
Examples:
  ezsync status cluster01
  ezsync status cluster01 --diff -l node7
  ezsync status cluster01 --json | jq '.hosts[] | select(.drift != []) | .host'

Changes nothing. Ends with 0 when every host is as the settings want it and nobody else has changed
what ezsync wrote, with 2 otherwise.")]
    Status(Box<Status>),
    /// Take the last run back on the hosts that it changed, or all that ezsync ever did
    #[command(after_help = "\
Examples:
  ezsync rollback cluster01 --check --diff
  ezsync rollback cluster01              the last run; again: the one before it
  ezsync rollback cluster01 --pristine   files and services as they were before ezsync ever came

Hosts that the last run did not change stay as they are. All others go back at the same time, in no
order. Packages stay, those that they drove out do not come back (the report names both), and clocks
go on as they are. Settings are not judged and templates not read: when these are wrong
the way back is open. `ezsync verify` then says how the time is.")]
    Rollback(Box<Rollback>),
    /// Write the files that each host would get; needs no network
    #[command(after_help = "Example:\n  ezsync render cluster01 -l node1 -o out")]
    Render(Box<Render>),
    /// Write the same configuration for OpenShift or OKD: one MachineConfig a pool; needs no network
    #[command(after_help = "\
Examples:
  ezsync export cluster01 --openshift-version 4.18 | oc apply --server-side -f -
  ezsync export cluster01 --format butane --pool worker -o out
  ezsync export cluster01 --internal-source bastion
  oc get mc -o yaml >there.yaml && ezsync export cluster01 --check there.yaml

The group kube_master is the pool master, kube_node the pool worker; config.yml names others. With
--check it ends with 2 when a config differs or is not there. See docs/openshift.md.")]
    Export(Box<Export>),
    /// Read configurations of others, and print the settings that would give the same
    #[command(subcommand)]
    Import(Import),
    /// Print the inventory as ansible-inventory does: merged, with every host's variables
    #[command(after_help = "\
Examples:
  ezsync inventory cluster01 --list
  ezsync inventory cluster01 --graph kube_node --vars
  ezsync inventory -i hosts.ini -i more/ -i node9, --host node9")]
    Inventory(Box<Inventory>),
    /// Results of runs: several as one
    #[command(subcommand)]
    Report(Report),
    /// Bundles: one file with the packages that hosts without internet need
    #[command(subcommand)]
    Bundle(Bundle),
}

/// Options of `ping`.
#[derive(Debug, Args)]
pub struct Ping {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Only these hosts: a pattern such as 'kube_node:!node7'
    #[arg(help_heading = None::<&str>)]
    pub pattern: Option<String>,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// On which of them: a pattern such as all or 'kube_node:!node7'
    #[arg(help_heading = None::<&str>)]
    pub pattern: String,
    /// What to run; options of ezsync stand before it
    #[arg(help_heading = None::<&str>, trailing_var_arg = true, required_unless_present = "list_hosts")]
    pub command: Vec<String>,
    /// How long the command may take; 0: as long as it likes
    #[arg(help_heading = "Connection", long, value_name = "SECONDS", default_value_t = 600, value_parser = |text: &str| length::whole(text, 0..=604_800), allow_hyphen_values = true)]
    pub command_timeout: u32,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// How the time is proved.
    #[command(flatten)]
    pub proof: Proof,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// What passes.
    #[command(flatten)]
    pub threshold: Threshold,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// Write DIR/HOST/path/of/file instead of printing
    #[arg(help_heading = "Output", short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Render for hosts of this family: Debian, RedHat, Suse, Alpine or Archlinux
    #[arg(help_heading = "Output", long, value_name = "FAMILY", default_value = "Debian")]
    pub platform: String,
}

/// Options of `inventory`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("answer").required(true))]
pub struct Inventory {
    /// The cluster: the name of a folder in inventories/
    pub cluster: Option<String>,
    /// Another inventory: a file, a program, a folder of such, or a list of hosts (`a,b` or `a,`)
    #[arg(short, long, alias = "inventory-file", value_name = "SOURCE")]
    pub inventory: Vec<String>,
    /// All groups and all hosts' variables, as JSON
    #[arg(long, group = "answer")]
    pub list: bool,
    /// The variables of one host, as JSON
    #[arg(long, value_name = "HOST", group = "answer")]
    pub host: Option<String>,
    /// The tree of groups and hosts, or the part of it below one group
    #[arg(long, value_name = "GROUP", group = "answer", num_args = 0..=1, default_missing_value = "all")]
    pub graph: Option<String>,
    /// With --graph: variables too
    #[arg(long)]
    pub vars: bool,
    /// With --list: only these hosts, a pattern such as 'kube_node:!node7'
    #[arg(short, long, value_name = "PATTERN", overrides_with = "limit")]
    pub limit: Option<String>,
    /// Set a variable: k=v, JSON, or @file
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// What ansible-inventory has, and is refused in words.
    #[arg(long = "yaml", aliases = ["toml", "export"], hide = true)]
    pub other_format: bool,
    /// The same.
    #[arg(long, value_name = "FILE", hide = true)]
    pub output: Option<String>,
}
