//! What is seen while the fleet runs: a live picture on a terminal, else a line for each event.
//!
//! It goes to standard error. Only events are known here: no files, no hosts, no reports.

pub mod ask;
mod board;
mod downloads;
mod live;
mod plain;
mod screen;
mod tty;
mod words;

use std::io::{IsTerminal, stderr};

use anstream::{AutoStream, ColorChoice};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fleet::Event;
pub use downloads::show as show_downloads;
use live::Live;
use plain::Plain;
pub use screen::Screen;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A picture that is drawn anew all the time; it is taken away at the end.
    Live,
    /// A line for each event that means something, without escape codes.
    Plain,
}

/// What is shown, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The way of showing.
    pub style: Style,
    /// Whether the live picture has colours.
    pub colour: bool,
    /// Whether each host's facts are shown too.
    pub verbose: bool,
}

impl Settings {
    /// Settings for standard error as it is: live on a terminal that can move its cursor.
    /// `choice` says whether there are colours; `Auto` heeds `NO_COLOR` and its like.
    #[must_use]
    pub fn choose(choice: ColorChoice, verbose: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let live = stderr().is_terminal() && !dumb;
        let choice = match choice {
            ColorChoice::Auto => AutoStream::choice(&stderr()),
            given => given,
        };
        Self {
            style: if live { Style::Live } else { Style::Plain },
            colour: choice != ColorChoice::Never,
            verbose,
        }
    }
}

/// Shows `events` of `hosts` on `screen` until no more can come, and leaves the terminal clean: also
/// when it is dropped before that.
pub async fn show(
    mut events: UnboundedReceiver<Event>,
    hosts: &[String],
    settings: Settings,
    screen: Screen,
) {
    match settings.style {
        Style::Live => Live::new(hosts, settings, screen).show(events).await,
        Style::Plain => {
            let mut plain = Plain::new(settings.verbose);
            while let Some(event) = events.recv().await {
                for line in plain.lines(&event) {
                    screen.say(line);
                }
            }
        }
    }
}
