//! An RPM repository: from `repomd.xml` to its list of packages.

use super::deb::Trust;
use super::error::Error;
use super::fetch::{Fetcher, Item};
use super::{below, shown};
use crate::package::rpm::{Checksum, Primary, read_repomd};

/// The list of the packages of the repository at `url`. Where the user names keys, one of them must have
/// signed; else what came over the way is believed, as dnf does with `repo_gpgcheck=0`.
pub(super) fn list(fetcher: &Fetcher<'_>, trust: &Trust, url: &str) -> Result<Item, Error> {
    let repomd_url = format!("{url}/repodata/repomd.xml");
    let failed =
        |what: String, hint: &str| Error::failed(format!("{}: {what}", shown(&repomd_url)), hint);
    let missing = || {
        failed(
            "there is no such file".to_owned(),
            "the URL of an RPM repository is the folder that has repodata/ in it: look at --mirror, --arch and the release",
        )
    };
    let text = fetcher.fresh(&repomd_url, &name(url, "repomd.xml"))?.ok_or_else(missing)?;
    if let Some(keyring) = &trust.keyring {
        let signature_url = format!("{repomd_url}.asc");
        let signature = fetcher.fresh(&signature_url, &name(url, "repomd.xml.asc"))?;
        let checked = match signature {
            Some(signature) => keyring.detached(&text, &signature, trust.now),
            None => Err("there is no repomd.xml.asc beside it".to_owned()),
        };
        checked.map_err(|why| {
            failed(
                format!("not trusted: {why}"),
                "give the keys of this repository with --keyring, or leave --keyring out for one that nobody signs",
            )
        })?;
    }
    parse(&text, url).map_err(|what| {
        failed(
            what,
            "this is no RPM repository, or a login page is in between: try the URL in a browser",
        )
    })
}

/// What the reader should know of the repository at `url` when nobody has signed its list: over plain HTTP
/// anybody on the way can have changed it.
pub(super) fn doubt(url: &str) -> Option<String> {
    let is_plain = url.split_once("://").is_some_and(|(way, _)| way.eq_ignore_ascii_case("http"));
    is_plain.then(|| {
        format!(
            "{} is taken as it came: it is neither signed nor behind TLS; name a place with https, or give its \
             keys with --keyring",
            shown(url)
        )
    })
}

fn parse(text: &[u8], url: &str) -> Result<Item, String> {
    let Primary { location, checksum, size } =
        read_repomd(text).map_err(|error| error.to_string())?;
    let (Checksum::Sha256(sum) | Checksum::Sha512(sum)) = checksum;
    Ok(Item { url: below(url, &location)?, name: name(url, "primary.xml"), size, sum })
}

/// What a file of the repository is called: by the last words of its URL that tell something.
fn name(url: &str, file: &str) -> String {
    let words: Vec<&str> = url.rsplit('/').filter(|word| !word.is_empty()).take(3).collect();
    let words: Vec<&str> = words.into_iter().rev().collect();
    format!("{} {file}", words.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOMD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1700000000</revision>
  <data type="filelists"><checksum type="sha256">00</checksum><location href="repodata/f.xml.gz"/></data>
  <data type="primary">
    <checksum type="sha256">E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>
    <open-checksum type="sha256">00</open-checksum>
    <location href="repodata/p.xml.zst"/><timestamp>1</timestamp><size>123</size><open-size>9</open-size>
  </data>
</repomd>"#;

    #[test]
    fn the_list_of_packages_is_found() {
        let item = parse(REPOMD.as_bytes(), "https://m.example/9/BaseOS/x86_64/os").unwrap();
        assert_eq!(item.url, "https://m.example/9/BaseOS/x86_64/os/repodata/p.xml.zst");
        assert_eq!((item.size, item.name.as_str()), (Some(123), "BaseOS/x86_64/os primary.xml"));
        assert!(item.sum.starts_with("e3b0c4"), "{item:?}");
    }

    #[test]
    fn what_anybody_may_have_changed_is_told() {
        let doubt = doubt("HTTP://u:secret@m.example/9").unwrap();
        assert!(doubt.starts_with("HTTP://m.example/9 is taken as it came"), "{doubt}");
        assert_eq!(super::doubt("https://m.example/9"), None);
        assert_eq!(super::doubt("file:///srv/9"), None);
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for (from, to) in [
            ("sha256\">E", "sha1\">E"),
            ("repodata/p.xml.zst", "../../elsewhere"),
            ("\"primary\"", "\"other\""),
            ("<repomd", "<html"),
        ] {
            let text = REPOMD.replace(from, to);
            assert!(parse(text.as_bytes(), "https://m.example").is_err(), "{to}");
        }
    }
}
