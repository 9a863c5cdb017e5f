//! The `ezsync` program.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use ezsync::cli::Cli;
use ezsync::exit::Exit;

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
            let (exit, document) = ezsync::command::fail(&cli, &error);
            // A terminal that was closed is no reason to end in another way, nor is a pipe.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            let _ = write!(io::stdout(), "{}", document.unwrap_or_default());
            exit.into()
        }
    }
}
