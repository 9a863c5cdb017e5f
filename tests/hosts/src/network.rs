//! A network of its own for each lab: a namespace with a bridge, so that labs never meet each other
//! or this machine's network.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getpid, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::run;

/// The bridge that all hosts of a lab are on.
pub const BRIDGE: &str = "br0";

/// The controller's address on the bridge; the package repository is served there.
pub const CONTROLLER: &str = "10.99.0.1";

/// The controller's IPv6 address on the bridge.
const CONTROLLER6: &str = "fd00:99::1";

const DEADLINE: Duration = Duration::from_secs(20);

/// A network namespace with a name.
#[derive(Debug, Clone)]
pub struct Network {
    name: String,
}

impl Network {
    /// The network of that name; [`Network::create`] makes it.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The file that stands for the namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Makes the namespace and the bridge with the controller's addresses.
    pub fn create(&self) -> Result<()> {
        run::check(Command::new("ip").args(["netns", "add", &self.name]), DEADLINE)?;
        self.ip("link set lo up")?;
        self.ip(&format!("link add {BRIDGE} type bridge stp_state 0 forward_delay 0"))?;
        self.ip(&format!("address add {CONTROLLER}/24 dev {BRIDGE}"))?;
        self.ip(&format!("address add {CONTROLLER6}/64 dev {BRIDGE} nodad"))?;
        self.ip(&format!("link set {BRIDGE} up"))
    }

    /// Plugs the cable `link` in or pulls it.
    pub fn set_link(&self, link: &str, up: bool) -> Result<()> {
        self.ip(&format!("link set {link} {}", if up { "up" } else { "down" }))
    }

    /// Takes the cable `link` of a host that is off away, if it is still there: the next boot brings its own.
    pub fn remove_link(&self, link: &str) -> Result<()> {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name, "link", "delete", link]);
        run::output(&mut command, DEADLINE)?;
        command = Command::new("ip");
        command.args(["-n", &self.name, "link", "show", link]);
        run::wait_for("end of a host's cable", DEADLINE, || {
            Ok((!run::output(&mut command, DEADLINE)?.status.success()).then_some(()))
        })
    }

    /// Lets no more than so many megabits a second out of `link`, towards its host.
    pub fn slow_link(&self, link: &str, megabits: u32) -> Result<()> {
        let mut command = Command::new("tc");
        command.args(["-n", &self.name, "qdisc", "replace", "dev", link, "root", "tbf"]);
        command.args(["rate", &format!("{megabits}mbit"), "burst", "32k", "latency", "400ms"]);
        run::check(&mut command, DEADLINE).map(drop)
    }

    /// Plugs the cable `link` into the bridge `bridge`, which is made if it is not there.
    pub fn plug_into(&self, link: &str, bridge: &str) -> Result<()> {
        let mut show = Command::new("ip");
        show.args(["-n", &self.name, "link", "show", bridge]);
        if !run::output(&mut show, DEADLINE)?.status.success() {
            self.ip(&format!("link add {bridge} type bridge stp_state 0 forward_delay 0"))?;
            self.ip(&format!("link set {bridge} up"))?;
        }
        self.ip(&format!("link set {link} master {bridge}"))
    }

    /// Moves the calling thread, for good, into the namespace.
    pub fn enter(&self) -> Result<()> {
        let path = self.path();
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .context("cannot enter the lab's network namespace")
    }

    /// Ends what still runs in the namespace, but this process, and removes it.
    pub fn remove(&self) -> Result<()> {
        if !self.path().exists() {
            return Ok(());
        }
        // Fails on a namespace file that outlived a reboot: then there is nothing to end.
        let inside = run::output(Command::new("ip").args(["netns", "pids", &self.name]), DEADLINE)?;
        for pid in String::from_utf8_lossy(&inside.stdout).lines() {
            if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw)
                && pid != getpid()
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        run::check(Command::new("ip").args(["netns", "delete", &self.name]), DEADLINE)?;
        Ok(())
    }

    fn ip(&self, arguments: &str) -> Result<()> {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name]).args(arguments.split_whitespace());
        run::check(&mut command, DEADLINE).map(drop)
    }
}
