//! Settings on every chrony: no directive that is newer than it ever reaches it.

use serde_json::{Value, json};

use super::*;
use crate::facts::{Facts, LeapSeconds, Platform, Version};
use crate::template::{Engine, Layer, Scope};

/// What each release of chrony brought, read from its parsers; everything else is as old as 2.4.
const NEWS: &str = "\
3.0 hwtimestamp maxjitter ntpsigndsocket offset xleave
3.2 asymmetry mindelay
3.3 burst
3.4 filter minpoll-1
4.0 authselectmode bindacqdevice bindcmddevice binddevice clockprecision confdir dscp maxntsconnections
4.0 nocerttimecheck nosystemcert ntscachedir ntsdumpdir ntsntpserver ntsport ntsprocesses ntsratelimit
4.0 ntsrefresh ntsrotate ntsservercert ntsserverkey ntstrustedcerts sourcedir nts
4.1 certset copy nts-address
4.2 extfield ptpport
4.3 maxdelayquant
4.4 hwtstimeout refresh
4.6 leapseclist ptpdomain activate ipv4 ipv6
4.6.1 ntsaeads
4.7 opencommands waitsynced waitunsynced
4.8 maxunreach";

const VERSIONS: [&str; 18] = [
    "2.4", "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "4.0", "4.1", "4.2", "4.3", "4.4", "4.5",
    "4.6", "4.6.1", "4.7", "4.8", "5.0",
];

/// All words that a chrony of `version` does not know yet.
fn unknown_to(version: Version) -> Vec<&'static str> {
    let lines = NEWS.lines().filter_map(|line| line.split_once(' '));
    let newer = lines.filter(|(since, _)| Version::parse(since).unwrap() > version);
    newer.flat_map(|(_, words)| words.split(' ')).collect()
}

fn settings(vars: &Value, is_source: bool) -> Result<Conf, Problem> {
    ranked(vars, is_source.then_some(0))
}

/// The source with this rank of two, or a client of theirs; of one where there are no standbys.
fn ranked(vars: &Value, rank: Option<usize>) -> Result<Conf, Problem> {
    let sources = ["10.0.0.1", "10.0.0.2"];
    let count = if vars["chrony_standby"] == true { 2 } else { 1 };
    let Value::Object(vars) = vars.clone() else { panic!("settings are a map") };
    let engine = Engine::default();
    let scope = Scope::default().with(&Layer::written(vars));
    let lookup = Lookup { engine: &engine, scope, place: Box::new(|_, _| None) };
    let addresses = ["10.0.0.1".to_owned()];
    let settings = Settings::new(&lookup, &addresses, Path::new("/nonexistent"))?;
    settings.conf(&lookup, &sources[..count], rank)
}

/// A host with chronyd `version`, built with everything.
fn host(version: &str) -> Facts {
    let mut facts = Facts::typical(Platform::Debian);
    facts.chrony.installed = true;
    facts.chrony.version = version.to_owned();
    facts.chrony.written_for = Version::parse(version).unwrap();
    facts.chrony.features = vec!["+NTS".to_owned(), "+SECHASH".to_owned()];
    facts.chrony.leap_seconds = vec![LeapSeconds::Zone, LeapSeconds::List];
    facts
}

/// All lines that a host gets, and the notes.
fn lines(vars: &Value, is_source: bool, facts: &Facts) -> Result<(String, Vec<String>), String> {
    let spoken = settings(vars, is_source).unwrap().on(facts);
    let spoken = spoken.map_err(|problem| problem.message().to_owned())?;
    let names = ["time_sources", "time_options", "extra_lines"];
    let lines = names.iter().flat_map(|name| spoken.vars[*name].as_array().unwrap());
    let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
    Ok((lines.join("\n"), spoken.notes))
}

