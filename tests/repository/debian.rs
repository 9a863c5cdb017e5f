//! Archives like Debian's: what is taken, and what is not to be trusted.

use std::fs;

use super::archive::{Archive, BASE, Suite};
use super::run::{Bench, Ran, must, packages};

/// Runs it with the archive's own options and `more`.
fn create(archive: &Archive, output: &str, more: &[&str]) -> Ran {
    let options = archive.options();
    let words: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    archive.bench.create(output, &words)
}

#[test]
fn what_a_minimal_host_lacks_is_taken_the_safest_version_of_it() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    let ran = create(&archive, "time.bundle", &[]);
    ran.is_good();
    let manifest = bench.manifest("time.bundle");
    // libc6 is on every host, and the version that chrony asks for is that of the release's first day.
    let expected = vec!["chrony 4.3-2+deb12u1".to_owned(), "libx1 1.0-1".to_owned()];
    assert_eq!(packages(&manifest), [("debian-12 amd64".to_owned(), expected)]);
    assert_eq!(manifest.sets[0].wanted, ["chrony"]);
    for words in ["debian-12 amd64: 2 packages", "next: ezsync setup CLUSTER --bundle time.bundle"]
    {
        assert!(ran.stdout.contains(words), "{ran:?}");
    }
    // The same again, by other ways: same input, same bytes.
    let json = create(&archive, "again.bundle", &["--json", "--package", "chrony"]);
    assert!(json.is_good().stdout.starts_with('{'), "{json:?}");
    let read = |name| fs::read(bench.path(name)).unwrap();
    assert_eq!(read("time.bundle"), read("again.bundle"));
}

/// A host may have it in an earlier version, or not at all: it was asked for.
#[test]
fn what_is_asked_for_is_taken_though_every_host_has_it() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    for (asked, expected) in [
        ("chrony,libc6", &["chrony 4.3-2+deb12u1", "libc6 2.36-9+deb12u4", "libx1 1.0-1"][..]),
        ("apt,passwd", &["apt 2.6.1", "passwd 1"]),
        ("awk", &["base-files 12"]),
    ] {
        let ran = create(&archive, "x", &["--package", asked]);
        let note = format!("chrony is not in it; --package chrony,{asked} takes it in");
        assert_eq!(ran.is_good().stdout.contains(&note), !asked.contains("chrony"), "{ran:?}");
        assert_eq!(packages(&bench.manifest("x"))[0].1, expected, "{asked}");
    }
}

#[test]
fn one_s_own_packages_go_before_those_of_mirrors() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    for (folder, version) in [("own", "3.0"), ("own/debian-11", "1.0")] {
        let tree = bench.path("tree/DEBIAN");
        fs::create_dir_all(&tree).unwrap();
        let control = format!(
            "Package: chrony\nVersion: {version}\nArchitecture: amd64\nMaintainer: x\nDepends: libx1\nDescription: x\n"
        );
        fs::write(tree.join("control"), control).unwrap();
        fs::create_dir_all(bench.path(folder)).unwrap();
        must(
            bench.folder.path(),
            "dpkg-deb",
            &["--build", "tree", &format!("{folder}/chrony.deb")],
        );
    }
    create(&archive, "time.bundle", &["--packages", "own"]).is_good();
    let found = packages(&bench.manifest("time.bundle"));
    assert_eq!(found[0].1, ["chrony 3.0", "libx1 1.0-1"]);
    create(&archive, "x", &["--packages", "debian"]).fails(5, "neither a .deb nor a .rpm");
}

#[test]
fn what_of_one_s_own_is_not_taken_is_told() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    for (file, name, version, architecture) in [
        ("mytool", "mytool", "1", "all"),
        ("mylib", "mylib", "1", "amd64"),
        ("old", "libx1", "1", "all"),
        ("new", "libx1", "2", "all"),
        ("arm", "chrony", "9", "arm64"),
        ("debain-12/x", "x", "1", "all"),
        ("debian12/x", "x", "1", "all"),
    ] {
        fs::create_dir_all(bench.path("tree/DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: x\nDescription: x\n"
        );
        fs::write(bench.path("tree/DEBIAN/control"), control).unwrap();
        let path = format!("own/{file}.deb");
        fs::create_dir_all(bench.path(&path).parent().unwrap()).unwrap();
        must(bench.folder.path(), "dpkg-deb", &["--build", "tree", &path]);
    }
    let ran = create(&archive, "x", &["--packages", "own"]);
    for note in [
        "mylib, mytool: nobody asked for this: name it with --package",
        "old.deb: not taken: a later one of its name is there",
        "arm.deb: not taken: for none of the architectures and formats",
        "own/debain-12, own/debian12: not looked at: no release that is asked for has this name",
        "debian-12 amd64: chrony is from a repository: in the folder of --packages it is for arm64 alone",
    ] {
        assert!(ran.is_good().stdout.contains(&format!("note: {note}\n")), "{note}: {ran:?}");
    }
    let all = create(&archive, "x", &["--packages", "own", "--package", "chrony,mytool,mylib"]);
    assert!(!all.is_good().stdout.contains("nobody asked"), "{all:?}");
}

