//! One host: systemd-nspawn over an overlay of the image.

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cgroup::Cgroup;
use crate::lab::TestHost;
use crate::network::{BRIDGE, Network};
use crate::recipe::write_file;
use crate::run;

const BOOT: &str = include_str!("../image/boot.sh");

/// How long a host may take to boot. It takes two seconds, and more on a busy machine.
const BOOT_DEADLINE: Duration = Duration::from_secs(120);

/// Where a host lives on this machine.
#[derive(Debug)]
pub struct Place {
    /// Holds `upper`, `work` and `root` of the overlay, and `console.log`.
    pub folder: PathBuf,
    pub cgroup: Cgroup,
}

/// What a host has of its own on top of the image.
#[derive(Debug)]
pub struct Identity<'a> {
    /// The text of `/etc/hosts`.
    pub hosts_file: &'a str,
    /// The public key, a line of `authorized_keys`, that all users accept.
    pub authorized_key: &'a str,
    /// The host's private and public SSH key.
    pub host_key: (&'a str, &'a str),
}

/// A host that was started.
#[derive(Debug)]
pub struct Running {
    nspawn: Child,
    leader: u32,
}

impl Place {
    /// Lays out the host's folder.
    pub fn prepare(&self, host: &TestHost, identity: &Identity) -> Result<()> {
        let upper = self.folder.join("upper");
        for folder in [&upper, &self.folder.join("work"), &self.folder.join("root")] {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        }
        let machine_id = fs::read_to_string("/proc/sys/kernel/random/uuid")?.replace('-', "");
        let network = format!("ADDRESS={}/24\nADDRESS6={}/64\n", host.address, host.address6);
        let (private, public) = identity.host_key;
        for (name, text, mode) in [
            ("etc/hostname", format!("{}\n", host.name).as_str(), 0o644),
            ("etc/hosts", identity.hosts_file, 0o644),
            ("etc/machine-id", &machine_id, 0o444),
            ("etc/lab-network", &network, 0o644),
            // No name server, and no waiting for one.
            ("etc/resolv.conf", "", 0o644),
            ("etc/ssh/lab_authorized_keys", identity.authorized_key, 0o644),
            ("etc/ssh/ssh_host_ed25519_key", private, 0o600),
            ("etc/ssh/ssh_host_ed25519_key.pub", public, 0o644),
        ] {
            write_file(&upper.join(name), text, mode)?;
        }
        Ok(())
    }

    /// Boots the host and waits until sshd answers over the bridge and systemd has nothing left to
    /// start. Moves the calling thread into the lab's network.
    pub fn boot(&self, host: &TestHost, image: &Path, network: &Network) -> Result<Running> {
        self.cgroup.create()?;
        let console_path = self.folder.join("console.log");
        let console = File::create(&console_path)?;
        let mut nspawn = self
            .command(host, image, network)
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console)
            // A Ctrl-C at the terminal is for us, and we take the host down.
            .process_group(0)
            .spawn()
            .context("cannot start systemd-nspawn")?;
        let ready = network.enter().and_then(|()| wait_until_ready(host, &mut nspawn));
        match ready {
            Ok(leader) => Ok(Running { nspawn, leader }),
            Err(error) => {
                self.cgroup.kill()?;
                nspawn.wait()?;
                run::check_interrupted()?;
                let said = fs::read(&console_path).unwrap_or_default();
                let said = run::last_lines(&said);
                Err(error.context(format!("{} did not boot; its console:\n{said}", host.name)))
            }
        }
    }

    fn command(&self, host: &TestHost, image: &Path, network: &Network) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation=slave", "sh", "-c", BOOT, "boot"])
            .arg(self.cgroup.path())
            .arg(network.path())
            .arg(image)
            .arg(&self.folder)
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
}

impl Running {
    /// The host's process 1, as this machine numbers it.
    pub fn leader(&self) -> u32 {
        self.leader
    }

    /// Waits for the end of a host whose processes were killed.
    pub fn reap(mut self) -> Result<()> {
        self.nspawn.wait()?;
        Ok(())
    }
}

/// `command` with its arguments, run without the right to set the clock. Who enters a host from
/// outside would otherwise have that right, and the clock is this machine's.
pub fn without_clock_rights(command: &str) -> Command {
    let mut all = Command::new("setpriv");
    all.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", command]);
    all
}

/// Runs `script` with sh as root on the host whose process 1 is `leader`, without SSH.
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

fn wait_until_ready(host: &TestHost, nspawn: &mut Child) -> Result<u32> {
    let address = SocketAddr::new(host.address, 22);
    let supervisor = nspawn.id();
    run::wait_for("answer of its sshd", BOOT_DEADLINE, || {
        run::check_interrupted()?;
        if let Some(status) = nspawn.try_wait()? {
            bail!("systemd-nspawn ended ({status})");
        }
        Ok(sshd_answers(address).then_some(()))
    })?;
    let leader = leader_of(supervisor).context("cannot find its process 1")?;
    let script = "systemctl is-system-running --wait; \
                  systemctl list-units --failed --plain --no-legend";
    let output = shell(leader, script, BOOT_DEADLINE)?;
    let said = String::from_utf8_lossy(&output.stdout);
    if said.lines().next() != Some("running") {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("systemd is not content: {}{}", said.trim(), errors.trim());
    }
    Ok(leader)
}

/// Whether an SSH server greets at `address`.
fn sshd_answers(address: SocketAddr) -> bool {
    let wait = Duration::from_millis(500);
    let greet = || {
        let mut stream = TcpStream::connect_timeout(&address, wait)?;
        stream.set_read_timeout(Some(wait))?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting)?;
        std::io::Result::Ok(&greeting == b"SSH-")
    };
    greet().unwrap_or(false)
}

/// The child of `supervisor` that is process 1 in a process namespace of its own.
fn leader_of(supervisor: u32) -> Option<u32> {
    let children =
        fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| {
            line.strip_prefix("NSpid:")
                .is_some_and(|ids| ids.split_whitespace().nth(1) == Some("1"))
        })
    })
}
