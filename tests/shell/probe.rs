//! What the probe and the watch find on a host.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ezsync::facts::{Facts, Platform};
use ezsync::remote::{Glance, Request, Sight, Word, probe_script, watch_script};
use ezsync::resource::{PathState, Subject};

use crate::host::{Host, Shell};
use crate::run::Running;

fn paths(host: &Host, paths: &[&str]) -> Vec<Option<PathState>> {
    let subjects: BTreeSet<_> = paths.iter().map(|path| Subject::Path((*path).into())).collect();
    let probe = host.probe(&Request::new(&subjects, &[]));
    paths.iter().map(|path| probe.observed.paths.get(*path).cloned()).collect()
}

#[test]
fn says_what_a_host_is() {
    for host in Host::each() {
        host.systemd();
        host.program("apt-get", "");
        host.program("chronyd", "#!/bin/sh\necho 'chronyd (chrony) version 4.3 (+CMDMON)'\n");
        host.program(
            "ip",
            "#!/bin/sh\necho '2: eth0    inet 10.1.2.3/24 brd 10.1.2.255 scope global eth0'\n\
             echo '2: eth0    inet6 fd00::3/64 scope global '\n",
        );
        host.write("/run/systemd/container", "lxc");
        let probe = host.probe(&Request::new(&BTreeSet::new(), &[]));
        assert!(probe.root);
        let facts = probe.facts;
        assert_eq!(facts.platform, Some(Platform::Debian));
        assert_eq!(facts.pretty_name, "A \"B\"");
        assert_eq!(facts.distribution_version, "12");
        assert_eq!(
            (facts.package_manager.as_str(), facts.service_manager.as_str()),
            ("apt", "systemd")
        );
        assert_eq!(facts.addresses.len(), 2);
        assert_eq!(facts.container, "lxc", "{:?}", host.shell);
        assert!(facts.chrony.installed);
        assert_eq!(facts.chrony.version, "4.3");
        for text in [facts.hostname, facts.kernel, facts.architecture] {
            assert!(!text.is_empty());
        }
    }
}

#[test]
fn a_bare_host_answers_as_well() {
    for host in Host::each() {
        host.write("/etc/os-release", "ID=plan9\n");
        let probe = host.probe(&Request::new(&BTreeSet::new(), &[]));
        assert_eq!(probe.facts.platform, None);
        assert_eq!(probe.facts.service_manager, "sysv");
        assert_eq!(probe.facts.package_manager, "");
        assert!(!probe.facts.chrony.installed);
        assert_eq!(probe.facts.chrony.unit, "chronyd");
    }
}

#[test]
fn names_and_contents_arrive_unchanged() {
    let names = [
        "plain",
        " blanks ",
        "-dash",
        "--",
        "it's \"quoted\" \\ `x` $(x)",
        "ü 日本",
        "a|b|c",
        "*",
        "%n",
    ];
    let contents: [&[u8]; 9] = [
        b"text\n",
        b"no line end",
        b"",
        b"\n",
        b"\n\n\nlines\n\n\n",
        b"\0\x01\xff\xfe binary \0",
        b"ezsync-0123456789abcdef0123456789abcdef content 0\n\nezsync-\nezsync-\n",
        b"\r\n\t\r",
        b"\xc3",
    ];
    for host in Host::each() {
        let all: Vec<String> = names.iter().map(|name| format!("/srv/{name}")).collect();
        for (path, content) in all.iter().zip(contents) {
            host.write(path, content);
        }
        let asked: Vec<&str> = all.iter().map(String::as_str).collect();
        for ((state, path), content) in paths(&host, &asked).into_iter().zip(&all).zip(contents) {
            let state = state.unwrap_or_else(|| panic!("{:?}: {path} is not there", host.shell));
            assert_eq!(state.content.as_deref(), Some(content), "{:?}: {path}", host.shell);
            assert!(state.kind.starts_with("regular"), "{:?}: {}", host.shell, state.kind);
            assert_eq!(
                (state.mode, state.owner.name.as_str(), state.group.name.as_str()),
                (0o644, "root", "root")
            );
        }
    }
}

