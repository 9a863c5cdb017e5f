//! Files that come on the script's own input, and what becomes of them.

use std::fs;
use std::time::{Duration, Instant};

use ezsync::plan::{Change, Plan};
use ezsync::remote::{Outcome, Word, apply_script};
use ezsync::resource::{Call, Upload, Work};
use sha2::{Digest, Sha256};

use crate::host::Host;
use crate::run::{Answer, Running, errand};

/// A file of `length` bytes, all of which occur.
fn upload(name: &str, length: usize) -> Upload {
    let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + at / 256) as u8).collect();
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Upload { name: name.to_owned(), sha256, installed_size: 5_000_000, bytes: bytes.into() }
}

/// A plan that installs each of `sets` from files, one change each.
fn plan(sets: &[&[Upload]]) -> Plan {
    let change = |(number, uploads): (usize, &&[Upload])| {
        let args = uploads.iter().map(|upload| upload.name.clone()).collect();
        let prepare = Some(Call { function: "package_install_files", args });
        let work = Work { prepare, uploads: uploads.to_vec(), ..Work::default() };
        Change { number: number + 1, work, ..Change::default() }
    };
    Plan { changes: sets.iter().enumerate().map(change).collect(), unchanged: 0 }
}

/// Starts the script for `plan`, as `rewrite` makes it.
fn start(host: &Host, plan: &Plan, rewrite: impl Fn(String) -> String) -> Running {
    let mark = Word::random().unwrap();
    let script = rewrite(apply_script(&errand(host, plan), &mark, &mark));
    Running::start(host, script.as_bytes(), &mark)
}

/// Sends `bytes` of the first change when they are asked for, and says `go` to the rest.
fn send(host: &Host, plan: &Plan, bytes: &[u8]) -> Answer {
    let mut running = start(host, plan, |script| script);
    running.until(&["upload", "result"]);
    running.send(bytes);
    running.until(&["staged", "result"]);
    running.say("go\n");
    let answer = running.finish();
    host.assert_tidy();
    answer
}

fn all(uploads: &[Upload]) -> Vec<u8> {
    uploads.iter().flat_map(|upload| upload.bytes.to_vec()).collect()
}

/// An apt-get that notes the files that it is to install, with their sums. `/apt/removes` holds what it
/// would remove, `/apt/interrupted` stands where dpkg was cut off.
const APT: &str = r#"#!/bin/sh
what=install
for word; do
  case $word in
    --simulate) what=simulate ;;
    /*) files="$files $word" ;;
  esac
done
if [ $what = simulate ]; then
  cat /apt/removes 2>/dev/null
  exit 0
fi
if [ -e /apt/interrupted ]; then
  echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. "
  exit 100
fi
for file in $files; do echo "$(sha256sum <"$file") ${file##*/} $(stat -c %a "${file%/*/*}")" >>/calls; done
"#;

fn debian(host: &Host) {
    fs::create_dir_all(host.at("apt")).unwrap();
    host.program("apt-get", APT);
    host.program("dpkg-query", "#!/bin/sh\ncat \"/apt/provides-$3\"\n");
    host.program("dpkg", "#!/bin/sh\necho \"dpkg $*\" >>/calls; rm /apt/interrupted\n");
}

#[test]
fn only_what_was_asked_for_is_marked_as_such() {
    for host in Host::each() {
        debian(&host);
        // It fails, and that fails nothing.
        host.program("apt-mark", "#!/bin/sh\necho \"apt-mark $*\" >>/calls; exit 1\n");
        let simulated = "Inst libedit2 (3.1 local-deb [amd64])\nInst tzdata [1] (2 local-deb [all])\n\
                         Inst chrony (4.3 local-deb [amd64])\n";
        host.write("/apt/removes", simulated);
        let files =
            [upload("chrony.deb", 10), upload("libedit2.deb", 10), upload("tzdata.deb", 10)];
        let mut plan = plan(&[&files]);
        let names = ["--", "chrony", "--", "libedit2", "tzdata"].map(ToOwned::to_owned);
        plan.changes[0].work.prepare.as_mut().unwrap().args.extend(names);
        let answer = send(&host, &plan, &all(&files));
        assert_eq!(answer.outcome(), Outcome::Changed, "{:?} {:?}", host.shell, answer.sections);
        let journal = host.read("/var/lib/ezsync/changes/1/journal");
        assert_eq!(journal, "package\tchrony\tlibedit2\ttzdata\n", "{:?}", host.shell);
        let calls = host.calls();
        assert_eq!(calls.len(), 4, "{calls:?}");
        // What was there before stays as it was marked.
        assert!(
            calls[3].starts_with("apt-mark ") && calls[3].ends_with("auto libedit2"),
            "{calls:?}"
        );
    }
}

