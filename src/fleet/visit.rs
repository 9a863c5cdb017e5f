//! Looking in on hosts: whether they answer, and what a command says there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::result::{Outcome, Trouble};
use super::shell::{Shell, exec_trouble, word};
use super::talk::Talk;
use super::{Doing, Means, NoWay, each};
use crate::access::{Reach, Way};
use crate::exec::ExecError;
use crate::remote::{Greeted, command_script, command_status, ping_script};
use crate::sanitise::{sanitise_lines, text_of};
use crate::ssh::{ConnectError, Phase};

/// How long a host may take to say who it is.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the output of a command that has ended is waited for. What it prints comes before its end; but
/// something that it has left behind may hold its output for ever.
const LINGER: Duration = Duration::from_secs(2);

/// How long a command that is told to end may take for it.
const FAREWELL: Duration = Duration::from_secs(3);

/// How much is kept of what a command prints, of standard output and error each (bytes): a
/// thousand hosts that print all they can must not take all memory.
const KEPT: usize = 1024 * 1024;

/// A host to look in on.
#[derive(Debug, Clone)]
pub struct Visitee {
    /// Its name in the inventory.
    pub name: String,
    /// How it is reached.
    pub reach: Reach,
    /// What the reader of the result should know of its settings.
    pub notes: Vec<String>,
}

/// What came of one host.
#[derive(Debug, Clone, Serialize)]
pub struct Visit<T> {
    /// Its name in the inventory.
    pub host: String,
    /// The address that was connected to.
    pub address: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The step that failed: `name`, `connection`, `host key`, `authentication`, `become`, `shell`
    /// or `command`.
    pub step: Option<&'static str>,
    /// What it said.
    #[serde(flatten)]
    pub answer: Option<T>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A host that answers.
#[derive(Debug, Clone, Serialize)]
pub struct Pong {
    /// Who logged in.
    pub login: String,
    /// Who runs commands.
    pub user: String,
    /// What the host is: `Debian GNU/Linux 12 (bookworm)`.
    pub distribution: String,
    /// What `sh` is there: `/usr/bin/dash`.
    pub shell: String,
    /// How long a word takes to the script that runs there, and back, in seconds.
    pub round_trip: f64,
}

/// What a command did.
#[derive(Debug, Clone, Serialize)]
pub struct Ran {
    /// Its exit status; none when it was not waited for.
    pub rc: Option<u32>,
    /// What it wrote to standard output. On a terminal, which some ways to become root need,
    /// standard error as well.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether it wrote more than was kept.
    pub cut: bool,
    /// Whether something that it started holds its output after its end.
    #[serde(skip)]
    pub held: bool,
    /// Whether standard output and standard error are one, as on any terminal.
    #[serde(skip)]
    pub mixed: bool,
}

impl Ran {
    /// What its reader should know of it.
    fn notes(&self) -> impl Iterator<Item = String> + use<> {
        let held = "something that the command started holds its output and was left running; what it prints from then on is not shown";
        let mixed = "the command ran on a terminal, which becoming another user needs there: its standard error is in its standard output";
        [(self.held, held), (self.mixed, mixed)]
            .into_iter()
            .filter(|(is_so, _)| *is_so)
            .map(|(_, note)| note.to_owned())
    }
}

impl<T> Visit<T> {
    /// A host that has not come to its turn.
    fn blank(visitee: &Visitee) -> Self {
        Self {
            host: visitee.name.clone(),
            address: visitee.reach.address().to_owned(),
            outcome: Outcome::Interrupted,
            step: None,
            answer: None,
            notes: visitee.notes.clone(),
            seconds: 0.0,
        }
    }
}

/// What is done on a host that is looked in on.
pub(super) trait Errand: Send + Sync + 'static {
    /// What it brings back.
    type Answer: Send + 'static;

    /// Does it by `shell`. There may be an answer also when it failed.
    fn run(
        &self,
        means: &Means,
        host: &Visitee,
        shell: &Shell,
    ) -> impl Future<Output = (Option<Self::Answer>, Outcome)> + Send;

    /// What the reader should know of the answer.
    fn notes(&self, _: &Self::Answer) -> Vec<String> {
        Vec::new()
    }
}

/// Asks all hosts whether they answer, as the user who is wanted there.
pub async fn ping(means: Means, hosts: Vec<Visitee>) -> Vec<Visit<Pong>> {
    visit(means, hosts, Ping).await
}

