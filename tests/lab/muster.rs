//! Hosts of a run with a bundle: none is changed before all are known to fit.

use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use ezsync::bundle::{self, Manifest, Member, Set};
use ezsync::package::{Package, Relation, Target};
use ezsync_hosts::{Image, LabSpec};
use serde_json::Value;

use crate::support::{Bench, line, skipped, trouble};

/// A package that holds nothing, and needs others.
fn package(folder: &Path, name: &str, needs: &[&str]) -> Member {
    let root = folder.join(name);
    fs::create_dir_all(root.join("DEBIAN")).unwrap();
    let depends = match needs {
        [] => String::new(),
        names => format!("Depends: {}\n", names.join(", ")),
    };
    let control = format!(
        "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n\
         {depends}Description: nothing\n"
    );
    fs::write(root.join("DEBIAN/control"), control).unwrap();
    let file = format!("{name}_1.0_all.deb");
    let path = folder.join(&file);
    let built = Command::new("dpkg-deb").args(["--build", "-Zxz"]).arg(&root).arg(&path).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let bytes = Bytes::from(fs::read(path).unwrap());
    let need = |name: &&str| vec![Relation { name: (*name).to_owned(), bound: None }];
    let package = Package {
        name: name.to_owned(),
        version: "1.0".to_owned(),
        architecture: "all".to_owned(),
        file,
        size: bytes.len() as u64,
        sha256: bundle::sha256(&bytes),
        needs: needs.iter().map(need).collect(),
        ..Package::default()
    };
    Member { package, bytes }
}

/// A cluster whose one role installs two packages that share a third one.
fn prepare(bench: &Bench) {
    let folder = bench.folder.path().join("packages");
    let members = [
        package(&folder, "ezsync-one", &["ezsync-common"]),
        package(&folder, "ezsync-two", &["ezsync-common"]),
        package(&folder, "ezsync-common", &[]),
    ];
    let architecture = std::env::consts::ARCH.parse().unwrap();
    let target = Target { release: "debian-12".parse().unwrap(), architecture };
    let packages = members.iter().map(|member| member.package.clone()).collect();
    let sets = vec![Set { target, wanted: vec!["ezsync-one".to_owned()], packages }];
    let path = bench.folder.path().join("bundles/small.bundle");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    bundle::write(&Manifest { sets }, &members, &path).unwrap();
    bench.write(
        "roles/tools/tasks/main.yml",
        "- package: {name: ezsync-one}\n- package: {name: ezsync-two}\n",
    );
    bench.write("inventories/c1/config.yml", "roles: [tools]\nbundle: bundles/small.bundle\n");
}

fn is_release(bench: &Bench, host: usize, version: &str) {
    bench.on(host, &format!("sed -i s/^VERSION_ID=.*/VERSION_ID={version}/ /usr/lib/os-release"));
}

fn what(host: &Value) -> &str {
    host["outcome"]["trouble"]["what"].as_str().unwrap_or_default()
}

fn installed(bench: &Bench) -> Vec<String> {
    bench.everywhere("dpkg-query -W -f='${Package} ' 'ezsync-*' 2>/dev/null || :")
}

#[test]
fn no_host_is_changed_before_all_are_known_to_fit() {
    if skipped() {
        return;
    }
    let spec = LabSpec { repository: false, ..LabSpec::new(Image::Bare, 5) };
    let bench = Bench::of(&spec);
    prepare(&bench);
    is_release(&bench, 3, "11");
    // With their connections open, and with fewer places than hosts.
    for options in [[].as_slice(), &["--forks", "2"], &["--forks", "4"]] {
        let (code, run) = bench.json(&[&["setup", "c1"], options].concat());
        assert_eq!(code, 2, "{options:?}");
        let hosts = run["hosts"].as_array().unwrap();
        for host in hosts.iter().filter(|host| host["host"] != "node4") {
            assert!(what(host).contains("the bundle does not do for node4"), "{host}");
            assert_eq!((&host["applied"], &host["execs"]), (&false.into(), &1.into()), "{host}");
        }
        let misfit = hosts.iter().find(|host| host["host"] == "node4").unwrap();
        assert!(what(misfit).contains("the bundle has nothing for debian-11"), "{misfit}");
        let next = misfit["outcome"]["trouble"]["next"].as_str().unwrap();
        assert!(next.contains("--for debian-11"), "{next}");
    }
    assert_eq!(installed(&bench), [""; 5]);
    assert_eq!(bench.everywhere("ls /var/lib/ezsync 2>/dev/null || :"), [""; 5]);

    let (code, run) = bench.json(&["setup", "c1", "--partial", "--forks", "2"]);
    assert_eq!(code, 2);
    let all = "ezsync-common ezsync-one ezsync-two";
    assert_eq!(installed(&bench), [all, all, all, "", all]);
    let changes = run["hosts"][0]["plan"]["changes"].as_array().unwrap();
    let begin = |number: usize, text: &str| {
        let summary = changes[number]["summary"].as_str().unwrap();
        assert!(summary.starts_with(text), "{summary}");
    };
    begin(0, "install ezsync-one (from the bundle: ezsync-one 1.0 and 1 more, ");
    // What the first one brings is not sent again.
    begin(1, "install ezsync-two (from the bundle: ezsync-two 1.0, ");

    // Those that have all of it are no misfits, and wait for nobody.
    is_release(&bench, 0, "11");
    is_release(&bench, 3, "12");
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run}");
    assert_eq!(installed(&bench), [all; 5]);
    let execs: Vec<&Value> =
        run["hosts"].as_array().unwrap().iter().map(|it| &it["execs"]).collect();
    assert_eq!(execs, [1; 5]);

    // A key that was learned while all hosts were looked at is told at the end.
    is_release(&bench, 0, "12");
    bench.everywhere("dpkg --purge ezsync-one ezsync-two ezsync-common");
    let known_hosts = bench.folder.path().join("none_known");
    let args = ["setup", "c1", "--accept-new-host-keys", "--json"];
    for more in [["--forks", "2"].as_slice(), &[]] {
        let _ = fs::remove_file(&known_hosts);
        let args = [args.as_slice(), more].concat();
        let output = bench.command_with(&known_hosts, &args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let run: Value = serde_json::from_slice(&output.stdout).unwrap();
        for host in run["hosts"].as_array().unwrap() {
            let notes = host["notes"].to_string();
            assert_eq!(notes.matches("its host key was not known").count(), 1, "{host}");
        }
    }
}

/// Packages stay once they are installed: without a source they are not even sent.
#[test]
fn nothing_is_installed_where_the_source_is_known_to_be_lost() {
    if skipped() {
        return;
    }
    let bench = Bench::of(&LabSpec { repository: false, ..LabSpec::new(Image::Chrony, 2) });
    prepare(&bench);
    let config = "roles: [chrony, tools]\nntp_servers: []\nbundle: bundles/small.bundle\n";
    bench.write("inventories/c1/config.yml", config);
    let [source, client] = [0, 1].map(|node| line(&bench.hosts()[node]));
    // Nobody listens there.
    bench.inventory(&[format!("{source} ansible_port=9"), client]);
    for forks in ["2", "1"] {
        let (code, run) = bench.json(&["setup", "c1", "--forks", forks]);
        assert_eq!(code, 2, "{run:#}");
        assert_eq!(
            trouble(&run, "node2", "failed"),
            "called off, since the time source node1 is unreachable: nothing was changed"
        );
    }
    assert_eq!(installed(&bench), [""; 2]);
    assert_eq!(bench.everywhere("ls /var/lib/ezsync 2>/dev/null || :"), [""; 2]);
}
