//! Becoming root with and without a password, by sudo, su and doas, as hosts have them.

use std::process::{Command, Stdio};

use ezsync_hosts::{Image, LabSpec, Suite};
use serde_json::Value;

use crate::support::{Bench, host, line, skipped, trouble};
use crate::terminal::{at_terminal, end};

/// The passwords of the users on the hosts.
const OF_USER: &str = "geheim-1%s \\\"'x";
const OF_ROOT: &str = "geheim-root";

/// Users with a password of their own: `pw` may use sudo, which lectures each time; `none` may not.
const USERS: &str = r#"
    useradd -m -s /bin/bash pw; useradd -m -s /bin/bash none
    printf '%s\n' 'pw:geheim-1%s \"'"'"'x' 'none:geheim-1%s \"'"'"'x' root:geheim-root | chpasswd
    printf '%s\n' 'pw ALL=(ALL:ALL) ALL' 'Defaults lecture=always' >/etc/sudoers.d/pw"#;

fn bench(count: usize) -> Bench {
    bench_of(&LabSpec::new(Image::Chrony, count))
}

fn bench_of(spec: &LabSpec) -> Bench {
    let bench = Bench::of(spec);
    bench.everywhere(USERS);
    let lines: Vec<String> =
        bench.hosts().iter().map(|host| line(host) + " ansible_user=pw").collect();
    bench.inventory(&lines);
    bench.write("user-password", OF_USER);
    bench.write("root-password", &format!("{OF_ROOT}\n"));
    bench
}

/// What every host says to `id -un` after -b and `options`.
fn users(bench: &Bench, options: &[&str]) -> (i32, Value) {
    let args = ["exec", "c1", "all", "-b"].iter().chain(options).copied();
    let args: Vec<&str> = args.chain(["--json", "--", "id -un"]).collect();
    let ran = bench.run(&args);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr)))
}

fn assert_root(bench: &Bench, options: &[&str]) {
    let (code, run) = users(bench, options);
    assert_eq!(code, 0, "{options:?}: {run:#}");
    for host in run["hosts"].as_array().unwrap() {
        assert_eq!(host["stdout"], "root\n", "{options:?}: {host:#}");
    }
}

fn seconds(run: &Value, name: &str) -> f64 {
    host(run, name)["seconds"].as_f64().unwrap()
}

