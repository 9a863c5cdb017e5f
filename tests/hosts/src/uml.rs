//! Hosts with a clock of their own: User-Mode-Linux, a kernel that runs as a process, on a
//! copy-on-write disk of the image.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::host::Place;
use crate::lab::TestHost;
use crate::network::{BRIDGE, Network};
use crate::recipe::write_file;
use crate::run;

const BOOT: &str = include_str!("../image/uml.sh");
const INIT: &str = include_str!("../image/init.sh");

/// Where the package user-mode-linux keeps its kernel's modules, in a folder by its version.
const KERNELS: &str = "/usr/lib/uml/modules";

/// What Debian's kernel has as modules and every host needs: IPv6, after what that needs.
const MODULES: [&str; 2] = ["kernel/lib/crc-ccitt.ko", "kernel/net/ipv6/ipv6.ko"];

/// A host's memory. systemd, sshd and chronyd need half of it.
const MEMORY: &str = "192M";

/// What runs before anything else on the host: it unpacks the host's files from the second disk.
const FIRST: &str = "\"tar xf /dev/ubdb -C / && exec /lab-init\"";

/// Packs the host's files, which stand in the folder's `upper`, as its second disk.
pub fn pack(place: &Place, clock_offset: i64) -> Result<()> {
    let upper = place.folder.join("upper");
    write_file(&upper.join("lab-init"), INIT, 0o755)?;
    write_file(&upper.join("etc/lab-clock"), &format!("OFFSET={clock_offset}\n"), 0o644)?;
    copy_modules(&upper.join("lab-modules"))?;
    let mut command = Command::new("tar");
    command.arg("-cf").arg(seed(place)).arg("-C").arg(upper).args(["--owner=0", "--group=0", "."]);
    run::check(&mut command, Duration::from_secs(20)).map(drop)
}

/// Copies the kernel's modules from this machine, named so that they sort in the order of loading.
fn copy_modules(folder: &Path) -> Result<()> {
    let kernel = fs::read_dir(KERNELS).with_context(|| format!("cannot read {KERNELS}"))?;
    let kernel = kernel.flatten().next().context("user-mode-linux has no modules")?.path();
    fs::create_dir_all(folder)?;
    for (number, module) in MODULES.iter().enumerate() {
        let (from, to) = (kernel.join(module), folder.join(number.to_string()));
        fs::copy(&from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

fn seed(place: &Place) -> PathBuf {
    place.folder.join("seed.tar")
}

/// The command that boots a host from `disk`, an image's.
pub fn command(place: &Place, host: &TestHost, disk: &Path, network: &Network) -> Command {
    let mut command = crate::nspawn::without_clock_rights("sh");
    let changes = place.folder.join("disk.cow");
    let link = host.link();
    command
        .args(["-c", BOOT, "boot"])
        .arg(place.cgroup.path())
        .arg(network.path())
        .arg(BRIDGE)
        .arg(&link)
        .arg(format!("mem={MEMORY}"))
        .arg(format!("ubd0={},{}", changes.display(), disk.display()))
        .arg(format!("ubd1r={}", seed(place).display()))
        .args(["root=/dev/ubda", "rw", "quiet", "con=null", "con0=null,fd:2"])
        .arg(format!("vec0:transport=tap,ifname={link},depth=64,mac={}", host.mac()))
        .arg(format!("umid={}", host.machine))
        .arg(format!("uml_dir={}/", place.folder.display()))
        .args(place.apparmor.then_some("security=apparmor"))
        .args(["init=/bin/sh", "--", "-c", FIRST]);
    command
}

/// How root logs in to a host from the lab's network.
#[derive(Debug, Clone)]
pub struct Login {
    pub network: Network,
    pub key: PathBuf,
    pub known_hosts: PathBuf,
    pub address: IpAddr,
}

impl Login {
    /// Runs `script` as root on the host, over SSH: no process of this machine is inside.
    pub fn shell(&self, script: &str, deadline: Duration) -> Result<Output> {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.network.path().display()))
            .args(["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o"])
            .arg(format!("UserKnownHostsFile={}", self.known_hosts.display()))
            .arg("-i")
            .arg(&self.key)
            .arg(format!("root@{}", self.address))
            .arg(script);
        run::output(&mut command, deadline)
    }
}
