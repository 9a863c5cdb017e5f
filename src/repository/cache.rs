//! What was fetched before: files by their SHA-256, and those that were broken off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::Error;

/// A folder with files by their SHA-256.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// A file that is being fetched.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    digest: Sha256,
    /// How much of it is here, in bytes.
    pub have: u64,
}

impl Cache {
    /// The cache in `folder`, which need not be there yet.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the file with this SHA-256 is or will be.
    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join("sha256").join(sha256)
    }

    /// The file with this SHA-256, if it is here and whole: disks lie, too.
    pub(super) fn get(&self, sha256: &str) -> Option<Vec<u8>> {
        let path = self.path(sha256);
        let bytes = fs::read(&path).ok()?;
        if hex(&Sha256::digest(&bytes)) == sha256 {
            return Some(bytes);
        }
        let _ = fs::remove_file(path);
        None
    }

    /// Begins or takes up the file with this SHA-256.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn partial(&self, sha256: &str) -> Result<Partial, Error> {
        let folder = self.folder.join("partial");
        let cannot = |error: io::Error| cannot(&folder, &error);
        fs::create_dir_all(&folder).map_err(cannot)?;
        let open = |path: &Path| {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        let mut path = folder.join(sha256);
        let mut file = open(&path).map_err(cannot)?;
        if file.try_lock().is_err() {
            // Another ezsync fetches it as well: not into the same file.
            path = folder.join(format!("{sha256}.{}", std::process::id()));
            file = open(&path).map_err(cannot)?;
        }
        let mut partial = Partial { path, file, digest: Sha256::new(), have: 0 };
        partial.take_up().map_err(cannot)?;
        Ok(partial)
    }

    /// Keeps a file that is here whole.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn keep(&self, partial: &Partial, sha256: &str) -> Result<(), Error> {
        let path = self.path(sha256);
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
        self.digest = Sha256::new();
        self.have = 0;
        Ok(())
    }

    /// The SHA-256 of what is here, in hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        hex(&self.digest.clone().finalize())
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

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::failed(
        format!("{}: {error}", path.display()),
        "what is fetched is kept there: make room, or name another folder in XDG_CACHE_HOME",
    )
}
