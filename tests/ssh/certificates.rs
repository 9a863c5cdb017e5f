//! Certificates of users and of hosts, signed by ssh-keygen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Session};

use crate::sshd::{Sshd, agent, make_key, run, with_agent};

/// Signs `key`, giving `NAME-cert.pub` beside it.
fn sign(authority: &Path, key: &Path, options: &[&str]) -> PathBuf {
    let mut command = Command::new("ssh-keygen");
    command.arg("-q").arg("-s").arg(authority).args(["-I", "test"]).args(options);
    run(command.arg(key.with_extension("pub")));
    PathBuf::from(format!("{}-cert.pub", key.display()))
}

/// A server that lets in who has a certificate of the authority `ca` for root, and nobody else.
fn users() -> Option<(Sshd, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    if crate::sshd::missing().is_none() {
        make_key("ed25519", &ca, "");
    }
    let settings = format!("TrustedUserCAKeys {}.pub\n", ca.display());
    Some((Sshd::start(&settings)?, folder))
}

#[tokio::test]
async fn a_certificate_beside_a_key_lets_in() {
    let Some((server, folder)) = users() else { return };
    let ca = folder.path().join("ca");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = server.user_key(kind, "", false);
        server.client().connect(&server.target(&key)).await.unwrap_err();
        sign(&ca, &key, &["-n", "root"]);
        server.client().connect(&server.target(&key)).await.unwrap();
    }
    // One for somebody else does not.
    let key = folder.path().join("other");
    make_key("ed25519", &key, "");
    sign(&ca, &key, &["-n", "nobody"]);
    let error = server.client().connect(&server.target(&key)).await.unwrap_err();
    let ConnectError::Authentication(rejected) = error else { panic!("{error}") };
    let name = key.display().to_string();
    let fault = "it is for nobody, not for root";
    assert_eq!(rejected.tried, [name.clone(), format!("{name}-cert.pub ({fault})")]);
    // What it says of itself is the likeliest reason.
    for (options, fault) in [
        (["-n", "nobody", "-V", "-2d:+2d"], fault),
        (["-n", "root", "-V", "-2d:-1d"], "it has expired"),
        (["-n", "root", "-V", "+1d:+2d"], "it is not valid yet"),
    ] {
        sign(&ca, &key, &options);
        let error = server.client().connect(&server.target(&key)).await.unwrap_err();
        assert_eq!(error.hint(), format!("have the certificate signed anew: {fault}"));
    }
}

