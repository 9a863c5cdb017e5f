use std::fs;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A home with this ssh_config in it, and what is found by it.
struct Bench {
    home: TempDir,
    ways: Ways,
    options: Options,
}

impl Bench {
    fn new(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".ssh")).unwrap();
        fs::write(home.path().join(".ssh/config"), config).unwrap();
        let local = Local {
            user: "me".to_owned(),
            home: home.path().to_owned(),
            env: HashMap::from([("SSH_AUTH_SOCK".to_owned(), "/run/agent".to_owned())]),
            ..Local::here()
        };
        Self { home, ways: Ways::new(local), options: Options::default() }
    }

    fn target(&mut self, vars: Value) -> Result<Target, Problem> {
        let vars = vars.as_object().unwrap();
        let connection =
            Connection::from_vars("web", &|name| vars.get(name).cloned().map(Ok), &|_| None)
                .unwrap();
        self.ways.target(&self.options, &connection)
    }
}

fn typed(given_as: &'static str, text: &str) -> SshArgs {
    SshArgs { text: text.to_owned(), given_as, place: None }
}

fn names(target: &Target) -> Vec<String> {
    let shown = |target: &Target| format!("{}@{}", target.user, target.endpoint);
    let mut names = vec![shown(target)];
    let mut via = &target.via;
    while let Via::Jump(jump) = via {
        names.push(shown(&jump.target));
        via = &jump.target.via;
    }
    names
}

#[test]
fn nothing_said_means_openssh_s_defaults() {
    let mut bench = Bench::new("");
    let target = bench.target(json!({})).unwrap();
    assert_eq!(names(&target), ["me@web:22"]);
    assert_eq!(target.connect_timeout, Duration::from_secs(10));
    assert_eq!(target.keepalive, Keepalive::default());
    assert_eq!(target.credentials.agent_socket.as_deref(), Some(Path::new("/run/agent")));
    assert_eq!(target.credentials.default_identity_files.len(), 3);
    assert_eq!(target.credentials.methods, Credentials::default().methods);
    assert_eq!(target.host_keys.policy, HostKeyPolicy::Strict);
    assert!(target.host_keys.files.first().unwrap().starts_with(bench.home.path()));
    assert!(matches!(target.via, Via::Direct(Socket { bind: None, .. })));
}

#[test]
fn the_inventory_goes_before_the_command_line_and_that_before_ssh_config() {
    let mut bench = Bench::new(
        "User conf\nPort 3\nConnectTimeout 33\nIdentityFile /conf\nStrictHostKeyChecking yes\n",
    );
    let conf = bench.target(json!({})).unwrap();
    assert_eq!(names(&conf), ["conf@web:3"]);
    assert_eq!(conf.connect_timeout, Duration::from_secs(33));

    bench.options = Options {
        user: Some("typed".to_owned()),
        private_key: Some("/typed".into()),
        timeout: Some(22),
        accept_new: true,
        known_hosts: Some("/typed_%h".into()),
        ssh_common_args: Some(typed(
            "--ssh-common-args",
            "-p 2 -o ConnectTimeout=1 -o IdentityFile=/args",
        )),
        ..Options::default()
    };
    let typed = bench.target(json!({})).unwrap();
    assert_eq!(names(&typed), ["typed@web:2"]);
    assert_eq!(typed.connect_timeout, Duration::from_secs(22));
    let files = ["/typed", "/args", "/conf"].map(PathBuf::from);
    assert_eq!(typed.credentials.identity_files, files);
    assert_eq!(typed.credentials.default_identity_files, [""; 0].map(PathBuf::from));
    assert_eq!(typed.host_keys.policy, HostKeyPolicy::AcceptNew);
    assert_eq!(typed.host_keys.files, [PathBuf::from("/typed_%h")]);
    assert_eq!(typed.host_keys.global_files, [""; 0].map(PathBuf::from));

    let inventory = json!({
        "ansible_user": "inv", "ansible_port": 1, "ansible_ssh_private_key_file": "~/inv",
        "ansible_ssh_timeout": 11, "ansible_ssh_common_args": "-l args -o UserKnownHostsFile=/dev/null",
        "ansible_host_key_checking": false,
    });
    let inv = bench.target(inventory).unwrap();
    assert_eq!(names(&inv), ["inv@web:1"]);
    assert_eq!(inv.connect_timeout, Duration::from_secs(11));
    let files = [bench.home.path().join("inv"), "/conf".into()];
    assert_eq!(inv.credentials.identity_files, files);
    assert_eq!(inv.host_keys.policy, HostKeyPolicy::Off);
    assert_eq!(inv.host_keys.files, [PathBuf::from("/dev/null")]);
}

#[test]
fn host_patterns_are_held_against_ansible_host() {
    let mut bench = Bench::new("Host 10.0.0.1\n User address\nHost web\n User name\n");
    assert_eq!(
        names(&bench.target(json!({"ansible_host": "10.0.0.1"})).unwrap()),
        ["address@10.0.0.1:22"]
    );
    assert_eq!(names(&bench.target(json!({})).unwrap()), ["name@web:22"]);
}