/// Runs `command` on all hosts, each by its own shell, for `limit` at the most.
pub async fn exec(
    means: Means,
    hosts: Vec<Visitee>,
    command: String,
    limit: Option<Duration>,
) -> Vec<Visit<Ran>> {
    visit(means, hosts, Command { line: command, limit }).await
}

pub(super) async fn visit<E: Errand>(
    means: Means,
    hosts: Vec<Visitee>,
    errand: E,
) -> Vec<Visit<E::Answer>> {
    let (forks, stop) = (means.forks, means.stop.clone());
    let shared = Arc::new((means, errand));
    let work = move |host: Visitee| {
        let shared = shared.clone();
        async move {
            let (means, errand) = &*shared;
            let begun = Instant::now();
            let mut result = Visit::blank(&host);
            match means.connect(&host.name, &host.reach).await {
                Err(no) => {
                    result.step = step(&no);
                    result.outcome = no.into();
                }
                Ok(shell) => {
                    result.notes.extend(shell.link().host_key_notes());
                    (result.answer, result.outcome) = errand.run(means, &host, &shell).await;
                    result.notes.extend(result.answer.iter().flat_map(|it| errand.notes(it)));
                    if !matches!(result.outcome, Outcome::Ok | Outcome::Interrupted) {
                        result.step = Some(match (&result.answer, &host.reach.become_) {
                            (Some(_), _) => "command",
                            (None, Some(_)) if !shell.is_silent() => "become",
                            (None, _) => "shell",
                        });
                    }
                    shell.close().await;
                }
            }
            result.outcome = result.outcome.without_secrets(&host.reach);
            result.seconds = begun.elapsed().as_secs_f64();
            means.tell(&host.name, Doing::Left(result.outcome.clone()));
            result
        }
    };
    each(hosts, forks, &stop, Visit::blank, work).await
}

/// Where the way to a host ended.
fn step(no: &NoWay) -> Option<&'static str> {
    let NoWay::Error(error) = no else { return None };
    Some(step_of(error))
}

fn step_of(error: &ConnectError) -> &'static str {
    match error {
        // Its own, whoever stands in between.
        ConnectError::Jump { cause, .. } => step_of(cause),
        ConnectError::Command { cause, .. } => step_of(cause),
        ConnectError::Resolve { .. } | ConnectError::TimedOut { phase: Phase::Resolve, .. } => {
            "name"
        }
        ConnectError::HostKeyUnknown { .. }
        | ConnectError::HostKeyChanged { .. }
        | ConnectError::HostKeyRevoked { .. }
        | ConnectError::AuthorityRevoked { .. }
        | ConnectError::KnownHosts(_) => "host key",
        ConnectError::Authentication(_)
        | ConnectError::TimedOut { phase: Phase::Authentication, .. }
        | ConnectError::Broken { phase: Phase::Authentication, .. } => "authentication",
        _ => "connection",
    }
}

struct Ping;

impl Errand for Ping {
    type Answer = Pong;

    async fn run(&self, means: &Means, host: &Visitee, shell: &Shell) -> (Option<Pong>, Outcome) {
        means.tell(&host.name, Doing::Probing);
        let pong = tokio::select! {
            pong = pong(host, shell) => pong,
            () = means.cancel.cancelled() => Err(Outcome::Interrupted),
        };
        match pong {
            Ok(pong) => (Some(pong), Outcome::Ok),
            Err(outcome) => (None, outcome),
        }
    }
}

async fn pong(host: &Visitee, shell: &Shell) -> Result<Pong, Outcome> {
    let what = "the first script";
    let mark = word()?;
    // Who allows a connection so long (-T) does not want to wait much longer for a shell.
    let limit = match &host.reach.way {
        Way::Ssh(target) => target.connect_timeout,
        Way::Local => PING_TIMEOUT,
    };
    let mut talk = shell.start(what, &ping_script(&mark), &mark, limit).await?;
    let mut said = None;
    loop {
        let section = talk.next(PING_TIMEOUT).await.map_err(|error| exec_trouble(what, &error))?;
        let Some(section) = section else { return Err(broken_off(&talk).into()) };
        match section.name.as_str() {
            // The script waits for a word now.
            "ready" => {
                said = Some(Instant::now());
                talk.say("ping").await;
            }
            "pong" => break,
            _ => {}
        }
    }
    let round_trip = said.map_or(0.0, |said: Instant| said.elapsed().as_secs_f64());
    let Greeted { user, distribution, shell } = Greeted::of(talk.sections());
    talk.end(FAREWELL).await;
    Ok(Pong { login: host.reach.user.clone(), user, distribution, shell, round_trip })
}

