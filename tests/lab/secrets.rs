//! Secrets: passwords and passphrases, given or asked for at a real terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ezsync_hosts::Image;

use crate::support::{Bench, host, line, skipped, trouble};
use crate::terminal::{at_terminal, end, script};

const SECRET: &str = "open-sesame";
const PASSWORD: &str = "corr3ct-horse";

/// A new key with a passphrase, which root on all hosts lets in.
fn locked_key(bench: &Bench) -> PathBuf {
    let key = bench.folder.path().join("locked");
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", SECRET, "-f"]).arg(&key);
    assert!(make.status().unwrap().success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let public = public.trim();
    bench.everywhere(&format!(
        "mkdir -p -m 700 /root/.ssh && echo '{public}' >> /root/.ssh/authorized_keys"
    ));
    key
}

/// The inventory with `vars` at every host.
fn inventory(bench: &Bench, vars: &str) {
    let lines: Vec<String> =
        bench.hosts().iter().map(|host| format!("{} {vars}", line(host))).collect();
    bench.inventory(&lines);
}

fn with_key(bench: &Bench, key: &Path) {
    inventory(bench, &format!("ansible_ssh_private_key_file={}", key.display()));
}

/// Gives ops a password, and takes every key away from the inventory.
fn with_password(bench: &Bench, more: &str) {
    bench.everywhere(&format!("echo 'ops:{PASSWORD}' | chpasswd"));
    inventory(bench, &format!("ansible_user=ops ansible_ssh_private_key_file=/nonexistent {more}"));
}

#[test]
fn a_passphrase_is_asked_once_for_four_hosts_while_the_picture_is_drawn() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    with_key(&bench, &locked_key(&bench));
    let mut session = at_terminal(&bench, &["setup", "c1", "--check"]);
    let question = "Passphrase for the key ";
    let before = session.exp_string(question).unwrap();
    session.exp_string(": ").unwrap();
    // The picture would be drawn four times by now.
    std::thread::sleep(std::time::Duration::from_millis(400));
    session.send_line("not-this-one").unwrap();
    let open = session.exp_string("\n").unwrap();
    assert_eq!(open, "\r", "the picture is drawn over a question, or the answer is shown");
    let between = session.exp_string("That is not its passphrase.").unwrap();
    session.exp_string(": ").unwrap();
    session.send_line(SECRET).unwrap();
    let (rest, code) = end(session);
    let all = before.clone() + &between + &rest;
    assert_eq!(code, 0, "{all}");
    assert!(rest.contains("probing"), "the picture comes back: {rest:?}");
    assert!(!all.contains(SECRET) && !all.contains("not-this-one"), "{all}");
    assert!(!rest.contains(question), "asked again: {rest}");
}

#[test]
fn ctrl_c_at_a_question_ends_the_run_and_leaves_the_terminal_as_it_was() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    with_key(&bench, &locked_key(&bench));
    let shell = |more: &[&str]| {
        let args: Vec<&str> = ["setup", "c1", "--check"].iter().chain(more).copied().collect();
        script(&bench, "echo pid=$$.; \"$@\"; echo code=$?; stty -a; echo over", &args)
    };
    // While hosts wait for it, and before the run.
    for (more, question) in [(&[][..], "Passphrase for the key "), (&["-k"], "SSH password: ")] {
        let mut session = shell(more);
        session.exp_string(question).unwrap();
        session.send_control('c').unwrap();
        session.exp_string("code=99").unwrap();
        let stty = session.exp_string("over").unwrap();
        assert!(stty.contains(" echo ") && stty.contains(" icanon "), "{stty}");
    }
    // A signal from elsewhere does the same, whichever question is open.
    for (more, question, signal) in [
        (&[][..], "Passphrase for the key ", "-INT"),
        (&[], "Passphrase for the key ", "-TERM"),
        (&["-k"], "SSH password: ", "-INT"),
        (&["-k"], "SSH password: ", "-TERM"),
        (&["-K"], "BECOME password: ", "-HUP"),
    ] {
        let mut session = shell(more);
        session.exp_string("pid=").unwrap();
        let shell_pid = session.exp_string(".").unwrap();
        session.exp_string(question).unwrap();
        let children = Command::new("pgrep").args(["-P", &shell_pid]).output().unwrap();
        let pid = String::from_utf8(children.stdout).unwrap();
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
        session.exp_string("code=99").unwrap();
        let stty = session.exp_string("over").unwrap();
        assert!(stty.contains(" echo ") && stty.contains(" icanon "), "{signal}: {stty}");
    }
}

