//! Which keys are tried, and what is said when none is accepted.

use std::time::Duration;

use ezsync::ssh::ConnectError;

use crate::run::run_on;
use crate::sshd::{SECRET, Sshd, agent, fingerprint, with_agent};

#[tokio::test]
async fn keys_of_every_type_from_files() {
    let Some(server) = Sshd::start("") else { return };
    let client = server.client();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = server.user_key(kind, "", true);
        let session = client.connect(&server.target(key)).await.unwrap();
        let output = run_on(&session, "id -un", Vec::new(), Duration::from_secs(10)).await.unwrap();
        assert_eq!(output.stdout, b"root\n", "{kind}");
        session.close().await;
    }
}

#[tokio::test]
async fn default_keys_are_tried_where_none_is_named() {
    let Some(server) = Sshd::start("") else { return };
    let mut target = server.bare();
    target.credentials.default_identity_files =
        vec![server.path("id_missing"), server.path("user")];
    server.client().connect(&target).await.unwrap();
}

#[tokio::test]
async fn the_agent_signs_with_keys_of_every_type() {
    let Some(server) = Sshd::start("") else { return };
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = server.user_key(kind, "", true);
        let folder = tempfile::tempdir().unwrap();
        let (_agent, socket) = agent(folder.path(), &[&key]);
        server.client().connect(&with_agent(server.bare(), socket)).await.unwrap();
    }
}

#[tokio::test]
async fn an_encrypted_file_is_used_through_the_agent_before_its_other_keys() {
    let Some(server) = Sshd::start("MaxAuthTries 2\n") else { return };
    let (other, key) =
        (server.user_key("ecdsa", "", false), server.user_key("ed25519", SECRET, true));
    let folder = tempfile::tempdir().unwrap();
    let (_agent, socket) =
        agent(folder.path(), &[&other, &server.user_key("rsa", "", false), &key]);
    server.client().connect(&with_agent(server.target(key), socket)).await.unwrap();
    assert!(!server.log().contains("Failed publickey"), "{}", server.log());
}

#[tokio::test]
async fn an_encrypted_file_without_agent_is_named() {
    let Some(server) = Sshd::start("") else { return };
    let key = server.user_key("ed25519", SECRET, true);
    let error = server.client().connect(&server.target(&key)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot log in to 127.0.0.1:{} as root: there was no key to try; could not use {} (needs its passphrase, and no agent holds it)",
            server.port,
            key.display()
        )
    );
    assert_eq!(error.hint(), format!("load the key into your agent: ssh-add {}", key.display()));
}

#[tokio::test]
async fn a_refused_login_lists_what_was_tried() {
    let Some(server) = Sshd::start("KbdInteractiveAuthentication no\n") else { return };
    let (file, held) = (server.user_key("ed25519", "", false), server.user_key("ecdsa", "", false));
    let folder = tempfile::tempdir().unwrap();
    let (_agent, socket) = agent(folder.path(), &[&held]);
    let mut target = server.target(&file);
    target.credentials.identity_files.push(server.path("id_missing"));
    target.credentials.password = Some("never-shown".to_owned().into());
    let target = with_agent(target, socket);
    let error = server.client().connect(&target).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot log in to 127.0.0.1:{} as root: tried {}, agent key ecdsa-sha2-nistp256 {}, password; could not use {} (no such file); the server accepts publickey, password",
            server.port,
            file.display(),
            fingerprint(&held),
            server.path("id_missing").display(),
        )
    );
    assert!(!format!("{target:?} {error:?}").contains("never-shown"));
}

#[tokio::test]
async fn a_server_that_has_had_enough_is_quoted() {
    let Some(server) = Sshd::start("MaxAuthTries 1\n") else { return };
    let keys = ["ed25519", "ecdsa"].map(|kind| server.user_key(kind, "", false));
    let mut target = server.bare();
    target.credentials.identity_files = keys.to_vec();
    let error = server.client().connect(&target).await.unwrap_err().to_string();
    assert!(
        error.contains("the server ended the connection: Too many authentication failures"),
        "{error}"
    );
    assert!(error.contains(&format!("tried {}", keys[0].display())), "{error}");
}

#[tokio::test]
async fn a_key_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let Some(server) = Sshd::start("") else { return };
    let key = server.user_key("ed25519", "", true);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = server.client().connect(&server.target(&key)).await.unwrap_err().to_string();
    assert!(error.contains("others than you may read it"), "{error}");
}

#[tokio::test]
async fn the_servers_words_are_shown_safely() {
    let folder = tempfile::tempdir().unwrap();
    let banner = folder.path().join("banner");
    std::fs::write(&banner, "\x1b[2JGo away.\n").unwrap();
    let Some(server) = Sshd::start(&format!("Banner {}\n", banner.display())) else { return };
    let key = server.user_key("ed25519", "", false);
    let error = server.client().connect(&server.target(key)).await.unwrap_err().to_string();
    assert!(error.ends_with("; it said: \\x1b[2JGo away."), "{error:?}");
}

#[tokio::test]
async fn an_agent_that_is_gone_does_not_keep_us_from_the_files() {
    let Some(server) = Sshd::start("") else { return };
    let client = server.client();
    let gone = server.path("no_such_socket");
    client.connect(&with_agent(server.user(), gone.clone())).await.unwrap();
    let key = server.user_key("ed25519", "", false);
    let error = client.connect(&with_agent(server.target(key), gone)).await.unwrap_err();
    let ConnectError::Authentication(rejected) = error else { panic!("{error}") };
    assert_eq!(rejected.unusable[0].name, "the SSH agent");
}

#[tokio::test]
async fn fifty_hosts_share_one_agent() {
    let Some(server) = Sshd::start("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_agent, socket) = agent(folder.path(), &[&server.path("user")]);
    let client = server.client();
    let logins = (0..50).map(|_| {
        let (client, target) = (client.clone(), with_agent(server.bare(), socket.clone()));
        tokio::spawn(async move { client.connect(&target).await.map(drop) })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_never_answers_does_not_keep_us_from_the_files() {
    let Some(server) = Sshd::start("") else { return };
    let socket = server.path("silent_agent");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    server.client().connect(&with_agent(server.user(), socket)).await.unwrap();
}

#[tokio::test]
async fn a_server_may_want_two_keys() {
    let Some(server) = Sshd::start("AuthenticationMethods publickey,publickey\n") else { return };
    let mut target = server.user();
    let error = server.client().connect(&target).await.unwrap_err().to_string();
    assert!(
        error.contains("user (accepted, but not enough); the server accepts publickey"),
        "{error}"
    );
    target.credentials.identity_files.push(server.user_key("ecdsa", "", true));
    server.client().connect(&target).await.unwrap();
}

#[tokio::test]
async fn a_password_is_tried_last_and_within_the_servers_patience() {
    let Some(server) = Sshd::start("") else { return };
    let mut target = server.bare();
    target.credentials.identity_files = (0..8).map(|n| server.path(&format!("many_{n}"))).collect();
    for file in &target.credentials.identity_files {
        let from = server.user_key("ed25519", "", false);
        std::fs::rename(&from, file).unwrap();
        std::fs::remove_file(from.with_extension("pub")).unwrap();
    }
    target.credentials.password = Some("wrong".to_owned().into());
    let error = server.client().connect(&target).await.unwrap_err();
    let ConnectError::Authentication(rejected) = error else { panic!("{error}") };
    assert_eq!(rejected.tried.len(), 6);
    assert_eq!(rejected.tried[5], "password");
}
