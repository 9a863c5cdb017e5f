//! A long cable to a host. Not every kernel has netem, so a small program of our own holds each packet
//! back: see `delay.py`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::network::{BRIDGE, Network};

const HOLD_BACK: &str = include_str!("../image/delay.py");

/// A delay on the way to a host and back. Dropping it takes the delay away.
#[derive(Debug)]
pub struct DelayLine {
    network: Network,
    link: String,
    process: Child,
}

impl DelayLine {
    /// Puts a line that takes `round_trip` there and back between the lab's bridge and the cable `vb-MACHINE`.
    pub(crate) fn new(network: &Network, machine: &str, round_trip: Duration) -> Result<Self> {
        let [near, far, bridge, link] =
            ["dn", "df", "db", "vb"].map(|kind| format!("{kind}-{machine}"));
        let mut process = Command::new("nsenter")
            .arg(format!("--net={}", network.path().display()))
            .args(["python3", "-c", HOLD_BACK, &near, &far])
            .arg((round_trip / 2).as_secs_f64().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the delay line")?;
        let mut said = String::new();
        let stdout = process.stdout.take().map(BufReader::new);
        let heard = stdout.map(|mut stdout| stdout.read_line(&mut said)).transpose();
        if heard.is_err() || said != "ready\n" {
            process.kill()?;
            process.wait()?;
            bail!("the delay line did not come up; the host may have one already");
        }
        // From here on dropping it puts all back.
        let line = Self { network: network.clone(), link, process };
        line.network.plug_into(&near, BRIDGE)?;
        line.network.plug_into(&far, &bridge)?;
        line.network.plug_into(&line.link, &bridge)?;
        Ok(line)
    }
}

impl Drop for DelayLine {
    fn drop(&mut self) {
        // Its ends of the cables go with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Err(error) = self.network.plug_into(&self.link, BRIDGE) {
            eprintln!("ezsync-hosts: a delay line is not all gone: {error:#}");
        }
    }
}
