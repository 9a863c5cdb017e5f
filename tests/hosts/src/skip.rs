//! Tests and benchmarks that cannot run here say so, where the user sees it.

use std::io::Write;

/// Says that the calling test is skipped, and why. Not through `eprintln!`: the test runner keeps
/// that to itself when a test passes.
///
/// # Panics
/// With `CI` set: there everything has to run, and a skipped test would only look green.
pub fn skip(reason: &str) {
    let current = std::thread::current();
    let test = current.name().unwrap_or("a test");
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {reason}");
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
}

/// Whether the calling benchmark is to run: `cargo test --benches` only wants to know that it builds, and without
/// what hosts need it says that it is skipped, and why.
#[must_use]
pub fn is_benchmark() -> bool {
    if !std::env::args().any(|arg| arg == "--bench") {
        return false;
    }
    let reason = crate::unavailable();
    if let Some(reason) = &reason {
        eprintln!("skipped: {reason}");
    }
    reason.is_none()
}
