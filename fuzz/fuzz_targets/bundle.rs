//! A bundle: as it is, or only its manifest, in a file that is otherwise as it must be. The first byte says
//! which.
#![no_main]

use std::sync::LazyLock;

use ezsync::bundle::{Bundle, Member, sha256, write};
use ezsync_fuzz::{Folder, bounded, shown};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);

/// A tar of one possible form, compressed.
fn wrapped(manifest: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path("manifest.json").expect("a name");
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(manifest.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(946_684_800);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, manifest).expect("a member");
    let bytes = builder.into_inner().expect("a tar");
    zstd::bulk::compress(&bytes, 1).expect("a file")
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let file = match kind % 2 {
        0 => FOLDER.write("time.bundle", &wrapped(bytes)),
        _ => FOLDER.write("time.bundle", bytes),
    };
    // 8 MiB is the most that decompressing may take, and a manifest may have 16.
    let bundle = match bounded(64 << 20, || Bundle::open(&file)) {
        Err(problem) => return shown(&problem, bytes.len() + 1000),
        Ok(bundle) => bundle,
    };
    // What was read can be written, and is read as the same.
    let packages = bundle.manifest().sets.iter().flat_map(|set| &set.packages);
    let members: Vec<Member> = packages
        .filter_map(|package| {
            let bytes = bundle.file(package)?;
            assert_eq!(sha256(&bytes), package.sha256);
            Some(Member { package: package.clone(), bytes })
        })
        .collect();
    let copy = FOLDER.path().join("copy.bundle");
    write(bundle.manifest(), &members, &copy).expect("a bundle that can be written");
    let again = Bundle::open(&copy).expect("a bundle that can be read");
    assert_eq!(again.manifest().sets.len(), bundle.manifest().sets.len());
});
