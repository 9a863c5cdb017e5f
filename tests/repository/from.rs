//! `--from CLUSTER`: this machine itself says what it is and what it has.

use std::collections::HashMap;
use std::fs;

use super::archive::{Archive, BASE, Suite};
use super::run::{Bench, packages};

/// This machine's os-release.
fn os_release() -> HashMap<String, String> {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

#[test]
fn hosts_say_what_they_are_and_what_they_lack() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    let os = os_release();
    if !["debian", "ubuntu"].contains(&os["ID"].as_str()) {
        ezsync_hosts::skip("this machine is neither Debian nor Ubuntu");
        return;
    }
    let release = format!("{}-{}", os["ID"], os["VERSION_ID"]);
    // What is on every host of this release by its list, and not on this one.
    let more = [
        ("ezsync-test-base", "1", "Priority: required\n"),
        ("chrony", "99", "Depends: libx1, ezsync-test-base\n"),
    ];
    archive.write(&Suite::new(&os["VERSION_CODENAME"], &[BASE, &more].concat()));

    let write = |name: &str, text: &str| {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let hosts = "[kube_node]\nnode1 ansible_connection=local\n[chrony]\nnode1\n";
    write("inventories/c1/hosts", hosts);
    let config = |mirrors: &str| {
        let text = format!("ntp_servers: []\npackage_mirrors: {mirrors}\n");
        write("inventories/c1/config.yml", &text);
    };
    config(&format!("{{{release}: '{}'}}", bench.url("debian")));
    let words = ["--from", "c1", "--keyring", "archive.key"];
    let ran = bench.create("x", &words);
    assert!(ran.is_good().stdout.contains("next: ezsync setup c1 --bundle x"), "{ran:?}");
    let found = packages(&bench.manifest("x"));
    assert!(found[0].0.starts_with(&release), "{found:?}");
    assert_eq!(found[0].1, ["chrony 99", "ezsync-test-base 1", "libx1 1.0-1"]);
    // As it stands in the list, a host of this release lacks less.
    let mirror = format!("{release}={}", bench.url("debian"));
    let words_for = ["--for", &release, "--keyring", "archive.key", "--mirror", &mirror];
    bench.create("x", &words_for).is_good();
    assert_eq!(packages(&bench.manifest("x"))[0].1, ["chrony 99", "libx1 1.0-1"]);

    // A host that does not answer is named; nobody listens on that port.
    let gone = "node2 ansible_host=127.0.0.1 ansible_port=1\n[chrony]";
    write("inventories/c1/hosts", &hosts.replace("[chrony]", gone));
    fs::remove_file(bench.path("x")).unwrap();
    bench.create("x", &words).fails(4, "error: node2: ");
    assert!(!bench.path("x").exists());
    let ran = bench.create("x", &[&words[..], &["--partial"]].concat());
    assert!(ran.is_good().stdout.contains("note: node2 is left out: "), "{ran:?}");

    config("{debain: 'http://x'}");
    bench.create("x", &words).fails(5, "inventories/c1/config.yml:2:");
    config("{debian: 'http://user:geheim@x y'}");
    let ran = bench.create("x", &words);
    ran.fails(5, "inventories/c1/config.yml:2:");
    assert!(!format!("{ran:?}").contains("geheim"), "{ran:?}");
    config("[]");
    bench.create("x", &words).fails(5, "package_mirrors: must be a mapping");
    bench.create("x", &["--from", "c1", "--arch", "amd64"]).fails(5, "--arch");
}