#[test]
fn says_what_is_no_file() {
    for host in Host::each() {
        symlink("/etc/passwd", host.at("/srv/link")).unwrap();
        symlink("/nowhere", host.at("/srv/broken")).unwrap();
        fs::create_dir(host.at("/srv/folder")).unwrap();
        host.chmod("/srv/folder", 0o1777);
        host.write("/srv/big", vec![b'x'; 300 * 1024]);
        let [link, broken, folder, big, missing] =
            paths(&host, &["/srv/link", "/srv/broken", "/srv/folder", "/srv/big", "/srv/missing"])
                .try_into()
                .unwrap();
        assert!(link.unwrap().kind.starts_with("regular"));
        assert_eq!(broken.unwrap().kind, "symbolic link", "{:?}", host.shell);
        let folder = folder.unwrap();
        assert!(folder.is_directory() && folder.mode == 0o1777);
        let big = big.unwrap();
        assert_eq!((big.size, big.content), (300 * 1024, None), "{:?}", host.shell);
        assert!(missing.is_none());
    }
}

#[test]
fn a_host_in_another_language_is_understood() {
    for host in Host::each() {
        // GNU's stat names kinds of files in the user's language.
        host.program(
            "stat",
            "#!/bin/sh\nif [ \"$LC_ALL\" = C ]; then exec /host/usr/bin/stat \"$@\"; fi\n\
             echo '644|root|root|5|reguläre Datei|/srv/file'\n",
        );
        host.write("/srv/file", "text\n");
        assert!(paths(&host, &["/srv/file"])[0].as_ref().unwrap().kind.starts_with("regular"));
    }
}

#[test]
fn the_daemons_own_command_line_tells_its_file() {
    for host in Host::each() {
        host.systemd();
        host.service("chronyd", &["active"], "");
        // A daemon whose command line is told by its name: /proc is this machine's.
        let conf = host.at("/srv/my.conf").display().to_string();
        host.write("/srv/my.conf", "");
        let mut tail = Command::new("tail");
        tail.arg0("/usr/sbin/chronyd").args(["-f", &conf]).stdin(Stdio::null());
        let mut daemon = tail.spawn().unwrap();
        host.write("/run/chronyd.pid", format!("{}\n", daemon.id()));
        let found = host.probe(&Request::new(&BTreeSet::new(), &[])).facts.chrony.conf;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert_eq!(found, conf, "{:?}", host.shell);
    }
}

#[test]
fn texts_come_in_one_piece() {
    // bash writes line by line, though all lines at once: how they are read is by chance.
    for host in Host::each().into_iter().filter(|host| host.shell != Shell::Bash) {
        let waits = "#!/bin/sh\n: >/called\nwhile [ ! -e /go ]; do sleep 0.02; done\n";
        host.program("timedatectl", waits);
        let mark = Word::random().unwrap();
        let script = probe_script(&Request::new(&BTreeSet::new(), &[]), &mark);
        let mut running = Running::start(&host, script.as_bytes(), &mark);
        // That it runs is told at once.
        running.until(&["begun"]);
        while !host.has("/called") {
            sleep(Duration::from_millis(10));
        }
        host.write("/go", "");
        running.listen();
        let names: Vec<&str> = running.sections().iter().map(|one| one.name.as_str()).collect();
        for name in ["os-release", "units", "timedatectl", "resolved"] {
            assert!(names.contains(&name), "{:?}: {names:?}", host.shell);
        }
        running.finish_any();
    }
}

#[test]
fn systemd_is_asked_about_units_that_may_be_there() {
    let places = [
        ("/etc/systemd/system", "app.service"),
        ("/etc/systemd/system.control", "app.service"),
        ("/run/systemd/transient", "app.service"),
        ("/run/systemd/generator.late", "app.service"),
        // It runs on, and its file is gone.
        ("/run/systemd/units", "invocation:app.service"),
    ];
    for host in Host::each() {
        host.systemd();
        host.program("systemctl", "#!/bin/sh\necho \"$*\" >>/calls\n");
        let asked = |name: &str| {
            let subjects = BTreeSet::from([Subject::Unit(name.to_owned())]);
            let unit = host.probe(&Request::new(&subjects, &[])).observed.units.remove(name);
            let calls = host.calls().join(" ");
            (calls.split(' ').any(|word| word == name), unit.map(|unit| unit.exists))
        };
        assert_eq!(asked("app"), (false, Some(false)), "{:?}", host.shell);
        for (folder, file) in places {
            fs::create_dir_all(host.at(folder)).unwrap();
            // A masked unit is a link, and so is the word of a running one, which leads nowhere.
            symlink("/no/such", host.at(folder).join(file)).unwrap();
            assert!(asked("app").0, "{:?}: {folder}", host.shell);
            fs::remove_file(host.at(folder).join(file)).unwrap();
        }
        for other in ["app.timer", "app@1", "App", "a\\x2db"] {
            assert!(asked(other).0, "{:?}: {other}", host.shell);
        }
    }
}

