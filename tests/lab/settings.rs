//! Settings on real hosts: how servers are followed, keys, the time zone, and what each chrony takes.

use std::fs;
use std::process::Command;

use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, EVERYTHING, Ran, host, line, skipped, trouble};

/// A key that must show nowhere.
const PLANTED: &str = "5EC2E7005EC2E7015EC2E7025EC2E703";

fn changes(run: &Value, name: &str) -> Vec<String> {
    let changes = host(run, name)["plan"]["changes"].as_array().unwrap();
    changes.iter().map(|change| change["summary"].as_str().unwrap().to_owned()).collect()
}

/// All text in the files below `folder`.
fn texts(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        all += &match entry.path().is_dir() {
            true => texts(&entry.path()),
            false => fs::read_to_string(entry.path()).unwrap(),
        };
    }
    all
}

/// Three hosts whose source follows the fourth, which wants a key.
fn keyed() -> Bench {
    let bench = Bench::new(Image::Chrony, 4);
    bench.on(
        3,
        &format!(
            "printf 'local stratum 3\\nallow\\nkeyfile /etc/chrony/chrony.keys\\n' >/etc/chrony/chrony.conf
             echo '7 SHA256 HEX:{PLANTED}' >/etc/chrony/chrony.keys; systemctl restart chrony"
        ),
    );
    bench.inventory(&bench.hosts()[..3].iter().map(line).collect::<Vec<_>>());
    bench.write(
        "inventories/c1/config.yml",
        &format!(
            "ntp_servers: [{{hostname: 10.99.0.14, key: 7, xleave: true, minpoll: 0, maxpoll: 4}}]
chrony_keys: [{{id: 7, type: SHA256, key: \"HEX:{PLANTED}\"}}]
time_key: generate
min_sources: 1
max_distance: 2
step_threshold: 0.5
hwtimestamp: ['*']
client_options: {{minpoll: 0, maxpoll: 2, xleave: true}}
extra_lines: [logchange 0.25]
"
        ),
    );
    bench
}

#[test]
fn keys_reach_the_hosts_and_nobody_else() {
    if skipped() {
        return;
    }
    let bench = keyed();
    // Everything that runs on a host while it is set up is written down there.
    bench.everywhere(
        "nohup sh -c 'while [ ! -e /tmp/over ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done >/tmp/seen
                      mv /tmp/seen /tmp/all' >/dev/null 2>&1 </dev/null &",
    );
    let made = bench.folder.path().join("inventories/c1/.time.key");
    let mut shown: Vec<Ran> = vec![bench.run(&["setup", "c1", "--check", "--diff"])];
    assert_eq!(shown[0].code, 0, "{}{}", shown[0].stdout, shown[0].stderr);
    assert!(shown[0].stdout.contains("change /etc/chrony/chrony.keys"), "{}", shown[0].stdout);
    assert!(!made.exists(), "--check makes nothing");

    shown.push(bench.run(&["setup", "c1", "--diff", "-v"]));
    assert_eq!(shown[1].code, 0, "{}{}", shown[1].stdout, shown[1].stderr);
    let key = fs::read_to_string(&made).unwrap();
    let key = key.trim().strip_prefix("123 SHA256 HEX:").unwrap().to_owned();
    assert_eq!(key.len(), 64);

    // Each association is authenticated, with the key that is meant.
    let auth = |host: usize| bench.on(host, "chronyc -n -c authdata | cut -d, -f1-5");
    assert_eq!(auth(0), "10.99.0.14,SK,7,3,128");
    assert_eq!([auth(1), auth(2)], ["10.99.0.11,SK,123,3,256"; 2]);
    let source = bench.on(0, "cat /etc/chrony/chrony.conf");
    for line in [
        "server 10.99.0.14 iburst minpoll 0 maxpoll 4 xleave key 7",
        "makestep 0.5 3",
        "maxdistance 2.0",
        "hwtimestamp *",
        "minsources 1",
        "logchange 0.25",
        "keyfile /etc/chrony/chrony.keys",
    ] {
        assert!(source.lines().any(|known| known == line), "{line} in\n{source}");
    }
    let client = bench.on(1, "cat /etc/chrony/chrony.conf");
    let line = "\nserver 10.99.0.11 iburst minpoll 0 maxpoll 2 xleave key 123\n";
    assert!(client.contains(line) && !client.contains("minsources"), "{client}");
    for said in &bench.everywhere("stat -c '%a %U %G' /etc/chrony/chrony.keys")[..3] {
        assert_eq!(said, "640 root _chrony");
    }
    let keys = bench.on(1, "cat /etc/chrony/chrony.keys");
    assert!(keys.contains(&key) && !keys.contains(PLANTED), "a client has its own key alone");

    let starts = bench.starts();
    shown.push(bench.run(&["setup", "c1", "--json"]));
    let run: Value = serde_json::from_str(&shown[2].stdout).unwrap();
    for name in ["node1", "node2", "node3"] {
        assert_eq!(changes(&run, name), Vec::<String>::new());
        assert_eq!(host(&run, name)["execs"], 1);
    }
    assert_eq!(bench.starts(), starts);
    let followed = ["node1", "node2"].map(|name| host(&run, name)["verdict"]["reference"].clone());
    assert_eq!(followed, ["10.99.0.14", "10.99.0.11"]);
    let mut render = bench.lab.command(env!("CARGO_BIN_EXE_ezsync"));
    let render = render.current_dir(bench.folder.path()).args(["render", "c1"]);
    shown.push(Ran::from(render.output().unwrap()));
    assert!(shown[3].stdout.contains("# Not shown"), "{}", shown[3].stdout);

    let said: String = shown.iter().map(|ran| ran.stdout.clone() + &ran.stderr).collect();
    let kept = texts(&bench.folder.path().join("state"));
    assert!(kept.contains("chrony.keys"), "the results are kept");
    for secret in [PLANTED, &key] {
        assert!(!said.contains(secret), "{said}");
        assert!(!kept.contains(secret), "{kept}");
    }
    bench.everywhere(
        "touch /tmp/over; timeout 20 sh -c 'until [ -e /tmp/all ]; do sleep 0.1; done'",
    );
    let search = format!(
        "grep -aq chronyd /tmp/all && ! grep -aqE '{PLANTED}|{key}' /tmp/all && \
                          ! journalctl | grep -qE '{PLANTED}|{key}'"
    );
    bench.everywhere(&search);
}

/// A certificate for the host that plays the public server, made here and now.
#[test]
fn a_source_follows_by_nts() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-subj", "/CN=ntp.test", "-addext", "subjectAltName=IP:10.99.0.13", "-days", "2"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(bench.folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pem = |name: &str| fs::read_to_string(bench.folder.path().join(name)).unwrap();
    let (key, certificate) = (pem("key.pem"), pem("cert.pem"));
    bench.on(
        2,
        &format!(
            "cd /etc/chrony; echo '{key}' >nts.key; echo '{certificate}' >nts.crt; chown _chrony: nts.*
             printf 'local stratum 3\\nallow\\nntsserverkey /etc/chrony/nts.key\\n\
             ntsservercert /etc/chrony/nts.crt\\n' >chrony.conf; systemctl restart chrony"
        ),
    );
    bench.on(0, &format!("echo '{certificate}' >/etc/chrony/trusted.crt"));
    bench.inventory(&bench.hosts()[..2].iter().map(line).collect::<Vec<_>>());
    bench.write(
        "inventories/c1/config.yml",
        "ntp_servers: [{hostname: 10.99.0.13, nts: true}]
source_extra_lines: [ntstrustedcerts /etc/chrony/trusted.crt]
",
    );
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node1")["verdict"]["reference"], "10.99.0.13", "{run:#}");
    assert!(bench.on(0, "chronyc -n -c authdata").starts_with("10.99.0.13,NTS,"));
    assert_eq!(host(&run, "node2")["verdict"]["reference"], "10.99.0.11");
}

#[test]
fn the_time_zone_is_set_where_the_host_has_it() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let starts = bench.starts();
    let before = bench.everywhere(EVERYTHING);
    let zone = |zone: &str| {
        bench.write("inventories/c1/config.yml", &format!("ntp_servers: []\ntimezone: {zone}\n"))
    };

    zone("Europe/Pariss");
    for args in [&["setup", "c1", "--check"][..], &["setup", "c1"]] {
        let (code, run) = bench.json(args);
        assert_eq!(code, 2, "{run:#}");
        let what = trouble(&run, "node2", "failed");
        assert!(
            what.ends_with("the host has no time zone Europe/Pariss in /usr/share/zoneinfo"),
            "{what}"
        );
        assert_eq!(host(&run, "node2")["outcome"]["trouble"]["next"], "did you mean Europe/Paris?");
    }
    assert_eq!(bench.everywhere(EVERYTHING), before);

    zone("Europe/Paris");
    let ran = bench.run(&["setup", "c1", "--check", "--diff"]);
    assert!(ran.stdout.contains("-Etc/UTC\n+Europe/Paris\n"), "{}", ran.stdout);
    assert_eq!(bench.everywhere(EVERYTHING), before);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(changes(&run, "node1"), ["set the time zone to Europe/Paris"]);
    let now = bench.everywhere("timedatectl show -p Timezone --value; date +%Z");
    assert!(now.iter().all(|said| said.starts_with("Europe/Paris\nCE")), "{now:?}");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!((code, changes(&run, "node2").len()), (0, 0), "{run:#}");
    assert_eq!(bench.starts(), starts);

    // Leap seconds come from the same database: what is asked for and not there is said.
    bench.on(0, "rm -r /usr/share/zoneinfo/right");
    let ran = bench.run(&["setup", "c1", "-e", "leap_seconds=true"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let note = "node1: leap_seconds: this host's chrony 4.3 can read neither right/UTC nor";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
    bench.on(0, "! grep leapsec /etc/chrony/chrony.conf");
}

/// Debian 11, 12 and 13 have chrony 4.0, 4.3 and 4.6; the hosts are bare, so that what is written for
/// them is known from the package alone.
#[test]
fn each_debian_gets_what_its_chrony_takes() {
    if skipped() {
        return;
    }
    for (suite, has) in [("bullseye", "4.0"), ("bookworm", "4.3"), ("trixie", "4.6.1")] {
        let spec = LabSpec { suite: suite.parse().unwrap(), ..LabSpec::new(Image::Bare, 1) };
        let bench = Bench::of(&spec);
        if suite == "trixie" {
            // With an index at hand apt says more than the release does.
            bench.on(0, "apt-get update -qq");
        }
        let before = bench.everywhere(EVERYTHING);
        let refused = |config: &str, what: &str, since: &str| {
            bench.write("inventories/c1/config.yml", config);
            for args in [&["setup", "c1", "--check"][..], &["setup", "c1"]] {
                let (code, run) = bench.json(args);
                assert_eq!(code, 2, "{suite}: {run:#}");
                let expected =
                    format!("{what} came with chrony {since}, and this host would get {has}");
                assert_eq!(trouble(&run, "node1", "failed"), expected);
            }
        };
        refused("extra_lines: [opencommands tracking]\n", "opencommands", "4.7");
        if suite != "trixie" {
            refused("ip_family: IPv4\n", "ip_family", "4.6");
        }
        let nts = "{hostname: 10.99.0.99, nts: true}";
        if suite == "bullseye" {
            refused(&format!("ntp_servers: [{nts}]\n"), "nts with a server's address", "4.1");
        }
        assert_eq!(bench.everywhere(EVERYTHING), before, "{suite}");

        let server = if suite == "bullseye" {
            "{hostname: 10.99.0.99, xleave: true, filter: 3}"
        } else {
            nts
        };
        let family = if suite == "trixie" { "ip_family: IPv4\n" } else { "" };
        let config = format!(
            "ntp_servers: [{server}, a.invalid]\nhwtimestamp: ['*']\ntime_key: generate\n{family}"
        );
        bench.write("inventories/c1/config.yml", &config);
        let (code, run) = bench.json(&["setup", "c1", "--source-timeout", "1"]);
        assert_eq!(code, 0, "{suite}: {run:#}");
        let conf = bench.on(0, "cat /etc/chrony/chrony.conf");
        let lines = match suite {
            "bullseye" => ["server 10.99.0.99 iburst xleave filter 3", "leapsectz right/UTC"],
            "bookworm" => ["server 10.99.0.99 iburst nts", "leapsectz right/UTC"],
            _ => [
                "server a.invalid ipv4 iburst",
                "leapseclist /usr/share/zoneinfo/leap-seconds.list",
            ],
        };
        for line in lines {
            assert!(conf.lines().any(|known| known == line), "{suite}: {line} in\n{conf}");
        }
        bench.on(0, "systemctl is-active chrony && chronyd -p -f /etc/chrony/chrony.conf");
        let (code, run) = bench.json(&["setup", "c1", "--source-timeout", "1"]);
        assert_eq!((code, changes(&run, "node1").len()), (0, 0), "{suite}: {run:#}");
    }
}
