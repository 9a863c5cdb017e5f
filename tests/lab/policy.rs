//! When a run stops, who takes it up again, and that two of them are kept apart.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use ezsync_hosts::Image;
use serde_json::{Value, json};

use crate::cutter::{STATE, difference, state_of};
use crate::support::{Bench, EVERYTHING, LITTER, Ran, host, skipped, trouble};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a run may take to end that is stopped at once: less than anything that it could wait for.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A configuration of clients that `version` tells from others, and that chronyd refuses on `broken`.
fn breaks(bench: &Bench, version: u8, broken: &str) {
    let text = format!(
        "server {{{{ time_source }}}} iburst\nrtcsync\n# {version}\n\
         {{% if inventory_hostname == \"{broken}\" %}}nonsense 1{{% endif %}}\n"
    );
    bench.write("templates/chrony/client.conf.tera", &text);
}

/// The names of the hosts of a run.
fn names(run: &Value) -> Vec<&str> {
    run["hosts"].as_array().unwrap().iter().map(|host| host["host"].as_str().unwrap()).collect()
}

#[test]
fn when_any_error_is_fatal_nothing_is_activated_anywhere() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    breaks(&bench, 1, "node4");
    bench.write("inventories/c1/config.yml", "ntp_servers: []\nany_errors_fatal: true\n");
    let before = (bench.everywhere(EVERYTHING), bench.starts());
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    for held in ["node1", "node2", "node3"] {
        assert_eq!(
            trouble(&run, held, "failed"),
            "called off, and its old configuration stays, since node4 failed, and any_errors_fatal allows no more"
        );
        assert_eq!(host(&run, held)["outcome"]["trouble"]["held_back"], true);
    }
    assert_eq!((bench.everywhere(EVERYTHING), bench.starts()), before);
    let spent = json!({"policy": "any_errors_fatal", "allows": 0, "failed": ["node4"]});
    assert_eq!(run["max_fail"], spent);

    // One that cannot be reached counts as well, and then not even a candidate is written.
    breaks(&bench, 1, "nobody");
    bench.lab.cut(&bench.hosts()[3]).unwrap();
    let ran = bench.run(&["setup", "c1", "-T", "2"]);
    bench.lab.mend(&bench.hosts()[3]).unwrap();
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("node1, node2, node3 held back: nothing was changed here, since"));
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with(
            "c1: 1 of 4 hosts unreachable, 3 held back. any_errors_fatal was used up by node4."
        ),
        "{last}"
    );
    assert_eq!((bench.everywhere(EVERYTHING), bench.starts()), before);

    // The flag goes before the settings: one may fail.
    breaks(&bench, 1, "node4");
    let (code, run) = bench.json(&["setup", "c1", "--max-fail", "25%"]);
    assert_eq!(code, 2, "{run:#}");
    let applied: Vec<&Value> =
        run["hosts"].as_array().unwrap().iter().map(|host| &host["applied"]).collect();
    assert_eq!(applied, [true, true, true, false], "{run:#}");
    assert_eq!(run["max_fail"], Value::Null);
    rerun(&bench);
}

