//! The file `Release` of a Debian repository: what it is, until when it holds, and the SHA-256 of its
//! lists. Its fields: <https://wiki.debian.org/DebianRepository/Format>.

use std::collections::HashMap;

/// A `Release` file, its signature checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReleaseFile {
    /// Fields of one line, by name.
    fields: HashMap<String, String>,
    /// Size and SHA-256 of its lists, by path.
    lists: HashMap<String, (u64, String)>,
}

impl ReleaseFile {
    /// Reads the signed text.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut section = String::new();
        for line in text.lines() {
            if let Some(entry) = line.strip_prefix(' ') {
                if section == "SHA256" {
                    file.lists.extend(list(entry));
                }
                continue;
            }
            if let Some((name, value)) = line.split_once(':') {
                name.clone_into(&mut section);
                file.fields.insert(section.clone(), value.trim().to_owned());
            }
        }
        file
    }

    /// A field's value, empty when it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Size in bytes and SHA-256 of the list at `path`.
    pub fn list(&self, path: &str) -> Option<(u64, &str)> {
        self.lists.get(path).map(|(size, sha256)| (*size, sha256.as_str()))
    }

    /// Whether lists can be had by their SHA-256, also while the repository is being changed.
    pub fn is_by_hash(&self) -> bool {
        self.field("Acquire-By-Hash") == "yes"
    }

    /// Refuses another release than `suite`: whoever stands between here and the mirror can serve a
    /// signed one of another. Ubuntu gives all its suites of a release the release's own codename.
    ///
    /// # Errors
    /// What it is instead.
    pub fn is_of(&self, suite: &str) -> Result<(), String> {
        let (name, codename) = (self.field("Suite"), self.field("Codename"));
        let is_part = name.strip_prefix(suite).is_some_and(|end| end.starts_with('-'));
        if name == suite || (codename == suite && !is_part) {
            return Ok(());
        }
        Err(format!("it is of another release: Suite {name}, Codename {codename}"))
    }

    /// Refuses one that no longer holds at `now`, in seconds since 1970: someone may be holding back
    /// newer ones.
    ///
    /// # Errors
    /// Until when it held.
    pub fn holds(&self, now: i64) -> Result<(), String> {
        let until = self.field("Valid-Until");
        if until.is_empty() {
            return Ok(());
        }
        // "Fri, 27 Nov 2026 00:12:41 UTC": UTC in all repositories, by name.
        let time = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S %Z", until)
            .or_else(|_| jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S UTC", until));
        let end = time.ok().and_then(|time| time.to_datetime().ok());
        let end = end.and_then(|end| end.to_zoned(jiff::tz::TimeZone::UTC).ok());
        match end.map(|end| end.timestamp().as_second()) {
            Some(end) if end >= now => Ok(()),
            Some(_) => Err(format!("it held until {until}")),
            None => Err(format!("it does not say until when it holds: `{until}`")),
        }
    }
}

/// ` SHA256 SIZE PATH`
fn list(entry: &str) -> Option<(String, (u64, String))> {
    let mut words = entry.split_whitespace();
    let sha256 = words.next().filter(|word| is_sha256(word))?.to_ascii_lowercase();
    let size = words.next()?.parse().ok()?;
    Some((words.next()?.to_owned(), (size, sha256)))
}

/// Whether `text` is a SHA-256 in hexadecimal digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Origin: Debian\r\nSuite: oldstable-security\r\nCodename: bookworm-security\r\n\
        Valid-Until: Fri, 27 Nov 2026 00:12:41 UTC\r\nAcquire-By-Hash: yes\r\nMD5Sum:\r\n \
        d41d8cd98f00b204e9800998ecf8427e 7 main/binary-amd64/Packages.xz\r\nSHA256:\r\n \
        E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855   9 main/binary-amd64/Packages.xz\r\n";

    #[test]
    fn reads_fields_and_the_strong_sums_alone() {
        let file = ReleaseFile::parse(TEXT);
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(file.list("main/binary-amd64/Packages.xz"), Some((9, sum)));
        assert_eq!(file.list("main/binary-amd64/Packages.gz"), None);
        assert!(file.is_by_hash());
    }

    #[test]
    fn another_release_is_refused() {
        let of = |suite: &str, codename: &str| {
            ReleaseFile::parse(&format!("Suite: {suite}\nCodename: {codename}\n"))
        };
        for (suite, codename, asked, good) in [
            ("oldstable", "bookworm", "bookworm", true),
            ("oldstable-security", "bookworm-security", "bookworm-security", true),
            ("jammy-updates", "jammy", "jammy-updates", true),
            ("jammy", "jammy", "jammy", true),
            ("jammy-updates", "jammy", "jammy", false),
            ("jammy-security", "jammy", "jammy-updates", false),
            ("stable", "trixie", "bookworm", false),
            ("", "", "bookworm", false),
        ] {
            assert_eq!(of(suite, codename).is_of(asked).is_ok(), good, "{suite} for {asked}");
        }
    }

    #[test]
    fn what_no_longer_holds_is_refused() {
        let file = ReleaseFile::parse(TEXT);
        // date -d 'Fri, 27 Nov 2026 00:12:41 UTC' +%s
        let end = 1_795_738_361;
        assert_eq!(file.holds(end), Ok(()));
        assert_eq!(
            file.holds(end + 1),
            Err("it held until Fri, 27 Nov 2026 00:12:41 UTC".to_owned())
        );
        assert_eq!(ReleaseFile::parse("Suite: x\n").holds(end), Ok(()));
        assert!(ReleaseFile::parse("Valid-Until: soon\n").holds(end).is_err());
    }
}
