//! What can be wrong with what was typed for `ezsync bundle create`, before anything is fetched.

use std::path::Path;

use crate::bundle;
use crate::cli::BundleCreate;
use crate::problem::Problem;

/// Refuses options that do not go together, and packages without a name.
pub(super) fn options(options: &BundleCreate) -> Result<(), Problem> {
    let of_hosts = [
        ("--partial", options.partial),
        ("--inventory", !options.inventory.is_empty()),
        ("--limit", options.limit.is_some()),
        ("--extra-vars", !options.extra_vars.is_empty()),
    ];
    if let Some((name, _)) = of_hosts.iter().find(|(_, given)| *given && options.from.is_none()) {
        return Err(Problem::new(format!("{name} goes with --from CLUSTER"))
            .hint("with --for no hosts are asked: leave it out"));
    }
    if options.releases.is_empty() && !options.architectures.is_empty() {
        return Err(Problem::new("--arch goes with --for RELEASE")
            .hint("with --from each host says what it is: leave --arch out"));
    }
    if options.packages.iter().any(|name| name.trim().is_empty()) {
        return Err(Problem::new("--package: the name of a package is empty")
            .hint("name packages as their distribution does, as in --package chrony"));
    }
    Ok(())
}

/// Refuses a file that cannot be written.
pub(super) fn output(output: &Path) -> Result<(), Problem> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let what = if output == Path::new("-") {
        "a bundle goes into a file, not to the standard output".to_owned()
    } else if output.is_dir() {
        "a folder stands there".to_owned()
    } else if output.exists() && !output.is_file() {
        "something else than a file stands there".to_owned()
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "there is no such folder".to_owned()
    } else {
        match bundle::try_write(output) {
            Ok(()) => return Ok(()),
            Err(error) => format!("nothing can be written there: {error}"),
        }
    };
    Err(Problem::new(format!("--output {}: {what}", output.display()))
        .hint("give the name of a file, as in -o time.bundle"))
}
