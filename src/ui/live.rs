//! The live picture: a line for each host that there is room for, and one for all of them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use terminal_size::{Height, Width, terminal_size_of};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::board::{Board, Line, Stage};
use super::screen::Screen;
use super::{Settings, words};
use crate::fleet::Event;
use crate::sanitise::sanitise;

/// How often it is drawn anew.
const TICK: Duration = Duration::from_millis(100);
/// How many events are taken in at once.
const BATCH: usize = 256;
const FRAMES: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The picture on standard error.
pub(super) struct Live {
    screen: Screen,
    board: Board,
    settings: Settings,
    frames: std::iter::Cycle<std::array::IntoIter<&'static str, 8>>,
}

impl Live {
    pub(super) fn new(hosts: &[String], settings: Settings, screen: Screen) -> Self {
        let board = Board::new(hosts, Instant::now());
        Self { screen, board, settings, frames: FRAMES.into_iter().cycle() }
    }

    /// Draws until no more events can come.
    pub(super) async fn show(mut self, mut events: UnboundedReceiver<Event>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                received = events.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        break;
                    }
                    for event in batch.drain(..) {
                        self.take(&event);
                    }
                }
                _ = tick.tick() => self.draw(),
            }
        }
    }

    fn take(&mut self, event: &Event) {
        self.board.apply(event, Instant::now());
        if let Some(detail) = words::detail(&event.doing).filter(|_| self.settings.verbose) {
            self.screen.say(format!("{}: {detail}", sanitise(&event.host)));
        }
    }

    fn draw(&mut self) {
        let (columns, rows) = room();
        // The mark and a blank stand before each line.
        let columns = columns.saturating_sub(2);
        let now = Instant::now();
        let frame = self.frames.next().unwrap_or_default();
        let mut picture = String::new();
        for Line { stage, text } in self.board.lines(rows, columns, now) {
            let _ = writeln!(picture, "{} {text}", self.mark(stage, frame));
        }
        let summary = self.board.summary(columns, now);
        let _ = write!(picture, "{} {summary}", self.paint(frame, AnsiColor::Cyan.on_default()));
        self.screen.draw(picture);
    }

    /// The sign in front of a host.
    fn mark(&self, stage: Stage, frame: &str) -> String {
        let (sign, colour) = match stage {
            Stage::Done => ("✓", AnsiColor::Green),
            Stage::Waiting => ("·", AnsiColor::BrightBlack),
            stage if stage.is_active() => (frame, AnsiColor::Cyan),
            _ => ("✗", AnsiColor::Red),
        };
        self.paint(sign, colour.on_default())
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.settings.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// How many columns there are for a line, the last one stays empty; and how many lines: one row is for
/// the summary and one for the cursor.
pub(super) fn room() -> (usize, usize) {
    let size = terminal_size_of(std::io::stderr());
    let (Width(columns), Height(rows)) = size.unwrap_or((Width(80), Height(24)));
    (usize::from(columns).saturating_sub(1), usize::from(rows).saturating_sub(2))
}

impl Drop for Live {
    /// Leaves the terminal clean, also when the run is broken off.
    fn drop(&mut self) {
        self.screen.clear();
    }
}
