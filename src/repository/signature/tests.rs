use std::fs;

use super::*;

/// 2026-06-01.
const NOW: i64 = 1_780_272_000;

/// A file that GnuPG has made: see make.sh there.
fn file(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/cases/signatures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn keyring(name: &str) -> Keyring {
    let keyring = Keyring::read(&file(name));
    assert!(!keyring.is_empty(), "{name}");
    keyring
}

fn check(keys: &str, text: &str) -> Result<String, String> {
    keyring(keys).cleartext(&String::from_utf8(file(text)).unwrap(), NOW)
}

#[test]
fn the_signed_text_comes_out() {
    // Dashes at the start are escaped, and blanks at the end of a line are not signed.
    let text = "Suite: stable\r\nCodename: test\r\n- dashed\r\ntrailing";
    for (keys, signed) in [
        ("good.key", "good.asc"),
        ("good.gpg", "good.asc"),
        ("several.key", "good.asc"),
        ("several.key", "sub.asc"),
        ("good.key", "both.asc"),
        ("rsa.key", "rsa.asc"),
        // The key has expired since.
        ("late.key", "in-time.asc"),
    ] {
        assert_eq!(check(keys, signed).unwrap().trim_end(), text, "{signed} by {keys}");
    }
}

#[test]
fn what_is_not_to_be_trusted_is_refused() {
    for (keys, signed, why) in [
        ("good.key", "other.asc", "which is not among those that are trusted"),
        ("good.key", "sub.asc", "which is not among those that are trusted"),
        (
            "late.key",
            "too-late.asc",
            "from 2020-01-01 to 2021-01-01, and the signature was made on 2025-01-01",
        ),
        ("revoked.key", "revoked.asc", "was revoked"),
        ("rsa.key", "weak.asc", "SHA1"),
        ("short.key", "short.asc", "too weak"),
        ("good.key", "lapsed.asc", "has expired"),
        ("good.key", "future.asc", "made on 2040-01-01, and this machine's clock is not there yet"),
    ] {
        let refused = check(keys, signed).expect_err(signed);
        assert!(refused.contains(why), "{signed} by {keys}: {refused}");
    }
}

#[test]
fn only_what_is_signed_is_read() {
    let good = String::from_utf8(file("good.asc")).unwrap();
    let check = |text: &str| keyring("good.key").cleartext(text, NOW);
    for changed in [
        good.replace("stable", "unstable"),
        good.replace("Codename", "codename"),
        good.replace("Hash: SHA256\n\n", "Hash: SHA256\n\nSuite: other\n"),
        format!("Suite: other\n{good}"),
        good.lines().take(6).collect::<Vec<_>>().join("\n"),
        "Suite: stable\n".to_owned(),
        String::new(),
    ] {
        assert!(check(&changed).is_err(), "{changed}");
    }
}

#[test]
fn detached_signatures_are_of_their_data() {
    let (data, signature) = (file("data"), file("data.asc"));
    assert_eq!(keyring("good.key").detached(&data, &signature, NOW), Ok(()));
    assert!(keyring("good.key").detached(b"other data\n", &signature, NOW).is_err());
    assert!(keyring("rsa.key").detached(&data, &signature, NOW).is_err());
    assert!(keyring("good.key").detached(&data, b"", NOW).is_err());
    assert!(keyring("good.key").detached(&data, &data, NOW).is_err());
}

#[test]
fn keyrings_without_a_key_are_empty() {
    for text in ["", "no key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnot base64"] {
        assert!(Keyring::read(text.as_bytes()).is_empty(), "{text:?}");
    }
}

/// The keys that are in the binary are those that their README names.
#[test]
fn archives_keys_are_here() {
    let prints = |keys| -> Vec<String> {
        let keyring = Keyring::of(keys);
        let print =
            |key: &SignedPublicKey| key.primary_key.fingerprint().to_string().to_uppercase();
        keyring.keys.iter().map(print).collect()
    };
    // Debian's for stable releases 12 and 13, and Ubuntu's of 2018.
    let debian = prints(Keys::Debian);
    assert_eq!(debian.len(), 9);
    for print in
        ["4D64FEC119C2029067D6E791F8D2585B8783D481", "41587F7DB8C774BCCF131416762F67A0B2C39DE4"]
    {
        assert!(debian.iter().any(|known| known == print), "{debian:?}");
    }
    let ubuntu = prints(Keys::Ubuntu);
    assert!(ubuntu.iter().any(|known| known == "F6ECB3762474EDA9D21B7022871920D1991BC93C"));
}
