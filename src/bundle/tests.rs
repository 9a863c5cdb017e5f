use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::TempDir;

use super::write::header;
use super::*;
use crate::package::Format;
use crate::problem::Problem;

fn package(name: &str, architecture: &str, bytes: &[u8]) -> Package {
    Package {
        name: name.to_owned(),
        version: "1.0-1".to_owned(),
        architecture: architecture.to_owned(),
        format: Format::Deb,
        file: format!("{name}_1.0-1_{architecture}.deb"),
        size: bytes.len() as u64,
        sha256: sha256(bytes),
        ..Package::default()
    }
}

/// Bytes that zstd cannot make smaller, as those of a package.
fn noise(seed: u32, size: usize) -> Bytes {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..size).map(|_| next()).collect()
}

fn set(target: &str, packages: &[&Package]) -> Set {
    let (release, architecture) = target.split_once(' ').unwrap();
    Set {
        target: crate::package::Target {
            release: release.parse().unwrap(),
            architecture: architecture.parse().unwrap(),
        },
        wanted: vec!["chrony".to_owned()],
        packages: packages.iter().map(|package| (*package).clone()).collect(),
    }
}

/// Two targets that share a package, out of order.
fn small() -> (Manifest, Vec<Member>) {
    let member = |name: &str, architecture: &str, bytes: Bytes| Member {
        package: package(name, architecture, &bytes),
        bytes,
    };
    let members = vec![
        member("tzdata", "all", noise(1, 700)),
        member("chrony", "amd64", noise(2, 512)),
        member("chrony", "arm64", noise(3, 900)),
    ];
    let [shared, amd, arm] = [0, 1, 2].map(|at: usize| &members[at].package);
    let sets = vec![set("debian-12 arm64", &[shared, arm]), set("debian-12 amd64", &[shared, amd])];
    (Manifest { sets }, members)
}

fn written(folder: &TempDir) -> (std::path::PathBuf, Vec<u8>) {
    let path = folder.path().join("time.bundle");
    let (manifest, members) = small();
    write(&manifest, &members, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

fn refusal(path: &Path, bytes: &[u8]) -> Option<String> {
    fs::write(path, bytes).unwrap();
    Bundle::open(path).err().map(|problem| problem.to_string())
}

#[test]
fn what_is_written_is_read() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = written(&folder);
    let bundle = Bundle::open(&path).unwrap();
    let (manifest, members) = small();
    assert_eq!(bundle.size(), bytes.len() as u64);
    let targets: Vec<String> =
        bundle.manifest().sets.iter().map(|set| set.target.to_string()).collect();
    assert_eq!(targets, ["debian-12 amd64", "debian-12 arm64"]);
    let names = |set: &Set| set.packages.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&bundle.manifest().sets[0]), ["chrony", "tzdata"]);
    assert_eq!(bundle.manifest().sets[0].wanted, manifest.sets[0].wanted);
    for member in &members {
        assert_eq!(bundle.file(&member.package).unwrap(), member.bytes);
    }
    assert!(bundle.file(&package("other", "all", b"")).is_none());
    let first = bundle.file(&members[0].package).unwrap();
    let second = bundle.file(&members[0].package).unwrap();
    assert_eq!(first.as_ptr(), second.as_ptr(), "files are shared, not copied");
}

#[test]
fn the_same_packages_make_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let (_, bytes) = written(&folder);
    let (mut manifest, mut members) = small();
    manifest.sets.reverse();
    manifest.sets[0].packages.reverse();
    members.reverse();
    members.push(members[0].clone());
    let path = folder.path().join("again.bundle");
    assert_eq!(write(&manifest, &members, &path).unwrap(), bytes.len() as u64);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["again.bundle", "time.bundle"], "nothing else is left");
}

