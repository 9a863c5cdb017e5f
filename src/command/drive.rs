//! Moving a fleet: the runtime, the display, Ctrl-C and the clock around it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::fleet::Means;
use crate::ssh::Client;
use crate::ui;

/// What came of moving a fleet.
pub(super) struct Moved<T> {
    pub hosts: Vec<T>,
    pub started: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// Whether the user ended it.
    pub interrupted: bool,
}

/// Lets `work` move the hosts of these `names`, `forks` of them at a time, and shows what happens.
/// `on_interrupt` says what becomes of them when the user presses Ctrl-C.
pub(super) fn drive<T, F>(
    cli: &Cli,
    forks: u16,
    on_interrupt: &'static str,
    names: Vec<String>,
    work: impl FnOnce(Means) -> F,
) -> Result<Moved<T>>
where
    F: Future<Output = Vec<T>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let (started, clock) = (Timestamp::now(), Instant::now());
    let cancel = CancellationToken::new();
    let hosts = runtime.block_on(async {
        let (events, told) = unbounded_channel();
        let settings = ui::Settings::choose(cli.colours(), cli.verbose > 0);
        let screen = ui::Screen::default();
        let interrupt = tokio::spawn(interrupt(cancel.clone(), screen.clone(), on_interrupt));
        let client = client(&screen);
        let ui = tokio::spawn(async move { ui::show(told, &names, settings, screen).await });
        let hosts =
            work(Means { client, forks: forks.into(), events, cancel: cancel.clone() }).await;
        // The display ends by itself when nobody sends any more.
        let _ = ui.await;
        interrupt.abort();
        hosts
    });
    // A name service that does not answer must not hold up the report.
    runtime.shutdown_background();
    let seconds = clock.elapsed().as_secs_f64();
    Ok(Moved { hosts, started, seconds, interrupted: cancel.is_cancelled() })
}

/// A client that asks the person at the terminal, when there is one.
fn client(screen: &ui::Screen) -> Client {
    match ui::ask::Terminal::find(screen) {
        Some(terminal) => Client::with_prompt(Arc::new(terminal)),
        None => Client::default(),
    }
}

/// The first Ctrl-C ends the run in order; the second one ends the program at once.
pub(super) async fn interrupt(cancel: CancellationToken, screen: ui::Screen, what_now: &str) {
    if tokio::signal::ctrl_c().await.is_ok() {
        screen.say(format!("interrupted: {what_now}; press Ctrl-C again to stop at once"));
        cancel.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted.code().into());
        }
    }
}
