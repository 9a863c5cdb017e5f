//! Moving a fleet: the runtime, the display, Ctrl-C and the clock around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::fleet::Means;
use crate::interrupt::Interrupts;
use crate::ssh::Client;
use crate::ui;

/// How long the display may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

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
    let interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let (cancel, stop) = (CancellationToken::new(), CancellationToken::new());
    let hosts = runtime.block_on(async {
        let (events, told) = unbounded_channel();
        let settings = ui::Settings::choose(cli.colours(), cli.verbose > 0);
        let screen = ui::Screen::default();
        let (said, end) = (screen.clone(), (cancel.clone(), stop.clone()));
        let interrupt = tokio::spawn(async move {
            interrupt(&interrupts, end.0, said, on_interrupt).await;
            interrupts.wish(2).await;
            end.1.cancel();
        });
        let client = client(&screen);
        let mut ui = tokio::spawn(async move { ui::show(told, &names, settings, screen).await });
        let hosts =
            work(Means { client, forks: forks.into(), events, cancel: cancel.clone(), stop }).await;
        // The display ends by itself when nobody sends any more: tasks that were stopped at once do so
        // when they are next looked at.
        if timeout(FAREWELL, &mut ui).await.is_err() {
            ui.abort();
        }
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

/// The first Ctrl-C ends the run in order.
pub(super) async fn interrupt(
    interrupts: &Interrupts,
    cancel: CancellationToken,
    screen: ui::Screen,
    what_now: &str,
) {
    interrupts.wish(1).await;
    screen.say(format!("interrupted: {what_now}; press Ctrl-C again to stop at once"));
    cancel.cancel();
}