#[test]
fn tar_lists_it_for_people() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = written(&folder);
    let tar = zstd::decode_all(bytes.as_slice()).unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let listed: Vec<_> = entries
        .map(|entry| {
            let header = entry.header();
            let (mode, user) = (header.mode().unwrap(), header.uid().unwrap());
            (entry.path().unwrap().display().to_string(), mode, user, header.mtime().unwrap())
        })
        .collect();
    let names = [
        "manifest.json",
        "debian-12-amd64/chrony_1.0-1_amd64.deb",
        "debian-12-amd64/tzdata_1.0-1_all.deb",
        "debian-12-arm64/chrony_1.0-1_arm64.deb",
    ];
    assert_eq!(listed, names.map(|name| (name.to_owned(), 0o644, 0, 946_684_800)));
    assert!(path.is_file());
}

#[test]
fn every_damaged_byte_is_found() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = written(&folder);
    let tar = zstd::decode_all(bytes.as_slice()).unwrap();
    let mut harmless = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let Some(refusal) = refusal(&path, &damaged) else {
                // A few bits of zstd's own (how much memory it may take) change nothing of what comes out.
                assert_eq!(zstd::decode_all(damaged.as_slice()).ok(), Some(tar.clone()), "{at}");
                harmless += 1;
                continue;
            };
            assert!(refusal.starts_with(&*path.to_string_lossy()), "{refusal}");
            assert!(refusal.contains("\nhint: "), "{refusal}");
        }
    }
    assert!(harmless < bytes.len() / 50, "{harmless}");
}

#[test]
fn a_cut_bundle_and_a_longer_one_are_found() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = written(&folder);
    for length in 0..bytes.len() {
        let refusal = refusal(&path, &bytes[..length]);
        let refusal = refusal.unwrap_or_else(|| panic!("the first {length} bytes are believed"));
        let says = if length < 4 { "this is no bundle" } else { "is cut off" };
        assert!(refusal.contains(says), "{length}: {refusal}");
    }
    // As many bytes as a whole frame, a skippable one, and a few.
    for tail in [bytes.as_slice(), &[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7], b"x", b"\0"] {
        let refusal = refusal(&path, &[bytes.as_slice(), tail].concat()).unwrap();
        assert!(refusal.contains("behind the end"), "{refusal}");
    }
}

