//! `ezsync report`: what is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Results of runs.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Put together what runs on parts of one cluster printed with --json, as if it had been one run
    #[command(after_help = "\
Example:
  ezsync report merge sources.json shard-1.json shard-2.json

Ends with the exit code that one run over all these hosts would have had. Asks no host.")]
    Merge(Merge),
}

/// Options of `report merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// What each run printed
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show how files change
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Print the result as one JSON document, and nothing else there
    #[arg(long)]
    pub json: bool,
}
