use serde_json::{Map, Value, json};

use super::*;
use crate::problem::Place;
use std::time::Duration;

fn build(module: &str, args: Value) -> Result<Arc<dyn Resource>, Problem> {
    let Value::Object(values) = args else { panic!("arguments are a map") };
    make(module, Args::new(module, values, Place::in_source("tasks.yml", "- a task\n", 1, 3)))
}

/// `summary: function args` of each phase, or `same`, or `error: why`.
fn compared(module: &str, args: &Value, observed: &Observed) -> String {
    let resource =
        build(module, args.clone()).unwrap_or_else(|problem| panic!("{args}: {problem}"));
    let difference = match resource.compare(observed) {
        Ok(None) => return "same".to_owned(),
        Ok(Some(difference)) => difference,
        Err(obstacle) => return format!("error: {}", obstacle.what),
    };
    let Work { prepare, activate, .. } = difference.work;
    let calls = [prepare, activate].map(|call| {
        call.map_or("-".to_owned(), |call| format!("{} {}", call.function, call.args.join(" ")))
    });
    format!("{}: {}", difference.summary, calls.join("; "))
}

fn account(name: &str, number: u32) -> Account {
    Account { name: name.to_owned(), number }
}

fn path(kind: &str, mode: u32, content: Option<&str>) -> PathState {
    PathState {
        kind: kind.to_owned(),
        mode,
        owner: account("root", 0),
        group: account("chrony", 106),
        size: content.map_or(4096, |text| text.len() as u64),
        content: content.map(|text| text.as_bytes().to_vec()),
    }
}

fn unit(id: &str, states: &str) -> UnitState {
    let has = |state: &str| states.split(' ').any(|known| known == state);
    UnitState {
        id: id.to_owned(),
        exists: true,
        active: has("active"),
        enabled: if has("static") { None } else { Some(has("enabled")) },
        masked: has("masked"),
        condition: !has("held"),
        ..UnitState::default()
    }
}

fn host() -> Observed {
    let named = |name: &str, state| (name.to_owned(), state);
    Observed {
        packages: HashMap::from([("chrony".to_owned(), "4.3".to_owned())]),
        paths: HashMap::from([
            named("/etc/file", path("regular file", 0o640, Some("text\n"))),
            named("/etc/open", path("regular file", 0o644, Some("text\n"))),
            named("/etc/empty", path("regular empty file", 0o644, Some(""))),
            named("/etc/big", path("regular file", 0o644, None)),
            named("/etc/folder", path("directory", 0o755, None)),
            named("/etc/broken", path("symbolic link", 0o777, None)),
            named("/etc/pipe", path("fifo", 0o644, None)),
        ]),
        units: HashMap::from([
            ("on".to_owned(), unit("on", "active enabled")),
            ("off".to_owned(), unit("off", "")),
            ("masked".to_owned(), unit("masked", "masked")),
            ("static".to_owned(), unit("static", "static active")),
            ("alias".to_owned(), unit("real", "active")),
            ("held".to_owned(), unit("held", "enabled held")),
            ("absent".to_owned(), UnitState::default()),
        ]),
        timezone: Some("Etc/UTC".to_owned()),
        // 3600.5 s ahead, known to half a second.
        container: None,
        supply: None,
        clock: ClockOffset::read("3700", Duration::from_secs(100), Duration::from_secs(100)),
        zones: vec!["Etc/UTC".to_owned(), "Etc/GMT+5".to_owned(), "Europe/Berlin".to_owned()],
    }
}

fn check(module: &str, cases: &[(Value, &str)]) {
    for (args, wanted) in cases {
        assert_eq!(compared(module, args, &host()), *wanted, "{module} {args}");
    }
}

