//! What timedatectl prints, of any version.
#![no_main]

use ezsync::verify::{Answer, Timedatectl};
use ezsync_fuzz::{bounded, plain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let read = bounded(1 << 20, || Timedatectl::parse(text));
    assert!(["yes", "no", "n/a"].contains(&read.word()));
    if let Some(zone) = &read.timezone {
        plain(zone);
        assert!(zone.chars().count() <= 64);
    }
    // What was read can be written as today's `timedatectl show` does, and is read as the same.
    if read.answer == Answer::Given {
        let mut shown = String::new();
        if let Some(flag) = read.synchronized {
            shown += &format!("NTPSynchronized={}\n", if flag { "yes" } else { "no" });
        }
        if let Some(zone) = &read.timezone {
            shown += &format!("Timezone={zone}\n");
        }
        let again = Timedatectl::parse(&shown);
        assert_eq!((again.synchronized, again.timezone), (read.synchronized, read.timezone));
    }
});
