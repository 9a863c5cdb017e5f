//! Case files for `ezsync::verify`: texts as hosts print them, and the verdict on them.
//!
//! A case is a file in `tests/cases/verify/`: sections that start with `-- NAME --`, named as the
//! fields of `RawReading`, with `expectation` first and `expected` (the whole verdict as JSON)
//! last. Lines before the first section say where the texts come from. A new case may leave
//! `expected` empty: `UPDATE_CASES=1 cargo test --test verify` fills it in, for review.

// A test's own helpers may fail loudly; clippy only knows the `#[test]` functions by itself.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ezsync::verify::{Expectation, RawReading, Reading, Verdict, judge, warnings};

type Sections = BTreeMap<String, String>;

const TEXTS: [&str; 14] = [
    "timedatectl",
    "chronyc",
    "unit",
    "command_line",
    "rivals",
    "source_addresses",
    "log",
    "container",
    "ntpdata",
    "selectdata",
    "authdata",
    "queries",
    "at_boot",
    "system",
];

fn case_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/verify");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the case folder is there")
        .map(|entry| entry.expect("the case folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "case"))
        .collect();
    files.sort();
    files
}

fn sections(text: &str) -> Sections {
    let mut found = Sections::new();
    let mut current: Option<&mut String> = None;
    for line in text.split_inclusive('\n') {
        let name = line.trim_end().strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        match (name, &mut current) {
            (Some(name), _) => {
                assert!(
                    TEXTS.contains(&name) || ["expectation", "expected"].contains(&name),
                    "unknown section {name}"
                );
                current = Some(found.entry(name.to_owned()).or_default());
            }
            (None, Some(section)) => section.push_str(line),
            (None, None) => {}
        }
    }
    found
}

fn raw(sections: &Sections) -> RawReading<'_> {
    let text = |name: &str| sections.get(name).map_or("", String::as_str);
    RawReading {
        timedatectl: text("timedatectl"),
        chronyc: text("chronyc"),
        unit: text("unit"),
        command_line: text("command_line"),
        rivals: text("rivals"),
        source_addresses: text("source_addresses"),
        log: text("log"),
        container: text("container"),
        ntpdata: text("ntpdata"),
        selectdata: text("selectdata"),
        authdata: text("authdata"),
        queries: text("queries"),
        at_boot: text("at_boot"),
        system: text("system"),
    }
}

fn expectation(sections: &Sections) -> Expectation {
    serde_json::from_str(&sections["expectation"]).expect("a valid expectation")
}

/// The verdict with its warnings, as `ezsync doctor` has it.
fn examined(expectation: &Expectation, reading: &Reading) -> Verdict {
    let mut verdict = judge(expectation, reading);
    verdict.warnings = warnings(expectation, reading, verdict.cause.as_ref());
    verdict
}

fn pretty(verdict: &Verdict) -> String {
    let text = serde_json::to_string_pretty(verdict).expect("a verdict is JSON") + "\n";
    let again: Verdict = serde_json::from_str(&text).expect("a verdict");
    assert_eq!(again, *verdict, "what is written is read again as it was");
    text
}

