//! A change that is cut off at every point: the host has its whole old state or the whole new one, its
//! daemon runs, and the next setup ends green.

use std::collections::VecDeque;
use std::sync::Mutex;

use ezsync_hosts::Image;

use crate::cutter::{
    Cut, Cutter, Made, OTHER_DAEMON, STATE, apart, cluster, configure, difference, state_of,
};
use crate::support::{Bench, LITTER, skipped};

/// How many hosts are cut side by side, each a cluster of its own.
const HOSTS: usize = 4;

/// Every point with every kind of cut, instead of the share that there is time for.
const EVERY: &str = "EZSYNC_EVERY_CUT";

/// What is changed, on a host that stands how.
struct Scene {
    /// Makes the host what it is before, on top of the image.
    before: &'static str,
    /// The settings that it was set up with before; none: it never was.
    first: Option<&'static str>,
    /// The settings of the change that is cut.
    config: &'static str,
    /// What is said on the command line beside the cluster's name.
    options: &'static [&'static str],
}

/// The first time that ezsync comes.
const FIRST: Scene = Scene {
    before: OTHER_DAEMON,
    first: None,
    config: "ntp_servers: []\ntime_key: generate\ntimezone: Europe/Berlin\n",
    options: &[],
};

/// A configuration of ours is replaced by another, on trial.
const AGAIN: Scene = Scene {
    before: "",
    first: Some("ntp_servers: []\ntimezone: Europe/Berlin\nlocal_stratum: 8\n"),
    config: "ntp_servers: []\ntimezone: Asia/Tokyo\nlocal_stratum: 9\ntime_key: generate\n",
    options: &[],
};

/// Keeps how the host is now, for `RESET`.
const REMEMBER: &str = r"
    rm -rf /opt/before; mkdir /opt/before; cp -a /etc /opt/before/etc
    if [ -e /var/lib/ezsync ]; then cp -a /var/lib/ezsync /opt/before/ezsync; fi
    for unit in chrony ntpsec; do if systemctl is-active --quiet $unit; then echo $unit; fi; done >/opt/before/active";

/// Makes the host what it was.
const RESET: &str = r"
    systemctl --quiet stop chrony ntpsec 2>/dev/null
    files() { cd $1 && find . -xdev \( -type f -o -type l \) | sort; }
    files /opt/before/etc >/opt/before/files
    files /etc | comm -23 - /opt/before/files | while IFS= read -r file; do rm -f /etc/$file; done
    cp -a --remove-destination /opt/before/etc/. /etc/
    rm -rf /var/lib/ezsync
    if [ -e /opt/before/ezsync ]; then cp -a /opt/before/ezsync /var/lib/ezsync; fi
    systemctl daemon-reload; systemctl reset-failed; systemctl try-restart systemd-timedated
    systemctl start $(cat /opt/before/active)";

/// One cut: of which kind, before which command.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: usize,
    cut: Cut,
}

/// One host of a scene.
struct Stage<'a> {
    bench: &'a Bench,
    number: usize,
    cutter: Cutter<'a>,
    setup: Vec<String>,
    old: String,
    new: String,
}

impl<'a> Stage<'a> {
    /// The host as it is before, with what it is after a change that nobody cuts, and the commands of it.
    fn new(bench: &'a Bench, number: usize, scene: &Scene) -> (Self, Vec<String>) {
        let cutter = Cutter::new(bench, number);
        let mut setup = vec!["setup".to_owned(), cluster(number)];
        setup.extend(scene.options.iter().map(ToString::to_string));
        bench.on(number, REMEMBER);
        let old = bench.on(number, STATE);
        let mut stage = Self { bench, number, cutter, setup, old, new: String::new() };
        let commands = stage.cutter.commands(&stage.args());
        stage.new = bench.on(number, STATE);
        assert_ne!(stage.new, stage.old);
        stage.reset();
        (stage, commands)
    }

    fn args(&self) -> Vec<&str> {
        self.setup.iter().map(String::as_str).collect()
    }

    fn reset(&self) {
        self.bench.on(self.number, RESET);
        let state = state_of(self.bench, self.number, &[&self.old]);
        assert_eq!(difference(&state, &self.old), "", "the test does not put the host back");
    }

