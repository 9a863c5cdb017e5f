//! Packages by each of the package managers.

use std::fs;

use ezsync::desired::Step;
use ezsync::remote::{Outcome, Request};
use ezsync::resource::Subject;
use serde_json::json;

use crate::host::Host;
use crate::run::task;

fn install(names: &[&str]) -> Vec<Step> {
    vec![task("package", json!({"name": names}))]
}

fn remove(name: &str) -> Vec<Step> {
    vec![task("package", json!({"name": name, "state": "absent"}))]
}

/// A host with apt, which has these packages in these places: see fakes/apt-get.
pub fn debian(host: &Host, packages: &[(&str, &str)]) {
    host.fake("apt-get");
    host.fake("dpkg-query");
    for folder in ["index", "archive"] {
        fs::create_dir_all(host.at("/apt").join(folder)).unwrap();
    }
    for (name, place) in packages {
        host.write(&format!("/apt/{place}/{name}"), "");
    }
}

#[test]
fn apt_fetches_before_it_installs() {
    for host in Host::each() {
        debian(&host, &[("chrony", "index"), ("rsync", "index")]);
        assert_eq!(host.apply(|| install(&["chrony", "rsync"])), ["install chrony, rsync"]);
        let calls = [
            "apt-get install --download-only chrony rsync",
            "apt-get install --no-download chrony rsync",
        ];
        assert_eq!(host.calls(), calls, "{:?}", host.shell);
        assert_eq!(host.apply(|| remove("chrony")), ["remove chrony"]);
        assert_eq!(host.calls(), ["apt-get remove chrony"]);
    }
}

/// What dpkg's own file says of packages, in its order, and one that was cut off.
const STATUS: &str = "Package: chrony\nStatus: install ok installed\nPriority: optional\nSection: net\n\
    Installed-Size: 1\nMaintainer: x\nArchitecture: amd64\nVersion: 4.3-2\nDescription: x\n Package: rsync\n\n\
    Package: tree\nStatus: deinstall ok config-files\nVersion: 2\n\n\
    Package: rsync-doc\nStatus: install ok installed\nVersion: 3\n\n\
    Package: half\nStatus: install ok half-configured\nVersion: 1\n\n";

#[test]
fn installed_packages_are_read_from_dpkgs_own_file_unless_it_was_cut_off() {
    for host in Host::each() {
        debian(&host, &[]);
        host.program("dpkg-query", "#!/bin/sh\necho 'install ok installed|asked\t1'\n");
        fs::create_dir_all(host.at("/var/lib/dpkg/updates")).unwrap();
        host.write("/var/lib/dpkg/status", STATUS);
        let packages = |names: &[&str]| {
            let subjects = names.iter().map(|name| Subject::Package((*name).to_owned())).collect();
            let packages = host.probe(&Request::new(&subjects, &[])).observed.packages;
            let mut packages: Vec<_> = packages.into_iter().collect();
            packages.sort();
            packages
        };
        let one = |name: &str, version: &str| vec![(name.to_owned(), version.to_owned())];
        let found = packages(&["chrony", "tree", "rsync", "half", "no-such"]);
        assert_eq!(found, one("chrony", "4.3-2"), "{:?}", host.shell);
        assert_eq!(packages(&["no-such"]), []);
        assert_eq!(packages(&["tree:i386"]), one("asked", "1"), "{:?}", host.shell);
        host.write("/var/lib/dpkg/updates/0001", "");
        assert_eq!(packages(&["chrony"]), one("asked", "1"), "{:?}", host.shell);
    }
}

#[test]
fn apt_refreshes_its_index_when_a_package_is_not_in_it() {
    for host in Host::each() {
        debian(&host, &[("chrony", "archive")]);
        // One of several repositories that is broken does not matter while the others do.
        host.write("/apt/update-fails", "");
        host.apply(|| install(&["chrony"]));
        let calls = [
            "apt-get install --download-only chrony",
            "apt-get update",
            "apt-get install --download-only chrony",
            "apt-get install --no-download chrony",
        ];
        assert_eq!(host.calls(), calls, "{:?}", host.shell);
    }
}

