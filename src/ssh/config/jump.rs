//! ProxyJump: the hosts on the way to a host.

/// One host on the way, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// The user on it, when one is named.
    pub user: Option<String>,
    /// Its name or address, without brackets; what ssh_config says of it is not in here.
    pub host: String,
    /// Its port, when one is named.
    pub port: Option<u16>,
}

/// Reads `[user@]host[:port]` or an `ssh://` URI for each host, the nearest one first; an empty
/// list for `none`. Nothing when it cannot be read.
pub(super) fn parse(text: &str) -> Option<Vec<Jump>> {
    let text = text.split('#').next().unwrap_or_default().trim_end();
    if text.eq_ignore_ascii_case("none") {
        return Some(Vec::new());
    }
    text.split(',').map(one).collect()
}

/// The same list as OpenSSH shows it.
pub(super) fn shown(jumps: &[Jump]) -> String {
    let show = |jump: &Jump| {
        let user = jump.user.iter().map(|user| format!("{user}@")).collect::<String>();
        let port = jump.port.iter().map(|port| format!(":{port}")).collect::<String>();
        let host = &jump.host;
        if host.contains(':') { format!("{user}[{host}]{port}") } else { user + host + &port }
    };
    jumps.iter().map(show).collect::<Vec<_>>().join(",")
}

fn one(text: &str) -> Option<Jump> {
    let (user, address) = match text.strip_prefix("ssh://") {
        Some(uri) => {
            let (user, address) = match uri.split_once('@') {
                // Parameters of the connection stand behind the user's name.
                Some((user, address)) => {
                    (Some(decode(user.split(';').next().unwrap_or_default())?), address)
                }
                None => (None, uri),
            };
            // A path would mean a file, which no jump host is; a slash alone is none.
            (user, address.strip_suffix('/').unwrap_or(address))
        }
        None => match text.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, text),
        },
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            match port.strip_prefix(':') {
                Some(port) => (host, port),
                None if port.is_empty() => (host, ""),
                None => return None,
            }
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    let port = if port.is_empty() { None } else { Some(super::setting::port(port)?) };
    let sound = !host.is_empty() && !host.contains('/') && user.as_deref() != Some("");
    sound.then(|| Jump { user, host: host.to_owned(), port })
}

/// `%41` is `A` in a URI.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_a_jump_host() {
        for (text, wanted) in [
            ("bastion", "bastion"),
            ("ops@bastion:2222 # home", "ops@bastion:2222"),
            ("a@b@bastion", "a@b@bastion"),
            ("[fd00::1]:22,[fd00::2]", "[fd00::1]:22,[fd00::2]"),
            ("ssh://o%70s;x=y@bastion:22/", "ops@bastion:22"),
            ("ssh://[::1]", "[::1]"),
            ("a,b:3,c@d", "a,b:3,c@d"),
            ("NONE", ""),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_jump_host() {
        for text in
            ["", "@a", "a:0", "a:70000", "a:b", "a,,b", "[::1", "[::1]2", "ssh://a/b", "ssh://@a"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
