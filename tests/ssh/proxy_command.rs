//! Connections through a ProxyCommand, for the most part `ssh -W` as people write it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ezsync::ssh::{Client, ConnectError, Target, Via};

use crate::run::run_on;
use crate::sshd::{Sshd, target, wait_for};

/// `ssh -W` to the host over `jump`.
fn over(jump: &Sshd, host: &Target) -> Via {
    let at = |name: &str| jump.path(name).display().to_string();
    Via::Command(format!(
        "ssh -F none -i {} -o UserKnownHostsFile={} -o IdentitiesOnly=yes -p {} -W '[{}]':{} -q root@127.0.0.1",
        at("user"),
        at("known_hosts"),
        jump.port,
        host.endpoint.address,
        host.endpoint.port,
    ))
}

fn servers(settings: &str) -> Option<(Sshd, Sshd)> {
    let (jump, host) = (Sshd::start(settings)?, Sshd::start("")?);
    jump.know(&jump.host_line("ed25519"));
    host.know(&host.host_line("ed25519"));
    Some((jump, host))
}

async fn fails(command: &str) -> ConnectError {
    let via = Via::Command(command.to_owned());
    Client::default().connect(&Target { via, ..target(22) }).await.unwrap_err()
}

/// Whether the process whose number stands in `file` is there, also as a zombie.
fn runs(file: &Path) -> bool {
    let id = fs::read_to_string(file).unwrap();
    Path::new(&format!("/proc/{}", id.trim())).exists()
}

#[tokio::test]
async fn the_command_is_the_connection_and_ends_with_it() {
    let Some((jump, host)) = servers("") else { return };
    let mut target = host.user();
    let Via::Command(command) = over(&jump, &target) else { panic!() };
    let file = host.path("pid");
    target.via = Via::Command(format!(
        "sh -c 'echo $$ > {}; exec {}'",
        file.display(),
        command.replace('\'', "\"")
    ));
    let session = Client::default().connect(&target).await.unwrap();
    let output = run_on(&session, "id -un", Vec::new(), Duration::from_secs(10)).await.unwrap();
    assert_eq!(output.stdout, b"root\n");
    assert!(runs(&file));
    drop(session);
    tokio::task::spawn_blocking(move || wait_for(|| !runs(&file))).await.unwrap();
}

#[tokio::test]
async fn fifty_commands_never_crowd_the_gateway() {
    let Some((jump, host)) = servers("MaxStartups 10:30:100\n") else { return };
    let client = Client::default();
    let logins = (0..50).map(|_| {
        let mut target = host.user();
        target.via = over(&jump, &target);
        let client = client.clone();
        tokio::spawn(async move { client.connect(&target).await })
    });
    let mut sessions = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        sessions.push(login.await.unwrap().unwrap());
    }
    assert!(!jump.log().contains("MaxStartups"), "{}", jump.log());
    assert_eq!(jump.log().matches("Accepted publickey").count(), 50);
}

#[tokio::test]
async fn what_the_command_says_is_shown() {
    let error = fails("sh -c \"printf 'no \\033[2J way\\n' >&2; exit 3\"").await.to_string();
    assert!(
        error.ends_with("; its ProxyCommand ended with exit status: 3 and said: no \\x1b[2J way"),
        "{error}"
    );
    let error = fails("/no/such/command %h").await;
    assert!(error.to_string().contains("exit status: 127 and said: "), "{error}");
    assert!(error.hint().starts_with("run the command by hand"), "{}", error.hint());
}

#[tokio::test]
async fn a_command_that_hangs_costs_its_deadline_and_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // One that does not go when it is asked to.
    let command = format!(
        "sh -c 'trap \"\" HUP TERM; echo $$ > {}; echo waiting >&2; while :; do sleep 1; done'",
        file.display()
    );
    let via = Via::Command(command);
    let connect_timeout = Duration::from_millis(700);
    let begun = Instant::now();
    let error = Client::default()
        .connect(&Target { via, connect_timeout, ..target(22) })
        .await
        .unwrap_err()
        .to_string();
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(error.contains("gave no answer in time: 0.7 s passed"), "{error}");
    assert!(error.ends_with("its ProxyCommand said: waiting"), "{error}");
    tokio::task::spawn_blocking(move || wait_for(|| !runs(&file))).await.unwrap();
}

#[tokio::test]
async fn a_command_that_cannot_do_better_is_run_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs");
    let error =
        fails(&format!("sh -c 'echo x >> {}; echo wrong >&2; exit 1'", file.display())).await;
    assert!(error.to_string().contains("said: wrong"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "x\n");
    // This is what ssh says of a gateway that has hung up.
    let command = format!(
        "sh -c 'echo x >> {}; echo kex_exchange_identification: Connection closed >&2; exit 255'",
        file.display()
    );
    fails(&command).await;
    assert!(fs::read_to_string(&file).unwrap().len() > "x\nx\n".len());
}