#[tokio::test]
async fn a_named_certificate_finds_its_key_in_files_and_agents() {
    let Some((server, folder)) = users() else { return };
    for kind in ["ed25519", "rsa"] {
        let key = server.user_key(kind, "", false);
        let beside = sign(&folder.path().join("ca"), &key, &["-n", "root"]);
        let certificate = folder.path().join("elsewhere");
        fs::rename(&beside, &certificate).unwrap();

        let mut target = server.target(&key);
        target.credentials.certificate_files = vec![certificate.clone()];
        server.client().connect(&target).await.unwrap();

        let home = tempfile::tempdir().unwrap();
        let (_agent, socket) = agent(home.path(), &[&key]);
        target.credentials.identity_files.clear();
        let error = server.client().connect(&target).await.unwrap_err().to_string();
        assert!(error.contains("elsewhere (nobody has its private key)"), "{error}");
        server.client().connect(&with_agent(target.clone(), socket)).await.unwrap();

        target.credentials.certificate_files = vec![key.with_extension("pub")];
        let error = server.client().connect(&target).await.unwrap_err().to_string();
        assert!(error.contains("(it is no certificate)"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_in_an_agent_lets_in() {
    let Some((server, folder)) = users() else { return };
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = server.user_key(kind, "", false);
        sign(&folder.path().join("ca"), &key, &["-n", "root"]);
        // ssh-add takes the certificate beside the key as well.
        let home = tempfile::tempdir().unwrap();
        let (_agent, socket) = agent(home.path(), &[&key]);
        server.client().connect(&with_agent(server.bare(), socket)).await.unwrap();
    }
}

/// A server with one host key of type `kind` and a certificate of the authority `ca` for it.
fn host(kind: &str, options: &[&str]) -> Option<(Sshd, tempfile::TempDir)> {
    host_of("ed25519", kind, options)
}

/// The same with an authority whose key is of type `ca`.
fn host_of(ca: &str, kind: &str, options: &[&str]) -> Option<(Sshd, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    if crate::sshd::missing().is_none() {
        make_key(ca, &at("ca"), "");
        make_key(kind, &at("host"), "");
        sign(&at("ca"), &at("host"), options);
    }
    let (key, certificate) = (at("host"), at("host-cert.pub"));
    let settings =
        format!("HostKey {}\nHostCertificate {}\n", key.display(), certificate.display());
    Some((Sshd::with_host_keys(&[], &settings)?, folder))
}

async fn connect(server: &Sshd, known: &str) -> Result<Session, ConnectError> {
    server.know(known);
    let mut target = server.user();
    target.host_keys.policy = HostKeyPolicy::Strict;
    Client::default().connect(&target).await
}

fn public(folder: &tempfile::TempDir, name: &str) -> String {
    let text = fs::read_to_string(folder.path().join(name).with_extension("pub")).unwrap();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_authority_vouches_for_hosts() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let Some((server, folder)) = host(kind, &["-h", "-n", "127.0.0.1"]) else { return };
        let ca = public(&folder, "ca");
        connect(&server, &format!("@cert-authority [127.0.0.*]:* {ca}\n")).await.unwrap();
        // A line for the host alone is for all its ports.
        connect(&server, &format!("@cert-authority 127.0.0.1 {ca}\n")).await.unwrap();
        // Another authority, but the key itself is known.
        let key = public(&folder, "host");
        let other = fs::read_to_string(server.path("user.pub")).unwrap();
        let known = format!("@cert-authority * {other}\n127.0.0.1 {key}\n");
        connect(&server, &known).await.unwrap();
        let error = connect(&server, &format!("@cert-authority * {other}\n")).await.unwrap_err();
        assert!(
            error.to_string().ends_with("; its certificate is no proof: no authority that is known for this host has signed it"),
            "{error}"
        );
        // Neither the authority nor the key may be revoked.
        for (revoked, words, next) in [
            (
                &ca,
                "the authority that has signed the host key of",
                "have the host's key signed anew",
            ),
            (&key, "the host key of 127.0.0.1", "do not use this host"),
        ] {
            let known = format!("@cert-authority * {ca}\n@revoked * {revoked}\n");
            let error = connect(&server, &known).await.unwrap_err();
            assert!(error.to_string().starts_with(words), "{error}");
            assert!(error.to_string().contains("is revoked"), "{error}");
            assert!(error.hint().contains(next), "{}", error.hint());
        }
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_no_proof() {
    let options: [(&[&str], &str); 4] = [
        (&["-h", "-n", "other"], "it is not for 127.0.0.1"),
        (&["-h", "-n", "127.0.0.1", "-V", "-2d:-1d"], "it has expired"),
        (&["-h", "-n", "127.0.0.1", "-V", "+1d:+2d"], "it is not valid yet"),
        (&["-h", "-n", "127.0.0.1", "-O", "critical:x=y"], "it has critical options"),
    ];
    for (options, fault) in options {
        let Some((server, folder)) = host("ed25519", options) else { return };
        let ca = public(&folder, "ca");
        let error = connect(&server, &format!("@cert-authority * {ca}\n")).await.unwrap_err();
        assert!(error.to_string().contains(fault), "{options:?}: {error}");
        // The key in it may still be known by itself, as for ssh.
        let known = format!("@cert-authority * {ca}\n127.0.0.1 {}\n", public(&folder, "host"));
        connect(&server, &known).await.unwrap();
    }
}

#[tokio::test]
async fn authorities_of_every_type_vouch_but_not_with_sha1() {
    for (ca, hash) in
        [("ecdsa", None), ("rsa", Some("rsa-sha2-256")), ("rsa", None), ("rsa", Some("ssh-rsa"))]
    {
        let hash_option: Vec<&str> = hash.into_iter().flat_map(|hash| ["-t", hash]).collect();
        let options = [&["-h", "-n", "127.0.0.1"][..], &hash_option[..]].concat();
        let Some((server, folder)) = host_of(ca, "ed25519", &options) else { return };
        let known = format!("@cert-authority * {}\n", public(&folder, "ca"));
        let result = connect(&server, &known).await;
        if hash == Some("ssh-rsa") {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("it is signed with SHA-1, which is not safe"), "{error}");
        } else {
            result.unwrap();
        }
    }
}
