use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::apply::Failure;
use super::script::compact;
use super::*;
use crate::facts::{ChronyFacts, Facts, Platform, TIME_DAEMONS};
use crate::resource::Subject;

const CASES: &str = "tests/cases/probe";
const SHELL: &str = "src/remote/sh";

/// Seconds of this thread's own time: the machine may be busy with others.
pub(super) fn own_seconds() -> i64 {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    nix::time::clock_gettime(clock).unwrap().tv_sec()
}

fn mark() -> Word {
    Word::from_bytes(&[0xab; 4])
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = Sections::new(&mark());
    sections.feed(text.as_bytes());
    sections.finish();
    sections.all().to_vec()
}

#[test]
fn what_is_not_kept_hides_no_heading() {
    let text = "noise\nezsync-abababab one\n0123456789\nezsync-abababab two 2\nmore";
    for (bytes, one, two, cut) in
        [(100, "0123456789", "more", false), (12, "0123456789", "mo", true), (3, "012", "", true)]
    {
        for size in [1, 7, text.len()] {
            let mut sections = Sections::new(&mark());
            // What came before is no part of it.
            sections.feed(b"hello ");
            sections.keep(bytes + "noise".len());
            text.as_bytes().chunks(size).for_each(|chunk| sections.feed(chunk));
            sections.finish();
            let found: Vec<(&str, String)> =
                sections.all().iter().map(|it| (it.name.as_str(), it.text())).collect();
            assert_eq!(found, [("one", one.to_owned()), ("two", two.to_owned())], "{bytes} {size}");
            assert_eq!((sections.was_cut(), sections.all()[1].number()), (cut, Some(2)));
        }
    }
}

/// The question behind the answers in tests/cases/probe.
fn request() -> Request {
    let path = |path: &str| Subject::Path(path.to_owned());
    let subjects = [
        Subject::Package("chrony".to_owned()),
        path("/etc/chrony.conf"),
        path("/etc/chrony/chrony.conf"),
        Subject::Timezone("Europe/Berlin".to_owned()),
    ];
    Request::new(&BTreeSet::from(subjects), &[])
}

/// All that is read from an answer, in the shape of the expected files.
fn read(probe: &Probe) -> Value {
    let observed = &probe.observed;
    let units: BTreeMap<_, _> = observed.units.iter().filter(|(_, unit)| unit.exists).collect();
    let paths: BTreeMap<_, _> = observed
        .paths
        .iter()
        .map(|(path, state)| {
            let fetched = state.content.as_ref().map(Vec::len);
            let (owner, group) = (&state.owner.name, &state.group.name);
            (path, format!("{} {:o} {owner} {group} {fetched:?}", state.kind, state.mode))
        })
        .collect();
    let reading = probe.look.reading();
    json!({
        "facts": probe.facts,
        "root": probe.root,
        "packages": observed.packages,
        "paths": paths,
        "timezone": observed.timezone,
        "units": units,
        "rivals": reading.rivals,
        "daemon": format!("{:?}", reading.daemon.state),
    })
}

/// The files named debian-* are what real hosts of that release answered. The others are made
/// after the packages and units of their distributions. `@ ` stands for the mark.
#[test]
fn answers_are_read_as_expected() {
    let mut cases: Vec<_> =
        fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension() == Some("txt".as_ref()));
    assert!(cases.len() >= 13);
    let mut wrong = Vec::new();
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let text = text.replace("\n@ ", &format!("\n{} ", mark().as_str()));
        let found = read(&Probe::parse(&request(), &sections(&text)).expect("the answer is whole"));
        let expected = fs::read_to_string(case.with_extension("json")).unwrap_or_default();
        if serde_json::from_str::<Value>(&expected).ok().as_ref() != Some(&found) {
            let name = case.display();
            let found = serde_json::to_string_pretty(&found).unwrap();
            wrong.push(format!("{name} is read as\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_answer_that_was_cut_off_is_none() {
    let text = fs::read_to_string(Path::new(CASES).join("debian-12.txt")).unwrap();
    let text = text.replace("\n@ ", &format!("\n{} ", mark().as_str()));
    let whole = text.trim_end().len();
    for cut in [0, 1, 100, 1000, whole - 4, whole - 1, whole] {
        assert_eq!(Probe::parse(&request(), &sections(&text[..cut])), None, "cut at {cut}");
    }
    assert!(Probe::parse(&request(), &sections(&text[..=whole])).is_some());
}

#[test]
fn sections_do_not_depend_on_how_they_arrive() {
    let mark = mark();
    let word = mark.as_str();
    let text = format!(
        "hello\nezsync\n\n{word} one 1 two\nbody\n{word}x not a heading\n x{word} nor this\n\
         \n{word} empty\n\n{word} \n\n{word} last\n\n\n{word}\n\n{}",
        &word[..5]
    );
    let bytes = text.as_bytes();
    let mut whole = Sections::new(&mark);
    whole.feed(bytes);
    whole.finish();
    let names: Vec<_> = whole.all().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["one", "empty", "", "last"]);
    assert_eq!(whole.preamble(), "hello\nezsync\n");
    let one = &whole.all()[0];
    assert_eq!((one.number(), one.args.as_slice()), (Some(1), &["1".into(), "two".into()][..]));
    assert_eq!(one.text(), format!("body\n{word}x not a heading\n x{word} nor this\n"));
    assert_eq!(whole.all()[3].text(), format!("\n\n{word}\n\n{}", &word[..5]));
    let check = |pieces: &[&[u8]]| {
        let mut sections = Sections::new(&mark);
        for piece in pieces {
            sections.feed(piece);
        }
        sections.finish();
        assert_eq!(sections.all(), whole.all(), "{pieces:?}");
        assert_eq!(sections.preamble(), whole.preamble());
    };
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            check(&[&bytes[..first], &bytes[first..second], &bytes[second..]]);
        }
    }
    check(&bytes.chunks(1).collect::<Vec<_>>());
}