#[test]
fn each_case_has_its_verdict() {
    let files = case_files();
    assert!(files.len() >= 40, "only {} cases were found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a case is UTF-8");
        let sections = sections(&text);
        let found = pretty(&examined(&expectation(&sections), &Reading::new(&raw(&sections))));
        let expected = sections.get("expected").map_or("", String::as_str);
        if found == expected {
            continue;
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            let (kept, _) = text.split_once("-- expected --").unwrap_or((&text, ""));
            fs::write(&file, format!("{kept}-- expected --\n{found}")).expect("it can be written");
        } else {
            wrong.push(format!("{}: found\n{found}expected\n{expected}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every value of `key` in what is expected of the cases.
fn named<'a>(texts: &'a [String], key: &str) -> Vec<&'a str> {
    let mark = format!("\"{key}\": \"");
    let expected = texts.iter().filter_map(|text| text.split_once("-- expected --"));
    let lines = expected.flat_map(|(_, expected)| expected.lines());
    lines.filter_map(|line| line.trim().strip_prefix(&mark)?.split('"').next()).collect()
}

#[test]
fn the_documentation_lists_every_state_and_code() {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verdicts.md");
    let documents = fs::read_to_string(documents).expect("docs/verdicts.md");
    let read = |file: &PathBuf| fs::read_to_string(file).expect("a case is UTF-8");
    let texts: Vec<String> = case_files().iter().map(read).collect();
    let names = [named(&texts, "state"), named(&texts, "code")].concat();
    assert!(names.contains(&"key_mismatch") && names.contains(&"unsteered"));
    for name in names {
        assert!(documents.contains(&format!("| `{name}` |")), "{name} is not in docs/verdicts.md");
    }
}

/// A small generator of repeatable noise (Knuth's MMIX constants).
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit.max(1)
    }

    /// `text` with characters swapped, dropped, doubled and replaced.
    fn spoil(&mut self, text: &str) -> String {
        const ODD: [char; 16] = [
            ',', '\0', '\n', '=', ':', '-', '9', 'e', '.', '^', '*', '\u{1b}', 'é', '\u{202e}',
            '\u{feff}', ' ',
        ];
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(12) {
            let at = self.below(characters.len());
            match self.below(4) {
                0 => characters.truncate(at),
                1 => characters.insert(at.min(characters.len()), ODD[self.below(ODD.len())]),
                2 if !characters.is_empty() => {
                    characters.remove(at);
                }
                _ => {
                    let other = self.below(characters.len());
                    if !characters.is_empty() {
                        characters.swap(at, other);
                    }
                }
            }
        }
        characters.into_iter().collect()
    }
}

/// What holds of every verdict, whatever the host printed.
fn assert_sound(verdict: &Verdict, max_offset: f64) {
    assert_eq!(verdict.state.passes(), verdict.cause.is_none(), "{verdict:?}");
    if let (true, Some(bound)) = (verdict.state.passes(), verdict.bound) {
        assert!(bound <= max_offset, "{verdict:?}");
    }
    assert!(!pretty(verdict).contains("\\u00"), "control characters: {verdict:?}");
}

#[test]
fn spoilt_texts_never_panic_and_never_pass_beyond_the_threshold() {
    let mut noise = Noise(1);
    for file in case_files() {
        let sections = sections(&fs::read_to_string(&file).expect("a case is UTF-8"));
        let expectation = expectation(&sections);
        for _ in 0..300 {
            let spoilt: Sections =
                sections.iter().map(|(name, text)| (name.clone(), noise.spoil(text))).collect();
            assert_sound(
                &examined(&expectation, &Reading::new(&raw(&spoilt))),
                expectation.max_offset,
            );
        }
    }
}

#[test]
fn very_long_texts_are_cut() {
    let sections = sections(&fs::read_to_string(&case_files()[0]).expect("a case is UTF-8"));
    let expectation = expectation(&sections);
    let disagree = "^,x,10.0.0.1,10,2,377,4,1e300,1e300,1e300\n";
    for long in [
        "x".repeat(5_000_000),
        "^,*,".repeat(1_000_000),
        "x\n".repeat(1_000_000),
        disagree.repeat(100_000),
        format!("0A000001,10.0.0.1,0,0,0,0,0,0,0,0,0,0,0,Normal\n{}", disagree.repeat(100_000)),
    ] {
        let reading = Reading::new(&RawReading {
            timedatectl: &long,
            chronyc: &long,
            unit: &long,
            command_line: &long,
            rivals: &long,
            source_addresses: &long,
            log: &long,
            container: &long,
            ntpdata: &long,
            selectdata: &long,
            authdata: &long,
            queries: &long,
            at_boot: &long,
            system: &long,
        });
        let verdict = examined(&expectation, &reading);
        assert_sound(&verdict, expectation.max_offset);
        assert!(pretty(&verdict).len() < 40_000);
    }
}
