//! The script that changes a host, and what it reports while it runs.

use std::time::Duration;

use super::look::{Sight, set_far, watch_units};
use super::script::{Script, compact, quote};
use super::{Section, Word};
use crate::plan::{Change, Plan};
use crate::resource::Call;

/// What undoes a change, also by itself: the host keeps it in the run's folder.
const LIBRARY: [&str; 13] = [
    include_str!("sh/common.sh"),
    include_str!("sh/process.sh"),
    include_str!("sh/installed.sh"),
    include_str!("sh/states.sh"),
    include_str!("sh/services.sh"),
    include_str!("sh/system.sh"),
    include_str!("sh/journal.sh"),
    include_str!("sh/keep.sh"),
    include_str!("sh/hold.sh"),
    include_str!("sh/guard.sh"),
    include_str!("sh/lock.sh"),
    include_str!("sh/recover.sh"),
    include_str!("sh/written.sh"),
];

const PARTS: [&str; 7] = [
    include_str!("sh/observe.sh"),
    include_str!("sh/upload.sh"),
    include_str!("sh/packages.sh"),
    include_str!("sh/files.sh"),
    include_str!("sh/clock.sh"),
    include_str!("sh/evidence.sh"),
    include_str!("sh/apply.sh"),
];

/// What only a way back needs.
const ROLLBACK: &str = include_str!("sh/rollback.sh");

/// What is to be done on a host, by whom, and what becomes of it in the host's own history.
#[derive(Debug)]
pub struct Errand<'a> {
    /// The changes.
    pub plan: &'a Plan,
    /// What the history holds of them when they are kept.
    pub ending: Ending,
    /// The text of the file `state` when the change is kept; none: the file is removed.
    pub state: Option<String>,
    /// Who does it (`user@controller`).
    pub by: &'a str,
    /// For which cluster.
    pub cluster: &'a str,
    /// The run's name, the same on all hosts.
    pub run: &'a str,
    /// The number of the newest change when the host was looked at; 0 where there was none.
    pub expects: u64,
    /// How long the host waits for the word that its time is proved before it goes back by itself; none: it
    /// keeps the change.
    pub confirm: Option<Duration>,
    /// Whether another run that holds the host is ended.
    pub break_lock: bool,
    /// What is looked at once it is changed, until the word whether it is kept; none: it is kept at once.
    pub sight: Option<Sight<'a>>,
    /// Whether the host is so far away that each way there and back counts: see [`Sight::far`].
    pub far: bool,
}

/// What becomes of the host's history when a change is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The change is the newest of the history.
    Push,
    /// It took back the change with this number, which is in the history no more.
    Pop(u64),
    /// It took back everything: nothing of ours is left.
    Pristine,
}

/// The script that carries out `errand`. It stages everything, says `staged`, and goes on when it
/// reads `go`; `token` names its files.
#[must_use]
pub fn apply_script(errand: &Errand<'_>, mark: &Word, token: &Word) -> String {
    let plan = errand.plan;
    let mut script = Script::bare(mark, &[]);
    let library: String = LIBRARY.iter().flat_map(|part| compact(part)).collect();
    script.line(&format!("library={}", quote(&library))).line("eval \"$library\"");
    script.parts(&PARTS);
    if errand.ending != Ending::Push {
        script.parts(&[ROLLBACK]);
    }
    errand.settings(&mut script, token);
    for change in &plan.changes {
        if let Some(content) = &change.work.content {
            let number = change.number;
            let text = String::from_utf8_lossy(&content.bytes);
            script.line(&format!("content_{number}() {{"));
            script.call(["printf", "%s", &text], "").line("}");
            script.line(&format!("validate_{number}() {{"));
            match &content.validate {
                Some(command) => {
                    let command = quote(&command.replace("%s", "\"$1\""));
                    script.line(&format!("sh -c {command} validate \"$1\""));
                }
                None => {
                    script.line(":");
                }
            }
            script.line("}");
        }
    }
    note_services(&mut script, plan);
    script.line("uploads() {");
    for change in plan.changes.iter().filter(|change| !change.work.uploads.is_empty()) {
        script.call(upload(change), " || return 1");
    }
    script.line(":").line("}");
    phase(&mut script, "prepare", plan.changes.iter(), |change| change.work.prepare.as_ref());
    phase(&mut script, "activate", plan.changes.iter(), |change| change.work.activate.as_ref());
    script.finish("apply")
}