#[test]
fn systemd_is_not_asked_about_aliases() {
    for host in Host::each() {
        host.systemd();
        host.service("chrony", &["active", "enabled"], "");
        let alias = host.at("/etc/systemd/system/chronyd.service");
        symlink("chrony.service", &alias).unwrap();
        let show = fs::read_to_string(host.at("/usr/bin/systemctl")).unwrap();
        host.program("systemctl", show.replacen('\n', "\necho \"$*\" >>/calls\n", 1));
        let units = |host: &Host| {
            let observed = host.probe(&Request::new(&BTreeSet::new(), &[])).observed;
            let calls = host.calls().join(" ");
            let asked = calls.split(' ').any(|word| word == "chronyd");
            (asked, observed.units["chrony"].clone(), observed.units["chronyd"].clone())
        };
        let (asked, chrony, chronyd) = units(&host);
        assert!(!asked && chrony.active && chronyd.id == "chrony", "{:?}", host.shell);
        assert_eq!(chrony, chronyd);
        // Two that are masked have nothing to do with each other.
        for name in ["chrony", "chronyd"] {
            let path = host.at(&format!("/etc/systemd/system/{name}.service"));
            fs::remove_file(&path).unwrap();
            symlink("/dev/null", &path).unwrap();
        }
        assert!(units(&host).0, "{:?}", host.shell);
    }
}

#[test]
fn timedatectl_is_asked_beside_the_rest() {
    for host in Host::each() {
        let flag = || {
            let look = host.probe(&Request::new(&BTreeSet::new(), &[])).look;
            look.reading().timedatectl.word()
        };
        assert_eq!(flag(), "n/a", "{:?}", host.shell);
        host.program("timedatectl", "#!/bin/sh\nsleep 0.2\necho NTPSynchronized=yes\n");
        assert_eq!(flag(), "yes", "{:?}", host.shell);
    }
}

#[test]
fn a_watch_asks_chronyd_alone_until_that_has_its_time() {
    for host in Host::each() {
        host.systemd();
        host.program(
            "timedatectl",
            "#!/bin/sh\necho timedatectl >>/calls\necho NTPSynchronized=yes\n",
        );
        let leap = |leap: &str| format!("#!/bin/sh\necho '0,,0,0,0,0,0,0,0,0,0,0,0,{leap}'\n");
        host.program("chronyc", leap("Not synchronised"));
        let mark = Word::random().unwrap();
        let chrony = Facts::typical(Platform::RedHat).chrony;
        let script = watch_script(&Glance::Look, Sight::of(&chrony), &mark);
        let mut running = Running::start(&host, script.as_bytes(), &mark);
        let asked = |running: &mut Running, looks: usize| {
            let looked = |running: &Running| {
                running.sections().iter().filter(|section| section.name == "looked").count()
            };
            while looked(running) < looks {
                running.listen();
            }
            host.calls().len()
        };
        assert_eq!(asked(&mut running, 1), 1, "{:?}", host.shell);
        running.say("look\n");
        assert_eq!(asked(&mut running, 2), 0, "{:?}", host.shell);
        running.say("explain\n");
        assert_eq!(asked(&mut running, 3), 1, "{:?}", host.shell);
        host.program("chronyc", leap("Normal"));
        running.say("look\n");
        assert_eq!(asked(&mut running, 4), 1, "{:?}", host.shell);
        running.hang_up();
        let answer = running.finish();
        // Every look tells all of it.
        let told = answer.sections.iter().filter(|section| section.name == "timedatectl");
        let told: Vec<String> = told.map(|section| section.text()).collect();
        assert_eq!(told.len(), 4, "{:?}", host.shell);
        assert!(told.iter().all(|text| text.contains("NTPSynchronized=yes")), "{told:?}");
    }
}

#[test]
fn a_watch_looks_once_for_each_line() {
    for host in Host::each() {
        host.systemd();
        host.service("chronyd", &["active"], "");
        host.program("chronyc", "#!/bin/sh\necho \"$*\" >>/calls\ncat\n");
        let mark = Word::random().unwrap();
        let names = ["node 1's".to_owned()];
        let chrony = Facts::typical(Platform::RedHat).chrony;
        let script = watch_script(
            &Glance::Look,
            Sight { chrony: &chrony, names: &names, far: false },
            &mark,
        );
        let mut running = Running::start(&host, script.as_bytes(), &mark);
        running.until(&["looked"]);
        running.say("burst\n");
        running.say("explain\n");
        running.hang_up();
        let answer = running.finish();
        let looks = answer.sections.iter().filter(|section| section.name == "looked").count();
        assert_eq!(looks, 3, "{:?}: {:?}", host.shell, answer.sections);
        let bursts = host.calls().into_iter().filter(|call| call.starts_with("burst")).count();
        assert_eq!(bursts, 1, "{:?}", host.shell);
        assert!(answer.status.success());
    }
}

