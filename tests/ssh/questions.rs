//! keyboard-interactive. The server is russh's: it asks whatever a test wants. Real PAM is asked
//! in tests/lab.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Method};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::server::{Auth, Config, Handler, Response, run_stream};
use russh::{MethodKind, MethodSet};
use tokio::net::TcpListener;

use crate::locked::Script;
use crate::sshd::{host_keys, target};

/// A question, whether its answer may be seen, and the answer.
type Asked = (&'static str, bool, &'static str);

/// Asks in rounds and lets in who gives all answers.
#[derive(Clone)]
struct Porter {
    instructions: &'static str,
    rounds: &'static [&'static [Asked]],
    /// Rounds that were answered; goes round for ever when `endless`.
    round: usize,
    endless: bool,
}

impl Handler for Porter {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        match response {
            None => self.round = 0,
            Some(response) => {
                let given: Vec<_> = response.collect();
                let round = self.rounds.get(self.round).copied().unwrap_or_default();
                let wanted = round.iter().map(|(_, _, answer)| answer.as_bytes());
                if !given.iter().map(|answer| &answer[..]).eq(wanted) {
                    return Ok(Auth::reject());
                }
                self.round += usize::from(!self.endless);
            }
        }
        let Some(round) = self.rounds.get(self.round) else { return Ok(Auth::Accept) };
        let prompts: Vec<_> =
            round.iter().map(|(text, echo, _)| (Cow::Borrowed(*text), *echo)).collect();
        Ok(Auth::Partial {
            name: "".into(),
            instructions: self.instructions.into(),
            prompts: prompts.into(),
        })
    }
}

/// Logs in to a server that asks `rounds`, as one who may have given a password.
async fn log_in(
    porter: Porter,
    password: Option<&str>,
    script: Option<&Arc<Script>>,
) -> Result<(), ConnectError> {
    let client = match script {
        Some(script) => Client::with_prompt(script.clone()),
        None => Client::default(),
    };
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(server.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (socket, _) = server.accept().await.unwrap();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
        let config = Config {
            keys: vec![key],
            methods: MethodSet::from(&[MethodKind::KeyboardInteractive][..]),
            auth_rejection_time: Duration::ZERO,
            ..Config::default()
        };
        let _ = run_stream(Arc::new(config), socket, porter).await.unwrap().await;
    });
    let folder = tempfile::tempdir().unwrap();
    target.host_keys = host_keys(HostKeyPolicy::AcceptNew, vec![folder.path().join("known_hosts")]);
    target.credentials.password = password.map(Into::into);
    client.connect(&target).await.map(drop)
}

fn porter(rounds: &'static [&'static [Asked]]) -> Porter {
    Porter { instructions: "", rounds, round: 0, endless: false }
}

#[tokio::test]
async fn the_password_is_given_and_the_code_is_asked_for() {
    const PASSWORD: Asked = ("Password: ", false, "right");
    const CODE: Asked = ("Verification code: ", true, "123456");
    let one_round: &'static [&'static [Asked]] = &[&[PASSWORD, CODE]];
    let two_rounds: &'static [&'static [Asked]] = &[&[PASSWORD], &[CODE]];
    let code_first: &'static [&'static [Asked]] = &[&[CODE], &[PASSWORD], &[]];
    for rounds in [one_round, two_rounds, code_first] {
        let script = Script::new(&["123456"]);
        log_in(porter(rounds), Some("right"), Some(&script)).await.unwrap();
        assert_eq!(script.questions(), ["(root@127.0.0.1) Verification code: "]);
        assert!(script.asked.lock().unwrap()[0].echo);
        // A wrong code may be mended.
        let script = Script::new(&["1", "2", "123456"]);
        log_in(porter(rounds), Some("right"), Some(&script)).await.unwrap();
        let script = Script::new(&["1", "2", "3", "123456"]);
        let error = log_in(porter(rounds), Some("right"), Some(&script)).await.unwrap_err();
        assert!(error.to_string().contains("keyboard-interactive"), "{error}");
        assert_eq!(script.questions().len(), 3);
        // A wrong password is shown once.
        let error = log_in(porter(rounds), Some("wrong"), None).await.unwrap_err();
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_one_time_password_is_not_the_one_that_was_given() {
    const ONCE: Asked = ("One-time password (OATH) for `root': ", false, "123456");
    const PASSWORD: Asked = ("Password: ", false, "right");
    let code_first: &'static [&'static [Asked]] = &[&[ONCE], &[PASSWORD]];
    let code_last: &'static [&'static [Asked]] = &[&[PASSWORD], &[ONCE]];
    let together: &'static [&'static [Asked]] = &[&[ONCE, PASSWORD]];
    for rounds in [code_first, code_last, together] {
        let script = Script::new(&["123456"]);
        log_in(porter(rounds), Some("right"), Some(&script)).await.unwrap();
        assert_eq!(script.questions().len(), 1);
    }
}

