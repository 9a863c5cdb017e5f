//! What goes wrong with bundles: all of it is said, and what was to be done is done in the next run.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use ezsync_hosts::Image;
use tempfile::TempDir;

use crate::bundles;
use crate::offline::{REMOTE, offline, setup};
use crate::support::{Bench, EVERYTHING, LITTER, Ran, host, skipped, trouble};

#[test]
fn a_host_that_nothing_fits_holds_up_all_unless_it_is_left_out() {
    if skipped() {
        return;
    }
    let Some(mirror) = bundles::debian() else { return };
    let bundle = bundles::create("one", &["--for", "debian-12", "--mirror", &mirror]);
    let bench = Bench::of(&offline("bookworm", &[(Image::Bare, "trixie")]));
    let before = bench.everywhere(EVERYTHING);
    let ran = bench.run(&setup(&bundle, &[]));
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("node2") && said.contains("debian-13"), "{said}");
    assert_eq!(bench.everywhere(EVERYTHING), before, "something was changed");

    let (_, run) = bench.json(&setup(&bundle, &["--partial"]));
    assert_eq!(host(&run, "node1")["outcome"]["state"], "ok", "{run:#}");
    assert_eq!(bench.on(0, "systemctl is-active chrony"), "active");
    assert!(trouble(&run, "node2", "failed").contains("debian-13"), "{run:#}");
    assert_eq!(bench.on(1, EVERYTHING), before[1]);
}

/// Needs no hosts: that nobody is asked is the point.
#[test]
fn a_damaged_bundle_is_refused_before_anybody_is_asked() {
    let Some(bundle) = bundles::all() else { return };
    let project = TempDir::new().unwrap();
    let cluster = project.path().join("inventories/c1");
    fs::create_dir_all(&cluster).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = format!("[chrony]\nnode1 ansible_host=127.0.0.1 ansible_port={port}\n");
    fs::write(cluster.join("hosts"), hosts).unwrap();
    let whole = fs::read(bundle).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let path = project.path().join("time.bundle");
    for (what, bytes) in [("flipped", &flipped[..]), ("cut", &whole[..whole.len() / 2])] {
        fs::write(&path, bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ezsync"));
        command.args(["setup", "c1", "--bundle"]).arg(&path).current_dir(project.path());
        command.env("XDG_STATE_HOME", project.path().join("state"));
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, 5, "{what}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("time.bundle"), "{what}: {}", ran.stderr);
        // By the name of what is damaged.
        assert!(ran.stderr.contains(".deb"), "{what}: {}", ran.stderr);
        assert!(listener.accept().is_err(), "{what}: somebody was asked");
    }
}

#[test]
fn a_full_disk_changes_nothing_and_the_next_run_finishes() {
    if skipped() {
        return;
    }
    let Some(bundle) = bundles::all() else { return };
    let bench = Bench::of(&offline("bookworm", &[]));
    bench.everywhere(REMOTE);
    let before = bench.on(0, EVERYTHING);
    bench.on(0, "mkdir -p /var/lib/ezsync && mount -t tmpfs -o size=1m tmpfs /var/lib/ezsync");
    let (code, run) = bench.json(&setup(bundle, &[]));
    assert_eq!(code, 2, "{run:#}");
    trouble(&run, "node1", "failed");
    let trouble = host(&run, "node1")["outcome"]["trouble"].to_string();
    assert!(trouble.contains("MB"), "{trouble}");
    assert_eq!(bench.on(0, LITTER), "");
    bench.on(0, "umount /var/lib/ezsync");
    assert_eq!(bench.on(0, EVERYTHING), before);

    let (code, run) = bench.json(&setup(bundle, &[]));
    assert_eq!(code, 0, "{run:#}");
}