/// After a run in which node4 failed alone.
fn rerun(bench: &Bench) {
    breaks(bench, 1, "nobody");
    let (code, run) = bench.json(&["setup", "c1", "--rerun", "failed", "-l", "node2,node4"]);
    assert_eq!((code, names(&run)), (0, vec!["node4"]), "{run:#}");
    let ran = bench.run(&["setup", "c1", "--rerun", "failed"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("rerun: nothing to do: all hosts ended well"), "{}", ran.stderr);

    // One at a time: those whose turn has not come when the second fails are not begun.
    breaks(bench, 2, "node2");
    let args = ["setup", "c1", "--max-fail", "0", "-f", "1"];
    let before = bench.on(2, EVERYTHING);
    let (code, run) = bench.json(&args);
    assert_eq!(code, 2, "{run:#}");
    trouble(&run, "node2", "failed");
    for late in ["node3", "node4"] {
        let what = trouble(&run, late, "failed");
        assert_eq!(what, "not begun, since node2 failed, and --max-fail 0 allows no more");
        assert_eq!(host(&run, late)["execs"], 0);
    }
    assert_eq!(bench.on(2, EVERYTHING), before);

    // A check in between makes nobody well, and changes nothing of what is known.
    breaks(bench, 2, "nobody");
    assert_eq!(bench.run(&["setup", "c1", "--check", "--rerun", "failed"]).code, 0);
    let ran = bench.run(&["setup", "c1", "--rerun", "failed", "-v"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for (host, state) in [("node2", "failed"), ("node3", "held back"), ("node4", "held back")] {
        assert!(ran.stderr.contains(&format!("rerun: {host}: {state} on ")), "{}", ran.stderr);
    }
    assert!(ran.stderr.contains("rerun: the time source node1 is taken as it is"));
    assert!(!ran.stdout.contains("node1  "), "{}", ran.stdout);
    assert_eq!(bench.run(&["setup", "c1"]).code, 0);
}

/// A run under way, and what it says on standard error. It is ended with the test.
pub struct Running {
    child: Child,
    told: Lines<BufReader<ChildStderr>>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, told }
    }

    /// Reads on until this was said so often.
    pub fn until(&mut self, words: &str, times: usize) {
        let (mut heard, mut said) = (0, String::new());
        while heard < times {
            let Some(Ok(line)) = self.told.next() else { panic!("no `{words}` in\n{said}") };
            heard += usize::from(line.contains(words));
            said += &(line + "\n");
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// What it printed, and how it ended, within a time that is measured too.
    pub fn end(mut self) -> (Ran, Duration) {
        let begun = Instant::now();
        let (mut stdout, stderr) = (String::new(), self.told.by_ref().map_while(Result::ok));
        let stderr = stderr.collect::<Vec<_>>().join("\n");
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (Ran { code, stdout, stderr }, begun.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until hosts are rid of what a run that was not waited for has left.
fn wait_for_tidy(bench: &Bench) {
    let begun = Instant::now();
    while bench.everywhere(LITTER).iter().any(|litter| !litter.is_empty()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", bench.everywhere(LITTER));
        std::thread::sleep(Duration::from_millis(300));
    }
}

const WAITING: [&str; 6] = ["setup", "c1", "--source-timeout", "60", "--verify-timeout", "120"];

/// A source that gets this stratum, which is new to it, and looks for its server for a minute.
fn looks_for_its_server(bench: &Bench, stratum: u8) {
    let config = format!("ntp_servers: [10.99.0.99]\nlocal_stratum: {stratum}\n");
    bench.write("inventories/c1/config.yml", &config);
}

/// A run with such a source, whose clients wait, staged.
fn waiting(bench: &Bench, stratum: u8) -> Running {
    looks_for_its_server(bench, stratum);
    let mut running = Running::start(bench.command(&WAITING));
    running.until("waits for the time source", 2);
    running
}

#[test]
fn two_runs_are_kept_apart_and_each_can_be_stopped() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let before = bench.on(1, EVERYTHING);
    let first = waiting(&bench, 1);
    for flag in [&[][..], &["--break-lock"]] {
        let ran = bench.run(&[&["setup", "c1"], flag].concat());
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let pid = first.child.id();
        let held = format!("(ezsync setup c1, process {pid}, since ");
        assert!(
            ran.stderr.contains("error: the cluster is being changed by root@"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(&held), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("`kill {pid}`")), "{}", ran.stderr);
    }
    assert_eq!(bench.run(&["setup", "c1", "--check"]).code, 0, "what changes nothing may");

    // What the advice says ends the first in order.
    first.signal("-TERM");
    let (ran, _) = first.end();
    assert_eq!(ran.code, 99, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("interrupted: hosts whose turn"), "{}", ran.stderr);
    assert!(ran.stdout.contains("c1: interrupted, 3 of 3 hosts not finished"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("STOPPED"), "{}", ran.stdout);
    assert_eq!((bench.on(1, EVERYTHING), bench.on(1, LITTER)), (before.clone(), String::new()));

    // One that is killed leaves its lock; the next says so.
    let mut killed = waiting(&bench, 2);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let pid = killed.child.id();
    wait_for_tidy(&bench);
    looks_for_its_server(&bench, 3);
    let mut next = Running::start(bench.command(&WAITING));
    next.until(&format!("process {pid}, since "), 1);
    next.until("waits for the time source", 2);
    stopped_at_once(&bench, next);
    assert_eq!((bench.on(1, EVERYTHING), bench.on(1, LITTER)), (before, String::new()));
    hang_ups(&bench);
    stopped_in_the_middle(&bench);
}

fn stopped_at_once(bench: &Bench, mut running: Running) {
    running.signal("-INT");
    running.until("press Ctrl-C again", 1);
    running.signal("-INT");
    let (ran, took) = running.end();
    assert_eq!(ran.code, 99, "{}{}", ran.stdout, ran.stderr);
    assert!(took < AT_ONCE, "{took:?}");
    wait_for_tidy(bench);
}

/// A terminal that is closed ends a run as Ctrl-C does, and nohup keeps it from that.
fn hang_ups(bench: &Bench) {
    let running = waiting(bench, 4);
    running.signal("-HUP");
    // The shell and the terminal both tell: that is one wish.
    running.signal("-HUP");
    let (ran, _) = running.end();
    assert_eq!(ran.code, 99, "{}", ran.stderr);
    assert!(!ran.stdout.contains("STOPPED"), "{}", ran.stdout);

    looks_for_its_server(bench, 5);
    let mut deaf = bench.lab.command("sh");
    bench.surround(&mut deaf);
    deaf.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ezsync")]);
    let args = ["setup", "c1", "--source-timeout", "5", "--verify-timeout", "20"];
    deaf.args(bench.args(&bench.lab.known_hosts(), &args));
    let mut running = Running::start(deaf);
    running.until("waits for the time source", 1);
    running.signal("-HUP");
    let (ran, _) = running.end();
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

/// A host that is being changed goes to its end, whoever waits for it.
fn stopped_in_the_middle(bench: &Bench) {
    bench.write("inventories/c1/config.yml", "ntp_servers: []\nlocal_stratum: 9\n");
    let slow = "mkdir -p /etc/systemd/system/chrony.service.d
        printf '[Service]\\nExecStartPre=/bin/sleep 30\\n' >/etc/systemd/system/chrony.service.d/slow.conf
        systemctl daemon-reload";
    bench.on(0, slow);
    breaks(bench, 3, "nobody");
    let mut running = Running::start(bench.command(&["setup", "c1"]));
    running.until("node1: restart chrony", 1);
    running.signal("-INT");
    running.until("press Ctrl-C again", 1);
    running.until(": interrupted", 2);
    running.signal("-INT");
    let (ran, took) = running.end();
    assert_eq!(ran.code, 99, "{}{}", ran.stdout, ran.stderr);
    assert!(took < AT_ONCE, "{took:?}");
    let stopped = ran.stdout.split("STOPPED AT ONCE\n").nth(1).unwrap_or_default();
    assert!(stopped.starts_with("node1: being changed: goes on to its end or"), "{}", ran.stdout);
    assert!(stopped.contains("node2, node3: unchanged"), "{}", ran.stdout);
    let last = ran.stdout.lines().last().unwrap_or_default();
    assert!(last.contains("`ezsync status c1` says") && !last.contains("No changes"), "{last}");
    wait_for_tidy(bench);
    assert_eq!(bench.on(0, "systemctl is-active chrony"), "active");
    // It is known which hosts were left.
    bench.on(0, "rm /etc/systemd/system/chrony.service.d/slow.conf; systemctl daemon-reload");
    let ran = bench.run(&["setup", "c1", "--rerun", "failed"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("rerun: node1: interrupted on"), "{}", ran.stderr);
}

/// A client that failed is not mended by what it had heard before.
#[test]
fn a_rerun_takes_no_old_word_for_the_time() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    let again = ["setup", "c1", "--rerun", "failed", "--verify-timeout", "8"];
    for (broken, code) in [("nobody", 0), ("node2", 2)] {
        breaks(&bench, 1, broken);
        let (found, run) = bench.json(&["setup", "c1"]);
        assert_eq!(found, code, "{run:#}");
    }
    breaks(&bench, 1, "nobody");
    bench.on(0, "chronyc deny all");
    let (code, run) = bench.json(&again);
    assert_eq!((code, names(&run)), (2, vec!["node2"]), "{run:#}");
    assert_eq!(host(&run, "node2")["plan"]["changes"], json!([]), "{run:#}");
    bench.on(0, "chronyc allow all");
    let (code, run) = bench.json(&again);
    assert_eq!((code, names(&run)), (0, vec!["node2"]), "{run:#}");
}

/// Who stops a run while changes are on trial gets what stood there before, and is told no causes.
#[test]
fn a_trial_that_is_cut_short_has_no_verdict() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 3);
    let ran = bench.run(&["setup", "c1"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let states = bench.everywhere(STATE);
    // Nobody hears the source any more: its clients look for their first answer.
    bench.on(
        0,
        "nft add table inet t && nft 'add chain inet t c { type filter hook input priority 0; }' \
         && nft add rule inet t c udp dport 123 drop",
    );
    bench.write(
        "inventories/c1/config.yml",
        "ntp_servers: []\nlocal_stratum: 7\ntime_key: generate\n",
    );
    let mut running = Running::start(bench.command(&["setup", "c1", "--verify-timeout", "60"]));
    running.until(": verifying", 2);
    running.signal("-INT");
    let (ran, took) = running.end();
    assert!(took < Duration::from_secs(45), "{took:?}");
    assert_eq!(ran.code, 99, "{}{}", ran.stdout, ran.stderr);
    for row in [
        "node1  source  interrupted  ",
        "node2  client  interrupted  ",
        "node3  client  interrupted  ",
    ] {
        assert!(ran.stdout.contains(row), "{row}\n{}", ran.stdout);
    }
    assert!(
        ran.stdout.contains(
            "note: node1, node2, node3: not proved before the run was interrupted: its previous configuration was \
             put back"
        ),
        "{}",
        ran.stdout
    );
    for never in ["next:", "STRATUM", "10.99.0.11", "failed:"] {
        assert!(!ran.stdout.contains(never), "{never}\n{}", ran.stdout);
    }
    assert!(ran.stdout.contains("c1: interrupted, 3 of 3 hosts not finished."), "{}", ran.stdout);
    bench.on(0, "nft flush ruleset");
    for (number, state) in states.iter().enumerate() {
        let now = state_of(&bench, number, &[state]);
        assert_eq!(difference(&now, state), "", "host {number}");
        assert_eq!(bench.on(number, LITTER), "");
    }
}
