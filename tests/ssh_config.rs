//! ssh_config, judged by OpenSSH itself: `ssh -G` says what it would do and touches no network.
//!
//! Each folder in `tests/cases/ssh_config` is a case: `config`, files that it includes (`@HERE@` in
//! them is the folder), and `hosts` with the words of a command line of ssh in each line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ezsync::ssh::config::{
    AddressFamily, Config, HostKeyChecking, Jump, Local, Overrides, Proxy, Resolved,
};

/// Where the cases are.
const CASES: &str = "tests/cases/ssh_config";

/// Variables that the cases may use.
const VARIABLES: [(&str, &str); 2] = [("PLACE", "/srv/place"), ("PERCENT", "%h")];

/// What is compared: what `ssh -G` says of the settings that we follow.
const FOLLOWED: [&str; 26] = [
    "addressfamily",
    "batchmode",
    "bindaddress",
    "certificatefile",
    "connecttimeout",
    "globalknownhostsfile",
    "hashknownhosts",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "kbdinteractiveauthentication",
    "numberofpasswordprompts",
    "passwordauthentication",
    "port",
    "preferredauthentications",
    "proxycommand",
    "proxyjump",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
    "host",
];

type Said = BTreeMap<String, Vec<String>>;

/// What OpenSSH says, or nothing when it refuses.
fn openssh(config: &Path, words: &[String]) -> Option<Said> {
    let mut command = Command::new("ssh");
    command.arg("-G").arg("-F").arg(config).args(words).envs(VARIABLES);
    let output = command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap();
    output.status.success().then(|| {
        let mut said = Said::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            if FOLLOWED.contains(&keyword) {
                said.entry(keyword.to_owned()).or_default().push(value.to_owned());
            }
        }
        said
    })
}

/// What we say, in the same words.
fn ours(config: &Path, words: &[String]) -> Result<Said, String> {
    let mut local = Local::here();
    local.env.remove("SSH_AUTH_SOCK");
    local.env.extend(VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let home = local.home.clone();
    let (host, options) = words.split_last().unwrap();
    let options = shlex::try_join(options.iter().map(String::as_str)).unwrap();
    let overrides = Overrides::from_args(&options).map_err(|problem| problem.to_string())?;
    let config = Config::read_only(local, config).map_err(|problem| problem.to_string())?;
    let resolved = config.resolve(host, &overrides).map_err(|problem| problem.to_string())?;
    Ok(said(&resolved, host, &home))
}

fn said(resolved: &Resolved, host: &str, home: &Path) -> Said {
    let mut said = Said::new();
    let mut say = |keyword: &str, value: String| {
        said.entry(keyword.to_owned()).or_default().push(value);
    };
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let paths = |files: &[PathBuf]| -> Vec<String> {
        files.iter().map(|file| file.display().to_string()).collect()
    };
    say("host", host.to_owned());
    say("hostname", resolved.host.clone());
    say("port", resolved.port.to_string());
    say("user", resolved.user.clone());
    say("batchmode", word(resolved.batch_mode));
    say("hashknownhosts", word(resolved.hash_known_hosts));
    say("identitiesonly", word(resolved.identities_only));
    say("kbdinteractiveauthentication", word(resolved.kbd_interactive_authentication));
    say("passwordauthentication", word(resolved.password_authentication));
    // This one has more than two values in OpenSSH.
    say("pubkeyauthentication", resolved.pubkey_authentication.to_string());
    say("numberofpasswordprompts", resolved.password_prompts.to_string());
    say("serveralivecountmax", resolved.alive_count_max.to_string());
    // Debian's own default where nobody is there to see that nothing happens.
    let alive = resolved.alive_interval.unwrap_or(if resolved.batch_mode { 300 } else { 0 });
    say("serveraliveinterval", alive.to_string());
    say("connecttimeout", resolved.connect_timeout.map_or("none".to_owned(), |s| s.to_string()));
    let family = match resolved.address_family {
        AddressFamily::Any => "any",
        AddressFamily::Inet => "inet",
        AddressFamily::Inet6 => "inet6",
    };
    say("addressfamily", family.to_owned());
    let checking = match resolved.host_key_checking {
        Some(HostKeyChecking::Strict) => "true",
        Some(HostKeyChecking::Ask) | None => "ask",
        Some(HostKeyChecking::AcceptNew) => "accept-new",
        Some(HostKeyChecking::Off) => "false",
    };
    say("stricthostkeychecking", checking.to_owned());
    for (keyword, value) in [
        ("bindaddress", resolved.bind_address.clone()),
        ("hostkeyalias", resolved.host_key_alias.clone()),
        ("identityagent", resolved.identity_agent.as_ref().map(|path| path.display().to_string())),
        (
            "preferredauthentications",
            resolved.preferred_authentications.as_ref().map(|l| l.join(",")),
        ),
    ] {
        value.into_iter().for_each(|value| say(keyword, value));
    }
    match &resolved.proxy {
        Proxy::Direct => {}
        Proxy::Command(command) => say("proxycommand", command.clone()),
        Proxy::Jump(jumps) => {
            let jumps: Vec<_> = jumps.iter().map(jump).collect();
            say("proxyjump", jumps.join(","));
        }
    }
    if !resolved.user_known_hosts.is_empty() {
        say("userknownhostsfile", paths(&resolved.user_known_hosts).join(" "));
    }
    if !resolved.global_known_hosts.is_empty() {
        say("globalknownhostsfile", paths(&resolved.global_known_hosts).join(" "));
    }
    paths(&resolved.certificate_files).into_iter().for_each(|file| say("certificatefile", file));
    if resolved.identities_named {
        paths(&resolved.identity_files).into_iter().for_each(|file| say("identityfile", file));
    } else {
        let kinds = ["rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa"];
        let file = |kind| home.join(".ssh").join(format!("id_{kind}")).display().to_string();
        kinds.into_iter().for_each(|kind| say("identityfile", file(kind)));
    }
    said
}

fn jump(jump: &Jump) -> String {
    let user = jump.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = jump.port.map(|port| format!(":{port}")).unwrap_or_default();
    // As OpenSSH shows them.
    let host = if jump.host.contains(':') { format!("[{}]", jump.host) } else { jump.host.clone() };
    format!("{user}{host}{port}")
}

/// `ssh -G` leaves some values as they are written: here `~` and `%h` and `%p` are replaced, and
/// `none` is left out. Two ways to use a key that OpenSSH tells apart are one for us.
fn tidy(mut said: Said) -> Said {
    let home = Local::here().home.display().to_string();
    for keyword in ["identityfile", "certificatefile"] {
        let Some(files) = said.get_mut(keyword) else { continue };
        files.retain(|file| file != "none");
        files.iter_mut().for_each(|file| {
            if let Some(rest) = file.strip_prefix("~/") {
                *file = format!("{home}/{rest}");
            }
        });
        if files.is_empty() {
            said.remove(keyword);
        }
    }
    for value in said.get_mut("pubkeyauthentication").into_iter().flatten() {
        *value = value.replace("host-bound", "true").replace("unbound", "true");
    }
    let one = |keyword: &str| said.get(keyword).and_then(|values| values.first()).cloned();
    let (host, port) = (one("hostname").unwrap(), one("port").unwrap());
    for command in said.get_mut("proxycommand").into_iter().flatten() {
        *command = command.replace("%h", &host).replace("%p", &port);
    }
    for keyword in ["globalknownhostsfile", "userknownhostsfile"] {
        said.retain(|name, value| name != keyword || *value != ["none"]);
    }
    said
}

/// The case's folder, ready to use.
fn prepare(case: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(case).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(entry.path()).unwrap();
        let text = text.replace("@HERE@", &folder.path().display().to_string());
        fs::write(folder.path().join(entry.file_name()), text).unwrap();
    }
    folder
}

