//! Runs the machine's own tools: with a deadline, and with errors that say what the tool said.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often a condition that nothing announces is looked at.
pub const POLL: Duration = Duration::from_millis(20);

/// How many of a failed command's last lines its error shows.
const LAST_LINES: usize = 20;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes every build and boot that this process waits for fail soon; for signal handlers' threads.
/// What stands already is removed by its owner as ever.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// An error once [`interrupt`] was called.
pub fn check_interrupted() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits until `condition` gives a value; `what` names it in the error after `deadline`.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if start.elapsed() > deadline {
            bail!("no {what} within {} s", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// Runs `command` to its end, with no input, and gives what it said, however it ended.
///
/// # Errors
/// When it cannot be started, or has not ended after `deadline`; then it is killed.
pub fn output(command: &mut Command, deadline: Duration) -> Result<Output> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let child = spawn(command, stdout.try_clone()?, stderr.try_clone()?)?;
    let status = finish(child, deadline).with_context(|| describe(command))?;
    Ok(Output { status, stdout: read_back(&mut stdout)?, stderr: read_back(&mut stderr)? })
}

/// Runs `command` to its end and gives its standard output.
///
/// # Errors
/// As [`output`], and when it fails: then the error shows the last lines it said.
pub fn check(command: &mut Command, deadline: Duration) -> Result<Vec<u8>> {
    let output = output(command, deadline)?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{} failed ({})\n{}", describe(command), output.status, last_lines(&said));
    }
    Ok(output.stdout)
}

/// Runs a long `command`, shows the progress lines that it says (`I: ...`), and stops when the
/// process is interrupted.
///
/// # Errors
/// As [`check`], and when interrupted.
pub fn long(command: &mut Command, deadline: Duration) -> Result<()> {
    let log = tempfile::NamedTempFile::new()?;
    // A process group of its own: it is ended whole, and a Ctrl-C at the terminal is for us.
    command.process_group(0);
    let mut child = spawn(command, log.reopen()?, log.as_file().try_clone()?)?;
    let mut shown = 0;
    let start = Instant::now();
    let status = loop {
        let status = child.try_wait()?;
        let said = std::fs::read(log.path())?;
        let said = String::from_utf8_lossy(&said);
        let complete = said.matches('\n').count();
        for line in said.lines().take(complete).skip(shown) {
            if let Some(progress) = line.strip_prefix("I: ") {
                eprintln!("  {progress}");
            }
        }
        shown = complete;
        if let Some(status) = status {
            break status;
        }
        let stop = check_interrupted().and_then(|()| {
            if start.elapsed() > deadline {
                bail!("{} did not end within {} s", describe(command), deadline.as_secs());
            }
            Ok(())
        });
        if let Err(error) = stop {
            // It has things to undo: ask it before it is made to go.
            let group = Pid::from_raw(child.id().cast_signed());
            let _ = group.map(|group| kill_process_group(group, Signal::TERM));
            let _ = finish(child, Duration::from_secs(20));
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            return Err(error);
        }
        std::thread::sleep(POLL);
    };
    if !status.success() {
        let said = std::fs::read(log.path())?;
        bail!("{} failed ({status})\n{}", describe(command), last_lines(&said));
    }
    Ok(())
}

/// Waits for `child`; kills it after `deadline`.
pub fn finish(mut child: Child, deadline: Duration) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("did not end within {} s and was killed", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// The last lines of what a command said, indented.
pub fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    lines.iter().skip(from).map(|line| format!("  {line}\n")).collect()
}

/// The command with its arguments, shortened.
fn describe(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    let text = words.join(" ").replace('\n', " ");
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("`{}...`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

fn spawn(command: &mut Command, stdout: File, stderr: File) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .with_context(|| format!("cannot start {}", describe(command)))
}

fn read_back(file: &mut File) -> Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_shows_the_last_lines() {
        let script = "seq 1 30; echo oh no >&2; exit 3";
        let error = check(&mut sh(script), Duration::from_secs(5)).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("  30\n  oh no\n"), "{error}");
        assert!(!error.contains("  11\n"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_killed_at_its_deadline() {
        let start = Instant::now();
        let error = output(&mut sh("exec sleep 60"), Duration::from_millis(100)).unwrap_err();
        assert!(format!("{error:#}").contains("was killed"), "{error:#}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
