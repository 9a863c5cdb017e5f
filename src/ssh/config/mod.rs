//! OpenSSH's ssh_config: what it says about a host, as `ssh -G` would show it.
//!
//! [`Config::read`] takes the files apart once; [`Config::resolve`] asks them about one host. The
//! crates for this were tried first, and none passes the tests: asked for host name, port, user and
//! proxy alone, ssh2-config 0.9 is right in 51 of 100 cases of tests/cases/ssh_config (it has no
//! Match, no tokens, no ProxyCommand), russh-config 0.58 in 27 (no Include, no Match, no quotes, no
//! `=`). ssh_cfg and ssh_config are no longer kept.

mod criteria;
mod file;
mod jump;
mod keyword;
mod line;
mod local;
mod overrides;
mod resolved;
mod setting;
mod tokens;
mod walk;

use std::path::Path;

use self::file::{Item, Owner, Reader};
use self::walk::Walk;
use crate::problem::{Place, Problem};

pub use self::jump::Jump;
pub use self::local::Local;
pub use self::overrides::Overrides;
pub use self::resolved::Resolved;
pub use self::setting::{AddressFamily, HostKeyChecking, Proxy};

/// The system's file.
const SYSTEM: &str = "/etc/ssh/ssh_config";

/// The files of ssh_config, read.
#[derive(Debug)]
pub struct Config {
    local: Local,
    /// In the order in which they are asked.
    files: Vec<Vec<Item>>,
    /// Whether a `Match final` asks for a second reading.
    twice: bool,
}

impl Config {
    /// Reads the user's `~/.ssh/config` and the system's `/etc/ssh/ssh_config`; those that do not
    /// exist are empty.
    ///
    /// # Errors
    /// A file cannot be read, others could write it, or a line in it is wrong.
    pub fn read(local: Local) -> Result<Self, Problem> {
        let user = local.home.join(".ssh/config");
        Self::read_from(local, Some(&user), Some(Path::new(SYSTEM)))
    }

    /// The same with `user` and `system` in the place of those files.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_from(
        local: Local,
        user: Option<&Path>,
        system: Option<&Path>,
    ) -> Result<Self, Problem> {
        let reader = |owner| Reader { local: &local, owner, depth: 0 };
        let user = user.map(|file| reader(Owner::User).read(file, true)).transpose()?;
        let system = system.map(|file| reader(Owner::System).read(file, false)).transpose()?;
        let files = [user, system].into_iter().flatten().flatten().collect();
        Ok(Self::of(local, files))
    }

    /// Reads `file` alone, as `-F` asks for; with `none` nothing is read.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and when the file does not exist.
    pub fn read_only(local: Local, file: &Path) -> Result<Self, Problem> {
        if file.as_os_str().eq_ignore_ascii_case("none") {
            return Ok(Self::of(local, Vec::new()));
        }
        let reader = Reader { local: &local, owner: Owner::User, depth: 0 };
        let missing = || Problem::new("there is no such file").at(Place::in_file(file));
        let items = reader.read(file, false)?.ok_or_else(missing)?;
        Ok(Self::of(local, vec![items]))
    }

    fn of(local: Local, files: Vec<Vec<Item>>) -> Self {
        let twice = files.iter().any(|items| asks_for_last(items));
        Self { local, files, twice }
    }

    /// What holds for connections to `host` as the user has given it.
    ///
    /// # Errors
    /// A keyword is unknown, or a value holds a token, a variable or a user that is.
    pub fn resolve(&self, host: &str, overrides: &Overrides) -> Result<Resolved, Problem> {
        let (settings, warnings) = overrides.settings();
        let (local, given) = (&self.local, host.to_owned());
        let mut walk = Walk { local, settings, warnings, original: host, host: given, last: false };
        self.walk(&mut walk)?;
        let name = canonical(&walk.host_name()?);
        if self.twice {
            walk.settings.host_name = Some(name.clone());
            walk.host.clone_from(&name);
            walk.last = true;
            self.walk(&mut walk)?;
        }
        Resolved::new(local, walk.settings, host, name, walk.warnings)
    }

    fn walk(&self, walk: &mut Walk<'_>) -> Result<(), Problem> {
        self.files.iter().try_for_each(|items| walk.file(items))
    }
}

fn asks_for_last(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Match(criteria, _) => criteria::ask_for_last(criteria),
        Item::Include(items) => asks_for_last(items),
        _ => false,
    })
}

/// Names in lower case, addresses in their usual spelling.
fn canonical(host: &str) -> String {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.to_lowercase(),
    }
}

#[cfg(test)]
mod tests;
