//! `ezsync bundle`: packages for hosts without internet.

mod check;
mod create;
mod show;
mod summary;
mod survey;

use anyhow::Result;

use crate::cli::{Bundle, Cli};
use crate::exit::Exit;
use crate::project::Project;

pub(super) fn run(cli: &Cli, project: &Project, bundle: &Bundle) -> Result<Exit> {
    match bundle {
        Bundle::Create(options) => create::run(cli, project, options),
        Bundle::Show(options) => show::run(cli, options),
    }
}
