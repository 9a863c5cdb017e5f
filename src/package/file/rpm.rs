//! An .rpm: a lead, a header with signatures, a header that describes the package, and its files (RPM's
//! manual, "Package format").

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::super::rpm::{evr, given, relation};
use super::super::{Comparison, Format, Given, Package, Relation};
use super::header::{Header, tag};
use super::{Hashed, Malformed, cut_off, malformed, take};
use crate::package::hexadecimal;

/// The length of the lead in bytes; it tells nothing that the headers do not tell better.
const LEAD: u64 = 96;

/// The lead's first bytes.
const LEAD_MAGIC: &[u8] = b"\xed\xab\xee\xdb";

/// `PAYLOADDIGESTALGO` of SHA-256.
const SHA256: u64 = 8;

/// Bits of a relation's flags.
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;
/// A hint that was never a need (RPM before 4.13).
const MISSING_OK: u64 = 1 << 19;

/// Reads the file to its end, and describes the package.
pub(super) fn read(file: &mut impl Read) -> Result<Package, Malformed> {
    if !take(file, LEAD)?.starts_with(LEAD_MAGIC) {
        return Err(Malformed("it is no .rpm".to_owned()));
    }
    let (signatures, length) = Header::read(file)?;
    // The next header begins at a place that 8 divides.
    take(file, length.next_multiple_of(8).saturating_sub(length))?;
    let (header, length) = Header::read(file)?;
    let mut payload = Hashed { inner: file, hash: Sha256::new(), size: 0 };
    io::copy(&mut payload, &mut io::sink()).map_err(|error| Malformed(error.to_string()))?;
    let told =
        signatures.number(tag::SIGNATURE_SIZE).or(signatures.number(tag::SIGNATURE_LONG_SIZE));
    if told.is_some_and(|told| told != length.saturating_add(payload.size)) {
        return Err(cut_off());
    }
    let digest = header.text(tag::PAYLOAD_DIGEST);
    let is_sha256 = header.number(tag::PAYLOAD_DIGEST_KIND) == Some(SHA256);
    if is_sha256 && digest.is_some_and(|digest| digest != hexadecimal(&payload.hash.finalize())) {
        return Err(Malformed("its content is not what its header says".to_owned()));
    }
    describe(&header)
}

fn describe(header: &Header) -> Result<Package, Malformed> {
    let text = |tag, what: &str| {
        header.text(tag).ok_or_else(|| Malformed(format!("its header has no {what}")))
    };
    if header.has(tag::SOURCE_PACKAGE) {
        return Err(Malformed("it is a source package".to_owned()));
    }
    let epoch = header.number(tag::EPOCH).map(|epoch| epoch.to_string()).unwrap_or_default();
    let version = evr(&epoch, text(tag::VERSION, "version")?, text(tag::RELEASE, "release")?);
    let provides = relations(header, tag::PROVIDES);
    let size = header.number(tag::LONG_SIZE).or(header.number(tag::SIZE));
    let without_flags = |list: Vec<(u64, Relation)>| list.into_iter().map(|(_, found)| found);
    Ok(Package {
        name: malformed::name(text(tag::NAME, "name")?)?.to_owned(),
        version: malformed::version(&version)?.to_owned(),
        architecture: malformed::name(text(tag::ARCHITECTURE, "architecture")?)?.to_owned(),
        format: Format::Rpm,
        installed_size: size.unwrap_or_default(),
        needs: relations(header, tag::REQUIRES)
            .into_iter()
            .filter(|(flags, _)| flags & MISSING_OK == 0)
            .map(|(_, need)| vec![need])
            .collect(),
        gives: without_flags(provides)
            .map(|Relation { name, bound }| match bound {
                Some((Comparison::Equal, version)) => given(&name, "=", &version),
                _ => given(&name, "", ""),
            })
            .chain(files(header).map(|name| Given { name, version: None }))
            .collect(),
        conflicts: without_flags(relations(header, tag::CONFLICTS)).collect(),
        obsoletes: without_flags(relations(header, tag::OBSOLETES)).collect(),
        ..Package::default()
    })
}

/// Relations with their flags, by the tags of their names, flags and versions.
fn relations(header: &Header, [names, flags, versions]: [u32; 3]) -> Vec<(u64, Relation)> {
    let mut flags = header.numbers(flags).into_iter();
    let mut versions = header.texts(versions);
    let read = |name: &str| {
        let flags = flags.next().unwrap_or_default();
        let sign = match (flags & LESS != 0, flags & GREATER != 0, flags & EQUAL != 0) {
            (true, _, false) => "<",
            (true, _, true) => "<=",
            (false, false, true) => "=",
            (_, true, true) => ">=",
            (_, true, false) => ">",
            _ => "",
        };
        (flags, relation(name, sign, versions.next().unwrap_or_default()))
    };
    header.texts(names).map(read).collect()
}

/// The paths of the package's files: folders once, and for each file which one it is in.
fn files(header: &Header) -> impl Iterator<Item = String> {
    let folders: Vec<&str> = header.texts(tag::FOLDERS).collect();
    let places = header.numbers(tag::FOLDER_OF_FILE);
    header.texts(tag::FILES).zip(places).filter_map(move |(name, place)| {
        let folder = folders.get(usize::try_from(place).ok()?)?;
        Some(format!("{folder}{name}"))
    })
}
