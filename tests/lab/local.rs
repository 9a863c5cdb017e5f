//! A node of the cluster that is the controller itself: `ansible_connection=local`.

use std::fs;
use std::path::Path;

use ezsync_hosts::Image;

use crate::on_node::OnNode;
use crate::support::{Bench, Ran, skipped};

fn on_node1(bench: &Bench) -> OnNode<'_> {
    OnNode::new(bench, 0, Path::new(env!("CARGO_BIN_EXE_ezsync")))
}

#[test]
fn the_controller_is_one_of_the_nodes() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let on = on_node1(&bench);
    // Nothing listens there: it is not needed.
    bench.on(0, "systemctl stop ssh.socket ssh 2>/dev/null; ! ss -ltn | grep -q ':22 '");
    let ran = on.run("setup c1 --known-hosts /root/known_hosts");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("node1  source"), "{}", ran.stdout);
    assert!(ran.stdout.contains("3 hosts agree"), "{}", ran.stdout);
    assert!(bench.on(0, "cat /etc/chrony/chrony.conf").contains("local stratum"));
    let again = on.run("setup c1 --known-hosts /root/known_hosts --json");
    let run: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(run["hosts"][0]["execs"], 1, "{run:#}");
    assert_eq!(run["hosts"][0]["plan"]["changes"].as_array().unwrap().len(), 0, "{run:#}");

    let ran = on.run("ping c1 node1");
    assert!(ran.stdout.contains("node1  local    ok     root  Debian"), "{}", ran.stdout);
    let ran = on.run("exec c1 node1 -- 'hostname; exit 4'");
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("node1 | rc 4:\nnode1\n"), "{}", ran.stdout);
}

#[test]
fn becoming_root_here_works_with_a_password() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 1);
    on_node1(&bench);
    bench.on(
        0,
        "useradd -m -s /bin/bash pw; printf 'pw:geheim\\nroot:geheim-root\\n' | chpasswd
        echo 'pw ALL=(ALL:ALL) ALL' >/etc/sudoers.d/pw; cp -r /root/p /home/pw/p
        echo geheim >/home/pw/pass; echo geheim-root >/home/pw/root; chown -R pw /home/pw",
    );
    let exec = |options: &str| {
        let script = format!("cd ~/p && ezsync exec c1 node1 -b {options} -- 'id -un'");
        fs::write(bench.folder.path().join("script"), &script).unwrap();
        let output = bench.lab.shell(&bench.hosts()[0], &format!("su pw -c \"{script}\"")).unwrap();
        Ran::from(output)
    };
    let ran = exec("--become-password-file ~/pass");
    assert!(ran.stdout.starts_with("node1 | rc 0:\nroot\n"), "{}{}", ran.stdout, ran.stderr);
    let ran = exec("--become-method su --become-password-file ~/root");
    assert!(ran.stdout.starts_with("node1 | rc 0:\nroot\n"), "{}{}", ran.stdout, ran.stderr);
    let ran = exec("");
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("sudo did not make pw root without a password"), "{}", ran.stdout);
}

/// The controller dies while it changes itself: the change goes to its end.
#[test]
fn a_killed_controller_stops_nothing_halfway() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 1);
    on_node1(&bench);
    bench.on(0, "mkdir -p /root/p/roles/slow/tasks; echo 'roles: [slow]' >>/root/p/inventories/c1/config.yml
        cat >/root/p/roles/slow/tasks/main.yml <<'EOF'
- name: slow
  shell: {cmd: 'touch /tmp/begun; while [ ! -e /tmp/go-on ]; do sleep 0.1; done; touch /tmp/over'}
EOF");
    for signal in ["KILL", "HUP", "INT -$pid"] {
        let group = signal.replace(" -$pid", "");
        bench.on(0, &format!(
            "cd /root/p; rm -f /tmp/begun /tmp/go-on /tmp/over
             setsid ezsync setup c1 >/tmp/said 2>&1 & pid=$!
             n=0; while [ ! -e /tmp/begun ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || {{ cat /tmp/said; exit 1; }}; done
             kill -{group} -- -$pid
             touch /tmp/go-on
             n=0; while [ ! -e /tmp/over ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done
             n=0; while ls /var/lib/ezsync/run.* >/dev/null 2>&1; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done
             # Until then the cluster is its.
             wait $pid || :"
        ));
    }
}
