//! Runs of shards put together are what one run over all hosts would have been.

use std::time::Duration;

use ezsync::exit::Exit;
use ezsync::fleet::{HostResult, Mode, Outcome, Part, Spent, Terms, Timebase, agree};
use ezsync::report::{Document, Merged, Run, merge};
use ezsync::shard::Shard;
use ezsync::verify::{Clock, ClockOffset, Measure};
use serde_json::{Value, json};

use super::{WIDE, client, local_source, plain, run, unreachable};

/// The time of a controller by the clock `name`, so many seconds further than others of it.
fn timebase(name: &str, ahead: f64) -> Timebase {
    let value = json!({"clock": name, "epoch": 1.7e9 + ahead, "uncertainty": 0.0});
    serde_json::from_value(value).expect("a timebase")
}

/// A clock that is so far ahead of the time that others are read in, as it is told in one that is `base` ahead.
fn clock(ahead: f64, base: f64) -> Clock {
    let sent = Duration::from_secs_f64(1.75e9 + base);
    let printed = format!("{:.6}", 1.75e9 + ahead);
    Clock::new(ClockOffset::read(&printed, sent, sent + Duration::from_millis(1)).expect("a clock"))
}

/// A source and five clients, whose clocks are so far ahead.
fn hosts(ahead: [f64; 6], base: f64) -> Vec<HostResult> {
    let mut hosts = vec![local_source("node1")];
    hosts.extend((2..7).map(|n| client(&format!("node{n}"), "10.0.0.1", 11)));
    for (host, ahead) in hosts.iter_mut().zip(ahead) {
        host.clock = Some(clock(ahead, base));
    }
    hosts
}

/// The result of a run over these hosts, as it was printed.
fn ran(shard: Option<&str>, mut hosts: Vec<HostResult>, timebase: Timebase) -> String {
    let terms = Terms { mode: Mode::Verify, max_offset: 0.05, set_clock: false };
    let clocks = agree(&mut hosts, terms);
    let mut run = run(Mode::Verify, false, hosts);
    run.shard = shard.map(|shard| Shard::parse(shard).expect("a shard"));
    (run.clocks, run.timebase, run.max_offset) = (clocks, Some(timebase), Some(0.05));
    run.to_json().expect("JSON")
}

/// The same as runs of the sources and of two shards, in times that are so far ahead.
fn shards(ahead: [f64; 6], bases: [(&str, f64); 3]) -> Vec<String> {
    let names = ["sources", "1/2", "2/2"];
    let of = |shard: &str, base: f64| -> Vec<HostResult> {
        let numbered = hosts(ahead, base).into_iter().enumerate();
        let is_ours = |n: usize| match shard {
            "sources" => n == 0,
            "1/2" => n % 2 == 1,
            _ => n > 0 && n.is_multiple_of(2),
        };
        numbered.filter(|(n, _)| is_ours(*n)).map(|(_, host)| host).collect()
    };
    let shards = names.into_iter().zip(bases);
    shards
        .map(|(shard, (name, base))| ran(Some(shard), of(shard, base), timebase(name, base)))
        .collect()
}

fn merged(texts: &[String]) -> Merged {
    let named = texts.iter().enumerate();
    let parse = |(n, text): (usize, &String)| Document::parse(&format!("{n}.json"), text);
    merge(named.map(|it| parse(it).expect("a document")).collect()).expect("a run")
}

fn refusal(texts: &[String]) -> String {
    let documents: Result<Vec<Document>, _> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Document::parse(&format!("{n}.json"), text))
        .collect();
    documents.and_then(merge).expect_err("it is refused").to_string()
}

fn value(run: &Run) -> Value {
    serde_json::from_str(&run.to_json().expect("JSON")).expect("JSON")
}

/// A document that was changed by hand.
fn changed(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(text).expect("JSON");
    change(&mut value);
    value.to_string()
}

#[test]
fn shards_together_are_the_run_over_all() {
    let here = [("here", 0.0); 3];
    for (ahead, exit) in [
        ([0.0, 0.001, -0.002, 0.003, 0.0, 0.012], Exit::Ok),
        // Content among those of its own shard, and not with the source.
        ([0.0, 0.001, 0.2, 0.003, 0.2, 0.001], Exit::HostFailed),
    ] {
        let whole = ran(None, hosts(ahead, 0.0), timebase("here", 0.0));
        let mut parts = shards(ahead, here);
        // Whatever the order in which they are named.
        parts.rotate_left(1);
        let Merged { run, warnings } = merged(&parts);
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(run.exit(), exit);
        let whole: Run = serde_json::from_str(&whole).expect("a run");
        assert_eq!(run.to_json().expect("JSON"), whole.to_json().expect("JSON"));
        assert_eq!(plain(&run, &WIDE), plain(&whole, &WIDE));
        assert_eq!(merged(&[run.to_json().expect("JSON")]).run.to_json().ok(), run.to_json().ok());
    }
}