#[test]
fn packages() {
    for module in ["package", "apt", "dnf", "yum"] {
        check(
            module,
            &[
                (json!({"name": "chrony"}), "same"),
                (json!({"name": "chrony", "state": "installed", "update_cache": true}), "same"),
                (json!({"name": ["chrony", "a", "b"]}), "install a, b: package_install a b; -"),
                (json!({"name": "chrony, a"}), "install a: package_install a; -"),
                (json!({"name": "a", "state": "absent"}), "same"),
                (
                    json!({"name": ["a", "chrony"], "state": "removed"}),
                    "remove chrony: -; package_remove chrony",
                ),
            ],
        );
    }
}

#[test]
fn files() {
    let commit = |path: &str| format!("file_commit {path}");
    let stage = |verb: &str, path: &str, words: &str| {
        format!("{verb} {path}: file_stage {path} {words}; {}", commit(path))
    };
    for (args, wanted) in [
        (json!({"dest": "/etc/file", "content": "text\n"}), "same".to_owned()),
        (
            json!({"path": "/etc/file", "content": "text\n", "mode": "0640", "owner": "0", "group": "chrony"}),
            "same".to_owned(),
        ),
        (json!({"dest": "/etc/empty", "content": ""}), "same".to_owned()),
        (
            json!({"dest": "/etc/file", "content": "text\n", "mode": "0600"}),
            stage("set owner and mode of", "/etc/file", "0600 - -"),
        ),
        (
            json!({"dest": "/etc/file", "content": "text\n", "owner": "106"}),
            stage("set owner and mode of", "/etc/file", "- 106 -"),
        ),
        (
            json!({"dest": "/etc/file", "content": "text", "mode": 0o600, "group": "adm"}),
            stage("change", "/etc/file", "0600 - adm"),
        ),
        (json!({"dest": "/etc/big", "content": "x"}), stage("change", "/etc/big", "- - -")),
        (json!({"dest": "/etc/new", "content": ""}), stage("write", "/etc/new", "- - -")),
        (json!({"dest": "/etc/broken", "content": ""}), stage("write", "/etc/broken", "- - -")),
        (
            json!({"dest": "/etc/folder", "content": ""}),
            "error: /etc/folder is a directory, not a file".to_owned(),
        ),
        (
            json!({"dest": "/etc/pipe", "content": ""}),
            "error: /etc/pipe is a fifo, not a file".to_owned(),
        ),
    ] {
        check("copy", &[(args.clone(), &wanted)]);
        check("template", &[(args, &wanted)]);
    }
}

#[test]
fn a_file_shows_its_texts_unless_they_are_secret() {
    for (args, shown) in [
        (json!({"dest": "/etc/open", "content": "new\n"}), true),
        (json!({"dest": "/etc/open", "content": "new\n", "mode": "0600"}), false),
        // It stands there for few eyes, and will.
        (json!({"dest": "/etc/file", "content": "new\n"}), false),
        (json!({"dest": "/etc/file", "content": "new\n", "mode": "0644"}), false),
        (json!({"dest": "/etc/new", "content": "new\n"}), true),
    ] {
        let resource = build("copy", args.clone()).unwrap();
        let difference = resource.compare(&host()).unwrap().unwrap();
        assert_eq!(difference.texts.is_some(), shown, "{args}");
        let content = difference.work.content.unwrap();
        assert_eq!(content.bytes.as_slice(), b"new\n");
    }
}

#[test]
fn paths() {
    check(
        "file",
        &[
            (json!({"path": "/etc/file"}), "same"),
            (json!({"path": "/etc/file", "mode": "640", "owner": "root", "group": "106"}), "same"),
            (
                json!({"path": "/etc/file", "mode": "0644"}),
                "set owner and mode of /etc/file: attributes_stage /etc/file; \
                 attributes_set /etc/file 0644 - -",
            ),
            (
                json!({"path": "/etc/none"}),
                "error: /etc/none does not exist: use copy or template to write it",
            ),
            (json!({"path": "/etc/broken"}), "error: /etc/broken is a link that leads nowhere"),
            (json!({"path": "/etc/folder/", "state": "directory"}), "same"),
            (
                json!({"dest": "/etc/folder", "state": "directory", "owner": "chrony"}),
                "set owner and mode of /etc/folder: attributes_stage /etc/folder; \
                 attributes_set /etc/folder - chrony -",
            ),
            (
                json!({"path": "/etc/new", "state": "directory", "mode": "0750"}),
                "make folder /etc/new: directory_make /etc/new 0750 - -; -",
            ),
            (
                json!({"path": "/etc/file", "state": "directory"}),
                "error: /etc/file is a regular file, not a folder",
            ),
            (json!({"path": "/etc/none", "state": "absent"}), "same"),
            (
                json!({"path": "/etc/broken", "state": "absent"}),
                "remove /etc/broken: path_stage /etc/broken; path_remove /etc/broken",
            ),
        ],
    );
}