/// A bundle made by hand of these members, which end with `end`.
fn hand_made(members: &[(tar::Header, &[u8])], end: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (header, bytes) in members {
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.extend_from_slice(end);
    zstd::encode_all(tar.as_slice(), 1).unwrap()
}

#[test]
fn damaged_members_are_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("time.bundle");
    let (chrony, pool) = (noise(4, 600), noise(5, 40));
    let (first, second) = (package("chrony", "amd64", &chrony), package("tzdata", "all", &pool));
    let sets = vec![set("debian-12 amd64", &[&first, &second])];
    let text = Manifest { sets }.to_json().unwrap();
    let name = |package: &Package| format!("debian-12-amd64/{}", package.file);
    let member = |name: &str, bytes: &'static [u8]| (header(name, bytes.len() as u64), bytes);
    let leak = |bytes: &[u8]| -> &'static [u8] { Vec::leak(bytes.to_vec()) };
    let manifest = member(MANIFEST, leak(&text));
    let one = member(&name(&first), leak(&chrony));
    let two = member(&name(&second), leak(&pool));
    let zeros = [0; 2 * BLOCK];
    assert_eq!(
        refusal(&path, &hand_made(&[manifest.clone(), one.clone(), two.clone()], &zeros)),
        None
    );
    let mut flipped = chrony.to_vec();
    flipped[599] ^= 1;
    let mut link = header(&name(&first), 600);
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_cksum();
    let up = {
        let mut header = header("up", 1);
        header.as_old_mut().name[..16].copy_from_slice(b"../../etc/passwd");
        header.set_cksum();
        (header, b"x".as_slice())
    };
    let long = {
        let mut header = header("././@LongLink", 1 << 40);
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_cksum();
        (header, one.1)
    };
    let (chrony_file, zone_file) = (name(&first), name(&second));
    for (members, end, says) in [
        (
            vec![manifest.clone(), member(&chrony_file, leak(&flipped)), two.clone()],
            zeros.as_slice(),
            format!("the member {chrony_file} is damaged: its SHA-256"),
        ),
        (
            vec![manifest.clone(), member(&chrony_file, leak(&chrony[1..])), two.clone()],
            &zeros,
            format!("the member {chrony_file} has 599 bytes, and 600 in the manifest"),
        ),
        (
            vec![manifest.clone(), two.clone()],
            &zeros,
            format!("the member {chrony_file} is missing"),
        ),
        (vec![manifest.clone(), one.clone()], &zeros, format!("{zone_file} is missing")),
        (
            vec![manifest.clone(), one.clone(), one.clone(), two.clone()],
            &zeros,
            format!("the member {chrony_file} is in it twice"),
        ),
        (
            vec![manifest.clone(), one.clone(), two.clone(), one.clone()],
            &zeros,
            format!("the member {chrony_file} is in it twice"),
        ),
        (
            vec![manifest.clone(), one.clone(), two.clone(), up.clone()],
            &zeros,
            "the member ../../etc/passwd is not in the manifest".to_owned(),
        ),
        (
            vec![manifest.clone(), up],
            &zeros,
            "the member ../../etc/passwd is not in the manifest".to_owned(),
        ),
        (
            vec![manifest.clone(), (link, one.1), two.clone()],
            &zeros,
            format!("the entry of the member {chrony_file} is damaged"),
        ),
        (vec![manifest.clone(), long], &zeros, "@LongLink is not in the manifest".to_owned()),
        (vec![one.clone(), manifest.clone()], &zeros, "the manifest is not where".to_owned()),
        (vec![manifest.clone(), one.clone(), two.clone()], &[], "is cut off".to_owned()),
        (
            vec![manifest.clone(), one.clone(), two.clone()],
            &[0; 3 * BLOCK],
            "behind the end".to_owned(),
        ),
    ] {
        let refusal = refusal(&path, &hand_made(&members, end));
        assert!(refusal.as_ref().is_some_and(|text| text.contains(&says)), "{says}: {refusal:?}");
    }
}