/// The whole file that a host gets, from the templates as they are shipped.
fn file(engine: &Engine, vars: &Value, rank: Option<usize>, facts: &Facts) -> Option<String> {
    let spoken = ranked(vars, rank).unwrap().on(facts).ok()?;
    let (part, template) = match rank {
        Some(0) => ("source", include_str!("../../../templates/chrony/server.conf.tera")),
        Some(_) => ("standby", include_str!("../../../templates/chrony/server.conf.tera")),
        None => ("client", include_str!("../../../templates/chrony/client.conf.tera")),
    };
    let Value::Object(more) = json!({
        "cluster_name": "c1", "groups": {"chrony": ["n1", "n2"]}, "time_part": part,
        "time_source": "10.0.0.11", "time_source_name": "n1",
        "local_stratum": 10, "local_networks": ["10.0.0.0/24"], "ntp_servers": [],
    }) else {
        panic!()
    };
    let scope = Scope::default().with(&Layer::literal(more)).with(&spoken.vars);
    Some(engine.render_file(rank.map_or("client", |_| "server"), template, &scope).unwrap())
}

/// Each setting alone, and all that go together.
fn wishes() -> Vec<Value> {
    let key = json!([{"id": 3, "type": "SHA256", "key": "ASCII:not-a-secret"}]);
    let server = |option: &str, value: Value| {
        let mut server = json!({"hostname": "ntp1.example.org"});
        server[option] = value;
        json!({"ntp_servers": [server], "chrony_keys": key})
    };
    let mut wishes: Vec<Value> = [
        ("iburst", json!(false)),
        ("minpoll", json!(-2)),
        ("minpoll", json!(3)),
        ("maxpoll", json!(12)),
        ("pool", json!(true)),
        ("nts", json!(true)),
        ("prefer", json!(true)),
        ("trust", json!(true)),
        ("xleave", json!(true)),
        ("filter", json!(5)),
        ("key", json!(3)),
        ("port", json!(1123)),
    ]
    .into_iter()
    .map(|(option, value)| server(option, value))
    .collect();
    wishes.extend([
        json!({"ntp_servers": []}),
        json!({"ntp_servers": [], "chrony_standby": true}),
        json!({"ntp_servers": ["ntp1.example.org"], "chrony_standby": true, "time_key": "generate"}),
        json!({"ntp_servers": ["ntp1.example.org", "192.0.2.1"]}),
        json!({"ntp_servers": [{"hostname": "192.0.2.1", "nts": true}]}),
        json!({"ntp_servers": [{"hostname": "p.example", "pool": true, "maxsources": 3}], "min_sources": 3}),
        json!({"max_distance": 1.5, "step_threshold": 0.5, "step_limit": -1}),
        json!({"hwtimestamp": ["eth0", "*"]}),
        json!({"ntp_servers": ["ntp1.example.org"], "ip_family": "IPv4"}),
        json!({"ntp_servers": ["192.0.2.1"], "ip_family": "IPv4"}),
        json!({"leap_seconds": true}),
        json!({"client_options": {"minpoll": -1, "maxpoll": 0, "xleave": true, "filter": 4}}),
        json!({"time_key": "generate"}),
        json!({"time_key": 3, "chrony_keys": key}),
        json!({"chrony_keys": [{"id": 3, "type": "AES128", "key": "ASCII:0123456789abcdef"}]}),
        json!({"source_extra_lines": ["clockprecision 1e-6"], "client_extra_lines": ["# dscp 4"]}),
    ]);
    for (directive, _) in gates::DIRECTIVES {
        if settings(&json!({"extra_lines": [directive]}), true).is_ok() {
            wishes.push(json!({"extra_lines": [directive]}));
        }
    }
    wishes
}

#[test]
fn no_chrony_gets_what_it_does_not_know() {
    let engine = Engine::default();
    for version in VERSIONS {
        let facts = host(version);
        let unknown = unknown_to(facts.chrony.written_for);
        for wish in wishes() {
            for rank in [Some(0), Some(1), None] {
                let Some(text) = file(&engine, &wish, rank, &facts) else { continue };
                assert!(text.contains("\nrtcsync\n"), "{text}");
                for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                    let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
                    if line.contains("poll -") {
                        words.push("minpoll-1".to_owned());
                    }
                    if line.contains("192.0.2.1") && line.contains(" nts") {
                        words.push("nts-address".to_owned());
                    }
                    let directive = words.first().unwrap();
                    assert!(gates::directives().contains(&directive.as_str()), "{line}");
                    let newer = words.iter().find(|word| unknown.contains(&word.as_str()));
                    assert_eq!(newer, None, "{version} gets {line} of {wish}");
                }
            }
        }
    }
}

