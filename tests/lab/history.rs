//! What ezsync did on hosts, what somebody else made of it, and the way back.

use ezsync_hosts::Image;
use serde_json::{Value, json};

use crate::support::{Bench, LITTER, host, skipped, trouble};

const CONF: &str = "/etc/chrony/chrony.conf";

/// What a way back has to bring: files and links with their bytes, modes and owners, and services.
const STANDS: &str = "
    find /etc -xdev ! -name '*.cache' \\( -type f -o -type l -o -type d \\) -printf '%p %M %U %G %l\\n' | sort
    find /etc -xdev -type f ! -name '*.cache' -exec sha256sum {} + | sort
    for unit in chrony ntpsec; do systemctl is-active $unit; systemctl is-enabled $unit; done; :";

/// All hosts are as they were: what differs is told, and no more.
fn same(found: &[String], wanted: &[String]) {
    for (number, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let more = found.lines().filter(|line| !wanted.lines().any(|known| known == *line));
        let less = wanted.lines().filter(|line| !found.lines().any(|known| known == *line));
        let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
        assert!(more.is_empty() && less.is_empty(), "node{}: {more:#?}, not {less:#?}", number + 1);
        assert!(found == wanted, "node{}: {found}", number + 1);
    }
}

/// Another time daemon that somebody has set up: it runs, and starts at boot. Debian's chrony stops for it.
const RIVAL: &str = "
    printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' \
      >/etc/systemd/system/ntpsec.service
    systemctl daemon-reload; systemctl --quiet enable --now ntpsec";

fn state<'a>(run: &'a Value, name: &str) -> &'a Value {
    &host(run, name)["status"]
}

fn drift(run: &Value, name: &str) -> Vec<String> {
    let all = host(run, name)["drift"].as_array().unwrap();
    let words = |drift: &Value| format!("{} {}", drift["name"], drift["differs"]).replace('"', "");
    all.iter().map(words).collect()
}

fn notes(run: &Value, name: &str) -> String {
    host(run, name)["notes"].to_string()
}

#[test]
fn hosts_go_back_change_by_change_and_to_what_they_were() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    bench.everywhere(RIVAL);
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    assert!(state(&run, "node1")["change"].is_null(), "{run:#}");
    let (code, run) = bench.json(&["rollback", "c1"]);
    assert_eq!((code, host(&run, "node1")["applied"].as_bool()), (0, Some(false)), "{run:#}");
    assert!(notes(&run, "node1").contains("nothing here that it could go back from"), "{run:#}");

    let before = bench.everywhere(STANDS);
    assert!(before[0].ends_with("\ninactive\nenabled\nactive\nenabled"), "the services");
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let first = bench.everywhere(STANDS);
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    for name in ["node1", "node2", "node3"] {
        assert_eq!(state(&run, name)["change"]["number"], 1);
        assert_eq!(state(&run, name)["desired"], state(&run, name)["actual"]);
        assert_eq!(host(&run, name)["execs"], 1, "in step is known at one look");
    }

    bench.write(
        "inventories/c1/config.yml",
        "ntp_servers: []\ntimezone: Asia/Tokyo\nstep_limit: 7\n",
    );
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!((code, state(&run, "node2")["would_change"].as_u64()), (2, Some(3)), "{run:#}");
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let second = bench.everywhere(STANDS);
    assert!(first != second, "the settings change something");

    // A look at the way back, and the way back itself.
    let (code, run) = bench.json(&["rollback", "c1", "--check", "--diff"]);
    assert_eq!(code, 0, "{run:#}");
    let summaries = host(&run, "node2")["plan"]["changes"].to_string();
    for words in ["put back /etc/chrony/chrony.conf", "put back /etc/localtime", "restart chrony"] {
        assert!(summaries.contains(words), "{summaries}");
    }
    same(&bench.everywhere(STANDS), &second);
    for (stands, number) in [(&first, Some(1)), (&before, None)] {
        let (code, run) = bench.json(&["rollback", "c1"]);
        assert_eq!(code, 0, "{run:#}");
        same(&bench.everywhere(STANDS), stands);
        assert_eq!(bench.everywhere(LITTER), [""; 3]);
        let (_, run) = bench.json(&["status", "c1"]);
        let known = &state(&run, "node3")["change"];
        assert_eq!(known["number"].as_u64(), number, "{run:#}");
        assert_eq!(drift(&run, "node3"), [""; 0]);
    }
    let (code, run) = bench.json(&["rollback", "c1"]);
    assert_eq!((code, host(&run, "node2")["applied"].as_bool()), (0, Some(false)), "{run:#}");

    // Forth again, and back to the very beginning at once.
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    bench.write("inventories/c1/config.yml", "ntp_servers: []\nstep_limit: 8\n");
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    // Settings that are broken do not stand in the way back.
    bench.write("inventories/c1/config.yml", "ntp_servers: [\n");
    bench.write("inventories/c1/config.yml", "ntp_servers: []\nstep_limit: nonsense\n");
    let (code, run) = bench.json(&["rollback", "c1", "--pristine"]);
    assert_eq!(code, 0, "{run:#}");
    same(&bench.everywhere(STANDS), &before);
    assert_eq!(bench.everywhere("ls -d /var/lib/ezsync 2>&1 | grep -v 'No such'; :"), [""; 3]);
}