#[test]
fn files_of_any_size_arrive_byte_by_byte() {
    for host in Host::each() {
        debian(&host);
        let first = [
            upload("a.deb", 131_072),
            upload("b+c_1%3a2~x.deb", 131_073),
            upload("none.deb", 0),
            upload("one.deb", 1),
        ];
        let second = [upload("d.deb", 300_000)];
        let plan = plan(&[&first, &second]);
        let mut running = start(&host, &plan, |script| script);
        running.until(&["upload"]);
        running.send(&all(&first));
        // What belongs to the next change is not sent before it is asked for.
        while running.sections().iter().filter(|s| s.name == "upload").count() < 2 {
            running.listen();
        }
        running.send(&all(&second));
        running.until(&["staged", "result"]);
        running.say("go\n");
        let answer = running.finish();
        assert_eq!(answer.outcome(), Outcome::Changed, "{:?} {:?}", host.shell, answer.sections);
        assert_eq!(answer.stderr, "");
        host.assert_tidy();
        let expected: Vec<String> = first
            .iter()
            .chain(&second)
            .map(|upload| format!("{}  - {} 700", upload.sha256, upload.name))
            .collect();
        assert_eq!(host.calls(), expected, "{:?}", host.shell);
        let got: Vec<&str> =
            answer.sections.iter().filter(|s| s.name == "got").map(|s| &*s.args[0]).collect();
        assert_eq!(got, ["131072", "262144", "262145", "262146", "131072", "262144", "300000"]);
    }
}

#[test]
fn what_arrives_damaged_is_named_and_not_installed() {
    for host in Host::each() {
        debian(&host);
        let files = [upload("a.deb", 1000), upload("b.deb", 200_000)];
        let mut bytes = all(&files);
        bytes[150_000] ^= 1;
        let before = host.snapshot();
        let log = send(&host, &plan(&[&files]), &bytes).undone();
        assert!(log.starts_with("what arrived is not what was sent: b.deb: FAILED"), "{log}");
        assert!(!log.contains("a.deb"), "{:?}: {log}", host.shell);
        crate::run::assert_same(&before, &host.snapshot(), &host);
        assert!(host.calls().is_empty());
    }
}

#[test]
fn a_connection_that_ends_in_the_middle_leaves_nothing() {
    for host in Host::each() {
        debian(&host);
        let files = [upload("a.deb", 1000), upload("b.deb", 200_000)];
        for cut in [0, 999, 1000, 140_000, 200_999] {
            let mut running = start(&host, &plan(&[&files]), |script| script);
            running.until(&["upload"]);
            running.send(&all(&files)[..cut]);
            running.hang_up();
            assert!(matches!(running.finish().outcome(), Outcome::Undone(_)), "{:?}", host.shell);
            host.assert_tidy();
            assert!(host.calls().is_empty(), "{:?}", host.shell);
        }
        // The next run has nothing to clean up and does it all.
        let answer = send(&host, &plan(&[&files]), &all(&files));
        assert_eq!(answer.outcome(), Outcome::Changed, "{:?}", answer.sections);
    }
}

#[test]
fn what_a_power_cut_left_goes_with_a_later_run() {
    for host in Host::each() {
        debian(&host);
        let home = host.at("var/lib/ezsync");
        let leave = |name: &str| {
            let folder = home.join(name);
            fs::create_dir_all(folder.join("files")).unwrap();
            fs::write(folder.join("files/a.deb"), "x").unwrap();
        };
        leave("run.a1B2c3");
        // What somebody may call his own file, which is kept as it was.
        leave("originals/etc/run.config");
        let files = [upload("a.deb", 10)];
        let mut running = start(&host, &plan(&[&files]), |script| script);
        running.until(&["upload", "result"]);
        running.send(&all(&files));
        running.until(&["staged", "result"]);
        running.say("go\n");
        assert_eq!(running.finish().outcome(), Outcome::Changed);
        let is_there = ["run.a1B2c3", "originals/etc/run.config/files/a.deb"]
            .map(|name| home.join(name).exists());
        assert_eq!(is_there, [false, true], "{:?}", host.shell);
    }
}

#[test]
fn a_line_that_falls_silent_is_given_up() {
    for host in Host::each() {
        debian(&host);
        let files = [upload("a.deb", 300_000)];
        let hasty = |script: String| {
            let hasty = script.replace("upload_patience=45\n", "upload_patience=1\n");
            assert_ne!(hasty, script);
            hasty
        };
        let mut running = start(&host, &plan(&[&files]), hasty);
        running.until(&["upload"]);
        running.send(&all(&files)[..140_000]);
        let begun = Instant::now();
        // Its input stays open: nobody tells it that the cable is cut.
        running.until(&["result"]);
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(running.finish().undone(), "nothing came for 1 s", "{:?}", host.shell);
        host.assert_tidy();
    }
}

