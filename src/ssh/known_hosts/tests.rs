//! Verdicts on host keys for known_hosts files of every shape.

use std::path::Path;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;

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

fn settings(file: &Path, hash: bool) -> HostKeys {
    HostKeys {
        policy: HostKeyPolicy::Strict,
        files: vec![file.to_path_buf()],
        global_files: Vec::new(),
        alias: None,
        hash,
    }
}

fn known_hosts(file: &Path, hash: bool) -> KnownHosts {
    KnownHosts::read(&settings(file, hash)).unwrap()
}

fn judge(
    hosts: &KnownHosts,
    address: &str,
    port: u16,
    shown: &str,
    policy: HostKeyPolicy,
) -> Verdict {
    let shown = PublicKeyOrCertificate::from(key(shown));
    hosts.judge(&Name::new(address, port, None), &shown, policy).unwrap().0
}

/// The verdict in one word, with the lines it rests on.
fn short(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Known => "known".to_owned(),
        Verdict::Learned => "learned".to_owned(),
        Verdict::Unknown => "unknown".to_owned(),
        Verdict::Revoked(key) => format!("revoked {}", key.line),
        Verdict::RevokedAuthority(key) => format!("revoked authority {}", key.line),
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
        (
            "names and patterns in order",
            "node? B\nnode1,Node1,node1 E\n*1 B\nnode1 B\nnode2 A",
            at("node1", 22),
            "changed 1,2,3,4",
        ),
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
        ("an authority is no key of a host", "@cert-authority node1 B", at("node1", 22), "unknown"),
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
        let mut lines = Lines::default();
        lines.extend(entry::parse(Path::new("known_hosts"), &text));
        let verdict = verdict(&lines, &Name::new(address, port, None), &key(ED25519));
        assert_eq!(short(&verdict), expected, "{rule}: {address} port {port} in {file:?}");
    }
}

#[test]
fn a_changed_key_names_fingerprint_file_and_line() {
    let text = format!("# mine\nnode1 {OTHER}\n");
    let mut lines = Lines::default();
    lines.extend(entry::parse(Path::new("/some/known_hosts"), &text));
    let name = Name::new("node1", 22, None);
    let Verdict::Changed(keys) = verdict(&lines, &name, &key(ED25519)) else {
        panic!("the key differs");
    };
    assert_eq!(keys[0].to_string(), format!("ssh-ed25519 {OTHER_SHA256} (/some/known_hosts:2)"));
}

#[test]
fn learns_as_openssh_writes() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".ssh/known_hosts");
    let hosts = known_hosts(&file, false);
    let judge = |address, port, text, policy| short(&judge(&hosts, address, port, text, policy));
    assert_eq!(judge("Node1", 22, ED25519, HostKeyPolicy::Strict), "unknown");
    assert!(!file.exists(), "a strict check writes nothing");
    assert_eq!(judge("Node1", 22, ED25519, HostKeyPolicy::AcceptNew), "learned");
    assert_eq!(judge("node1", 22, ED25519, HostKeyPolicy::AcceptNew), "known");
    assert_eq!(judge("node1", 22, OTHER, HostKeyPolicy::AcceptNew), "changed 1");
    assert_eq!(judge("2001:db8::1", 2222, ECDSA, HostKeyPolicy::AcceptNew), "learned");
    assert_eq!(judge("2001:db8::1", 2222, ED25519, HostKeyPolicy::AcceptNew), "changed 2");
    assert_eq!(hosts.algorithms(&Name::new("node1", 22, None)), [Algorithm::Ed25519]);

    let text = format!("node1 {ED25519}\n[2001:db8::1]:2222 {ECDSA}\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o700, 0o600));

    // A folder that is not there was mistyped.
    let file = folder.path().join("nosuch/known_hosts");
    let hosts = known_hosts(&file, false);
    let (address, port) = ("node1".to_owned(), 22);
    let name = Name::new(&address, port, None);
    let key = PublicKeyOrCertificate::PublicKey { key: ED25519.parse().unwrap(), hash_alg: None };
    assert!(hosts.judge(&name, &key, HostKeyPolicy::AcceptNew).is_err());
    assert!(!file.parent().unwrap().exists());
}