#[test]
fn the_newest_chrony_gets_everything() {
    let facts = host("4.8");
    let left = |text: &str, word: &str| assert!(text.contains(word), "{word} in {text}");
    for wish in wishes() {
        let (text, notes) = lines(&wish, true, &facts).unwrap();
        assert_eq!(notes, Vec::<String>::new(), "{wish}");
        left(&text, "leapseclist /usr/share/zoneinfo/leap-seconds.list");
    }
    let server = json!({"hostname": "192.0.2.1", "iburst": false, "minpoll": -1, "maxpoll": 0,
        "prefer": true, "trust": true, "xleave": true, "nts": true, "filter": 5, "port": 1123});
    let (text, _) = lines(&json!({"ntp_servers": [server]}), true, &facts).unwrap();
    left(
        &text,
        "server 192.0.2.1 minpoll -1 maxpoll 0 prefer trust xleave nts filter 5 port 1123\n",
    );
    let (text, _) = lines(&json!({"time_key": "generate"}), false, &facts).unwrap();
    left(&text, "server 10.0.0.1 iburst minpoll 2 maxpoll 6 key 123\n");
    left(&text, "keyfile /etc/chrony/chrony.keys");
}

#[test]
fn what_only_improves_is_left_out_with_a_note() {
    let server = json!({"hostname": "ntp1.example.org", "minpoll": -1, "maxpoll": 4, "xleave": true, "filter": 5});
    let wish = json!({"ntp_servers": [server], "hwtimestamp": ["eth0", "eth1"]});
    let (text, notes) = lines(&wish, true, &host("2.4")).unwrap();
    assert!(text.starts_with("server ntp1.example.org iburst maxpoll 4\n# Step"), "{text}");
    assert!(!text.contains("hwtimestamp"), "{text}");
    assert_eq!(
        notes,
        [
            "a poll below 0 came with chrony 3.4, and this host has 2.4: it was left out",
            "xleave came with chrony 3.0, and this host has 2.4: it was left out",
            "filter came with chrony 3.4, and this host has 2.4: it was left out",
            "hwtimestamp came with chrony 3.0, and this host has 2.4: it was left out",
        ]
    );
}

#[test]
fn what_changes_the_meaning_fails_the_host() {
    let nts = json!({"ntp_servers": [{"hostname": "ntp1.example.org", "nts": true}]});
    let by_address = json!({"ntp_servers": [{"hostname": "192.0.2.1", "nts": true}]});
    let why = |wish: &Value, facts: &Facts| lines(wish, true, facts).unwrap_err();
    assert_eq!(why(&nts, &host("3.5")), "nts came with chrony 4.0, and this host has 3.5");
    let expected = "nts with a server's address came with chrony 4.1, and this host has 4.0";
    assert_eq!(why(&by_address, &host("4.0")), expected);
    assert!(lines(&nts, true, &host("4.0")).is_ok());

    let mut without = host("4.3");
    without.chrony.features = vec!["-NTS".to_owned(), "-SECHASH".to_owned()];
    let expected = "nts needs NTS, which this host's chronyd was built without";
    assert_eq!(why(&nts, &without), expected);
    let expected =
        "a key of a type beyond MD5 needs SECHASH, which this host's chronyd was built without";
    assert_eq!(why(&json!({"time_key": "generate"}), &without), expected);
    let md5 = json!([{"id": 3, "type": "MD5", "key": "ASCII:not-a-secret"}]);
    assert!(lines(&json!({"chrony_keys": md5}), true, &without).is_ok());

    let mut bare = host("3.5");
    bare.chrony.installed = false;
    assert_eq!(why(&nts, &bare), "nts came with chrony 4.0, and this host would get 3.5");
    let family = json!({"ntp_servers": ["ntp1.example.org"], "ip_family": "IPv4"});
    assert_eq!(why(&family, &bare), "ip_family came with chrony 4.6, and this host would get 3.5");
    assert!(lines(&family, false, &bare).is_ok(), "clients follow an address");
    let line = json!({"source_extra_lines": ["dscp 4"]});
    assert_eq!(why(&line, &bare), "dscp came with chrony 4.0, and this host would get 3.5");
}

