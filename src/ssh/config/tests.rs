//! What `ssh -G` cannot be asked: the user's and the system's files together, their places and
//! modes, tokens, warnings. Everything else is in tests/ssh_config.rs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::local::tests::local;
use super::*;

/// A home and a system folder with files in them, as `home/NAME` and `system/NAME`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn read(folder: &TempDir) -> Result<Config, Problem> {
    let at = |name: &str| folder.path().join(name);
    let local = Local { home: at("home"), uid: nix::unistd::Uid::current().as_raw(), ..local() };
    Config::read_from(local, Some(&at("home/.ssh/config")), Some(&at("system/ssh_config")))
}

fn resolve(files: &[(&str, &str)], host: &str) -> Resolved {
    read(&folder(files)).unwrap().resolve(host, &Overrides::default()).unwrap()
}

/// The first line of the message, without the folder's name.
fn mistake(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let problem = read(&folder).unwrap_err().to_string();
    let root = format!("{}/", folder.path().display());
    problem.lines().next().unwrap().replace(&root, "")
}

#[test]
fn the_users_file_is_asked_before_the_systems() {
    let files = [
        ("home/.ssh/config", "Host web\nPort 1\nIdentityFile /user\n"),
        ("system/ssh_config", "Port 2\nUser system\nIdentityFile /system\n"),
    ];
    let web = resolve(&files, "web");
    assert_eq!((web.port, web.user.as_str()), (1, "system"));
    assert_eq!(web.identity_files, [Path::new("/user"), Path::new("/system")]);
    assert_eq!(resolve(&files, "db").port, 2);
}

#[test]
fn without_files_openssh_s_defaults_hold() {
    let web = resolve(&[], "Web");
    assert_eq!((web.host.as_str(), web.port, web.user.as_str()), ("web", 22, "me"));
    assert_eq!(web.proxy, Proxy::Direct);
    assert!(!web.identities_named);
    assert_eq!(web.identity_agent, Some(PathBuf::from("/run/agent")));
    assert!(web.user_known_hosts.first().unwrap().ends_with("home/.ssh/known_hosts"));
    assert_eq!(web.global_known_hosts.first().unwrap(), Path::new("/etc/ssh/ssh_known_hosts"));
    assert_eq!(
        (web.host_key_checking, web.connect_timeout, web.alive_interval),
        (None, None, None)
    );
}

#[test]
fn relative_names_lead_into_the_users_folder() {
    let files = [
        ("home/.ssh/config", "Include conf.d/*.conf ~/more\n"),
        ("home/.ssh/conf.d/b.conf", "Port 2\nUser b\n"),
        ("home/.ssh/conf.d/a.conf", "Port 1\n"),
        ("home/more", "User more\nHostKeyAlias more\n"),
    ];
    let web = resolve(&files, "web");
    assert_eq!((web.port, web.user.as_str()), (1, "b"));
    assert_eq!(web.host_key_alias.as_deref(), Some("more"));
}

#[test]
fn a_file_for_all_users_includes_none_of_a_user() {
    let files = [("system/ssh_config", "Host x\n  Include ~/conf\n")];
    assert_eq!(
        mistake(&files),
        "system/ssh_config:2:11: a file for all users cannot include one of a user"
    );
}

#[test]
fn files_that_others_could_write_are_refused() {
    let name = "home/.ssh/config";
    let folder = folder(&[(name, "Port 1\n")]);
    fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o606)).unwrap();
    let problem = read(&folder).unwrap_err().to_string();
    assert!(problem.contains("config: others could write this file"), "{problem}");
    assert!(problem.contains("chmod go-w"), "{problem}");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let name = "home/.ssh/config";
    for (text, wanted) in [
        ("Host a\n  Port 70000 # x\n", "2:8: `70000` is no port; write a number from 1 to 65535"),
        ("Port 1 2\n", "1:8: nothing may follow the value"),
        ("\nUser\n", "2:1: User has no argument"),
        ("Host a\nUser 'x\n", "2:6: this quote is never closed"),
        ("Host a \"\"\n", "1:8: this pattern is empty"),
        ("HashKnownHosts maybe\n", "1:16: `maybe` is neither yes nor no"),
        ("ProxyJump a:b\n", "1:1: `a:b` names no jump host"),
        ("Match\tweather fine\n", "1:7: `weather` is no condition"),
        ("Match user\n", "1:7: user has no value"),
        ("UserKnownHostsFile a none\n", "1:22: none must stand alone"),
        ("ConnectTimeout soon\n", "1:16: `soon` is no time; write seconds, or a time as in 1m30s"),
        ("IdentityAgent $A-B\n", "1:15: `$A-B` is no socket"),
    ] {
        assert_eq!(mistake(&[(name, text)]), format!("{name}:{wanted}"), "{text}");
    }
    let folder = folder(&[(name, "Host web\n  Prot 22\n")]);
    let problem = read(&folder).unwrap().resolve("db", &Overrides::default()).unwrap_err();
    let place = problem.place().unwrap();
    assert_eq!((place.line, place.column), (2, 3));
    assert_eq!(problem.message(), "there is no setting `prot` in ssh_config");
}

