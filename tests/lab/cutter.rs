//! Stops the script that changes a host before a command of its choice, without the script's knowledge:
//! shims stand before the host's commands, count, and wait for the word to go on at the one that is asked
//! for. What the shell does by itself (redirections) lies between two commands, so it is covered as well.

use std::fmt::Display;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ezsync_hosts::{Image, LabSpec, TestHost};

use crate::support::{Bench, Ran, line};

/// The commands of a host that change something, or wait for something.
const COMMANDS: &str = "mv ln cp rm mkdir rmdir mktemp chmod chown chgrp touch dd tee install sync \
    fsync systemctl systemd-run setsid apt-get dpkg deb-systemd-invoke hwclock chronyc timedatectl \
    restorecon sleep";

/// What stands before each of them. /run is gone after a power cut, and the shims are as nothing then.
const SHIM: &str = r#"#!/bin/sh
name=${0##*/}
for folder in /usr/bin /usr/sbin /bin /sbin; do
  if [ -x "$folder/$name" ]; then break; fi
done
is_ours() {
  # Calls of the guard, of daemons and of the test's own are not the script's.
  while read -r cgroup; do
    case $cgroup in 0::*ssh*) break ;; esac
    cgroup=
  done </proc/self/cgroup
  [ -n "$cgroup" ] || return 1
  # The probe comes before, and changes nothing.
  case "$*" in */var/lib/ezsync*) : >/run/cut/begun ;; esac
  [ -e /run/cut/begun ] || return 1
  # To ask a service how it is changes nothing.
  case "$*" in *is-active*|*is-enabled*|*' show '*|*'systemctl show'*|*' status '*) return 1 ;; esac
}
if read -r stop 2>/dev/null </run/cut/stop && is_ours "$name $*"; then
  # One line is written in one go: the order of these lines is the order of calls.
  echo "$$ $name $*" >>/run/cut/calls
  number=0
  while read -r pid rest; do
    number=$((number + 1))
    if [ "$pid" = $$ ]; then break; fi
  done </run/cut/calls
  # By its number, or by what it is.
  # shellcheck disable=SC2254
  case "$name $*" in $stop) wanted=yes ;; *) wanted= ;; esac
  if [ "$number" = "$stop" ] || [ "$wanted" ] && [ ! -e /run/cut/at ]; then
    echo "$$ $name $*" >/run/cut/at
    waited=0
    until [ -e /run/cut/go ] || [ "$waited" -gt 3000 ]; do
      /bin/sleep 0.02
      waited=$((waited + 1))
    done
  fi
fi
exec "$folder/$name" "$@"
"#;

/// All that a run manages on a host: what stands in its files and who may read them, how its services are,
/// and which configuration the daemon that runs has read. Candidates of files and the guard of a change are
/// no part of it: these may be there until the next run.
pub const STATE: &str = r"
    all='! -name *.ezsync-* ! -path */ezsync-guard* ! -name .pwd.lock ! -name .updated'
    set -f
    find /etc $all \( -type f -o -type l \) -printf '%p %y %m %U %G %l\n' | sort
    find /etc $all -type f -exec sha256sum {} + | sort -k 2
    for unit in chrony ntpsec; do
      echo $unit $(systemctl is-active $unit) $(systemctl is-enabled $unit 2>&1)
    done
    timedatectl show -p Timezone
    echo changes $(ls /var/lib/ezsync/changes 2>/dev/null)
    echo stratum $(chronyc -n -c tracking 2>&1 | cut -d, -f3)";

/// Hosts that are clusters of their own (`c1`, `c2` ...), each its own source.
pub fn apart(image: Image, hosts: usize) -> Bench {
    apart_of(&LabSpec::new(image, hosts))
}

/// The same of any kind.
pub fn apart_of(spec: &LabSpec) -> Bench {
    let bench = Bench::of(spec);
    for (number, host) in bench.hosts().iter().enumerate() {
        let text = format!(
            "[kube_node]\n{}\n[chrony]\n{}\n[all:vars]\nansible_user=root\n\
             ansible_ssh_private_key_file={}\n",
            line(host),
            host.name,
            bench.lab.key().display()
        );
        bench.write(&format!("inventories/{}/hosts", cluster(number)), &text);
    }
    bench
}

/// The cluster of one of the hosts that are [`apart`].
pub fn cluster(host: usize) -> String {
    format!("c{}", host + 1)
}

/// Gives all clusters of hosts that are [`apart`] these settings.
pub fn configure(bench: &Bench, config: &str) {
    for number in 0..bench.hosts().len() {
        bench.write(&format!("inventories/{}/config.yml", cluster(number)), config);
    }
}

