//! RPM repositories, as rpmbuild and createrepo_c make them.

use std::fs;
use std::path::Path;

use super::run::{Bench, has, must, packages};

/// Makes a package without any file in it.
fn build(bench: &Bench, folder: &str, name: &str, version: &str, lines: &str) {
    let spec = format!(
        "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n{lines}\n%description\nx\n%files\n"
    );
    let path = bench.path(&format!("{name}.spec"));
    fs::write(&path, spec).unwrap();
    let out = bench.path(folder);
    fs::create_dir_all(&out).unwrap();
    let define = |name: &str, value: &Path| format!("{name} {}", value.display());
    let words = [
        "-bb",
        "--quiet",
        "--define",
        &define("_rpmdir", &out),
        "--define",
        &define("_topdir", &bench.path("build")),
        path.to_str().unwrap(),
    ];
    must(bench.folder.path(), "rpmbuild", &words);
}

/// A repository with what every host has, and an older and a later chrony.
fn repository(bench: &Bench, words: &[&str]) -> bool {
    if !has(&["rpmbuild", "createrepo_c"]) {
        return false;
    }
    for name in ["bash", "systemd", "rpm", "dnf"] {
        build(bench, "repo", name, "1", "");
    }
    build(bench, "repo", "chrony", "4.1", "Requires: libx >= 2\n");
    build(bench, "repo", "chrony", "4.10", "Requires: libx >= 2, bash, /usr/bin/needed\n");
    build(bench, "repo", "libx", "2.1", "Provides: /usr/bin/needed, /usr/bin/idle\n");
    must(bench.folder.path(), "createrepo_c", &[&["--quiet", "repo"], words].concat());
    true
}

#[test]
fn a_repository_is_read_however_it_is_packed() {
    let bench = Bench::new();
    if !repository(&bench, &[]) {
        return;
    }
    let mirror = format!("rhel-9={}", bench.url("repo"));
    let words = ["--for", "rhel-9", "--arch", "amd64", "--mirror", &mirror];
    for kind in ["gz", "xz"] {
        fs::remove_dir_all(bench.path("repo/repodata")).unwrap();
        let packed = format!("--general-compress-type={kind}");
        must(bench.folder.path(), "createrepo_c", &["--quiet", &packed, "repo"]);
        bench.create(kind, &words).is_good();
        let expected = vec!["chrony 4.10-1".to_owned(), "libx 2.1-1".to_owned()];
        let found = packages(&bench.manifest(kind));
        assert_eq!(found, [("rhel-9 amd64".to_owned(), expected)], "{kind}");
    }
    let read = |name| fs::read(bench.path(name)).unwrap();
    assert_eq!(read("gz"), read("xz"));
    let paths: Vec<String> = bench.manifest("gz").sets[0]
        .packages
        .iter()
        .flat_map(|package| package.gives.clone())
        .map(|given| given.name)
        .filter(|name| name.starts_with('/'))
        .collect();
    assert_eq!(paths, ["/usr/bin/needed"], "nobody asks for the others");

    let package = bench.path("repo/noarch/libx-2.1-1.noarch.rpm");
    fs::write(package, "other").unwrap();
    bench.create("x", &words).fails(1, "libx-2.1-1.noarch.rpm: this is not the file");
    let list = fs::read_dir(bench.path("repo/repodata")).unwrap().map(Result::unwrap);
    let list =
        list.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("primary.xml"));
    fs::write(list.unwrap(), "other").unwrap();
    bench.create("x", &words).fails(1, "this is not the file that its list names");
    bench.create("x", &["--for", "rhel-9"]).fails(5, "--mirror rhel-9=URL");
    let elsewhere = format!("rhel-9={}", bench.url("elsewhere"));
    let words = ["--for", "rhel-9", "--mirror", &elsewhere];
    bench.create("x", &words).fails(1, "elsewhere/repodata/repomd.xml: there is no such file");
}

/// Some repositories have SHA-512 in their lists.
#[test]
fn other_strong_checksums_will_do() {
    let bench = Bench::new();
    if !repository(&bench, &["--checksum=sha512"]) {
        return;
    }
    let mirror = format!("rhel-9={}", bench.url("repo"));
    bench.create("x", &["--for", "rhel-9", "--arch", "amd64", "--mirror", &mirror]).is_good();
    let manifest = bench.manifest("x");
    assert!(manifest.sets[0].packages.iter().all(|package| package.sha256.len() == 64));
    must(bench.folder.path(), "createrepo_c", &["--quiet", "--checksum=sha1", "repo"]);
    bench.create("x", &["--for", "rhel-9", "--mirror", &mirror]).fails(1, "sha1");
}

#[test]
fn a_keyring_asks_for_a_signature() {
    let bench = Bench::new();
    let Some(archive) = super::archive::Archive::new(&bench) else { return };
    if !repository(&bench, &[]) {
        return;
    }
    let mirror = format!("rhel-9={}", bench.url("repo"));
    let words =
        ["--for", "rhel-9", "--arch", "amd64", "--mirror", &mirror, "--keyring", "archive.key"];
    bench.create("x", &words).fails(1, "there is no repomd.xml.asc beside it");
    let (data, signature) =
        (bench.path("repo/repodata/repomd.xml"), bench.path("repo/repodata/repomd.xml.asc"));
    for (signer, good) in [("stranger@", false), ("archive@", true)] {
        let (data, signature) = (data.to_str().unwrap(), signature.to_str().unwrap());
        archive.gpg(&["--armor", "-u", signer, "--output", signature, "--detach-sign", data]);
        match bench.create("x", &words) {
            ran if good => assert_eq!(ran.code, 0, "{ran:?}"),
            ran => ran.fails(1, "not trusted: it is signed with the key"),
        }
    }
}

/// Where no repository is known, there are the user's own packages, unchecked.
#[test]
fn a_folder_alone_will_do() {
    let bench = Bench::new();
    if !repository(&bench, &[]) {
        return;
    }
    build(&bench, "own", "chrony", "4.2", "Requires: libc.so.6\n");
    let ran =
        bench.create("x", &["--for", "rhel-9", "--arch", "amd64", "--packages", "own/noarch"]);
    assert!(
        ran.is_good().stdout.contains("note: rhel-9 amd64: all packages of the folder"),
        "{ran:?}"
    );
    assert_eq!(packages(&bench.manifest("x"))[0].1, ["chrony 4.2-1"]);
    let own = ["--for", "rhel-9", "--packages", "own/noarch"];
    bench.create("y", &[&own[..], &["--package", "mytool"]].concat()).fails(1, "mytool is not in");
    // Packages of another kind are none.
    fs::create_dir_all(bench.path("tree/DEBIAN")).unwrap();
    let control = "Package: chrony\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n";
    fs::write(bench.path("tree/DEBIAN/control"), control).unwrap();
    fs::create_dir_all(bench.path("debs")).unwrap();
    must(bench.folder.path(), "dpkg-deb", &["--build", "tree", "debs/chrony.deb"]);
    bench
        .create("y", &["--for", "rhel-9", "--packages", "debs"])
        .fails(1, "chrony is not in the folder of --packages, as a .rpm");
    assert!(!bench.path("y").exists());
}