#[test]
fn a_passwords_name_is_no_reason_to_show_the_line() {
    let folder = folder(&[("home/.ssh/config", "ProxyCommand 'sshpass -p secret\n")]);
    let problem = read(&folder).unwrap_err().to_string();
    assert!(problem.contains("never closed") && !problem.contains("secret"), "{problem}");
    let problem = Overrides::from_args("-o \"ProxyCommand='nc secret\"").unwrap_err().to_string();
    assert_eq!(problem, "-o ProxyCommand: this quote is never closed");
}

#[test]
fn values_with_tokens() {
    let files = [(
        "home/.ssh/config",
        "IdentityFile ~/%r-%h\nCertificateFile ${HOME}/%n\nIdentityAgent $SSH_AUTH_SOCK\n\
         ProxyCommand nc %h %p %% %r %n %k # x\nUser ops\nHostName %h.example\nPort 2\n\
         GlobalKnownHostsFile ~/%h\n",
    )];
    let web = resolve(&files, "web");
    assert!(web.identity_files.first().unwrap().ends_with("home/ops-web.example"));
    assert_eq!(web.certificate_files, [Path::new("elsewhere/web")]);
    assert_eq!(web.identity_agent, Some(PathBuf::from("/run/agent")));
    assert_eq!(web.proxy, Proxy::Command("nc web.example 2 % ops web web # x".to_owned()));
    assert_eq!(web.global_known_hosts, [Path::new("~/%h")]);
}

