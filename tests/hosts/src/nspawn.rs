//! Hosts that share this machine's clock: systemd-nspawn over an overlay of the image.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::host::Place;
use crate::lab::TestHost;
use crate::network::{BRIDGE, Network};
use crate::run;

const BOOT: &str = include_str!("../image/boot.sh");

/// How many inotify instances root may have on this machine, and how many will do. All hosts share
/// root's, each takes seven (counted on Debian 12), and the kernel's usual 128 end with the 18th host:
/// its systemd then gives up without a word.
const INOTIFY: (&str, u32) = ("/proc/sys/fs/inotify/max_user_instances", 1024);

/// Makes room for many hosts on this machine. Where that is not allowed, few hosts work all the same.
pub fn make_room() {
    let (file, wanted) = INOTIFY;
    let allowed = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if allowed.is_some_and(|allowed| allowed < wanted) {
        let _ = fs::write(file, wanted.to_string());
    }
}

/// The command that boots a host over `root`, an image's.
pub fn command(place: &Place, host: &TestHost, root: &Path, network: &Network) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation=slave", "sh", "-c", BOOT, "boot"])
        .arg(place.cgroup.path())
        .arg(network.path())
        .arg(root)
        .arg(&place.folder)
        .args(["--boot", "--quiet", "--register=no", "--keep-unit", "--console=pipe"])
        .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"])
        // Reading the kernel's clock state is fine (timedatectl does); setting it needs the right
        // that is dropped here.
        .args(["--drop-capability=CAP_SYS_TIME", "--system-call-filter=@clock"])
        .arg(format!("--machine={}", host.machine))
        .arg(format!("--hostname={}", host.name))
        .arg(format!("--network-bridge={BRIDGE}"))
        // Every systemd since 247 boots on the unified hierarchy; 256 and later on no other.
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
    command
}

/// The host's process 1, as this machine numbers it. `supervisor` is the process of
/// systemd-nspawn.
pub fn leader(supervisor: u32) -> Result<u32> {
    let file = format!("/proc/{supervisor}/task/{supervisor}/children");
    let children = fs::read_to_string(file).unwrap_or_default();
    let is_first = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| {
            line.strip_prefix("NSpid:")
                .is_some_and(|ids| ids.split_whitespace().nth(1) == Some("1"))
        })
    };
    let mut pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.find(is_first).context("cannot find its process 1")
}

/// Runs `script` with sh as root on the host whose process 1 is `leader`.
pub fn shell(leader: u32, script: &str, deadline: Duration) -> Result<Output> {
    let mut command = without_clock_rights("nsenter");
    command
        .arg(format!("--target={leader}"))
        .args(["--all", "sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8");
    run::output(&mut command, deadline)
}

/// `command` with its arguments, run without the right to set the clock. Who enters a host from
/// outside would otherwise have that right, and the clock is this machine's.
pub fn without_clock_rights(command: &str) -> Command {
    let mut all = Command::new("setpriv");
    all.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", command]);
    all
}
