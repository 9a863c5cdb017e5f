//! What stands in a host's `state`: the record of what ezsync manages there.
#![no_main]

use ezsync::history::Record;
use ezsync_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let limit = 64 * text.len() + (1 << 20);
    let Ok(record) = bounded(limit, || Record::parse(text)) else { return };
    // What is written is read as the same, and means the same.
    let written = bounded(limit, || record.to_json());
    assert_eq!(written.trim_end().lines().count(), 1);
    let again = Record::parse(&written).expect("a record that was written");
    assert_eq!(again, record);
    let wishes = record.wishes();
    assert_eq!(again.wishes(), wishes);
    assert_eq!(bounded(limit, || wishes.digest()), again.wishes().digest());
});
