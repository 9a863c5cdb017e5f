//! The user's own packages: `.deb` and `.rpm` files in folders.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::cache::sum;
use super::error::Error;
use crate::package::{self, Format, Package, Release, Target};
use crate::problem::{Place, Problem};

/// A package in a folder of the user's.
#[derive(Debug, Clone)]
pub struct Own {
    /// What its file says of itself.
    pub package: Package,
    /// The release whose hosts it is for; none: for all.
    pub release: Option<Release>,
    path: PathBuf,
}

impl Own {
    /// The packages in `folder`, by the names of their files. Those in a folder below it that has the
    /// name of a release (`debian-12`) are for that release alone; other folders with packages are `ignored`.
    ///
    /// # Errors
    /// A folder cannot be read, or has no package in it; a file in it that is called a package is none.
    pub fn in_folder(folder: &Path, ignored: &mut Vec<PathBuf>) -> Result<Vec<Self>, Problem> {
        let mut found = Vec::new();
        for path in entries(folder)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name.parse::<Release>() {
                Ok(release) if path.is_dir() => {
                    for path in entries(&path)? {
                        found.extend(Self::read(path, Some(release.clone()))?);
                    }
                }
                // What cannot be listed is none of the user's own.
                _ if path.is_dir() => {
                    let inside = entries(&path).unwrap_or_default();
                    if inside.iter().any(|path| package::is_package(path)) {
                        ignored.push(path);
                    }
                }
                _ => found.extend(Self::read(path, None)?),
            }
        }
        if found.is_empty() {
            return Err(refused(folder, &"there is neither a .deb nor a .rpm in this folder"));
        }
        Ok(found)
    }

    fn read(path: PathBuf, release: Option<Release>) -> Result<Option<Self>, Problem> {
        if !package::is_package(&path) {
            return Ok(None);
        }
        match package::read_file(&path) {
            Ok(package) => Ok(Some(Self { package, release, path })),
            Err(error) => Err(Problem::new(format!("--packages: {error}"))
                .hint("take it out of the folder, or get it anew")),
        }
    }

    /// Whether hosts of `release` may have it.
    pub(super) fn is_for(&self, release: &Release) -> bool {
        self.release.as_ref().is_none_or(|it| it == release)
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().display().to_string()
    }

    /// The folder where it is.
    pub(super) fn folder(&self) -> String {
        self.path.parent().map(|folder| folder.display().to_string()).unwrap_or_default()
    }

    /// Its file.
    pub(super) fn bytes(&self) -> Result<Bytes, Error> {
        let path = self.path.display();
        let failed = |what: String| Error::failed(format!("{path}: {what}"), "run it again");
        let bytes = fs::read(&self.path).map_err(|error| failed(error.to_string()))?;
        if sum(&bytes, &self.package.sha256) != self.package.sha256 {
            return Err(failed("somebody has changed it meanwhile".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// What is asked for, and is not there for hosts that have no repository.
pub(super) fn not_in_folder(target: &Target, format: Format, name: &str) -> Error {
    let file = match format {
        Format::Deb => ".deb",
        Format::Rpm => ".rpm",
    };
    let architecture = target.architecture;
    Error::failed(
        format!(
            "{target}: {name} is not in the folder of --packages, as a {file} for {architecture}"
        ),
        "put it there, name with --package what the bundle is to hold instead, or name a repository with --mirror",
    )
}

/// What is in `folder`, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = fs::read_dir(folder).map_err(|error| refused(folder, &error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|error| refused(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn refused(folder: &Path, what: &dyn std::fmt::Display) -> Problem {
    Problem::new(format!("--packages: {what}")).at(Place::in_file(folder))
}
