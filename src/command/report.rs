//! `ezsync report merge`: the results of several runs as one.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::{say, show};
use crate::cli::{Cli, Merge, Report};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::report::{Document, Merged, merge};

pub(super) fn run(cli: &Cli, report: &Report) -> Result<Exit> {
    let Report::Merge(Merge { files, diff, json }) = report;
    let documents: Result<Vec<Document>, Problem> = files.iter().map(read).collect();
    let Merged { run, warnings } = merge(documents?)?;
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    show(cli, *json, &run, *diff)
}

fn read(path: &PathBuf) -> Result<Document, Problem> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("{name} cannot be read: {error}")))?;
    Document::parse(&name, &text)
}