    /// Cuts at `point` and says what is wrong then; nothing: all is well.
    fn cut(&self, point: Point) -> String {
        let made = self.cutter.cut(&self.args(), point.at, point.cut);
        let mut wrong = String::new();
        let state = state_of(self.bench, self.number, &[&self.old, &self.new]);
        if state != self.old && state != self.new {
            let (old, new) = (difference(&state, &self.old), difference(&state, &self.new));
            wrong += &format!("neither the old state:\n{old}\nnor the new one:\n{new}\n");
        }
        let next = self.bench.run(&self.args());
        if next.code != 0 {
            wrong += &format!("the next setup:\n{}{}\n", next.stdout, next.stderr);
        }
        let state = state_of(self.bench, self.number, &[&self.new]);
        wrong += &difference(&state, &self.new);
        wrong += &self.bench.on(self.number, LITTER);
        let before = match made {
            Made::Cut(command) => command,
            // Looks at the daemon are as many as it takes.
            Made::Ended(ran) if ran.code == 0 => "nothing: it ended".to_owned(),
            Made::Ended(ran) => {
                wrong += &format!("it ended:\n{}{}", ran.stdout, ran.stderr);
                String::new()
            }
        };
        if wrong.is_empty() { wrong } else { format!("{point:?} {before}\n{wrong}\n") }
    }
}

/// Cuts the change of `scene` at the points that `choose` picks, by the commands of the whole change.
fn sweep(scene: &Scene, choose: impl Fn(&[String]) -> Vec<Point>) {
    let bench = apart(Image::Chrony, HOSTS);
    if !scene.before.is_empty() {
        bench.everywhere(scene.before);
    }
    if let Some(first) = scene.first {
        configure(&bench, first);
        for number in 0..HOSTS {
            let ran = bench.run(&["setup", &cluster(number)]);
            assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        }
    }
    configure(&bench, scene.config);
    let (stage, commands) = Stage::new(&bench, 0, scene);
    let points = choose(&commands);
    eprintln!("{} of {} commands are cut at", points.len(), commands.len());
    let points = Mutex::new(VecDeque::from(points));
    let wrong = Mutex::new(Vec::new());
    let cut_all = |stage: Stage| loop {
        let Some(point) = points.lock().unwrap().pop_front() else { break };
        let said = stage.cut(point);
        if !said.is_empty() {
            wrong.lock().unwrap().push(said);
        }
        stage.reset();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| cut_all(stage));
        for number in 1..HOSTS {
            let (bench, cut_all) = (&bench, &cut_all);
            scope.spawn(move || cut_all(Stage::new(bench, number, scene).0));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} points:\n{}\n{commands:#?}", wrong.len(), wrong.join("\n"));
}

/// Every kind of cut at every command.
fn all(commands: &[String]) -> Vec<Point> {
    let kinds = [Cut::Connection, Cut::Controller, Cut::Shell, Cut::Power, Cut::Reboot];
    let points = |cut| (1..=commands.len()).map(move |at| Point { at, cut });
    kinds.into_iter().flat_map(points).collect()
}

/// Commands in their order, each with one kind of cut, the next with the next one; what only winds up the
/// guard's clock is left out.
fn share(commands: &[String], first: usize, step: usize) -> Vec<Point> {
    let kinds = [Cut::Shell, Cut::Connection, Cut::Power, Cut::Controller];
    let counted = commands.iter().zip(1..).filter(|(command, _)| !command.ends_with("/deadline"));
    let chosen = counted.skip(first).step_by(step).zip(kinds.into_iter().cycle());
    chosen.map(|((_, at), cut)| Point { at, cut }).collect()
}

/// All points where that is asked for, else this share of them.
fn points(commands: &[String], first: usize, step: usize) -> Vec<Point> {
    if std::env::var_os(EVERY).is_some() { all(commands) } else { share(commands, first, step) }
}

#[test]
fn a_first_setup_that_is_cut_at_every_point() {
    if skipped() {
        return;
    }
    sweep(&FIRST, |commands| points(commands, 0, 1));
}

#[test]
fn a_change_on_trial_that_is_cut_at_every_point() {
    if skipped() {
        return;
    }
    sweep(&AGAIN, |commands| points(commands, 1, 2));
}