/// Asks for chrony, and for all packages where it is missing and a bundle wants to know.
fn stock(host: &Host, bundle: bool) -> Option<(String, String)> {
    let subjects = BTreeSet::from(["chrony", "tree"].map(|name| Subject::Stock(name.to_owned())));
    let mut request = Request::new(&subjects, &[]);
    assert!(request.covers(&Subject::Stock("rsync".to_owned())), "without a bundle nobody asks");
    if bundle {
        request = request.with_bundle(vec!["/bin/sh".to_owned(), "/usr/bin/no-such".to_owned()]);
        assert!(!request.covers(&Subject::Stock("rsync".to_owned())));
    }
    host.probe(&request).stock.map(|stock| (stock.architecture, stock.packages))
}

#[test]
fn all_packages_are_listed_where_one_is_missing_that_a_bundle_has() {
    for host in Host::each() {
        host.program("apt-get", "");
        host.program("dpkg", "#!/bin/sh\n[ \"$*\" = --print-architecture ] && echo i386\n");
        // Some ask for one package, and some for all.
        host.program(
            "dpkg-query",
            "#!/bin/sh\n\
             case $* in\n\
               *' -- '*) for name; do [ -e \"/there/$name\" ] && printf 'install ok installed'; done ;;\n\
               *) printf '%s\\n' 'install ok installed|i386|libc6\t2.36-9\tlibc-dev (= 1)' \\\n\
                 'install ok installed|amd64|foreign\t1\t' 'deinstall ok config-files|i386|gone\t1\t' \\\n\
                 'install ok half-configured|i386|half\t1\t' \\\n\
                 'install reinstreq half-installed|i386|none\t1\t' 'install ok installed|all|tzdata\t2024a\t' ;;\n\
             esac\n\
             exit 0\n",
        );
        // What dpkg was cut off at is configured before anything else is installed.
        let listed = "libc6\t2.36-9\tlibc-dev (= 1)\nhalf\t1\t\ntzdata\t2024a\t\n";
        let expected = Some(("i386".to_owned(), listed.to_owned()));
        assert_eq!(stock(&host, true), expected, "{:?}", host.shell);
        assert_eq!(stock(&host, false), None);
        fs::create_dir_all(host.at("/there")).unwrap();
        host.write("/there/chrony", "");
        assert_eq!(stock(&host, true), expected, "{:?}", host.shell);
        host.write("/there/tree", "");
        assert_eq!(stock(&host, true), None, "{:?}", host.shell);
    }
}

#[test]
fn rpm_lists_its_packages_with_the_paths_that_are_needed() {
    for host in Host::each() {
        host.program("dnf", "");
        host.program(
            "rpm",
            "#!/bin/sh\n\
             case $* in\n\
               '-q --qf '*ARCH*rpm) echo 'package rpm is not installed'; exit 1 ;;\n\
               '--eval %{_arch}') echo x86_64 ;;\n\
               '-qa --qf '*) printf 'bash\\t5.1-9.el9\\tbash = 5.1-9.el9,/bin/sh  ,\\n' ;;\n\
               *whatprovides*/bin/sh) printf 'bash\\t5.1-9.el9\\t/bin/sh\\n' ;;\n\
               *whatprovides*) echo 'no package provides /usr/bin/no-such'; exit 1 ;;\n\
               *) exit 1 ;;\n\
             esac\n",
        );
        let listed = "bash\t5.1-9.el9\tbash = 5.1-9.el9,/bin/sh  ,\nbash\t5.1-9.el9\t/bin/sh\n";
        let expected = Some(("x86_64".to_owned(), listed.to_owned()));
        assert_eq!(stock(&host, true), expected, "{:?}", host.shell);
    }
}

#[test]
fn a_host_that_takes_no_packages_of_a_bundle_says_so() {
    for host in Host::each() {
        host.program("apk", "#!/bin/sh\nexit 1\n");
        assert_eq!(stock(&host, true), Some((String::new(), String::new())), "{:?}", host.shell);
    }
}
