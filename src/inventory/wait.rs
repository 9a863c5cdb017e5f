//! Waiting for what may never come: a program's answer, a pipe that nobody writes into.

use std::future::Future;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::interrupt::Interrupts;

/// The most that one source may hold or say, in bytes: 100,000 hosts with 2.6 KB of variables each. As values
/// they take several times as much of memory.
pub(super) const MOST: u64 = 256 << 20;

/// The same in words.
pub(super) const MOST_SHOWN: &str = "256 MiB";

/// How long a pipe may take to be written: as long as a program may for its answer. See [`super::script`].
const PIPE: Duration = Duration::from_secs(180);

/// How long a pipe may be without anybody who writes into it.
const WRITER: Duration = Duration::from_secs(10);

/// What comes of `work`, unless `limit` has passed or the user has asked the program to end: it is dropped then.
pub(super) fn wait<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let interrupts = Interrupts::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let late = || format!("no answer within {} seconds", limit.as_secs_f32());
    let outcome = runtime.block_on(async {
        tokio::select! {
            () = interrupts.wish(1) => Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
            done = tokio::time::timeout(limit, work) => {
                done.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, late())))
            }
        }
    });
    // What was killed is not waited for.
    runtime.shutdown_background();
    outcome
}

/// The content of a file, of whatever kind.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_within(path, WRITER)
}

/// The same, where a pipe may be without a writer for so long.
fn read_within(path: &Path, writer: Duration) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_fifo() {
        return content(std::fs::File::open(path)?);
    }
    // Whoever opens a pipe waits for who writes into it: so does a thread, which is left behind.
    let (say_open, open) = oneshot::channel();
    let (say_all, all) = oneshot::channel();
    let path = path.to_owned();
    std::thread::Builder::new().spawn(move || {
        let opened = std::fs::File::open(path);
        let _ = say_open.send(());
        let _ = say_all.send(opened.and_then(content));
    })?;
    let gone = || io::Error::other("it cannot be waited for");
    wait(writer, async { open.await.map_err(|_| gone()) }).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => {
            let words = format!("nobody has written into this pipe for {} s", writer.as_secs_f32());
            io::Error::new(io::ErrorKind::TimedOut, words)
        }
        _ => error,
    })?;
    wait(PIPE, async { all.await.map_err(|_| gone())? })
}

/// All of it, within bounds.
fn content(file: std::fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST {
        let words = format!("it is larger than {MOST_SHOWN}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_nobody_writes_into_costs_its_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = read_within(&pipe, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.to_string(), "nobody has written into this pipe for 0.1 s");
    }
}
