//! Connections through jump hosts, which are real servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ezsync::ssh::{Client, ConnectError, HostKeyPolicy, Jump, Session, Target, Via};
use tokio::net::TcpListener;

use crate::run::run_on;
use crate::sshd::{Sshd, free_port, host_keys, target, wait_for};

/// Fifty names of one server: zeros before a number change nothing for who looks them up.
fn many(server: &Sshd, via: &Via) -> Vec<Target> {
    let zeros = |n: usize| "0".repeat(n + 1);
    let target = |n: usize| {
        let mut target = server.user();
        target.endpoint.address = format!("127.{}.{}.1", zeros(n / 7), zeros(n % 7));
        target.host_keys.policy = HostKeyPolicy::AcceptNew;
        target.via = via.clone();
        target
    };
    (0..50).map(target).collect()
}

async fn said(session: &Session, command: &str) -> String {
    let output = run_on(session, command, Vec::new(), Duration::from_secs(60)).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn logins(server: &Sshd) -> usize {
    server.log().matches("Accepted publickey").count()
}

#[tokio::test]
async fn a_chain_of_jump_hosts() {
    let servers = [Sshd::start(""), Sshd::start(""), Sshd::start("")];
    let [Some(one), Some(two), Some(last)] = servers else { return };
    for server in [&one, &two, &last] {
        server.know(&server.host_line("ed25519"));
    }
    let client = Client::default();
    let over_one = Target { via: one.jump("one"), ..two.user() };
    let jump = Jump { name: "two".to_owned(), target: over_one };
    let target = Target { via: Via::Jump(Arc::new(jump)), ..last.user() };
    let session = client.connect(&target).await.unwrap();
    assert_eq!(
        said(&session, "echo $SSH_CONNECTION | cut -d' ' -f4").await,
        format!("{}\n", last.port)
    );
    // Much more than one window of a channel.
    let output =
        run_on(&session, "head -c 10000000 /dev/zero", Vec::new(), Duration::from_secs(60)).await;
    assert_eq!(output.unwrap().stdout.len(), 10_000_000);
    session.close().await;
    assert_eq!((logins(&one), logins(&two), logins(&last)), (1, 1, 1));
}

#[tokio::test]
async fn fifty_hosts_share_one_connection_to_their_jump_host() {
    // As sshd comes: more than ten that are not logged in yet are dropped now and then.
    let settings = "MaxStartups 10:30:100\n";
    let (Some(jump), Some(hosts)) = (Sshd::start(settings), Sshd::start(settings)) else { return };
    jump.know(&jump.host_line("ed25519"));
    let (client, via) = (Client::default(), jump.jump("bastion"));
    let under_way = many(&hosts, &via).into_iter().map(|target| {
        let client = client.clone();
        tokio::spawn(async move {
            let session = client.connect(&target).await?;
            Ok::<_, ConnectError>(said(&session, "echo well").await)
        })
    });
    for login in under_way.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap().unwrap(), "well\n");
    }
    assert_eq!((logins(&jump), logins(&hosts)), (1, 50));
}

#[tokio::test]
async fn a_connection_that_died_is_made_again() {
    let (Some(jump), Some(host)) = (Sshd::start(""), Sshd::start("")) else { return };
    jump.know(&jump.host_line("ed25519"));
    host.know(&host.host_line("ed25519"));
    let (client, target) = (Client::default(), Target { via: jump.jump("bastion"), ..host.user() });
    let session = client.connect(&target).await.unwrap();
    drop(client.connect(&target).await.unwrap());
    assert_eq!(logins(&jump), 1);
    jump.signal_sessions("KILL");
    let lost = run_on(&session, "sleep 20", Vec::new(), Duration::from_secs(10)).await.unwrap_err();
    assert!(lost.to_string().starts_with("the connection was lost"), "{lost}");
    client.connect(&target).await.unwrap();
    assert_eq!(logins(&jump), 2);
}

#[tokio::test]
async fn the_jump_host_is_left_when_nobody_needs_it() {
    let (Some(jump), Some(host)) = (Sshd::start(""), Sshd::start("")) else { return };
    jump.know(&jump.host_line("ed25519"));
    host.know(&host.host_line("ed25519"));
    let target = Target { via: jump.jump("bastion"), ..host.user() };
    drop(Client::default().connect(&target).await.unwrap());
    let left = move || jump.log().contains("Connection closed by 127.0.0.1");
    tokio::task::spawn_blocking(|| wait_for(left)).await.unwrap();
}