#[tokio::test]
async fn nobody_to_ask_is_a_failure_with_the_question() {
    let error = log_in(porter(&[&[("One-time code: ", true, "")]]), Some("right"), None).await;
    let error = error.unwrap_err().to_string();
    let expected = "could not use keyboard-interactive (nobody answers its question: (root@127.0.0.1) One-time code:)";
    assert!(error.contains(expected), "{error}");
    // The only thing that is asked for unseen is taken for the password, whatever it is called.
    log_in(porter(&[&[("Passwort: ", false, "right")]]), Some("right"), None).await.unwrap();
}

#[tokio::test]
async fn a_server_that_asks_for_nothing_or_without_end() {
    let script = Script::new(&[]);
    log_in(porter(&[&[]]), None, Some(&script)).await.unwrap();
    log_in(porter(&[]), None, Some(&script)).await.unwrap();
    assert_eq!(script.questions(), [""; 0]);
    let endless = Porter { endless: true, ..porter(&[&[]]) };
    let error = log_in(endless, None, Some(&script)).await.unwrap_err().to_string();
    assert!(error.contains("the server has asked more than 16 times"), "{error}");
}

#[tokio::test]
async fn what_the_server_says_is_shown_safely() {
    let script = Script::new(&["x"]);
    let said = "Welcome\r\nto \x1b[2Jus\u{202e}";
    let porter = Porter { instructions: said, ..porter(&[&[("\x1b]0;Co\nde: ", false, "x")]]) };
    log_in(porter, None, Some(&script)).await.unwrap();
    let shown = "Welcome\nto \\x1b[2Jus\\u{202e}\n(root@127.0.0.1) \\x1b]0;Co\\nde: ";
    assert_eq!(script.questions(), [shown]);
}

#[tokio::test]
async fn hosts_do_not_ask_across_each_other() {
    let rounds: &'static [&'static [Asked]] =
        &[&[("One: ", true, "1"), ("Two: ", true, "2")], &[("Three: ", true, "3")]];
    let script = Script::slow(&["1", "2", "3", "1", "2", "3"], Duration::from_millis(20));
    // One client, so one person.
    let client = Client::with_prompt(script.clone());
    let mut logins = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut target = target(server.local_addr().unwrap().port());
        target.host_keys =
            host_keys(HostKeyPolicy::AcceptNew, vec![folder.path().join("known_hosts")]);
        target.credentials.methods = vec![Method::KeyboardInteractive];
        tokio::spawn(async move {
            let (socket, _) = server.accept().await.unwrap();
            let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
            let config = Config { keys: vec![key], ..Config::default() };
            let _ = run_stream(Arc::new(config), socket, porter(rounds)).await.unwrap().await;
        });
        let client = client.clone();
        logins.push(tokio::spawn(async move { client.connect(&target).await.map(drop) }));
    }
    for login in logins {
        login.await.unwrap().unwrap();
    }
}

/// A server that asks for a code, and how many seconds it waits for a login, as sshd's
/// LoginGraceTime has it.
async fn impatient(seconds: u64) -> u16 {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = server.accept().await {
            let (mut between, inside) = tokio::io::duplex(1 << 16);
            let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
            let config = Config {
                keys: vec![key],
                methods: MethodSet::from(&[MethodKind::KeyboardInteractive][..]),
                ..Config::default()
            };
            let asks = porter(&[&[("Code: ", true, "1")]]);
            tokio::spawn(run_stream(Arc::new(config), inside, asks));
            tokio::spawn(async move {
                let talk = tokio::io::copy_bidirectional(&mut outside, &mut between);
                let _ = tokio::time::timeout(Duration::from_secs(seconds), talk).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn nobody_is_asked_for_a_connection_that_did_not_wait() {
    let mut target = target(impatient(8).await);
    let folder = tempfile::tempdir().unwrap();
    target.host_keys = host_keys(HostKeyPolicy::AcceptNew, vec![folder.path().join("known_hosts")]);
    let script = Script::slow(&["1"; 9], Duration::from_secs(5));
    let client = Client::with_prompt(script.clone());
    let logins = (0..3).map(|_| {
        let (client, target) = (client.clone(), target.clone());
        tokio::spawn(async move { client.connect(&target).await.map(drop) })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap().unwrap();
    }
    // Hosts have hung up while a question was open; they are asked once more, and no others.
    assert!((3..=7).contains(&script.questions().len()), "{:?}", script.questions());
}
