//! A second `ezsync setup` of eight real hosts beside eight parallel `ssh HOST true`, in one run.
//!
//! `cargo bench --bench fleet` prints wall time, the controller's CPU time and the ratio. Rounds
//! alternate, so that both see the same machine. Needs root, as all real hosts do.

mod measure;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ezsync_hosts::{Image, Lab, LabSpec, inventory};

const HOSTS: usize = 8;
const ROUNDS: usize = 11;

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let lab = Lab::up(&LabSpec::new(Image::Chrony, HOSTS))?;
    let folder = tempfile::tempdir()?;
    let cluster = folder.path().join("inventories/c1");
    fs::create_dir_all(&cluster)?;
    fs::write(cluster.join("hosts"), inventory(lab.hosts(), &lab.key()))?;
    fs::write(cluster.join("config.yml"), "ntp_servers: []\n")?;

    let begun = Instant::now();
    ezsync(&lab, folder.path())?;
    println!("first setup, verified: {:.2} s", begun.elapsed().as_secs_f64());

    let mut times = [Vec::new(), Vec::new()];
    let mut cpu = [0.0, 0.0];
    for _ in 0..ROUNDS {
        for (number, action) in
            [ssh as fn(&Lab, &std::path::Path) -> Result<()>, ezsync].iter().enumerate()
        {
            let (wall, used) = measured(|| action(&lab, folder.path()))?;
            if let (Some(times), Some(cpu)) = (times.get_mut(number), cpu.get_mut(number)) {
                times.push(wall);
                *cpu += used;
            }
        }
    }
    let [ssh, ezsync] = times.map(median);
    let per_round = |seconds: f64| seconds / ROUNDS as f64;
    println!("{HOSTS} hosts, {ROUNDS} rounds         wall (median)   controller CPU a round");
    println!(
        "{HOSTS} x ssh HOST true, parallel   {:9.3} s     {:9.3} s",
        ssh.as_secs_f64(),
        per_round(cpu[0])
    );
    println!(
        "second ezsync setup           {:9.3} s     {:9.3} s",
        ezsync.as_secs_f64(),
        per_round(cpu[1])
    );
    println!("ratio ezsync / ssh: {:.2}", ezsync.as_secs_f64() / ssh.as_secs_f64());
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn measured(action: impl FnOnce() -> Result<()>) -> Result<(Duration, f64)> {
    let (before, begun) = (measure::cpu::of_children()?, Instant::now());
    action()?;
    Ok((begun.elapsed(), measure::cpu::of_children()? - before))
}

fn ssh(lab: &Lab, _: &std::path::Path) -> Result<()> {
    let children: Vec<Child> = lab
        .hosts()
        .iter()
        .map(|host| {
            let mut command = lab.command("ssh");
            command
                .args(["-F", "none", "-o", "BatchMode=yes", "-i"])
                .arg(lab.key())
                .arg("-o")
                .arg(format!("UserKnownHostsFile={}", lab.known_hosts().display()))
                .args([&format!("root@{}", host.address), "true"]);
            command.spawn().context("cannot start ssh")
        })
        .collect::<Result<_>>()?;
    for mut child in children {
        if !child.wait()?.success() {
            bail!("ssh failed");
        }
    }
    Ok(())
}

fn ezsync(lab: &Lab, project: &std::path::Path) -> Result<()> {
    let mut command: Command = lab.command(env!("CARGO_BIN_EXE_ezsync"));
    command
        .args(["setup", "c1", "--known-hosts"])
        .arg(lab.known_hosts())
        .current_dir(project)
        .env("XDG_STATE_HOME", project.join("state"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !command.status()?.success() {
        bail!("ezsync setup failed");
    }
    Ok(())
}