/// Another daemon keeps the time, and chrony is there but off. The two cannot run side by side: Debian's
/// unit of the one stops the other.
pub const OTHER_DAEMON: &str = r"
    printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
        >/etc/systemd/system/ntpsec.service
    systemctl daemon-reload
    systemctl disable --now --quiet chrony; systemctl enable --now --quiet ntpsec";

/// Waits until the host's state is one of these, and gives it; else what it is.
pub fn state_of(bench: &Bench, host: usize, wanted: &[&String]) -> String {
    let mut state = String::new();
    // The daemon needs a moment to say what it follows.
    for _ in 0..30 {
        state = bench.on(host, STATE);
        if wanted.contains(&&state) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    state
}

/// The lines in which `state` is not what was wanted.
pub fn difference(state: &str, wanted: &str) -> String {
    let diff = similar::TextDiff::from_lines(wanted, state);
    diff.unified_diff().context_radius(0).to_string()
}

/// How a change is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// sshd's process for the connection dies: the script has nobody to talk to.
    Connection,
    /// The cable is pulled, and nobody is told; then the controller goes away.
    Cable,
    /// The controller gets SIGKILL.
    Controller,
    /// The host loses its power and boots again.
    Power,
    /// The host is rebooted in order.
    Reboot,
    /// The script's own shell gets SIGKILL, as from the kernel when memory runs out.
    Shell,
}

/// One host whose changes can be cut off.
pub struct Cutter<'a> {
    bench: &'a Bench,
    number: usize,
}

/// A run that stands before the command that it was to be cut at.
struct Stopped {
    controller: Child,
    /// The waiting command.
    command: String,
    /// The processes of the script, the waiting one first, then sshd's for its connection.
    script: Vec<u32>,
    sshd: u32,
}

/// What became of a run that was to be cut.
pub enum Made {
    /// It was cut off before this command.
    Cut(String),
    /// It ended before it came to that command.
    Ended(Ran),
}