#[test]
fn services() {
    let set = |verbs: &str, name: &str, words: &str| {
        format!("{verbs} {name}: service_stage {name}; service_set {name} {words}")
    };
    for (args, wanted) in [
        (json!({"name": "on", "state": "started", "enabled": true}), "same".to_owned()),
        (json!({"name": "on.service", "masked": false}), "same".to_owned()),
        (json!({"name": "on"}), "same".to_owned()),
        (
            json!({"name": "off", "state": "started", "enabled": "yes"}),
            set("enable and start", "off", "yes yes - no"),
        ),
        (json!({"name": "off", "state": "stopped", "enabled": false}), "same".to_owned()),
        (
            json!({"name": "on", "state": "stopped", "enabled": false, "masked": true}),
            set("mask and disable and stop", "on", "no no yes no"),
        ),
        (
            json!({"name": "masked", "masked": false, "daemon_reload": true}),
            set("unmask", "masked", "- - no yes"),
        ),
        (json!({"name": "static", "enabled": false}), "same".to_owned()),
        (json!({"name": "static", "enabled": true}), "same".to_owned()),
        (json!({"name": "alias", "state": "stopped"}), set("stop", "real", "no - - no")),
        (json!({"name": "held", "state": "started"}), "same".to_owned()),
        (json!({"name": "absent", "state": "stopped", "enabled": false}), "same".to_owned()),
        (json!({"name": "never-seen", "state": "stopped"}), "same".to_owned()),
        (
            json!({"name": "absent", "state": "started", "enabled": true}),
            set("enable and start", "absent", "yes yes - no"),
        ),
        (json!({"name": "absent", "masked": true}), set("mask", "absent", "- - yes no")),
        (
            json!({"name": "alias", "state": "restarted"}),
            "restart real: service_stage real; service_restart real no".to_owned(),
        ),
        (
            json!({"name": "on", "state": "reloaded", "daemon_reload": true}),
            "reload on: service_stage on; service_reload on yes".to_owned(),
        ),
    ] {
        for module in ["service", "systemd", "systemd_service"] {
            check(module, &[(args.clone(), &wanted)]);
        }
    }
}

#[test]
fn time_zones() {
    check(
        "timezone",
        &[
            (json!({"name": "Etc/UTC"}), "same"),
            (
                json!({"name": "Etc/GMT+5"}),
                "set the time zone to Etc/GMT+5: timezone_stage Etc/GMT+5; timezone_set ",
            ),
            (
                json!({"name": "Europe/Berlim"}),
                "error: the host has no time zone Europe/Berlim in /usr/share/zoneinfo",
            ),
        ],
    );
    let next = |name: &str, observed: &Observed| {
        let resource = build("timezone", json!({"name": name})).unwrap();
        resource.compare(observed).unwrap_err().next
    };
    assert_eq!(next("Europe/Berlim", &host()), "did you mean Europe/Berlin?");
    assert!(next("Mars/Olympus", &host()).contains("tzdata-legacy"));
    assert!(next("Europe/Berlin", &Observed::default()).starts_with("install its package tzdata"));
    let texts = build("timezone", json!({"name": "Europe/Berlin"})).unwrap().compare(&host());
    let texts = texts.unwrap().unwrap().texts.unwrap();
    assert_eq!((texts.before.as_str(), texts.after.as_str()), ("Etc/UTC\n", "Europe/Berlin\n"));
}

