//! Colours, and text that is safe to show.
//!
//! Reports are made with colours in them; where there shall be none, they are taken out again
//! when the report is printed. No text of a host gets here without having been cleaned.

use anstyle::{AnsiColor, Style};

use crate::sanitise::{sanitise, sanitise_lines};

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const CHANGE: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const PLACE: Style = AnsiColor::Cyan.on_default();

/// Text that can be given a style.
pub(super) trait Paint {
    /// The text in `style`.
    fn paint(&self, style: Style) -> String;
}

impl Paint for str {
    fn paint(&self, style: Style) -> String {
        if style == PLAIN { self.to_owned() } else { format!("{style}{self}{style:#}") }
    }
}

/// `text` on one line, safe to show.
pub(super) fn clean(text: &str) -> String {
    sanitise(text).into_owned()
}

/// The lines of `text`, each safe to show; tabs are kept, and a carriage return is seen.
pub(super) fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| sanitise_lines(line).into_owned())
}
