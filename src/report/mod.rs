//! stub
use crate::exit::Exit;
use crate::fleet::{HostResult, Mode};
#[derive(Debug, serde::Serialize)]
pub struct Run {
    cluster: String,
    seconds: f64,
    hosts: Vec<HostResult>,
    interrupted: bool,
}
pub struct Settings {
    pub json: bool,
    pub diff: bool,
    pub verbose: u8,
}
impl Run {
    pub fn new(
        cluster: String,
        _m: Mode,
        _s: jiff::Timestamp,
        seconds: f64,
        hosts: Vec<HostResult>,
        interrupted: bool,
    ) -> Self {
        Self { cluster, seconds, hosts, interrupted }
    }
    pub fn exit(&self) -> Exit {
        Exit::Ok
    }
}
pub fn show(run: &Run, _s: &Settings) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(run)?);
    Ok(())
}
