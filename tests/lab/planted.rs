//! Secrets that are planted everywhere, and looked for in all that a run leaves and shows, on every path
//! through it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ezsync_hosts::Image;

use crate::support::{Bench, skipped};

/// What must be seen nowhere: a name, and the secret.
const PLANTED: [(&str, &str); 9] = [
    ("the password to log in with", "zx-login-7f3a"),
    ("the password to become root with", "zx-become-91bc"),
    ("a wrong password to log in with", "zx-wrong-login-2e"),
    ("a wrong password to become root with", "zx-wrong-become-4d"),
    ("the passphrase of a key", "zx-phrase-c0de"),
    ("a key of chrony's", "5EC2E75EC2E75EC2E75EC2E75EC2E75EC2E75EC2E75EC2E75EC2E75EC2E7AA01"),
    ("the password of a proxy", "zx-proxy-55aa"),
    ("a variable of the inventory", "zx-variable-6b6b"),
    ("a variable of an inventory script", "zx-script-d1d1"),
];

const LOGIN: usize = 0;
const BECOME: usize = 1;
const WRONG_LOGIN: usize = 2;
const WRONG_BECOME: usize = 3;
const PHRASE: usize = 4;
const KEY: usize = 5;
const PROXY: usize = 6;
const VARIABLE: usize = 7;
const SCRIPT: usize = 8;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

fn secret(number: usize) -> &'static str {
    PLANTED[number].1
}

/// The names of the secrets in `bytes`, as they are or as digits.
fn found(bytes: &[u8]) -> Vec<&'static str> {
    let said = String::from_utf8_lossy(bytes);
    let is_in = |text: &str| {
        let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        said.contains(text) || said.contains(&digits) || said.contains(&digits.to_uppercase())
    };
    PLANTED.iter().filter(|(_, text)| is_in(text)).map(|(name, _)| *name).collect()
}

