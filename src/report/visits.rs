//! What came of looking in on hosts: `ezsync ping` and `ezsync exec`.

use std::fmt::Write;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;

use super::group::{group, names};
use super::paint::{BAD, BOLD, DIM, GOOD, Paint, clean, clean_lines};
use super::table::{Cell, Column, lay_out};
use super::text::join;
use super::units::{count, duration, seconds};
use super::{Counts, Look, counts, document, exit, troubles};
use crate::exit::Exit;
use crate::fleet::{Outcome, Pong, Ran, Visit};

/// What came of all hosts. As JSON it has the keys of [`Run`](super::Run), as far as they mean
/// something here; `mode` is `ping` or `exec`, and a host of a ping has `login`, `user`,
/// `distribution`, `shell` and `round_trip`, one of an exec `rc`, `stdout`, `stderr` and `cut`.
/// `step` names the step that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Visits<T> {
    ezsync: &'static str,
    cluster: String,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    started: Timestamp,
    seconds: f64,
    interrupted: bool,
    exit: u8,
    hosts: Vec<Visit<T>>,
    recap: IndexMap<String, Counts>,
}

/// What is shown of them.
#[derive(Debug, Clone)]
pub struct Report {
    /// For people, with colours.
    pub text: String,
    /// For programs: one JSON document.
    pub json: String,
    /// How the program ends.
    pub exit: Exit,
}

impl<T> Visits<T> {
    /// What came of `hosts` in `cluster`, in `seconds`; of a `command`, if there was one.
    /// `interrupted`: the user ended it.
    #[must_use]
    pub fn new(
        cluster: &str,
        command: Option<String>,
        started: Timestamp,
        seconds: f64,
        interrupted: bool,
        hosts: Vec<Visit<T>>,
    ) -> Self {
        let recap = hosts.iter().map(|host| (host.host.clone(), Counts::after(&host.outcome)));
        Self {
            ezsync: env!("CARGO_PKG_VERSION"),
            cluster: cluster.to_owned(),
            mode: if command.is_some() { "exec" } else { "ping" },
            command,
            started,
            seconds,
            interrupted,
            exit: exit(interrupted, hosts.iter().map(|host| &host.outcome)).code(),
            recap: recap.collect(),
            hosts,
        }
    }

    fn ends(&self) -> impl Iterator<Item = (&str, &Outcome)> {
        self.hosts.iter().map(|host| (host.host.as_str(), &host.outcome))
    }

    fn notes(&self) -> String {
        troubles::notes(
            self.hosts
                .iter()
                .flat_map(|host| host.notes.iter().map(|note| (host.host.as_str(), note.as_str()))),
        )
    }

    /// The last line: how many did what was asked.
    fn closing(&self, did: &str) -> String {
        let total = self.hosts.len();
        let number = |wanted: fn(&Outcome) -> bool| {
            self.hosts.iter().filter(|host| wanted(&host.outcome)).count()
        };
        let good = number(|outcome| *outcome == Outcome::Ok);
        let mut said = match good == total {
            true => format!("{} {did}", count(total, "host")),
            false => format!("{good} of {} {did}", count(total, "host")),
        };
        for (number, word) in [
            (number(|outcome| matches!(outcome, Outcome::Failed(_))), "failed"),
            (number(|outcome| matches!(outcome, Outcome::Unreachable(_))), "unreachable"),
            (number(|outcome| *outcome == Outcome::Interrupted), "interrupted"),
        ] {
            if number > 0 {
                said += &format!(", {number} {word}");
            }
        }
        let style = if good == total { GOOD } else { BAD };
        let (said, time) = (said.paint(style), duration(self.seconds));
        format!("{}: {said}, in {time}.\n", clean(&self.cluster))
    }

    fn report(&self, text: String) -> Report
    where
        T: Serialize,
    {
        let json = document(self).unwrap_or_default();
        let exit = exit(self.interrupted, self.hosts.iter().map(|host| &host.outcome));
        Report { text, json, exit }
    }
}

/// The report of a ping.
#[must_use]
pub fn pings(visits: &Visits<Pong>) -> Report {
    let width = Look::of_stdout(false).width;
    let text = join([
        table(&visits.hosts, width),
        troubles::failures(visits.ends()),
        visits.notes(),
        counts::recap(&visits.recap, width),
        visits.closing("answered"),
    ]);
    visits.report(text)
}

fn table(hosts: &[Visit<Pong>], width: Option<usize>) -> String {
    let of = |of: fn(&Pong) -> String| {
        move |host: &Visit<Pong>| Cell::plain(&host.answer.as_ref().map(of).unwrap_or_default())
    };
    let user = |pong: &Pong| match pong.login == pong.user {
        true => pong.user.clone(),
        false => format!("{} -> {}", pong.login, pong.user),
    };
    let columns = vec![
        Column::new("HOST", hosts, |host| Cell::plain(&host.host)).name(),
        Column::new("ADDRESS", hosts, |host| Cell::plain(&host.address)).name(),
        Column::new("STATE", hosts, state),
        Column::new("USER", hosts, of(user)),
        Column::new("DISTRIBUTION", hosts, of(|pong| pong.distribution.clone())),
        Column::new("SH", hosts, of(|pong| pong.shell.clone())),
        Column::new("ROUND TRIP", hosts, of(|pong| seconds(pong.round_trip))).right(),
    ];
    lay_out(columns, width)
}

