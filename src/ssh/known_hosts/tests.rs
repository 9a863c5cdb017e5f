//! Verdicts on host keys for known_hosts files of every shape.

use super::*;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAWlMp5vL8+D0LbQrJIrrx8O4dX9M8VKfWV+bjwTgbsg";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINA9P5O644O51eYiv/V6mZSzICLK4htlwUa1JOgNHmSG";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKqOvWGcivKTNGwozmS7x0pDuX7ulpMlma8GW+cy/17Ny+uAOxh4e+AdoHTkaagq9zGVToveWbcF7AtFxNuk3dg=";
const OTHER_SHA256: &str = "SHA256:PcQUdA1JKl3minHNvCpD6zwXDiQi6+vtTgk3u4YKc90";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

/// The verdict in one word, with the lines it rests on.
fn short(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Known => "known".to_owned(),
        Verdict::Learned => "learned".to_owned(),
        Verdict::Unknown => "unknown".to_owned(),
        Verdict::Revoked(key) => format!("revoked {}", key.line),
        Verdict::Changed(keys) => {
            let lines: Vec<_> = keys.iter().map(|key| key.line.to_string()).collect();
            format!("changed {}", lines.join(","))
        }
    }
}

/// One row per rule: what it shows, the file, who is asked for, and the verdict on the key ED25519.
/// In the file A, B and E stand for the keys ED25519, OTHER and ECDSA.
#[test]
fn verdicts() {
    let at = |address, port| (address, port);
    for (rule, file, (address, port), expected) in [
        ("plain", "node1 A", at("node1", 22), "known"),
        ("another host", "node2 A", at("node1", 22), "unknown"),
        ("no part of a name", "node1 A", at("node11", 22), "unknown"),
        ("case does not count", "Node1 A", at("nODE1", 22), "known"),
        ("a list", "node0,node1,10.0.0.1 A", at("10.0.0.1", 22), "known"),
        ("another key of the type", "node1 B", at("node1", 22), "changed 1"),
        ("another type only", "node1 E", at("node1", 22), "changed 1"),
        ("stale line of another type", "node1 E\nnode1 A", at("node1", 22), "known"),
        ("stale line of the same type", "node1 B\nnode1 A", at("node1", 22), "known"),
        ("all keys are named", "node1 B\n\nnode1 E", at("node1", 22), "changed 1,3"),
        ("port", "[node1]:2222 A", at("node1", 2222), "known"),
        ("port of another", "[node1]:2222 A", at("node1", 22), "unknown"),
        ("another port", "[node1]:2222 A", at("node1", 2223), "unknown"),
        ("host alone will do", "node1 A", at("node1", 2222), "known"),
        ("host alone says nothing bad", "node1 B", at("node1", 2222), "unknown"),
        ("host alone revoked", "@revoked node1 A", at("node1", 2222), "revoked 1"),
        ("port before host", "node1 A\n[node1]:2222 B", at("node1", 2222), "changed 2"),
        ("wildcard", "*.example.net A", at("a.b.example.net", 22), "known"),
        ("wildcard needs its dot", "*.example.net A", at("example.net", 22), "unknown"),
        ("one character", "node? A", at("node1", 22), "known"),
        ("exactly one character", "node? A", at("node10", 22), "unknown"),
        ("wildcard with port", "[*.net]:2222 A", at("a.net", 2222), "known"),
        ("negation after", "*.net,!b.net A", at("b.net", 22), "unknown"),
        ("negation before", "!b.net,*.net A", at("b.net", 22), "unknown"),
        ("negation of others", "*.net,!b.net A", at("a.net", 22), "known"),
        ("negation alone", "!b.net A", at("a.net", 22), "unknown"),
        ("brackets are no class", "node[12] A", at("node1", 22), "unknown"),
        ("IPv6", "2001:db8::1 A", at("2001:db8::1", 22), "known"),
        ("IPv6 with port", "[2001:db8::1]:2222 A", at("2001:db8::1", 2222), "known"),
        ("IPv6 in one spelling", "2001:db8::1 A", at("2001:DB8:0::1", 22), "known"),
        (
            "hashed",
            "|1|YIhfIuxas7ehwQVSgOWwGTcYNkQ=|LN5Mk4fgdksOW+o+y2MNR5zai1A= A",
            at("node1", 22),
            "known",
        ),
        (
            "hashed address",
            "|1|kmsSDeD2Uz4zbeqf6RRTRSPap64=|gaNM5BHVpki1kSrRyrHBQEidE1Q= A",
            at("10.0.0.1", 22),
            "known",
        ),
        (
            "hashed with port",
            "|1|q7LMUD8kJnibKp9zKTAlPVrH2BY=|Alkft+qn0rIlT/HJRW9Ik4HX+z4= A",
            at("node1", 2222),
            "known",
        ),
        (
            "hashed of another",
            "|1|YIhfIuxas7ehwQVSgOWwGTcYNkQ=|LN5Mk4fgdksOW+o+y2MNR5zai1A= A",
            at("node2", 22),
            "unknown",
        ),
        (
            "hashed and changed",
            "|1|YIhfIuxas7ehwQVSgOWwGTcYNkQ=|LN5Mk4fgdksOW+o+y2MNR5zai1A= B",
            at("node1", 22),
            "changed 1",
        ),
        ("broken hash", "|1|YIhfIuxas7e|LN5Mk4f A", at("node1", 22), "unknown"),
        ("revoked", "@revoked node1 A", at("node1", 22), "revoked 1"),
        ("revoked everywhere", "node1 A\n@revoked * A", at("node1", 22), "revoked 2"),
        ("another key revoked", "@revoked * B\nnode1 A", at("node1", 22), "known"),
        ("revoked for another host", "@revoked node2 A\nnode1 A", at("node1", 22), "known"),
        ("a revoked key is no change", "@revoked node1 B", at("node1", 22), "unknown"),
        ("cert-authority is passed over", "@cert-authority node1 B", at("node1", 22), "unknown"),
        ("so are other markers", "@strange node1 B", at("node1", 22), "unknown"),
        ("tabs and spaces", "\t node1\tA\t my comment", at("node1", 22), "known"),
        ("tab after a marker", "@revoked\tnode1\tA", at("node1", 22), "revoked 1"),
        ("comment", "# node1 B\nnode1 A # mine", at("node1", 22), "known"),
        ("comment without space", "#node1 B", at("node1", 22), "unknown"),
        ("CRLF", "node1 A\r\n", at("node1", 22), "known"),
        (
            "garbage",
            "node1\nnode1 ssh-ed25519\nnode1 ssh-ed25519 AAAA\n\u{0}\nnode1 A",
            at("node1", 22),
            "known",
        ),
        ("a type from elsewhere", "node1 ssh-frobnicate AAAAC3NzaC1", at("node1", 22), "unknown"),
        ("empty", "", at("node1", 22), "unknown"),
    ] {
        let mut text = String::new();
        for word in file.split_inclusive([' ', '\t', '\n', '\r']) {
            let (word, space) = word.split_at(word.trim_end().len());
            text.push_str(match word {
                "A" => ED25519,
                "B" => OTHER,
                "E" => ECDSA,
                _ => word,
            });
            text.push_str(space);
        }
        let entries = parse(Path::new("known_hosts"), &text);
        let verdict = verdict(&entries, address, port, &key(ED25519));
        assert_eq!(short(&verdict), expected, "{rule}: {address} port {port} in {file:?}");
    }
}

