use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

fn from(vars: Value) -> Result<Connection, Problem> {
    Connection::from_vars("h1", &|name| vars.get(name).cloned().map(Ok), &|_| None)
}

#[test]
fn nothing_set_means_defaults() {
    let found = from(json!({})).unwrap();
    assert_eq!((found.address.as_str(), found.port, found.local), ("h1", 22, None));
    assert!(found.user.is_none() && found.become_.is_none() && found.password.is_none());
    assert!(!found.port_is_set);
}

#[test]
fn reads_every_setting() {
    let found = from(json!({
        "ansible_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "root",
        "ansible_password": "geheim", "ansible_ssh_private_key_file": "~/.ssh/id",
        "ansible_ssh_private_key_passphrase": "auf", "ansible_host_key_checking": "False",
        "ansible_become": "yes", "ansible_become_method": "sudo",
        "ansible_become_user": "root", "ansible_become_password": 1234,
        "ansible_connection": "ssh",         "ansible_ssh_timeout": 20, "ansible_ssh_common_args": "-J bastion",
    }))
    .unwrap();
    assert_eq!((found.host_key_checking, found.timeout), (Some(false), Some(20)));
    let common = found.ssh_common_args.as_ref().unwrap();
    assert_eq!((common.text.as_str(), common.given_as), ("-J bastion", "ansible_ssh_common_args"));
    assert!(found.ssh_args.is_none() && found.ssh_extra_args.is_none());
    assert_eq!((found.address.as_str(), found.port), ("10.0.0.1", 2222));
    assert!(found.port_is_set);
    assert_eq!(found.user.as_deref(), Some("root"));
    assert_eq!(found.private_key_file.as_deref(), Some("~/.ssh/id"));
    assert_eq!(
        found.private_key_passphrase.as_ref().unwrap().as_ref().unwrap().expose_secret(),
        "auf"
    );
    assert_eq!(found.host_key_checking, Some(false));
    assert_eq!(found.become_, Some(true));
    assert_eq!(found.become_method.as_deref(), Some("sudo"));
    assert_eq!(found.becoming("sudo").unwrap().user.as_deref(), Some("root"));
    assert_eq!(found.password.as_ref().unwrap().as_ref().unwrap().expose_secret(), "geheim");
    assert_eq!(found.becoming("sudo").unwrap().password.unwrap().unwrap().expose_secret(), "1234");
    assert!(!format!("{found:?}").contains("geheim"));
    assert!(!format!("{found:?}").contains("auf"));
}

#[test]
fn older_spellings_win_as_in_ansible() {
    let found = from(json!({
        "ansible_ssh_host": "old", "ansible_host": "new", "ansible_ssh_port": 23,
        "ansible_ssh_user": "u", "ansible_ssh_pass": "p", "ansible_sudo_pass": "s",
    }))
    .unwrap();
    assert_eq!((found.address.as_str(), found.port), ("old", 23));
    assert_eq!(found.user.as_deref(), Some("u"));
    assert_eq!(found.password.as_ref().unwrap().as_ref().unwrap().expose_secret(), "p");
    assert_eq!(found.becoming("sudo").unwrap().password.unwrap().unwrap().expose_secret(), "s");
}

#[test]
fn each_way_of_becoming_another_user_has_its_own_spellings() {
    let vars = json!({
        "ansible_become_exe": "/bin/any", "ansible_sudo_exe": "/bin/sudo",
        "ansible_su_pass": "s", "ansible_sudo_pass": "p", "ansible_doas_flags": "-L",
    });
    let with = |method: &str| {
        let found = from(vars.clone()).unwrap().becoming(method).unwrap();
        let password = found.password.map(|it| it.unwrap().expose_secret().to_owned());
        (found.exe.unwrap(), password.unwrap_or_default(), found.flags)
    };
    assert_eq!(with("sudo"), ("/bin/sudo".to_owned(), "p".to_owned(), None));
    assert_eq!(with("su"), ("/bin/any".to_owned(), "s".to_owned(), None));
    let doas = ("/bin/any".to_owned(), String::new(), Some("-L".to_owned()));
    assert_eq!(with("doas"), doas);
}

#[test]
fn what_cannot_be_had_matters_where_it_is_used() {
    let faulty = |names: &'static [&'static str]| {
        let vars = |name: &str| names.contains(&name).then(|| Err(Problem::new("vaulted")));
        Connection::from_vars("h1", &vars, &|_| None)
    };
    let secrets = faulty(&["ansible_password", "ansible_su_pass", "ansible_doas_exe"]).unwrap();
    assert!(secrets.password.unwrap().is_err());
    let su = faulty(&["ansible_su_pass"]).unwrap().becoming("su").unwrap();
    assert!(su.password.unwrap().is_err());
    let doas = faulty(&["ansible_doas_exe"]).unwrap();
    assert!(doas.becoming("doas").is_err() && doas.becoming("sudo").is_ok());
    for name in [&["ansible_port"], &["ansible_user"], &["ansible_become"]] {
        assert_eq!(faulty(name).unwrap_err().to_string(), "vaulted");
    }
}

#[test]
fn refuses_what_cannot_work() {
    for (vars, expected) in [
        (
            json!({"ansible_port": 99999}),
            "h1: ansible_port must be a number from 1 to 65535, not 99999",
        ),
        (json!({"ansible_port": 0}), "h1: ansible_port must be a number from 1 to 65535, not 0"),
        (
            json!({"ansible_port": "ssh"}),
            "h1: ansible_port must be a number from 1 to 65535, not \"ssh\"",
        ),
        (
            json!({"ansible_port": true}),
            "h1: ansible_port must be a number from 1 to 65535, not true",
        ),
        (json!({"ansible_become": "maybe"}), "h1: ansible_become must be yes or no, not \"maybe\""),
        (
            json!({"ansible_connection": "winrm"}),
            "h1: ansible_connection must be ssh or local, not \"winrm\"",
        ),
        (json!({"ansible_user": ["a"]}), "h1: ansible_user must be a text"),
        (json!({"ansible_host": "-oX"}), "the host name \"-oX\" starts with a dash"),
    ] {
        assert_eq!(from(vars).unwrap_err().to_string(), expected);
    }
}

#[test]
fn only_unresolved_templates_pass_unchecked() {
    assert!(check("ansible_port", &json!("{{ port }}")).is_ok());
    assert!(check("ansible_port", &json!("99999")).is_err());
    assert!(check("ansible_host", &json!("a b")).is_err());
    assert!(check("other_port", &json!(99999)).is_ok());
}
