//! A command with all of its output, for tests: the program reads events as they come.

use std::time::Duration;

use ezsync::ssh::{Event, Exec, ExecError, ExitStatus, Session};
use tokio::time::timeout;

/// All of a command that has ended.
#[derive(Debug)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub status: ExitStatus,
}

/// Runs `command` with `input` as its standard input, and waits for its end, for `limit` at the most.
pub async fn run_on(
    session: &Session,
    command: &str,
    input: Vec<u8>,
    limit: Duration,
) -> Result<Output, ExecError> {
    let work = async { collect(session.exec(command).await?, input).await };
    timeout(limit, work).await.unwrap_or(Err(ExecError::TimedOut(limit)))
}

async fn collect(exec: Exec, input: Vec<u8>) -> Result<Output, ExecError> {
    let Exec { stdin, mut events } = exec;
    let feed = async {
        // A command need not read its input; how it ends tells whether it should have.
        if stdin.write(input).await.is_ok() {
            let _ = stdin.close().await;
        }
    };
    // Done with its events, the command takes no more input.
    let listen = async move {
        let (mut stdout, mut stderr, mut status) = (Vec::new(), Vec::new(), None);
        while let Some(event) = events.next().await? {
            match event {
                Event::Stdout(data) => stdout.extend(data),
                Event::Stderr(data) => stderr.extend(data),
                Event::Exit(exit) => status = Some(exit),
            }
        }
        Ok(Output { stdout, stderr, status: status.unwrap() })
    };
    tokio::join!(feed, listen).1
}