#[test]
fn openssh_says_the_same() {
    if Command::new("ssh").arg("-V").output().is_err() {
        ezsync_hosts::skip("there is no ssh (Debian: openssh-client)");
        return;
    }
    let mut cases: Vec<_> =
        fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 50, "cases are missing");
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for case in cases {
        let folder = prepare(&case);
        let config = folder.path().join("config");
        let hosts = fs::read_to_string(folder.path().join("hosts")).unwrap();
        for line in hosts.lines().filter(|line| !line.is_empty()) {
            let words = shlex::split(line).unwrap();
            let (judge, ours) = (openssh(&config, &words).map(tidy), ours(&config, &words));
            asked += 1;
            let differences = match (&judge, &ours) {
                (None, Err(_)) => continue,
                (None, Ok(_)) => "ssh refuses it, and we do not".to_owned(),
                (Some(_), Err(problem)) => format!("we refuse it: {problem}"),
                (Some(judge), Ok(ours)) if judge == ours => continue,
                (Some(judge), Ok(ours)) => FOLLOWED
                    .iter()
                    .filter(|keyword| judge.get(**keyword) != ours.get(**keyword))
                    .map(|k| format!("{k}: ssh {:?}, ezsync {:?}", judge.get(*k), ours.get(*k)))
                    .collect::<Vec<_>>()
                    .join("\n  "),
            };
            wrong.push(format!("{}: {line}\n  {differences}", case.display()));
        }
    }
    println!("{asked} questions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `ssh -G` leaves as it is written: ssh itself says it when it starts.
#[test]
fn openssh_puts_the_same_in_the_place_of_tokens() {
    if Command::new("ssh").arg("-V").output().is_err() {
        ezsync_hosts::skip("there is no ssh (Debian: openssh-client)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let here = folder.path().display();
    let text = format!(
        "Host web\n HostName %h.example\n Port 2\n User ops\n HostKeyAlias Alias\n\
         \x20ProxyCommand true %h %n %k %p %r %% '%h'\n\
         \x20IdentityFile {here}/%r-%h-%n-%p-%k-%u-%i-%L-%l-%%\n IdentityFile %d/x\n IdentityFile ~/${{PLACE}}\n\
         Host db\n ProxyCommand=true %n:%p#%%h\n"
    );
    fs::write(&config, text).unwrap();
    for host in ["web", "db"] {
        let mut command = Command::new("ssh");
        command.args(["-v", "-o", "IdentityAgent=none", "-F"]).arg(&config).args([host, "true"]);
        let output = command.envs(VARIABLES).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let after = |mark: &str| -> Vec<String> {
            let lines = said.lines().filter_map(|line| line.split_once(mark));
            lines.map(|(_, rest)| rest.to_owned()).collect()
        };
        let ours = ours(&config, &[host.to_owned()]).unwrap();
        assert_eq!(after("Executing proxy command: exec "), ours["proxycommand"], "{said}");
        let files = after("identity file ").into_iter().filter(|file| !file.contains("-cert type"));
        let files: Vec<String> =
            files.map(|file| file.split(" type ").next().unwrap().to_owned()).collect();
        if host == "web" {
            assert_eq!(files, ours["identityfile"], "{said}");
        }
    }
}