#[test]
fn a_section_can_be_seen_before_its_body_has_ended() {
    let mut sections = Sections::new(&mark());
    sections.feed(format!("\n{} staged", mark().as_str()).as_bytes());
    assert!(sections.all().is_empty());
    sections.feed(b"\n");
    assert_eq!(sections.all().len(), 1);
    sections.feed(b"some\n");
    assert_eq!(sections.all()[0].text(), "some");
    sections.feed(b"more");
    assert_eq!(sections.all()[0].text(), "some\nmore");
}

#[test]
fn compact_leaves_out_what_a_shell_does_not_read() {
    let text = "# a comment\nf() {\n  # another\n\n    echo '#' \"# x\" # tail\n\n}\n";
    let lines: String = compact(text).collect();
    assert_eq!(lines, "f() {\necho '#' \"# x\" # tail\n}\n");
}

/// What [`compact`] relies on.
#[test]
fn no_line_of_the_shipped_shell_means_something_by_its_start() {
    for entry in fs::read_dir(SHELL).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}: {line}", path.display(), number + 1);
            let line = line.trim_start();
            assert!(!line.contains("<<"), "{place}: a here-document");
            if !line.starts_with('#') {
                let quotes = line.matches('\'').count();
                assert!(quotes.is_multiple_of(2), "{place}: a text over several lines");
            }
        }
    }
}

#[test]
fn a_script_is_one_command() {
    let script = probe_script(&request(), &mark());
    assert!(script.starts_with("{\n") && script.ends_with("\nexit\n}\n"), "{script}");
    assert!(!script.contains("\n#"));
}

#[test]
fn only_a_run_with_a_bundle_asks_for_all_packages() {
    let subjects = BTreeSet::from([Subject::Stock("chrony".to_owned())]);
    let without = Request::new(&subjects, &[]);
    let with = without.clone().with_bundle(vec!["/bin/sh".to_owned()]);
    let of = |request: &Request| probe_script(request, &mark());
    assert_eq!(of(&without), of(&Request::new(&BTreeSet::new(), &[])));
    assert!(!of(&without).contains("stock"), "{}", of(&without));
    assert!(of(&with).contains("\nprobe_stock chrony -- /bin/sh\n"), "{}", of(&with));
    let script = of(&Request::new(&BTreeSet::new(), &[]).with_bundle(Vec::new()));
    assert!(!script.contains("stock"), "nothing is to be installed: {script}");
}

