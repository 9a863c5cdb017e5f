//! Opening a bundle: all of it is checked before anything of it is used.
//!
//! Nothing that stands in the file is believed before it is checked: what it says of sizes is held
//! against limits first, and no name in it becomes a path here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use zstd::stream::read::Decoder;

use super::manifest::{Promise, Unread};
use super::write::header;
use super::{BLOCK, FORMAT, MANIFEST, MANIFEST_MAX, Manifest, sha256};
use crate::package::Package;
use crate::problem::Problem;
use crate::sanitise::sanitise;

/// How a file that zstd compressed begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The most memory that decompressing may take, as a power of two: 8 MiB. We write with 2 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// So much memory is set aside for a package before its bytes are there.
const SET_ASIDE_MAX: u64 = 64 << 20;

/// A bundle whose every byte was checked. It is in memory once, however many hosts get packages of it.
#[derive(Debug, PartialEq)]
pub struct Bundle {
    path: PathBuf,
    size: u64,
    manifest: Manifest,
    /// The packages' files by their SHA-256.
    files: HashMap<String, Bytes>,
}

type Stream = Decoder<'static, BufReader<File>>;

impl Bundle {
    /// Reads the bundle at `path` and checks it: the manifest, the size and SHA-256 of each package, and
    /// that there is nothing else in it.
    ///
    /// # Errors
    /// The file cannot be read, was made by a later ezsync, or is damaged; the problem says where.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let refuse = |what: String| Problem::new(format!("{}: {what}", path.display()));
        let cannot = |error: io::Error| refuse(format!("the bundle cannot be read: {error}"));
        let there = path.metadata().map_err(cannot)?;
        if !there.is_file() {
            return Err(refuse("a bundle is a file, and this is something else".to_owned()));
        }
        let mut buffer = BufReader::with_capacity(128 << 10, File::open(path).map_err(cannot)?);
        if !buffer.fill_buf().map_err(cannot)?.starts_with(&MAGIC) {
            let what = "this is no bundle of ezsync's, or its first bytes are damaged";
            return Err(refuse(what.to_owned()).hint(AGAIN));
        }
        let read = Reading::start(buffer).and_then(Reading::all).map_err(|fault| match fault {
            Fault::Later(format) => refuse(format!(
                "a later ezsync made this bundle: its format is {format}, and this ezsync knows {FORMAT}"
            ))
            .hint("take the ezsync that made it, or make it again with this one's `ezsync bundle create`"),
            Fault::Damage(what) => refuse(sanitise(&what).into_owned()).hint(AGAIN),
        });
        let (manifest, files) = read?;
        Ok(Self { path: path.to_owned(), size: there.len(), manifest, files })
    }

    /// Where it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of its file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is in it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file of one of its packages; none of a package that is not its own.
    #[must_use]
    pub fn file(&self, package: &Package) -> Option<Bytes> {
        self.files.get(&package.sha256).cloned()
    }
}

/// What to do about a damaged bundle.
const AGAIN: &str = "copy the file again, or make it again with `ezsync bundle create`";

/// Why a bundle is refused.
enum Fault {
    /// Its format is one that a later ezsync writes.
    Later(u32),
    /// What is wrong with it, and with which member.
    Damage(String),
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Self::Damage(what)
    }
}

/// A bundle that is being read.
struct Reading {
    stream: Stream,
}

impl Reading {
    fn start(buffer: BufReader<File>) -> Result<Self, Fault> {
        let cannot = |error: io::Error| format!("the bundle cannot be unpacked: {error}");
        let mut stream: Stream = Decoder::with_buffer(buffer).map_err(cannot)?.single_frame();
        stream.window_log_max(WINDOW_LOG_MAX).map_err(cannot)?;
        Ok(Self { stream })
    }

    fn all(mut self) -> Result<(Manifest, HashMap<String, Bytes>), Fault> {
        let manifest = self.manifest()?;
        let promises = manifest.promises().map_err(|what| format!("{MANIFEST}: {what}"))?;
        let mut files = HashMap::new();
        for (number, promise) in promises.iter().enumerate() {
            let head = self.head(&promise.name)?;
            if head != *header(&promise.name, promise.size).as_bytes() {
                let (before, rest) = promises.split_at(number);
                return Err(difference(&head, promise, before, rest).into());
            }
            let bytes = self.body(&promise.name, promise.size)?;
            if sha256(&bytes) != promise.sha256 {
                let what = "is damaged: its SHA-256 is not the one in the manifest";
                return Err(format!("the member {} {what}", promise.name).into());
            }
            files.insert(promise.sha256.clone(), Bytes::from(bytes));
        }
        self.end(&promises)?;
        Ok((manifest, files))
    }

