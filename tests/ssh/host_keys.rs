//! Which hosts are believed.

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Session};

use crate::sshd::{Sshd, fingerprint, run};

async fn connect(server: &Sshd, policy: HostKeyPolicy) -> Result<Session, ConnectError> {
    let mut target = server.user();
    target.host_keys.policy = policy;
    Client::default().connect(&target).await
}

#[tokio::test]
async fn an_unknown_host_is_refused_with_its_fingerprint_and_the_way_on() {
    let Some(server) = Sshd::start("") else { return };
    let error = connect(&server, HostKeyPolicy::Strict).await.unwrap_err();
    let shown = fingerprint(&server.path("host_ed25519.pub"));
    let port = server.port;
    assert_eq!(
        error.to_string(),
        format!("the host key of 127.0.0.1:{port} is not known: ssh-ed25519 {shown}")
    );
    assert_eq!(
        error.hint(),
        format!(
            "if the fingerprint is that of the host, accept it with --accept-new-host-keys, or add it: ssh-keyscan -p {port} 127.0.0.1 >> {}",
            server.path("known_hosts").display()
        )
    );
    assert!(!server.path("known_hosts").exists());
}

#[tokio::test]
async fn a_learned_host_is_known_from_then_on() {
    let Some(server) = Sshd::start("") else { return };
    let session = connect(&server, HostKeyPolicy::AcceptNew).await.unwrap();
    let shown = fingerprint(&server.path("host_ed25519.pub"));
    assert_eq!(session.learned_host_key().unwrap().to_string(), format!("ssh-ed25519 {shown}"));
    let text = std::fs::read_to_string(server.path("known_hosts")).unwrap();
    assert_eq!(text, server.host_line("ed25519"));

    let session = connect(&server, HostKeyPolicy::Strict).await.unwrap();
    assert_eq!(session.learned_host_key(), None);
}

#[tokio::test]
async fn a_changed_host_key_is_refused_with_both_fingerprints() {
    let Some(server) = Sshd::start("") else { return };
    let other = server.user_key("ed25519", "", false).with_extension("pub");
    let line = std::fs::read_to_string(&other).unwrap();
    server.know(&format!("# a comment\n[127.0.0.1]:{} {line}", server.port));
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let error = connect(&server, policy).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the host key of 127.0.0.1:{} has changed: it shows ssh-ed25519 {}, but known is ssh-ed25519 {} ({}:2)",
                server.port,
                fingerprint(&server.path("host_ed25519.pub")),
                fingerprint(&other),
                server.path("known_hosts").display()
            )
        );
        // The hint is a command that does what it says.
        let hint = error.hint();
        assert!(hint.ends_with(&format!("-R '[127.0.0.1]:{}'", server.port)), "{hint}");
    }
}

#[tokio::test]
async fn a_hashed_line_is_found() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    run(std::process::Command::new("ssh-keygen")
        .arg("-H")
        .arg("-f")
        .arg(server.path("known_hosts")));
    assert!(std::fs::read_to_string(server.path("known_hosts")).unwrap().starts_with("|1|"));
    connect(&server, HostKeyPolicy::Strict).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_is_refused_even_when_it_is_known() {
    let Some(server) = Sshd::start("") else { return };
    let line = server.host_line("ed25519");
    server.know(&format!("{line}@revoked {line}"));
    let error = connect(&server, HostKeyPolicy::AcceptNew).await.unwrap_err();
    assert!(matches!(&error, ConnectError::HostKeyRevoked { key, .. } if key.line == 2), "{error}");
}

#[tokio::test]
async fn of_several_host_keys_the_known_one_is_asked_for() {
    let Some(server) = Sshd::with_host_keys(&["rsa", "ecdsa", "ed25519"], "") else { return };
    for kind in ["ecdsa", "rsa", "ed25519"] {
        server.know(&server.host_line(kind));
        connect(&server, HostKeyPolicy::Strict).await.unwrap();
    }
}

#[tokio::test]
async fn many_hosts_are_learned_at_once() {
    let Some(server) = Sshd::start("") else { return };
    let client = Client::default();
    let logins = (1..=8).map(|number| {
        // One server, but two hosts as far as known_hosts goes.
        let (client, mut target) = (client.clone(), server.user());
        target.host_keys.policy = HostKeyPolicy::AcceptNew;
        target.endpoint.address = if number == 1 { "127.0.0.1" } else { "localhost" }.to_owned();
        tokio::spawn(async move { client.connect(&target).await.map(|s| s.learned_host_key()) })
    });
    let mut learned = 0;
    for login in logins.collect::<Vec<_>>() {
        learned += usize::from(login.await.unwrap().unwrap().is_some());
    }
    assert_eq!(learned, 2, "two names, each learned by one of those who use it");
    let text = std::fs::read_to_string(server.path("known_hosts")).unwrap();
    assert_eq!(text.lines().count(), 2);
}

#[tokio::test]
async fn algorithms_that_are_no_longer_safe_are_not_used() {
    for (types, settings, kind, theirs) in [
        (["ed25519"], "Ciphers aes128-cbc\n", "cipher", "it offers aes128-cbc, "),
        (["rsa"], "HostKeyAlgorithms ssh-rsa\n", "host key", "it offers ssh-rsa, "),
        (
            ["ed25519"],
            "KexAlgorithms diffie-hellman-group14-sha1\n",
            "key exchange",
            "it offers diffie-hellman-group14-sha1",
        ),
    ] {
        let Some(server) = Sshd::with_host_keys(&types, settings) else { return };
        let error = connect(&server, HostKeyPolicy::AcceptNew).await.unwrap_err().to_string();
        assert!(error.contains(&format!(" share no {kind} algorithm: {theirs}")), "{error}");
    }
}
