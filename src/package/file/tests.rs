use std::fs;
use std::io::Write;

use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};

use super::super::{Architecture, Package, rpm as lists};
use super::{deb, is_package, read_file, rpm};

/// What rpmbuild made of timed.spec, and createrepo_c of it.
const RPM: &[u8] = include_bytes!("../../../tests/cases/package/timed-4.1-3.el9.x86_64.rpm");
const PRIMARY: &str = include_str!("../../../tests/cases/package/primary.xml");

const CONTROL: &str = "Package: timed\nVersion: 1:4.1-3\nArchitecture: amd64\nDepends: libc6 (>= 2.34)\n\
                       Installed-Size: 10\nDescription: x\n";

/// An `ar` archive.
fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        bytes.extend(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).bytes(),
        );
        bytes.extend(*content);
        bytes.extend((size % 2 == 1).then_some(b'\n'));
    }
    bytes
}

/// An archive with the control file.
fn control_tar(text: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    for (path, content) in [("./md5sums", "x"), ("./control", text)] {
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn packed(kind: &str, bytes: &[u8]) -> Vec<u8> {
    match kind {
        ".gz" => {
            let mut writer = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        }
        ".xz" => {
            let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(6)).unwrap();
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        }
        ".zst" => zstd::encode_all(bytes, 1).unwrap(),
        _ => bytes.to_vec(),
    }
}

fn deb_of(kind: &str, control: &[u8]) -> Vec<u8> {
    let name = format!("control.tar{kind}");
    ar(&[("debian-binary", b"2.0\n"), (&name, &packed(kind, control)), ("data.tar.xz", b"content")])
}

#[test]
fn a_deb_is_described_however_it_is_packed() {
    for kind in ["", ".gz", ".xz", ".zst"] {
        let bytes = deb_of(kind, &control_tar(CONTROL));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timed_4.1-3_amd64.deb");
        fs::write(&path, &bytes).unwrap();
        let package = read_file(&path).unwrap();
        assert_eq!(package.to_string(), "timed 1:4.1-3");
        assert_eq!((package.size, package.installed_size), (bytes.len() as u64, 10 * 1024));
        assert_eq!(package.file, "timed_4.1-3_amd64.deb");
        let sum = std::process::Command::new("sha256sum").arg(&path).output().unwrap().stdout;
        assert!(sum.starts_with(package.sha256.as_bytes()), "{}", package.sha256);
        assert_eq!(package.needs.len(), 1);
    }
}

#[test]
fn a_broken_deb_is_refused() {
    let whole = deb_of(".xz", &control_tar(CONTROL));
    for length in 0..whole.len() - 1 {
        assert!(deb::read(&mut &whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
    let data: (&str, &[u8]) = ("data.tar", b"");
    let huge = String::from_utf8_lossy(&ar(&[("control.tar", b""), data]))
        .replace("0         `", "9999999999`");
    for (bytes, why) in [
        (b"!<arch>".to_vec(), "cut off"),
        (b"PK\x03\x04 and more".to_vec(), "it is no .deb"),
        (ar(&[data]), "no control archive"),
        (ar(&[("control.tar.lzma", b""), data]), "how its control.tar.lzma is packed"),
        (ar(&[("control.tar.gz", b"x"), data]), ""),
        (ar(&[("control.tar.xz", b"x"), data]), ""),
        (ar(&[("control.tar.zst", b"x"), data]), ""),
        (ar(&[("control.tar", b""), data]), "no control file"),
        (huge.into_bytes(), "too large"),
        (deb_of("", &control_tar("")), "empty"),
        (
            deb_of("", &control_tar("Package: ../x\nVersion: 1\nArchitecture: all\n")),
            "a package's name",
        ),
        (deb_of("", &control_tar("Package: x\n")), "it has no Architecture"),
    ] {
        let error = deb::read(&mut bytes.as_slice()).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn an_rpm_says_of_itself_what_its_repository_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timed-4.1-3.el9.x86_64.rpm");
    fs::write(&path, RPM).unwrap();
    let of_file = read_file(&path).unwrap();
    let listed = lists::read_primary(PRIMARY.as_bytes(), Architecture::Amd64).unwrap();
    let listed = listed.into_iter().find(|package| package.name == "timed").unwrap();
    // createrepo_c leaves out what rpm itself must be able to do, what a package gives itself, and most files.
    for need in &listed.needs {
        assert!(of_file.needs.contains(need), "{need:?}");
    }
    for given in &listed.gives {
        assert!(of_file.gives.contains(given), "{given:?}");
    }
    assert!(of_file.gives.iter().any(|given| given.name == "/usr/share/timed/a&b"));
    let (needs, gives, location) =
        (of_file.needs.clone(), of_file.gives.clone(), listed.location.clone());
    assert_eq!(of_file, Package { needs, gives, location: String::new(), ..listed });
    assert_eq!(location, of_file.file);
}

#[test]
fn a_broken_rpm_is_refused() {
    for length in 0..RPM.len() {
        assert!(rpm::read(&mut &RPM[..length]).is_err(), "{length} of {} bytes", RPM.len());
    }
    // Whatever a byte is changed to, there is an answer.
    for place in 0..RPM.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = RPM.to_vec();
            bytes[place] ^= change;
            let _ = rpm::read(&mut bytes.as_slice());
        }
    }
    let mut payload = RPM.to_vec();
    *payload.last_mut().unwrap() ^= 1;
    let error = rpm::read(&mut payload.as_slice()).unwrap_err().to_string();
    assert_eq!(error, "its content is not what its header says");
    let huge = [&RPM[..104], &[0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
    assert!(rpm::read(&mut huge.as_slice()).is_err());
}

#[test]
fn what_is_no_package_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is, why) in [
        ("chrony-4.5-r0.apk", true, "packages of Alpine are not supported"),
        ("chrony-4.5-1-x86_64.pkg.tar.zst", true, "packages of Arch Linux are not supported"),
        ("chrony-4.1-1.src.rpm", true, "it is a source package"),
        ("README", false, "it is neither a .deb nor a .rpm"),
        ("a b.deb", true, "where a package's file is"),
        ("missing.deb", true, "No such file"),
    ] {
        let path = folder.path().join(name);
        assert_eq!(is_package(&path), is, "{name}");
        let error = read_file(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(why), "{error}");
    }
}