#[test]
fn what_somebody_has_masked_is_not_unmasked_unasked() {
    for args in
        [json!({"state": "started"}), json!({"state": "restarted"}), json!({"enabled": true})]
    {
        let mut args = args;
        args["name"] = "masked".into();
        let obstacle = build("service", args).unwrap().compare(&host()).unwrap_err();
        assert_eq!(obstacle.what, "masked.service is masked");
        let next = "run `systemctl unmask masked.service` on this host, then setup";
        assert_eq!(obstacle.next, next);
    }
}

#[test]
fn clocks() {
    check(
        "clock",
        &[
            (
                json!({"max_offset": 0.05}),
                "set the clock back by 1 h 0 min (3,600.5 s) ± 500 ms: clock_set -3600.500000 -3601 +3600.500000 +3601; -",
            ),
            // What is not known for certain is no reason to set a clock.
            (json!({"max_offset": 3600.1}), "same"),
            (json!({"max_offset": "1e4"}), "same"),
        ],
    );
    let clock = build("clock", json!({"max_offset": "0.05"})).unwrap();
    let behind = ClockOffset::read("90.5", Duration::from_secs(100), Duration::from_secs(100));
    let observed = Observed { clock: behind, ..Observed::default() };
    let difference = clock.compare(&observed).unwrap().unwrap();
    assert_eq!(difference.summary, "set the clock forward by 9.4 s ± 50 ms");
    assert_eq!(difference.texts.unwrap().before, "9.4 s ± 50 ms behind the controller's\n");
    assert!(clock.compare(&Observed::default()).is_err());
    // It would be set for everything else on the container's host as well.
    let inside = Observed { container: Some("lxc".to_owned()), ..observed };
    let obstacle = clock.compare(&inside).unwrap_err();
    let what =
        "its clock is 9.4 s ± 50 ms behind the controller's, and a container's (lxc) is its host's";
    assert!(obstacle.what.starts_with(what), "{obstacle:?}");
}

#[test]
fn commands() {
    check(
        "shell",
        &[
            (json!({"_raw_params": "a | b\nc"}), "run a | b ...: -; command_run / a | b\nc"),
            (json!({"cmd": "x", "creates": "/etc/file"}), "same"),
            (
                json!({"cmd": "x", "creates": "/etc/none", "chdir": "/srv"}),
                "run x: -; command_run /srv x",
            ),
            (json!({"cmd": "x", "removes": "/etc/none"}), "same"),
            (json!({"cmd": "x", "removes": "/etc/file"}), "run x: -; command_run / x"),
        ],
    );
    check(
        "command",
        &[(json!({"cmd": "a | 'b c'"}), "run a '|' 'b c': -; command_run / a '|' 'b c'")],
    );
}

