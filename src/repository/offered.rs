//! Packages that are on offer for one target, and which of them are needed.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

use super::gather::Wanted;
use crate::package::{self, Format, Installed, MAX_XZ_MEMORY, Package, Target};

/// The root of each package's repository by the package's checksum and path: one file may be in two
/// repositories, at two places. None for the user's own.
pub(super) type Roots = HashMap<(String, String), Arc<str>>;

/// Packages, and where they are.
#[derive(Default)]
pub(super) struct Offered {
    pub packages: Vec<Package>,
    pub roots: Roots,
}

/// What tells a package's file from all others: the checksum that its list has.
pub(super) fn sum(package: &Package) -> &str {
    package.sha512.as_deref().unwrap_or(&package.sha256)
}

/// The key of a package in [`Roots`].
pub(super) fn place(package: &Package) -> (String, String) {
    (sum(package).to_owned(), package.location.clone())
}

/// What is in a packed list, by its first bytes.
pub(super) fn unpacked(bytes: Vec<u8>) -> Box<dyn Read> {
    let is = |magic: &[u8]| bytes.starts_with(magic);
    // xz, gzip (RFC 1952), Zstandard (RFC 8878).
    let (xz, gz, zst) = (is(b"\xfd7zXZ\0"), is(b"\x1f\x8b"), is(b"\x28\xb5\x2f\xfd"));
    let source = Cursor::new(bytes);
    match (xz, gz, zst) {
        (true, ..) => Box::new(lzma_rust2::XzReader::new_mem_limit(source, true, MAX_XZ_MEMORY)),
        (_, true, _) => Box::new(flate2::read::MultiGzDecoder::new(source)),
        (.., true) => match zstd::Decoder::new(source) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => Box::new(std::io::empty()),
        },
        _ => Box::new(source),
    }
}

pub(super) fn fits(package: &Package, target: &Target, format: Format) -> bool {
    package.format == format && target.architecture.takes(format, &package.architecture)
}

impl Offered {
    pub(super) fn add(&mut self, packages: Vec<Package>, root: &str) {
        let root: Arc<str> = root.into();
        let roots = packages.iter().map(|package| (place(package), root.clone()));
        self.roots.extend(roots);
        self.packages.extend(packages);
    }

    /// Whether a package is or gives `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        let gives = |package: &Package| package.gives.iter().any(|given| given.name == name);
        self.packages.iter().any(|package| package.name == name || gives(package))
    }

    /// Leaves one package of each name, as apt and dnf choose: the latest, wherever it is from; the
    /// user's `own` before that.
    pub(super) fn choose_best(&mut self, own: &[&Package]) {
        let mine: HashSet<&str> = own.iter().map(|package| package.name.as_str()).collect();
        self.packages.retain(|package| !mine.contains(package.name.as_str()));
        self.packages.extend(own.iter().map(|package| (*package).clone()));
        let later = |one: &Package, other: &Package| {
            package::compare(one.format, &other.version, &one.version)
                // Of two with the same version the choice must not depend on their order.
                .then_with(|| place(one).cmp(&place(other)))
        };
        self.packages
            .sort_by(|one, other| one.name.cmp(&other.name).then_with(|| later(one, other)));
        self.packages.dedup_by(|next, kept| next.name == kept.name);
    }
}

/// What a host has, with the files that a list names of its packages: with RPM these are needed too, and
/// no host lists all of its own.
fn with_files(installed: &[Installed], packages: &[Package]) -> Vec<Installed> {
    let by_name: HashMap<&str, &Package> =
        packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut installed = installed.to_vec();
    for it in &mut installed {
        let known = by_name.get(it.name.as_str()).map(|package| package.gives.as_slice());
        let files = known.unwrap_or_default().iter().filter(|given| given.name.starts_with('/'));
        it.gives.extend(files.cloned());
    }
    installed
}

/// The names of the packages that are needed on a host that has next to nothing, and on each host that
/// is known. What is asked for is among them, also where every host has it.
pub(super) fn resolve(wanted: &Wanted, packages: &[Package]) -> Result<HashSet<String>, String> {
    let of = |what: &str, installed: &[Installed]| -> Result<Vec<String>, String> {
        let chosen = package::resolve(&wanted.packages, packages, installed)
            .map_err(|unmet| format!("{what}{unmet}"))?;
        Ok(chosen.into_iter().map(|package| package.name.clone()).collect())
    };
    let mut minimal =
        package::minimal(packages).map_err(|unmet| format!("what every host has: {unmet}"))?;
    let is_offered = |name: &String| packages.iter().any(|package| package.name == *name);
    // By its own name, or by a name that only others give.
    let (names, given): (Vec<&String>, Vec<&String>) =
        wanted.packages.iter().partition(|name| is_offered(name));
    minimal.retain(|it| {
        let stands_for = |name: &&String| it.gives.iter().any(|given| given.name == **name);
        !names.contains(&&it.name) && !given.iter().any(stands_for)
    });
    let mut names: HashSet<String> = of("", &minimal)?.into_iter().collect();
    for (host, installed) in &wanted.hosts {
        names.extend(of(&format!("{host}: "), &with_files(installed, packages))?);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lists_are_unpacked_by_what_they_are() {
        let plain = b"Package: x\n".repeat(1000);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&plain).unwrap();
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(&plain).unwrap();
        let zst = zstd::encode_all(plain.as_slice(), 1).unwrap();
        for packed in [gz.finish().unwrap(), xz.finish().unwrap(), zst, plain.clone()] {
            let mut text = Vec::new();
            unpacked(packed).read_to_end(&mut text).unwrap();
            assert!(text == plain);
        }
    }

    /// As `xz --lzma2=dict=4095MiB` would make it.
    #[test]
    fn a_list_that_wants_all_memory_is_not_unpacked() {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(b"Package: x\n").unwrap();
        let mut packed = xz.finish().unwrap();
        // The block's header: its length in fours less one, flags, the filter LZMA2 (0x21) with one byte, which
        // is the size of the dictionary, and a CRC at the end.
        let header = 12..12 + (usize::from(packed[12]) + 1) * 4 - 4;
        assert_eq!(packed[14..16], [0x21, 1]);
        packed[16] = 40;
        let mut crc = flate2::Crc::new();
        crc.update(&packed[header.clone()]);
        packed[header.end..header.end + 4].copy_from_slice(&crc.sum().to_le_bytes());
        let error = unpacked(packed).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory, "{error}");
    }

    /// One file in two repositories is fetched from where its own path leads.
    #[test]
    fn the_latest_is_chosen_and_its_place_goes_with_it() {
        let package = |version: &str, location: &str| Package {
            name: "krb5".to_owned(),
            version: version.to_owned(),
            location: location.to_owned(),
            sha256: version.to_owned(),
            ..Package::default()
        };
        for swapped in [false, true] {
            let mut offered = Offered::default();
            let mut lists = [
                ("http://main", vec![package("1.9", "pool/a"), package("1.10", "pool/b")]),
                ("http://security", vec![package("1.10", "pool/updates/b")]),
            ];
            if swapped {
                lists.reverse();
            }
            for (root, packages) in lists {
                offered.add(packages, root);
            }
            offered.choose_best(&[]);
            let [chosen] = offered.packages.as_slice() else { panic!("{:?}", offered.packages) };
            let root = &*offered.roots[&place(chosen)];
            assert_eq!((root, chosen.location.as_str()), ("http://main", "pool/b"));
        }
    }
}