#[tokio::test]
async fn mistakes_name_the_host_on_the_way() {
    let (Some(jump), Some(host)) = (Sshd::start(""), Sshd::start("")) else { return };
    host.know(&host.host_line("ed25519"));
    let target = Target { via: jump.jump("bastion"), ..host.user() };
    let error = Client::default().connect(&target).await.unwrap_err();
    let wanted = format!("jump host bastion: the host key of 127.0.0.1:{} is not known", jump.port);
    assert!(error.to_string().starts_with(&wanted), "{error}");

    jump.know(&jump.host_line("ed25519"));
    let mut nobody = target.clone();
    nobody.endpoint.port = free_port();
    let error = Client::default().connect(&nobody).await.unwrap_err();
    let wanted = format!(
        "jump host 127.0.0.1:{} does not connect us to 127.0.0.1:{}: it cannot connect",
        jump.port, nobody.endpoint.port
    );
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test]
async fn a_way_that_one_host_lets_pass_is_none_for_a_stricter_one() {
    let (Some(jump), Some(host)) = (Sshd::start(""), Sshd::start("")) else { return };
    host.know(&host.host_line("ed25519"));
    let over = |policy| {
        let mut bastion = jump.bare();
        bastion.credentials = jump.user().credentials;
        bastion.host_keys = host_keys(policy, vec![jump.path(&format!("known-{policy:?}"))]);
        let via = Via::Jump(Arc::new(Jump { name: "bastion".to_owned(), target: bastion }));
        Target { via, ..host.user() }
    };
    let client = Client::default();
    // It stands, and is used by whom it is for.
    let session = client.connect(&over(HostKeyPolicy::Off)).await.unwrap();
    client.connect(&over(HostKeyPolicy::Off)).await.unwrap();
    assert_eq!(logins(&jump), 1);
    let error = client.connect(&over(HostKeyPolicy::Strict)).await.unwrap_err().to_string();
    assert!(error.contains("is not known"), "{error}");
    drop(session);
}

#[tokio::test]
async fn what_is_learnt_on_the_way_is_told() {
    let (Some(jump), Some(host)) = (Sshd::start(""), Sshd::start("")) else { return };
    host.know(&host.host_line("ed25519"));
    let mut bastion = jump.user();
    bastion.host_keys.policy = HostKeyPolicy::AcceptNew;
    let via = Via::Jump(Arc::new(Jump { name: "bastion".to_owned(), target: bastion }));
    let session = Client::default().connect(&Target { via, ..host.user() }).await.unwrap();
    let wanted = format!("jump host 127.0.0.1:{}: its host key was not known", jump.port);
    let notes = session.host_key_notes();
    assert!(notes.len() == 1 && notes[0].starts_with(&wanted), "{notes:?}");
}

#[tokio::test]
async fn a_jump_host_that_forwards_nothing() {
    let (Some(jump), Some(host)) = (Sshd::start("AllowTcpForwarding no\n"), Sshd::start("")) else {
        return;
    };
    jump.know(&jump.host_line("ed25519"));
    let target = Target { via: jump.jump("bastion"), ..host.user() };
    let error = Client::default().connect(&target).await.unwrap_err();
    assert!(error.to_string().ends_with(": it forwards no connections"), "{error}");
    assert!(error.hint().contains("AllowTcpForwarding yes"), "{}", error.hint());
}

#[tokio::test]
async fn a_silent_jump_host_costs_its_deadline_once_for_all() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut jump = target(silent.local_addr().unwrap().port());
    jump.connect_timeout = Duration::from_millis(500);
    let via = Via::Jump(Arc::new(Jump { name: "bastion".to_owned(), target: jump }));
    let (client, begun) = (Client::default(), Instant::now());
    let attempts = (0..30).map(|_| {
        let (client, target) = (client.clone(), Target { via: via.clone(), ..target(1) });
        tokio::spawn(async move { client.connect(&target).await.unwrap_err().to_string() })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        let error = attempt.await.unwrap();
        assert!(error.starts_with("jump host bastion: 127.0.0.1:"), "{error}");
        assert!(error.contains("gave no answer in time"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
