//! The password of another user goes to nobody but the program that asks for it, and is shown nowhere.

use std::fs;

use crate::program::{ezsync, write_program};
use crate::sshd::Sshd;

const PASSWORD: &str = "Zq9secretA";

/// What `ezsync exec -b` with this method and `program` in the place of it says.
fn said(server: &Sshd, method: &str, program: &str) -> String {
    fs::write(server.path("password"), PASSWORD).unwrap();
    let password = server.path("password").display().to_string();
    let become_ = ["-b", "--become-user", "nobody", "--become-method", method];
    let args = ["--become-password-file", &password, "--", "id"];
    let vars = format!("ansible_become_exe={program}");
    let ran = ezsync(server, "exec", &vars, &[&become_[..], &args].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.said);
    assert!(!ran.said.contains(PASSWORD), "{}", ran.said);
    ran.said
}

#[test]
fn nothing_is_sent_to_what_only_looks_like_a_prompt() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    let heard = server.path("heard");
    let take =
        format!("timeout --foreground 1 sh -c 'IFS= read -r it && echo it >>{}'", heard.display());
    // Errors that arrive in pieces, as under load, and whatever is sent is read by somebody.
    for (name, pieces) in [
        ("su", "printf 'sh: 1: exec: ' >&2; sleep 1.2; echo 'not found' >&2"),
        ("su", "printf 'su: ' >&2; sleep 1.2; echo 'nobody is not there' >&2"),
        ("su", "printf 'Last login:' >&2; sleep 0.2; echo ' never' >&2"),
        ("doas", "printf 'doas: ' >&2; sleep 1.2; echo 'not permitted' >&2"),
        ("doas", "printf 'Verification code: ' >&2; sleep 1.2; echo >&2"),
    ] {
        let path = write_program(&server, name, &format!("{pieces}; {take}; exit 1"));
        let said = said(&server, name, &path);
        assert!(!heard.exists(), "{name}: {pieces}: {said}");
        assert!(!said.contains("got a password"), "{said}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named_and_gets_nothing() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    for (method, path) in [("su", "su:"), ("doas", "/opt/doas"), ("doas", "nosuch-doas")] {
        let said = said(&server, method, path);
        assert!(said.contains(&format!("there is no program `{path}` on the host")), "{said}");
    }
}

#[test]
fn a_password_that_the_host_says_back_is_not_shown() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    let says = "printf 'Password: ' >&2; IFS= read -r it; echo \"$it is it\" >&2; exit 1";
    let path = write_program(&server, "su", says);
    let said = said(&server, "su", &path);
    assert!(said.contains("though it got a password"), "{said}");
    assert!(said.contains("******** is it"), "{said}");
}

/// A password that stands in our own words is not hidden there: the hole would tell it.
#[test]
fn a_password_that_is_a_word_of_ours_is_not_told_by_hiding_it() {
    let Some(server) = Sshd::start("") else { return };
    server.know(&server.host_line("ed25519"));
    let asks = "printf 'Password: ' >&2; IFS= read -r it; printf 'Password: ' >&2; read -r it";
    let path = write_program(&server, "su", asks);
    fs::write(server.path("password"), "wrong").unwrap();
    let password = server.path("password").display().to_string();
    let args = ["-b", "--become-user", "nobody", "--become-method", "su"];
    let args = [&args[..], &["--become-password-file", &password, "--", "id"]].concat();
    let ran = ezsync(&server, "exec", &format!("ansible_become_exe={path}"), &args);
    assert!(ran.trouble().contains("the password for su is wrong for root"), "{}", ran.said);
}
