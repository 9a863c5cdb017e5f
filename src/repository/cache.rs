//! What was fetched before: files by their SHA-256 or SHA-512, and those that were broken off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256, Sha512};

use super::error::Error;
use crate::package::hexadecimal;

/// A folder with files by their checksums.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// A file that is being fetched.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    digest: Hasher,
    wanted: String,
    /// How much of it is here, in bytes.
    pub have: u64,
    /// Whether nobody can take it up later: another process is at the one that can.
    is_spare: bool,
}

impl Cache {
    /// The cache in `folder`, which need not be there yet.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the file with this checksum is or will be.
    fn path(&self, wanted: &str) -> PathBuf {
        self.folder.join("files").join(wanted)
    }

    /// The file with this checksum, if it is here and whole: disks lie, too.
    pub(super) fn get(&self, wanted: &str) -> Option<Vec<u8>> {
        let path = self.path(wanted);
        let bytes = fs::read(&path).ok()?;
        if sum(&bytes, wanted) == wanted {
            return Some(bytes);
        }
        let _ = fs::remove_file(path);
        None
    }

    /// Begins or takes up the file with this checksum.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn partial(&self, wanted: &str) -> Result<Partial, Error> {
        let folder = self.folder.join("partial");
        let cannot = |error: io::Error| cannot(&folder, &error);
        fs::create_dir_all(&folder).map_err(cannot)?;
        let open = |path: &Path| {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        let mut path = folder.join(wanted);
        let mut file = open(&path).map_err(cannot)?;
        let is_spare = file.try_lock().is_err();
        if is_spare {
            // Another ezsync fetches it as well: not into the same file.
            path = folder.join(format!("{wanted}.{}", std::process::id()));
            file = open(&path).map_err(cannot)?;
        }
        let mut partial = Partial {
            path,
            file,
            digest: Hasher::of(wanted),
            wanted: wanted.to_owned(),
            have: 0,
            is_spare,
        };
        partial.take_up().map_err(cannot)?;
        Ok(partial)
    }

    /// Keeps a file that is here whole.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn keep(&self, partial: &Partial, wanted: &str) -> Result<(), Error> {
        let path = self.path(wanted);
        let folder = path.parent().unwrap_or(&self.folder);
        let moved = fs::create_dir_all(folder).and_then(|()| fs::rename(&partial.path, &path));
        moved.map_err(|error| cannot(folder, &error))
    }
}

impl Partial {
    /// Reads what is here already.
    fn take_up(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = self.file.read(&mut buffer)?;
            match buffer.get(..length) {
                Some(read) if !read.is_empty() => self.digest.update(read),
                _ => return Ok(()),
            }
            self.have += length as u64;
        }
    }

    /// Adds to it.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|error| cannot(&self.path, &error))?;
        self.digest.update(bytes);
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// Begins again with nothing.
    pub(super) fn begin_again(&mut self) -> Result<(), Error> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|error| cannot(&self.path, &error))?;
        self.digest = Hasher::of(&self.wanted);
        self.have = 0;
        Ok(())
    }

    /// The checksum of what is here, in hexadecimal digits.
    pub(super) fn sum(&self) -> String {
        self.digest.clone().digits()
    }

    /// All of it.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read =
            self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|error| cannot(&self.path, &error))?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.is_spare {
            // Where it came whole it has moved from there.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The checksum of `bytes`, of the kind that `wanted` is.
pub(super) fn sum(bytes: &[u8], wanted: &str) -> String {
    let mut hasher = Hasher::of(wanted);
    hasher.update(bytes);
    hasher.digits()
}

/// Reckons a checksum.
#[derive(Clone)]
enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Of the kind that the digits in `wanted` are.
    fn of(wanted: &str) -> Self {
        match wanted.len() {
            128 => Self::Sha512(Sha512::new()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn digits(self) -> String {
        match self {
            Self::Sha256(hasher) => hexadecimal(&hasher.finalize()),
            Self::Sha512(hasher) => hexadecimal(&hasher.finalize()),
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::failed(
        format!("{}: {error}", path.display()),
        "what is fetched is kept there: make room, or name another folder in XDG_CACHE_HOME",
    )
}
