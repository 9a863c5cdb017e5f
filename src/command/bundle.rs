//! `ezsync bundle`: packages for hosts without internet.

use anyhow::Result;

use crate::cli::{Bundle, BundleCreate, Cli};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::Project;

pub(super) fn run(_cli: &Cli, _project: &Project, bundle: &Bundle) -> Result<Exit> {
    match bundle {
        Bundle::Create(options) => create(options),
    }
}

fn create(options: &BundleCreate) -> Result<Exit> {
    let output = options.output.display();
    Err(Problem::new(format!("{output} is not written: nothing is fetched so far")).into())
}
