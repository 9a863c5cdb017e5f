//! Contents of files in a URL (RFC 2397): written as Butane writes them, and read in every form that there is.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What Butane leaves as it is beside letters and digits.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The word for compressed contents. The room that it takes is counted as well.
const GZIP: &str = "gzip";

/// The most that compressed contents may become, in bytes: many times what a cluster stores in one object.
const UNPACKED_MAX: u64 = 16 * 1024 * 1024;

/// Contents as they are written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    /// The URL.
    pub source: String,
    /// `gzip`, or nothing.
    pub compression: &'static str,
}

/// The shortest of the plain, the base64 and, where it is `compressible`, the compressed form.
pub(super) fn encode(bytes: &[u8], compressible: bool) -> Encoded {
    let mut best = format!("data:,{}", percent_encode(bytes, ESCAPED));
    let mut compression = "";
    let base64 = |bytes: &[u8]| format!("data:;base64,{}", STANDARD.encode(bytes));
    let plain64 = base64(bytes);
    if plain64.len() < best.len() {
        best = plain64;
    }
    let packed = compressible.then(|| gzip(bytes)).flatten().map(|packed| base64(&packed));
    if let Some(packed) = packed.filter(|packed| packed.len() + GZIP.len() < best.len()) {
        best = packed;
        compression = GZIP;
    }
    Encoded { source: best, compression }
}

/// The same bytes each time: no name and no time are in it.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// What `source` holds, unpacked as `compression` says.
///
/// # Errors
/// It cannot be read; in words for the one who has the file.
pub(super) fn decode(source: &str, compression: &str) -> Result<Vec<u8>, String> {
    let bytes = match source {
        // Ignition's way to say that a file is empty.
        "" => Vec::new(),
        source => url(source)?,
    };
    match compression {
        "" => Ok(bytes),
        GZIP => unpack(&bytes),
        other => Err(format!("the compression `{}` is not known", other.escape_debug())),
    }
}

fn url(source: &str) -> Result<Vec<u8>, String> {
    let Some((scheme, rest)) = source.split_once(':') else {
        return Err("this is not a URL".to_owned());
    };
    if !scheme.eq_ignore_ascii_case("data") {
        let scheme = scheme.escape_debug();
        return Err(format!(
            "the contents are elsewhere ({scheme}:), and the operator takes only data:"
        ));
    }
    let (kind, data) =
        rest.split_once(',').ok_or_else(|| "a data URL has a comma before its data".to_owned())?;
    if let Some(escape) = broken_escape(data) {
        return Err(format!(
            "`{}` is no escape: % stands before two hex digits",
            escape.escape_debug()
        ));
    }
    let data: Vec<u8> = percent_decode_str(data).collect();
    // A media type and its parameters may stand before it: `text/plain;charset=utf-8;base64`.
    match kind.rsplit(';').next() {
        Some(last) if last.eq_ignore_ascii_case("base64") => {
            STANDARD.decode(&data).map_err(|error| format!("this is not base64: {error}"))
        }
        _ => Ok(data),
    }
}

/// A % that begins no byte, with what stands behind it: Ignition refuses it.
fn broken_escape(data: &str) -> Option<String> {
    let mut escapes = data.split('%').skip(1);
    let is_broken = |rest: &&str| {
        let digits: Vec<u8> = rest.bytes().take(2).filter(u8::is_ascii_hexdigit).collect();
        digits.len() < 2
    };
    escapes.find(is_broken).map(|rest| format!("%{}", rest.chars().take(2).collect::<String>()))
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes).take(UNPACKED_MAX + 1);
    reader.read_to_end(&mut unpacked).map_err(|error| format!("this is not gzip: {error}"))?;
    if unpacked.len() as u64 > UNPACKED_MAX {
        return Err(format!("it unpacks to more than {} MiB", UNPACKED_MAX / 1024 / 1024));
    }
    Ok(unpacked)
}
