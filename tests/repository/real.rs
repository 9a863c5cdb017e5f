//! Debian's own mirror: its keys, its lists, its packages.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::run::{Bench, packages};

/// Whether the mirror answers; says that the test is skipped where not.
fn is_reachable() -> bool {
    let address = ("deb.debian.org", 80).to_socket_addrs().ok().and_then(|mut all| all.next());
    let connected = address.map(|it| TcpStream::connect_timeout(&it, Duration::from_secs(10)));
    let reachable = matches!(connected, Some(Ok(_)));
    if !reachable {
        ezsync_hosts::skip("deb.debian.org is not reachable");
    }
    reachable
}

#[test]
fn debian_12_is_gathered_from_its_own_mirror() {
    if !is_reachable() {
        return;
    }
    let bench = Bench::new();
    bench.create("x", &["--for", "debian-12", "--arch", "amd64"]).is_good();
    let found = packages(&bench.manifest("x"));
    assert!(found[0].1.iter().any(|package| package.starts_with("chrony 4.3-2")), "{found:?}");
    // On every host: only a later libc6 than that of the release's first day would be taken.
    assert!(!found[0].1.iter().any(|package| package.starts_with("libc6 ")), "{found:?}");
}
