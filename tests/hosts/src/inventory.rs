//! The inventory of a lab, as kubeasz writes a cluster's `hosts` file.

use std::fmt::Write;
use std::path::Path;

use crate::lab::TestHost;

/// The `hosts` file for `hosts`: the first is the control node and the source of time; etcd is on the
/// first, or the first three where there are three. `key` is the private key to log in with.
#[must_use]
pub fn inventory(hosts: &[TestHost], key: &Path) -> String {
    let etcd = if hosts.len() < 3 { 1 } else { 3 };
    let masters = if hosts.len() > 1 { 1 } else { 0 };
    let mut text = String::new();
    let mut group = |name: &str, members: &mut dyn Iterator<Item = &TestHost>| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "[{name}]");
        for host in members {
            let _ = writeln!(text, "{} ansible_host={}", host.name, host.address);
        }
        text.push('\n');
    };
    group("etcd", &mut hosts.iter().take(etcd));
    group("kube_master", &mut hosts.iter().take(1));
    group("kube_node", &mut hosts.iter().skip(masters));
    group("ex_lb", &mut std::iter::empty());
    group("chrony", &mut hosts.iter().take(1));
    let _ = writeln!(
        text,
        "[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}",
        key.display()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: usize) -> Vec<TestHost> {
        let names: Vec<String> = (1..=count).map(|n| format!("node{n}")).collect();
        crate::lab::hosts(&names).unwrap()
    }

    #[test]
    fn four_hosts_make_a_cluster() {
        let expected = "\
[etcd]
node1 ansible_host=10.99.0.11
node2 ansible_host=10.99.0.12
node3 ansible_host=10.99.0.13

[kube_master]
node1 ansible_host=10.99.0.11

[kube_node]
node2 ansible_host=10.99.0.12
node3 ansible_host=10.99.0.13
node4 ansible_host=10.99.0.14

[ex_lb]

[chrony]
node1 ansible_host=10.99.0.11

[all:vars]
ansible_user=root
ansible_ssh_private_key_file=/lab/key
";
        assert_eq!(inventory(&hosts(4), Path::new("/lab/key")), expected);
    }

    #[test]
    fn one_host_is_all_of_it() {
        let text = inventory(&hosts(1), Path::new("/lab/key"));
        assert_eq!(text.matches("node1 ansible_host=10.99.0.11").count(), 4, "{text}");
    }
}
