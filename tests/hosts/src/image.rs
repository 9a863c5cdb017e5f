//! Images: built once, kept in the cache, rebuilt when their recipe changes.
//!
//! An image is a folder `images/SUITE-IMAGE-HASH` with `root`, the hosts' lower layer, and
//! `packages`, the repository that is served to them.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::mirror::mirror;
use crate::recipe::{Image, Recipe, Suite, write_file};
use crate::run;

/// A slow mirror and a slow machine; a fast one takes 20 seconds.
const BUILD_DEADLINE: Duration = Duration::from_secs(1800);

/// An image that is there and stays while this value lives.
#[derive(Debug)]
pub struct CachedImage {
    folder: PathBuf,
    /// Shared lock: who wants to remove the image sees that it is in use.
    _in_use: File,
}

impl CachedImage {
    /// The root filesystem.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// A disk with the root filesystem on it, made when it is first asked for.
    ///
    /// # Errors
    /// When mke2fs fails.
    pub fn disk(&self) -> Result<PathBuf> {
        let disk = self.folder.join("disk.img");
        if !disk.exists() {
            let work = tempfile::NamedTempFile::new_in(&self.folder)?;
            // Room for what a test installs; the file has holes.
            work.as_file().set_len(1 << 30)?;
            let mut command = Command::new("mke2fs");
            command.args(["-q", "-F", "-t", "ext4", "-d"]).arg(self.root()).arg(work.path());
            run::check(&mut command, Duration::from_secs(120))?;
            // Who else makes it makes the same.
            work.persist(&disk)?;
        }
        Ok(disk)
    }

    /// The package repository.
    pub fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }
}

/// Makes sure that the image is in the cache; builds it, about a minute, when it is not.
/// Says on standard error what takes so long.
///
/// # Errors
/// When the build fails: with the last lines that the failing tool said.
pub fn ensure(image: Image, suite: &Suite) -> Result<CachedImage> {
    let recipe = Recipe { image, suite: suite.clone() };
    let cache = crate::cache();
    let images = cache.join("images");
    let locks = cache.join("locks");
    for folder in [&images, &locks] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    // Two processes that need the same image: the second waits for the first one's.
    let build = open_lock(&locks.join(recipe.name()))?;
    run::wait_for("end of another process's image build", BUILD_DEADLINE, || {
        run::check_interrupted()?;
        match build.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("cannot take the build lock"),
        }
    })?;

    let folder = images.join(recipe.key());
    if !folder.exists() {
        remove_old(&recipe, &images, &locks);
        let start = Instant::now();
        eprintln!("Building the image {} (about a minute)", recipe.name());
        self::build(&recipe, &images, &folder)
            .with_context(|| format!("cannot build the image {}", recipe.name()))?;
        eprintln!("Built {} in {} s", folder.display(), start.elapsed().as_secs());
    }
    let in_use = open_lock(&locks.join(recipe.key()))?;
    in_use.lock_shared().context("cannot lock the image")?;
    Ok(CachedImage { folder, _in_use: in_use })
}

/// Builds into a folder beside `folder`, and only a finished image gets that name.
fn build(recipe: &Recipe, images: &Path, folder: &Path) -> Result<()> {
    let work = tempfile::Builder::new().prefix(&unfinished(recipe)).tempdir_in(images)?;
    let (files, build) = (work.path().join("files"), work.path().join("build"));
    let result = work.path().join("image");
    let (root, packages) = (result.join("root"), result.join("packages"));
    for folder in [&files, &packages] {
        fs::create_dir_all(folder)?;
    }
    recipe.write_files(&files, &build)?;

    let mut hooks = Vec::new();
    for (name, text) in recipe.scripts() {
        let script = work.path().join(name);
        write_file(&script, text, 0o755)?;
        hooks.push(format!("--customize-hook={}", script.display()));
    }

    let mut command = Command::new("mmdebstrap");
    command
        .args(["--mode=root", "--variant=minbase", "--format=directory"])
        .arg(format!("--include={}", recipe.packages().join(",")))
        // A mirror may be a snapshot of another day.
        .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .args(hooks)
        .arg(recipe.suite.to_string())
        .arg(&root)
        .arg(mirror())
        .env("LAB_FILES", &files)
        .env("LAB_BUILD", &build)
        .env("LAB_PACKAGES", &packages)
        .env("LAB_OFFER", recipe.offered().join(" "));
    run::long(&mut command, BUILD_DEADLINE)?;
    // RPM packages come with an index of their own.
    if recipe.image != Image::Rpm {
        index(&packages)?;
    }
    fs::rename(&result, folder)?;
    Ok(())
}

/// Writes apt's index of the packages in `folder`.
fn index(folder: &Path) -> Result<()> {
    for (what, file) in [("packages", "Packages"), ("release", "Release")] {
        let mut command = Command::new("apt-ftparchive");
        command.args([what, "."]).current_dir(folder);
        let index = run::check(&mut command, Duration::from_secs(60))?;
        fs::write(folder.join(file), index)?;
    }
    Ok(())
}

/// How the names of folders begin in which the image is built.
fn unfinished(recipe: &Recipe) -> String {
    format!(".building-{}-", recipe.name())
}

/// Removes the image's older versions, but those that a lab still runs on, and what killed builds of
/// it left. What cannot be removed now is removed with the next change of the recipe.
fn remove_old(recipe: &Recipe, images: &Path, locks: &Path) {
    let versions = format!("{}-", recipe.name());
    for entry in fs::read_dir(images).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&unfinished(recipe)) {
            // We hold the build lock: nobody builds in it.
            let _ = fs::remove_dir_all(entry.path());
        } else if name.starts_with(&versions) {
            let lock_path = locks.join(&name);
            let unused = open_lock(&lock_path).and_then(|lock| Ok(lock.try_lock()?));
            if unused.is_ok() {
                let _ = fs::remove_dir_all(entry.path());
                let _ = fs::remove_file(lock_path);
            }
        }
    }
}

/// Opens, and makes if need be, a file whose only use is to be locked.
pub fn open_lock(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open the lock file {}", path.display()))
}
