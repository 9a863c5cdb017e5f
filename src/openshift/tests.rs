use super::data_url::{Encoded, decode, encode};
use super::machine_config::MachineConfig;
use super::*;
use crate::facts::Version as Chrony;

#[test]
fn the_shortest_form_is_taken() {
    let plain = |source: &str| Encoded { source: source.to_owned(), compression: "" };
    // The example of docs/openshift.md, as Butane encodes it.
    assert_eq!(
        encode(b"server 10.0.0.11 iburst\n", true),
        plain("data:,server%2010.0.0.11%20iburst%0A")
    );
    assert_eq!(encode(b"", true), plain("data:,"));
    assert_eq!(encode(b"aZ09-_.!~*'()", true), plain("data:,aZ09-_.!~*'()"));
    // Escapes are three bytes for one, base64 four for three and eight in front.
    assert_eq!(encode(b"    ", true), plain("data:,%20%20%20%20"));
    assert_eq!(encode(b"      ", true), plain("data:;base64,ICAgICAg"));
    assert_eq!(
        encode(&[0xff, 0, 0xff, 0, 0xff, 0, 0xff], true),
        plain("data:;base64,/wD/AP8A/w==")
    );
    let text = "server ntp.example.org iburst\n".repeat(20);
    let packed = encode(text.as_bytes(), true);
    assert_eq!(packed.compression, "gzip");
    assert!(packed.source.starts_with("data:;base64,H4sI"), "{}", packed.source);
    assert_eq!(encode(text.as_bytes(), false).compression, "");
    assert!(!encode(text.as_bytes(), false).source.contains(";base64,H4sI"));
}

#[test]
fn gzip_is_taken_when_more_than_its_name_is_saved() {
    let mut seen = (false, false);
    for length in 0..200 {
        let text = "a".repeat(length);
        let (plain, packed) = (encode(text.as_bytes(), false), encode(text.as_bytes(), true));
        let saved = plain.source.len() as i64 - packed.source.len() as i64;
        match packed.compression {
            "gzip" => assert!(saved > 4, "{length}: {saved}"),
            _ => assert_eq!(saved, 0, "{length}"),
        }
        seen = (seen.0 || packed.compression.is_empty(), seen.1 || packed.compression == "gzip");
    }
    assert_eq!(seen, (true, true));
}

#[test]
fn what_is_written_is_read_again() {
    let random: Vec<u8> =
        (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&b""[..], b"\n", b"server a iburst\n", &random, &[b'a'; 5000], "é ü\n".as_bytes()]
    {
        for compressible in [true, false] {
            let Encoded { source, compression } = encode(bytes, compressible);
            assert_eq!(decode(&source, compression).as_deref(), Ok(bytes));
        }
    }
}