/// How long a run may take to come to the command, and a host to be done with what was cut (seconds).
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Cutter<'a> {
    /// Puts the shims before the host's commands.
    pub fn new(bench: &'a Bench, number: usize) -> Self {
        bench.on(
            number,
            &format!(
                "mkdir -p /opt/cut; cat >/opt/cut/shim <<'SHIM'\n{SHIM}SHIM\n
                 chmod 755 /opt/cut/shim
                 for name in {COMMANDS}; do
                   if PATH=/usr/bin:/usr/sbin command -v $name >/dev/null; then
                     /bin/ln -sf /opt/cut/shim /usr/local/sbin/$name
                   fi
                 done"
            ),
        );
        Self { bench, number }
    }

    /// The same, also before what apt-get calls and what packages do while they are installed.
    pub fn of_packages(bench: &'a Bench, number: usize) -> Self {
        bench.on(
            number,
            r#"{ echo 'Dir::Bin::dpkg "/usr/local/sbin/dpkg";'
                 echo 'DPkg::Path "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";'
               } >/etc/apt/apt.conf.d/99cut"#,
        );
        Self::new(bench, number)
    }

    fn host(&self) -> &TestHost {
        &self.bench.hosts()[self.number]
    }

    /// Runs ezsync with `args` and cuts it off before the command `at`: its number, counted from 1, or a
    /// shell's pattern of its name and arguments. When this is over nothing of the run is at work on the host
    /// any more.
    pub fn cut(&self, args: &[&str], at: impl Display, cut: Cut) -> Made {
        self.arm(&at.to_string());
        let mut controller = self.start(args);
        let stopped = match self.wait(&mut controller) {
            Some(at) => self.stopped(controller, &at),
            None => {
                let ran = Ran::from(controller.wait_with_output().unwrap());
                self.disarm();
                return Made::Ended(ran);
            }
        };
        let command = stopped.command.clone();
        self.carry_out(stopped, cut);
        self.disarm();
        Made::Cut(command)
    }

    /// The commands of a run that nobody cuts, in their order.
    pub fn commands(&self, args: &[&str]) -> Vec<String> {
        self.arm("0");
        let ran = Ran::from(self.start(args).wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let calls = self.bench.on(self.number, "cat /run/cut/calls");
        self.disarm();
        calls.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect()
    }

    /// Runs ezsync with `args`, and `script` on the host before the first command that is like `pattern` (a
    /// shell's, of the command's name and its arguments); then it goes on.
    pub fn meddle(&self, args: &[&str], pattern: &str, script: &str) -> Ran {
        self.arm(pattern);
        let mut controller = self.start(args);
        let at = self.wait(&mut controller);
        if at.is_some() {
            self.bench.on(self.number, script);
            self.go_on();
        }
        let ran = Ran::from(controller.wait_with_output().unwrap());
        self.disarm();
        assert!(at.is_some(), "no command is like {pattern}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    fn arm(&self, stop: &str) {
        let script = format!(
            "/bin/rm -rf /run/cut; /bin/mkdir /run/cut; printf '%s\\n' '{stop}' >/run/cut/stop"
        );
        self.bench.on(self.number, &script);
    }

    fn disarm(&self) {
        self.bench.on(self.number, "/bin/rm -rf /run/cut");
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.bench.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until the run stands before its command: gives what the shim said; none when the run ended.
    fn wait(&self, controller: &mut Child) -> Option<String> {
        let start = Instant::now();
        let look =
            "n=0; until [ -s /run/cut/at ] || [ $n = 10 ]; do /bin/sleep 0.02; n=$((n+1)); done
                    cat /run/cut/at 2>/dev/null || :";
        loop {
            let ended = controller.try_wait().unwrap().is_some();
            let at = self.bench.on(self.number, look);
            if !at.is_empty() {
                return Some(at);
            }
            if ended {
                return None;
            }
            if start.elapsed() > PATIENCE {
                controller.kill().unwrap();
                panic!("the run neither ended nor came to its command");
            }
        }
    }

    /// Looks up which processes the waiting command belongs to.
    fn stopped(&self, controller: Child, at: &str) -> Stopped {
        let (pid, command) = at.split_once(' ').unwrap();
        let chain = self.bench.on(
            self.number,
            &format!(
                "pid={pid}; while [ $pid -gt 1 ]; do
                   echo $pid $(cat /proc/$pid/comm)
                   pid=$(sed -n 's/^PPid:\t//p' /proc/$pid/status)
                 done"
            ),
        );
        let pid = |line: &str| line.split(' ').next().unwrap().parse().unwrap();
        let (sshd, script): (Vec<&str>, Vec<&str>) =
            chain.lines().partition(|line| line.contains(" sshd"));
        Stopped {
            controller,
            command: command.to_owned(),
            script: script.into_iter().map(pid).collect(),
            sshd: pid(sshd[0]),
        }
    }

    fn carry_out(&self, mut stopped: Stopped, cut: Cut) {
        let host = self.host();
        let lab = &self.bench.lab;
        let script: Vec<String> = stopped.script.iter().map(ToString::to_string).collect();
        match cut {
            Cut::Connection => {
                self.bench.on(self.number, &format!("kill -9 {}", stopped.sshd));
                self.go_on();
            }
            Cut::Cable => {
                lab.cut(host).unwrap();
                stopped.controller.kill().unwrap();
                stopped.controller.wait().unwrap();
                self.go_on();
                self.wait_for_end(&script);
                lab.mend(host).unwrap();
                return;
            }
            Cut::Controller => {
                stopped.controller.kill().unwrap();
                stopped.controller.wait().unwrap();
                self.go_on();
            }
            Cut::Shell => {
                // The script's own first. What it is waiting for is of no use without it.
                let pids: Vec<&str> = script.iter().rev().map(String::as_str).collect();
                self.bench.on(self.number, &format!("kill -9 {}", pids.join(" ")));
            }
            Cut::Power | Cut::Reboot => {
                match cut {
                    Cut::Power => lab.power_cut(host).unwrap(),
                    _ => lab.reboot(host).unwrap(),
                }
                // It would find out by itself, in time.
                stopped.controller.kill().unwrap();
                stopped.controller.wait().unwrap();
                self.wait_for_end(&[]);
                return;
            }
        }
        self.wait_for_end(&script);
        let start = Instant::now();
        while stopped.controller.try_wait().unwrap().is_none() {
            if start.elapsed() > PATIENCE {
                stopped.controller.kill().unwrap();
                panic!("{}: the controller does not end after {cut:?}", stopped.command);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn go_on(&self) {
        self.bench.on(self.number, ": >/run/cut/go");
    }

    /// Waits until nothing of the run is at work on the host: not its script, and no guard.
    fn wait_for_end(&self, script: &[String]) {
        let pids = script.join(" ");
        let what = format!(
            "n=0; while for pid in {pids}; do [ ! -d /proc/$pid ] || break; done
               {{ [ -n \"$pid\" ] && [ -d /proc/$pid ]; }} || pgrep -f /var/lib/[e]zsync/ >/dev/null ||
               systemctl list-units --plain --no-legend 'ezsync*' | grep -q -E ' (active|activating) '; do
               /bin/sleep 0.05; n=$((n+1))
               if [ $n -gt 1200 ]; then ps -ef; systemctl list-units 'ezsync*'; exit 1; fi
             done"
        );
        self.bench.on(self.number, &what);
    }
}
