//! What timedatectl prints, of any version.
#![no_main]

use ezsync::verify::{Answer, Timedatectl};
use ezsync_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let read = bounded(1 << 20, || Timedatectl::parse(text));
    assert!(["yes", "no", "n/a"].contains(&read.word()));
    // What was read can be written as today's `timedatectl show` does, and is read as the same.
    if let Some(flag) = read.synchronized {
        let shown = format!("NTPSynchronized={}\n", if flag { "yes" } else { "no" });
        assert_eq!((read.answer, Timedatectl::parse(&shown)), (Answer::Given, read.clone()));
    }
});
