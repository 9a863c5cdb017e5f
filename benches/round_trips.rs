//! What one host's run waits for and starts: round trips, processes and CPU time on the host.
//!
//! `cargo bench --bench round_trips` prints a table. Round trips are counted through a delay line: a
//! command that takes d seconds longer when each way there and back takes a second longer has d of them,
//! however slow the machine is. Needs root, as all real hosts do.

mod measure;

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ezsync_hosts::{Image, Lab, LabSpec, TestHost, inventory};
use tempfile::TempDir;

use measure::{KEEP, Meter, RESET, median};

const ROUNDS: usize = 5;

/// The two lengths of the line, there and back.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(300);

/// The process number that was given last in the host's namespace: proc_loadavg(5), the last field.
const LAST_PROCESS: &str = "read -r a b c d last </proc/loadavg; echo $last";

/// What is measured: a name, the arguments of ezsync (none: ssh), and what the host is before.
struct Job {
    name: &'static str,
    args: &'static [&'static str],
    before: &'static str,
}

const JOBS: &[Job] = &[
    Job { name: "ssh HOST true", args: &[], before: "" },
    Job { name: "exec: true", args: &["exec", "c1", "all", "--", "true"], before: "" },
    Job { name: "setup, first run", args: &["setup", "c1"], before: RESET },
    Job { name: "setup, nothing to change", args: &["setup", "c1"], before: "" },
    Job { name: "verify", args: &["verify", "c1"], before: "" },
    // The host goes back unless it is told to keep its change: one word more.
    Job { name: "setup, new stratum", args: &["setup", "c1", "-e", "local_stratum=9"], before: "" },
];

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let bench = Bench::new()?;
    let near = bench.all(None)?;
    let short = bench.all(Some(SHORT))?;
    let long = bench.all(Some(LONG))?;
    println!(
        "one host, {ROUNDS} rounds, medians; load of the machine at the end: {}",
        measure::load()
    );
    println!(
        "                              no delay  round trips  processes there  CPU there  CPU here"
    );
    let apart = (LONG - SHORT).as_secs_f64();
    for (job, ((near, short), long)) in JOBS.iter().zip(near.iter().zip(&short).zip(&long)) {
        println!(
            "{:<28} {:7.3} s  {:11.1}  {:15.0}  {:6.0} ms  {:5.0} ms",
            job.name,
            near.wall,
            (long.wall - short.wall) / apart,
            near.processes,
            near.there * 1e3,
            near.here * 1e3,
        );
    }
    Ok(())
}

/// What a job took: seconds, and a count.
struct Taken {
    wall: f64,
    here: f64,
    there: f64,
    processes: f64,
}

struct Bench {
    lab: Lab,
    meter: Meter,
    project: TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        let lab = Lab::up(&LabSpec::new(Image::Chrony, 1))?;
        let project = tempfile::tempdir()?;
        let cluster = project.path().join("inventories/c1");
        fs::create_dir_all(&cluster)?;
        fs::write(cluster.join("hosts"), inventory(lab.hosts(), &lab.key()))?;
        fs::write(cluster.join("config.yml"), "ntp_servers: []\n")?;
        let bench = Self { lab, meter: Meter::new()?, project };
        bench.shell(KEEP)?;
        Ok(bench)
    }

    /// All jobs, each for some rounds, over a line of this length.
    fn all(&self, round_trip: Option<Duration>) -> Result<Vec<Taken>> {
        eprintln!("round trip {round_trip:?}, load {}", measure::load());
        let _line = round_trip.map(|time| self.lab.delay(self.host()?, time)).transpose()?;
        // The first packet asks who has the address.
        self.meter.run(&self.ssh()?)?;
        let mut samples: Vec<Vec<Taken>> = JOBS.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (job, samples) in JOBS.iter().zip(&mut samples) {
                samples.push(self.take(job).context(job.name)?);
            }
        }
        let middle = |samples: &[Taken], of: &dyn Fn(&Taken) -> f64| {
            median(samples.iter().map(of).collect())
        };
        let summary = |samples: Vec<Taken>| Taken {
            wall: middle(&samples, &|one| one.wall),
            here: middle(&samples, &|one| one.here),
            there: middle(&samples, &|one| one.there),
            processes: middle(&samples, &|one| one.processes),
        };
        Ok(samples.into_iter().map(summary).collect())
    }

    fn take(&self, job: &Job) -> Result<Taken> {
        self.shell(job.before)?;
        let command = if job.args.is_empty() { self.ssh()? } else { self.ezsync(job.args) };
        // Looking takes processes, too: as many each time.
        let look = || -> Result<(f64, f64)> {
            let used = measure::seconds_used(&self.shell(measure::USED)?)?;
            Ok((used, self.shell(LAST_PROCESS)?.trim().parse()?))
        };
        let (start, before) = (look()?, look()?);
        let cost = self.meter.run(&command)?;
        ensure!(cost.left == 0, "it left {} processes behind", cost.left);
        let after = look()?;
        Ok(Taken {
            wall: cost.wall,
            here: cost.cpu,
            there: after.0 - before.0,
            processes: after.1 - before.1 - (before.1 - start.1),
        })
    }

    fn host(&self) -> Result<&TestHost> {
        self.lab.hosts().first().context("no host")
    }

    fn shell(&self, script: &str) -> Result<String> {
        let output = self.lab.shell(self.host()?, script)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{script}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn ssh(&self) -> Result<Command> {
        let mut command = self.lab.command("ssh");
        command
            .args(["-F", "none", "-o", "BatchMode=yes", "-i"])
            .arg(self.lab.key())
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.lab.known_hosts().display()))
            .args([&format!("root@{}", self.host()?.address), "true"]);
        Ok(command)
    }

    fn ezsync(&self, args: &[&str]) -> Command {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (ours, theirs) = args.split_at(end);
        command
            .args(ours)
            .arg("--known-hosts")
            .arg(self.lab.known_hosts())
            .args(theirs)
            .current_dir(self.project.path())
            .env("XDG_STATE_HOME", self.project.path().join("state"))
            .env("HOME", self.project.path())
            .env_remove("SSH_AUTH_SOCK");
        command
    }
}