#[test]
fn each_kind_says_what_it_looks_at() {
    let path = |path: &str| Subject::Path(path.to_owned());
    for (module, args, wanted) in [
        (
            "package",
            json!({"name": "a"}),
            vec![Subject::Package("a".to_owned()), Subject::Stock("a".to_owned())],
        ),
        (
            "package",
            json!({"name": "a", "state": "absent"}),
            vec![Subject::Package("a".to_owned())],
        ),
        ("copy", json!({"dest": "/a", "content": ""}), vec![path("/a")]),
        ("file", json!({"path": "/a"}), vec![path("/a")]),
        ("service", json!({"name": "a"}), vec![Subject::Unit("a".to_owned())]),
        ("timezone", json!({"name": "UTC"}), vec![Subject::Timezone("UTC".to_owned())]),
        (
            "shell",
            json!({"cmd": "x", "creates": "/a", "removes": "/b"}),
            vec![path("/a"), path("/b")],
        ),
    ] {
        assert_eq!(build(module, args).unwrap().subjects(), wanted, "{module}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let long = "x".repeat(CONTENT_MAX + 1);
    for (module, args, message) in [
        ("package", json!({}), "`name` must be a name or a list of names"),
        ("package", json!({"name": []}), "`name` must be a name or a list of names"),
        ("package", json!({"name": "-y"}), "`name` must be a name or a list of names"),
        ("package", json!({"name": ["a", 3]}), "`name` must be a name or a list of names"),
        ("package", json!({"name": "a,,b"}), "`name` must be a name or a list of names"),
        ("package", json!({"name": "a\nb"}), "`name` must be a name or a list of names"),
        (
            "apt",
            json!({"name": "a", "state": "latest"}),
            "`state` must be present or absent, not latest",
        ),
        ("copy", json!({"content": ""}), "`dest` is missing"),
        ("copy", json!({"dest": "/a"}), "`src` or `content` is missing"),
        ("copy", json!({"dest": "a", "content": ""}), "`dest` must be an absolute path, not a"),
        (
            "copy",
            json!({"dest": "/a/../b", "content": ""}),
            "`dest` must be an absolute path, not /a/../b",
        ),
        (
            "copy",
            json!({"dest": "/a/", "content": ""}),
            "`dest` must name the file, not its folder",
        ),
        (
            "copy",
            json!({"dest": "/a\nb", "content": ""}),
            "`dest` has a control character or a line end in it",
        ),
        ("copy", json!({"dest": "", "content": ""}), "`dest` is empty"),
        ("copy", json!({"dest": "/a", "content": []}), "`content` must be a text"),
        ("copy", json!({"dest": "/a", "content": "a\u{0}b"}), "`content` has a NUL in it"),
        ("copy", json!({"dest": "/a", "content": long}), "/a would have more than 256 KiB"),
        (
            "copy",
            json!({"dest": "/a", "content": "", "mode": "rw"}),
            "`mode` must be an octal mode such as \"0644\", not \"rw\"",
        ),
        (
            "copy",
            json!({"dest": "/a", "content": "", "mode": "17777"}),
            "`mode` must be an octal mode such as \"0644\", not \"17777\"",
        ),
        (
            "copy",
            json!({"dest": "/a", "content": "", "mode": -1}),
            "`mode` must be an octal mode such as \"0644\", not -1",
        ),
        (
            "copy",
            json!({"dest": "/a", "content": "", "owner": "-R"}),
            "`owner` must be a name or a number, not -R",
        ),
        (
            "copy",
            json!({"dest": "/a", "content": "", "group": "a:b"}),
            "`group` must be a name or a number, not a:b",
        ),
        (
            "copy",
            json!({"dest": "/a", "content": "", "validate": "true"}),
            "`validate` needs %s where the file's path goes",
        ),
        (
            "file",
            json!({"path": "/", "state": "absent"}),
            "`path` must not be the root of the file system",
        ),
        (
            "file",
            json!({"path": "/a", "state": "link"}),
            "`state` must be directory, file or absent, not link",
        ),
        ("clock", json!({}), "`max_offset` is missing"),
        ("clock", json!({"max_offset": 0}), "`max_offset` must be in seconds, not 0"),
        ("clock", json!({"max_offset": "soon"}), "`max_offset` must be in seconds, not soon"),
        ("service", json!({"state": "started"}), "`name` is missing"),
        ("service", json!({"name": "a*"}), "`a*` is not the name of a service"),
        ("service", json!({"name": "-a"}), "`-a` is not the name of a service"),
        ("service", json!({"name": "ü"}), "`ü` is not the name of a service"),
        (
            "service",
            json!({"name": "a", "state": "running"}),
            "`state` must be started, stopped, restarted or reloaded, not running",
        ),
        (
            "service",
            json!({"name": "a", "enabled": "maybe"}),
            "`enabled` must be true or false, not maybe",
        ),
        (
            "timezone",
            json!({"name": "../../etc/passwd"}),
            "`../../etc/passwd` is not the name of a time zone",
        ),
        (
            "timezone",
            json!({"name": "/etc/passwd"}),
            "`/etc/passwd` is not the name of a time zone",
        ),
        ("timezone", json!({"name": "a b"}), "`a b` is not the name of a time zone"),
        ("shell", json!({}), "the command is missing"),
        ("shell", json!({"cmd": " \n"}), "the command is missing"),
        (
            "shell",
            json!({"cmd": "x", "chdir": "here"}),
            "`chdir` must be an absolute path, not here",
        ),
        (
            "shell",
            json!({"cmd": "x", "creates": "here"}),
            "`creates` must be an absolute path, not here",
        ),
        ("command", json!({"cmd": "it's"}), "a quote in the command is not closed"),
    ] {
        let problem = build(module, args.clone()).map(|made| panic!("{module} {args}: {made:?}"));
        let problem = problem.unwrap_err();
        assert_eq!(problem.message(), format!("{module}: {message}"), "{args}");
        assert!(problem.place().is_some(), "{module} {args}");
    }
}

#[test]
fn unknown_arguments_are_refused_with_the_nearest_known() {
    for (args, hint) in [
        (json!({"name": "a", "stat": "started"}), "did you mean `state`?"),
        (json!({"name": "a", "xyz": 1}), "known are: name, state, enabled, masked, daemon_reload"),
    ] {
        let problem = build("service", args).unwrap_err().to_string();
        assert!(problem.contains("service: there is no argument"), "{problem}");
        assert!(problem.ends_with(&format!("hint: {hint}")), "{problem}");
    }
    let problem = build("no-such", Value::Object(Map::new())).unwrap_err();
    assert_eq!(problem.message(), "no-such: there is no module `no-such`");
}

#[test]
fn modules_are_known_by_ansibles_long_names() {
    for name in module_names() {
        assert_eq!(module(name), Some(name));
        assert_eq!(module(&format!("ansible.builtin.{name}")), Some(name));
    }
    assert_eq!(module("community.general.timezone"), Some("timezone"));
    for name in ["", "ansible.builtin.", "community.docker.copy", "Copy"] {
        assert_eq!(module(name), None, "{name}");
    }
}

/// A host that has nothing but what `installed` lists, in a run with a bundle for it.
fn with_bundle(folder: &tempfile::TempDir, installed: &str, release: &str) -> Observed {
    use crate::bundle::{self, Bundle, Host, Manifest, Member, Set, Stock, Supply};
    use crate::package::{self, Relation, Target};
    let member = |name: &str, needs: &[&str]| {
        let bytes = Bytes::from(name.repeat(1000));
        let needs =
            needs.iter().map(|name| vec![Relation { name: (*name).to_owned(), bound: None }]);
        let package = package::Package {
            name: name.to_owned(),
            version: "4.3-2".to_owned(),
            architecture: "amd64".to_owned(),
            file: format!("{name}_4.3-2_amd64.deb"),
            size: bytes.len() as u64,
            installed_size: 70_000,
            sha256: bundle::sha256(&bytes),
            needs: needs.collect(),
            ..package::Package::default()
        };
        Member { package, bytes }
    };
    let members = [
        member("chrony", &["tzdata", "ucf"]),
        member("tree", &["tzdata"]),
        member("tzdata", &[]),
        member("ucf", &[]),
    ];
    let target =
        Target { release: "debian-12".parse().unwrap(), architecture: "amd64".parse().unwrap() };
    let packages = members.iter().map(|member| member.package.clone()).collect();
    let wanted = vec!["chrony".to_owned()];
    let manifest = Manifest { sets: vec![Set { target, wanted, packages }] };
    let path = folder.path().join("time.bundle");
    bundle::write(&manifest, &members, &path).unwrap();
    let host = Host {
        distribution: "debian".to_owned(),
        version: release.to_owned(),
        architecture: "amd64".to_owned(),
        package_manager: "apt".to_owned(),
    };
    let stock = Stock { architecture: "amd64".to_owned(), packages: installed.to_owned() };
    let bundle = Arc::new(Bundle::open(&path).unwrap());
    let supply = Some(Supply::new(bundle, host, &stock).unwrap());
    Observed { supply, ..Observed::default() }
}

#[test]
fn packages_come_from_the_bundle_where_there_is_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let bare = with_bundle(&folder, "", "12");
    let with_ucf = with_bundle(&folder, "ucf\t3\t\n", "12");
    for (names, observed, expected) in [
        (
            json!("chrony"),
            &bare,
            "install chrony (from the bundle: chrony 4.3-2 and 2 more, 15 kB): package_install_files \
             chrony_4.3-2_amd64.deb tzdata_4.3-2_amd64.deb ucf_4.3-2_amd64.deb -- chrony -- tzdata ucf; \
             -",
        ),
        (
            json!("tzdata"),
            &bare,
            "install tzdata (from the bundle: tzdata 4.3-2, 6 kB): package_install_files \
             tzdata_4.3-2_amd64.deb -- tzdata --; -",
        ),
        (
            json!(["chrony", "tree"]),
            &with_ucf,
            "install chrony, tree (from the bundle: chrony 4.3-2, tree 4.3-2 and 1 more, 16 kB): \
             package_install_files chrony_4.3-2_amd64.deb tree_4.3-2_amd64.deb tzdata_4.3-2_amd64.deb -- chrony tree -- tzdata; \
             -",
        ),
        (
            json!("rsync"),
            &bare,
            "error: the bundle does not do for this host (debian-12 amd64): rsync: there is no rsync",
        ),
    ] {
        assert_eq!(compared("package", &json!({"name": names}), observed), expected, "{names}");
    }
    let there = Observed {
        packages: HashMap::from([("rsync".to_owned(), "1".to_owned())]),
        ..bare.clone()
    };
    assert_eq!(compared("package", &json!({"name": "rsync"}), &there), "same");
    let absent = json!({"name": "rsync", "state": "absent"});
    assert_eq!(compared("package", &absent, &there), "remove rsync: -; package_remove rsync");
    let work =
        build("package", json!({"name": "tree"})).unwrap().compare(&bare).unwrap().unwrap().work;
    assert_eq!(
        format!("{:?}", work.uploads),
        "[tree_4.3-2_amd64.deb (4000 bytes), tzdata_4.3-2_amd64.deb (6000 bytes)]"
    );
    assert_eq!(work.uploads[0].installed_size, 70_000);
    assert!(!work.installs(), "nothing is fetched there");
}

#[test]
fn only_what_a_bundle_lacks_is_a_misfit() {
    let folder = tempfile::TempDir::new().unwrap();
    let misfit = |release: &str, module: &str, args: Value| {
        let observed = with_bundle(&folder, "", release);
        build(module, args).unwrap().compare(&observed).unwrap_err().misfit
    };
    assert!(misfit("11", "package", json!({"name": "chrony"})));
    assert!(misfit("12", "package", json!({"name": "rsync"})));
    assert!(!misfit("12", "timezone", json!({"name": "Europe/Berlin"})));
}

#[test]
fn what_an_earlier_change_brings_is_there_for_the_later_ones() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut observed = with_bundle(&folder, "", "12");
    let names = |observed: &Observed, name: &str| -> Vec<String> {
        let task = build("package", json!({"name": name})).unwrap();
        let uploads = task.compare(observed).unwrap().map(|it| it.work.uploads).unwrap_or_default();
        uploads.into_iter().map(|upload| upload.name).collect()
    };
    let chrony = build("package", json!({"name": "chrony"})).unwrap();
    observed.expect(&chrony.compare(&observed).unwrap().unwrap().work);
    assert_eq!(names(&observed, "tree"), ["tree_4.3-2_amd64.deb"]);
    assert!(names(&observed, "tzdata").is_empty());
}
