//! Options on how hosts are reached.

use std::path::PathBuf;

use clap::Args;

use crate::cluster::user_name;
use crate::length;

/// How hosts are reached, and how the result is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct Access {
    /// How many hosts at a time
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks, allow_hyphen_values = true)]
    pub forks: u16,
    /// Reach hosts by SSH, or take them for this machine itself, where the inventory does not say
    #[arg(short, long, value_name = "KIND", value_parser = ["ssh", "local", "smart"])]
    pub connection: Option<String>,
    /// Log in as this user where the inventory names none
    #[arg(short, long, env = "ANSIBLE_REMOTE_USER", hide_env_values = true, value_name = "USER", value_parser = user_name)]
    pub user: Option<String>,
    /// Log in with this key
    #[arg(
        long,
        env = "ANSIBLE_PRIVATE_KEY_FILE",
        hide_env_values = true,
        visible_alias = "key-file",
        value_name = "FILE"
    )]
    pub private_key: Option<PathBuf>,
    /// Ask once for the password to log in with
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub ask_pass: bool,
    /// Take that password from a file, or from what it prints if it is a program
    #[arg(
        long = "conn-pass-file",
        visible_alias = "connection-password-file",
        value_name = "FILE"
    )]
    pub connection_password_file: Option<PathBuf>,
    /// How long connecting to a host may take; else ConnectTimeout of ssh_config, else 10
    #[arg(short = 'T', long, value_name = "SECONDS", value_parser = |text: &str| length::whole(text, 1..=3600), allow_hyphen_values = true)]
    pub timeout: Option<u32>,
    /// Options of ssh for all hosts, such as '-J bastion' or '-o ProxyCommand="..."'
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,
    /// More options of ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,
    /// Trust the keys of hosts that are not known yet, and remember them
    #[arg(long)]
    pub accept_new_host_keys: bool,
    /// The file of known host keys, instead of ~/.ssh/known_hosts
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
    /// Whose commands become.
    #[command(flatten)]
    pub privilege: Privilege,
    /// Print the result as one JSON document, and nothing else there
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Whose commands become on a host.
#[derive(Debug, Args)]
#[command(next_help_heading = "Privilege")]
pub struct Privilege {
    /// Run commands as another user, root when none is named
    #[arg(short, long = "become")]
    pub become_: bool,
    /// The program that makes us another user
    #[arg(long, value_name = "METHOD", value_parser = ["sudo", "su", "doas"])]
    pub become_method: Option<String>,
    /// The user to become
    #[arg(long, value_name = "USER", value_parser = user_name)]
    pub become_user: Option<String>,
    /// Ask for the password that sudo, su or doas asks for
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,
    /// Take that password from a file, or from what it prints if it is a program
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE")]
    pub become_password_file: Option<PathBuf>,
}

/// How many hosts at a time, as somebody typed it.
fn forks(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("write a whole number from 1 to {}", u16::MAX))
}