    fn manifest(&mut self) -> Result<Manifest, Fault> {
        let head = self.head(MANIFEST)?;
        let size = tar::Header::from_byte_slice(&head).entry_size().unwrap_or(u64::MAX);
        if size > MANIFEST_MAX || head != *header(MANIFEST, size).as_bytes() {
            let what = "the manifest is not where it must be, or its entry is damaged";
            return Err(what.to_owned().into());
        }
        let text = self.body(MANIFEST, size)?;
        Manifest::from_json(&text).map_err(|unread| match unread {
            Unread::Format(format) if format > FORMAT => Fault::Later(format),
            Unread::Format(format) => format!("{MANIFEST}: there is no format {format}").into(),
            Unread::Damaged(what) => format!("{MANIFEST} is damaged: {what}").into(),
        })
    }

    /// The block before the member `name`.
    fn head(&mut self, name: &str) -> Result<[u8; BLOCK], Fault> {
        let mut head = [0; BLOCK];
        self.stream.read_exact(&mut head).map_err(|error| broken(name, &error))?;
        Ok(head)
    }

    /// The bytes of the member `name`, and what fills its last block.
    fn body(&mut self, name: &str, size: u64) -> Result<Vec<u8>, Fault> {
        let set_aside = usize::try_from(size.min(SET_ASIDE_MAX)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(set_aside);
        let mut limited = self.stream.by_ref().take(size);
        limited.read_to_end(&mut bytes).map_err(|error| broken(name, &error))?;
        let filling = size.next_multiple_of(BLOCK as u64) - size;
        let filled = io::copy(&mut self.stream.by_ref().take(filling), &mut io::sink());
        let filled = filled.map_err(|error| broken(name, &error))?;
        if bytes.len() as u64 != size || filled != filling {
            return Err(cut(name).into());
        }
        Ok(bytes)
    }

    /// The end: two blocks of zeros, and nothing behind them.
    fn end(mut self, members: &[Promise]) -> Result<(), Fault> {
        let last = members.last().map_or(MANIFEST, |promise| promise.name.as_str());
        for _ in 0..2 {
            let head = self.head(last)?;
            if head != [0; BLOCK] {
                return Err(surplus(&name_in(&head), members).into());
            }
        }
        let mut more = [0];
        // Reading to the end also checks zstd's own sum over everything.
        let read = self.stream.read(&mut more).map_err(|error| broken(last, &error))?;
        let mut rest = self.stream.finish();
        let at_end = rest.fill_buf().map_err(|error| broken(last, &error))?.is_empty();
        if read > 0 || !at_end {
            return Err("something stands behind the end of the bundle".to_owned().into());
        }
        Ok(())
    }
}

/// What an error within the member `name` means.
fn broken(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => cut(name),
        _ => format!("the member {name} is damaged: {error}"),
    }
}

fn cut(name: &str) -> String {
    format!("the bundle is cut off: it ends within the member {name}")
}

/// The name in the block before a member.
fn name_in(head: &[u8; BLOCK]) -> String {
    String::from_utf8_lossy(&tar::Header::from_byte_slice(head).path_bytes()).into_owned()
}

/// How the block `head` differs from that of `promise`, after the members of `before`; `rest` are those
/// that must still come.
fn difference(
    head: &[u8; BLOCK],
    promise: &Promise,
    before: &[Promise],
    rest: &[Promise],
) -> String {
    let name = name_in(head);
    let is = |promise: &Promise| promise.name == name;
    if promise.name == name {
        let size = tar::Header::from_byte_slice(head).entry_size().ok();
        return match size.filter(|size| *size != promise.size) {
            Some(size) => {
                format!("the member {name} has {size} bytes, and {} in the manifest", promise.size)
            }
            None => format!("the entry of the member {name} is damaged"),
        };
    }
    if *head == [0; BLOCK] || rest.iter().any(is) {
        return format!("the member {} is missing", promise.name);
    }
    surplus(&name, before)
}

/// A member `name` that the manifest does not name, or not once more after those of `before`.
fn surplus(name: &str, before: &[Promise]) -> String {
    if before.iter().any(|promise| promise.name == name) {
        return format!("the member {name} is in it twice");
    }
    format!("the member {name} is not in the manifest")
}
