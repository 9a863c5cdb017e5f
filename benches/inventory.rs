//! How long inventories of 10,000 and 100,000 hosts take to load and to print with all variables.
//!
//! `cargo bench --bench inventory` prints the CPU time of `ezsync inventory --list`, program start
//! included, and of `--host`, which reads the same and prints next to nothing.

mod measure;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

const ROUNDS: u32 = 10;

fn main() -> Result<()> {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    println!("CPU time (seconds)        --list    --host");
    for hosts in [10_000, 100_000] {
        for (kind, name, text) in
            [("INI", "hosts", ini(hosts)?), ("YAML", "hosts.yml", yaml(hosts)?)]
        {
            let file = folder.path().join(name);
            fs::write(&file, text)?;
            let list = cost(&file, &["--list"])?;
            let host = cost(&file, &["--host", "node000007"])?;
            println!("{hosts:>7} hosts in {kind:<4}     {list:7.3}   {host:7.3}");
        }
    }
    Ok(())
}

/// An inventory as kubeasz's users have it: racks of a hundred, a few variables for each host and
/// for all.
fn ini(hosts: u32) -> Result<String> {
    let mut text = String::from("[chrony]\nnode000000\n");
    for rack in 0..hosts / 100 {
        writeln!(text, "[rack{rack:04}]")?;
        for host in rack * 100..(rack + 1) * 100 {
            let [_, a, b, c] = host.to_be_bytes();
            writeln!(
                text,
                "node{host:06} ansible_host=10.{a}.{b}.{c} ansible_port=22 k8s_nodename='node-{host}'"
            )?;
        }
    }
    text.push_str("[kube_node:children]\n");
    for rack in 0..hosts / 100 {
        writeln!(text, "rack{rack:04}")?;
    }
    text.push_str(
        "[all:vars]\nSECURE_PORT=\"6443\"\nbase_dir=/etc/kubeasz\nca_dir={{ base_dir }}/ssl\n",
    );
    Ok(text)
}

fn yaml(hosts: u32) -> Result<String> {
    let mut text = String::from("all:\n  vars: {base_dir: /etc/kubeasz}\n  hosts:\n");
    for host in 0..hosts {
        let [_, a, b, c] = host.to_be_bytes();
        writeln!(text, "    node{host:06}: {{ansible_host: 10.{a}.{b}.{c}, zone: z{c}}}")?;
    }
    Ok(text)
}

/// User and system time of one `ezsync inventory`, in seconds: the mean of some rounds.
fn cost(inventory: &Path, args: &[&str]) -> Result<f64> {
    let before = measure::cpu::of_children()?;
    for _ in 0..ROUNDS {
        let status = Command::new(env!("CARGO_BIN_EXE_ezsync"))
            .args(["inventory".as_ref(), "-i".as_ref(), inventory.as_os_str()])
            .args(args)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "ezsync ended with {status}");
    }
    Ok((measure::cpu::of_children()? - before) / f64::from(ROUNDS))
}