#[test]
fn sudo_with_a_password_does_all_that_root_does() {
    if skipped() {
        return;
    }
    let bench = bench(3);
    // node2 has no lecture and asks in another way; node3 wants a terminal.
    bench.on(1, "rm /etc/sudoers.d/pw; echo 'pw ALL=(ALL) ALL' >/etc/sudoers.d/pw");
    bench.on(2, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
    let with = ["--become-password-file", "user-password"];

    let (code, run) = bench.json(&[&["setup", "c1"], &with[..]].concat());
    assert_eq!(code, 0, "{run:#}");
    assert_eq!(bench.on(2, "stat -c '%U %a' /etc/chrony/chrony.conf"), "root 644");
    // Its clock is read through the terminal, too.
    assert!(host(&run, "node3")["clock"]["after"]["seconds"].is_number(), "{run:#}");
    assert!(bench.on(2, "cat /etc/chrony/chrony.conf").contains("10.99.0.11"));
    let (code, run) = bench.json(&[&["setup", "c1"], &with[..]].concat());
    assert_eq!((code, &host(&run, "node1")["execs"]), (0, &1.into()), "{run:#}");
    // The host that wants a terminal says so once.
    assert_eq!(host(&run, "node3")["execs"], 2, "{run:#}");
    let (code, run) = users(&bench, &with);
    assert_eq!(code, 0, "{run:#}");
    for (name, mixed) in [("node1", false), ("node3", true)] {
        assert_eq!(host(&run, name)["stdout"], "root\n", "{run:#}");
        let notes = host(&run, name)["notes"].to_string();
        assert_eq!(
            notes.contains("its standard error is in its standard output"),
            mixed,
            "{notes}"
        );
    }

    // A host where sudo asks for nothing gets no password.
    bench.on(0, "echo 'pw ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pw");
    assert_root(&bench, &with);
}

#[test]
fn sudo_that_does_not_let_us_says_why_within_seconds() {
    if skipped() {
        return;
    }
    let bench = bench(4);
    let hosts = bench.hosts();
    let mut lines: Vec<String> = hosts.iter().map(|host| line(host) + " ansible_user=pw").collect();
    lines[1] = line(&hosts[1]) + " ansible_user=none";
    lines[3] += " ansible_become_password=wrong";
    bench.inventory(&lines);
    bench.on(2, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");

    // Nobody gave a password.
    let (code, run) = users(&bench, &[]);
    assert_eq!(code, 2);
    for name in ["node1", "node2", "node3"] {
        let what = trouble(&run, name, "failed");
        assert!(what.contains("root without a password"), "{what}");
        assert_eq!(host(&run, name)["step"], "become");
        assert!(host(&run, name)["outcome"]["trouble"]["next"].as_str().unwrap().contains("-K"));
        assert!(seconds(&run, name) < 5.0, "{run:#}");
    }

    let (code, run) = users(&bench, &["--become-password-file", "user-password"]);
    assert_eq!(code, 2);
    assert_eq!(host(&run, "node1")["stdout"], "root\n", "{run:#}");
    assert_eq!(host(&run, "node3")["stdout"], "root\n", "{run:#}");
    let denied = trouble(&run, "node2", "failed");
    assert!(denied.contains("sudo did not make none root"), "{denied}");
    let log = host(&run, "node2")["outcome"]["trouble"]["log"].to_string();
    assert!(log.contains("sudoers"), "{log}");
    // A host's own variable wins over the option.
    let wrong = trouble(&run, "node4", "failed");
    assert_eq!(wrong, "the password for sudo is wrong for pw");
    for name in ["node2", "node4"] {
        assert!(seconds(&run, name) < 8.0, "{run:#}");
    }
    // In each of the two runs a wrong password was tried once: more tries may lock an account.
    let tries = "journalctl -o cat | grep -c 'pam_unix(sudo:auth): authentication failure'";
    assert_eq!(bench.on(3, &format!("{tries} || :")), "2");
}

#[test]
fn su_and_doas_with_a_password() {
    if skipped() {
        return;
    }
    let bench = bench(2);
    // A password must not go to the error of a shell that does not find the program.
    for (method, exe) in [("doas", "doas"), ("su", "su:"), ("su", "/opt/su")] {
        let exe = format!("ansible_become_exe={exe}");
        let with = ["--become-method", method, "-e", &exe];
        let (code, run) =
            users(&bench, &[&with[..], &["--become-password-file", "user-password"]].concat());
        assert_eq!(code, 2, "{run:#}");
        let what = trouble(&run, "node1", "failed");
        assert!(what.starts_with("there is no program `"), "{what}");
        assert!(!run.to_string().contains("geheim"), "{run:#}");
    }
    bench.everywhere(
        "apt-get update && apt-get install -y opendoas && echo 'permit pw' >/etc/doas.conf",
    );
    let su = ["--become-method", "su", "--become-password-file", "root-password"];
    let doas = ["--become-method", "doas", "--become-password-file", "user-password"];
    assert_root(&bench, &su);
    assert_root(&bench, &doas);
    for (method, with) in [("su", su), ("doas", doas)] {
        let (code, run) = bench.json(&[&["setup", "c1"], &with[..]].concat());
        assert_eq!(code, 0, "{method}: {run:#}");
        bench.everywhere("rm /etc/chrony/chrony.conf; systemctl stop chrony");
    }
    for (method, file) in [("su", "user-password"), ("doas", "root-password")] {
        let (code, run) =
            users(&bench, &["--become-method", method, "--become-password-file", file]);
        assert_eq!(code, 2);
        let what = trouble(&run, "node1", "failed");
        assert!(what.contains(method) && what.contains("password"), "{what}");
        assert!(seconds(&run, "node1") < 8.0);
        let (_, run) = users(&bench, &["--become-method", method]);
        let what = trouble(&run, "node1", "failed");
        assert!(what.contains("password"), "{what}");
        assert!(seconds(&run, "node1") < 5.0);
    }
    bench.everywhere("echo 'permit nopass pw' >/etc/doas.conf");
    assert_root(&bench, &["--become-method", "doas"]);
}

#[test]
fn other_releases_ask_in_their_own_ways() {
    if skipped() {
        return;
    }
    for suite in ["bullseye", "trixie"] {
        let suite: Suite = suite.parse().unwrap();
        let bench = bench_of(&LabSpec { suite, ..LabSpec::new(Image::Bare, 1) });
        assert_root(&bench, &["--become-password-file", "user-password"]);
        assert_root(&bench, &["--become-method", "su", "--become-password-file", "root-password"]);
        bench.on(0, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
        assert_root(&bench, &["--become-password-file", "user-password"]);
    }
}

/// A host where sudo waits for something that never comes costs its deadline and nothing more.
#[test]
fn a_sudo_that_says_nothing_is_given_up() {
    if skipped() {
        return;
    }
    let bench = bench(2);
    bench.on(0, "sed -i '1i auth required pam_exec.so /bin/sleep 300' /etc/pam.d/sudo");
    let (code, run) = users(&bench, &["--become-password-file", "user-password"]);
    assert_eq!(code, 2);
    let what = trouble(&run, "node1", "failed");
    assert!(what.contains("said nothing more for 20 s"), "{what}");
    assert!(seconds(&run, "node1") < 25.0, "{run:#}");
    assert_eq!(host(&run, "node2")["stdout"], "root\n");
    assert!(seconds(&run, "node2") < 5.0);
}

/// Passwords are nowhere: not in what runs on the host, nor in what is said or kept here.
#[test]
fn passwords_leave_no_trace() {
    if skipped() {
        return;
    }
    let bench = bench(2);
    bench.on(1, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
    let mut lines: Vec<String> =
        bench.hosts().iter().map(|host| line(host) + " ansible_user=pw").collect();
    lines[1] += " ansible_become_password='{{ lookup_me }}'";
    bench.inventory(&lines);
    bench.write(
        "inventories/c1/group_vars/all.yml",
        &format!("lookup_me: '{}'\n", OF_USER.replace('\'', "''")),
    );
    // The last letters of the password alone: they stand in no script.
    let traces = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c 'geheim-[1]'; \
                  grep -rls 'geheim-[1]' /tmp /var/tmp /var/log /var/lib/ezsync /root /home | wc -l";
    let said = |args: &[&str]| {
        let ran = bench.run(args);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains("geheim"), "{all}");
        ran
    };
    let with = ["-vv", "--become-password-file", "user-password"];
    let ran = said(&[&["exec", "c1", "all", "-b"], &with[..], &["--", traces]].concat());
    assert!(ran.stdout.contains("(2 hosts) | rc 0:\n0\n0\n"), "{}", ran.stdout);
    said(&[&["setup", "c1", "--diff"], &with[..]].concat());
    said(&[&["setup", "c1", "--json"], &with[..]].concat());
    let kept = Command::new("grep")
        .args(["-rl", "geheim"])
        .arg(bench.folder.path().join("state"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
}

/// -K asks once, on the terminal, for all hosts.
#[test]
fn the_password_is_asked_for_once() {
    if skipped() {
        return;
    }
    let bench = bench(3);
    let mut session = at_terminal(&bench, &["exec", "c1", "all", "-b", "-K", "--", "id -un"]);
    session.exp_string("BECOME password: ").unwrap();
    session.send_line(OF_USER).unwrap();
    let (said, code) = end(session);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("(3 hosts) | rc 0:"), "{said}");
    assert!(!said.contains("password:") && !said.contains("geheim"), "{said}");
}

/// The connection is lost while the host changes, and its terminal with it: the change goes to its
/// end all the same.
#[test]
fn a_lost_terminal_stops_nothing_halfway() {
    if skipped() {
        return;
    }
    let bench = bench(3);
    bench.on(1, "echo 'Defaults requiretty' >>/etc/sudoers.d/pw");
    bench
        .on(2, "apt-get update && apt-get install -y opendoas && echo 'permit pw' >/etc/doas.conf");
    let mut lines: Vec<String> =
        bench.hosts().iter().map(|host| line(host) + " ansible_user=pw").collect();
    lines[2] += " ansible_become_method=doas";
    bench.inventory(&lines);
    bench.write("inventories/c1/config.yml", "roles: [slow]\n");
    bench.write(
        "roles/slow/tasks/main.yml",
        "- shell: {cmd: 'touch /tmp/begun; while [ ! -e /tmp/go-on ]; do sleep 0.1; done; touch /tmp/over'}\n",
    );
    let wait = |what: &str| {
        bench.everywhere(&format!(
            "n=0; while ! ( {what} ); do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done"
        ))
    };
    let mut child = bench
        .command(&["setup", "c1", "--become-password-file", "user-password"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait("[ -e /tmp/begun ]");
    child.kill().unwrap();
    child.wait().unwrap();
    // Nobody of pw's is logged in any more.
    wait("! pgrep -u pw sshd");
    bench.everywhere("touch /tmp/go-on");
    wait("[ -e /tmp/over ] && ! ls /var/lib/ezsync/run.*");
}
