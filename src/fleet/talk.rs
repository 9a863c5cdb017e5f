//! A script that runs on a host, is spoken to, and answers in sections.

use std::time::Duration;

use tokio::time::timeout;

use crate::remote::{Section, Sections, Word};
use crate::ssh::{Event, Events, Exec, ExecError, ExitStatus, OUTPUT_MAX, Session, Stdin};

/// The script's two ends, and what it has said so far.
pub(super) struct Talk {
    stdin: Option<Stdin>,
    events: Events,
    sections: Sections,
    seen: usize,
    received: usize,
    stderr: Vec<u8>,
    status: Option<ExitStatus>,
}

impl Talk {
    /// Starts `script` by `shell`; its sections begin with `mark`.
    pub(super) async fn begin(
        session: &Session,
        shell: &str,
        script: String,
        mark: &Word,
    ) -> Result<Self, ExecError> {
        let Exec { stdin, events } = session.exec(shell).await?;
        // Should the host not read it, its events tell why.
        let _ = stdin.write(script.into_bytes()).await;
        Ok(Self {
            stdin: Some(stdin),
            events,
            sections: Sections::new(mark),
            seen: 0,
            received: 0,
            stderr: Vec::new(),
            status: None,
        })
    }

    /// Says a line. A script that has ended does not hear it: its events tell.
    pub(super) async fn say(&self, line: &str) {
        if let Some(stdin) = &self.stdin {
            let _ = stdin.write(format!("{line}\n").into_bytes()).await;
        }
    }

    /// Says that nothing more will be said.
    pub(super) async fn hang_up(&mut self) {
        if let Some(stdin) = self.stdin.take() {
            let _ = stdin.close().await;
        }
    }

    /// Waits, as long as `silence` at the most, for the next section to begin. Its heading is
    /// whole then, its body may still grow. None when the script has ended.
    pub(super) async fn next(&mut self, silence: Duration) -> Result<Option<&Section>, ExecError> {
        while self.sections.all().len() <= self.seen {
            let event = timeout(silence, self.events.next())
                .await
                .map_err(|_| ExecError::TimedOut(silence))??;
            match event {
                Some(Event::Stdout(bytes)) => {
                    self.received += bytes.len();
                    self.sections.feed(&bytes);
                }
                Some(Event::Stderr(bytes)) => {
                    self.received += bytes.len();
                    self.stderr.extend(bytes);
                }
                Some(Event::Exit(status)) => self.status = Some(status),
                None => {
                    self.sections.finish();
                    return Ok(None);
                }
            }
            if self.received > OUTPUT_MAX {
                return Err(ExecError::TooMuchOutput(OUTPUT_MAX));
            }
        }
        self.seen += 1;
        Ok(self.sections.all().get(self.seen - 1))
    }

    /// All sections so far.
    pub(super) fn sections(&self) -> &[Section] {
        self.sections.all()
    }

    /// What was printed beside the sections, and how the script ended.
    pub(super) fn ending(&self) -> (String, Option<&ExitStatus>) {
        (String::from_utf8_lossy(&self.stderr).trim().to_owned(), self.status.as_ref())
    }

    /// Hangs up and reads to the end, so that the channel closes in order.
    pub(super) async fn end(mut self, limit: Duration) {
        self.hang_up().await;
        let ended = async { while let Ok(Some(_)) = self.next(limit).await {} };
        let _ = timeout(limit, ended).await;
    }
}