struct Command {
    line: String,
    limit: Option<Duration>,
}

impl Errand for Command {
    type Answer = Ran;

    async fn run(&self, means: &Means, host: &Visitee, shell: &Shell) -> (Option<Ran>, Outcome) {
        means.tell(&host.name, Doing::Running);
        let begun = tokio::select! {
            begun = self.begin(shell) => begun,
            () = means.cancel.cancelled() => Err(Outcome::Interrupted),
        };
        let mut talk = match begun {
            Ok(talk) => talk,
            Err(outcome) => return (None, outcome),
        };
        talk.keep(KEPT);
        let read = tokio::select! {
            read = self.hear(&mut talk) => Some(read),
            () = means.cancel.cancelled() => None,
        };
        let mut answer = answer(&talk);
        answer.mixed = talk.has_terminal();
        let outcome = match (read, answer.rc) {
            (None, _) => {
                talk.end(FAREWELL).await;
                Outcome::Interrupted
            }
            // Whatever became of the connection then.
            (Some(read), Some(code)) => {
                answer.held = matches!(read, Err(ExecError::TimedOut(_)));
                match code {
                    0 => Outcome::Ok,
                    _ => Trouble::new(format!("exit status {code}"), "see what it printed").into(),
                }
            }
            (Some(Ok(())), None) => broken_off(&talk).into(),
            (Some(Err(ExecError::TimedOut(limit))), None) => {
                // It hears that nobody waits any longer, and is ended.
                let end = match talk.end(FAREWELL).await {
                    true => "was ended",
                    false => {
                        "was told to end, but something that it started still holds its output"
                    }
                };
                let said = format!("{}\n{}", answer.stdout, answer.stderr);
                let what =
                    format!("the command did not end within {} s and {end}", limit.as_secs());
                let next = "allow it more time with --command-timeout";
                Trouble::new(what, next).log(&sanitise_lines(&said)).into()
            }
            (Some(Err(error)), None) => exec_trouble("the command", &error),
        };
        (Some(answer), outcome)
    }

    fn notes(&self, answer: &Ran) -> Vec<String> {
        answer.notes().collect()
    }
}

impl Command {
    async fn begin(&self, shell: &Shell) -> Result<Talk, Outcome> {
        let mark = word()?;
        let script = command_script(&self.line, &mark);
        let limit = self.limit.unwrap_or(PING_TIMEOUT).min(PING_TIMEOUT);
        shell.start("the command", &script, &mark, limit).await
    }

    /// Listens until the command has ended, and a moment longer for the end of its output.
    async fn hear(&self, talk: &mut Talk) -> Result<(), ExecError> {
        if !talk.read_to("ended", self.limit.unwrap_or(Duration::MAX)).await? {
            return Ok(());
        }
        talk.read_to_end(LINGER).await
    }
}

/// What the command has said so far.
fn answer(talk: &Talk) -> Ran {
    let stdout = talk.sections().first().map(|section| section.body.as_slice());
    let (stdout, stdout_cut) = kept(stdout.unwrap_or_default());
    let (stderr, stderr_cut) = kept(talk.stderr());
    Ran {
        rc: command_status(talk.sections()),
        stdout,
        stderr,
        cut: talk.was_cut() || stdout_cut || stderr_cut,
        held: false,
        mixed: false,
    }
}

/// The text of `bytes`, and whether some of it is left out: what is no text takes more room.
fn kept(bytes: &[u8]) -> (String, bool) {
    let mut text = text_of(bytes);
    let cut = text.len() > KEPT;
    if cut {
        let whole = (0..=KEPT).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(whole.unwrap_or_default());
    }
    (text, cut)
}

/// The script ended, and not at its end.
pub(super) fn broken_off(talk: &Talk) -> Trouble {
    let (said, status) = talk.ending();
    let status = status.map_or("no status".to_owned(), ToString::to_string);
    let what = format!("the shell on the host was ended ({status})");
    Trouble::new(what, "see whether somebody ended it, or the host went down")
        .log(&sanitise_lines(&said))
}
