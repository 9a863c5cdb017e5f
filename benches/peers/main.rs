//! The peers on eight real hosts, side by side in one run: Ansible, Ansible with Mitogen, pyinfra, eight
//! parallel `ssh HOST true`, ezsync.
//!
//! `cargo bench --bench peers` prints one table; behind `--` it takes the number of rounds. In a round
//! each has its first run, on hosts that somebody else set up, and a second one with nothing to change.
//! All must leave the same chrony.conf, and none may restart chronyd in its second run. Needs root, as all
//! real hosts do, and PyPI when it is run for the first time.

#[path = "../measure/mod.rs"]
mod measure;
mod table;
mod tools;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use ezsync_hosts::{Image, Lab, LabSpec};

use measure::{Cost, KEEP, Meter, RESET};
use table::{Row, Sample};
use tools::Tools;

const HOSTS: usize = 8;
const ROUNDS: usize = 5;

/// What chronyd was told, and which process was told it.
const CONF: &str = "grep -v -e '^#' -e '^$' /etc/chrony/chrony.conf";
const DAEMON: &str = "systemctl show --property=MainPID chrony";

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let rounds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(ROUNDS);
    let lab = Lab::up(&LabSpec::new(Image::Python, HOSTS))?;
    let tools = Tools::new(&lab)?;
    let bench = Bench { lab: &lab, meter: Meter::new()?, conf: None };
    let rows = bench.rounds(&tools, rounds)?;
    table::print(&rows, HOSTS, rounds);
    Ok(())
}

struct Bench<'a> {
    lab: &'a Lab,
    meter: Meter,
    /// The configuration that all must come to, by host.
    conf: Option<Vec<String>>,
}

impl Bench<'_> {
    fn rounds(mut self, tools: &Tools, rounds: usize) -> Result<Vec<Row>> {
        self.everywhere(KEEP)?;
        let mut first: BTreeMap<&str, Row> = BTreeMap::new();
        let mut second: BTreeMap<&str, Row> = BTreeMap::new();
        for round in 0..rounds {
            eprintln!("round {} of {rounds}, load {}", round + 1, measure::load());
            // Apart from all that is timed: looking at what a program holds takes time.
            let look = round + 1 == rounds;
            let command = tools.ssh(self.lab);
            let row = second.entry("ssh").or_insert_with(|| Row::new("ssh", true));
            row.add(self.sample(&command)?);
            row.memory = if look { self.meter.peak(&command)?.1.memory } else { 0 };
            for name in tools::SETUPS {
                let command = tools.setup(name, self.lab)?;
                self.everywhere(RESET)?;
                let sample = self.sample(&command).with_context(|| format!("{name}, first run"))?;
                first.entry(name).or_insert_with(|| Row::new(name, false)).add(sample);
                self.same_conf(name)?;

                let daemons = self.everywhere(DAEMON)?;
                let sample =
                    self.sample(&command).with_context(|| format!("{name}, second run"))?;
                let row = second.entry(name).or_insert_with(|| Row::new(name, true));
                row.add(sample);
                row.memory = if look { self.meter.peak(&command)?.1.memory } else { 0 };
                ensure!(
                    self.everywhere(DAEMON)? == daemons,
                    "{name} restarted chronyd for nothing"
                );
            }
        }
        Ok(first.into_values().chain(second.into_values()).collect())
    }

    /// Runs it, and looks what that cost here and there.
    fn sample(&self, command: &std::process::Command) -> Result<Sample> {
        let before = self.used_by_hosts()?;
        let Cost { wall, cpu, .. } = self.meter.run(command)?;
        Ok(Sample { wall, cpu, hosts: self.used_by_hosts()? - before })
    }

    fn used_by_hosts(&self) -> Result<f64> {
        self.everywhere(measure::USED)?.iter().map(|text| measure::seconds_used(text)).sum()
    }

    /// All come to the same, or the comparison is none.
    fn same_conf(&mut self, name: &str) -> Result<()> {
        let conf = self.everywhere(CONF)?;
        let wanted = self.conf.get_or_insert_with(|| conf.clone());
        ensure!(*wanted == conf, "{name} wrote something else: {conf:#?}, not {wanted:#?}");
        Ok(())
    }

    /// What a script prints on each host.
    fn everywhere(&self, script: &str) -> Result<Vec<String>> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .lab
                .hosts()
                .iter()
                .map(|host| scope.spawn(|| self.lab.shell(host, script)))
                .collect();
            let mut answers = Vec::new();
            for thread in threads {
                let Ok(output) = thread.join() else { bail!("a thread panicked") };
                let output = output?;
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                let errors = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.success(), "{script}: {said}{errors}");
                answers.push(said);
            }
            Ok(answers)
        })
    }
}
