//! What takes a server other than OpenSSH's: one that knows a password without a user of this
//! machine who has it, and one that is old. The server is russh's.

use std::sync::Arc;

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Target};
use russh::Preferred;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, run_stream};
use tokio::net::TcpListener;

use crate::sshd::{host_keys, make_key, missing, target};

struct Doorman;

impl Handler for Doorman {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(if (user, password) == ("root", "right") { Auth::Accept } else { Auth::reject() })
    }
}

/// Logs in to a server that accepts signatures and shows host keys of the types `algorithms`.
async fn log_in(
    algorithms: Vec<Algorithm>,
    change: impl Fn(&mut Target),
) -> Result<(), ConnectError> {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(server.local_addr().unwrap().port());
    change(&mut target);
    tokio::spawn(async move {
        let (socket, _) = server.accept().await.unwrap();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
        let preferred = Preferred { key: algorithms.into(), ..Preferred::DEFAULT };
        let config = Config { keys: vec![key], preferred, ..Config::default() };
        let _ = run_stream(Arc::new(config), socket, Doorman).await.unwrap().await;
    });
    let folder = tempfile::tempdir().unwrap();
    target.host_keys = host_keys(HostKeyPolicy::AcceptNew, vec![folder.path().join("known_hosts")]);
    Client::default().connect(&target).await.map(drop)
}

async fn log_in_with_password(password: &str) -> Result<(), ConnectError> {
    let set = |target: &mut Target| target.credentials.password = Some(password.to_owned().into());
    log_in(vec![Algorithm::Ed25519], set).await
}

#[tokio::test]
async fn the_right_password_is_accepted_and_a_wrong_one_is_not_shown() {
    log_in_with_password("right").await.unwrap();
    let error = log_in_with_password("wr0ng").await.unwrap_err();
    assert!(
        error.to_string().contains("as root: tried keyboard-interactive, password; "),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn a_password_that_cannot_be_had_is_missed_where_it_is_wanted() {
    let set = |target: &mut Target| {
        target.credentials.no_password = Some("hosts:2:3: vaulted".to_owned());
    };
    let error = log_in(vec![Algorithm::Ed25519], set).await.unwrap_err().to_string();
    let expected = "there was no key to try; could not use password (hosts:2:3: vaulted); ";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn an_rsa_key_is_not_used_with_sha1() {
    if let Some(reason) = missing() {
        ezsync_hosts::skip(reason);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    make_key("rsa", &key, "");
    let set = |target: &mut Target| target.credentials.identity_files = vec![key.clone()];
    let old = vec![Algorithm::Ed25519, Algorithm::Rsa { hash: None }];
    let error = log_in(old, set).await.unwrap_err().to_string();
    let expected = format!(
        "there was no key to try; could not use {} (the server accepts RSA keys with SHA-1 only, which is not safe)",
        key.display()
    );
    assert!(error.contains(&expected), "{error}");
}
