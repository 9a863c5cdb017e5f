//! Servers that are not there, say nothing, or are no SSH servers; also real ones
//! that stop.

use std::time::{Duration, Instant};

use ezsync::ssh::{Client, ConnectError, Phase, Session, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::run::run_on;
use crate::sshd::{Sshd, free_port, target};

async fn connect(target: Target, connect_timeout: Duration) -> Result<Session, ConnectError> {
    Client::default().connect(&Target { connect_timeout, ..target }).await
}

/// Connects to a server that says `greeting` and then listens, or hangs up on everybody if
/// `hang_up`. Returns the error, and whether our side has closed the connection.
async fn meet(greeting: &'static str, hang_up: bool) -> (ConnectError, bool) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let serve = tokio::spawn(async move {
        loop {
            let (mut socket, _) = server.accept().await.unwrap();
            socket.write_all(greeting.as_bytes()).await.unwrap();
            if hang_up {
                socket.shutdown().await.unwrap();
                continue;
            }
            let read_all =
                async { while socket.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {} };
            return timeout(Duration::from_secs(5), read_all).await.is_ok();
        }
    });
    let error = connect(target(port), Duration::from_millis(500)).await.unwrap_err();
    if hang_up {
        serve.abort();
        return (error, true);
    }
    (error, serve.await.unwrap())
}

#[tokio::test]
async fn nobody_listens() {
    let port = free_port();
    let error = connect(target(port), Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    assert_eq!(error.to_string(), format!("127.0.0.1:{port} refuses the connection"));
}

#[tokio::test]
async fn a_name_without_address() {
    let mut target = target(22);
    target.endpoint.address = "no-such-host.invalid".to_owned();
    let error = connect(target, Duration::from_secs(10)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Resolve { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_server_costs_its_deadline_and_no_more() {
    let start = Instant::now();
    let (error, closed) = meet("", false).await;
    assert!(matches!(error, ConnectError::TimedOut { phase: Phase::Handshake, .. }), "{error}");
    assert!(error.to_string().ends_with(": 0.5 s passed, the last of them in the SSH handshake"));
    assert!(closed, "the connection is left open");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_that_falls_silent_after_its_greeting() {
    // russh serves the connection in a task by now, which must not outlive our interest.
    let (error, closed) = meet("SSH-2.0-OpenSSH_9.9\r\n", false).await;
    assert!(matches!(error, ConnectError::TimedOut { phase: Phase::Handshake, .. }), "{error}");
    assert!(closed, "the connection is left open");
}

#[tokio::test]
async fn what_is_no_ssh_server_is_quoted_safely() {
    for (greeting, said) in [
        ("HTTP/1.1 400 Bad\x07 Request\r\n\r\n", "; it said: HTTP/1.1 400 Bad\\x07 Request"),
        ("Exceeded MaxStartups\r\n", "; it said: Exceeded MaxStartups"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "the server closed the connection"),
        ("", "the server closed the connection"),
    ] {
        let (error, _) = meet(greeting, true).await;
        assert!(
            matches!(error, ConnectError::Broken { phase: Phase::Handshake, .. }),
            "{greeting:?}: {error}"
        );
        assert!(error.to_string().ends_with(said), "{greeting:?}: {error}");
    }
}

#[tokio::test]
async fn a_host_that_answers_no_packet_costs_its_deadline_and_no_more() {
    // The kernel drops what comes when a listener's queue is full.
    let listener = TcpSocket::new_v4().unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(socket) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queued.push(socket.unwrap());
        assert!(queued.len() < 10, "the queue never fills");
    }
    let start = Instant::now();
    let error = connect(target(address.port()), Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { phase: Phase::Connect, .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_command_on_a_server_that_stops_costs_its_own_deadline() {
    let Some(server) = Sshd::start("") else { return };
    let session = server.client().connect(&server.user()).await.unwrap();
    server.signal_sessions("STOP");
    let begun = Instant::now();
    let error = run_on(&session, "true", Vec::new(), Duration::from_millis(500)).await.unwrap_err();
    server.signal_sessions("KILL");
    assert_eq!(error.to_string(), "no end after 0.5 s");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
