//! `ezsync bundle`: what is typed.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Access;
use crate::package::Architecture;

/// What to do with a bundle.
#[derive(Debug, Subcommand)]
pub enum Bundle {
    /// Fetch chrony and what it needs for the hosts of a cluster, and write it into one file
    #[command(after_help = "\
Examples:
  ezsync bundle create -o time.bundle --for debian-12 --for debian-13 --arch amd64,arm64
  ezsync bundle create -o time.bundle --from cluster01
  ezsync bundle create -o time.bundle --for rocky-9 --mirror rocky=https://mirror.example.org/rocky
  ezsync bundle create -o time.bundle --for rhel-9 --packages rpms/

A release is ID-VERSION_ID of /etc/os-release. Debian, Ubuntu, Rocky, AlmaLinux, CentOS Stream,
Fedora and openSUSE Leap are known with their mirrors; others need --mirror or --packages. A mirror's
NAME is that of a repository (debian, debian-security, ubuntu, rocky) or of a release (rhel-9).
https_proxy, http_proxy and no_proxy of the environment are heeded. What was fetched once is kept in
~/.cache/ezsync, and a fetch that was broken off goes on where it stood.")]
    Create(Box<BundleCreate>),
    /// Say what is in a bundle, and check every byte of it
    #[command(after_help = "\
Examples:
  ezsync bundle show time.bundle
  ezsync bundle show time.bundle --json | jq '.sets[].packages[].sha256'

With -v the SHA-256 of each package is shown. The file is a tar, compressed with zstd: any tar shows
its manifest.json, too.")]
    Show(BundleShow),
}

/// Options of `bundle show`.
#[derive(Debug, Args)]
pub struct BundleShow {
    /// The bundle
    pub file: PathBuf,
    /// Print it as one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Options of `bundle create`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("hosts").required(true).multiple(true).args(["releases", "from"]))]
pub struct BundleCreate {
    /// The file to write; one that is there is replaced when the new one is whole
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// For hosts of this release, such as debian-12; repeat for more
    #[arg(long = "for", value_name = "RELEASE", value_delimiter = ',')]
    pub releases: Vec<String>,
    /// For these architectures, such as amd64,arm64; else this machine's own
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',')]
    pub architectures: Vec<Architecture>,
    /// For the hosts of this cluster: each is asked what it is and what it has
    #[arg(long, value_name = "CLUSTER")]
    pub from: Option<String>,
    /// A package to take in with all that it needs, in place of chrony (with --from: of what the roles install)
    #[arg(long = "package", value_name = "NAME", value_delimiter = ',')]
    pub packages: Vec<String>,
    /// Take .deb and .rpm files of this folder too, before those of mirrors; DIR/debian-12/ for one release
    #[arg(long = "packages", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Take a repository, or all of a release, from another place: http, https or file
    #[arg(long = "mirror", value_name = "NAME=URL")]
    pub mirrors: Vec<String>,
    /// The proxy for all downloads: http://[USER:PASSWORD@]HOST:PORT
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Trust the OpenPGP keys in this file, instead of those that distributions are known to sign with
    #[arg(long = "keyring", value_name = "FILE")]
    pub keyrings: Vec<PathBuf>,
    /// With --from: go on without hosts that do not answer or that nothing fits
    #[arg(long)]
    pub partial: bool,
    /// Another inventory: a file, a program, a folder of such, or a list of hosts (`a,b` or `a,`)
    #[arg(short, long, alias = "inventory-file", value_name = "SOURCE")]
    pub inventory: Vec<String>,
    /// Only these hosts: a pattern such as 'kube_node:!node7'
    #[arg(short, long, value_name = "PATTERN", overrides_with = "limit")]
    pub limit: Option<String>,
    /// Set a variable: k=v, JSON, or @file
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// How they are reached.
    #[command(flatten)]
    pub access: Access,
}