/// `ok`, or the step at which it ended: `failed: become`.
fn state<T>(host: &Visit<T>) -> Cell {
    let (word, style) = match &host.outcome {
        Outcome::Ok => ("ok", GOOD),
        Outcome::Failed(_) => ("failed", BAD),
        Outcome::Unreachable(_) => ("unreachable", BAD),
        Outcome::Interrupted => ("interrupted", BAD),
    };
    let step = host.step.map(|step| format!(": {step}")).unwrap_or_default();
    Cell { text: format!("{word}{step}"), style }
}

/// The report of an exec: each answer once, with its hosts.
#[must_use]
pub fn execs(visits: &Visits<Ran>) -> Report {
    let answered = visits.hosts.iter().filter_map(|host| {
        let begun = |ran: &&Ran| {
            let said = !ran.stdout.is_empty() || !ran.stderr.is_empty();
            ran.rc.is_some() || (host.outcome == Outcome::Interrupted && said)
        };
        let ran = host.answer.as_ref().filter(begun)?;
        Some(((ran.rc, &ran.stdout, &ran.stderr, ran.cut), host.host.as_str()))
    });
    let mut answers = String::new();
    for ((rc, stdout, stderr, cut), hosts) in group(answered) {
        let space = if answers.is_empty() { "" } else { "\n" };
        let style = if rc == Some(0) { GOOD } else { BAD };
        let number =
            if hosts.len() > 1 { format!(" ({} hosts)", hosts.len()) } else { String::new() };
        let rc = rc.map_or("interrupted".to_owned(), |rc| format!("rc {rc}")).paint(style);
        let _ = writeln!(answers, "{space}{}{number} | {rc}:", names(&hosts).paint(BOLD));
        answers += &output(stdout, stderr);
        if cut {
            let _ = writeln!(
                answers,
                "{}",
                "(more was printed: only the first MiB was kept)".paint(DIM)
            );
        }
    }
    // What an ended command has to say stands above.
    let unfinished =
        visits.hosts.iter().filter(|host| host.answer.as_ref().is_none_or(|ran| ran.rc.is_none()));
    let unfinished = unfinished.map(|host| (host.host.as_str(), &host.outcome));
    let text = join([
        answers,
        troubles::failures(unfinished),
        visits.notes(),
        visits.closing("ended with rc 0"),
    ]);
    visits.report(text)
}

/// What a command printed. Lines of standard error say that they are some.
fn output(stdout: &str, stderr: &str) -> String {
    let mut text = String::new();
    for line in clean_lines(stdout).filter(|_| !stdout.is_empty()) {
        text += &(line + "\n");
    }
    for line in clean_lines(stderr).filter(|_| !stderr.is_empty()) {
        let _ = writeln!(text, "{}{line}", "stderr: ".paint(DIM));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Trouble;

    fn visit<T>(host: &str, outcome: Outcome, answer: Option<T>) -> Visit<T> {
        let (host, address) = (host.to_owned(), "10.0.0.1".to_owned());
        Visit { host, address, outcome, step: None, answer, notes: Vec::new(), seconds: 0.1 }
    }

    fn ran(rc: Option<u32>, stdout: &str, stderr: &str) -> Ran {
        Ran {
            rc,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            cut: false,
            held: false,
            mixed: false,
        }
    }

    fn visits<T>(interrupted: bool, hosts: Vec<Visit<T>>) -> Visits<T> {
        let command = Some("date".to_owned());
        Visits::new("c1", command, Timestamp::UNIX_EPOCH, 1.0, interrupted, hosts)
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn equal_answers_are_shown_once_and_troubles_after_them() {
        let failed = Outcome::Failed(Trouble::new("exit status 1", "look"));
        let gone = Outcome::Unreachable(Trouble::new("no\x1b[2J", "wait"));
        let report = execs(&visits(
            false,
            vec![
                visit("n1", Outcome::Ok, Some(ran(Some(0), "a\n\tb\r\n\x07\n", ""))),
                visit("n2", failed, Some(ran(Some(1), "", "no\n\n"))),
                visit("n3", Outcome::Ok, Some(ran(Some(0), "a\n\tb\r\n\x07\n", ""))),
                visit("n4", Outcome::Ok, Some(Ran { cut: true, ..ran(Some(0), "", "") })),
                visit("n5", gone, None),
            ],
        ));
        let expected = "\
n1, n3 (2 hosts) | rc 0:
a
\tb\\r
\\x07

n2 | rc 1:
stderr: no
stderr: 

n4 | rc 0:
(more was printed: only the first MiB was kept)

n5 unreachable: no\\x1b[2J
  next: wait

c1: 3 of 5 hosts ended with rc 0, 1 failed, 1 unreachable, in 1.0 s.
";
        assert_eq!(plain(&report.text), expected);
        assert_eq!(report.exit, Exit::HostFailed);
        let json: serde_json::Value = serde_json::from_str(&report.json).unwrap();
        assert_eq!(json["mode"], "exec");
        assert_eq!(json["hosts"][1]["rc"], 1);
        assert_eq!(json["hosts"][1]["stderr"], "no\n\n");
        assert_eq!(json["recap"]["n5"]["unreachable"], 1);
    }

    #[test]
    fn a_host_that_is_not_waited_for_counts() {
        let hosts = || {
            vec![
                visit("n1", Outcome::Ok, Some(ran(Some(0), "", ""))),
                visit("n2", Outcome::Interrupted, Some(ran(None, "half", ""))),
            ]
        };
        let report = execs(&visits(true, hosts()));
        let expected = "n1 | rc 0:\n\nn2 | interrupted:\nhalf\n\nc1: 1 of 2 hosts ended with rc 0, 1 interrupted, in 1.0 s.\n";
        assert_eq!(plain(&report.text), expected);
        assert_eq!(report.exit, Exit::Interrupted);
    }
}
