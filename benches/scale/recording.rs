//! What a real host says to the scripts of a run: it is asked once, and simulated hosts say the same.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use ezsync_hosts::{Lab, TestHost};

use super::simulated::{Answer, MARK};

/// How long the host may take (seconds).
const DEADLINE: &str = "60";

/// The answers of one host.
pub struct Recording {
    lab: Arc<Lab>,
    host: TestHost,
    known: Mutex<HashMap<String, Answer>>,
}

impl Recording {
    pub fn new(lab: Arc<Lab>, host: TestHost) -> Self {
        Self { lab, host, known: Mutex::default() }
    }

    /// What the host says to `script`, in which [`MARK`] stands for the run's word. In the rush of the first
    /// connections a host may seem far away, and the script have it tell the time, which cannot be recorded.
    pub fn answer(&self, script: &str) -> Answer {
        let script = &script.replace("\nfar=yes\n", "\nfar=\n");
        // Held while it is asked: the others would ask the same.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(script) {
            return answer.clone();
        }
        let answer = self.ask(script).unwrap_or_else(|error| {
            eprintln!("{} does not answer: {error:#}", self.host.name);
            Answer::default()
        });
        known.insert(script.to_owned(), answer.clone());
        answer
    }

    fn ask(&self, script: &str) -> Result<Answer> {
        let mut command = self.lab.command("timeout");
        command.args([DEADLINE, "ssh", "-T", "-F", "none", "-o", "IdentitiesOnly=yes", "-i"]);
        command.arg(self.lab.key()).arg("-o");
        command.arg(format!("UserKnownHostsFile={}", self.lab.known_hosts().display()));
        command.arg(format!("root@{}", self.host.address)).arg("sh");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("no input")?;
        let mut stdout = child.stdout.take().context("no output")?;
        stdin.write_all(script.as_bytes())?;
        let (mut pieces, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            let length = stdout.read(&mut buffer)?;
            pieces.push(buffer.get(..length).unwrap_or_default().to_vec());
            // It goes on to tell the time, which is another one each time.
            let waits = pieces.concat().ends_with(format!("\n{MARK} ready\n").as_bytes());
            if length == 0 || waits {
                break;
            }
        }
        drop(stdin);
        let status = child.wait()?;
        ensure!(status.success(), "ssh: {status}");
        Ok(Answer(pieces))
    }
}
