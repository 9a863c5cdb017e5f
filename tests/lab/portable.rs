//! The controller as one file, which old and new distributions run alike.

use std::path::PathBuf;
use std::process::Command;

use ezsync_hosts::Image;

use crate::bundles;
use crate::offline::offline;
use crate::on_node::OnNode;
use crate::support::{Bench, skipped};

/// The glibc that tools/portable.sh builds for.
const GLIBC: [u32; 2] = [2, 17];

/// The binary as tools/portable.sh builds it, or why there is none. In a profile that builds sooner than
/// a release does: what it needs of a host is the same.
fn portable() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/portable.sh");
    let output = Command::new(script).args(["--profile", "dev"]).output().unwrap();
    if !output.status.success() {
        ezsync_hosts::skip(&format!("{script}: {}", String::from_utf8_lossy(&output.stderr)));
        return None;
    }
    Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end()))
}

/// What the program asks of glibc, by the words of objdump.
fn needed(program: &PathBuf) -> String {
    let output = Command::new("objdump").args(["-p", "-T"]).arg(program).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_file_runs_on_debian_11_and_13() {
    if skipped() {
        return;
    }
    let Some(program) = portable() else { return };
    let needed = needed(&program);
    let of_glibc = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux"];
    for library in needed.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")) {
        let known = of_glibc.iter().any(|known| library.trim().starts_with(known));
        assert!(known, "it needs {library}");
    }
    let versions: Vec<Vec<u32>> = needed
        .split("GLIBC_")
        .skip(1)
        .map(|text| text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap())
        .map(|version| version.split('.').map(|number| number.parse().unwrap()).collect())
        .collect();
    let newest = versions.iter().max().unwrap();
    assert!(newest.as_slice() <= GLIBC.as_slice(), "it needs glibc {newest:?}");

    // Neither has chrony, nor anything else but a minimal system and sshd.
    let Some(bundle) = bundles::all() else { return };
    let bench = Bench::of(&offline("bullseye", &[(Image::Bare, "trixie")]));
    for node in [0, 1] {
        let on = OnNode::new(&bench, node, &program);
        assert!(on.run("--version").stdout.starts_with("ezsync "));
        assert_eq!(on.run("new other").code, 0);
        let rendered = on.run("render c1");
        assert!(rendered.stdout.contains("local stratum 10"), "{}", rendered.stdout);
        on.send(bundle, "/root/time.bundle");
        // Each is the source when its turn comes: itself by no connection, the other by SSH.
        let setup = "setup c1 --known-hosts /root/known_hosts --bundle /root/time.bundle";
        let ran = on.run(setup);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("2 hosts agree"), "{}", ran.stdout);
    }
}