#[test]
fn clocks_are_compared_where_one_machine_read_them() {
    let ahead = [0.0, 0.001, 0.2, 0.003, 0.2, 0.001];
    // The controller's clock was set between two runs: by what it goes on they are told in one time.
    let Merged { run, warnings } =
        merged(&shards(ahead, [("here", 0.0), ("here", -3.5), ("here", 60.0)]));
    assert!(warnings.is_empty() && run.exit() == Exit::HostFailed, "{}", plain(&run, &WIDE));
    let spread = run.clocks.as_ref().and_then(|clocks| clocks.spread.as_ref()).expect("a spread");
    assert!((spread.by.seconds - 0.2).abs() < 1e-5, "{spread:?}");
    let failed = run.hosts.iter().filter(|host| matches!(host.outcome, Outcome::Failed(_)));
    assert_eq!(failed.map(|host| host.host.as_str()).collect::<Vec<_>>(), ["node3", "node5"]);

    // Two machines: nobody knows, and it is said.
    let Merged { run, warnings } = merged(&shards(ahead, [("a", 0.0), ("a", 0.0), ("b", 0.0)]));
    assert_eq!((run.exit(), value(&run)["clocks"].is_null()), (Exit::Ok, true));
    assert!(
        matches!(warnings.as_slice(), [one] if one.contains("on different machines")),
        "{warnings:?}"
    );
}

#[test]
fn what_went_wrong_in_one_part_counts_for_all() {
    let mut parts = shards([0.0; 6], [("here", 0.0); 3]);
    let mut gone = run(Mode::Verify, true, vec![unreachable("node9")]);
    gone.shard = Shard::parse("3/4").ok();
    gone.started += jiff::SignedDuration::from_secs(60);
    let policy = "--max-fail 0".to_owned();
    gone.max_fail = Some(Spent { policy, allows: 0, failed: vec!["node9".to_owned()] });
    parts.push(gone.to_json().expect("JSON"));
    let Merged { run, .. } = merged(&parts);
    assert_eq!(run.exit(), Exit::Interrupted);
    assert!((run.seconds - 63.21).abs() < 1e-9, "{}", run.seconds);
    assert!(plain(&run, &WIDE).contains("--max-fail 0 was used up by node9."));
    assert_eq!(run.hosts.iter().filter(|host| host.part == Part::Client).count(), 6);

    let Merged { run, warnings } = merged(&parts[1..2]);
    assert_eq!((run.exit(), run.hosts.len()), (Exit::Ok, 3));
    assert_eq!(warnings, ["there is no result of sources, 2/2"]);
}

#[test]
fn documents_that_are_no_parts_of_one_run_are_refused() {
    let parts = shards([0.0; 6], [("here", 0.0); 3]);
    let with = |change: fn(&mut Value)| refusal(&[parts[0].clone(), changed(&parts[1], change)]);
    for (found, expected) in [
        (refusal(&[]), "there is nothing to merge"),
        (
            with(|doc| doc["cluster"] = "c2".into()),
            "0.json is of the cluster cluster01, and 1.json of the cluster c2",
        ),
        (
            with(|doc| doc["mode"] = "setup".into()),
            "0.json is of the mode verify, and 1.json of the mode setup",
        ),
        (
            with(|doc| doc["max_offset"] = 0.1.into()),
            "0.json was judged by a max_offset of 0.05 s, and 1.json by 0.1 s",
        ),
        (
            refusal(&[parts[1].clone(), parts[1].clone()]),
            "the host node2 is in 0.json and in 1.json",
        ),
        (with(|doc| doc["ezsync"] = "0.0.1".into()), "1.json: ezsync 0.0.1 wrote it, and this is "),
        (
            with(|doc| doc["more"] = 1.into()),
            "1.json: `/more` is not as this ezsync would write it",
        ),
        (
            with(|doc| doc["hosts"][1]["verdict"]["more"] = 1.into()),
            "1.json: `/hosts/1/verdict/more` is not as this ezsync would write it",
        ),
        (with(|doc| doc["hosts"] = Value::Null), "1.json: this is no result of a run: "),
        (
            with(|doc| doc["mode"] = "ping".into()),
            "1.json: this is no result of a run: unknown variant `ping`",
        ),
        (refusal(&[String::new()]), "0.json: the file is empty"),
        (refusal(&["{\"a\": \u{1b}[2J".to_owned()]), "0.json: this is no result of a run: "),
    ] {
        assert!(found.contains(expected), "{found}\nwanted {expected}");
        assert!(!found.contains('\u{1b}'), "{found:?}");
    }
}

#[test]
fn numbers_are_read_as_they_were_written() {
    for n in 1..20_000_u32 {
        let seconds = f64::from(n).sqrt() * 1e-7;
        let measure = Measure { seconds, uncertainty: 1.0 / seconds };
        let text = serde_json::to_string(&measure).expect("JSON");
        assert_eq!(serde_json::from_str::<Measure>(&text).expect("a measure"), measure, "{text}");
    }
}
