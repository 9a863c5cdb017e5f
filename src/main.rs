//! The `ezsync` program.

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
            eprintln!("error: {error:#}");
            let exit = if error.is::<Problem>() { Exit::Usage } else { Exit::Error };
            exit.into()
        }
    }
}