#[test]
fn what_somebody_else_has_changed_is_shown_and_not_overwritten() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let key = "chrony_keys: [{id: 3, type: SHA256, key: \"HEX:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}]\ntime_key: 3\n";
    bench.write("inventories/c1/config.yml", &format!("ntp_servers: []\n{key}"));
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);

    bench.on(1, &format!("echo '# mine' >>{CONF}; chmod 0664 {CONF}"));
    bench.on(1, "echo '# my secret' >>/etc/chrony/chrony.keys");
    bench.on(2, "systemctl --quiet disable --now chrony");
    let before = bench.everywhere(STANDS);
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    assert_eq!(drift(&run, "node1"), [""; 0]);
    assert_eq!(
        drift(&run, "node2"),
        [
            "/etc/chrony/chrony.conf [content,mode 0664, not 0644]",
            "/etc/chrony/chrony.keys [content]"
        ]
    );
    assert_eq!(drift(&run, "node3"), ["chrony [does not run,does not start at boot]"]);
    let diffs = host(&run, "node2")["drift"].clone();
    assert!(diffs[0]["diff"].as_str().unwrap().ends_with("\n+# mine\n"), "{diffs:#}");
    assert_eq!(diffs[1]["diff"], "", "what not everyone may read");
    assert_eq!(diffs[0]["since"]["change"], 1);

    // Neither a check nor a setup goes over it; the others are set up.
    for (args, text) in [(&["setup", "c1", "--check"][..], true), (&["setup", "c1"], false)] {
        let (code, run) = bench.json(args);
        assert_eq!(code, 2, "{run:#}");
        let what = trouble(&run, "node2", "failed");
        assert!(what.contains("somebody else has changed what ezsync wrote"), "{what}");
        assert_eq!(host(&run, "node2")["drift"][0]["since"]["change"], 1);
        same(&[bench.on(1, STANDS)], &before[1..]);
        assert_eq!(bench.on(2, STANDS) == before[2], text, "{args:?}");
        assert!(!run.to_string().contains("my secret") && !run.to_string().contains("0011223344"));
        if !text {
            // Services are brought to what is wanted without being asked twice.
            assert_eq!(host(&run, "node3")["outcome"]["state"], "ok", "{:#}", host(&run, "node3"));
        }
    }
    assert_eq!(
        bench.on(2, "systemctl is-active chrony; systemctl is-enabled chrony"),
        "active\nenabled"
    );
    let ran = bench.run(&["setup", "c1"]);
    assert!(ran.stdout.contains("\n+# mine\n"), "{}", ran.stdout);
    let told = ran.stdout.matches(&format!("{CONF}: ")).count();
    assert_eq!(told, 1, "said once, as drift: {}", ran.stdout);
    assert!(!ran.stdout.contains("my secret"), "{}", ran.stdout);

    let (code, run) = bench.json(&["setup", "c1", "--force"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(notes(&run, "node2").contains("overwritten"), "{run:#}");
    assert!(!bench.on(1, &format!("cat {CONF}")).contains("mine"));
    assert_eq!(bench.json(&["status", "c1"]).0, 0);

    // A way to a host without a time daemon is told as one.
    let (code, run) = bench.json(&["rollback", "c1", "-l", "node3", "--check"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(notes(&run, "node3").contains("no time daemon runs"), "{run:#}");
    // Two clusters on one host are told apart.
    bench.on(0, "sed -i 's/\"cluster\":\"c1\"/\"cluster\":\"lab2\"/' /var/lib/ezsync/state");
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(notes(&run, "node1").contains("was set up for the cluster lab2"), "{run:#}");
    assert!(!notes(&run, "node2").contains("was set up for"), "{run:#}");

    // Back to the edit, on the one host that this run has changed.
    let others = bench.on(2, STANDS);
    for args in [&["rollback", "c1", "--check"][..], &["rollback", "c1"]] {
        let (code, run) = bench.json(args);
        assert_eq!(code, 0, "{run:#}");
        let back = &host(&run, "node2")["back"];
        assert_eq!((&back["from"]["number"], &back["to"]["number"]), (&json!(2), &json!(1)));
        assert!(notes(&run, "node2").contains("as somebody else had left it"), "{run:#}");
        for name in ["node1", "node3"] {
            assert!(notes(&run, name).contains("not changed by the last run (20"), "{run:#}");
            assert_eq!(host(&run, name)["applied"], false);
        }
    }
    same(&[bench.on(1, STANDS), bench.on(2, STANDS)], &[before[1].clone(), others]);
    // What the way back has brought is nobody's edit any more.
    let (_, run) = bench.json(&["status", "c1", "-l", "node2"]);
    assert_eq!(drift(&run, "node2"), [""; 0], "{run:#}");
    bench.on(1, &format!("echo '# mine again' >>{CONF}"));
    let (code, run) = bench.json(&["rollback", "c1", "-l", "node2"]);
    assert_eq!(code, 2, "{run:#}");
    assert!(trouble(&run, "node2", "failed").contains("chrony.conf"), "{run:#}");
    // What cannot be put back in any way is told before anything is tried.
    bench.on(1, &format!("mv {CONF} /root/away && mkdir {CONF}"));
    let (code, run) = bench.json(&["rollback", "c1", "-l", "node2", "--force"]);
    assert_eq!(code, 2, "{run:#}");
    let what = trouble(&run, "node2", "failed");
    assert!(what.starts_with(&format!("a folder stands at {CONF} by now")), "{what}");
    bench.on(1, &format!("rmdir {CONF} && mv /root/away {CONF}"));
    bench.on(1, &format!("sed -i '/^# mine again$/d' {CONF}"));
    let (code, run) = bench.json(&["rollback", "c1", "-l", "node2"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(!bench.on(1, &format!("cat {CONF}")).contains("ezsync"));

    // What is gone is nobody's edit; and what is by now as it is wanted is none either.
    bench.on(2, &format!("rm {CONF}"));
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(drift(&run, "node3"), ["/etc/chrony/chrony.conf [was removed]"]);
    bench.on(2, "printf '{' >/var/lib/ezsync/state");
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(notes(&run, "node3").contains("cannot be read"), "{run:#}");
    bench.on(2, "printf '{\"version\": 99}' >/var/lib/ezsync/state");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    assert!(trouble(&run, "node3", "failed").contains("a newer ezsync"), "{run:#}");
}

#[test]
fn a_fresh_host_goes_back_to_what_its_packages_bring() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    let others = "find /etc -xdev -type f ! -path '/etc/chrony/*' ! -name '*.cache' -exec sha256sum {} + | \
                  grep -v -E 'time-daemon|timesync|chrony|apparmor|passwd|group|shadow|sub[ug]id|dpkg|apt|resolv' | sort";
    let before = bench.everywhere(others);
    let before_us = bench
        .on(1, "systemctl is-enabled systemd-timesyncd; systemctl is-active systemd-timesyncd; :");
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
    let (code, run) = bench.json(&["status", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    let (code, run) = bench.json(&["rollback", "c1", "--pristine"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(notes(&run, "node2").contains("was installed by ezsync and stays: chrony"), "{run:#}");
    // What went with its package is named, and what it was replaced by does not go on in silence.
    assert!(before_us.starts_with("enabled\n"), "{before_us}");
    assert!(
        notes(&run, "node2").contains("`apt-get install systemd-timesyncd` brings it back"),
        "{run:#}"
    );
    assert!(notes(&run, "node2").contains("and follows pool 2.debian.pool.ntp.org"), "{run:#}");
    assert!(!notes(&run, "node2").contains("no time daemon runs"), "{run:#}");
    same(&bench.everywhere(others), &before);
    // The distribution's own file, bit for bit, and its own wishes for the service.
    assert_eq!(bench.everywhere("dpkg -V chrony"), ["", ""]);
    assert_eq!(
        bench.everywhere("systemctl is-active chrony; systemctl is-enabled chrony"),
        ["active\nenabled"; 2]
    );
    assert_eq!(bench.everywhere("ls -d /var/lib/ezsync 2>&1 | grep -v 'No such'; :"), ["", ""]);
    assert_eq!(bench.everywhere(LITTER), ["", ""]);
}
