//! Asking the person at the terminal.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::SecretString;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::screen::Screen;
use super::tty::Keys;
use crate::ssh::{Prompt, Question};

/// How long a run may take to hear of Ctrl-C. Where signals are ignored it never does.
const HEARING: Duration = Duration::from_secs(10);

/// Asks `question` on the terminal and reads the answer without showing it, unless it is `interrupted`.
///
/// The terminal is opened by its name (`/dev/tty`), as ssh does it: input and output may be
/// redirected.
///
/// # Errors
/// When there is no terminal, or the answer breaks off: with `Interrupted` for Ctrl-C. The terminal
/// is as before then.
pub async fn secret(
    question: &str,
    interrupted: impl Future<Output = ()>,
) -> io::Result<SecretString> {
    let keys = Keys::take()?;
    keys.show(question)?;
    let reader = keys.reader(false);
    tokio::select! {
        answer = spawn_blocking(|| reader.line()) => answer.map_err(io::Error::other)?,
        () = interrupted => {
            let _ = keys.show("\n");
            Err(ErrorKind::Interrupted.into())
        }
    }
}

/// The person at the terminal, who can be asked while the fleet runs: the picture makes way.
#[derive(Debug)]
pub struct Terminal {
    screen: Screen,
}

impl Terminal {
    /// The terminal of this process, when it has one.
    #[must_use]
    pub fn find(screen: &Screen) -> Option<Self> {
        let there = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").is_ok();
        there.then(|| Self { screen: screen.clone() })
    }

    async fn answer(&self, question: Question) -> io::Result<SecretString> {
        // Dropped in the other order, also when this future is: first the keys are as before,
        // then the picture comes back.
        let _held = self.screen.hold();
        let keys = Keys::take()?;
        keys.show(&format!("{}{}", question.before, question.text))?;
        let reader = keys.reader(question.echo);
        let answer = spawn_blocking(|| reader.line()).await.map_err(io::Error::other)?;
        drop(keys);
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
            // As if the terminal had sent it: the whole run ends in its own way, and takes the question back.
            // Without an answer until then: the host would be told to have failed for want of one.
            kill(Pid::this(), Signal::SIGINT)?;
            sleep(HEARING).await;
        }
        answer
    }
}

impl Prompt for Terminal {
    fn ask(
        &self,
        question: Question,
    ) -> Pin<Box<dyn Future<Output = io::Result<SecretString>> + Send + '_>> {
        Box::pin(self.answer(question))
    }
}
