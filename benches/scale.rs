//! How cost grows with the number of hosts.
//!
//! `cargo bench --bench scale` prints what 1, 10, 100 and 1,000 hosts cost, and what 10,000 cost where no
//! connection is made; behind `--` it takes other numbers. Two real hosts are all of them: the source,
//! and a client that has an address for each of the others, so that one real sshd answers for all. Then
//! how long ezsync takes to start. Needs root, as all real hosts do.

mod measure;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ezsync_hosts::{Image, Lab, LabSpec, TestHost, inventory};
use tempfile::TempDir;

use measure::{Meter, median};

const SIZES: &[usize] = &[1, 10, 100, 1000];
/// Where no host is reached.
const OFFLINE_SIZES: &[usize] = &[1, 10, 100, 1000, 10_000];

/// How often what is short is run.
const ROUNDS: usize = 3;
const STARTS: usize = 31;

/// What is measured: a name, and the arguments of ezsync.
type Job = (&'static str, &'static [&'static str]);

const JOBS: &[Job] = &[
    ("exec all -- true", &["exec", "c1", "all", "--", "true"]),
    ("verify", &["verify", "c1"]),
    ("setup, no change", &["setup", "c1"]),
];

/// All addresses in the net that the client takes for its own (AnyIP), and sshd lets in all who knock: each
/// host would let ten in.
const CLIENT: &str = "ip route add local 10.98.0.0/16 dev lo; \
                      echo MaxStartups 1000 >/etc/ssh/sshd_config.d/scale.conf; \
                      systemctl restart ssh";

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let given: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let bench = Bench::new()?;
    bench.fleet(if given.is_empty() { SIZES } else { &given })?;
    bench.offline()?;
    bench.starts()
}

struct Bench {
    lab: Lab,
    meter: Meter,
    project: TempDir,
}

impl Bench {
    /// A source and a client that ezsync has set up.
    fn new() -> Result<Self> {
        let lab = Lab::up(&LabSpec::new(Image::Chrony, 2))?;
        let project = tempfile::tempdir()?;
        let bench = Self { lab, meter: Meter::new()?, project };
        bench.configure(&inventory(bench.lab.hosts(), &bench.lab.key()))?;
        bench.shell(bench.client()?, CLIENT)?;
        let address = bench.client()?.address.to_string();
        let mut route = bench.lab.command("ip");
        let status = route.args(["route", "add", "10.98.0.0/16", "via", &address]).status()?;
        ensure!(status.success(), "no route to the client");
        bench.meter.run(&bench.ezsync(&["setup", "c1"]))?;
        Ok(bench)
    }

    fn fleet(&self, sizes: &[usize]) -> Result<()> {
        println!(
            "one source and so many clients; load of the machine at the start: {}",
            measure::load()
        );
        println!(
            "                   hosts      wall   a host: CPU here  CPU there     memory   a host  files  processes"
        );
        for (name, args) in JOBS {
            let mut base = None;
            for &hosts in sizes {
                self.grow_to(hosts)?;
                let command = self.ezsync(args);
                let (mut wall, mut here, mut there) = (Vec::new(), Vec::new(), Vec::new());
                // Many hosts are many rounds.
                for _ in 0..if hosts < 1000 { ROUNDS } else { 1 } {
                    let before = self.used_by_hosts()?;
                    let cost = self
                        .meter
                        .run(&command)
                        .with_context(|| format!("{name}, {hosts} hosts"))?;
                    ensure!(cost.left == 0, "{name} left {} processes behind", cost.left);
                    wall.push(cost.wall);
                    here.push(cost.cpu);
                    there.push(self.used_by_hosts()? - before);
                }
                let (_, peak) = self.meter.peak(&command)?;
                let base = *base.get_or_insert(peak.memory);
                let each = (hosts + 1) as f64;
                println!(
                    "{name:<18} {hosts:5} {:7.2} s     {:6.1} ms   {:6.1} ms  {:6.1} MB {:5.0} KB  {:5}  {:9}",
                    median(wall),
                    median(here) / each * 1e3,
                    median(there) / each * 1e3,
                    peak.memory as f64 / 1024.0,
                    peak.memory.saturating_sub(base) as f64 / each,
                    peak.files,
                    peak.processes,
                );
            }
        }
        Ok(())
    }

    /// What is done before any host is reached.
    fn offline(&self) -> Result<()> {
        println!("\nno connection      hosts      wall    CPU here     memory");
        let jobs: &[Job] = &[
            ("inventory --list", &["inventory", "c1", "--list"]),
            ("render", &["render", "c1", "-o", "out"]),
            ("setup --list-hosts", &["setup", "c1", "--list-hosts"]),
        ];
        for (name, args) in jobs {
            for &hosts in OFFLINE_SIZES {
                self.grow_to(hosts)?;
                let mut command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
                self.surround(command.args(*args));
                let mut costs = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    let cost = self.meter.run(&command)?;
                    costs.0.push(cost.wall);
                    costs.1.push(cost.cpu);
                }
                let (_, peak) = self.meter.peak(&command)?;
                println!(
                    "{name:<18} {hosts:5} {:7.3} s  {:7.3} s  {:6.1} MB",
                    median(costs.0),
                    median(costs.1),
                    peak.memory as f64 / 1024.0,
                );
            }
        }
        Ok(())
    }

    /// How soon ezsync has started and said something, without any program around it.
    fn starts(&self) -> Result<()> {
        let binary = Path::new(env!("CARGO_BIN_EXE_ezsync"));
        println!("\n{} MB is the size of this binary", fs::metadata(binary)?.len() as f64 / 1e6);
        self.grow_to(7)?;
        for (name, args) in [
            ("--help", ["--help"].as_slice()),
            ("inventory --list, 8 hosts", &["inventory", "c1", "--list"]),
        ] {
            let mut times = Vec::new();
            let before = measure::cpu::of_children()?;
            for _ in 0..STARTS {
                let mut command = Command::new(binary);
                self.surround(command.args(args)).stdout(Stdio::null());
                let begun = Instant::now();
                ensure!(command.status()?.success(), "{name} failed");
                times.push(begun.elapsed().as_secs_f64());
            }
            let cpu = (measure::cpu::of_children()? - before) / STARTS as f64;
            println!("{name:<26} {:5.1} ms, CPU {:4.1} ms", median(times) * 1e3, cpu * 1e3);
        }
        Ok(())
    }

    /// An inventory of the source and so many clients, and what is known of their keys.
    fn grow_to(&self, hosts: usize) -> Result<()> {
        let source = self.lab.hosts().first().context("no source")?;
        let known = fs::read_to_string(self.lab.known_hosts())?;
        let address = self.client()?.address.to_string();
        let line =
            known.lines().find(|line| line.contains(&address)).context("no key of the client")?;
        let (_, key) = line.split_once(' ').context("no key in its line")?;
        let mut text =
            format!("[chrony]\n{} ansible_host={}\n[kube_node]\n", source.name, source.address);
        let mut known_hosts = known.clone();
        for number in 1..=hosts {
            let [.., high, low] = number.to_be_bytes();
            writeln!(text, "host{number:05} ansible_host=10.98.{high}.{low}")?;
            writeln!(known_hosts, "10.98.{high}.{low} {key}")?;
        }
        let key = self.lab.key();
        writeln!(
            text,
            "[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}",
            key.display()
        )?;
        self.configure(&text)?;
        Ok(fs::write(self.known_hosts(), known_hosts)?)
    }

    /// The source's configuration is the same however many there are.
    fn configure(&self, hosts: &str) -> Result<()> {
        let cluster = self.project.path().join("inventories/c1");
        fs::create_dir_all(&cluster)?;
        fs::write(cluster.join("hosts"), hosts)?;
        fs::write(
            cluster.join("config.yml"),
            "ntp_servers: []\nlocal_network: [10.99.0.0/24, 10.98.0.0/16]\n",
        )?;
        Ok(fs::copy(self.lab.known_hosts(), self.known_hosts()).map(drop)?)
    }

    fn known_hosts(&self) -> std::path::PathBuf {
        self.project.path().join("known_hosts")
    }

    fn client(&self) -> Result<&TestHost> {
        self.lab.hosts().get(1).context("no client")
    }

    fn used_by_hosts(&self) -> Result<f64> {
        let used = |host| measure::seconds_used(&self.shell(host, measure::USED)?);
        self.lab.hosts().iter().map(used).sum()
    }

    fn shell(&self, host: &TestHost, script: &str) -> Result<String> {
        let output = self.lab.shell(host, script)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{script}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn ezsync(&self, args: &[&str]) -> Command {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (ours, theirs) = args.split_at(end);
        command.args(ours).arg("--known-hosts").arg(self.known_hosts()).args(theirs);
        self.surround(&mut command);
        command
    }

    /// The project folder, and nothing of whoever runs this.
    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.project.path())
            .env("XDG_STATE_HOME", self.project.path().join("state"))
            .env("HOME", self.project.path())
            .env_remove("SSH_AUTH_SOCK")
    }
}
