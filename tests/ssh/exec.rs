//! Running commands.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ezsync::ssh::{Event, ExecError, ExitStatus, Keepalive, Session, Target};

use crate::run::run_on;
use crate::sshd::{Sshd, run, wait_for};

const LIMIT: Duration = Duration::from_secs(30);

/// A server with a session on it.
async fn session() -> Option<(Sshd, Session)> {
    let server = Sshd::start("")?;
    let session = server.client().connect(&server.user()).await.unwrap();
    Some((server, session))
}

#[tokio::test]
async fn output_error_and_status_come_apart() {
    let Some((_server, session)) = session().await else { return };
    let output =
        run_on(&session, "echo out; echo err >&2; exit 3", Vec::new(), LIMIT).await.unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output.status, ExitStatus::Code(3));
    let output = run_on(&session, "kill -TERM $$", Vec::new(), LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Signal("TERM".to_owned()));
    assert_eq!(output.status.to_string(), "signal TERM");
    let output = run_on(&session, "true", Vec::new(), LIMIT).await.unwrap();
    assert!(output.status.success());
    assert_eq!(session.execs(), 3);
    session.close().await;
}

#[tokio::test]
async fn megabytes_go_both_ways_at_once() {
    let Some((_server, session)) = session().await else { return };
    let data: Vec<u8> = (0..5 << 20).map(|number: u32| (number % 251) as u8).collect();
    let output = run_on(&session, "cat", data.clone(), LIMIT).await.unwrap();
    assert!(output.stdout == data, "{} of {} bytes", output.stdout.len(), data.len());
    assert!(output.status.success());
}

#[tokio::test]
async fn a_command_need_not_read_its_input() {
    let Some((_server, session)) = session().await else { return };
    let output = run_on(&session, "exit 7", vec![0; 8 << 20], LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Code(7));
    // The session is as good as before.
    let output = run_on(&session, "cat", b"again".to_vec(), LIMIT).await.unwrap();
    assert_eq!(output.stdout, b"again");
}

#[tokio::test]
async fn events_come_as_they_happen() {
    let Some((_server, session)) = session().await else { return };
    let mut exec = session.exec("read line; echo \"got $line\"; read line").await.unwrap();
    exec.stdin.write(b"one\n".to_vec()).await.unwrap();
    let event = exec.events.next().await.unwrap();
    assert_eq!(event, Some(Event::Stdout(b"got one\n".to_vec())));
    exec.stdin.close().await.unwrap();
    let event = exec.events.next().await.unwrap();
    assert_eq!(event, Some(Event::Exit(ExitStatus::Code(1))));
    assert_eq!(exec.events.next().await.unwrap(), None);
    assert_eq!(exec.events.next().await.unwrap(), None);
}

#[tokio::test]
async fn commands_run_side_by_side() {
    let Some((_server, session)) = session().await else { return };
    // Each waits for the other.
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo").display().to_string();
    run(Command::new("mkfifo").arg(&fifo));
    let (write, read) = (format!("echo hello > {fifo}"), format!("cat {fifo}"));
    let (write, read) = tokio::join!(
        run_on(&session, &write, Vec::new(), LIMIT),
        run_on(&session, &read, Vec::new(), LIMIT)
    );
    assert!(write.unwrap().status.success());
    assert_eq!(read.unwrap().stdout, b"hello\n");
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let Some((_server, session)) = session().await else { return };
    let mut exec = session.exec("echo $PPID; exec cat").await.unwrap();
    let pid = first_line(&mut exec.events).await;
    run(Command::new("kill").args(["-9", &pid]));
    let start = Instant::now();
    let error = exec.events.next().await.unwrap_err();
    assert!(matches!(error, ExecError::Lost(_)), "{error}");
    assert_eq!(error.to_string(), "the connection was lost: the server closed the connection");
    assert!(start.elapsed() < Duration::from_secs(5));
    let error = run_on(&session, "true", Vec::new(), LIMIT).await.unwrap_err();
    assert!(matches!(error, ExecError::Lost(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_dies_while_it_reads_is_noticed() {
    let Some((_server, session)) = session().await else { return };
    let work = run_on(&session, "echo $PPID; kill -9 $PPID; sleep 1", vec![0; 8 << 20], LIMIT);
    let error = work.await.unwrap_err();
    assert!(matches!(error, ExecError::Lost(_)), "{error}");
}

#[tokio::test]
async fn dropping_the_session_closes_the_connection() {
    let Some((_server, session)) = session().await else { return };
    let mut exec = session.exec("echo $PPID; exec cat").await.unwrap();
    let pid = first_line(&mut exec.events).await;
    let process = Path::new("/proc").join(pid);
    assert!(process.exists());
    drop(session);
    // Though somebody still holds the command.
    let error = exec.events.next().await.unwrap_err();
    assert!(matches!(error, ExecError::Lost(_)), "{error}");
    tokio::task::spawn_blocking(move || wait_for(|| !process.exists())).await.unwrap();
}

#[tokio::test]
async fn a_server_without_room_for_a_command_is_named() {
    let Some(server) = Sshd::start("MaxSessions 1\n") else { return };
    let session = server.client().connect(&server.user()).await.unwrap();
    let _running = session.exec("cat").await.unwrap();
    let error = run_on(&session, "true", Vec::new(), LIMIT).await.unwrap_err();
    assert!(matches!(error, ExecError::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_stops_is_noticed() {
    let Some(server) = Sshd::start("") else { return };
    let client = server.client();
    let keepalive = Keepalive { interval: Duration::from_millis(500), count_max: 3 };
    let target = Target { keepalive, ..server.user() };
    let (idle, busy) = tokio::join!(client.connect(&target), client.connect(&target));
    let (idle, busy) = (idle.unwrap(), busy.unwrap());
    let limit = Duration::from_secs(30);
    // sshd goes on when the test is over, so that it can end.
    let stop = "echo $PPID; (sleep 30; kill -CONT $PPID) >/dev/null 2>&1 & kill -STOP $PPID; cat";
    let ends = tokio::join!(
        run_on(&idle, stop, Vec::new(), limit),
        run_on(&busy, stop, vec![0; 32 << 20], limit)
    );
    for error in [ends.0.unwrap_err(), ends.1.unwrap_err()] {
        assert_eq!(error.to_string(), "the connection was lost: the server has stopped answering");
    }
    let next = run_on(&idle, "true", Vec::new(), limit).await.unwrap_err();
    assert!(next.to_string().starts_with("the connection was lost"), "{next}");
}

async fn first_line(events: &mut ezsync::ssh::Events) -> String {
    match events.next().await.unwrap() {
        Some(Event::Stdout(line)) => String::from_utf8(line).unwrap().trim().to_owned(),
        other => panic!("no output but {other:?}"),
    }
}
