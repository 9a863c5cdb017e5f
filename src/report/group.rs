//! What is the same on many hosts is said once.

use super::paint::clean;

/// Pairs of a thing and a host as things with all their hosts, in the order of appearance.
pub(super) fn group<'a, T: PartialEq>(
    pairs: impl IntoIterator<Item = (T, &'a str)>,
) -> Vec<(T, Vec<&'a str>)> {
    let mut groups: Vec<(T, Vec<&str>)> = Vec::new();
    for (thing, host) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == thing) {
            Some((_, hosts)) => hosts.push(host),
            None => groups.push((thing, vec![host])),
        }
    }
    groups
}

/// All names: `node1, node2`.
pub(super) fn names(hosts: &[&str]) -> String {
    hosts.iter().map(|host| clean(host)).collect::<Vec<_>>().join(", ")
}

/// The first names when there are many: `node1, node2, node3 and 27 more`.
pub(super) fn some_names(hosts: &[&str]) -> String {
    // Four names, or three and a number.
    match hosts {
        [one, two, three, _, rest @ ..] if !rest.is_empty() => {
            format!("{} and {} more", names(&[one, two, three]), rest.len() + 1)
        }
        few => names(few),
    }
}