#[test]
fn nothing_is_written_where_something_is_not_to_be_trusted() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    fs::write(bench.path("time.bundle"), "what was there").unwrap();
    let refused = |words: &str| {
        create(&archive, "time.bundle", &[]).fails(1, words);
        assert_eq!(fs::read(bench.path("time.bundle")).unwrap(), b"what was there");
    };
    let security = |fields: &str, signer| {
        let name = "bookworm-security";
        let known = format!("Suite: {name}\nCodename: {name}\n");
        let fields = if fields.starts_with("Suite") { fields.to_owned() } else { known + fields };
        archive.sign(&Suite { name, fields, packages: &[], signer });
    };
    security("", "stranger");
    refused("bookworm-security/InRelease: not trusted: it is signed with the key");
    security("Suite: oldstable\nCodename: bullseye-security\n", "archive");
    refused("it is of another release: Suite oldstable, Codename bullseye-security");
    security("Valid-Until: Sat, 01 Jan 2022 00:00:00 UTC\n", "archive");
    refused("it held until Sat, 01 Jan 2022 00:00:00 UTC");
    security("Valid-Until: Sat, 01 Jan 2050 00:00:00 UTC\n", "archive");
    create(&archive, "other.bundle", &[]).is_good();

    // Signed rightly, and then changed.
    let path = archive.dist("bookworm-security").join("InRelease");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("Origin: Test", "Origin: Tost")).unwrap();
    refused("it was changed");
    fs::write(&path, &good).unwrap();
    let list = archive.dist("bookworm-security").join("main/binary-amd64/Packages.xz");
    let kept = fs::read(&list).unwrap();
    fs::write(&list, b"other").unwrap();
    refused("Packages.xz: this is not the file that its list names");
    fs::write(&list, kept).unwrap();
    let package = bench.path("debian/pool/chrony_4.3-2+deb12u1_amd64.deb");
    let kept = fs::read(&package).unwrap();
    fs::write(&package, b"other").unwrap();
    refused("chrony_4.3-2+deb12u1_amd64.deb: this is not the file that its list names");
    fs::write(&package, kept).unwrap();
    create(&archive, "time.bundle", &[]).is_good();
}

#[test]
fn without_a_keyring_only_the_distribution_s_own_keys_count() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    let options = archive.options();
    let words: Vec<&str> = options
        .iter()
        .map(String::as_str)
        .filter(|word| !["--keyring", "archive.key"].contains(word))
        .collect();
    bench.create("x", &words).fails(1, "not trusted: it is signed with the key");
    fs::write(bench.path("empty"), "").unwrap();
    create(&archive, "x", &["--keyring", "missing"]).fails(5, "missing: --keyring: No such file");
    let words = ["--for", "debian-12", "--keyring", "empty"];
    bench.create("x", &words).fails(5, "there is no OpenPGP key in it");
}

#[test]
fn what_cannot_be_had_is_named() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    create(&archive, "x", &["--package", "vim"])
        .fails(1, "debian-12 amd64: vim 9 needs nothing-has-this");
    create(&archive, "x", &["--package", "emacs"]).fails(1, "emacs");
    let package = bench.path("debian/pool/libx1_1.0-1_amd64.deb");
    let kept = fs::read(&package).unwrap();
    fs::remove_file(&package).unwrap();
    let ran = create(&archive, "x", &[]);
    ran.fails(1, "error: debian-12 amd64: /");
    ran.fails(1, "leave this release or architecture out (--for, --arch)");
    fs::write(&package, kept).unwrap();
    create(&archive, "x", &["--arch", "arm64"]).fails(1, "it is for amd64");
    create(&archive, "nowhere/x", &[]).fails(5, "--output nowhere/x: there is no such folder");
    fs::remove_dir_all(archive.dist("bookworm-updates")).unwrap();
    create(&archive, "x", &[]).fails(1, "bookworm-updates/InRelease: there is no such file");
    // A place of the release's own may have the release alone.
    let own = format!("debian-12={}", bench.url("debian"));
    let words =
        ["--for", "debian-12", "--arch", "amd64", "--keyring", "archive.key", "--mirror", &own];
    let ran = bench.create("x", &words);
    let note = "note: debian-12 amd64: the mirror has no bookworm-updates: ";
    assert!(ran.is_good().stdout.contains(note), "{ran:?}");
    fs::remove_dir_all(archive.dist("bookworm")).unwrap();
    let ran = bench.create("x", &words);
    ran.fails(1, "bookworm/InRelease: there is no such file");
    ran.fails(1, "hint: this mirror does not have the release");
}

/// As a full disk: no file may have a byte, and the program is not ended for it.
#[test]
fn what_cannot_be_written_is_no_mistake_of_the_user_s() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    let options = archive.options();
    let words: Vec<&str> = options.iter().map(String::as_str).collect();
    let ran = bench.create_with("trap '' XFSZ; ulimit -f 0; exec", "time.bundle", &words);
    ran.fails(1, "time.bundle: the bundle cannot be written: File too large");
    ran.fails(1, "hint: it needs at least 55 bytes of room there");
    assert!(!bench.path("time.bundle").exists());
}

/// `Acquire-By-Hash`: the list is taken by its hash, for the one at its name may be a newer one.
#[test]
fn lists_are_taken_by_their_hash() {
    let bench = Bench::new();
    let Some(archive) = Archive::new(&bench) else { return };
    let fields = "Suite: stable\nCodename: bookworm\nAcquire-By-Hash: yes\n".to_owned();
    archive.sign(&Suite { name: "bookworm", fields, packages: BASE, signer: "archive" });
    let folder = archive.dist("bookworm").join("main/binary-amd64");
    let list = folder.join("Packages.xz");
    let by_hash = folder.join("by-hash/SHA256");
    fs::create_dir_all(&by_hash).unwrap();
    let sum = super::archive::hex(&fs::read(&list).unwrap());
    fs::rename(&list, by_hash.join(sum)).unwrap();
    create(&archive, "x", &[]).is_good();
}
