//! A node of the cluster that is the controller itself: `ansible_connection=local`.

use std::fs;

use ezsync_hosts::{Image, TestHost};

use crate::support::{Bench, Ran, line, skipped};

/// ezsync on node1, which reaches itself without SSH and the others as it was told.
struct OnNode1(Bench);

impl OnNode1 {
    fn new(count: usize) -> Self {
        let bench = Bench::new(Image::Chrony, count);
        let on = Self(bench);
        on.send(env!("CARGO_BIN_EXE_ezsync"), "/usr/local/bin/ezsync");
        on.send(&on.0.lab.key().display().to_string(), "/root/key");
        on.send(&on.0.lab.known_hosts().display().to_string(), "/root/known_hosts");
        on.0.on(
            0,
            "chmod 755 /usr/local/bin/ezsync; chmod 600 /root/key; mkdir -p /root/p/inventories/c1",
        );
        let hosts = on.0.hosts();
        let mut lines: Vec<String> = hosts.iter().map(line).collect();
        lines[0] += " ansible_connection=local";
        let text = format!(
            "[kube_node]\n{}\n[chrony]\nnode1\n[all:vars]\nansible_user=root\n\
             ansible_ssh_private_key_file=/root/key\n",
            lines.join("\n")
        );
        on.0.on(0, &format!("cat >/root/p/inventories/c1/hosts <<'EOF'\n{text}EOF\necho 'ntp_servers: []' >/root/p/inventories/c1/config.yml"));
        on
    }

    fn node1(&self) -> &TestHost {
        &self.0.hosts()[0]
    }

    /// Copies a file of this machine to node1.
    fn send(&self, from: &str, to: &str) {
        let sent = self
            .0
            .lab
            .command("sh")
            .args([
                "-c",
                "exec ssh -i \"$1\" -o UserKnownHostsFile=\"$2\" root@\"$3\" \"cat >$4\" <\"$5\"",
                "sh",
            ])
            .arg(self.0.lab.key())
            .arg(self.0.lab.known_hosts())
            .args([self.node1().address.to_string().as_str(), to, from])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn run(&self, args: &str) -> Ran {
        let script = format!("cd /root/p && exec ezsync {args}");
        Ran::from(self.0.lab.shell(self.node1(), &script).unwrap())
    }
}

#[test]
fn the_controller_is_one_of_the_nodes() {
    if skipped() {
        return;
    }
    let on = OnNode1::new(3);
    // Nothing listens there: it is not needed.
    on.0.on(0, "systemctl stop ssh.socket ssh 2>/dev/null; ! ss -ltn | grep -q ':22 '");
    let ran = on.run("setup c1 --known-hosts /root/known_hosts");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("node1  source"), "{}", ran.stdout);
    assert!(ran.stdout.contains("3 hosts agree"), "{}", ran.stdout);
    assert!(on.0.on(0, "cat /etc/chrony/chrony.conf").contains("local stratum"));
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
    let on = OnNode1::new(1);
    on.0.on(
        0,
        "useradd -m -s /bin/bash pw; printf 'pw:geheim\\nroot:geheim-root\\n' | chpasswd
        echo 'pw ALL=(ALL:ALL) ALL' >/etc/sudoers.d/pw; cp -r /root/p /home/pw/p
        echo geheim >/home/pw/pass; echo geheim-root >/home/pw/root; chown -R pw /home/pw",
    );
    let exec = |options: &str| {
        let script = format!("cd ~/p && ezsync exec c1 node1 -b {options} -- 'id -un'");
        fs::write(on.0.folder.path().join("script"), &script).unwrap();
        let output = on.0.lab.shell(on.node1(), &format!("su pw -c \"{script}\"")).unwrap();
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
    let on = OnNode1::new(1);
    on.0.on(0, "mkdir -p /root/p/roles/slow/tasks; echo 'roles: [slow]' >>/root/p/inventories/c1/config.yml
        cat >/root/p/roles/slow/tasks/main.yml <<'EOF'
- name: slow
  shell: {cmd: 'touch /tmp/begun; while [ ! -e /tmp/go-on ]; do sleep 0.1; done; touch /tmp/over'}
EOF");
    for signal in ["KILL", "HUP", "INT -$pid"] {
        let group = signal.replace(" -$pid", "");
        on.0.on(0, &format!(
            "cd /root/p; rm -f /tmp/begun /tmp/go-on /tmp/over
             setsid ezsync setup c1 >/tmp/said 2>&1 & pid=$!
             n=0; while [ ! -e /tmp/begun ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || {{ cat /tmp/said; exit 1; }}; done
             kill -{group} -- -$pid
             touch /tmp/go-on
             n=0; while [ ! -e /tmp/over ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done
             n=0; while ls /var/lib/ezsync/run.* >/dev/null 2>&1; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done"
        ));
    }
}
