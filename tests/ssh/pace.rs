//! Many at one door, and doors that are shut for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ezsync::ssh::{Client, ConnectError, Phase, Target};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::sshd::{Sshd, target};

#[tokio::test]
async fn fifty_logins_never_crowd_one_server() {
    let Some(server) = Sshd::start("MaxStartups 10:30:100\n") else { return };
    let client = server.client();
    let logins = (0..50).map(|_| {
        let (client, target) = (client.clone(), server.user());
        tokio::spawn(async move { client.connect(&target).await })
    });
    let mut sessions = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        sessions.push(login.await.unwrap().unwrap());
    }
    assert!(!server.log().contains("MaxStartups"), "{}", server.log());
}

/// A server that hangs up on the first `times` callers and passes the others on to `port`. Counts
/// its callers.
async fn moody(times: usize, port: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (own, callers) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = callers.clone();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            if count.fetch_add(1, Ordering::Relaxed) < times {
                continue;
            }
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = copy_bidirectional(&mut caller, &mut server).await;
            });
        }
    });
    (own, callers)
}

#[tokio::test]
async fn a_server_that_hangs_up_before_its_greeting_is_tried_again() {
    let Some(server) = Sshd::start("") else { return };
    let (port, callers) = moody(3, server.port).await;
    let mut target = server.user();
    server.know(&server.host_line("ed25519").replace(&server.port.to_string(), &port.to_string()));
    target.endpoint.port = port;
    Client::default().connect(&target).await.unwrap();
    assert_eq!(callers.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_server_that_always_hangs_up_is_given_up() {
    let (port, callers) = moody(usize::MAX, 0).await;
    let error = Client::default().connect(&target(port)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Broken { phase: Phase::Handshake, .. }), "{error}");
    assert_eq!(callers.load(Ordering::Relaxed), 6);
    let (port, _) = moody(usize::MAX, 0).await;
    let begun = Instant::now();
    let short = Target { connect_timeout: Duration::from_millis(300), ..target(port) };
    let error = Client::default().connect(&short).await.unwrap_err();
    assert!(error.to_string().ends_with("the server closed the connection"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
