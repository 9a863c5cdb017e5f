//! ProxyCommand: a command whose input and output are the connection.

use std::env;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::stream::Stream;
use super::transport::shorten;

/// How much is kept of what a command says on its standard error (bytes).
const WORDS_MAX: usize = 512;
/// How long a command may take to end once nobody wants it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running command, and what it has said.
#[derive(Debug, Clone)]
pub(super) struct ProxyCommand {
    notes: Arc<Mutex<Notes>>,
    ended: CancellationToken,
}

#[derive(Debug, Default)]
struct Notes {
    said: Vec<u8>,
    status: Option<ExitStatus>,
}

impl ProxyCommand {
    /// Starts `command` by the user's shell, as OpenSSH does. It ends when `unwanted` is cancelled.
    ///
    /// It stands in a process group of its own: a Ctrl-C is for us, and must not cut the connection
    /// to a host that is being changed. So it cannot ask on the terminal either.
    pub(super) fn start(command: &str, unwanted: CancellationToken) -> io::Result<(Stream, Self)> {
        let shell = env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let mut child = Command::new(shell.unwrap_or_else(|| "/bin/sh".into()))
            .arg("-c")
            // No shell stays between us and the command.
            .arg(format!("exec {command}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let this = Self { notes: Arc::default(), ended: CancellationToken::new() };
        tokio::spawn(this.clone().attend(child, errors, unwanted));
        Ok((Box::new(tokio::io::join(output, input)), this))
    }

    /// Listens to the command until it has ended or nobody wants it, and lets nothing of it stay.
    async fn attend(self, mut child: Child, errors: ChildStderr, unwanted: CancellationToken) {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let mut listening = std::pin::pin!(self.listen(errors));
        let ended = tokio::select! {
            status = async { tokio::join!(child.wait(), &mut listening).0 } => Some(status),
            () = unwanted.cancelled() => None,
        };
        let status = match ended {
            Some(status) => status,
            None => {
                signal(group, Signal::SIGHUP);
                match timeout(PATIENCE, child.wait()).await {
                    Ok(status) => status,
                    Err(_) => {
                        signal(group, Signal::SIGKILL);
                        child.wait().await
                    }
                }
            }
        };
        self.notes().status = status.ok();
        self.ended.cancel();
    }

    async fn listen(&self, mut errors: ChildStderr) {
        let mut buffer = [0; WORDS_MAX];
        while let Ok(read @ 1..) = errors.read(&mut buffer).await {
            let mut notes = self.notes();
            let room = WORDS_MAX.saturating_sub(notes.said.len());
            notes.said.extend(buffer.iter().take(read.min(room)));
        }
    }

    /// How the command has ended, and what it has said. One that is about to end is waited for.
    pub(super) async fn last_words(&self, about_to_end: bool) -> Words {
        if about_to_end {
            let _ = timeout(PATIENCE, self.ended.cancelled()).await;
        }
        let notes = self.notes();
        let said = shorten(&String::from_utf8_lossy(&notes.said));
        Words { status: notes.status, said }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command has left behind.
#[derive(Debug)]
pub(super) struct Words {
    status: Option<ExitStatus>,
    said: Option<String>,
}

impl Words {
    /// Whether the same command may get through a moment later: it was content itself, or tells, in
    /// ssh's words, of a server that has hung up.
    pub(super) fn may_do_better(&self) -> bool {
        match (&self.said, self.status) {
            (Some(said), _) => said.contains("kex_exchange_identification"),
            (None, status) => status.is_none_or(|status| status.success()),
        }
    }

    /// The same as a sentence, when there is something to tell.
    pub(super) fn told(&self) -> Option<String> {
        let status = self.status.map(|status| format!("ended with {status}"));
        let said = self.said.as_ref().map(|said| format!("said: {said}"));
        let told: Vec<_> = status.into_iter().chain(said).collect();
        (!told.is_empty()).then(|| told.join(" and "))
    }
}

/// To the command and all that it has started.
fn signal(group: Option<Pid>, signal: Signal) {
    // It may have ended by itself just now.
    let _ = group.map(|group| killpg(group, signal));
}
