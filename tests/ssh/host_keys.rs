//! Which hosts are believed.

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Session};

use crate::sshd::{Sshd, fingerprint, host_keys, run};

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
async fn where_keys_are_not_checked_none_need_be_written() {
    let Some(server) = Sshd::start("") else { return };
    for file in ["/dev/null", "/proc/nobody/known_hosts"] {
        let mut target = server.user();
        target.host_keys = host_keys(HostKeyPolicy::Off, vec![file.into()]);
        let session = Client::default().connect(&target).await.unwrap();
        assert_eq!(session.learned_host_key(), None, "{file}");
    }
    let mut target = server.user();
    target.host_keys = host_keys(HostKeyPolicy::AcceptNew, vec!["/proc/nobody/known_hosts".into()]);
    let error = Client::default().connect(&target).await.unwrap_err();
    assert!(matches!(error, ConnectError::KnownHosts(_)), "{error}");
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

#[tokio::test]
async fn without_checking_a_changed_key_passes_but_gets_no_password() {
    let Some(server) = Sshd::start("") else { return };
    let other = server.user_key("ecdsa", "", false).with_extension("pub");
    let line = std::fs::read_to_string(&other).unwrap();
    let known = format!("[127.0.0.1]:{} {line}", server.port);
    server.know(&known);
    let session = connect(&server, HostKeyPolicy::Off).await.unwrap();
    let doubt = session.doubt().unwrap();
    assert!(doubt.contains("has changed: it shows ssh-ed25519"), "{doubt}");
    assert_eq!(std::fs::read_to_string(server.path("known_hosts")).unwrap(), known);

    let mut target = server.bare();
    target.host_keys.policy = HostKeyPolicy::Off;
    target.credentials.password = Some("secret".into());
    let error = Client::default().connect(&target).await.unwrap_err();
    assert!(!error.to_string().contains("tried"), "{error}");
    assert!(
        error.hint().contains("no password is shown to a host whose key has changed"),
        "{error}"
    );
    // With that host unknown, its key is learned and the password shown.
    server.know("");
    let error = Client::default().connect(&target).await.unwrap_err();
    assert!(error.to_string().contains("tried keyboard-interactive, password"), "{error}");
    // A revoked key is refused all the same.
    server.know(&format!("@revoked * {}", server.host_line("ed25519").split_once(' ').unwrap().1));
    let error = Client::default().connect(&target).await.unwrap_err();
    assert!(matches!(error, ConnectError::HostKeyRevoked { .. }), "{error}");
}

#[tokio::test]
async fn a_host_is_known_by_its_alias() {
    let Some(server) = Sshd::start("") else { return };
    let mut target = server.user();
    target.host_keys.policy = HostKeyPolicy::AcceptNew;
    target.host_keys.alias = Some("web".to_owned());
    target.host_keys.hash = true;
    Client::default().connect(&target).await.unwrap();
    // ssh-keygen finds what we have written.
    let known_hosts = server.path("known_hosts");
    run(std::process::Command::new("ssh-keygen").args(["-F", "web", "-f"]).arg(&known_hosts));
    target.host_keys.policy = HostKeyPolicy::Strict;
    Client::default().connect(&target).await.unwrap();
    target.host_keys.alias = Some("db".to_owned());
    target.host_keys.policy = HostKeyPolicy::Strict;
    Client::default().connect(&target).await.unwrap_err();
}

/// Clients of ours and of OpenSSH's write to one file at the same time, and each of them believes
/// what the others have written.
#[tokio::test]
async fn ssh_and_we_learn_into_one_file() {
    let Some(server) = Sshd::start("") else { return };
    let known_hosts = server.path("known_hosts");
    let ssh = |alias: String, checking: &str| {
        let mut command = std::process::Command::new("ssh");
        command.args(["-F", "none", "-o", "BatchMode=yes"]);
        command.arg("-o").arg(format!("StrictHostKeyChecking={checking}"));
        command.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
        command.arg("-o").arg(format!("HostKeyAlias={alias}")).arg("-i").arg(server.path("user"));
        command.args(["-p", &server.port.to_string(), "root@127.0.0.1", "true"]);
        command
    };
    let theirs: Vec<_> = (0..8)
        .map(|number| {
            let mut ssh = ssh(format!("theirs{number}"), "accept-new");
            ssh.stderr(std::process::Stdio::null()).spawn()
        })
        .collect();
    let logins = (0..8).map(|number| {
        let mut target = server.user();
        target.host_keys.policy = HostKeyPolicy::AcceptNew;
        target.host_keys.alias = Some(format!("ours{number}"));
        // Each with a client of its own, as another process would have.
        tokio::spawn(async move { Client::default().connect(&target).await.map(drop) })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap().unwrap();
    }
    for child in theirs {
        assert!(child.unwrap().wait().unwrap().success());
    }
    let text = std::fs::read_to_string(&known_hosts).unwrap();
    assert_eq!(text.lines().count(), 16, "{text}");
    for alias in (0..8).flat_map(|number| [format!("ours{number}"), format!("theirs{number}")]) {
        run(&mut ssh(alias.clone(), "yes"));
        let mut target = server.user();
        target.host_keys.alias = Some(alias);
        Client::default().connect(&target).await.unwrap();
    }
}

/// What stands in known_hosts: `@@` is the server, A its key, B and E are keys of others, of the same type and of
/// another, H is the name of the server hashed.
const KNOWN: [&str; 17] = [
    "@@ A",
    "127.0.0.1 A",
    "127.0.0.1 B",
    "[127.0.0.*]:* A",
    "*,!@@ A",
    "other,@@ A mine",
    "@@ B",
    "@@ E",
    "@@ E\n@@ A",
    "@@ B\n@@ A",
    "H A",
    "H B",
    "@revoked * A\n@@ A",
    "@revoked * B\n@@ A",
    "@cert-authority * A",
    "@strange * A",
    "garbage\n\n# @@ B\n@@ ssh-ed25519 AAAA\n\t@@\tA\r",
];

/// A host is let pass, refused and learned as `ssh` does it, and what is learned is written as ssh writes it.
#[tokio::test]
async fn known_hosts_mean_what_they_mean_to_ssh() {
    let Some(server) = Sshd::start("") else { return };
    let key = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    };
    let own = key(server.path("host_ed25519.pub"));
    let [same, other] = ["ed25519", "ecdsa"]
        .map(|kind| key(server.user_key(kind, "", false).with_extension("pub")));
    let name = format!("[127.0.0.1]:{}", server.port);
    std::fs::write(server.path("hashed"), format!("{name} {own}\n")).unwrap();
    run(std::process::Command::new("ssh-keygen").arg("-Hf").arg(server.path("hashed")));
    let hashed = std::fs::read_to_string(server.path("hashed")).unwrap();
    let hashed = hashed.split(' ').next().unwrap().to_owned();
    let word = |word: &str| match word.trim_end_matches('\r') {
        "A" => word.replace('A', &own),
        "B" => same.clone(),
        "E" => other.clone(),
        "H" => hashed.clone(),
        _ => word.replace("@@", &name),
    };
    let mut wrong = Vec::new();
    for (number, known) in KNOWN.iter().enumerate() {
        let pieces = known.split_inclusive([' ', '\t', '\n']);
        let text: String = pieces
            .map(|piece| {
                let (text, space) = piece.split_at(piece.trim_end_matches([' ', '\t', '\n']).len());
                word(text) + space
            })
            .collect();
        // Known: as it was. Unknown: a line more. Changed or revoked: refused.
        let [theirs, ours] =
            ["theirs", "ours"].map(|who| server.path(&format!("known-{who}-{number}")));
        for file in [&theirs, &ours] {
            std::fs::write(file, format!("{text}\n")).unwrap();
        }
        let mut ssh = std::process::Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "UpdateHostKeys=no"]);
        ssh.args(["-o", "GlobalKnownHostsFile=none", "-o", "IdentityAgent=none"]);
        ssh.args(["-o", "StrictHostKeyChecking=accept-new"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", theirs.display()));
        ssh.arg("-i").arg(server.path("user")).args(["-p", &server.port.to_string()]);
        ssh.args(["root@127.0.0.1", "true"]);
        let ssh = tokio::task::spawn_blocking(move || ssh.output().unwrap());
        let mut target = server.user();
        target.host_keys = host_keys(HostKeyPolicy::AcceptNew, vec![ours.clone()]);
        let connected = Client::default().connect(&target).await;
        let output = ssh.await.unwrap();
        let [theirs, ours] = [theirs, ours].map(|file| std::fs::read_to_string(file).unwrap());
        if output.status.success() != connected.is_ok() || theirs != ours {
            wrong.push(format!(
                "{known:?}: ssh {} {theirs:?}\n  ezsync {:?} {ours:?}",
                String::from_utf8_lossy(&output.stderr),
                connected.err().map(|error| error.to_string()),
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