/// node1 is root's, by a key with a passphrase; node2 is reached by a password, and root there by another.
fn plant(bench: &Bench) {
    let key = bench.folder.path().join("planted/locked");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-a", "4", "-N", secret(PHRASE), "-f"]).arg(&key);
    assert!(make.status().unwrap().success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    bench.on(
        0,
        &format!(
            "mkdir -p -m 700 /root/.ssh; echo '{}' >>/root/.ssh/authorized_keys",
            public.trim()
        ),
    );
    bench.on(1, &format!("printf 'ops:{}\\nroot:{}\\n' | chpasswd", secret(LOGIN), secret(BECOME)));
    inventory(bench, secret(LOGIN), secret(BECOME));
    config(bench, 7, "");
    bench.write(
        "roles/token/tasks/main.yml",
        "- copy: {dest: /etc/token, content: \"{{ token }} {{ token_of_script }}\\n\", mode: '0600'}\n",
    );
}

/// An inventory in two parts, one of them a program, with these passwords for node2.
fn inventory(bench: &Bench, login: &str, become_: &str) {
    let [one, two] = [0, 1].map(|host| &bench.hosts()[host]);
    let key = bench.folder.path().join("planted/locked");
    let text = format!(
        "[kube_node]\n{} ansible_host={} ansible_user=root ansible_ssh_private_key_file={} ansible_ssh_private_key_passphrase={}\n\
         {} ansible_host={} ansible_user=ops ansible_ssh_private_key_file=/nonexistent ansible_password={login} ansible_become_method=su ansible_become_password={become_}\n\
         [chrony]\n{}\n",
        one.name,
        one.address,
        key.display(),
        secret(PHRASE),
        two.name,
        two.address,
        one.name
    );
    bench.write("planted/hosts", &text);
    bench.write(
        "planted/more",
        &format!(
            "#!/bin/sh\necho '{{\"kube_node\": {{\"vars\": {{\"token_of_script\": \"{}\"}}}}, \"_meta\": {{\"hostvars\": {{}}}}}}'\n",
            secret(SCRIPT)
        ),
    );
    let program = bench.folder.path().join("planted/more");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

fn config(bench: &Bench, stratum: u8, more: &str) {
    let text = format!(
        "roles: [chrony, token]\nntp_servers: []\nlocal_stratum: {stratum}\ntoken: {}\n\
         package_proxy: http://ops:{}@10.99.0.250:3128\ntime_key: 3\n\
         chrony_keys: [{{id: 3, type: SHA256, key: \"HEX:{}\"}}]\n{more}",
        secret(VARIABLE),
        secret(PROXY),
        secret(KEY)
    );
    bench.write("planted/config.yml", &text);
}

/// Runs ezsync with all that it can say, and looks through what it says.
fn run(bench: &Bench, args: &[&str]) -> i32 {
    let all = [args, &["c1", "-i", "planted/hosts", "-i", "planted/more", "-vvv"]].concat();
    let mut command = bench.command(&all);
    command.env("RUST_LOG", "trace").env("XDG_CACHE_HOME", bench.folder.path().join("cache"));
    let output = command.output().unwrap();
    for said in [&output.stdout, &output.stderr] {
        assert_eq!(found(said), [""; 0], "{args:?}\n{}", String::from_utf8_lossy(said));
    }
    output.status.code().unwrap_or(-1)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let below = |path: PathBuf| match path.symlink_metadata() {
        Ok(found) if found.is_dir() => files(&path),
        Ok(found) if found.is_file() => vec![path],
        _ => Vec::new(),
    };
    paths.flat_map(below).collect()
}

/// The controller keeps none of it, and lets nobody else read what it keeps.
fn look_through_controller(bench: &Bench) {
    let state = bench.folder.path().join("state/ezsync/c1");
    let kept = files(&state);
    assert!(kept.len() > 3, "{kept:?}");
    for path in kept.iter().chain(&files(&bench.folder.path().join("cache"))) {
        assert_eq!(found(&fs::read(path).unwrap()), [""; 0], "{}", path.display());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
    for folder in [state.as_path(), state.parent().unwrap()] {
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700, "{}", folder.display());
    }
}

/// The hosts neither, but for what they are to have, and what is kept to go back to it.
fn look_through_hosts(bench: &Bench) {
    let look = "journalctl -a -o export --no-pager; find /var/log /var/lib/ezsync /tmp /run /var/tmp -xdev \
        -type f -not -path '/run/log/*' -not -path '/var/lib/ezsync/changes/*/saved/*' \
        -not -path '/var/lib/ezsync/originals/*' -exec cat {} + 2>/dev/null || :";
    for said in bench.everywhere(look) {
        assert!(said.len() > 1000, "{said}");
        assert_eq!(found(said.as_bytes()), [""; 0]);
    }
    for modes in bench.everywhere("stat -c '%a %U' /var/lib/ezsync; stat -c '%a %U' /etc/token") {
        assert_eq!(modes, "700 root\n600 root");
    }
    for mode in bench.everywhere("stat -c '%a %U %G' /etc/chrony/chrony.keys") {
        assert_eq!(mode, "640 root _chrony");
    }
}

/// Hosts that are watched from outside: each program that is started there with its arguments and its
/// environment, and each file with a secret in it while it is written.
struct Watch {
    traces: Vec<(Child, PathBuf)>,
    ended: Arc<AtomicBool>,
    eye: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    fn begin(bench: &Bench) -> Self {
        let mut traces = Vec::new();
        let mut roots = Vec::new();
        for number in 0..bench.hosts().len() {
            let sign = format!("{}-{number}", bench.folder.path().display());
            bench.on(number, &format!("echo '{sign}' >/etc/ezsync-test-sign"));
            let pid = server(&sign);
            roots.push(PathBuf::from(format!("/proc/{pid}/root")));
            let path = bench.folder.path().join(format!("trace-{number}"));
            let mut strace = Command::new("strace");
            // What changes a file's rights or its name takes a while: nothing in between goes unseen.
            let slow = "chmod,fchmod,fchmodat,chown,fchown,fchownat,rename,renameat,renameat2";
            strace.args(["-f", "-qq", "-v", "-s", "100000", "-e", &format!("trace=execve,{slow}")]);
            strace.args(["-e", &format!("inject={slow}:delay_enter=20000")]).arg("-o").arg(&path);
            let child =
                strace.args(["-p", &pid.to_string()]).stderr(Stdio::null()).spawn().unwrap();
            traces.push((child, path));
        }
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        let eye = std::thread::spawn(move || open_to_others(&roots, &over));
        let watch = Self { traces, ended, eye: Some(eye) };
        watch.until_attached(bench);
        watch
    }

    /// A login is in the traces of its host.
    fn until_attached(&self, bench: &Bench) {
        let begun = Instant::now();
        for (number, (_, path)) in self.traces.iter().enumerate() {
            while !fs::read_to_string(path).unwrap_or_default().contains("execve") {
                assert!(begun.elapsed() < PATIENCE, "strace does not trace host {number}");
                let args = [
                    "exec",
                    "c1",
                    "-i",
                    "planted/hosts",
                    "-i",
                    "planted/more",
                    "all",
                    "--",
                    "true",
                ];
                assert!(bench.command(&args).output().unwrap().status.success());
            }
        }
    }

    /// What was seen that nobody should see.
    fn end(mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let open = self.eye.take().unwrap().join().unwrap();
        assert_eq!(open, [""; 0], "others may read it");
        for (_, path) in &self.traces {
            let trace = fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&trace);
            assert!(text.matches("execve(").count() > 50, "{text}");
            let bad: Vec<&str> =
                text.lines().filter(|line| !found(line.as_bytes()).is_empty()).collect();
            assert!(bad.is_empty(), "{bad:#?}");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for (child, _) in &mut self.traces {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The process of the sshd that listens on the host with this sign.
fn server(sign: &str) -> u32 {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids: Vec<u32> =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let is_server = |pid: &u32| {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        read("comm") == "sshd\n" && read("root/etc/ezsync-test-sign").trim() == sign
    };
    pids.into_iter().find(is_server).expect("a host has an sshd")
}

/// Each file with a key of chrony's or a token in it that others than its owner and group may read, at any
/// moment until it is over.
fn open_to_others(roots: &[PathBuf], over: &AtomicBool) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut seen = 0;
    while !over.load(Ordering::Relaxed) {
        for root in roots {
            let mut paths = files(&root.join("var/lib/ezsync"));
            paths.extend(files(&root.join("etc/chrony")));
            // Not all of /etc: candidates stand beside their targets.
            let etc = fs::read_dir(root.join("etc")).into_iter().flatten().flatten();
            paths.extend(
                etc.map(|entry| entry.path())
                    .filter(|path| path.to_string_lossy().contains("token")),
            );
            for path in paths {
                // Rights first: they only grow from here on, and the text may come between.
                let Ok(before) = path.symlink_metadata() else { continue };
                let Ok(text) = fs::read(&path) else { continue };
                if found(&text).is_empty() {
                    continue;
                }
                seen += 1;
                if before.mode() & 0o027 != 0 {
                    open.push(format!("{} {:o}", path.display(), before.mode()));
                }
            }
        }
    }
    assert!(seen > 0, "no file with a secret in it was ever seen");
    open.dedup();
    open
}

#[test]
fn planted_secrets_are_seen_nowhere() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    plant(&bench);
    let watch = Watch::begin(&bench);
    assert_eq!(run(&bench, &["setup", "--check", "--diff"]), 0);
    assert_eq!(run(&bench, &["setup", "--diff"]), 0);
    assert_eq!(run(&bench, &["verify", "--json"]), 0);
    // The configuration is refused, a daemon does not start: all of it is put back.
    config(&bench, 8, "");
    let refused = "server {{ time_source }} iburst\nkeyfile {{ chrony.keys }}\nnonsense 1\n";
    bench.write("templates/chrony/client.conf.tera", refused);
    assert_eq!(run(&bench, &["setup", "--json", "--diff"]), 2);
    fs::remove_dir_all(bench.folder.path().join("templates")).unwrap();
    bench.everywhere(
        "printf '[Service]\\nExecStartPre=/bin/false\\n' >/etc/systemd/system/chrony.service.d/broken.conf
         systemctl daemon-reload",
    );
    config(&bench, 9, "");
    assert_eq!(run(&bench, &["setup"]), 2);
    bench
        .everywhere("rm /etc/systemd/system/chrony.service.d/broken.conf; systemctl daemon-reload");
    // Wrong passwords, one after the other.
    inventory(&bench, secret(WRONG_LOGIN), secret(BECOME));
    assert_eq!(run(&bench, &["setup"]), 4);
    inventory(&bench, secret(LOGIN), secret(WRONG_BECOME));
    assert_eq!(run(&bench, &["setup", "--json"]), 2);
    inventory(&bench, secret(LOGIN), secret(BECOME));
    // The connection breaks when the host has been logged in to and is about to change.
    let cut = std::thread::scope(|scope| {
        let cut = scope.spawn(|| run(&bench, &["setup", "--json"]));
        let begun = Instant::now();
        while bench.on(1, "pgrep -x -u ops sshd || :").is_empty() {
            assert!(begun.elapsed() < PATIENCE, "nobody logs in");
        }
        bench.on(1, "pkill -x -u ops sshd || :");
        cut.join().unwrap()
    });
    assert!([2, 4].contains(&cut), "{cut}");
    config(&bench, 7, "");
    assert_eq!(run(&bench, &["setup"]), 0);
    assert_eq!(run(&bench, &["doctor", "--json"]), 0);
    watch.end();
    look_through_controller(&bench);
    look_through_hosts(&bench);
}