#[test]
fn every_form_of_contents_is_read() {
    for (source, compression, expected) in [
        ("", "", Ok("")),
        ("data:,", "", Ok("")),
        ("data:,a%20b%0a", "", Ok("a b\n")),
        ("data:text/plain;charset=\"a,b\";x=y,a", "", Ok("a")),
        ("data:;base64,YR==", "", Ok("a")),
        ("DATA:text/plain,a", "", Err("Ignition takes data: in small letters alone")),
        ("data:text/plain;charset=utf-8;base64,YSBiCg==", "", Ok("a b\n")),
        ("data:;base64,YSBiCg%3D%3D", "", Err("Ignition takes no `%` in a data URL: base64 is")),
        ("data:,a b", "", Err("Ignition takes no ` ` in a data URL: write it as an escape")),
        ("data:,a\nb", "", Err("Ignition takes no `\\n` in a data URL")),
        ("data:,\u{e9}", "", Err("Ignition takes no `\u{e9}` in a data URL")),
        ("data:text,a", "", Err("`text` is no media type")),
        ("data:;charset,a", "", Err("`;charset` is neither ;base64 nor")),
        ("data:;base64;charset=a,YQ==", "", Err("`;base64` is neither ;base64 nor")),
        ("data:;charset=\"a,b", "", Err("a data URL has a comma")),
        ("data:text/plain;charset=utf-8,a%3Bb", "", Ok("a;b")),
        ("data:;base64,YSBiCg", "", Err("this is not base64")),
        ("data:;base64,H4sI", "gzip", Err("this is not gzip")),
        ("data:,a", "xz", Err("the compression `xz` is not known")),
        ("data:abc", "", Err("a data URL has a comma")),
        ("https://example.org/a", "", Err("the contents are elsewhere (https:)")),
        ("/etc/chrony.conf", "", Err("this is not a URL")),
    ] {
        match (decode(source, compression), expected) {
            (Ok(bytes), Ok(expected)) => assert_eq!(bytes, expected.as_bytes(), "{source}"),
            (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{source}: {why}"),
            (got, _) => panic!("{source}: {got:?}"),
        }
    }
}

#[test]
fn what_unpacks_without_end_is_refused() {
    // 20 MB of noughts in 20 KB.
    let bomb = encode(&vec![0; 20_000_000], true);
    assert!(bomb.source.len() < 40_000);
    assert_eq!(decode(&bomb.source, "gzip"), Err("it unpacks to more than 16 MiB".to_owned()));
}

#[test]
fn releases_are_known_by_what_they_take() {
    let of = |text: &str| Version::parse(text).unwrap();
    for (text, ignition, gzip, custom, policy, chrony) in [
        ("4.8", "3.2.0", false, false, false, Chrony::new(3, 3)),
        ("4.9.59", "3.2.0", false, false, false, Chrony::new(3, 3)),
        ("4.10", "3.2.0", true, false, false, Chrony::new(3, 3)),
        ("4.13", "3.2.0", true, false, false, Chrony::new(4, 1)),
        ("4.14", "3.4.0", true, false, false, Chrony::new(4, 1)),
        ("4.15", "3.4.0", true, true, false, Chrony::new(4, 1)),
        ("4.17.0", "3.4.0", true, true, true, Chrony::new(4, 1)),
        ("4.18", "3.4.0", true, true, true, Chrony::new(4, 1)),
        ("4.19", "3.5.0", true, true, true, Chrony::new(4, 1)),
        ("4.22", "3.5.0", true, true, true, Chrony::new(4, 1)),
    ] {
        let version = of(text);
        assert_eq!(version.ignition(), ignition, "{text}");
        assert_eq!(version.takes_gzip(), gzip, "{text}");
        assert_eq!(version.custom_pools_win(), custom, "{text}");
        assert_eq!(version.has_disruption_policy(), policy, "{text}");
        let facts = version.facts(None);
        assert_eq!(facts.chrony.written_for, chrony, "{text}");
        assert_eq!(
            (facts.chrony.unit.as_str(), facts.chrony.conf.as_str()),
            ("chronyd", "/etc/chrony.conf")
        );
    }
    assert_eq!(of("4.9.59").butane(), "4.9.0");
    for text in
        ["", "4", "4.", "4.7", "4.23", "5.1", "4.014", "4.14.x", "4.14.1.2", "4.-1", "4.99999999"]
    {
        assert!(Version::parse(text).is_err(), "{text}");
    }
}

#[test]
fn objects_have_no_other_fields() {
    let reads = |text: &str| {
        let value = crate::yaml::parse("test", text).unwrap().into_value();
        let object: Result<MachineConfig, _> = serde_json::from_value(value);
        object.map(|object| crate::yaml::write(&object).unwrap())
    };
    let text = "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata:\n  labels:\n    \
                machineconfiguration.openshift.io/role: worker\n  name: 99-worker-chrony\nspec:\n  config:\n    ignition:\n      \
                version: \"3.4.0\"\n    storage:\n      files:\n      - contents:\n          compression: \"\"\n          \
                source: data:,a\n        mode: 420\n        overwrite: true\n        path: /etc/chrony.conf\n  \
                kernelArguments:\n  - quiet\n";
    // In the same order, too.
    assert_eq!(reads(text).unwrap(), text);
    for (field, with_another) in [
        ("kind: MachineConfig\n", "kind: MachineConfig\nstatus: {}\n"),
        ("  name: 99-", "  uid: a\n  name: 99-"),
        ("  kernelArguments:", "  fips: true\n  kernelArguments:"),
        ("        mode: 420\n", "        mode: 420\n        append: []\n"),
        ("          source:", "          hash: a\n          source:"),
        ("    storage:", "    passwd: {}\n    storage:"),
    ] {
        let problem = reads(&text.replacen(field, with_another, 1)).unwrap_err();
        assert!(problem.to_string().contains("unknown field"), "{problem}");
    }
}
