//! ezsync at a terminal of its own, which types and reads as a person does.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::support::Bench;

/// How long the program may take for what a test waits for (milliseconds).
const PATIENCE: u64 = 30_000;

/// Runs a shell script at a terminal that shows what is typed, as real ones do. `"$@"` in it is
/// ezsync with `args`.
pub fn script(bench: &Bench, script: &str, args: &[&str]) -> PtySession {
    let mut command = bench.lab.command("sh");
    bench.surround(&mut command);
    command
        .env("TERM", "xterm")
        // Colours depend on more than the terminal: a CI machine has them by its environment.
        .env("NO_COLOR", "1")
        .arg("-c")
        .arg(format!("stty echo rows 24 columns 100; {script}"))
        .args(["sh", env!("CARGO_BIN_EXE_ezsync")])
        .args(bench.args(&bench.lab.known_hosts(), args));
    spawn_command(command, Some(PATIENCE)).unwrap()
}

pub fn at_terminal(bench: &Bench, args: &[&str]) -> PtySession {
    script(bench, "exec \"$@\"", args)
}

/// What is left to be said, and the exit code.
pub fn end(mut session: PtySession) -> (String, i32) {
    let rest = session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (rest, code),
        other => panic!("{other:?}\n{rest}"),
    }
}
