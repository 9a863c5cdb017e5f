//! What stands for something else in values: `%h` and its like, `${VARIABLE}`, and `~`.

use std::fmt::Write;

use nix::unistd::User;
use sha1::{Digest, Sha1};

use super::local::Local;

/// The tokens that OpenSSH takes in names of files.
pub(super) const FILE_TOKENS: &str = "CdhijkLlnpru";
/// The tokens that OpenSSH takes in ProxyCommand and ProxyJump.
pub(super) const PROXY_TOKENS: &str = "hknpr";

/// What tokens mean for one connection.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    /// `%d`, `%i`, `%L`, `%l`, `%u`.
    pub(super) local: &'a Local,
    /// `%h`: the host's name after HostName.
    pub(super) host: &'a str,
    /// `%n`: the host's name as it was given.
    pub(super) original: &'a str,
    /// `%k`: the alias of its host key, else the name as it was given.
    pub(super) key_alias: &'a str,
    /// `%p`.
    pub(super) port: u16,
    /// `%r`: the user on the host.
    pub(super) user: &'a str,
    /// `%j`: ProxyJump as it was written.
    pub(super) jump: &'a str,
}

impl Tokens<'_> {
    /// `text` with `%` and one of `allowed`, and `%%`, replaced.
    ///
    /// # Errors
    /// Names the token that is not known here.
    pub(super) fn expand(&self, text: &str, allowed: &str) -> Result<String, String> {
        expand(text, |token| allowed.contains(token).then(|| self.value(token)))
    }

    /// The name of a file with `~`, tokens and variables replaced.
    ///
    /// # Errors
    /// Says which of them has no value.
    pub(super) fn file(&self, text: &str) -> Result<String, String> {
        let text = self.local.tilde(text)?;
        // Piece by piece: the value of a variable may have a % in it, that of a token a $.
        let mut expanded = String::new();
        let mut rest = text.as_str();
        while let Some((before, variable)) = rest.split_once("${") {
            let (name, after) =
                variable.split_once('}').ok_or_else(|| format!("${{{variable} has no }}"))?;
            expanded.push_str(&self.expand(before, FILE_TOKENS)?);
            let value = self.local.env.get(name);
            expanded.push_str(value.ok_or_else(|| format!("${{{name}}} is not set"))?);
            rest = after;
        }
        expanded.push_str(&self.expand(rest, FILE_TOKENS)?);
        Ok(expanded)
    }

    fn value(&self, token: char) -> String {
        let Local { user, home, uid, host, .. } = self.local;
        match token {
            'd' => home.display().to_string(),
            'h' => self.host.to_owned(),
            'i' => uid.to_string(),
            'j' => self.jump.to_owned(),
            'k' => self.key_alias.to_owned(),
            'L' => host.split('.').next().unwrap_or_default().to_owned(),
            'l' => host.clone(),
            'n' => self.original.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.to_owned(),
            'u' => user.clone(),
            // 'C', the last one.
            _ => {
                let text = format!("{host}{}{}{}{}", self.host, self.port, self.user, self.jump);
                Sha1::digest(text).iter().fold(String::new(), |mut hex, byte| {
                    let _ = write!(hex, "{byte:02x}");
                    hex
                })
            }
        }
    }
}

/// `text` with `%%` replaced by `%`, and `%` with another token by what it stands for.
///
/// # Errors
/// Names the token that stands for nothing.
pub(super) fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => expanded.push('%'),
            Some(token) => match value(token) {
                Some(value) => expanded.push_str(&value),
                None => return Err(format!("%{token} means nothing here")),
            },
            None => return Err("% stands alone at the end; write %%".to_owned()),
        }
    }
    Ok(expanded)
}

impl Local {
    /// `text` with a leading `~` or `~user` replaced by the user's home.
    ///
    /// # Errors
    /// There is no such user.
    pub(super) fn tilde(&self, text: &str) -> Result<String, String> {
        let Some(rest) = text.strip_prefix('~') else { return Ok(text.to_owned()) };
        let (user, path) = rest.split_once('/').unwrap_or((rest, ""));
        let home = if user.is_empty() {
            self.home.clone()
        } else {
            let found = User::from_name(user).ok().flatten();
            found.ok_or_else(|| format!("there is no user {user} on this machine"))?.dir
        };
        Ok(home.join(path.trim_start_matches('/')).display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::local::tests::local;
    use super::*;

    #[test]
    fn every_token() {
        let local = local();
        let tokens = Tokens {
            local: &local,
            host: "10.0.0.1",
            original: "web",
            key_alias: "alias",
            port: 2222,
            user: "ops",
            jump: "bastion",
        };
        for (text, wanted) in [
            ("%%h%h", "%h10.0.0.1"),
            ("%n-%k-%p-%r", "web-alias-2222-ops"),
            ("%u %i %d", "me 1000 /home/me"),
            ("%l %L", "desk.example desk"),
            ("%j", "bastion"),
            // printf desk.example10.0.0.12222opsbastion | sha1sum
            ("%C", "786b3426af30fee01e29aa8f2fdd3c30baba4275"),
            ("~/x", "/home/me/x"),
            ("~root/x", "/root/x"),
            ("${PERCENT}/${HOME}", "%h/elsewhere"),
            ("a~", "a~"),
        ] {
            assert_eq!(tokens.file(text).unwrap(), wanted, "{text}");
        }
        for (text, wanted) in [
            ("%x", "%x means nothing here"),
            ("a%", "% stands alone at the end; write %%"),
            ("${NOPE}", "${NOPE} is not set"),
            ("${NOPE", "${NOPE has no }"),
            ("~nobody-like-that/x", "there is no user nobody-like-that on this machine"),
        ] {
            assert_eq!(tokens.file(text).unwrap_err(), wanted, "{text}");
        }
        assert_eq!(tokens.expand("nc %h %p", PROXY_TOKENS).unwrap(), "nc 10.0.0.1 2222");
        assert!(tokens.expand("%d", PROXY_TOKENS).is_err());
    }
}
