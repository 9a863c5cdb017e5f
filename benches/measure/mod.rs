//! What a benchmark measures of the programs that it runs.
//!
//! A program runs in a cgroup of its own: the kernel counts the CPU time of all that it starts, also of
//! what goes on in the background, and what it leaves behind is ended.

#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod cpu;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Joins the cgroup and becomes the program.
const JOIN: &str = r#"echo 0 >"$0/cgroup.procs"; exec "$@""#;

/// What a host was before anybody came is kept, and put back.
pub const KEEP: &str = "cp -p /etc/chrony/chrony.conf /root/chrony.conf";
pub const RESET: &str = "cp -p /root/chrony.conf /etc/chrony/chrony.conf; rm -rf /var/lib/ezsync; \
                         systemctl reset-failed chrony; systemctl restart chrony";

/// Prints what a host has used of the CPU, for `seconds_used`. We look from outside: that is not counted.
pub const USED: &str = "cat /sys/fs/cgroup/cpu.stat";

/// How often is looked at what a program holds.
const SAMPLE: Duration = Duration::from_millis(10);

/// Nothing that is measured takes as long.
const DEADLINE: Duration = Duration::from_secs(600);

/// What a program cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of the CPU, user and system, it and all that it started.
    pub cpu: f64,
    /// Processes that were still there when it had ended.
    pub left: usize,
}

/// The most that a program held at one time, with all that it started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    /// Memory in KiB: the sum of the proportional shares (PSS), pages that are shared count once.
    pub memory: u64,
    /// The most open files of one process.
    pub files: usize,
    /// Processes at one time.
    pub processes: usize,
}

/// A cgroup in which programs are measured, one after the other.
pub struct Meter(PathBuf);

impl Meter {
    /// Makes the cgroup.
    pub fn new() -> Result<Self> {
        let trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let mut trees = trees.into_iter();
        let tree = trees.find(|tree| tree.join("cgroup.controllers").exists());
        let tree = tree.context("this machine has no cgroup v2 tree below /sys/fs/cgroup")?;
        let folder = tree.join(format!("ezsync-bench-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Runs `command`, which must succeed, to its end, and then ends what it left in the background.
    pub fn run(&self, command: &Command) -> Result<Cost> {
        self.watch(command, || Ok(()))
    }

    /// The same, and looks at what the program holds. That takes a little time of its own.
    pub fn peak(&self, command: &Command) -> Result<(Cost, Peak)> {
        let mut peak = Peak::default();
        let look = || {
            let (mut memory, mut processes) = (0, 0);
            let pids = fs::read_to_string(self.0.join("cgroup.procs"))?;
            for pid in pids.lines() {
                let folder = Path::new("/proc").join(pid);
                processes += 1;
                // It may end meanwhile.
                memory += kibibytes(&folder.join("smaps_rollup"), "Pss:").unwrap_or_default();
                let files = fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
                peak.files = peak.files.max(files);
            }
            peak.memory = peak.memory.max(memory);
            peak.processes = peak.processes.max(processes);
            std::thread::sleep(SAMPLE);
            Ok(())
        };
        let cost = self.watch(command, look)?;
        Ok((cost, peak))
    }

    /// Runs `command`, and `look` again and again until it ends if that takes its time.
    fn watch(&self, command: &Command, mut look: impl FnMut() -> Result<()>) -> Result<Cost> {
        let mut said = tempfile::tempfile()?;
        let mut command = self.joined(command);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
        let (before, begun) = (self.used()?, Instant::now());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let status: ExitStatus = loop {
            look()?;
            match child.try_wait()? {
                Some(status) => break status,
                None if begun.elapsed() > DEADLINE => bail!("{command:?} does not end"),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let wall = begun.elapsed().as_secs_f64();
        let left = fs::read_to_string(self.0.join("cgroup.procs"))?.lines().count();
        self.end()?;
        let cost = Cost { wall, cpu: self.used()? - before, left };
        if !status.success() {
            let mut text = String::new();
            std::io::Seek::rewind(&mut said)?;
            said.read_to_string(&mut text)?;
            // Of ten thousand hosts the first say as much as all.
            let first: Vec<&str> = text.lines().take(40).collect();
            bail!("{command:?}: {status}\n{}", first.join("\n"));
        }
        Ok(cost)
    }

    /// `command` in this cgroup.
    fn joined(&self, command: &Command) -> Command {
        let mut joined = Command::new("sh");
        joined.args(["-c", JOIN]).arg(&self.0).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => joined.env(name, value),
                None => joined.env_remove(name),
            };
        }
        command.get_current_dir().map(|folder| joined.current_dir(folder));
        joined
    }

    /// The seconds of the CPU that were used in this cgroup.
    fn used(&self) -> Result<f64> {
        let text = fs::read_to_string(self.0.join("cpu.stat"))?;
        seconds_used(&text)
    }

    /// Ends what runs in it.
    fn end(&self) -> Result<()> {
        let begun = Instant::now();
        while !fs::read_to_string(self.0.join("cgroup.procs"))?.is_empty() {
            fs::write(self.0.join("cgroup.kill"), "1")?;
            ensure!(begun.elapsed() < Duration::from_secs(10), "a program cannot be ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let ended = self.end().and_then(|()| Ok(fs::remove_dir(&self.0)?));
        if let Err(error) = ended {
            eprintln!("{} is not gone: {error:#}", self.0.display());
        }
    }
}

/// The seconds of the CPU that a `cpu.stat` tells.
pub fn seconds_used(cpu_stat: &str) -> Result<f64> {
    let used = cpu_stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
    let used = used.context("no usage_usec in cpu.stat")?.trim();
    Ok(used.parse::<f64>()? / 1e6)
}

/// The number behind `name` in a file such as /proc/PID/status.
fn kibibytes(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many processes wanted to run in the last minute, on the mean: whoever reads figures should know.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