#[test]
fn a_manifest_that_cannot_be_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("time.bundle");
    let bytes = noise(6, 10);
    let good = package("chrony", "amd64", &bytes);
    let with = |change: &dyn Fn(&mut Package)| {
        let mut changed = good.clone();
        change(&mut changed);
        vec![set("debian-12 amd64", &[&changed])]
    };
    let named = |file: &str| with(&|package| package.file = file.to_owned());
    let bad_name = "cannot be the name of a package's file";
    let mut other = good.clone();
    other.size = 11;
    let twin = Package { name: "twin".to_owned(), sha256: "0".repeat(64), ..good.clone() };
    let one = set("debian-12 amd64", &[&good]);
    for (sets, says) in [
        (named("../chrony.deb"), bad_name),
        (named("/etc/chrony.deb"), bad_name),
        (named("a/b.deb"), bad_name),
        (named(".deb"), bad_name),
        (named("-o.deb"), bad_name),
        (named("a\u{1b}[2J.deb"), bad_name),
        (named("chrony.rpm"), bad_name),
        (named(&format!("{}.deb", "a".repeat(97))), bad_name),
        (with(&|package| package.sha256 = "00".to_owned()), "is no SHA-256"),
        (with(&|package| package.sha256 = good.sha256.to_uppercase()), "is no SHA-256"),
        (with(&|package| package.name = String::new()), "has no package's name"),
        (with(&|package| package.name = "a".repeat(70_000)), "has no package's name"),
        (with(&|package| package.version = "1\u{1b}[2J".to_owned()), "has no package's version"),
        (with(&|package| package.architecture = "a b".to_owned()), "no package's architecture"),
        (with(&|package| package.installed_size = u64::MAX), "when installed"),
        (with(&|package| package.size = u64::MAX), "are the most that a bundle may hold"),
        (vec![one.clone(), one.clone()], "it has debian-12 amd64 twice"),
        (
            vec![set("debian-12 amd64", &[&good, &good])],
            "it has chrony (chrony_1.0-1_amd64.deb) twice",
        ),
        (
            vec![set("debian-12 amd64", &[&good, &twin])],
            "it has twin (chrony_1.0-1_amd64.deb) twice",
        ),
        (vec![one, set("debian-13 amd64", &[&other])], "it gives two sizes"),
    ] {
        let manifest = Manifest { sets };
        let text = manifest.to_json().unwrap();
        let member = (header(MANIFEST, text.len() as u64), text.as_slice());
        let refusal = refusal(&path, &hand_made(&[member], &[0; 1024])).unwrap();
        assert!(refusal.contains(says), "{says}: {refusal}");
        assert!(!refusal.contains('\u{1b}'), "{refusal}");
        let member = Member { package: good.clone(), bytes: bytes.clone() };
        let problem = write(&manifest, &[member], &path).unwrap_err();
        assert!(problem.to_string().contains(says), "{says}: {problem}");
    }
    for (text, says) in [
        (
            r#"{"format": 2, "sets": {"of": "tomorrow"}}"#,
            "a later ezsync made this bundle: its format is 2",
        ),
        (r#"{"format": 0, "sets": []}"#, "there is no format 0"),
        (r#"{"sets": []}"#, "manifest.json is damaged: missing field `format`"),
        ("{", "manifest.json is damaged"),
        (&"[".repeat(100_000), "manifest.json is damaged"),
        ("\u{1b}[2J", "manifest.json is damaged"),
    ] {
        let member = (header(MANIFEST, text.len() as u64), text.as_bytes());
        let refusal = refusal(&path, &hand_made(&[member], &[0; 1024])).unwrap();
        assert!(refusal.contains(says), "{says}: {refusal}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("time.bundle");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(header(MANIFEST, 1 << 33).as_bytes()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(b' '), 64 << 20), &mut encoder).unwrap();
    let started = std::time::Instant::now();
    let refusal = refusal(&path, &encoder.finish().unwrap()).unwrap();
    assert!(refusal.contains("the manifest is not where it must be"), "{refusal}");
    assert!(started.elapsed().as_secs() < 5);
    // More memory for decompressing than ours need.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(header(MANIFEST, 2).as_bytes()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(b' '), 256 << 20), &mut encoder).unwrap();
    let refusal = super::tests::refusal(&path, &encoder.finish().unwrap()).unwrap();
    assert!(refusal.contains("manifest.json"), "{refusal}");
}

#[test]
fn only_what_the_manifest_names_is_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("time.bundle");
    let (manifest, members) = small();
    let says = |result: Result<u64, Problem>| result.unwrap_err().to_string();
    let missing = says(write(&manifest, &members[1..], &path));
    assert!(
        missing.contains("there is no file for debian-12-amd64/tzdata_1.0-1_all.deb"),
        "{missing}"
    );
    let mut wrong = members.clone();
    wrong[0].bytes = noise(9, 700);
    let wrong = says(write(&manifest, &wrong, &path));
    assert!(wrong.contains("is not the one that the manifest names"), "{wrong}");
    let nowhere = says(write(&manifest, &members, &folder.path().join("no/such/folder")));
    assert!(nowhere.contains("cannot be written"), "{nowhere}");
    let there = says(write(&manifest, &members, folder.path()));
    assert!(there.contains("something else stands there"), "{there}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_file_is_no_bundle() {
    let folder = TempDir::new().unwrap();
    let says = |path: &Path| Bundle::open(path).unwrap_err().to_string();
    assert!(says(folder.path()).contains("this is something else"));
    assert!(says(&folder.path().join("none")).contains("cannot be read: No such file"));
}

fn host(release: &str, architecture: &str) -> Host {
    let (distribution, version) = release.split_once(' ').unwrap_or((release, ""));
    let package_manager = match distribution {
        "debian" | "ubuntu" | "linuxmint" => "apt",
        "alpine" => "apk",
        "plan9" => "",
        _ => "dnf",
    };
    Host {
        distribution: distribution.to_owned(),
        version: version.to_owned(),
        architecture: architecture.to_owned(),
        package_manager: package_manager.to_owned(),
    }
}

#[test]
fn a_host_takes_the_set_that_is_for_it() {
    let sets = [
        "almalinux-9.4 amd64",
        "centos-8 arm64",
        "debian-12 amd64",
        "debian-12 i386",
        "fedora-41 amd64",
        "rocky-9 amd64",
        "ubuntu-22.04 amd64",
    ];
    let manifest = Manifest { sets: sets.iter().map(|target| set(target, &[])).collect() };
    for (release, architecture, expected) in [
        ("debian 12", "amd64", "debian-12 amd64"),
        // A 32-bit system under a 64-bit kernel.
        ("debian 12", "i386", "debian-12 i386"),
        (
            "debian 12",
            "arm64",
            "the bundle has nothing for debian-12 arm64: it is for almalinux-9.4",
        ),
        ("debian 13", "amd64", "nothing for debian-13 amd64"),
        ("ubuntu 22.04", "amd64", "ubuntu-22.04 amd64"),
        ("ubuntu 22.10", "amd64", "nothing for ubuntu-22.10 amd64"),
        // Of one family and one major version; the distribution's own first.
        ("rocky 9.5", "x86_64", "rocky-9 amd64"),
        ("almalinux 9.6", "x86_64", "almalinux-9.4 amd64"),
        ("rhel 9.2", "x86_64", "almalinux-9.4 amd64"),
        ("ol 8.10", "aarch64", "centos-8 arm64"),
        ("rhel 9.2", "aarch64", "nothing for rhel-9.2 arm64"),
        ("rhel 10.0", "x86_64", "nothing for rhel-10.0 amd64"),
        ("fedora 41", "x86_64", "fedora-41 amd64"),
        ("fedora 42", "x86_64", "nothing for fedora-42 amd64"),
        // What is made from another does not fit by guess.
        ("linuxmint 12", "amd64", "nothing for linuxmint-12 amd64"),
        ("amzn 9", "x86_64", "nothing for amzn-9 amd64"),
        ("debian", "amd64", "names no release"),
        ("debian 12", "armel", "there is no architecture `armel`"),
        ("alpine 3.20", "", "are for apt, dnf, yum, zypper, and this host has apk"),
        ("plan9 4", "", "and this host has none of them"),
    ] {
        let found = match manifest.set_for(&host(release, architecture)) {
            Ok(set) => set.target.to_string(),
            Err(misfit) => misfit.what,
        };
        let exact = found == expected;
        let refused = !sets.contains(&expected) && found.contains(expected);
        assert!(exact || refused, "{release} {architecture}: {found}");
    }
    let next = |release| manifest.set_for(&host(release, "amd64")).unwrap_err().next;
    let has = "almalinux-9.4,centos-8";
    let whole = next("debian 11");
    for part in [
        "`ezsync bundle create -o FILE --for ",
        has,
        ",debian-11,",
        "amd64,arm64,i386 --package chrony`",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    assert!(next("rocky 8.10").contains(",rocky-8,"));
    assert!(next("rhel 8.6").contains(",rocky-8,"));
    assert!(
        next("linuxmint 21").ends_with("and --mirror or --packages to say where its packages are")
    );
}

/// A bundle for Debian 12: chrony, which needs tzdata, and tree, which needs tzdata and a libc.
fn supply(folder: &TempDir, stock: &str) -> Supply {
    use crate::package::{Comparison, Relation};
    let need = |name: &str| vec![Relation { name: name.to_owned(), bound: None }];
    let member = |name: &str, needs: Vec<crate::package::Need>| {
        let bytes = Bytes::from(name.to_owned());
        let package = Package { needs, ..package(name, "amd64", &bytes) };
        Member { package, bytes }
    };
    let libc = Relation {
        name: "libc6".to_owned(),
        bound: Some((Comparison::GreaterOrEqual, "2.36".to_owned())),
    };
    let members = [
        member("chrony", vec![need("tzdata"), need("adduser")]),
        member("tree", vec![need("tzdata"), vec![libc]]),
        member("tzdata", Vec::new()),
        member("odd", vec![need("/bin/odd")]),
    ];
    let packages: Vec<&Package> = members.iter().map(|member| &member.package).collect();
    let manifest = Manifest { sets: vec![set("debian-12 amd64", &packages)] };
    let path = folder.path().join("time.bundle");
    write(&manifest, &members, &path).unwrap();
    let stock = Stock { architecture: "amd64".to_owned(), packages: stock.to_owned() };
    let bundle = std::sync::Arc::new(Bundle::open(&path).unwrap());
    Supply::new(bundle, host("debian 12", "amd64"), &stock).unwrap()
}

fn brought(supply: &Supply, wanted: &[&str]) -> String {
    let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    match supply.bring(&wanted) {
        Ok(members) => {
            let names = members.iter().map(|member| {
                assert_eq!(member.bytes, member.package.name, "each with its own file");
                member.package.name.clone()
            });
            names.collect::<Vec<_>>().join(" ")
        }
        Err(Misfit { what, next, .. }) => format!("{what} / {next}"),
    }
}

#[test]
fn a_host_gets_what_it_lacks() {
    let folder = TempDir::new().unwrap();
    let minimal = "adduser\t3.134\t\nlibc6\t2.36-9\t\n";
    let mut bare = supply(&folder, minimal);
    assert_eq!(bare.version_of("chrony"), Some("1.0-1"));
    assert_eq!(brought(&bare, &["chrony"]), "chrony tzdata");
    assert_eq!(brought(&bare, &["chrony", "tree"]), "chrony tree tzdata");
    // What was brought before is there.
    let digest = sha256(b"tzdata");
    let names = bare.expect([digest.as_str()].into_iter());
    assert_eq!(names, [("tzdata".to_owned(), "1.0-1".to_owned())]);
    assert_eq!(brought(&bare, &["tree"]), "tree");
    let more = supply(&folder, &format!("{minimal}tzdata\t2024a-0\t\n"));
    assert_eq!(brought(&more, &["chrony"]), "chrony");
}

const AGAIN: &str =
    "`ezsync bundle create -o FILE --for debian-12 --arch amd64 --package chrony,rsync`";

#[test]
fn a_need_that_nothing_meets_is_told_with_what_to_add() {
    let folder = TempDir::new().unwrap();
    for (stock, wanted, parts) in [
        ("libc6\t2.36-9\t\n", "chrony", ["chrony 1.0-1 needs adduser", "adduser,chrony`"]),
        ("libc6\t2.31-13\t\n", "tree", ["2.36 or later is needed", "chrony,libc6`"]),
        ("", "rsync", ["there is no rsync", AGAIN]),
        ("", "tree chrony rsync", ["; chrony 1.0-1 needs adduser", "adduser,chrony,libc6,rsync`"]),
        (
            "libc6\t2\t\n",
            "odd",
            ["odd 1.0-1 needs /bin/odd", "in reach: `ezsync bundle create -o FILE --from"],
        ),
    ] {
        let wanted: Vec<&str> = wanted.split(' ').collect();
        let said = brought(&supply(&folder, stock), &wanted);
        for part in parts {
            assert!(said.contains(part), "{wanted:?}: {said}");
        }
    }
    let bundle = std::sync::Arc::new(Bundle::open(&folder.path().join("time.bundle")).unwrap());
    let stock = Stock { architecture: "amd64".to_owned(), packages: "noise".to_owned() };
    let misfit = Supply::new(bundle.clone(), host("debian 12", "amd64"), &stock).unwrap_err();
    assert!(misfit.what.contains("cannot be read"), "{}", misfit.what);
    // That no set is for it matters to the task alone that wants a package.
    let supply = Supply::new(bundle, host("debian 11", "amd64"), &Stock::default()).unwrap();
    assert_eq!(supply.version_of("chrony"), None);
    assert!(brought(&supply, &["chrony"]).contains("nothing for debian-11 amd64"));
}
