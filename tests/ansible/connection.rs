//! How hosts are reached: the command line that Ansible makes for ssh, and what it runs there.
//!
//! A program takes the place of ssh and keeps what Ansible gives it. `ssh -G` says what that means, and
//! ezsync must mean the same. No host is called.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ezsync::access::{Access, Defaults, Options, Privilege, Reach, Way};
use ezsync::inventory::{Connection, Inventory, SshArgs};
use ezsync::problem::Place;
use ezsync::remote::{Become, Method};
use ezsync::ssh::config::Local;
use ezsync::ssh::{HostKeyPolicy, Target, Via};
use ezsync::template::{Engine, Layer, Scope};

use crate::judge::{self, Question};

const FOLDER: &str = "tests/ansible/connection";

/// Stands in for ssh: keeps its arguments, and says what Ansible waits for when it has become another.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\0' "$@" >"$0.said"
for word; do :; done
printf '%s' "$word" | grep -o 'BECOME-SUCCESS-[a-z]*' | head -n 1
"#;

/// Flags of Ansible and what they are here.
fn runs() -> Vec<Run> {
    let typed = Options {
        user: Some("typed".to_owned()),
        private_key: Some("/keys/typed".into()),
        timeout: Some(22),
        ..Options::default()
    };
    let given =
        |text: &str| Some(SshArgs { text: text.to_owned(), given_as: "an option", place: None });
    let args = Options {
        ssh_common_args: given("-p 77 -l common -J typed"),
        ssh_extra_args: given("-p 78 -l extra -o HostKeyAlias=extra"),
        ..Options::default()
    };
    let privilege = Privilege {
        become_: true,
        method: Some(Method::Su),
        user: Some("nobody".to_owned()),
        ..Privilege::default()
    };
    let run = |pattern, flags: &[&'static str], options, privilege| Run {
        pattern,
        flags: flags.to_vec(),
        access: Access::new(options, privilege),
    };
    let becoming = Privilege { become_: true, ..Privilege::default() };
    vec![
        run("all", &[], Options::default(), Privilege::default()),
        run(
            "nothing:user:key:timeout*:args-*:become-no:become-yes",
            &["-u", "typed", "--private-key", "/keys/typed", "-T", "22", "-b"],
            typed,
            becoming,
        ),
        run(
            "nothing:port:user:jump:args-*:extra-*",
            &[
                "--ssh-common-args=-p 77 -l common -J typed",
                "--ssh-extra-args=-p 78 -l extra -o HostKeyAlias=extra",
            ],
            args,
            Privilege::default(),
        ),
        run(
            "user:becoming",
            &["--become", "--become-method", "su", "--become-user", "nobody"],
            Options::default(),
            privilege,
        ),
    ]
}

/// What is compared, in words.
type Said = BTreeMap<&'static str, String>;

