//! How soon hosts are in time: from their restart, or from their source's, to the proof.
//!
//! `cargo bench --bench sync` prints median and maximum for each scenario; behind `--` it takes Debian
//! releases (`bullseye bookworm trixie` when none is given) and `uml` for hosts with clocks of their
//! own. Needs root, as all real hosts do.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ezsync_hosts::{Image, Lab, LabSpec, inventory};
use serde_json::Value;

/// The source and its clients; one more plays a public server.
const HOSTS: usize = 6;
/// How often each scenario is run on the same hosts.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let usual = || ["bullseye", "bookworm", "trixie"].map(ToOwned::to_owned).to_vec();
    println!("seconds from the restart to the proof        hosts  median     max");
    for name in if given.is_empty() { usual() } else { given } {
        match name.as_str() {
            "uml" => own_clocks()?,
            suite => releases(suite)?,
        }
    }
    Ok(())
}

fn releases(suite: &str) -> Result<()> {
    let spec = |image| -> Result<LabSpec> {
        Ok(LabSpec { suite: suite.parse()?, ..LabSpec::new(image, HOSTS + 1) })
    };
    let bare = Bench::new(&spec(Image::Bare)?, HOSTS)?;
    print(&format!("{suite}: first setup, no chrony before"), bare.setup(OFFLINE, &[])?);
    drop(bare);

    let bench = Bench::new(&spec(Image::Chrony)?, HOSTS)?;
    print(&format!("{suite}: first setup, somebody's chrony"), bench.setup(OFFLINE, &[])?);
    print(
        &format!("{suite}: source alone restarted"),
        rounds(|n| bench.setup(OFFLINE, &["-e", &format!("local_stratum={}", 8 - n % 2)]))?,
    );
    print(
        &format!("{suite}: clients alone restarted"),
        rounds(|n| {
            bench.setup(
                OFFLINE,
                &["-e", &format!("{{\"client_options\": {{\"maxpoll\": {}}}}}", 5 - n % 2)],
            )
        })?,
    );
    print(
        &format!("{suite}: clients started long before"),
        rounds(|_| {
            bench.start_clients_alone()?;
            bench.setup(OFFLINE, &[])
        })?,
    );

    bench.public_server()?;
    print(
        &format!("{suite}: online, all restarted"),
        rounds(|n| {
            let options = format!(
                "{{\"local_stratum\": {}, \"client_options\": {{\"maxpoll\": {}}}}}",
                8 - n % 2,
                5 - n % 2
            );
            bench.setup(ONLINE, &["-e", &options])
        })?,
    );
    print(
        &format!("{suite}: online, source alone restarted"),
        rounds(|n| bench.setup(ONLINE, &["-e", &format!("local_stratum={}", 6 - n % 2)]))?,
    );
    Ok(())
}

/// Hosts whose clocks are years and half seconds apart: chronyd steps them, and the kernel says so.
fn own_clocks() -> Result<()> {
    const YEAR: i64 = 365 * 24 * 3600;
    let spec = LabSpec { clock_offsets: vec![0, YEAR, -YEAR, 0], ..LabSpec::new(Image::Chrony, 4) };
    let bench = Bench::new(&spec, 4)?;
    print("own clocks: first setup", bench.setup(OFFLINE, &[])?);
    print(
        "own clocks: source alone restarted",
        rounds(|n| bench.setup(OFFLINE, &["-e", &format!("local_stratum={}", 8 - n % 2)]))?,
    );
    print(
        "own clocks: clients alone restarted",
        rounds(|n| {
            bench.setup(
                OFFLINE,
                &["-e", &format!("{{\"client_options\": {{\"maxpoll\": {}}}}}", 5 - n % 2)],
            )
        })?,
    );
    Ok(())
}

const OFFLINE: &str = "ntp_servers: []\n";
const ONLINE: &str = "ntp_servers: [10.99.0.17]\n";

fn rounds(mut round: impl FnMut(usize) -> Result<Vec<f64>>) -> Result<Vec<f64>> {
    let times: Result<Vec<Vec<f64>>> = (0..ROUNDS).map(&mut round).collect();
    Ok(times?.concat())
}

fn print(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |number: usize| times.get(number).copied().unwrap_or(f64::NAN);
    let (median, last) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
    println!("{what:<44} {:5}  {median:6.2}  {last:6.2}", times.len());
}

/// A lab with a project of its own.
struct Bench {
    lab: Lab,
    folder: tempfile::TempDir,
    hosts: usize,
}

impl Bench {
    fn new(spec: &LabSpec, hosts: usize) -> Result<Self> {
        let lab = Lab::up(spec)?;
        let folder = tempfile::tempdir()?;
        let cluster = folder.path().join("inventories/c1");
        fs::create_dir_all(&cluster)?;
        let members = lab.hosts().get(..hosts).context("too few hosts")?;
        fs::write(cluster.join("hosts"), inventory(members, &lab.key()))?;
        Ok(Self { lab, folder, hosts })
    }

    /// Sets the cluster up with these settings, and gives the seconds of each client.
    fn setup(&self, settings: &str, options: &[&str]) -> Result<Vec<f64>> {
        let project: &Path = self.folder.path();
        fs::write(project.join("inventories/c1/config.yml"), settings)?;
        let mut command: Command = self.lab.command(env!("CARGO_BIN_EXE_ezsync"));
        command
            .args(["setup", "c1", "--json", "--known-hosts"])
            .arg(self.lab.known_hosts())
            .args(options)
            .current_dir(project)
            .env("XDG_STATE_HOME", project.join("state"));
        let output = command.output()?;
        let run: Value = serde_json::from_slice(&output.stdout)?;
        if !output.status.success() {
            bail!("ezsync setup failed: {run:#}");
        }
        let hosts = run.get("hosts").and_then(Value::as_array).into_iter().flatten();
        let clients =
            hosts.filter(|host| host.get("part").and_then(Value::as_str) == Some("client"));
        let times: Vec<f64> =
            clients.filter_map(|host| host.get("synchronised_after")?.as_f64()).collect();
        if times.len() + 1 != self.hosts {
            bail!("not every client was waited for: {run:#}");
        }
        Ok(times)
    }

    fn shell(&self, host: usize, script: &str) -> Result<()> {
        let host = self.lab.hosts().get(host).context("no such host")?;
        let output = self.lab.shell(host, script)?;
        if !output.status.success() {
            bail!("{script}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// The last host serves time as a public server does.
    fn public_server(&self) -> Result<()> {
        let conf = "printf 'local stratum 3\\nallow\\n' >/etc/chrony/chrony.conf";
        self.shell(self.hosts, &format!("{conf}; systemctl restart chrony"))
    }

    /// Clients that were started when their source did not serve, so long ago that they have given
    /// up asking often. That takes eight polls.
    fn start_clients_alone(&self) -> Result<()> {
        self.shell(0, "systemctl stop chrony")?;
        for client in 1..self.hosts {
            self.shell(client, "systemctl restart chrony")?;
        }
        let given_up = "for n in $(seq 120); do \
                        chronyc -n -c sources | grep -q ',[4-6],0,' && exit; sleep 0.5; done; exit 1";
        (1..self.hosts).try_for_each(|client| self.shell(client, given_up))?;
        // A while after that, the next poll is not the one that helps.
        std::thread::sleep(std::time::Duration::from_secs(20));
        Ok(())
    }
}
