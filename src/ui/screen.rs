//! Standard error, shared by what is shown and by questions: while one is open, all else waits.

use std::fmt;
use std::io::{Write, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// A handle to it; all clones mean the same.
#[derive(Clone, Default)]
pub struct Screen(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// One bar whose message is the whole picture: so all its lines change together.
    bar: Option<ProgressBar>,
    /// Whether a question is open.
    asking: bool,
    /// Lines that wait for its end.
    later: Vec<String>,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws a picture in place of the one before.
    pub(super) fn draw(&self, picture: String) {
        let mut state = self.state();
        if !state.asking {
            state.bar.get_or_insert_with(bar).set_message(picture);
        }
    }

    /// Says a line, above the picture if there is one.
    pub fn say(&self, line: String) {
        self.state().say(line);
    }

    /// Takes the picture away.
    pub(super) fn clear(&self) {
        self.state().clear();
    }

    /// Takes the picture away, and holds all else back until the result is dropped.
    pub(super) fn hold(&self) -> Held {
        let mut state = self.state();
        state.clear();
        state.asking = true;
        Held(self.clone())
    }
}

impl State {
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&mut self, line: String) {
        match &self.bar {
            _ if self.asking => self.later.push(line),
            Some(bar) => bar.println(line),
            // Nobody may be reading any longer; the run goes on all the same.
            None => _ = writeln!(stderr(), "{line}"),
        }
    }
}

fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        // Also when this is dropped before its end.
        .with_finish(ProgressFinish::AndClear)
}

/// The screen while a question is open.
pub(super) struct Held(Screen);

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.asking = false;
        for line in std::mem::take(&mut state.later) {
            state.say(line);
        }
    }
}