/// What Ansible gave to ssh for `host`, as ssh understands it.
fn ansible(folder: &Path, host: &str) -> Said {
    let file = folder.join(format!("{host}.said"));
    let text = fs::read_to_string(file).unwrap_or_else(|_| panic!("no ssh was called for {host}"));
    let words: Vec<&str> = text.split_terminator('\0').collect();
    let (command, words) = words.split_last().unwrap();
    let output = Command::new("ssh").arg("-G").args(words).output().unwrap();
    assert!(output.status.success(), "{host}: {words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let values = |keyword: &str| -> Vec<&str> {
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        pairs.filter(|(key, _)| *key == keyword).map(|(_, value)| value).collect()
    };
    let one = |keyword: &str| values(keyword).first().copied().unwrap_or_default().to_owned();
    let home = Local::here().home;
    let keys = values("identityfile").into_iter().map(|file| match file.strip_prefix("~/") {
        Some(rest) => home.join(rest).display().to_string(),
        None => file.to_owned(),
    });
    let keys: Vec<String> = keys.filter(|file| !file.contains("/.ssh/id_")).collect();
    let (address, port) = (one("hostname"), one("port"));
    let name = |jump: &str| jump.rsplit('@').next().unwrap().split(':').next().unwrap().to_owned();
    let via = match (one("proxyjump"), one("proxycommand")) {
        (jumps, _) if !jumps.is_empty() => jumps.split(',').map(name).collect::<Vec<_>>().join(","),
        (_, command) => command.replace("%h", &address).replace("%p", &port),
    };
    let checking = match one("stricthostkeychecking").as_str() {
        "false" => "off",
        "accept-new" => "new",
        _ => "strict",
    };
    let alive = one("serveraliveinterval");
    let become_ = match *command {
        "true" => String::new(),
        command => shlex::split(command).unwrap().join(" "),
    };
    Said::from([
        ("address", address),
        ("port", port),
        ("user", one("user")),
        ("keys", keys.join(" ")),
        ("via", via),
        ("checking", checking.to_owned()),
        ("known hosts", one("userknownhostsfile")),
        ("alias", one("hostkeyalias")),
        ("timeout", one("connecttimeout")),
        // What nobody has set is different here: a host that hangs must not hang a run.
        ("alive", if alive == "0" { "15".to_owned() } else { alive }),
        ("become", become_),
    ])
}

