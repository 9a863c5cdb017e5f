//! Running the scripts on a host, as the fleet does over SSH.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use ezsync::desired::{Desired, Step};
use ezsync::plan::Plan;
use ezsync::problem::Place;
use ezsync::remote::{
    Ending, Errand, Outcome, Probe, Progress, Request, Section, Sections, Word, apply_script,
    probe_script,
};
use ezsync::resource::{self, Args, Obstacle};
use serde_json::Value;

use crate::host::Host;

/// How long a script may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the tests' runs do with a plan.
pub fn errand<'a>(host: &Host, plan: &'a Plan) -> Errand<'a> {
    Errand { expects: host.newest(), ..first_errand(plan) }
}

/// The same on a host without a past.
pub fn first_errand(plan: &Plan) -> Errand<'_> {
    Errand {
        plan,
        ending: Ending::Push,
        state: Some("{}\n".to_owned()),
        by: "tester@here",
        cluster: "tests",
        run: "a run",
        expects: 0,
        confirm: None,
        break_lock: false,
        sight: None,
        far: false,
    }
}

/// A task without a role around it.
pub fn task(module: &str, args: Value) -> Step {
    let Value::Object(args) = args else { panic!("arguments are a map") };
    let place = Place { file: "tasks".to_owned(), line: 0, column: 0, text: String::new() };
    let args = Args::new(module, args, place);
    Step {
        role: "test".to_owned(),
        task: module.to_owned(),
        resource: resource::make(module, args).unwrap(),
        notify: Vec::new(),
    }
}

/// `step`, which notifies the first handler.
pub fn notifying(step: Step) -> Step {
    Step { notify: vec![0], ..step }
}

/// A script that runs on a host.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
    sections: Sections,
}

/// What a script has said, and how it ended.
pub struct Answer {
    pub sections: Vec<Section>,
    pub preamble: String,
    pub stderr: String,
    pub status: ExitStatus,
}