#[test]
fn a_line_without_end_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs::write(&file, format!("node1 {OTHER}")).unwrap();
    let hosts = known_hosts(&file, false);
    let verdict = judge(&hosts, "node2", 22, ED25519, HostKeyPolicy::AcceptNew);
    assert_eq!(verdict, Verdict::Learned);
    let text = format!("node1 {OTHER}\nnode2 {ED25519}\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn many_hosts_at_once_are_each_learned_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let hosts = known_hosts(&file, false);
    std::thread::scope(|scope| {
        for number in 0..64 {
            let hosts = &hosts;
            scope.spawn(move || {
                let name = format!("node{}", number / 2);
                judge(hosts, &name, 22, ED25519, HostKeyPolicy::AcceptNew);
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
    let error = KnownHosts::read(&settings(folder.path(), false)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", folder.path().display())), "{error}");
}

#[test]
fn an_alias_stands_for_address_and_port() {
    let mut lines = Lines::default();
    lines.extend(entry::parse(Path::new("known_hosts"), &format!("web {ED25519}\n")));
    let name = Name::new("10.0.0.1", 2222, Some("Web"));
    assert_eq!(verdict(&lines, &name, &key(ED25519)), Verdict::Known);
    assert_eq!(name.written(false).unwrap(), "web");
    for odd in ["", "a b", "!a", "a\nb", "a\x0cb", "\u{2028}"] {
        assert!(!Name::new("h", 22, Some(odd)).can_be_written(), "{odd:?}");
    }
}

#[test]
fn hashed_names_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let hosts = known_hosts(&file, true);
    let learn = |name| judge(&hosts, name, 2222, ED25519, HostKeyPolicy::AcceptNew);
    assert_eq!([learn("node1"), learn("node2")], [Verdict::Learned, Verdict::Learned]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.lines().all(|line| line.starts_with("|1|")), "{text}");
    let again = known_hosts(&file, false);
    assert_eq!(judge(&again, "node1", 2222, ED25519, HostKeyPolicy::Strict), Verdict::Known);
    assert_eq!(judge(&again, "node1", 2222, OTHER, HostKeyPolicy::Off), {
        let known_key = KnownKey { key: (&key(ED25519)).into(), file, line: 1 };
        Verdict::Changed(vec![known_key])
    });
}

/// What other programs append at the same time stays whole, and our line numbers stay right.
#[test]
fn other_writers_are_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let all = [known_hosts(&file, false), known_hosts(&file, true), known_hosts(&file, false)];
    std::thread::scope(|scope| {
        for (number, hosts) in all.iter().enumerate() {
            scope.spawn(move || {
                for host in 0..50 {
                    let name = format!("node{number}-{host}");
                    judge(hosts, &name, 22, ED25519, HostKeyPolicy::AcceptNew);
                }
            });
        }
    });
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().filter(|line| line.ends_with(ED25519)).count(), 150, "{text}");
    assert_eq!(text.lines().count(), 150);
    assert_eq!(judge(&all[0], "last", 22, ED25519, HostKeyPolicy::AcceptNew), Verdict::Learned);
    let changed = judge(&all[0], "last", 22, OTHER, HostKeyPolicy::AcceptNew);
    assert_eq!(short(&changed), "changed 151");
}

const NOW: u64 = 1_800_000_000;

fn pair(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// A certificate that is good now, signed by the key of seed 1, with `change` made to it.
fn certificate(kind: CertType, change: impl FnOnce(&mut Builder)) -> Certificate {
    let host = pair(2);
    let mut builder = Builder::new(vec![0; 16], host.public_key(), NOW - 60, NOW + 60).unwrap();
    builder.cert_type(kind).unwrap();
    change(&mut builder);
    builder.sign(&pair(1)).unwrap()
}

#[test]
fn a_certificate_must_fit_in_every_point() {
    let named = |name: &'static str| move |b: &mut Builder| _ = b.valid_principal(name).unwrap();
    let check = |certificate: &Certificate, now| {
        certificate::check(certificate, pair(1).public_key(), "node1", now)
    };
    let good = certificate(CertType::Host, named("node1"));
    assert_eq!(check(&good, NOW), Ok(()));
    assert_eq!(check(&certificate(CertType::Host, named("node?")), NOW), Ok(()));
    let fault = |certificate: &Certificate, now| check(certificate, now).unwrap_err();
    assert_eq!(fault(&good, NOW - 61), "it is not valid yet");
    assert_eq!(fault(&good, NOW + 60), "it has expired");
    assert_eq!(fault(&certificate(CertType::Host, named("node2")), NOW), "it is not for node1");
    let all = certificate(CertType::Host, |b| _ = b.all_principals_valid().unwrap());
    assert_eq!(fault(&all, NOW), "it names no host");
    let user = certificate(CertType::User, named("node1"));
    assert_eq!(fault(&user, NOW), "it is not a certificate of a host");
    let critical = certificate(CertType::Host, |b| {
        b.valid_principal("node1").unwrap();
        b.critical_option("force-command", "true").unwrap();
    });
    assert!(fault(&critical, NOW).starts_with("it has critical options"));
    // What a stranger has written takes no time.
    let pattern = format!("{}z", "*?".repeat(30));
    let long = Name::new(&"n".repeat(60), 22, None);
    let strangers = certificate(CertType::Host, |b| _ = b.valid_principal(pattern).unwrap());
    let judged = certificate::check(&strangers, pair(1).public_key(), long.principal(), NOW);
    assert!(judged.unwrap_err().starts_with("it is not for nnn"));
    // Signed by another than the one who is trusted.
    let other = certificate::check(&good, pair(3).public_key(), "node1", NOW).unwrap_err();
    assert_eq!(other, "its signature is wrong");
    let mut bytes = good.to_bytes().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(fault(&Certificate::from_bytes(&bytes).unwrap(), NOW), "its signature is wrong");
}

#[test]
fn global_files_are_read_but_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let [own, global] = ["own", "global"].map(|name| folder.path().join(name));
    fs::write(&global, format!("node1 {ED25519}\n")).unwrap();
    let mut both = settings(&own, false);
    both.global_files = vec![global.clone()];
    let hosts = KnownHosts::read(&both).unwrap();
    assert_eq!(judge(&hosts, "node1", 22, ED25519, HostKeyPolicy::Strict), Verdict::Known);
    assert_eq!(judge(&hosts, "node2", 22, ED25519, HostKeyPolicy::AcceptNew), Verdict::Learned);
    assert!(fs::read_to_string(&own).unwrap().starts_with("node2 "));
    both.files.clear();
    let hosts = KnownHosts::read(&both).unwrap();
    assert_eq!(judge(&hosts, "node2", 22, ED25519, HostKeyPolicy::AcceptNew), Verdict::Unknown);
    assert_eq!(fs::read_to_string(&global).unwrap().lines().count(), 1);
}
