//! What all targets hold a parser to, beside that it does not crash: bounds on its time and its memory,
//! and that nothing unsafe is shown.

pub mod inventory;

use std::path::{Path, PathBuf};

use ezsync::problem::Problem;
use ezsync::sanitise::is_unsafe;
use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Seconds of this thread's own time that any input may take: parsers that are quadratic take more for
/// the longest inputs. The machine may be busy, so no wall clock is asked.
const SECONDS_MAX: i64 = 2;

/// Runs `parse`, which must end in time and hold no more than `bytes` at any moment.
///
/// # Panics
/// When it does not: that is a finding.
pub fn bounded<T>(bytes: usize, parse: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let begun = seconds();
    let parsed = parse();
    let took = seconds() - begun;
    let held = MEMORY.peak_usage().saturating_sub(before);
    assert!(took <= SECONDS_MAX, "it took {took} s");
    assert!(held <= bytes, "it held {held} bytes at its peak, and {bytes} are allowed");
    parsed
}

fn seconds() -> i64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |time| time.tv_sec())
}

/// Checks that `text` does nothing to a terminal.
///
/// # Panics
/// When it would: that is a finding.
pub fn safe(text: &str) {
    let odd = text.chars().find(|c| is_unsafe(*c) && !matches!(c, '\n' | '\t'));
    assert!(odd.is_none(), "{odd:?} is shown in {text:?}");
}

/// Checks that `text` holds no control character: what stands between a parser and the terminal sees to the rest.
///
/// # Panics
/// When it does: that is a finding.
pub fn plain(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Checks what is shown of `problem`, and that it is not without bounds.
///
/// # Panics
/// When it is not fit to be shown.
pub fn shown(problem: &Problem, given: usize) {
    let text = problem.to_string();
    safe(&text);
    // An escape has up to eight characters, and a line may stand there with its mark below it.
    assert!(text.len() <= 20 * given + 4096, "{} bytes are said of {given}", text.len());
}

/// A folder that goes away with the program.
pub struct Folder(TempDir);

impl Folder {
    /// A new one, in memory where there is a place for that.
    ///
    /// # Panics
    /// When none can be made.
    #[must_use]
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self(made.expect("a folder"))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes the file `name`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}
