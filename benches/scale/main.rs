//! How cost grows with the number of hosts.
//!
//! `cargo bench --bench scale` prints these tables; behind `--` it takes the names of those that are wanted, and
//! other numbers of hosts:
//!
//! - `real`: what 1, 10, 100 and 1,000 hosts cost. One real sshd answers for all but the source: it has an address
//!   for each.
//! - `simulated`: the same up to 10,000 hosts, which this process answers for with what the real one said.
//! - `offline`: what is done before any host is reached.
//! - `starts`: how long ezsync takes to start.
//!
//! Needs root, as all real hosts do.

#[path = "../measure/mod.rs"]
mod measure;
mod recording;
#[allow(clippy::indexing_slicing, reason = "it is shared with tests")]
#[path = "../../tests/simulated/mod.rs"]
mod simulated;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ezsync_hosts::{Image, Lab, LabSpec, TestHost, inventory};
use tempfile::TempDir;

use measure::{Meter, Peak, median};
use recording::Recording;
use simulated::Simulated;

/// What one real sshd can answer for.
const SIZES: &[usize] = &[1, 10, 100, 1000];
/// Where hosts are simulated, or none is reached.
const LARGE_SIZES: &[usize] = &[1, 10, 100, 1000, 10_000];

/// How many hosts at a time: what ezsync does by itself, and more, where there are many.
const FORKS: usize = 50;
const MORE_FORKS: usize = 200;

/// So many hosts are many rounds.
const MANY: usize = 1000;

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

/// The addresses of all hosts but the source.
const NET: &str = "10.98.0.0/16";

/// All addresses in the net that the client takes for its own (AnyIP), and sshd lets in all who knock: each
/// host would let ten in.
const CLIENT: &str = "ip route add local 10.98.0.0/16 dev lo; \
                      echo MaxStartups 1000 >/etc/ssh/sshd_config.d/scale.conf; \
                      systemctl restart ssh";

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let given: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = |usual| if given.is_empty() { usual } else { given.as_slice() };
    let tables = args.iter().filter(|arg| arg.parse::<usize>().is_err());
    let tables: Vec<&str> = tables.map(String::as_str).collect();
    let wanted = |table| tables.is_empty() || tables.contains(&table);
    let bench = Bench::new()?;
    if wanted("real") {
        bench.real(sizes(SIZES))?;
    }
    if wanted("simulated") {
        bench.simulated(sizes(LARGE_SIZES))?;
    }
    if wanted("offline") {
        bench.offline(sizes(LARGE_SIZES))?;
    }
    if wanted("starts") {
        bench.starts()?;
    }
    Ok(())
}

struct Bench {
    lab: Arc<Lab>,
    meter: Meter,
    project: TempDir,
}

/// What runs cost, the middle one of several.
struct Costs {
    wall: f64,
    /// Seconds of the CPU, on the controller and where it is answered.
    here: f64,
    there: f64,
    peak: Peak,
}

impl Bench {
    /// A source and a client that ezsync has set up.
    fn new() -> Result<Self> {
        let lab = Arc::new(Lab::up(&LabSpec::new(Image::Chrony, 2))?);
        let project = tempfile::tempdir()?;
        let bench = Self { lab, meter: Meter::new()?, project };
        bench.configure(&inventory(bench.lab.hosts(), &bench.lab.key()))?;
        bench.meter.run(&bench.ezsync(&["setup", "c1"], FORKS))?;
        Ok(bench)
    }

    /// The client's sshd answers for all clients.
    fn real(&self, sizes: &[usize]) -> Result<()> {
        let client = self.client()?;
        self.shell(client, CLIENT)?;
        let address = client.address.to_string();
        self.ip(&["route", "add", NET, "via", &address])?;
        let known = fs::read_to_string(self.lab.known_hosts())?;
        let line =
            known.lines().find(|line| line.contains(&address)).context("no key of the client")?;
        let (_, key) = line.split_once(' ').context("no key in its line")?;
        println!("one source and so many clients, all of them one real sshd; {}", load());
        self.fleet(sizes, key, || Ok(0.0))?;
        self.ip(&["route", "delete", NET])
    }

