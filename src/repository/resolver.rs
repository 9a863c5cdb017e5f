//! Names of hosts, each asked for once: a name service that loses a question costs seconds each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Asks the system, and remembers what it said for as long as the program runs.
#[derive(Debug, Default)]
pub(super) struct Remembering {
    system: DefaultResolver,
    known: Mutex<HashMap<(String, String), ResolvedSocketAddrs>>,
}

impl Resolver for Remembering {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        // The port stands among the addresses, and the scheme says which where none is given.
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let key =
            (text(uri.scheme_str()), text(uri.authority().map(|authority| authority.as_str())));
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known().get(&key) {
            return Ok(addresses.clone());
        }
        let addresses = self.system.resolve(uri, config, timeout)?;
        known().insert(key, addresses.clone());
        Ok(addresses)
    }
}