#[test]
fn leap_seconds_come_from_what_the_host_has() {
    let of = |wish: Value, version: &str, has: &[LeapSeconds]| {
        let mut facts = host(version);
        facts.chrony.leap_seconds = has.to_vec();
        let (text, notes) = lines(&wish, true, &facts).unwrap();
        (text.lines().last().unwrap().split(' ').next().unwrap().to_owned(), notes.len())
    };
    let both = [LeapSeconds::Zone, LeapSeconds::List];
    let word = |word: &str| word.to_owned();
    assert_eq!(of(json!({}), "4.5", &both), (word("leapsectz"), 0));
    assert_eq!(of(json!({}), "4.6", &both), (word("leapseclist"), 0));
    assert_eq!(of(json!({}), "4.6", &[LeapSeconds::Zone]), (word("leapsectz"), 0));
    assert_eq!(of(json!({}), "4.3", &[LeapSeconds::List]), (word("makestep"), 0));
    assert_eq!(
        of(json!({"leap_seconds": true}), "4.3", &[LeapSeconds::List]),
        (word("makestep"), 1)
    );
    assert_eq!(of(json!({"leap_seconds": false}), "4.3", &both), (word("makestep"), 0));
}

#[test]
fn a_source_that_comes_back_steps_as_it_may() {
    for (threshold, line) in [
        (json!(-1), Some("initstepslew 1 10.0.0.2")),
        (json!(0.1), Some("initstepslew 0.1 10.0.0.2")),
        (json!(0), None),
    ] {
        let vars = json!({"chrony_standby": true, "ntp_servers": [], "step_threshold": threshold});
        let text = file(&Engine::default(), &vars, Some(0), &host("4.3")).unwrap();
        let found = text.lines().find(|line| line.starts_with("initstepslew"));
        assert_eq!(found, line, "{text}");
    }
}

#[test]
fn clients_have_the_key_that_they_share_and_no_other() {
    let keys = json!([
        {"id": 3, "type": "SHA1", "key": "ASCII:for-the-cluster"},
        {"id": 4, "type": "SHA1", "key": "ASCII:for-upstream"},
    ]);
    let file = |is_source| {
        let conf = settings(&json!({"chrony_keys": keys, "time_key": 3}), is_source).unwrap();
        conf.on(&host("4.3")).unwrap().vars["time_keys"].as_str().unwrap().to_owned()
    };
    assert!(file(false).ends_with("\n3 SHA1 ASCII:for-the-cluster\n"), "{}", file(false));
    assert!(file(true).ends_with("\n4 SHA1 ASCII:for-upstream\n"));
    let shown = format!("{:?}", settings(&json!({"chrony_keys": keys}), true).unwrap());
    assert!(!shown.contains("upstream"), "{shown}");
    let none = settings(&json!({}), true).unwrap().on(&host("4.3")).unwrap();
    assert_eq!(none.vars["time_keys"], "");
}

#[test]
fn a_key_is_made_once_and_kept_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let read = || {
        let vars = json!({"time_key": "generate", "ntp_servers": []});
        let Value::Object(vars) = vars else { panic!() };
        let engine = Engine::default();
        let scope = Scope::default().with(&Layer::written(vars));
        let lookup = Lookup { engine: &engine, scope, place: Box::new(|_, _| None) };
        Keys::read(&lookup, &folder.path().join("c1")).unwrap()
    };
    let text =
        |keys: &Keys| secrecy::ExposeSecret::expose_secret(&keys.of_host(false).text()).to_owned();
    let keys = read();
    assert!(!text(&keys).contains("HEX:"), "nothing is made by reading");
    keys.made_key().unwrap().make().unwrap();
    let made = text(&keys);
    let line = made.lines().last().unwrap();
    assert!(line.starts_with("123 SHA256 HEX:") && line.len() == 15 + 64, "{line}");
    let file = folder.path().join("c1/.time.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    keys.made_key().unwrap().make().unwrap();
    let again = read();
    again.made_key().unwrap().make().unwrap();
    assert_eq!((text(&keys), text(&again)), (made.clone(), made));
}
