//! What is said of logins and keys that cannot do.

use std::fs;

use ezsync::ssh::{ConnectError, Method, Target};

use crate::program::ezsync;
use crate::sshd::{Sshd, make_key};

async fn rejected(server: &Sshd, target: &Target) -> ConnectError {
    server.client().connect(target).await.unwrap_err()
}

#[tokio::test]
async fn settings_that_leave_no_way_are_named() {
    let Some(server) = Sshd::start("KbdInteractiveAuthentication no\n") else { return };
    let mut target = server.user();
    target.credentials.methods = vec![Method::KeyboardInteractive, Method::Password];
    let error = rejected(&server, &target).await;
    assert!(error.to_string().contains("keys are not to be tried; the server accepts"), "{error}");
    assert!(error.hint().starts_with("allow keys (PubkeyAuthentication"), "{}", error.hint());

    target.credentials.methods = vec![Method::KeyboardInteractive];
    target.credentials.password = Some("x".into());
    let hint = rejected(&server, &target).await.hint();
    assert!(hint.contains("leave keyboard-interactive to log in with"), "{hint}");
    assert!(hint.contains("PreferredAuthentications"), "{hint}");
}

#[tokio::test]
async fn a_server_that_wants_more_than_a_key_is_understood() {
    let Some(server) = Sshd::start("AuthenticationMethods publickey,password\n") else { return };
    let error = rejected(&server, &server.user()).await;
    assert!(error.to_string().contains("(accepted, but not enough)"), "{error}");
    assert!(error.hint().contains("a key is not enough"), "{}", error.hint());
    assert!(error.hint().contains("-k"), "{}", error.hint());
}

#[test]
fn files_that_are_no_keys_are_refused_before_any_host() {
    let Some(server) = Sshd::start("") else { return };
    let at = |name: &str| server.path(name).display().to_string();
    make_key("ed25519", &server.path("locked"), "secret-words");
    let key = fs::read_to_string(server.path("user")).unwrap();
    fs::write(server.path("cut"), &key[..160]).unwrap();
    fs::write(server.path("text"), "no key\n").unwrap();
    fs::create_dir(server.path("folder")).unwrap();
    for (name, why) in [
        (
            "user.pub",
            format!("it is the public half of a key\nhint: name the private one: {}", at("user")),
        ),
        ("text", "it is no private key".to_owned()),
        ("cut", "it cannot be read as a private key: it is cut off".to_owned()),
        ("folder", "is a folder".to_owned()),
    ] {
        let before = server.log().matches("Connection from").count();
        let ran = ezsync(&server, "ping", "", &["--private-key", &at(name)]);
        assert_eq!(ran.code, Some(5), "{}", ran.said);
        assert!(ran.said.contains(&why), "{}", ran.said);
        assert_eq!(server.log().matches("Connection from").count(), before);
    }
    // One that is locked may be opened yet.
    server.know(&server.host_line("ed25519"));
    let ran = ezsync(&server, "ping", "", &["--private-key", &at("locked")]);
    assert_ne!(ran.code, Some(5), "{}", ran.said);
}

#[test]
fn a_folder_for_host_keys_is_not_made() {
    let Some(server) = Sshd::start("") else { return };
    let folder = server.path("nosuch");
    let file = folder.join("kh").display().to_string();
    let ran = ezsync(&server, "ping", "", &["--known-hosts", &file, "--accept-new-host-keys"]);
    assert_eq!(ran.code, Some(5), "{}", ran.said);
    assert!(ran.said.contains("there is no folder"), "{}", ran.said);
    assert!(!folder.exists());
}
