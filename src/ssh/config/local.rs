//! The machine and the user that connections start from.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;

use nix::unistd::{Uid, User, gethostname};

/// What ssh_config's tokens may refer to on this side.
#[derive(Debug, Clone)]
pub struct Local {
    /// The name of the user who runs this program.
    pub user: String,
    /// The user's home folder.
    pub home: PathBuf,
    /// The user's number.
    pub uid: u32,
    /// The name of this machine.
    pub host: String,
    /// The environment.
    pub env: HashMap<String, String>,
}

impl Local {
    /// This process on this machine. User and home are those of the user database, as OpenSSH has
    /// them, and those of the environment where it does not know the user.
    #[must_use]
    pub fn here() -> Self {
        let uid = Uid::current();
        let known = User::from_uid(uid).ok().flatten();
        let of_env = || env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default();
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self {
            user: known.as_ref().map_or_else(of_env, |user| user.name.clone()),
            home: known
                .map(|user| user.dir)
                .or_else(|| etcetera::home_dir().ok())
                .unwrap_or_else(|| PathBuf::from("/")),
            uid: uid.as_raw(),
            host: gethostname().ok().and_then(text).unwrap_or_default(),
            env: env::vars_os().filter_map(|(k, v)| Some((text(k)?, text(v)?))).collect(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn local() -> Local {
        let env = [("HOME", "elsewhere"), ("PERCENT", "%h"), ("SSH_AUTH_SOCK", "/run/agent")];
        Local {
            user: "me".to_owned(),
            home: PathBuf::from("/home/me"),
            uid: 1000,
            host: "desk.example".to_owned(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }
}