#[test]
fn a_host_without_room_says_so_before_anything_is_sent() {
    for host in Host::each() {
        debian(&host);
        let rows = |free: &str| {
            format!(
                "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted on'\necho '/dev/a disk   9 1024 {free} 87% /a b 9% c'\n"
            )
        };
        host.program("df", rows("3500"));
        let files = [upload("a.deb", 300_000), upload("b.deb", 10)];
        let mut running = start(&host, &plan(&[&files]), |script| script);
        running.until(&["result", "upload"]);
        assert!(running.sections().iter().all(|section| section.name != "upload"));
        let log = running.finish().undone();
        // Two packages of 5 MB when installed, 0.3 MB of files, and 1 MB to spare.
        assert_eq!(log, "the packages need 11 MB in /var/lib/ezsync, 3 MB are free");
        host.assert_tidy();
        // A disk that tells nothing of itself is tried.
        for free in ["35000", "-"] {
            host.program("df", rows(free));
            let answer = send(&host, &plan(&[&files]), &all(&files));
            assert_eq!(answer.outcome(), Outcome::Changed, "{:?} {free}", host.shell);
        }
    }
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_told() {
    for host in Host::each() {
        debian(&host);
        host.program("dd", "#!/bin/sh\ncat >/dev/full\n");
        let files = [upload("a.deb", 300)];
        let log = send(&host, &plan(&[&files]), &all(&files)).undone();
        assert!(log.starts_with("a.deb could not be taken in: "), "{log}");
        assert!(log.ends_with("No space left on device"), "{:?}: {log}", host.shell);
    }
}

#[test]
fn rivals_are_replaced_and_nothing_else_is() {
    for host in Host::each() {
        debian(&host);
        let files = [upload("chrony.deb", 300)];
        host.write("/apt/removes", "Reading...\nRemv systemd-timesyncd [252.1-1]\nInst chrony\n");
        host.write("/apt/provides-systemd-timesyncd", "systemd-timesyncd ntp-client, time-daemon");
        let answer = send(&host, &plan(&[&files]), &all(&files));
        assert_eq!(answer.outcome(), Outcome::Changed, "{:?}", host.shell);
        let told: Vec<_> = answer.sections.iter().filter(|s| s.name == "told").collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].text().starts_with("systemd-timesyncd was removed"), "{told:?}");
        host.calls();

        host.write("/apt/removes", "Remv systemd-timesyncd [252.1-1]\nPurg kubelet [1.30]\n");
        host.write("/apt/provides-kubelet", "kubelet ");
        let answer = send(&host, &plan(&[&files]), &all(&files));
        let log = answer.undone();
        assert!(
            log.starts_with("apt would remove kubelet, which is no"),
            "{:?}: {log}",
            host.shell
        );
        assert!(host.calls().is_empty());
    }
}

#[test]
fn a_dpkg_that_was_cut_off_is_brought_to_its_end_first() {
    for host in Host::each() {
        debian(&host);
        host.write("/apt/interrupted", "");
        let files = [upload("chrony.deb", 300)];
        let answer = send(&host, &plan(&[&files]), &all(&files));
        assert_eq!(answer.outcome(), Outcome::Changed, "{:?} {:?}", host.shell, answer.sections);
        let calls = host.calls();
        assert_eq!(calls[0], "dpkg --configure -a --force-confdef --force-confold");
        assert!(calls[1].contains("chrony.deb"), "{calls:?}");
    }
}

#[test]
fn other_package_managers_install_them_too_or_say_that_they_do_not() {
    for (tool, expected) in [
        (
            "dnf",
            "dnf -y -q -C --disablerepo=* --disableplugin=* --setopt=install_weak_deps=False install FILE",
        ),
        (
            "yum",
            "yum -y -q -C --disablerepo=* --disableplugin=* --setopt=install_weak_deps=False install FILE",
        ),
        (
            "zypper",
            "zypper --non-interactive --quiet --no-refresh --no-gpg-checks --reposd-dir RUN/zypp/repos --cache-dir RUN/zypp/cache install --no-recommends FILE",
        ),
        ("apk", ""),
        ("pacman", ""),
    ] {
        for host in Host::each() {
            host.program(tool, "#!/bin/sh\nn=${0##*/}\necho \"$n $*\" >>/calls\n");
            let files = [upload("a.rpm", 300)];
            let answer = send(&host, &plan(&[&files]), &all(&files));
            let calls = host.calls();
            if expected.is_empty() {
                let log = answer.undone();
                assert!(log.starts_with(&format!("{tool} installs no files of a bundle")), "{log}");
                assert!(calls.is_empty());
                continue;
            }
            assert_eq!(answer.outcome(), Outcome::Changed, "{:?}", host.shell);
            let run = calls[0].split_whitespace().last().unwrap();
            let run = run.strip_suffix("/files/a.rpm").unwrap();
            assert!(run.starts_with("/var/lib/ezsync/run."), "{run}");
            assert_eq!(
                calls[0].replace("RUN", run),
                expected.replace("FILE", "RUN/files/a.rpm").replace("RUN", run)
            );
        }
    }
}
