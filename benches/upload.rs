//! What it costs to send 3 MB of packages to many hosts: bytes on the wire and the controller's memory.
//!
//! `cargo bench --bench upload` prints a table. The hosts are addresses of one real host, whose apt-get is a
//! stand-in that installs nothing: only the sending counts. Needs root, as all real hosts do.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ezsync::bundle::{self, Manifest, Member, Set};
use ezsync::package::{Architecture, Package, Target};
use ezsync_hosts::{Image, Lab, LabSpec};

/// How large the one package is (bytes).
const SIZE: usize = 3_000_000;

/// How many hosts at once.
const HOSTS: [usize; 4] = [1, 5, 20, 50];

/// What TCP, IP and Ethernet put around each packet (bytes).
const AROUND: u64 = 66;

fn main() -> Result<()> {
    if !ezsync_hosts::is_benchmark() {
        return Ok(());
    }
    let lab = Lab::up(&LabSpec::new(Image::Bare, 1))?;
    let stand_in = "printf '#!/bin/sh\\n' >/usr/local/bin/apt-get; chmod +x /usr/local/bin/apt-get";
    on_host(&lab, stand_in)?;
    let addresses: Vec<String> = (201..=250).map(|number| format!("10.99.0.{number}")).collect();
    for address in &addresses {
        on_host(&lab, &format!("ip address add {address}/24 dev host0"))?;
    }
    let folder = tempfile::tempdir()?;
    let project = folder.path();
    fs::create_dir_all(project.join("inventories/c1"))?;
    fs::create_dir_all(project.join("roles/load/tasks"))?;
    fs::write(project.join("roles/load/tasks/main.yml"), "- package: {name: load}\n")?;
    fs::write(project.join("inventories/c1/config.yml"), "roles: [load]\n")?;
    // The one host has the same key by all of its addresses.
    let known = fs::read_to_string(lab.known_hosts())?;
    let (_, key) = known.split_once(' ').context("no key in known_hosts")?;
    let key = key.lines().next().unwrap_or_default();
    fs::write(project.join("known_hosts"), format!("{} {key}\n", addresses.join(",")))?;
    let size = write_bundle(&project.join("load.bundle"))?;

    println!("hosts   time        bytes beside the packages   peak memory of the controller");
    for hosts in HOSTS {
        let mut inventory = "[all]\n".to_owned();
        for (number, address) in addresses.iter().take(hosts).enumerate() {
            inventory += &format!("h{} ansible_host={address}\n", number + 1);
        }
        let key = lab.key();
        inventory += &format!(
            "[chrony]\nh1\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}\n",
            key.display()
        );
        fs::write(project.join("inventories/c1/hosts"), inventory)?;
        let before = received(&lab)?;
        let begun = Instant::now();
        let peak = peak_memory(start(&lab, project)?)?;
        let wall = begun.elapsed();
        let sent = received(&lab)? - before;
        let payload = (size * hosts) as f64;
        println!(
            "{hosts:5}   {:6.2} s   {:24.2} %   {:26.1} MB",
            wall.as_secs_f64(),
            (sent as f64 / payload - 1.0) * 100.0,
            peak as f64 / 1000.0
        );
    }
    Ok(())
}

/// A bundle of one package that does not compress. Gives the package's size.
fn write_bundle(file: &std::path::Path) -> Result<usize> {
    let mut bytes = vec![0; SIZE];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    let package = Package {
        name: "load".to_owned(),
        version: "1.0".to_owned(),
        architecture: "all".to_owned(),
        file: "load_1.0_all.deb".to_owned(),
        size: SIZE as u64,
        sha256: bundle::sha256(&bytes),
        ..Package::default()
    };
    let target = Target {
        release: "debian-12".parse().map_err(anyhow::Error::msg)?,
        architecture: Architecture::Amd64,
    };
    let set = Set { target, wanted: vec!["load".to_owned()], packages: vec![package.clone()] };
    let members = [Member { package, bytes: bytes.into() }];
    bundle::write(&Manifest { sets: vec![set] }, &members, file)?;
    Ok(SIZE)
}

fn on_host(lab: &Lab, script: &str) -> Result<String> {
    let output = lab.shell(lab.hosts().first().context("a host")?, script)?;
    if !output.status.success() {
        bail!("{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes that the host has received, without what stands around each packet.
fn received(lab: &Lab) -> Result<u64> {
    let text = on_host(lab, "cd /sys/class/net/host0/statistics; cat rx_bytes rx_packets")?;
    let mut numbers = text.lines().map(str::parse::<u64>);
    let bytes = numbers.next().context("bytes")??;
    let packets = numbers.next().context("packets")??;
    Ok(bytes - AROUND * packets)
}

fn start(lab: &Lab, project: &std::path::Path) -> Result<Child> {
    let mut command = lab.command(env!("CARGO_BIN_EXE_ezsync"));
    command
        .args(["setup", "c1", "-f", "50", "--bundle", "load.bundle"])
        .args(["--known-hosts", "known_hosts"])
        .current_dir(project)
        .env("XDG_STATE_HOME", project.join("state"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().context("cannot start ezsync")
}

/// The most memory (KB) that the program had at a time; it must succeed.
fn peak_memory(mut child: Child) -> Result<u64> {
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(number.unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("ezsync setup: {status}");
            }
            return Ok(peak);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
