//! Names that end up in configuration files, in paths and at sshd: nothing in them may mean
//! more than the name.

use std::net::{IpAddr, Ipv6Addr};

use crate::problem::Problem;

/// Refuses a host's name in the inventory that could climb out of a folder or end a line.
pub(super) fn check_host(name: &str) -> Result<(), Problem> {
    // Names for people may be in any script; addresses stand as they are.
    let sound = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if is_address(name) || (!name.starts_with(['.', '-']) && name.chars().all(sound)) {
        return Ok(());
    }
    Err(Problem::new(format!("`{}` is not a name for a host", name.escape_debug()))
        .hint("use letters, digits, `.`, `_` and `-`, or an address"))
}

/// Refuses an address to connect to, and to follow, that is none.
pub(super) fn check_address(address: &str) -> Result<(), Problem> {
    if is_host(address) || is_address(address) {
        return Ok(());
    }
    let shown = address.escape_debug();
    Err(Problem::new(format!("`{shown}` is neither the name of a host nor an address"))
        .hint("give the host's address: ansible_host=192.0.2.11"))
}

/// Takes the name of a user to log in as, and nothing that a shell or ssh would read as more.
///
/// # Errors
/// The name is empty, starts with `-`, or has a space, a control character or one of the
/// characters that OpenSSH's own client refuses in it.
pub fn user(name: &str) -> Result<String, Problem> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "'`\";&<>|(){}\\$#".contains(c);
    // Active Directory writes DOMAIN\user: one backslash, with something on both sides.
    let plain = match name.split_once('\\') {
        Some((domain, rest)) if !domain.is_empty() && !rest.is_empty() => domain.to_owned() + rest,
        _ => name.to_owned(),
    };
    if name.is_empty() || name.starts_with('-') || plain.chars().any(odd) {
        return Err(Problem::new(format!("`{}` is not the name of a user", name.escape_debug())));
    }
    Ok(name.to_owned())
}

/// A host's name or address: nothing that means more in a configuration file.
pub(super) fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let sound = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // No top-level domain is a number: 192.0.2.300 is a mistyped address (RFC 3696, section 2).
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    !last.is_empty()
        && text.len() <= 253
        && !text.starts_with(['-', '.'])
        && text.chars().all(sound)
        && (!last.chars().all(|c| c.is_ascii_digit()) || !text.contains('.'))
}

/// An IPv4 or IPv6 address, the latter perhaps with the interface that it is on (`fe80::1%eth0`).
fn is_address(text: &str) -> bool {
    let zone = |zone: &str| {
        !zone.is_empty() && zone.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match text.split_once('%') {
        Some((address, name)) => address.parse::<Ipv6Addr>().is_ok() && zone(name),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_names_or_addresses() {
        for good in
            ["ntp1.aliyun.com", "192.0.2.1", "fd00::1", "time_1", "pool-2.example", "x.", "7"]
        {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a b",
            "a\nallow all",
            "-x",
            "a;b",
            "$(x)",
            "ntp.org iburst",
            "#a",
            "192.0.2.300",
            "192.0.2",
            "fe80::1%eth0",
        ] {
            assert!(!is_host(bad), "{bad:?}");
        }
    }

    #[test]
    fn hosts_may_have_names_for_people() {
        for good in ["node-1", "node1.example", "主节点", "10.0.0.1", "fe80::1%eth0", "_x"] {
            assert!(check_host(good).is_ok(), "{good}");
        }
        for bad in ["..", ".x", "a/b", "a;b", "a b", "a\nb", "$(x)", "a#", "fe80::1%a b", "a:b"] {
            assert!(check_host(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_for_machines() {
        assert!(check_address("fe80::1%eth0").is_ok());
        assert!(check_address("主节点").is_err());
        assert!(check_address("127.0.0.1 iburst").is_err());
    }

    #[test]
    fn users_are_names() {
        for good in ["root", "ops_1", "a.b@example.org", "EXAMPLE\\ops", "x-y"] {
            assert!(user(good).is_ok(), "{good}");
        }
        for bad in ["", "-l", "a b", "a\nb", "a;b", "$(id)", "`id`", "a\\", "\\a", "a|b", "a'b"] {
            assert!(user(bad).is_err(), "{bad:?}");
        }
    }
}
