//! The first run of somebody who comes with an inventory, an ssh_config, a jump host and a password
//! for sudo.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, Ran, host, skipped};

const PASSWORD: &str = "correct horse battery staple";

/// Three nodes that only a fourth host, the bastion, reaches; sudo there asks for a password.
fn behind_a_bastion() -> Bench {
    let names = ["bastion", "node1", "node2", "node3"].map(str::to_owned).to_vec();
    let bench = Bench::of(&LabSpec { names, ..LabSpec::new(Image::Chrony, 4) });
    for node in 1..4 {
        bench.on(node, "ip route add unreachable 10.99.0.1/32");
        bench.on(node, "echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops");
        bench.on(node, &format!("echo 'ops:{PASSWORD}' | chpasswd"));
    }
    let lines: Vec<String> = bench.hosts()[1..]
        .iter()
        .map(|node| format!("{} ansible_host={}", node.name, node.address))
        .collect();
    let hosts = format!(
        "[kube_node]\n{}\n[chrony]\nnode1\n[all:vars]\nansible_ssh_common_args='-F {}'\n",
        lines.join("\n"),
        bench.folder.path().join("ssh_config").display()
    );
    bench.write("inventories/c1/hosts", &hosts);
    let config = format!(
        "Host bastion\n  HostName {}\n  User root\nHost 10.99.0.*\n  ProxyJump bastion\n  User ops\nHost *\n  \
         IdentityFile {}\n  UserKnownHostsFile {}\n",
        bench.hosts()[0].address,
        bench.lab.key().display(),
        bench.lab.known_hosts().display()
    );
    bench.write("ssh_config", &config);
    bench.write("password", &format!("{PASSWORD}\n"));
    let mode = |path: &str, mode| {
        fs::set_permissions(bench.folder.path().join(path), fs::Permissions::from_mode(mode))
            .unwrap();
    };
    mode("ssh_config", 0o600);
    mode("password", 0o600);
    bench
}

/// ezsync as that person runs it: nothing on the command line but the task.
fn run(bench: &Bench, args: &[&str]) -> Ran {
    let mut command = bench.lab.command(env!("CARGO_BIN_EXE_ezsync"));
    command
        .current_dir(bench.folder.path())
        .env("XDG_STATE_HOME", bench.folder.path().join("state"))
        .env_remove("SSH_AUTH_SOCK")
        .args(args);
    Ran::from(command.output().unwrap())
}

#[test]
fn a_jump_host_and_a_password_for_sudo_are_no_obstacle() {
    if skipped() {
        return;
    }
    let bench = behind_a_bastion();
    let without = run(&bench, &["setup", "c1"]);
    assert_eq!(without.code, 2, "{}{}", without.stdout, without.stderr);
    assert!(without.stdout.contains("-K"), "{}", without.stdout);

    let key = ["--become-password-file", "password"];
    let ping = run(&bench, &[&["ping", "c1", "-v"], &key[..]].concat());
    assert_eq!(ping.code, 0, "{}{}", ping.stdout, ping.stderr);
    let way = "node1: connecting to ops@10.99.0.12:22 through bastion (root@10.99.0.11:22, keys: /";
    assert!(ping.stderr.contains(way), "{}", ping.stderr);
    for node in ["node1", "node2", "node3"] {
        assert!(ping.stdout.contains(node), "{}", ping.stdout);
    }

    let setup = run(&bench, &[&["setup", "c1", "--json"], &key[..]].concat());
    assert_eq!(setup.code, 0, "{}{}", setup.stdout, setup.stderr);
    let result: Value = serde_json::from_str(&setup.stdout).unwrap();
    for node in ["node2", "node3"] {
        assert_eq!(host(&result, node)["verdict"]["state"], "unsteered", "{result:#}");
    }

    let who = run(&bench, &[&["exec", "c1", "all", "-b"], &key[..], &["--", "id -un"]].concat());
    assert_eq!(who.code, 0, "{}{}", who.stdout, who.stderr);
    assert!(who.stdout.contains("root"), "{}", who.stdout);
    let all = [without, ping, setup, who];
    assert!(all.iter().all(|ran| !ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD)));
}
