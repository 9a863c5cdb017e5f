//! Contents of files in a URL (RFC 2397): written as Butane writes them, and read in every form that there is.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
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

/// As Go reads it, in which Ignition is written: bits behind the last byte may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

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
    let shown = scheme.escape_debug();
    match scheme {
        "data" => {}
        _ if scheme.eq_ignore_ascii_case("data") => {
            return Err(format!("Ignition takes data: in small letters alone, not `{shown}:`"));
        }
        _ => {
            return Err(format!(
                "the contents are elsewhere ({shown}:), and the operator takes only data:"
            ));
        }
    }
    let (is_base64, data) = after_head(rest)?;
    if let Some(odd) = data.chars().find(|c| !is_data(*c, is_base64)) {
        let odd = odd.escape_debug();
        return Err(format!(
            "Ignition takes no `{odd}` in a data URL: {}",
            in_its_place(is_base64)
        ));
    }
    if is_base64 {
        return BASE64.decode(data).map_err(|error| format!("this is not base64: {error}"));
    }
    match broken_escape(data) {
        Some(escape) => {
            Err(format!("`{}` is no escape: % stands before two hex digits", escape.escape_debug()))
        }
        None => Ok(percent_decode_str(data).collect()),
    }
}

/// Whether the data is in base64, and the data, which begins behind the first comma that no quotes hold. Before it
/// may stand a media type, parameters and the word for base64: `text/plain;charset=utf-8;base64`.
fn after_head(text: &str) -> Result<(bool, &str), String> {
    let no_comma = || "a data URL has a comma before its data".to_owned();
    let (media, mut rest) = text.split_at(text.find([',', ';']).ok_or_else(no_comma)?);
    if !media.is_empty() && !is_media_type(media) {
        return Err(format!("`{}` is no media type such as text/plain", media.escape_debug()));
    }
    while let Some(parameter) = rest.strip_prefix(';') {
        if let Some(data) = parameter.strip_prefix("base64,") {
            return Ok((true, data));
        }
        let end = parameter.find(|c| !is_token(c)).unwrap_or(parameter.len());
        let (name, value) = parameter.split_at(end);
        rest = match value.strip_prefix('=') {
            Some(value) => value.strip_prefix('"').map_or_else(
                || value.trim_start_matches(is_token),
                |quoted| quoted.split_once('"').map_or("", |(_, rest)| rest),
            ),
            None => {
                let name = name.escape_debug();
                return Err(format!("`;{name}` is neither ;base64 nor a parameter with its value"));
            }
        };
    }
    rest.strip_prefix(',').map(|data| (false, data)).ok_or_else(no_comma)
}

/// The kinds of media that Ignition's reader knows (github.com/vincent-petithory/dataurl, as all of these rules).
const MEDIA: [&str; 8] =
    ["text", "image", "audio", "video", "application", "message", "multipart", "x-"];

fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, of)| {
        MEDIA.iter().any(|known| kind.starts_with(known))
            && (kind.to_owned() + of).chars().all(is_token)
    })
}

/// A character of a token (RFC 2045).
fn is_token(c: char) -> bool {
    c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c)
}

/// Whether Ignition takes a character in the data.
fn is_data(c: char, is_base64: bool) -> bool {
    match is_base64 {
        true => c.is_ascii_alphanumeric() || "+/=".contains(c),
        false => c.is_ascii_graphic() && !"<>#\"{}|\\^[]`".contains(c),
    }
}

fn in_its_place(is_base64: bool) -> &'static str {
    if is_base64 {
        "base64 is letters, digits, +, / and = alone, without escapes"
    } else {
        "write it as an escape, as %20 for a blank"
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
