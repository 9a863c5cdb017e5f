//! The CPU time of the programs that a benchmark runs.

use std::fs;

use anyhow::{Context, Result};

/// Clock ticks a second in /proc/PID/stat: USER_HZ, 100 on all of Linux's common architectures.
const TICKS: f64 = 100.0;

/// User and system time of all children that have ended, in seconds: fields 16 and 17 of proc(5).
pub fn of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("no end of the name in /proc/self/stat")?;
    let ticks: f64 =
        fields.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}
