//! Where the packages of a bundle come from.

use secrecy::SecretString;

use super::lookup::{Entry, Lookup};
use crate::problem::{Place, Problem};

/// The settings for `bundle create`.
#[derive(Debug, Clone, Default)]
pub struct PackageSettings {
    /// Other places for repositories, as `NAME=URL`, and where that stands.
    pub mirrors: Vec<(String, Option<Place>)>,
    /// The URL of the proxy for all downloads; it may have a password in it.
    pub proxy: Option<SecretString>,
}

impl PackageSettings {
    pub(super) fn read(lookup: &Lookup<'_>) -> Result<Self, Problem> {
        let mut mirrors = Vec::new();
        if let Some(entry) = lookup.entry("package_mirrors")? {
            let fields = entry.fields().ok_or_else(|| {
                entry
                    .problem("must be a mapping of names to URLs")
                    .hint("write `debian: https://mirror.example.org/debian` below it")
            })?;
            for (name, field) in &fields {
                for url in field.items() {
                    mirrors.push((format!("{name}={}", url.text()?), place(&url)));
                }
            }
        }
        let proxy = lookup.entry("package_proxy")?;
        let proxy = proxy.map(|entry| match entry.value.as_str() {
            Some(url) => Ok(SecretString::from(url)),
            None => Err(entry.secret_problem("must be a URL")),
        });
        Ok(Self { mirrors, proxy: proxy.transpose()? })
    }
}

/// The line is not shown: a URL may have a password in it.
fn place(entry: &Entry<'_>) -> Option<Place> {
    entry.secret_problem("").place().cloned()
}
