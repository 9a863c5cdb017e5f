//! A .deb: an `ar` archive (deb(5)) with the control file in a packed archive of its own.

use std::io::{self, Read};

use deb822_fast::Deb822;
use flate2::read::GzDecoder;
use lzma_rust2::XzReader;
use tar::Archive;
use zstd::Decoder;

use super::super::{Package, deb};
use super::{Malformed, cut_off, take};

/// The first bytes of an `ar` archive.
const MAGIC: &[u8] = b"!<arch>\n";

/// The length of a member's header: name, time, owner, group, mode, size, a mark.
const HEADER: u64 = 60;

/// More than this is no control archive, packed or not, in bytes. The greatest of Debian 12 has 6 MB.
const MAX_CONTROL: u64 = 64 << 20;

/// More than this is no control file, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// As much memory may unpacking xz take, in KiB: twice what `xz -9` needs. What is packed says itself how much
/// it wants, up to 4 GiB.
pub const MAX_XZ_MEMORY: u32 = 128 << 10;

/// Reads the archive to its end, and describes the package.
pub(super) fn read(file: &mut impl Read) -> Result<Package, Malformed> {
    if take(file, MAGIC.len() as u64)? != MAGIC {
        return Err(Malformed("it is no .deb".to_owned()));
    }
    let mut package = None;
    let mut has_data = false;
    while let Some((name, size)) = next_member(file)? {
        if name.starts_with("control.tar") && package.is_none() {
            if size > MAX_CONTROL {
                return Err(Malformed("its control archive is too large".to_owned()));
            }
            package = Some(describe(&name, &take(file, size)?)?);
        } else {
            has_data |= name.starts_with("data.tar");
            skip(file, size)?;
        }
        // Members begin at even places.
        if size % 2 == 1 {
            io::copy(&mut file.take(1), &mut io::sink()).map_err(because)?;
        }
    }
    match (package, has_data) {
        (Some(package), true) => Ok(package),
        (None, _) => Err(Malformed("it has no control archive".to_owned())),
        (_, false) => Err(cut_off()),
    }
}

/// The name and the size in bytes of the member that begins here; nothing at the archive's end.
fn next_member(file: &mut impl Read) -> Result<Option<(String, u64)>, Malformed> {
    let mut header = Vec::new();
    file.take(HEADER).read_to_end(&mut header).map_err(because)?;
    if header.is_empty() {
        return Ok(None);
    }
    let text = |from: usize, to: usize| {
        std::str::from_utf8(header.get(from..to)?).ok().map(str::trim_ascii_end)
    };
    let name = text(0, 16).map(|name| name.trim_end_matches('/').to_owned());
    let size = text(48, 58).and_then(|size| size.parse().ok());
    match (name, size) {
        (Some(name), Some(size)) if header.ends_with(b"`\n") => Ok(Some((name, size))),
        _ if (header.len() as u64) < HEADER => Err(cut_off()),
        _ => Err(Malformed("its archive is damaged".to_owned())),
    }
}

fn skip(file: &mut impl Read, size: u64) -> Result<(), Malformed> {
    let skipped = io::copy(&mut file.take(size), &mut io::sink()).map_err(because)?;
    if skipped < size { Err(cut_off()) } else { Ok(()) }
}

/// The package that a control archive describes.
fn describe(name: &str, packed: &[u8]) -> Result<Package, Malformed> {
    let unpacked: Box<dyn Read + '_> = match name.strip_prefix("control.tar").unwrap_or_default() {
        "" => Box::new(packed),
        ".gz" => Box::new(GzDecoder::new(packed)),
        ".xz" => Box::new(XzReader::new_mem_limit(packed, true, MAX_XZ_MEMORY)),
        ".zst" => Box::new(Decoder::new(packed).map_err(because)?),
        _ => return Err(Malformed(format!("how its {name} is packed is not supported"))),
    };
    let mut archive = Archive::new(unpacked.take(MAX_CONTROL));
    for entry in archive.entries().map_err(because)? {
        let entry = entry.map_err(because)?;
        let path = entry.path_bytes();
        if path.strip_prefix(b"./").unwrap_or(&path) != b"control" {
            continue;
        }
        if entry.size() > MAX_TEXT {
            return Err(Malformed("its control file is too large".to_owned()));
        }
        let mut stanzas = Deb822::iter_paragraphs_from_reader(io::BufReader::new(entry));
        let stanza =
            stanzas.next().ok_or_else(|| Malformed("its control file is empty".to_owned()))?;
        return deb::describe(&stanza.map_err(because)?);
    }
    Err(Malformed("it has no control file".to_owned()))
}

fn because(error: impl std::fmt::Display) -> Malformed {
    Malformed(error.to_string())
}