#[test]
fn a_password_is_given_by_variable_file_or_question() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    with_password(&bench, &format!("ansible_password={PASSWORD}"));
    let (code, run) = bench.json(&["setup", "c1", "--check"]);
    assert_eq!(code, 0, "{run:#}");
    assert!(!run.to_string().contains(PASSWORD));

    with_password(&bench, "");
    bench.write("password", &format!("{PASSWORD}\n"));
    let file = ["--connection-password-file", "password"];
    let (code, run) = bench.json(&["setup", "c1", "--check", file[0], file[1]]);
    assert_eq!(code, 0, "{run:#}");

    let mut session = at_terminal(&bench, &["setup", "c1", "--check", "-k"]);
    session.exp_string("SSH password: ").unwrap();
    session.send_line(PASSWORD).unwrap();
    let (rest, code) = end(session);
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains(PASSWORD) && !rest.contains("SSH password"), "{rest}");

    bench.write("password", "wrong\n");
    let (code, run) = bench.json(&["setup", "c1", "--check", file[0], file[1]]);
    assert_eq!(code, 4, "{run:#}");
    let trouble = trouble(&run, "node1", "unreachable");
    assert!(trouble.contains("cannot log in to 10.99.0.11:22 as ops: tried password"), "{trouble}");
    let next = host(&run, "node1")["outcome"]["trouble"].to_string();
    assert!(next.contains("check the user's name and the password"), "{next}");

    // Without a terminal there is nobody to ask.
    let mut command = bench.lab.command("setsid");
    command.current_dir(bench.folder.path()).arg("-w").arg(env!("CARGO_BIN_EXE_ezsync"));
    let output = command.args(["setup", "c1", "-k"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: -k asks on the terminal, and nobody"), "{said}");
    assert_eq!(output.status.code(), Some(5));
}

/// A real stack of PAM behind keyboard-interactive: the password, then a one-time code of
/// libpam-google-authenticator (an emergency code, which is good once).
#[test]
fn pam_asks_for_a_password_and_a_code() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    with_password(&bench, "");
    bench.everywhere(
        "printf 'KbdInteractiveAuthentication yes\nPasswordAuthentication no\n' > /etc/ssh/sshd_config.d/00-pam.conf
         systemctl restart ssh",
    );
    bench.write("password", &format!("{PASSWORD}\n"));
    let args = ["setup", "c1", "--check", "--conn-pass-file", "password"];
    let (code, run) = bench.json(&args);
    assert_eq!(code, 0, "{run:#}");

    bench.everywhere(
        "apt-get update -qq && apt-get install -yqq libpam-google-authenticator
         sed -i 's/^@include common-auth/auth required pam_unix.so\\nauth required pam_google_authenticator.so/' /etc/pam.d/sshd
         printf 'JBSWY3DPEHPK3PXPJBSWY3DPEH\n\" TOTP_AUTH\n12345678\n' > /home/ops/.google_authenticator
         chown ops: /home/ops/.google_authenticator && chmod 400 /home/ops/.google_authenticator",
    );
    let (code, run) = bench.json(&args);
    assert_eq!(code, 4, "{run:#}");
    let trouble = trouble(&run, "node1", "unreachable");
    assert!(trouble.contains("nobody answers its question: (ops@10.99.0.11) Verification code:"));

    let mut session = at_terminal(&bench, &args);
    // The first one is wrong and may be mended.
    for code in ["11111111", "12345678", "12345678"] {
        session.exp_regex(r"\(ops@10\.99\.0\.1[12]\) Verification code: ").unwrap();
        session.send_line(code).unwrap();
    }
    let (rest, code) = end(session);
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains(PASSWORD) && !rest.contains("12345678"), "{rest}");

    // A key first, then PAM: nobody has given a password, so it is asked for as well.
    bench.everywhere(
        "echo 'AuthenticationMethods publickey,keyboard-interactive' >> /etc/ssh/sshd_config.d/00-pam.conf
         systemctl restart ssh
         echo 87654321 >> /home/ops/.google_authenticator",
    );
    inventory(&bench, "ansible_user=ops");
    let mut session = at_terminal(&bench, &["setup", "c1", "--check"]);
    for _ in bench.hosts() {
        session.exp_regex(r"\(ops@10\.99\.0\.1[12]\) Password: ").unwrap();
        session.send_line(PASSWORD).unwrap();
        session.exp_regex(r"\(ops@10\.99\.0\.1[12]\) Verification code: ").unwrap();
        session.send_line("87654321").unwrap();
    }
    let (rest, code) = end(session);
    assert_eq!(code, 0, "{rest}");
}

/// Without checking, as kubeasz has it, a host that was installed anew is reached by key, and the
/// report says so.
#[test]
fn host_key_checking_is_off_where_ansible_has_it_off() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 1);
    let known = fs::read_to_string(bench.lab.known_hosts()).unwrap();
    let other = fs::read_to_string(bench.lab.key().with_extension("pub")).unwrap();
    let name = known.split_whitespace().next().unwrap();
    let known_hosts = bench.folder.path().join("stale");
    fs::write(&known_hosts, format!("{name} {other}")).unwrap();
    let run = |checking: Option<&str>, vars: &str| {
        inventory(&bench, vars);
        let mut command = bench.command_with(&known_hosts, &["setup", "c1", "--check", "--json"]);
        if let Some(checking) = checking {
            command.env("ANSIBLE_HOST_KEY_CHECKING", checking);
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let key = format!("ansible_ssh_private_key_file={}", bench.lab.key().display());
    let off = format!("{key} ansible_host_key_checking=False");
    let on = format!("{key} ansible_ssh_host_key_checking=True");
    assert_eq!(run(None, &key).0, 4);
    let (code, said) = run(Some("False"), &key);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the host key of 10.99.0.11:22 has changed"), "{said}");
    assert_eq!(run(None, &off).0, 0);
    assert_eq!(run(Some("False"), &on).0, 4, "the inventory goes before the environment");
    // Nor is it shown the password for sudo.
    bench.on(0, "echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops; echo 'ops:geheim' | chpasswd");
    let (code, said) = run(None, &format!("{off} ansible_user=ops ansible_become_password=geheim"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("it may be somebody else who asks"), "{said}");
}
