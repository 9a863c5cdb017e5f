//! A header of an .rpm: values by their tags.

use std::io::Read;

use super::{Malformed, take};

/// The first bytes of a header: a mark, and the version of its form.
const MAGIC: &[u8] = b"\x8e\xad\xe8\x01";

/// The length of what comes before the index, and of an entry of the index, in bytes.
const ENTRY: usize = 16;

/// RPM's own limits: so many entries, and so many bytes of values. Ours on the latter is lower than its
/// 256 MB; the greatest headers are those of kernels, with some 10 MB.
const MAX_ENTRIES: u64 = 0xffff;
const MAX_VALUES: u64 = 64 << 20;

/// The tags in use here, as RPM's rpmtag.h numbers them.
pub(super) mod tag {
    pub(crate) const NAME: u32 = 1000;
    pub(crate) const VERSION: u32 = 1001;
    pub(crate) const RELEASE: u32 = 1002;
    pub(crate) const EPOCH: u32 = 1003;
    pub(crate) const SIZE: u32 = 1009;
    pub(crate) const ARCHITECTURE: u32 = 1022;
    pub(crate) const LONG_SIZE: u32 = 5009;
    pub(crate) const SOURCE_PACKAGE: u32 = 1106;
    /// Names, flags, versions.
    pub(crate) const PROVIDES: [u32; 3] = [1047, 1112, 1113];
    pub(crate) const REQUIRES: [u32; 3] = [1049, 1048, 1050];
    pub(crate) const CONFLICTS: [u32; 3] = [1054, 1053, 1055];
    pub(crate) const OBSOLETES: [u32; 3] = [1090, 1114, 1115];
    pub(crate) const FOLDER_OF_FILE: u32 = 1116;
    pub(crate) const FILES: u32 = 1117;
    pub(crate) const FOLDERS: u32 = 1118;
    pub(crate) const PAYLOAD_DIGEST: u32 = 5092;
    pub(crate) const PAYLOAD_DIGEST_KIND: u32 = 5093;
    /// Of the header and the payload, in the header with signatures.
    pub(crate) const SIGNATURE_SIZE: u32 = 1000;
    pub(crate) const SIGNATURE_LONG_SIZE: u32 = 270;
}

/// The types of values in use here.
const INT16: u32 = 3;
const INT32: u32 = 4;
const INT64: u32 = 5;
const TEXTS: [u32; 3] = [6, 8, 9];

pub(super) struct Header {
    /// Tag, type, place and count of each entry.
    entries: Vec<[u32; 4]>,
    values: Vec<u8>,
}

impl Header {
    /// Reads one, and tells how long it is, in bytes.
    pub(super) fn read(file: &mut impl Read) -> Result<(Self, u64), Malformed> {
        let start = take(file, ENTRY as u64)?;
        let words = words(&start);
        let (Some(true), Some(entries), Some(values)) =
            (start.get(..4).map(|magic| magic == MAGIC), words.get(2), words.get(3))
        else {
            return Err(Malformed("its header is damaged".to_owned()));
        };
        let (entries, values) = (u64::from(*entries), u64::from(*values));
        if entries > MAX_ENTRIES || values > MAX_VALUES {
            return Err(Malformed("its header is too large".to_owned()));
        }
        let index = take(file, entries.saturating_mul(ENTRY as u64))?;
        let values = take(file, values)?;
        let length = start.len().saturating_add(index.len()).saturating_add(values.len());
        let entries =
            index.chunks_exact(ENTRY).filter_map(|entry| self::words(entry).try_into().ok());
        Ok((Self { entries: entries.collect(), values }, length as u64))
    }

    pub(super) fn has(&self, tag: u32) -> bool {
        self.entries.iter().any(|[known, ..]| *known == tag)
    }

    /// The texts of a tag; none where there is no such tag. What is no UTF-8 is left out.
    pub(super) fn texts(&self, tag: u32) -> impl Iterator<Item = &str> {
        let (count, bytes) = self.value(tag, |kind| TEXTS.contains(&kind)).unwrap_or_default();
        bytes
            .split(|byte| *byte == 0)
            .take(count)
            .map(|text| str::from_utf8(text).unwrap_or_default())
    }

    /// The first text of a tag.
    pub(super) fn text(&self, tag: u32) -> Option<&str> {
        self.texts(tag).next()
    }

    /// The numbers of a tag; none where there is no such tag.
    pub(super) fn numbers(&self, tag: u32) -> Vec<u64> {
        let width = [(INT16, 2), (INT32, 4), (INT64, 8)]
            .into_iter()
            .find(|(kind, _)| self.value(tag, |found| found == *kind).is_some());
        let Some((kind, width)) = width else { return Vec::new() };
        let (count, bytes) = self.value(tag, |found| found == kind).unwrap_or_default();
        bytes
            .chunks_exact(width)
            .take(count)
            .map(|chunk| chunk.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            .collect()
    }

    /// The first number of a tag.
    pub(super) fn number(&self, tag: u32) -> Option<u64> {
        self.numbers(tag).first().copied()
    }

    /// How many values a tag has, and the bytes from the first on.
    fn value(&self, tag: u32, is_kind: impl Fn(u32) -> bool) -> Option<(usize, &[u8])> {
        let [_, _, place, count] =
            self.entries.iter().find(|[known, kind, ..]| *known == tag && is_kind(*kind))?;
        let bytes = self.values.get(usize::try_from(*place).ok()?..)?;
        Some((usize::try_from(*count).ok()?, bytes))
    }
}

/// Numbers of four bytes, the greatest first.
fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|word| Some(u32::from_be_bytes(word.try_into().ok()?)))
        .collect()
}