fn pump(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Running {
    /// Starts `script`, which marks its sections with `mark`.
    pub fn start(host: &Host, script: &[u8], mark: &Word) -> Self {
        let mut running = Self::start_deaf(host, script, mark);
        let stdout = running.child.stdout.take().unwrap();
        running.output = pump(stdout);
        running
    }

    /// As [`Running::start`], but nobody reads what the script says.
    fn start_deaf(host: &Host, script: &[u8], mark: &Word) -> Self {
        let mut child = host.shell().spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let errors = pump(child.stderr.take().unwrap());
        // A shell that gives up early closes its input: its answer tells why.
        let _ = stdin.write_all(script);
        let (_, output) = channel();
        Self { child, stdin: Some(stdin), output, errors, sections: Sections::new(mark) }
    }

    /// Waits for a section with one of the `names`.
    pub fn until(&mut self, names: &[&str]) {
        let begun = Instant::now();
        while !self.sections.all().iter().any(|section| names.contains(&section.name.as_str())) {
            match self.output.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(bytes) => self.sections.feed(&bytes),
                Err(_) => panic!("no {names:?}: {:?}", self.sections.all()),
            }
        }
    }

    pub fn say(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().unwrap().write_all(bytes);
    }

    /// Waits for anything more.
    pub fn listen(&mut self) {
        match self.output.recv_timeout(PATIENCE) {
            Ok(bytes) => self.sections.feed(&bytes),
            Err(_) => panic!("nothing more: {:?}", self.sections.all()),
        }
    }

    /// What it has said so far.
    pub fn sections(&self) -> &[Section] {
        self.sections.all()
    }

    /// Sends a signal to the script's shell: it is the process that was started.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Closes the script's input.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end, whatever that is.
    pub fn finish_any(mut self) {
        self.hang_up();
        let _ = self.child.wait();
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Answer {
        let begun = Instant::now();
        let status = loop {
            while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(2)) {
                self.sections.feed(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the script did not end: {:?}", self.sections.all());
            }
        };
        while let Ok(bytes) = self.output.recv() {
            self.sections.feed(&bytes);
        }
        self.sections.finish();
        let stderr: Vec<u8> = self.errors.iter().flatten().collect();
        Answer {
            sections: self.sections.all().to_vec(),
            preamble: self.sections.preamble(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            status,
        }
    }
}

impl Answer {
    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        let ended = self.sections.iter().any(|s| Progress::of(s) == Some(Progress::Ended));
        assert!(ended, "no result: {:?} {}", self.sections, self.stderr);
        Outcome::of(&self.sections)
    }

    /// The log of the change that failed; everything was put back.
    pub fn undone(&self) -> String {
        match self.outcome() {
            Outcome::Undone(failure) => failure.log,
            other => panic!("not undone but {other:?}"),
        }
    }
}

impl Host {
    /// What the host answers to `request`.
    pub fn probe(&self, request: &Request) -> Probe {
        let mark = Word::random().unwrap();
        let script = probe_script(request, &mark);
        let mut running = Running::start(self, script.as_bytes(), &mark);
        running.until(&["ready"]);
        running.hang_up();
        let answer = running.finish();
        assert_eq!(answer.stderr, "", "{:?}", self.shell);
        assert_eq!(answer.preamble, "", "{:?}", self.shell);
        Probe::parse(request, &answer.sections).expect("the answer is whole")
    }

    /// What must change for `steps`, by what stands on the host.
    pub fn plan_with(&self, steps: Vec<Step>, handlers: Vec<Step>) -> Plan {
        self.compare(steps, handlers).unwrap()
    }

    /// Why `steps` cannot be done on the host.
    pub fn obstacle(&self, steps: Vec<Step>) -> Obstacle {
        self.compare(steps, Vec::new()).unwrap_err()
    }

    fn compare(&self, steps: Vec<Step>, handlers: Vec<Step>) -> Result<Plan, Obstacle> {
        let desired = Desired { steps, handlers, notes: Vec::new() };
        let request = Request::new(&desired.subjects().collect(), &[]);
        Plan::new(&desired, &self.probe(&request).observed)
    }

    pub fn plan(&self, steps: Vec<Step>) -> Plan {
        self.plan_with(steps, Vec::new())
    }

    /// Starts the script for `plan`.
    pub fn start(&self, plan: &Plan) -> Running {
        let (mark, token) = (Word::random().unwrap(), Word::random().unwrap());
        let script = apply_script(&errand(self, plan), &mark, &token);
        Running::start(self, script.as_bytes(), &mark)
    }

    /// Carries out `plan`: `go` is said when all is staged.
    pub fn carry_out(&self, plan: &Plan) -> Answer {
        let answer = self.carry_out_untidy(plan);
        self.assert_tidy();
        answer
    }

    pub fn carry_out_untidy(&self, plan: &Plan) -> Answer {
        let mut running = self.start(plan);
        running.until(&["staged", "result"]);
        running.say("go\n");
        running.finish()
    }

    /// Plans and carries out `steps`; a second plan has nothing to do.
    pub fn apply(&self, steps: impl Fn() -> Vec<Step>) -> Vec<String> {
        let plan = self.plan(steps());
        let answer = self.carry_out(&plan);
        let shell = self.shell;
        assert_eq!(answer.outcome(), Outcome::Changed, "{shell:?}: {}", answer.stderr);
        assert_eq!(answer.stderr, "", "{shell:?}");
        let again = self.plan(steps()).changes;
        assert!(again.is_empty(), "{shell:?}: not the same the second time: {again:#?}");
        plan.changes.into_iter().map(|change| change.summary).collect()
    }

    /// Plans and carries out `steps`, which fail and are undone: nothing may have changed.
    pub fn fail(&self, steps: Vec<Step>) -> String {
        let plan = self.plan(steps);
        let before = self.snapshot();
        let log = self.carry_out(&plan).undone();
        assert_same(&before, &self.snapshot(), self);
        log
    }
}

/// Asserts that nothing differs on `host`.
pub fn assert_same(
    before: &std::collections::BTreeMap<String, String>,
    after: &std::collections::BTreeMap<String, String>,
    host: &Host,
) {
    let changed: Vec<_> = before
        .iter()
        .filter(|(path, what)| after.get(*path) != Some(*what))
        .map(|(path, what)| format!("{path}: {what} -> {:?}", after.get(path)))
        .chain(after.keys().filter(|path| !before.contains_key(*path)).cloned())
        .collect();
    assert!(changed.is_empty(), "{:?}: {changed:#?}", host.shell);
}

/// The script's output is closed once it has said `staged`, and `go` is said then.
pub fn go_and_leave(host: &Host, plan: &Plan) -> ExitStatus {
    let (mark, token) = (Word::random().unwrap(), Word::random().unwrap());
    let script = apply_script(&errand(host, plan), &mark, &token);
    let mut running = Running::start_deaf(host, script.as_bytes(), &mark);
    let mut stdout: ChildStdout = running.child.stdout.take().unwrap();
    let mut bytes = [0; 4096];
    while !running.sections.all().iter().any(|section| section.name == "staged") {
        let count = stdout.read(&mut bytes).unwrap();
        assert!(count > 0, "not staged: {:?}", running.sections.all());
        running.sections.feed(&bytes[..count]);
    }
    running.say("go\n");
    drop(stdout);
    running.hang_up();
    running.child.wait().unwrap()
}