impl Errand<'_> {
    /// The variables and functions that sh/apply.sh reads.
    fn settings(&self, script: &mut Script, token: &Word) {
        let (ending, popped) = match self.ending {
            Ending::Push => ("push", String::new()),
            Ending::Pop(number) => ("pop", number.to_string()),
            Ending::Pristine => ("pristine", String::new()),
        };
        let state_is = if self.state.is_some() { "new" } else { "none" };
        let confirm = self.confirm.map(|limit| limit.as_secs().max(1).to_string());
        let sight = self.sight.filter(|sight| !sight.chrony.unit.is_empty());
        for (name, value) in [
            ("token", token.as_str()),
            ("by", self.by),
            ("cluster", self.cluster),
            ("run", self.run),
            ("version", env!("EZSYNC_VERSION")),
            ("ending", ending),
            ("popped", &popped),
            ("state_is", state_is),
            ("expects", &self.expects.to_string()),
            ("confirm", &confirm.unwrap_or_default()),
            ("break_lock", if self.break_lock { "break" } else { "" }),
            ("service", sight.map_or("", |sight| &sight.chrony.unit)),
            ("conf", sight.map_or("", |sight| &sight.chrony.conf)),
        ] {
            script.line(&format!("{name}={}", quote(value)));
        }
        set_far(script, self.far);
        script.line("state_text() {");
        script.call(["printf", "%s", self.state.as_deref().unwrap_or_default()], "").line("}");
        script.line("sight() {");
        let names = sight.map(|sight| sight.names).unwrap_or_default();
        let words = std::iter::once("look_and_say").chain(names.iter().map(String::as_str));
        script.call(words, "").line("}");
        let unit = sight.map_or("", |sight| &sight.chrony.unit);
        watch_units(script, unit);
    }
}

/// What the plan touches of services is noted before a package comes: it may take another one away with its
/// service, and how that stood is known no more then.
fn note_services(script: &mut Script, plan: &Plan) {
    script.line("note_services() {");
    let calls = plan.changes.iter().filter_map(|change| change.work.prepare.as_ref());
    for call in calls.filter(|call| call.function == "service_stage") {
        let words = std::iter::once(call.function).chain(call.args.iter().map(String::as_str));
        script.call(words, " || return 1");
    }
    script.line(":").line("}");
}

/// A script that brings to an end what others have left unfinished on a host, for `by`. `break_lock`: also
/// what still runs. Its outcome is [`Outcome::Changed`] when the host is free.
#[must_use]
pub fn recover_script(by: &str, break_lock: bool, mark: &Word, token: &Word) -> String {
    let mut script = Script::bare(mark, &LIBRARY);
    let break_lock = if break_lock { "break" } else { "" };
    for (name, value) in [("token", token.as_str()), ("by", by), ("break_lock", break_lock)] {
        script.line(&format!("{name}={}", quote(value)));
    }
    script.finish("recover")
}

/// The call that takes in the files of `change`: see upload.sh.
fn upload(change: &Change) -> Vec<String> {
    let uploads = &change.work.uploads;
    let installed: u64 = uploads.iter().map(|upload| upload.installed_size).sum();
    let mut words = vec!["upload".to_owned(), change.number.to_string(), installed.to_string()];
    for upload in uploads {
        words.extend([upload.name.clone(), upload.bytes.len().to_string(), upload.sha256.clone()]);
    }
    words
}

fn phase<'a>(
    script: &mut Script,
    name: &str,
    changes: impl Iterator<Item = &'a Change>,
    call: impl Fn(&'a Change) -> Option<&'a Call>,
) {
    script.line(&format!("{name}() {{"));
    for change in changes {
        if let Some(call) = call(change) {
            script.call(words(change.number, call), " || return 1");
        }
    }
    script.line(":").line("}");
}

fn words(number: usize, call: &Call) -> Vec<String> {
    let head = ["change".to_owned(), number.to_string(), call.function.to_owned()];
    head.into_iter().chain(call.args.iter().cloned()).collect()
}

/// Where the files stand that were sent to a host, up to what mktemp made up and behind it: see upload.sh.
const SENT: [&str; 2] = ["/var/lib/ezsync/run.", "/files/"];

