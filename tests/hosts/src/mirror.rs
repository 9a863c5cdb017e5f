//! Which Debian mirror images are built from.

use std::fs;
use std::path::{Path, PathBuf};

/// The mirror when nothing says otherwise.
const DEFAULT: &str = "http://deb.debian.org/debian";

/// The mirror that images are built from: `EZSYNC_HOSTS_MIRROR`, else the Debian mirror of this machine's own apt, else Debian's.
#[must_use]
pub fn mirror() -> String {
    std::env::var("EZSYNC_HOSTS_MIRROR").ok().filter(|mirror| !mirror.is_empty()).unwrap_or_else(
        || {
            source_files()
                .iter()
                .filter_map(|file| fs::read_to_string(file).ok())
                .find_map(|text| mirror_in(&text))
                .unwrap_or_else(|| DEFAULT.to_owned())
        },
    )
}

fn source_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "list" || end == "sources"))
        .collect();
    files.sort();
    files.insert(0, Path::new("/etc/apt/sources.list").to_owned());
    files
}

/// The first address in a `.list` or `.sources` file that is a Debian archive: by custom, and on all
/// of Debian's mirrors, its last folder is `debian`.
fn mirror_in(text: &str) -> Option<String> {
    text.lines()
        .filter(|line| line.starts_with("deb ") || line.starts_with("deb\t") || is_uris(line))
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches('/'))
        .find(|word| word.contains("://") && word.ends_with("/debian"))
        .map(ToOwned::to_owned)
}

fn is_uris(line: &str) -> bool {
    line.split_once(':').is_some_and(|(field, _)| field.eq_ignore_ascii_case("uris"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_debian_mirror_among_other_sources() {
        let cases = [
            (
                "deb http://ftp.de.debian.org/debian/ bookworm main\n",
                Some("http://ftp.de.debian.org/debian"),
            ),
            (
                "deb [arch=amd64 signed-by=/k.gpg] https://m.example/debian trixie main",
                Some("https://m.example/debian"),
            ),
            ("# deb http://old.example/debian stretch main\n", None),
            ("deb-src http://src.example/debian bookworm main\n", None),
            ("deb http://deb.example/debian-security bookworm-security main\n", None),
            ("deb http://archive.ubuntu.com/ubuntu noble main\n", None),
            (
                "Types: deb\n# URIs: http://no.example/debian\nURIs: http://a.example/debian-security http://b.example/debian\nSuites: bookworm\n",
                Some("http://b.example/debian"),
            ),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(mirror_in(text).as_deref(), expected, "{text}");
        }
    }
}