#[test]
fn jump_hosts_have_their_own_settings_and_no_secrets() {
    let mut bench = Bench::new(
        "Host web\n ProxyJump ops@one:2222,two\nHost two\n HostName 10.0.0.2\n Port 9\n IdentityFile /two\n\
         Host one\n StrictHostKeyChecking accept-new\n ProxyJump zero\nHost zero\n User root\n",
    );
    bench.options.user = Some("typed".to_owned());
    bench.options.password = Some("secret".to_owned().into());
    let target = bench.target(json!({"ansible_ssh_private_key_file": "/web"})).unwrap();
    let wanted = ["typed@web:22", "me@10.0.0.2:9", "ops@one:2222", "root@zero:22"];
    assert_eq!(names(&target), wanted);
    assert_eq!(target.credentials.password.as_ref().unwrap().expose_secret(), "secret");
    let Via::Jump(two) = &target.via else { panic!() };
    assert_eq!((two.name.as_str(), two.target.credentials.password.is_none()), ("two", true));
    assert_eq!(two.target.credentials.identity_files, [PathBuf::from("/two")]);
    let Via::Jump(one) = &two.target.via else { panic!() };
    assert_eq!(one.target.host_keys.policy, HostKeyPolicy::AcceptNew);
    let again = bench.target(json!({})).unwrap();
    let Via::Jump(same) = &again.via else { panic!() };
    assert!(Arc::ptr_eq(two, same), "it is made once for all hosts");
}

#[test]
fn jump_hosts_of_the_command_line_and_other_files() {
    let mut bench = Bench::new("Host web\n ProxyJump conf\n");
    let file = bench.home.path().join("other");
    fs::write(&file, "Host bastion\n User other\n").unwrap();
    let args = format!("-F {} -J bastion", file.display());
    let target = bench.target(json!({"ansible_ssh_common_args": args})).unwrap();
    assert_eq!(names(&target), ["me@web:22", "other@bastion:22"]);
    let target = bench.target(json!({"ansible_ssh_extra_args": "-o ProxyJump=none"})).unwrap();
    assert_eq!(names(&target), ["me@web:22"]);
    let target =
        bench.target(json!({"ansible_ssh_common_args": "-o ProxyCommand='nc %h %p'"})).unwrap();
    assert!(matches!(&target.via, Via::Command(command) if command == "nc web 22"));
}

#[test]
fn ways_to_log_in() {
    let mut bench = Bench::new(
        "PreferredAuthentications gssapi-with-mic,password,publickey\nPasswordAuthentication no\n\
         BatchMode yes\nNumberOfPasswordPrompts 1\nIdentitiesOnly yes\nCertificateFile /c\n\
         HostKeyAlias Alias\nHashKnownHosts yes\nBindAddress 127.0.0.1\nServerAliveInterval 5\n\
         ServerAliveCountMax 0\n",
    );
    let target = bench.target(json!({})).unwrap();
    assert_eq!(target.credentials.methods, [Method::PublicKey]);
    assert!(target.credentials.batch_mode && target.credentials.identities_only);
    assert_eq!(target.credentials.password_prompts, 1);
    assert_eq!(target.credentials.certificate_files, [PathBuf::from("/c")]);
    assert_eq!((target.host_keys.alias.as_deref(), target.host_keys.hash), (Some("alias"), true));
    let keepalive = Keepalive { interval: Duration::from_secs(5), count_max: 1 };
    assert_eq!(target.keepalive, keepalive);
    let Via::Direct(Socket { bind: Some(bind), .. }) = target.via else { panic!() };
    assert!(bind.is_loopback());
}

#[test]
fn mistakes_say_where_they_are() {
    let mut bench = Bench::new("Host one\n ProxyJump two\nHost two\n ProxyJump one\n");
    for (vars, wanted) in [
        (
            json!({"ansible_ssh_common_args": "bastion"}),
            "ansible_ssh_common_args: `bastion` is no option of ssh",
        ),
        (
            json!({"ansible_ssh_extra_args": "-o Port=x"}),
            "ansible_ssh_extra_args: -o Port: `x` is no port",
        ),
        (json!({"ansible_ssh_common_args": "-J one"}), "the jump hosts of "),
        (json!({"ansible_ssh_common_args": "-b here"}), "BindAddress here is no address"),
        (
            json!({"ansible_ssh_common_args": "-F /no/such/file"}),
            "ansible_ssh_common_args: -F /no/such/file: there is no such file",
        ),
    ] {
        let problem = bench.target(vars).unwrap_err();
        assert!(problem.message().contains(wanted), "{problem}");
    }
    bench.options.ssh_extra_args = Some(typed("--ssh-extra-args", "'"));
    let problem = bench.target(json!({})).unwrap_err();
    assert_eq!(problem.message(), "--ssh-extra-args: a quote is never closed");
}

#[test]
fn what_is_not_followed_is_said_once() {
    let mut bench = Bench::new("Host *\n Ciphers aes256-ctr\n");
    for address in ["10.0.0.1", "10.0.0.2"] {
        bench.target(json!({"ansible_host": address, "ansible_ssh_common_args": "-J j"})).unwrap();
    }
    assert_eq!(bench.ways.warnings().len(), 1);
}

#[test]
fn ten_thousand_hosts_are_resolved_in_a_moment() {
    let mut config: String = (0..50).map(|n| format!("Host rack{n}-*\n User rack{n}\n")).collect();
    config.push_str("Host rack*\n ProxyJump bastion\n");
    let mut bench = Bench::new(&config);
    let begun = std::time::Instant::now();
    for n in 0..10_000 {
        let address = format!("rack{}-{n}", n % 50);
        let target = bench.target(json!({"ansible_host": address})).unwrap();
        assert_eq!(target.user, format!("rack{}", n % 50));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    println!("{:?}", begun.elapsed());
}
