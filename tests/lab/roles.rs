//! A user's own role runs with the same engine as chrony's.

use ezsync_hosts::Image;

use crate::support::{Bench, host, skipped};

#[test]
fn a_role_of_ones_own_runs_beside_chrony() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Bare, 2);
    bench.write("inventories/c1/config.yml", "ntp_servers: []\nroles: [chrony, motd]\n");
    bench.write("inventories/c1/host_vars/node2.yml", "greeting: Moin\n");
    bench.write("roles/motd/defaults/main.yml", "greeting: Welcome\n");
    bench.write(
        "roles/motd/tasks/main.yml",
        r#"
- name: a package
  package: {name: tree}
- name: a folder
  file: {path: /etc/motd.d, state: directory, mode: "0755"}
- name: the text
  template: {src: motd.tera, dest: /etc/motd.d/ezsync, mode: "0644"}
  notify: tell the world
- name: a service
  copy:
    dest: /etc/systemd/system/greeter.service
    content: |
      [Service]
      ExecStart=/bin/sleep infinity
      [Install]
      WantedBy=multi-user.target
  notify: tell the world
- name: it runs
  service: {name: greeter, state: started, enabled: true, daemon_reload: true}
- name: once only
  command: {cmd: touch /etc/motd.d/made, creates: /etc/motd.d/made}
"#,
    );
    bench.write(
        "roles/motd/handlers/main.yml",
        "- name: tell the world\n  service: {name: greeter, state: restarted}\n",
    );
    bench.write("templates/motd/motd.tera", "{{ greeting }} to {{ inventory_hostname }}\n");

    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.on(0, "cat /etc/motd.d/ezsync"), "Welcome to node1");
    assert_eq!(bench.on(1, "cat /etc/motd.d/ezsync"), "Moin to node2");
    for said in bench
        .everywhere("systemctl is-active greeter; systemctl is-enabled greeter; command -v tree")
    {
        assert_eq!(said, "active\nenabled\n/usr/bin/tree");
    }
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node1")["plan"]["changes"].as_array().unwrap().len(), 0, "{run:#}");
    assert_eq!(host(&run, "node1")["execs"], 1);

    // One host's variable: that host's file and service, and nothing else.
    let greeter = "systemctl show -p MainPID greeter";
    let (pids, chrony) = (bench.everywhere(greeter), bench.starts());
    bench.write("inventories/c1/host_vars/node2.yml", "greeting: Tach\n");
    let (code, run) = bench.json(&["setup", "c1", "motd"]);
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(host(&run, "node1")["plan"]["changes"].as_array().unwrap().len(), 0);
    assert_eq!(host(&run, "node2")["plan"]["changes"].as_array().unwrap().len(), 2, "{run:#}");
    let after = bench.everywhere(greeter);
    assert_eq!(after[0], pids[0]);
    assert_ne!(after[1], pids[1]);
    assert_eq!(bench.starts(), chrony);
}
