//! What a host answers to each of our scripts: cut into sections, and read as each kind of answer. A line
//! that starts with `@ ` starts with the run's own word here, which no fuzzer guesses. The first byte says
//! in what pieces it comes.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ezsync::facts::{Facts, Platform};
use ezsync::remote::{
    Greeted, Look, Outcome, Probe, Progress, Request, Section, Sections, Word, command_status,
    name_targets, source_side, stock,
};
use ezsync::resource::Subject;
use ezsync_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

static MARK: LazyLock<Word> = LazyLock::new(|| Word::random().expect("random bytes"));

static REQUEST: LazyLock<Request> = LazyLock::new(|| {
    let path = |path: &str| Subject::Path(path.to_owned());
    let subjects = BTreeSet::from([
        Subject::Package("chrony".to_owned()),
        Subject::Stock("chrony".to_owned()),
        path("/etc/chrony.conf"),
        path("/etc/chrony/chrony.conf"),
        Subject::Unit("chrony".to_owned()),
        Subject::Timezone("Europe/Berlin".to_owned()),
    ]);
    Request::new(&subjects, &["ntp.example".to_owned()])
});

fn cut(answer: &[u8], size: usize) -> Vec<Section> {
    let mut sections = Sections::new(&MARK);
    answer.chunks(size.max(1)).for_each(|chunk| sections.feed(chunk));
    sections.finish();
    sections.all().to_vec()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let heading = format!("\n{} ", MARK.as_str());
    let answer: Vec<u8> = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().iter().fold(
        Vec::new(),
        |mut all, line| {
            match line.strip_prefix(b"@ ") {
                Some(rest) => {
                    all.extend_from_slice(heading.as_bytes());
                    all.extend_from_slice(rest);
                }
                None => {
                    all.push(b'\n');
                    all.extend_from_slice(line);
                }
            }
            all
        },
    );
    let limit = 40 * answer.len() + (1 << 20);
    let sections = bounded(limit, || cut(&answer, usize::from(*size)));
    // In whatever pieces it comes, it is the same.
    assert_eq!(sections, cut(&answer, answer.len()));
    let kept: usize = sections.iter().map(|section| section.body.len()).sum();
    assert!(kept <= answer.len());

    bounded(limit, || {
        if let Some(probe) = Probe::parse(&REQUEST, &sections) {
            let _ = probe.look.reading();
        }
    });
    let facts = Facts::typical(Platform::Debian);
    let _ = bounded(limit, || Look::watched(&sections, &facts).reading());
    let _ = bounded(limit, || sections.iter().map(Progress::of).count());
    if let Outcome::Undone(failure) | Outcome::NotUndone(failure) = Outcome::of(&sections) {
        let _ = bounded(limit, || name_targets(&failure.log, &MARK));
    }
    let _ = bounded(limit, || Greeted::of(&sections));
    let _ = (command_status(&sections), stock(&sections), source_side(&sections));
});