#[test]
fn a_name_with_a_control_character_is_refused() {
    let folder = folder(&[("home/.ssh/config", "HostName \"web\x1b[2J\"\n")]);
    let refused = read(&folder).unwrap().resolve("web", &Overrides::default()).unwrap_err();
    let expected = "HostName web\\x1b[2J: a name has no control character in it";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn agents() {
    for (setting, wanted) in [
        ("none", None),
        ("SSH_AUTH_SOCK", Some("/run/agent")),
        ("$SSH_AUTH_SOCK", Some("/run/agent")),
        ("$NO_SUCH", None),
        ("${SSH_AUTH_SOCK}", Some("/run/agent")),
        ("/run/%u", Some("/run/me")),
    ] {
        let text = format!("IdentityAgent {setting}\n");
        let web = resolve(&[("home/.ssh/config", &text)], "web");
        assert_eq!(web.identity_agent, wanted.map(PathBuf::from), "{setting}");
    }
}

#[test]
fn tokens_without_meaning_are_named() {
    let name = "home/.ssh/config";
    for (text, wanted) in [
        ("ProxyCommand nc %d\n", "ProxyCommand nc %d: %d means nothing here"),
        ("IdentityFile ${NOPE}\n", "IdentityFile ${NOPE}: ${NOPE} is not set"),
        ("HostName %n\n", "HostName %n: %n means nothing here"),
    ] {
        let config = read(&folder(&[(name, text)])).unwrap();
        let problem = config.resolve("web", &Overrides::default()).unwrap_err();
        assert_eq!(problem.to_string(), wanted);
    }
}

fn warnings(files: &[(&str, &str)], host: &str, args: &str) -> Vec<String> {
    let folder = folder(files);
    let overrides = Overrides::from_args(args).unwrap();
    let resolved = read(&folder).unwrap().resolve(host, &overrides).unwrap();
    let root = format!("{}/", folder.path().display());
    let first = |text: String| text.lines().next().unwrap().replace(&root, "");
    resolved.warnings.iter().map(|warning| first(warning.to_string())).collect()
}

#[test]
fn what_is_not_followed_is_named_where_it_matters() {
    let files = [(
        "home/.ssh/config",
        "Host web\n  Ciphers aes256-ctr\n  CheckHostIP no\n  macs x\nMatch host web exec \"true\"\n  Port 3\n\
         Match final\n  RevokedHostKeys /x\n  MACs x\nMatch host db exec true\n Port 4\n",
    )];
    let algorithms = "not followed: ezsync has its own choice of algorithms, without SHA-1";
    assert_eq!(
        warnings(&files, "web", ""),
        [
            format!("home/.ssh/config:2:3: Ciphers, macs are {algorithms}"),
            "home/.ssh/config:5:1: `Match host web exec \"true\"` has a condition that ezsync cannot judge: the lines below it are left out".to_owned(),
            "home/.ssh/config:8:3: RevokedHostKeys is not followed: only @revoked lines of known_hosts revoke a key".to_owned(),
            format!("home/.ssh/config:9:3: MACs is {algorithms}"),
        ]
    );
    assert_eq!(resolve(&files, "web").port, 22);
    assert_eq!(warnings(&files, "other", "").len(), 2);
    assert_eq!(
        warnings(&[], "web", "-c aes256-ctr -W a:1 -N"),
        [
            format!("-o: Ciphers is {algorithms}"),
            "the option -W a:1 of ssh means nothing here: it was left aside".to_owned(),
            "the option -N of ssh means nothing here: it was left aside".to_owned(),
        ]
    );
}

#[test]
fn a_shell_reads_nothing_in_names() {
    let config = read(&folder(&[("home/.ssh/config", "Host web\n ProxyCommand nc %h\n")])).unwrap();
    for user in ["a;b", "$(id)", "-x", "a b"] {
        let overrides = Overrides::default().user(user);
        let problem = config.resolve("web", &overrides).unwrap_err().to_string();
        assert!(
            problem.starts_with(&format!("the user `{user}` means more to a shell")),
            "{problem}"
        );
        assert_eq!(config.resolve("db", &overrides).unwrap().user, user);
    }
}

#[test]
fn what_debian_ships_says_nothing() {
    let debian = "Include /etc/no-such/*.conf\nHost *\n    SendEnv LANG LC_*\n    \
                  HashKnownHosts yes\n    GSSAPIAuthentication yes\n";
    assert_eq!(warnings(&[("system/ssh_config", debian)], "web", ""), [""; 0]);
}

#[test]
fn options_that_cannot_be_read() {
    for (args, wanted) in [
        ("-o Port=x", "-o Port: `x` is no port; write a number from 1 to 65535"),
        ("web", "`web` is no option of ssh"),
        ("-o", "the option -o has no value"),
        ("-Z", "ssh has no option -Z"),
        ("-o 'x", "a quote is never closed"),
        ("-J a -J b", "-J competes with another -J, ProxyJump or ProxyCommand"),
        ("-o 'Host a'", "-o Host: this stands in files alone"),
        ("-o Prot=1", "-o Prot: there is no setting `prot` in ssh_config"),
    ] {
        let problem = Overrides::from_args(args).unwrap_err();
        assert_eq!(problem.message(), wanted, "{args}");
    }
}

#[test]
fn the_last_jump_host_gets_what_stands_before_it() {
    let folder =
        folder(&[("home/.ssh/config", "Host two\n  User conf\n  Port 9\n  ProxyJump zero\n")]);
    let config = read(&folder).unwrap();
    let overrides = Overrides::from_args("-F none -o User=x -J ops@one:1,two").unwrap();
    let Proxy::Jump(jumps) = config.resolve("web", &overrides).unwrap().proxy else { panic!() };
    let (host, overrides) = overrides.for_last_of(&jumps).unwrap();
    let two = config.resolve(&host, &overrides).unwrap();
    assert_eq!((two.host.as_str(), two.user.as_str(), two.port), ("two", "conf", 9));
    let Proxy::Jump(jumps) = two.proxy else { panic!() };
    let (host, overrides) = overrides.for_last_of(&jumps).unwrap();
    assert_eq!(overrides.config(), Some(PathBuf::from("none")));
    let one = config.resolve(&host, &overrides).unwrap();
    assert_eq!((one.host.as_str(), one.user.as_str(), one.port), ("one", "ops", 1));
    assert_eq!(one.proxy, Proxy::Direct);
}