/// `log` with the paths of files in the place of those of their candidates, which the run of `token` put
/// beside them, and with the names of the files that were sent: the same mistake then reads the same on
/// every host.
#[must_use]
pub fn name_targets(log: &str, token: &Word) -> String {
    // `/etc/chrony/.chrony.conf.TOKEN-1.new`: see `beside` in files.sh.
    let of_run = format!(".{}-", token.as_str());
    let mut parts = log.split(&of_run);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(rest) = rest.strip_prefix(".new") else {
            // What is kept under such a name must be found.
            named.extend([&of_run, part]);
            continue;
        };
        if let Some(hidden) = named.rfind("/.") {
            named.remove(hidden + 1);
        }
        named.push_str(rest);
    }
    let mut parts = named.split(SENT[0]);
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(6..).and_then(|rest| rest.strip_prefix(SENT[1])) {
            Some(name) => short.push_str(name),
            None => short.extend([SENT[0], part]),
        }
    }
    short
}

/// How a run on a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Changed,
    /// It was staged and then called off; nothing changed but installed packages.
    Dropped,
    /// A change failed; what was done before it was put back.
    Undone(Failure),
    /// A change failed, and not everything could be put back.
    NotUndone(Failure),
    /// It was done, and then put back since its time was not proved; false: not all of it could be.
    WentBack(bool),
    /// Another run has the host: whose and since when.
    Held(String),
    /// The host was changed since it was looked at.
    Moved,
    /// The host's `/var/lib/ezsync` cannot be written.
    Unwritable,
}

/// The change that failed and what was printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The number of the change in the plan; none when the script did not say.
    pub number: Option<usize>,
    /// What its commands printed.
    pub log: String,
    /// Whether it failed since no repository of packages could be reached.
    pub no_network: bool,
    /// Whether something of it stays: its notes say what.
    pub leaves: bool,
    /// Whether packages were installed, which stay: see [`packages_that_stay`].
    pub installed: bool,
}

/// The status of a change that found no repository: `fetch_failed` in sh/packages.sh.
const NO_NETWORK: &str = "69";

/// Where a run stands, by the section that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The files of the change with this number may be sent, one behind the other.
    Upload(usize),
    /// So many bytes of them are there.
    Got(u64),
    /// The change with this number has begun.
    Step(usize),
    /// Everything is staged: it waits for `go`.
    Staged,
    /// Everything is done. It takes looks, and waits for the word whether that is kept.
    Activated,
    /// It has ended: see [`Outcome::of`].
    Ended,
}

impl Progress {
    /// What the beginning of `section` means, if anything.
    #[must_use]
    pub fn of(section: &Section) -> Option<Self> {
        match section.name.as_str() {
            "upload" => section.number().map(Self::Upload),
            "got" => section.args.first()?.parse().ok().map(Self::Got),
            "step" => section.number().map(Self::Step),
            "staged" => Some(Self::Staged),
            "activated" => Some(Self::Activated),
            "result" => Some(Self::Ended),
            _ => None,
        }
    }
}

impl Outcome {
    /// How a run ended that printed `sections`.
    #[must_use]
    pub fn of(sections: &[Section]) -> Self {
        let result = sections.iter().rfind(|section| section.name == "result");
        match result.and_then(|section| section.args.first()).map(String::as_str) {
            Some("changed") => Self::Changed,
            Some("dropped") => Self::Dropped,
            Some("unwritable") => Self::Unwritable,
            Some("held") => {
                let words = result.map(|section| section.args.get(1..).unwrap_or_default());
                Self::Held(words.unwrap_or_default().join(" "))
            }
            Some("moved") => Self::Moved,
            Some("back-yes") => Self::WentBack(true),
            Some("back-no") => Self::WentBack(false),
            Some("undone-yes") => Self::Undone(failure(sections)),
            _ => Self::NotUndone(failure(sections)),
        }
    }
}

fn failure(sections: &[Section]) -> Failure {
    let of = |name: &'static str| sections.iter().filter(move |section| section.name == name);
    let logs = of("failed").chain(of("not-undone")).map(Section::text);
    let log = logs.collect::<Vec<_>>().join("\n").trim().to_owned();
    let failed = of("failed").next();
    let no_network =
        failed.and_then(|section| section.args.get(1)).is_some_and(|s| s == NO_NETWORK);
    let number = failed.and_then(Section::number);
    let leaves = number.is_some() && of("told").any(|section| section.number() == number);
    let installed = !packages_that_stay(sections).is_empty();
    Failure { number, log, no_network, leaves, installed }
}

/// The packages that a run has installed which is not kept, by the sections of its script: they are what stays of it.
#[must_use]
pub fn packages_that_stay(sections: &[Section]) -> Vec<String> {
    let stays = sections.iter().find(|section| section.name == "stays");
    stays.map(Section::text).unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect()
}