#[test]
fn a_changed_key_names_fingerprint_file_and_line() {
    let entries = parse(Path::new("/some/known_hosts"), &format!("# mine\nnode1 {OTHER}\n"));
    let Verdict::Changed(keys) = verdict(&entries, "node1", 22, &key(ED25519)) else {
        panic!("the key differs");
    };
    assert_eq!(keys[0].to_string(), format!("ssh-ed25519 {OTHER_SHA256} (/some/known_hosts:2)"));
}

#[test]
fn learns_as_openssh_writes() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("home/.ssh/known_hosts");
    let hosts = KnownHosts::read(std::slice::from_ref(&file)).unwrap();
    let judge = |address, port, text, policy| {
        short(&hosts.judge(address, port, &key(text), policy).unwrap())
    };
    assert_eq!(judge("Node1", 22, ED25519, HostKeyPolicy::Strict), "unknown");
    assert!(!file.exists(), "a strict check writes nothing");
    assert_eq!(judge("Node1", 22, ED25519, HostKeyPolicy::AcceptNew), "learned");
    assert_eq!(judge("node1", 22, ED25519, HostKeyPolicy::AcceptNew), "known");
    assert_eq!(judge("node1", 22, OTHER, HostKeyPolicy::AcceptNew), "changed 1");
    assert_eq!(judge("2001:db8::1", 2222, ECDSA, HostKeyPolicy::AcceptNew), "learned");
    assert_eq!(judge("2001:db8::1", 2222, ED25519, HostKeyPolicy::AcceptNew), "changed 2");
    assert_eq!(hosts.algorithms("node1", 22), [Algorithm::Ed25519]);

    let text = format!("node1 {ED25519}\n[2001:db8::1]:2222 {ECDSA}\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o700, 0o600));
}

#[test]
fn a_line_without_end_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs::write(&file, format!("node1 {OTHER}")).unwrap();
    let hosts = KnownHosts::read(std::slice::from_ref(&file)).unwrap();
    let verdict = hosts.judge("node2", 22, &key(ED25519), HostKeyPolicy::AcceptNew).unwrap();
    assert_eq!(verdict, Verdict::Learned);
    let text = format!("node1 {OTHER}\nnode2 {ED25519}\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn many_hosts_at_once_are_each_learned_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let hosts = KnownHosts::read(std::slice::from_ref(&file)).unwrap();
    std::thread::scope(|scope| {
        for number in 0..64 {
            let hosts = &hosts;
            scope.spawn(move || {
                let name = format!("node{}", number / 2);
                hosts.judge(&name, 22, &key(ED25519), HostKeyPolicy::AcceptNew).unwrap();
            });
        }
    });
    let text = fs::read_to_string(&file).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((text.lines().count(), lines.len()), (32, 32));
    assert!(lines.iter().all(|line| line.ends_with(ED25519)));
}

#[test]
fn an_unreadable_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = KnownHosts::read(&[folder.path().to_path_buf()]).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", folder.path().display())), "{error}");
}