    /// This process answers for all clients, with what the real one said.
    fn simulated(&self, sizes: &[usize]) -> Result<()> {
        self.ip(&["route", "add", "local", NET, "dev", "lo"])?;
        let recording = Recording::new(self.lab.clone(), self.client()?.clone());
        let server = Simulated::new()?;
        let listener = self.lab.listen("0.0.0.0:22".parse()?)?;
        server.listen(listener, move |script| recording.answer(script))?;
        let key = Simulated::host_key()?;
        // The first run records.
        self.grow_to(1, &key)?;
        for (_, args) in JOBS {
            self.meter.run(&self.ezsync(args, FORKS))?;
        }
        println!("\none source and so many simulated clients; {}", load());
        self.fleet(sizes, &key, measure::cpu::of_this)?;
        self.ip(&["route", "delete", "local", NET, "dev", "lo"])
    }

    /// Runs each job on so many hosts with this `key`. `used` is what the CPU was used for them beside the
    /// lab's hosts.
    fn fleet(&self, sizes: &[usize], key: &str, used: impl Fn() -> Result<f64>) -> Result<()> {
        println!(
            "                   hosts  forks      wall   a host: CPU here  CPU there     memory   a host  files  processes"
        );
        for (name, args) in JOBS {
            let mut base = None;
            for &hosts in sizes {
                self.grow_to(hosts, key)?;
                let more = (hosts > MANY).then_some(MORE_FORKS);
                for forks in std::iter::once(FORKS).chain(more) {
                    let command = self.ezsync(args, forks);
                    let costs = self.costs(&command, hosts, &used);
                    let Costs { wall, here, there, peak } =
                        costs.with_context(|| format!("{name}, {hosts} hosts"))?;
                    let base = *base.get_or_insert(peak.memory);
                    let each = (hosts + 1) as f64;
                    println!(
                        "{name:<18} {hosts:5}  {forks:5} {wall:7.2} s     {:6.1} ms   {:6.1} ms  {:6.1} MB {:5.0} KB  {:5}  {:9}",
                        here / each * 1e3,
                        there / each * 1e3,
                        peak.memory as f64 / 1024.0,
                        peak.memory.saturating_sub(base) as f64 / each,
                        peak.files,
                        peak.processes,
                    );
                }
            }
        }
        Ok(())
    }

    fn costs(
        &self,
        command: &Command,
        hosts: usize,
        used: impl Fn() -> Result<f64>,
    ) -> Result<Costs> {
        let (mut wall, mut here, mut there) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..if hosts < MANY { ROUNDS } else { 1 } {
            let before = self.used_by_hosts()? + used()?;
            let cost = self.meter.run(command)?;
            ensure!(cost.left == 0, "{} processes are left behind", cost.left);
            wall.push(cost.wall);
            here.push(cost.cpu);
            there.push(self.used_by_hosts()? + used()? - before);
        }
        // Looking takes time of its own.
        let (_, peak) = self.meter.peak(command)?;
        Ok(Costs { wall: median(wall), here: median(here), there: median(there), peak })
    }

    /// What is done before any host is reached.
    fn offline(&self, sizes: &[usize]) -> Result<()> {
        println!("\nno connection      hosts      wall    CPU here     memory");
        let jobs: &[Job] = &[
            ("inventory --list", &["inventory", "c1", "--list"]),
            ("render", &["render", "c1", "-o", "out"]),
            ("setup --list-hosts", &["setup", "c1", "--list-hosts"]),
        ];
        for (name, args) in jobs {
            for &hosts in sizes {
                self.grow_to(hosts, "")?;
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
        self.grow_to(7, "")?;
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

    /// An inventory of the source and so many clients, whose host key is `key`.
    fn grow_to(&self, hosts: usize, key: &str) -> Result<()> {
        let source = self.lab.hosts().first().context("no source")?;
        let mut text =
            format!("[chrony]\n{} ansible_host={}\n[kube_node]\n", source.name, source.address);
        let mut known_hosts = fs::read_to_string(self.lab.known_hosts())?;
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
            format!("ntp_servers: []\nlocal_network: [10.99.0.0/24, {NET}]\n"),
        )?;
        Ok(fs::copy(self.lab.known_hosts(), self.known_hosts()).map(drop)?)
    }

    fn known_hosts(&self) -> PathBuf {
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

    /// Changes the controller's side of the lab's network.
    fn ip(&self, args: &[&str]) -> Result<()> {
        let status = self.lab.command("ip").args(args).status()?;
        ensure!(status.success(), "ip {}: {status}", args.join(" "));
        Ok(())
    }

    fn ezsync(&self, args: &[&str], forks: usize) -> Command {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (ours, theirs) = args.split_at(end);
        command.args(ours).arg("--known-hosts").arg(self.known_hosts());
        command.args(["--forks", &forks.to_string()]).args(theirs);
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

fn load() -> String {
    format!("load of the machine at the start: {}", measure::load())
}
