//! Writing a bundle: the same packages make the same bytes, whenever and wherever.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use tar::{EntryType, Header};
use tempfile::NamedTempFile;
use zstd::stream::write::Encoder;

use super::manifest::Promise;
use super::{MANIFEST, MANIFEST_MAX, Manifest, Member, sha256};
use crate::problem::Problem;

/// How hard zstd tries: packages are compressed already, and only the manifest gets smaller.
const LEVEL: i32 = 3;

/// When each member was made, for tar: 2000-01-01. Nothing of the moment may show, and some programs
/// take 1970 for a mistake.
const MADE: u64 = 946_684_800;

/// Writes the bundle of `manifest` to `output`, or leaves what stands there as it is. `members` are the
/// packages that the manifest names, in any order, also more than once. Gives the size of the file in
/// bytes.
///
/// # Errors
/// A package that the manifest names is not among the members or is another one; names or sizes that no
/// bundle may have; `output` cannot be written.
pub fn write(manifest: &Manifest, members: &[Member], output: &Path) -> Result<u64, Problem> {
    let refuse = |what: String| Problem::new(format!("{}: {what}", output.display()));
    let manifest = manifest.in_order();
    let promises = manifest.promises().map_err(|what| {
        refuse(format!("such a bundle cannot be: {what}")).hint("nothing was written")
    })?;
    let text = manifest.to_json().map_err(|error| refuse(error.to_string()))?;
    if text.len() as u64 > MANIFEST_MAX {
        return Err(refuse(format!("its manifest would have more than {MANIFEST_MAX} bytes")));
    }
    let files: HashMap<&str, &Bytes> =
        members.iter().map(|m| (m.package.sha256.as_str(), &m.bytes)).collect();
    let mut contents = Vec::new();
    for promise in &promises {
        let file = files.get(promise.sha256.as_str()).copied();
        contents.push((promise, kept(promise, file).map_err(refuse)?));
    }
    if output.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(refuse("a bundle is a file, and something else stands there".to_owned()));
    }
    let written = aside(output).and_then(|file| {
        let size = fill(&file, &text, &contents)?;
        file.persist(output)?;
        Ok(size)
    });
    written.map_err(|error| refuse(format!("the bundle cannot be written: {error}")))
}

/// Whether a file can be made beside `output`: before hours are spent on what goes into it.
///
/// # Errors
/// Why none can be made.
pub fn try_write(output: &Path) -> io::Result<()> {
    aside(output)?.close()
}

/// The file of `promise`, if it is the promised one.
fn kept<'a>(promise: &Promise, file: Option<&'a Bytes>) -> Result<&'a Bytes, String> {
    let name = &promise.name;
    let file = file.ok_or_else(|| format!("there is no file for {name}"))?;
    if file.len() as u64 != promise.size || sha256(file) != promise.sha256 {
        return Err(format!("the file for {name} is not the one that the manifest names"));
    }
    Ok(file)
}

/// The file before it gets its name. It goes away where it gets none.
fn aside(output: &Path) -> io::Result<NamedTempFile> {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut open = OpenOptions::new();
    // As far as the umask lets others read it.
    open.read(true).write(true).create_new(true).mode(0o666);
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .make_in(folder.unwrap_or(Path::new(".")), |path| open.open(path))
}

fn fill(file: &NamedTempFile, manifest: &[u8], members: &[(&Promise, &Bytes)]) -> io::Result<u64> {
    let file = file.as_file();
    let mut encoder = Encoder::new(BufWriter::new(file), LEVEL)?;
    encoder.include_checksum(true)?;
    let mut tar = tar::Builder::new(encoder);
    append(&mut tar, MANIFEST, manifest)?;
    for (promise, bytes) in members {
        append(&mut tar, &promise.name, bytes)?;
    }
    let mut buffer = tar.into_inner()?.finish()?;
    buffer.flush()?;
    // A name is given to what is on the disk, or a power cut leaves an empty file under it.
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn append(tar: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    tar.append(&header(name, bytes.len() as u64), bytes)
}

/// The block before the member `name`: the only one that such a member may have.
pub(super) fn header(name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    // Names are checked to be short enough: one that is not gets none, and is refused when read.
    let _ = header.set_path(name);
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MADE);
    header.set_cksum();
    header
}
