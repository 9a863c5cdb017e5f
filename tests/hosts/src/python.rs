//! Programs from PyPI that judge what ezsync does: each in a folder of its own, where tests/judges.sh puts it.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder with the programs of a requirements file, which pins one package; says that it is missing where it
/// is not there.
#[must_use]
pub fn judge(requirements: &Path) -> Option<PathBuf> {
    let wanted = fs::read_to_string(requirements).ok()?;
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let folder = cache.join("ezsync-ci").join(wanted.trim().replace("==", "-"));
    // The last file that its installation writes.
    if folder.join("complete").exists() {
        return Some(folder.join("bin"));
    }
    crate::skip(&format!("{} is not installed: tests/judges.sh does it", wanted.trim()));
    None
}
