//! ezsync on a node of its own cluster, which it reaches without SSH, and the others as ever.

use std::path::Path;

use crate::support::{Bench, Ran, line};

pub struct OnNode<'a> {
    bench: &'a Bench,
    /// The number of the node, from 0.
    node: usize,
}

impl<'a> OnNode<'a> {
    /// Takes `program` to the node, as /usr/local/bin/ezsync, with a project in /root/p of all hosts.
    pub fn new(bench: &'a Bench, node: usize, program: &Path) -> Self {
        let on = Self { bench, node };
        on.send(program, "/usr/local/bin/ezsync");
        on.send(&bench.lab.key(), "/root/key");
        on.send(&bench.lab.known_hosts(), "/root/known_hosts");
        let mut lines: Vec<String> = bench.hosts().iter().map(line).collect();
        lines[node] += " ansible_connection=local";
        let name = &bench.hosts()[node].name;
        let text = format!(
            "[kube_node]\n{}\n[chrony]\n{name}\n[all:vars]\nansible_user=root\n\
             ansible_ssh_private_key_file=/root/key\n",
            lines.join("\n")
        );
        bench.on(
            node,
            &format!(
                "chmod 755 /usr/local/bin/ezsync; chmod 600 /root/key
                 mkdir -p /root/p/inventories/c1; cd /root/p/inventories/c1
                 cat >hosts <<'EOF'\n{text}EOF\necho 'ntp_servers: []' >config.yml"
            ),
        );
        on
    }

    /// Copies a file of this machine to the node.
    pub fn send(&self, from: &Path, to: &str) {
        let lab = &self.bench.lab;
        let sent = lab
            .command("sh")
            .args([
                "-c",
                "exec ssh -i \"$1\" -o UserKnownHostsFile=\"$2\" root@\"$3\" \"cat >$4\" <\"$5\"",
                "sh",
            ])
            .args([lab.key(), lab.known_hosts()])
            .args([&self.bench.hosts()[self.node].address.to_string(), to])
            .arg(from)
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Runs ezsync there, with `args` as a shell reads them.
    pub fn run(&self, args: &str) -> Ran {
        let script = format!("cd /root/p && exec ezsync {args}");
        Ran::from(self.bench.lab.shell(&self.bench.hosts()[self.node], &script).unwrap())
    }
}
