//! One host: its files, its boot, and scripts that run on it. [`crate::nspawn`] and [`crate::uml`] are
//! what it can run in.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::cgroup::Cgroup;
use crate::image::CachedImage;
use crate::lab::TestHost;
use crate::network::Network;
use crate::recipe::write_file;
use crate::uml::{self, Login};
use crate::{nspawn, run};

/// How long a host may take to boot. It takes two seconds, and more on a busy machine.
const BOOT_DEADLINE: Duration = Duration::from_secs(120);

/// How long a host may take to switch itself off.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(60);

/// What a host has that can send everywhere and hears nothing: a neighbour who is not there, but whose
/// hardware address is known, so that nobody is told that he is not.
const SWALLOW: &str = "[Service]
ExecStart=/bin/ip neighbour add 10.99.0.254 lladdr 02:00:00:00:00:fe nud permanent dev host0
ExecStart=/bin/ip route add default via 10.99.0.254
";

/// Where a host lives on this machine.
#[derive(Debug)]
pub struct Place {
    /// Holds `upper`, the host's own files; `work` and `root` of the overlay, or the disks; and
    /// `console.log`.
    pub folder: PathBuf,
    pub cgroup: Cgroup,
    /// How far the host's clock is from this machine's, in seconds; none when it shares that one.
    pub clock_offset: Option<i64>,
    /// Whether a kernel of its own has AppArmor.
    pub apparmor: bool,
}

/// How a host must have come up to count as booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No unit failed.
    Whole,
    /// It has started all that it starts, whatever became of it.
    Any,
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
    /// Whether it has a name server and a default route that swallow everything.
    pub swallowed: bool,
}

/// A host that was started.
#[derive(Debug)]
pub struct Running {
    process: Child,
    entry: Entry,
}

/// The way in for scripts.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Through the namespaces of its process 1, as this machine numbers it.
    Namespaces(u32),
    /// Over SSH.
    Login(Login),
}

impl Entry {
    /// Runs `script` as root on the host.
    pub fn shell(&self, script: &str, deadline: Duration) -> Result<Output> {
        match self {
            Self::Namespaces(leader) => nspawn::shell(*leader, script, deadline),
            Self::Login(login) => login.shell(script, deadline),
        }
    }
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
        // Without a name server there is no waiting for one.
        let resolver = if identity.swallowed { "nameserver 10.99.0.254\n" } else { "" };
        let (private, public) = identity.host_key;
        for (name, text, mode) in [
            ("etc/hostname", format!("{}\n", host.name).as_str(), 0o644),
            ("etc/hosts", identity.hosts_file, 0o644),
            ("etc/machine-id", &machine_id, 0o444),
            ("etc/lab-network", &network, 0o644),
            ("etc/resolv.conf", resolver, 0o644),
            ("etc/ssh/lab_authorized_keys", identity.authorized_key, 0o644),
            ("etc/ssh/ssh_host_ed25519_key", private, 0o600),
            ("etc/ssh/ssh_host_ed25519_key.pub", public, 0o644),
        ] {
            write_file(&upper.join(name), text, mode)?;
        }
        if identity.swallowed {
            let drop_in = "etc/systemd/system/lab-network.service.d/swallow.conf";
            write_file(&upper.join(drop_in), SWALLOW, 0o644)?;
        }
        self.clock_offset.map_or(Ok(()), |offset| uml::pack(self, offset))
    }

    /// Boots the host and waits until sshd answers over the bridge and systemd has nothing left to
    /// start. Moves the calling thread into the lab's network.
    pub fn boot(
        &self,
        host: &TestHost,
        image: &CachedImage,
        login: Login,
        health: Health,
    ) -> Result<Running> {
        self.cgroup.create()?;
        let console_path = self.folder.join("console.log");
        let console = File::options().create(true).append(true).open(&console_path)?;
        let network = login.network.clone();
        let mut command = match self.clock_offset {
            None => nspawn::command(self, host, &image.root(), &network),
            Some(_) => uml::command(self, host, &image.disk()?, &network),
        };
        let mut process = command
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console)
            // A Ctrl-C at the terminal is for us, and we take the host down.
            .process_group(0)
            .spawn()
            .context("cannot start the host")?;
        let ready =
            network.enter().and_then(|()| self.wait_until_ready(login, &mut process, health));
        match ready {
            Ok(entry) => Ok(Running { process, entry }),
            Err(error) => {
                self.cgroup.kill()?;
                process.wait()?;
                run::check_interrupted()?;
                let said = fs::read(&console_path).unwrap_or_default();
                let said = run::last_lines(&said);
                Err(error.context(format!("{} did not boot; its console:\n{said}", host.name)))
            }
        }
    }

    fn wait_until_ready(&self, login: Login, process: &mut Child, health: Health) -> Result<Entry> {
        let address = SocketAddr::new(login.address, 22);
        run::wait_for("answer of its sshd", BOOT_DEADLINE, || {
            run::check_interrupted()?;
            if let Some(status) = process.try_wait()? {
                bail!("its process ended ({status})");
            }
            Ok(sshd_answers(address).then_some(()))
        })?;
        let entry = match self.clock_offset {
            None => Entry::Namespaces(nspawn::leader(process.id())?),
            Some(_) => Entry::Login(login),
        };
        let script = "systemctl is-system-running --wait; \
                      systemctl list-units --failed --plain --no-legend";
        let output = entry.shell(script, BOOT_DEADLINE)?;
        let said = String::from_utf8_lossy(&output.stdout);
        if health == Health::Whole && said.lines().next() != Some("running") {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("systemd is not content: {}{}", said.trim(), errors.trim());
        }
        Ok(entry)
    }
}

impl Running {
    /// The way in for scripts.
    pub fn entry(&self) -> Entry {
        self.entry.clone()
    }

    /// Waits until a host that was told to switch itself off has done so.
    pub fn wait_until_off(&mut self) -> Result<()> {
        run::wait_for("end of a host that shuts down", SHUTDOWN_DEADLINE, || {
            Ok(self.process.try_wait()?.map(drop))
        })
    }

    /// Waits for the end of a host whose processes were killed.
    pub fn reap(mut self) -> Result<()> {
        self.process.wait()?;
        Ok(())
    }
}

/// Waits until an SSH server greets at `address` of the network.
pub fn wait_for_sshd(network: &Network, address: IpAddr) -> Result<()> {
    let address = SocketAddr::new(address, 22);
    let look = || {
        network.enter()?;
        run::wait_for("answer of its sshd", BOOT_DEADLINE, || {
            Ok(sshd_answers(address).then_some(()))
        })
    };
    // A thread that has entered a network does not leave it.
    std::thread::scope(|scope| scope.spawn(look).join())
        .map_err(|_| anyhow!("the look at it broke off"))?
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
