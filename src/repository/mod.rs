//! Where packages come from: repositories over HTTP, their signatures and lists, and a folder's files.
//!
//! Nothing here runs on hosts, and nothing needs dpkg, rpm or root.

mod cache;
mod catalogue;
mod deb;
mod error;
mod event;
mod fetch;
mod gather;
mod http;
mod mirror;
mod notes;
mod offered;
mod own;
mod pace;
mod proxied;
mod proxy;
mod release_file;
mod resolver;
mod rpm;
mod signature;
mod unknown;

pub use cache::Cache;
pub use error::Error;
pub use event::{Event, Phase};
pub use gather::{Gathered, Means, Wanted, gather};
pub use mirror::Mirrors;
pub use own::Own;
pub use proxy::Proxies;
pub use unknown::release;

/// A URL, or a text with one in it, without the name and the password that may stand in it.
fn shown(text: &str) -> String {
    let Some((before, after)) = text.split_once("://") else { return text.to_owned() };
    let end = after.find('/').unwrap_or(after.len());
    let (host, path) = after.split_at_checked(end).unwrap_or((after, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{before}://{host}{path}")
}

/// The URL of the file at `path` below `root`. A list may name any path: none leads elsewhere.
fn below(root: &str, path: &str) -> Result<String, String> {
    let odd = |c: char| !c.is_ascii_graphic() || "?#\\".contains(c);
    let leaves = path.split('/').any(|part| part == ".." || part.is_empty());
    if path.contains("://") || path.chars().any(odd) || leaves {
        return Err(format!("its path leads elsewhere: `{}`", path.escape_debug()));
    }
    if root.starts_with("file://") {
        return Ok(format!("{root}/{path}"));
    }
    // Some mirrors take a plus for a blank.
    Ok(format!("{root}/{}", path.replace('%', "%25").replace('+', "%2B")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_urls_are_not_shown() {
        assert_eq!(shown("http://u:p@h:1/a@b"), "http://h:1/a@b");
        assert_eq!(shown("debian"), "debian");
    }

    #[test]
    fn paths_stay_below_their_root() {
        assert_eq!(below("http://m/d", "pool/c_1+2.deb").unwrap(), "http://m/d/pool/c_1%2B2.deb");
        for bad in ["../x", "/etc/passwd", "a//b", "a/../b", "http://x/y", "a?b", "a b", ""] {
            assert!(below("http://m", bad).is_err(), "{bad}");
        }
    }
}
