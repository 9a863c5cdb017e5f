//! `ezsync ping` and `ezsync exec` on hosts that make it hard.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{ezsync, write_program};
use crate::sshd::{Sshd, run};

#[test]
fn what_a_command_leaves_behind_does_not_hide_its_end() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    let line = "sleep 300 & echo $!; exit 4";
    for vars in ["", "ansible_connection=local"] {
        let begun = Instant::now();
        let ran = ezsync(&server, "exec", vars, &["--command-timeout", "20", "--", line]);
        assert!(begun.elapsed() < Duration::from_secs(12), "{}", ran.said);
        assert_eq!((ran.code, &ran.host["rc"]), (Some(2), &4.into()), "{}", ran.said);
        let pid = ran.host["stdout"].as_str().unwrap().trim();
        // As with ssh.
        let stays = Path::new("/proc").join(pid).exists();
        run(Command::new("kill").arg(pid));
        assert!(stays, "{}", ran.said);
        let notes = ran.host["notes"].to_string();
        assert!(notes.contains("holds its output and was left running"), "{notes}");
    }
    // What has left its session is out of reach.
    let line = "setsid sh -c 'echo $$; exec sleep 300'; echo never";
    let ran = ezsync(&server, "exec", "", &["--command-timeout", "1", "--", line]);
    let pid = ran.host["stdout"].as_str().unwrap().trim();
    run(Command::new("kill").arg(pid));
    let trouble = ran.trouble();
    assert!(trouble.contains("did not end within 1 s and was told to end, but"), "{trouble}");

    let ran = ezsync(&server, "exec", "", &["--", "echo all"]);
    assert_eq!((ran.code, &ran.host["notes"]), (Some(0), &serde_json::json!([])), "{}", ran.said);
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    let line = "printf 'a\\377b\\n'; printf '\\374' >&2";
    let ran = ezsync(&server, "exec", "", &["--", line]);
    assert_eq!(ran.host["stdout"], "a\\xffb\n", "{}", ran.said);
    assert_eq!(ran.host["stderr"], "\\xfc", "{}", ran.said);
}

#[test]
fn a_terminal_says_that_it_has_one_stream() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    // As sudo with requiretty.
    let text = "[ -t 0 ] || { echo 'su: no terminal' >&2; exit 1; }; exec sh -c \"$3\"";
    let su = write_program(&server, "su", text);
    let vars = format!("ansible_become_exe={su}\nansible_become_method=su");
    let args = ["-b", "--become-user", "nobody", "--", "echo out; echo no >&2"];
    let ran = ezsync(&server, "exec", &vars, &args);
    assert_eq!(ran.host["stdout"], "out\nno\n", "{}", ran.said);
    let notes = ran.host["notes"].to_string();
    assert!(notes.contains("its standard error is in its standard output"), "{notes}");
}

#[test]
fn a_login_shell_that_hangs_costs_what_was_allowed() {
    let Some(server) = Sshd::start("ForceCommand sleep 15\n") else { return };
    server.know(&server.host_line("ed25519"));
    let as_nobody = ["-b", "--become-user", "nobody"];
    let su = "ansible_become_method=su";
    for (verb, vars, args) in [
        ("ping", "", vec!["-T", "2"]),
        ("ping", su, [&["-T", "2"], &as_nobody[..]].concat()),
        ("exec", "", vec!["--command-timeout", "2", "--", "id"]),
        ("exec", su, [&as_nobody[..], &["--command-timeout", "2", "--", "id"]].concat()),
    ] {
        let begun = Instant::now();
        let ran = ezsync(&server, verb, vars, &args);
        assert!(begun.elapsed() < Duration::from_secs(8), "{args:?}: {}", ran.said);
        assert_eq!((ran.code, &ran.host["step"]), (Some(2), &"shell".into()), "{}", ran.said);
        let trouble = ran.trouble();
        assert!(trouble.contains("login shell of root did not answer within 2 s"), "{trouble}");
    }
}

#[test]
fn an_unknown_key_on_the_way_is_one() {
    let (Some(jump), Some(server)) = (Sshd::start(""), Sshd::start("")) else { return };
    server.know(&server.host_line("ed25519"));
    let way = format!("ansible_ssh_common_args='-o ProxyJump=root@127.0.0.1:{}'", jump.port);
    let ran = ezsync(&server, "ping", &way, &[]);
    assert_eq!(ran.host["step"], "host key", "{}", ran.said);

    server.know("");
    jump.know(&jump.host_line("ed25519"));
    let at = |name: &str| jump.path(name).display().to_string();
    let ssh = format!(
        "exec ssh -F none -i {} -o UserKnownHostsFile={} -p {} -W \"127.0.0.1:$1\" -q root@127.0.0.1",
        at("user"),
        at("known_hosts"),
        jump.port
    );
    let proxy = write_program(&server, "proxy", &ssh);
    let way = format!("ansible_ssh_common_args='-o ProxyCommand=\"{proxy} %p\"'");
    let ran = ezsync(&server, "ping", &way, &[]);
    assert_eq!(ran.host["step"], "host key", "{}", ran.said);
    let trouble = ran.trouble();
    assert!(
        trouble.contains("next: if the fingerprint is that of the host, accept it"),
        "{trouble}"
    );
    assert!(!trouble.contains("ProxyCommand"), "{trouble}");
}