#[test]
fn a_word_is_random_and_plain() {
    let (one, other) = (Word::random().unwrap(), Word::random().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.as_str().len(), "ezsync-".len() + 32);
    assert!(one.as_str().chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
}

#[test]
fn quoted_texts_are_one_word() {
    for (text, quoted) in [("plain", "plain"), ("a b", "'a b'"), ("", "''"), ("$x", "'$x'")] {
        assert_eq!(quote(text), quoted);
    }
    // tests/shell holds what shells make of them.
    for text in ["it's", "\"'\"'", "line\nline", "\\", "!", "a\0b"] {
        let words = shlex::split(&quote(text)).unwrap();
        assert_eq!(words, [text.replace('\0', "")]);
    }
}

#[test]
fn a_request_asks_for_each_thing_once() {
    let subjects = [
        Subject::Unit("chronyd".to_owned()),
        Subject::Unit("mine".to_owned()),
        Subject::Path("/etc/x".to_owned()),
    ];
    let request = Request::new(&BTreeSet::from(subjects.clone()), &[]);
    let all = format!("probe_units chrony chronyd {} mine\n", TIME_DAEMONS.join(" "));
    let script = probe_script(&request, &mark());
    assert!(script.contains(&all), "{script}");
    assert!(!script.contains("\nprobe_timezone ") && !script.contains("\nprobe_packages "));
    assert!(subjects.iter().all(|subject| request.covers(subject)));
    for subject in [
        Subject::Timezone("UTC".to_owned()),
        Subject::Package("x".to_owned()),
        Subject::Unit("x".to_owned()),
    ] {
        assert!(!request.covers(&subject));
    }
}

#[test]
fn the_probe_fits_into_what_a_connection_carries_at_first() {
    let paths = (0..20).map(|number| Subject::Path(format!("/etc/some/folder/{number}.conf")));
    let request = Request::new(&paths.collect(), &["ntp.example.com".to_owned()]);
    // Ten packets of 1,448 bytes (RFC 6928), of which SSH takes its share.
    assert!(probe_script(&request, &mark()).len() < 14_000);
}

#[test]
fn progress_is_told_by_sections() {
    for (text, wanted) in [
        ("step 3", Some(Progress::Step(3))),
        ("step", None),
        ("step x", None),
        ("staged", Some(Progress::Staged)),
        ("chatter 1", None),
        ("result changed", Some(Progress::Ended)),
    ] {
        let section = sections(&format!("\n{} {text}\n", mark().as_str())).remove(0);
        assert_eq!(Progress::of(&section), wanted, "{text}");
    }
}

#[test]
fn the_outcome_is_told_by_all_sections() {
    let failure = |number: usize, log: &str| Failure {
        number: Some(number),
        log: log.to_owned(),
        ..Failure::default()
    };
    for (text, wanted) in [
        ("result changed", Outcome::Changed),
        ("result dropped", Outcome::Dropped),
        ("result unwritable", Outcome::Unwritable),
        (
            "failed 2 1\nno such thing\n\n@ result undone-yes",
            Outcome::Undone(failure(2, "no such thing")),
        ),
        (
            "told 1\nfine\n\n@ told 2\nleft\n\n@ failed 2 69\nno way\n\n@ result undone-yes",
            Outcome::Undone(Failure { no_network: true, leaves: true, ..failure(2, "no way") }),
        ),
        (
            "failed 2 1\nit broke\n\n@ not-undone 1\nbusy\n\n@ not-undone 3\nbusy too\n\n\
             @ result undone-no",
            Outcome::NotUndone(failure(2, "it broke\n\nbusy\n\nbusy too")),
        ),
        ("result", Outcome::NotUndone(Failure::default())),
    ] {
        let text = format!("\n@ {text}\n").replace("\n@ ", &format!("\n{} ", mark().as_str()));
        let all = sections(&text);
        assert_eq!(Outcome::of(&all), wanted, "{text}");
    }
}

#[test]
fn a_candidate_is_called_by_the_name_of_its_file() {
    let token = Word::random().unwrap();
    let log =
        format!("in file /etc/chrony/.chrony.conf.{}-12.new, not /etc/.x\nbye", token.as_str());
    let named = "in file /etc/chrony/chrony.conf, not /etc/.x\nbye";
    assert_eq!(super::apply::name_targets(&log, &token), named);
    let log = format!("what stood at /etc/a is kept as /etc/.a.{}-3.old", token.as_str());
    assert_eq!(super::apply::name_targets(&log, &token), log);
    let log = "of /var/lib/ezsync/run.a1B2c3/files/a.deb, /var/lib/ezsync/run.a1B2c3/log, /var/lib/ezsync/run.";
    let named = "of a.deb, /var/lib/ezsync/run.a1B2c3/log, /var/lib/ezsync/run.";
    assert_eq!(super::apply::name_targets(log, &token), named);
}

#[test]
fn a_look_has_a_word_for_each_kind() {
    let chrony = Facts::typical(Platform::RedHat).chrony;
    let silent = vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    for (glance, word) in [
        (Glance::Look, "look"),
        (Glance::Burst, "burst"),
        (Glance::Explain(Vec::new()), "explain"),
        (Glance::Explain(silent), "'explain 10.0.0.1 fd00::1'"),
    ] {
        let chrony = ChronyFacts { unit: "my-chrony".to_owned(), ..chrony.clone() };
        let script = watch_script(
            &glance,
            Sight { names: &["a b".to_owned()], ..Sight::of(&chrony) },
            &mark(),
        );
        let call = format!("\nwatch_clock {word} my-chrony /etc/chrony.conf 'a b'\n");
        assert!(script.contains(&call), "{script}");
        assert!(script.contains(" my-chrony\n}\n"), "the unit itself is watched: {script}");
    }
}
