//! Everything that chronyc and the programs around it print: each text between two bytes of 0 goes to one
//! parser, in the order of `RawReading`'s fields, and a verdict is made of all of them.
#![no_main]

use ezsync::verify::{Expectation, RawReading, Role, SourceSide, Verdict, judge, warnings};
use ezsync_fuzz::{bounded, plain};
use libfuzzer_sys::fuzz_target;

/// No host may make us hold more than this of what it says, whatever it says.
const READING_MAX: usize = 4 << 20;
/// Nor may a verdict be longer than a person reads.
const VERDICT_MAX: usize = 256 << 10;

fn expectations() -> [Expectation; 4] {
    let one = || vec!["10.99.0.1".to_owned()];
    let roles = [
        Role::Source { upstreams: Vec::new(), local_stratum: 10 },
        Role::Source { upstreams: vec!["ntp.example".to_owned()], local_stratum: 10 },
        Role::Standby { sources: one(), upstreams: Vec::new(), local_stratum: 11 },
        Role::Client { source: one(), standbys: vec!["10.99.0.2".to_owned()] },
    ];
    roles.map(|role| Expectation {
        role,
        max_offset: 0.05,
        accept_local: true,
        heard_within: Some(64.0),
    })
}

fn check(verdict: &Verdict) {
    let json = serde_json::to_string(verdict).expect("JSON");
    assert!(json.len() <= VERDICT_MAX, "a verdict of {} bytes", json.len());
    let causes = verdict.cause.iter().chain(&verdict.warnings);
    for words in causes.map(|cause| cause.words()) {
        plain(&words.what);
        plain(&words.next);
    }
    verdict.notes.iter().for_each(|note| plain(note));
    verdict.reference.iter().for_each(|reference| plain(reference));
    for number in [verdict.offset, verdict.bound].into_iter().flatten() {
        assert!(number.is_finite());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split('\0');
    let mut next = || texts.next().unwrap_or_default();
    let raw = RawReading {
        chronyc: next(),
        timedatectl: next(),
        unit: next(),
        command_line: next(),
        rivals: next(),
        source_addresses: next(),
        log: next(),
        container: next(),
        ntpdata: next(),
        selectdata: next(),
        authdata: next(),
        queries: next(),
        at_boot: next(),
        system: next(),
    };
    let reading = bounded(READING_MAX, || ezsync::verify::Reading::new(&raw));
    for expectation in expectations() {
        let verdict = bounded(READING_MAX, || judge(&expectation, &reading));
        check(&verdict);
        for warning in warnings(&expectation, &reading, verdict.cause.as_ref()) {
            plain(&warning.words().what);
        }
    }
    // The source's side of a silence.
    bounded(READING_MAX, || SourceSide::parse(next(), next()));
});