fn ours(reach: &Reach) -> Said {
    let Way::Ssh(target) = &reach.way else { panic!("{reach}: by SSH") };
    let shown = |files: &[PathBuf]| {
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    let checking = match target.host_keys.policy {
        HostKeyPolicy::Strict => "strict",
        HostKeyPolicy::AcceptNew => "new",
        HostKeyPolicy::Off => "off",
    };
    Said::from([
        ("address", target.endpoint.address.clone()),
        ("port", target.endpoint.port.to_string()),
        ("user", target.user.clone()),
        ("keys", shown(&target.credentials.identity_files)),
        ("via", via(target)),
        ("checking", checking.to_owned()),
        ("known hosts", shown(&target.host_keys.files)),
        ("alias", target.host_keys.alias.clone().unwrap_or_default()),
        ("timeout", target.connect_timeout.as_secs().to_string()),
        ("alive", target.keepalive.interval.as_secs().to_string()),
        ("become", reach.become_.as_ref().map(becoming).unwrap_or_default()),
    ])
}

/// The jump hosts in their order, or the command.
fn via(target: &Target) -> String {
    let mut names = Vec::new();
    let mut via = &target.via;
    while let Via::Jump(jump) = via {
        names.insert(0, jump.name.clone());
        via = &jump.target.via;
    }
    match via {
        Via::Command(command) => command.clone(),
        _ => names.join(","),
    }
}

/// As Ansible would begin its command: ezsync has usual flags of its own.
fn becoming(become_: &Become) -> String {
    let exe = become_.exe.as_deref().unwrap_or(become_.method.name());
    let flags = |usual: &str| become_.flags.clone().unwrap_or_else(|| usual.to_owned());
    let words = match become_.method {
        Method::Sudo => [exe, &flags("-H -S -n"), "-u", &become_.user, "/bin/sh -c "].join(" "),
        _ => [exe, &flags(""), &become_.user, "-c "].join(" "),
    };
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where `host` is reached with all templates rendered.
fn reach(inventory: &Inventory, host: &str, access: &mut Access) -> Reach {
    let scope = Scope::default().with(&Layer::written(inventory.vars(host)));
    let engine = Engine::default();
    let here = Place::in_file("".as_ref());
    let rendered = |name: &str| engine.variable(name, &here, &scope);
    let connection = Connection::from_vars(host, &rendered, &|_| None).unwrap();
    access.reach(host, &connection).unwrap()
}

/// One question to Ansible: the hosts of `pattern` with these flags, and what these are here.
struct Run {
    pattern: &'static str,
    flags: Vec<&'static str>,
    access: Access,
}

/// What differs when Ansible has this configuration; nothing where there is no Ansible.
fn differences(config: &str, runs: Vec<Run>) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let inventory = Inventory::load(&[cases.join("hosts").display().to_string()]).unwrap();
    let at = |number: usize| folder.path().join(number.to_string());
    let hosts = |run: &Run| inventory.select(run.pattern).unwrap();
    let question = |(number, run): (usize, &Run)| {
        stand_ins(&at(number), &hosts(run));
        let program =
            format!("ansible_ssh_executable={}/{{{{ inventory_hostname }}}}", at(number).display());
        let asked =
            [run.pattern, "-i", "hosts", "-m", "raw", "-a", "true", "-f", "4", "-e", &program];
        Question::new(&cases, "ansible", asked.into_iter().chain(run.flags.iter().copied()))
    };
    let questions = runs.iter().enumerate().map(question).collect();
    let answers = judge::ask_with(config, questions)?;
    let mut wrong = Vec::new();
    for ((number, mut run), answer) in runs.into_iter().enumerate().zip(answers) {
        assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
        for host in hosts(&run) {
            let expected = ansible(&at(number), &host);
            let found = ours(&reach(&inventory, &host, &mut run.access));
            for (what, expected) in &expected {
                let same = match *what {
                    "become" if !found[what].is_empty() => expected.starts_with(&found[what]),
                    _ => *expected == found[what],
                };
                if !same {
                    let (flags, found) = (&run.flags, &found[what]);
                    wrong.push(format!(
                        "{flags:?}: {host}: {what}: Ansible {expected:?}, ezsync {found:?}"
                    ));
                }
            }
        }
    }
    Some(wrong)
}

#[test]
fn hosts_are_reached_as_ansible_reaches_them() {
    let Some(wrong) = differences("", runs()) else { return };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ansible_cfg_means_what_it_means_to_ansible() {
    for config in [
        "[defaults]\nremote_user = conf\nREMOTE_PORT: 2299 ; not 22\nprivate_key_file = /keys/conf\n\
         timeout=33\n# timeout = 44\nhost_key_checking = False\n[privilege_escalation]\nbecome = True\n\
         become_method = su\nbecome_user = web\n",
        "[ssh_connection]\nssh_args = -o Port=1\n  -o ServerAliveInterval=12\nssh_common_args = \"-J conf\"\n\
         ssh_extra_args = -o HostKeyAlias=conf -l extra\nhost_key_checking = no\n\
         [defaults]\nhost_key_checking = yes\nprivate_key_file = /keys/no;file\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ansible.cfg");
        fs::write(&file, config).unwrap();
        let env = HashMap::from([("ANSIBLE_CONFIG".to_owned(), file.display().to_string())]);
        let defaults = Defaults::of(env, folder.path(), folder.path()).unwrap();
        let access = |options: Options, privilege: Privilege| {
            Access::new(options.or(&defaults), privilege.or(&defaults).unwrap())
        };
        let typed = Options { user: Some("typed".to_owned()), ..Options::default() };
        let sudo = Privilege { method: Some(Method::Sudo), ..Privilege::default() };
        let runs = vec![
            Run {
                pattern: "nothing:user:port:key:timeout:checking-*:args-of-*:jump:become-su-user",
                flags: Vec::new(),
                access: access(Options::default(), Privilege::default()),
            },
            Run {
                pattern: "nothing:user",
                flags: vec!["-u", "typed", "--become-method", "sudo"],
                access: access(typed, sudo),
            },
        ];
        let Some(wrong) = differences(config, runs) else { return };
        assert!(wrong.is_empty(), "{config}{}", wrong.join("\n"));
    }
}

/// A stand-in for each of `hosts`.
fn stand_ins(folder: &Path, hosts: &[String]) {
    fs::create_dir(folder).unwrap();
    for host in hosts {
        let file = folder.join(host);
        fs::write(&file, STAND_IN).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