#[test]
fn a_package_that_cannot_be_had_is_named() {
    for host in Host::each() {
        debian(&host, &[]);
        host.write("/apt/update-fails", "");
        let log = host.fail(install(&["chrony"]));
        assert_eq!(log, "E: a repository is broken\nE: Unable to locate package chrony");
    }
}

#[test]
fn where_nothing_can_be_reached_no_second_try_follows() {
    for (tool, words) in [
        ("apt-get", "  Temporary failure resolving 'deb.debian.org'"),
        (
            "apt-get",
            "  Could not connect to 10.99.0.1:80 (10.99.0.1). - connect (111: Connection refused)",
        ),
        ("dnf", "  - Curl error (6): Couldn't resolve host name for https://mirrors/x"),
        ("yum", "http://mirror/x: [Errno 12] Timeout on http://mirror/x"),
        ("zypper", "Download (curl) error: Connection timed out after 60000 milliseconds"),
    ] {
        for host in Host::each() {
            host.program(
                tool,
                format!("#!/bin/sh\necho call >>/calls\necho \"{words}\"\nexit 100\n"),
            );
            let answer = host.carry_out(&host.plan(install(&["chrony"])));
            let Outcome::Undone(failure) = answer.outcome() else { panic!() };
            assert!(failure.no_network, "{:?} {tool}: {}", host.shell, failure.log);
            assert_eq!(failure.log, words.trim());
            assert_eq!(host.calls(), ["call"], "{:?} {tool}", host.shell);
        }
    }
}

#[test]
fn a_repository_that_is_there_but_lacks_the_package_is_no_missing_network() {
    for host in Host::each() {
        let says = "#!/bin/sh\nprintf 'Hit:1 http://a\\nErr:2 http://b\\n  Temporary failure resolving\\n'\nexit 100\n";
        host.program("apt-get", says);
        let answer = host.carry_out(&host.plan(install(&["chrony"])));
        let Outcome::Undone(failure) = answer.outcome() else { panic!() };
        assert!(!failure.no_network, "{:?}", host.shell);
    }
}

#[test]
fn a_dpkg_that_was_cut_off_is_brought_to_its_end_first() {
    for host in Host::each() {
        debian(&host, &[("chrony", "index")]);
        let apt = fs::read_to_string(host.at("usr/bin/apt-get")).unwrap();
        let cut = "#!/bin/sh\nif [ -e /apt/cut ]; then echo \"E: dpkg was interrupted, run 'dpkg --configure -a'\"; exit 100; fi\n";
        host.program("apt-get", apt.replacen("#!/bin/sh\n", cut, 1));
        host.program("dpkg", "#!/bin/sh\necho \"dpkg $*\" >>/calls; rm /apt/cut\n");
        host.write("/apt/cut", "");
        host.apply(|| install(&["chrony"]));
        let calls = [
            "dpkg --configure -a --force-confdef --force-confold",
            "apt-get install --download-only chrony",
            "apt-get install --no-download chrony",
        ];
        assert_eq!(host.calls(), calls, "{:?}", host.shell);
    }
}

#[test]
fn apt_is_told_to_ask_nothing_and_to_give_up_soon() {
    for host in Host::each() {
        debian(&host, &[]);
        host.program(
            "apt-get",
            "#!/bin/sh\nprintf '%s|' \"$DEBIAN_FRONTEND\" \"$LC_ALL\" \"$@\" >>/calls\necho >>/calls\n",
        );
        host.carry_out(&host.plan(install(&["chrony"])));
        for call in host.calls() {
            assert!(call.starts_with("noninteractive|C|-q|-y|-o|"), "{call}");
            for option in ["Dpkg::Options::=--force-confold", "Acquire::http::Timeout=20"] {
                assert!(call.contains(&format!("|-o|{option}|")), "{:?}: {call}", host.shell);
            }
        }
    }
}

