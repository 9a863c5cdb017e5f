use super::super::Architecture;
use super::*;

/// What rpmbuild and createrepo_c made of timed.spec.
const PRIMARY: &str = include_str!("../../../tests/cases/package/primary.xml");
const REPOMD: &str = include_str!("../../../tests/cases/package/repomd.xml");

#[test]
fn a_list_of_packages_is_read() {
    let packages = read_primary(PRIMARY.as_bytes(), Architecture::Amd64).unwrap();
    let [libx, timed] = packages.as_slice() else { panic!("{packages:?}") };
    assert_eq!(
        (libx.architecture.as_str(), libx.to_string().as_str()),
        ("noarch", "libx 1:4.1-3.el9")
    );
    assert_eq!(timed.sha256, "824af7e248546639afcd11fe7942165b55745542d10d4606ce61f46d5e9f14cc");
    assert_eq!((timed.size, timed.installed_size), (7061, 14));
    assert_eq!(timed.file, "timed-4.1-3.el9.x86_64.rpm");
    let at = |sign, version| relation("libx", sign, version);
    for need in [
        relation("(foo if bar else baz)", "", ""),
        relation("/usr/sbin/useradd", "", ""),
        relation("shadow-utils", "", ""),
        at(">=", "2:1.0-3"),
    ] {
        assert!(timed.needs.contains(&vec![need.clone()]), "{need:?} in {:?}", timed.needs);
    }
    for give in [
        given("ntp-daemon(compat)", "=", "2.0"),
        given("time-service", "", ""),
        given("/etc/timed.conf", "", ""),
        given("/usr/sbin/timed", "", ""),
    ] {
        assert!(timed.gives.contains(&give), "{give:?} in {:?}", timed.gives);
    }
    assert!(!timed.needs.iter().flatten().any(|need| need.name == "logrotate"), "only a hint");
    assert_eq!(timed.conflicts, [relation("ntpd", "<", "5")]);
    assert_eq!(timed.obsoletes, [relation("oldtimed", "<=", "3")]);
    let others = read_primary(PRIMARY.as_bytes(), Architecture::Arm64).unwrap();
    assert_eq!(others.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["libx"]);
}

#[test]
fn the_list_of_packages_is_found() {
    let found = read_repomd(REPOMD.as_bytes()).unwrap();
    let digits = "d3eb859c52bb2b03277bbeb4b410d71b24f7852cc775d1f9121c30fa0c68fd36";
    assert_eq!(found.location, format!("repodata/{digits}-primary.xml.gz"));
    assert_eq!((found.checksum, found.size), (Checksum::Sha256(digits.to_owned()), Some(906)));
    let sha512 = REPOMD.replace(digits, &digits.repeat(2)).replace("\"sha256\"", "\"sha512\"");
    let found = read_repomd(sha512.as_bytes()).unwrap();
    assert_eq!(found.checksum, Checksum::Sha512(digits.repeat(2)));
    for (wrong, right, why) in [
        ("sha1", "sha256", "not taken"),
        ("type=\"x\"", "type=\"primary\"", "names no list"),
        ("\"../", "\"repodata/", "where a package's file is"),
        ("</data", "</repomd", ""),
    ] {
        let error = read_repomd(REPOMD.replace(right, wrong).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}

#[test]
fn a_list_that_cannot_be_trusted_is_refused() {
    for (wrong, right, why) in [
        ("href=\"../../x.rpm\"", "href=\"libx-4.1-3.el9.noarch.rpm\"", "where a package's file is"),
        ("xml:base=\"http://x/\" href=", "href=", "is elsewhere"),
        ("type=\"md5\"", "type=\"sha256\"", "not taken"),
        (
            ">bb10<",
            ">bb1079c0778067cefc29e61c1db1226158594a8a8efe4229bf3706e791a2a07e<",
            "is no sha256",
        ),
        ("<name>--x</name>", "<name>libx</name>", "cannot be a package's name"),
        ("&unknown;", "&amp;", "there is no &unknown;"),
        ("", "</metadata>", "it ends in the middle"),
    ] {
        let text = PRIMARY.replace(right, wrong);
        assert_ne!(text, PRIMARY, "{right}");
        let error = read_primary(text.as_bytes(), Architecture::Amd64).unwrap_err().to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
    let deep = "<a>".repeat(100_000);
    assert!(read_primary(deep.as_bytes(), Architecture::Amd64).unwrap_err().0.contains("too deep"));
    assert!(read_primary(&b"<a>\xff</a>"[..], Architecture::Amd64).is_err());
}

#[test]
fn what_rpm_has_installed_is_read() {
    let lines = "timed\t1:4.1-3.el9\tconfig(timed) = 1:4.1-3.el9, ntp-daemon(compat) = 2.0, time-service  , \n\
                 bash\t0:5.1-1\t\nbash\t5.1-1\t/usr/bin/sh\ngpg-pubkey\t8483c65d-5ccc5b19\n";
    let installed = read_installed(lines).unwrap();
    let names: Vec<String> =
        installed.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    assert_eq!(
        names,
        ["timed 1:4.1-3.el9", "bash 5.1-1", "bash 5.1-1", "gpg-pubkey 8483c65d-5ccc5b19"]
    );
    let gives: Vec<&Given> = installed.iter().flat_map(|package| &package.gives).collect();
    let expected = [
        given("config(timed)", "=", "1:4.1-3.el9"),
        given("ntp-daemon(compat)", "=", "2.0"),
        given("time-service", "", ""),
        given("/usr/bin/sh", "", ""),
    ];
    assert_eq!(gives, expected.iter().collect::<Vec<_>>());
    assert!(read_installed("bash").is_err());
}

#[test]
fn files_that_nobody_needs_are_forgotten() {
    let package = |needs: &[&str], gives: &[&str]| Package {
        needs: needs.iter().map(|need| vec![relation(need, "", "")]).collect(),
        gives: gives.iter().map(|give| given(give, "", "")).collect(),
        ..Package::default()
    };
    let mut packages = [
        package(&["/bin/sh", "(/bin/b if (/bin/c or x))"], &[]),
        package(&[], &["x", "/bin/sh", "/bin/b", "/bin/c", "/bin/d"]),
    ];
    forget_idle_files(&mut packages);
    let left: Vec<&str> = packages.iter().flat_map(|p| &p.gives).map(|g| g.name.as_str()).collect();
    assert_eq!(left, ["x", "/bin/sh", "/bin/b", "/bin/c"]);
}
