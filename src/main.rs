//! The `ezsync` program.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use ezsync::cli::Cli;
use ezsync::exit::Exit;
use ezsync::problem::Problem;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes; the rest is a bad option. Nobody may be reading.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    match ezsync::command::run(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // A terminal that was closed is no reason to end in another way.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            let interrupted = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
            let exit = match error.downcast_ref::<io::Error>() {
                Some(error) if interrupted(error) => Exit::Interrupted,
                _ if error.is::<Problem>() => Exit::Usage,
                _ => Exit::Error,
            };
            exit.into()
        }
    }
}