#[test]
fn a_removed_package_that_has_left_its_files_is_not_installed() {
    for host in Host::each() {
        debian(&host, &[("chrony", "index")]);
        fs::create_dir_all(host.at("/apt/removed")).unwrap();
        host.write("/apt/removed/chrony", "");
        assert_eq!(host.apply(|| install(&["chrony"])), ["install chrony"], "{:?}", host.shell);
    }
}

/// The package managers, and what they are called with. Those that fetch and install at once are let fetch
/// before, under a deadline.
const OTHERS: [(&str, &[&str], &str); 5] = [
    (
        "dnf",
        &[
            "dnf -y --setopt=timeout=20 --setopt=retries=1 install --downloadonly chrony",
            "dnf -y -q -C install chrony",
        ],
        "dnf -y -q remove chrony",
    ),
    (
        "yum",
        &[
            "yum -y --setopt=timeout=20 --setopt=retries=1 install --downloadonly chrony",
            "yum -y -q -C install chrony",
        ],
        "yum -y -q remove chrony",
    ),
    (
        "zypper",
        &[
            "zypper --non-interactive --quiet install --download-only chrony",
            "zypper --non-interactive --quiet --no-refresh install chrony",
        ],
        "zypper --non-interactive --quiet remove chrony",
    ),
    ("apk", &["apk add --quiet chrony"], "apk del --quiet chrony"),
    ("pacman", &["pacman -S --noconfirm --needed --quiet chrony"], "pacman -R --noconfirm chrony"),
];

/// `manager` under the name `tool`, with what lists packages in the same program.
fn manager(host: &Host, tool: &str) {
    let fake =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shell/fakes/manager"));
    let lists = "#!/bin/sh\ncase \"$1 $2\" in\n\
        'info -e') [ -e \"/apt/installed/$3\" ]; exit ;;\n\
        '-Q --') shift 2; for n; do [ ! -e \"/apt/installed/$n\" ] || echo \"$n 1.0-1\"; done; exit ;;\n\
        esac\n";
    host.program(tool, fake.unwrap().replacen("#!/bin/sh\n", lists, 1));
    if matches!(tool, "dnf" | "yum" | "zypper") {
        host.fake("rpm");
    }
}

#[test]
fn every_package_manager_installs_and_removes() {
    for (tool, installs, removes) in OTHERS {
        for host in Host::each() {
            manager(&host, tool);
            host.apply(|| install(&["chrony"]));
            assert_eq!(host.calls(), installs, "{:?}", host.shell);
            host.apply(|| remove("chrony"));
            assert_eq!(host.calls(), [removes], "{:?}", host.shell);
        }
    }
}

#[test]
fn apk_refreshes_its_index_when_that_is_stale() {
    for host in Host::each() {
        manager(&host, "apk");
        fs::create_dir_all(host.at("/apt")).unwrap();
        host.write("/apt/stale", "");
        host.apply(|| install(&["chrony"]));
        let calls = ["apk add --quiet chrony", "apk add --quiet --update-cache chrony"];
        assert_eq!(host.calls(), calls, "{:?}", host.shell);
    }
}

#[test]
fn the_list_of_packages_is_the_installers_own() {
    for host in Host::each() {
        // dpkg can be had on Red Hat's hosts as well; it knows nothing of their packages.
        manager(&host, "dnf");
        host.fake("dpkg-query");
        host.apply(|| install(&["chrony"]));
    }
}

#[test]
fn a_host_without_a_package_manager_says_so() {
    for host in Host::each() {
        let plan = host.plan(install(&["chrony"]));
        let answer = host.carry_out(&plan);
        assert!(matches!(answer.outcome(), Outcome::Undone(_)));
        let log = answer.undone();
        assert!(log.starts_with("no package manager found: apt-get, dnf,"), "{log}");
        assert!(!host.at("/var/lib/ezsync").exists(), "{:?}: an empty folder stays", host.shell);
    }
}
