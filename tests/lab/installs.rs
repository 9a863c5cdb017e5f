//! An installation of packages that is cut off: the host is as it was, perhaps with the package installed, of which its
//! history knows then; the time daemon that is installed runs, nothing keeps packages from starting theirs, and the next
//! setup ends green.

use std::collections::VecDeque;
use std::sync::Mutex;

use ezsync_hosts::Image;

use crate::cutter::{Cut, Cutter, Made, apart, cluster, configure};
use crate::support::{Bench, LITTER, host, skipped};

/// How many hosts are cut side by side.
const WORKERS: usize = 3;

/// Before which command the installation is cut, and how: nothing is fetched yet, all is fetched, the package
/// is unpacked, it is configured, its daemon would be started if it were not held back.
const POINTS: &[(&str, Cut)] = &[
    ("apt-get *--download-only*", Cut::Connection),
    ("apt-get *--download-only*", Cut::Shell),
    ("apt-get *--no-download*", Cut::Controller),
    ("apt-get *--no-download*", Cut::Power),
    ("dpkg *--unpack*", Cut::Shell),
    ("dpkg *--unpack*", Cut::Power),
    ("dpkg *--configure*", Cut::Connection),
    ("dpkg *--configure*", Cut::Shell),
    ("dpkg *--configure*", Cut::Power),
    ("deb-systemd-invoke *start*", Cut::Controller),
    ("deb-systemd-invoke *start*", Cut::Shell),
    ("deb-systemd-invoke *start*", Cut::Power),
];

const CONFIG: &str = "ntp_servers: []\ntimezone: Asia/Tokyo\n";

/// What is wrong with a host on which nothing was activated: the daemon of the package that is installed, or
/// was not removed yet, runs as the distribution has it. Where dpkg was cut off in between there may be none.
const OLD: &str = r"
    is() { [ $(dpkg-query -W -f '${db:Status-Status}' $1 2>/dev/null || echo not) = installed ]; }
    unit=
    if is chrony; then unit=chrony; elif is systemd-timesyncd; then unit=systemd-timesyncd; fi
    n=0; until [ -z $unit ] || systemctl is-active -q $unit || [ $n = 50 ]; do sleep 0.1; n=$((n+1)); done
    if [ $unit ] && ! systemctl is-active -q $unit; then echo $unit does not run; fi
    [ ! -e /etc/chrony/chrony.conf ] || cmp /etc/chrony/chrony.conf /usr/share/chrony/chrony.conf
    timedatectl show -p Timezone | grep Tokyo
    ls /var/lib/ezsync/state 2>/dev/null
    about=/var/lib/ezsync/changes/1/about
    if is chrony && ! grep -q -s '^stays.chrony$' $about; then echo the history does not know chrony; fi
    if ! dpkg-query -W chrony >/dev/null 2>&1 && ls -A /var/lib/ezsync 2>/dev/null; then echo stays; fi";

/// Whether the history has chrony of a run that was cut off: it is there, be it by half.
const NOTED: &str = "if [ -e /var/lib/ezsync/changes/1 ]; then echo yes; fi";

/// What is wrong with a host that was set up.
const NEW: &str = r"
    systemctl is-active chrony | grep -v -x active; systemctl is-enabled chrony | grep -v -x enabled
    dpkg --audit; timedatectl show -p Timezone | grep -v Tokyo || :";

/// Cuts at the point, and says what is wrong then; nothing: all is well.
fn cut(bench: &Bench, number: usize, (at, cut): (&str, Cut)) -> String {
    let setup = ["setup", &cluster(number)];
    let cutter = Cutter::of_packages(bench, number);
    let mut wrong = match cutter.cut(&setup, at, cut) {
        Made::Cut(_) => String::new(),
        Made::Ended(ran) => format!("it ended:\n{}{}", ran.stdout, ran.stderr),
    };
    wrong += &bench.on(number, OLD);
    wrong += &bench.on(number, LITTER);
    let noted = !bench.on(number, NOTED).is_empty();
    let said = notes(bench, number, &["status", &cluster(number)]);
    let tells = said.contains("chrony was installed by change 1 (");
    let until = said.contains("until setup is run again");
    if (tells, until) != (noted, noted) {
        wrong += &format!("status, where the history has a change: {noted}: {said}\n");
    }
    let next = bench.run(&setup);
    if next.code != 0 {
        wrong += &format!("the next setup:\n{}{}\n", next.stdout, next.stderr);
    }
    wrong += &bench.on(number, NEW);
    let changes = bench.on(number, "ls /var/lib/ezsync/changes");
    if changes != if noted { "1\n2" } else { "1" } {
        wrong += &format!("changes: {changes}\n");
    }
    wrong += &bench.on(number, LITTER);
    let back = notes(bench, number, &["rollback", &cluster(number), "--pristine"]);
    if !back.contains("was installed by ezsync and stays: chrony") {
        wrong += &format!("the way back: {back}\n");
    }
    wrong += &bench.on(number, "ls -d /var/lib/ezsync 2>/dev/null || :");
    if wrong.is_empty() { wrong } else { format!("{cut:?} before {at}:\n{wrong}\n\n") }
}

/// What a run has to say of the host besides.
fn notes(bench: &Bench, number: usize, args: &[&str]) -> String {
    let (_, run) = bench.json(args);
    host(&run, &bench.hosts()[number].name)["notes"].to_string()
}

#[test]
fn an_installation_that_is_cut_off() {
    if skipped() {
        return;
    }
    let bench = apart(Image::Bare, POINTS.len());
    configure(&bench, CONFIG);
    let points = Mutex::new(POINTS.iter().enumerate().collect::<VecDeque<_>>());
    let wrong = Mutex::new(String::new());
    let cut_all = || {
        loop {
            let Some((number, point)) = points.lock().unwrap().pop_front() else { break };
            let said = cut(&bench, number, *point);
            wrong.lock().unwrap().push_str(&said);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(cut_all);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}
