//! Commands on this machine itself, with no SSH (`ansible_connection=local`).
//!
//! They run as sshd would run them without a terminal: in a session of their own, by the shell,
//! with pipes for input and output. What happens to this program or to its terminal does not
//! reach them.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::exec::{Event, ExecError, ExitStatus};

/// How much is read at once (bytes).
const CHUNK: usize = 16 * 1024;

/// This machine.
#[derive(Debug, Default)]
pub struct Machine {
    execs: AtomicU32,
}

/// A command that runs here. Dropping it does not end the command.
#[derive(Debug)]
pub struct Exec {
    /// What the command reads.
    pub stdin: Stdin,
    /// What it writes, and how it ends.
    pub events: Events,
}

/// The standard input of a command. Dropping it ends the input.
#[derive(Debug)]
pub struct Stdin(ChildStdin);

/// What a command writes, and how it ends.
#[derive(Debug)]
pub struct Events {
    child: Child,
    ended: bool,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Machine {
    /// How many commands were run.
    #[must_use]
    pub fn execs(&self) -> u32 {
        self.execs.load(Ordering::Relaxed)
    }

    /// Starts `command`, which sh reads.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn exec(&self, command: &str) -> Result<Exec, ExecError> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        let started = Command::new("setsid")
            .args(["sh", "-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child =
            started.map_err(|error| ExecError::Refused(format!("setsid (util-linux): {error}")))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let Some(stdin) = child.stdin.take() else { return Err(ExecError::InputClosed) };
        let events = Events { child, ended: false, stdout, stderr };
        Ok(Exec { stdin: Stdin(stdin), events })
    }
}

impl Stdin {
    /// Writes all of `data`, as fast as the command reads it.
    ///
    /// # Errors
    /// [`ExecError::InputClosed`] when the command ends before.
    pub async fn write(&mut self, data: &[u8]) -> Result<(), ExecError> {
        let written = async {
            self.0.write_all(data).await?;
            self.0.flush().await
        };
        written.await.map_err(|_| ExecError::InputClosed)
    }
}

impl Events {
    /// Waits for what comes next; nothing comes after the command's end and all of its output.
    ///
    /// # Errors
    /// [`ExecError::Lost`] when the system does not tell.
    pub async fn next(&mut self) -> Result<Option<Event>, ExecError> {
        loop {
            let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
            tokio::select! {
                count = read(self.stdout.as_mut(), &mut out), if self.stdout.is_some() => {
                    match count.map_err(lost)? {
                        0 => self.stdout = None,
                        count => {
                            out.truncate(count);
                            return Ok(Some(Event::Stdout(out)));
                        }
                    }
                }
                count = read(self.stderr.as_mut(), &mut err), if self.stderr.is_some() => {
                    match count.map_err(lost)? {
                        0 => self.stderr = None,
                        count => {
                            err.truncate(count);
                            return Ok(Some(Event::Stderr(err)));
                        }
                    }
                }
                status = self.child.wait(), if !self.ended => {
                    self.ended = true;
                    let status = status.map_err(lost)?;
                    let code = status.code().and_then(|code| u32::try_from(code).ok());
                    return Ok(Some(Event::Exit(match code {
                        Some(code) => ExitStatus::Code(code),
                        None => ExitStatus::Signal(status.signal().unwrap_or_default().to_string()),
                    })));
                }
                else => return Ok(None),
            }
        }
    }
}

async fn read(pipe: Option<&mut (impl AsyncRead + Unpin)>, into: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(into).await,
        None => Ok(0),
    }
}

fn lost(error: io::Error) -> ExecError {
    ExecError::Lost(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(command: &str, input: &[u8]) -> (String, String, Option<ExitStatus>) {
        let Exec { mut stdin, mut events } = Machine::default().exec(command).unwrap();
        let _ = stdin.write(input).await;
        drop(stdin);
        let (mut out, mut err, mut status) = (Vec::new(), Vec::new(), None);
        while let Some(event) = events.next().await.unwrap() {
            match event {
                Event::Stdout(bytes) => out.extend(bytes),
                Event::Stderr(bytes) => err.extend(bytes),
                Event::Exit(exit) => status = Some(exit),
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(out), text(err), status)
    }

    #[tokio::test]
    async fn input_output_and_end_are_the_commands_own() {
        let (out, err, status) = run("cat; echo no >&2; exit 3", b"words").await;
        assert_eq!((out.as_str(), err.as_str()), ("words", "no\n"));
        assert_eq!(status, Some(ExitStatus::Code(3)));
        let (_, _, status) = run("kill -9 $$", b"").await;
        assert_eq!(status, Some(ExitStatus::Signal("9".to_owned())));
        let big = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2";
        let (out, err, _) = run(big, b"").await;
        assert_eq!((out.len(), err.len()), (300_000, 300_000));
    }

    #[tokio::test]
    async fn it_has_a_session_of_its_own() {
        let (out, _, _) = run("ps -o sid= -p $$; echo $$", b"").await;
        let mut numbers = out.split_whitespace();
        assert_eq!(numbers.next(), numbers.next(), "{out}");
    }
}
