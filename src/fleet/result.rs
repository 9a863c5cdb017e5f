//! What came of one host.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::status::Status;
use super::{Job, Part, Standing};
use crate::access::Reach;
use crate::facts::Facts;
use crate::history::Drift;
use crate::plan::Plan;
use crate::remote::About;
use crate::sanitise::HIDDEN;
use crate::verify::{Clock, Verdict};

/// Something that went wrong on a host: what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What failed and why.
    pub what: String,
    /// The next step.
    pub next: String,
    /// The last lines that the failing command printed.
    pub log: Vec<String>,
    /// Whether nothing is wrong with the host itself: others kept it from being changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_back: bool,
}

impl Trouble {
    /// A trouble without a log.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into(), log: Vec::new(), held_back: false }
    }

    /// The same of a host that others kept from being changed.
    #[must_use]
    pub fn held_back(mut self) -> Self {
        self.held_back = true;
        self
    }

    /// The same with the last lines of `log`.
    #[must_use]
    pub fn log(mut self, log: &str) -> Self {
        // Twenty lines show what a package manager or a daemon has to say.
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        self.log = lines.iter().rev().take(20).rev().map(ToString::to_string).collect();
        self
    }
}

/// How a host ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "trouble")]
pub enum Outcome {
    /// All that was asked for is so.
    Ok,
    /// It could not be logged in to: nothing was run there.
    Unreachable(Trouble),
    /// Something failed, or its time is not as it should be.
    Failed(Trouble),
    /// The run was interrupted before it ended.
    Interrupted,
}

impl Outcome {
    /// The same without the passwords of the host's `reach` in what the host printed: it may say back what it
    /// was told, and this is shown and kept. Our own words stay: a hole in them would tell a password.
    #[must_use]
    pub(super) fn without_secrets(mut self, reach: &Reach) -> Self {
        if let Self::Unreachable(trouble) | Self::Failed(trouble) = &mut self {
            for line in &mut trouble.log {
                for secret in reach.secrets() {
                    *line = line.replace(secret, HIDDEN);
                }
            }
        }
        self
    }
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble)
    }
}

/// From which change a host goes back, and to which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The change that is taken back, with all that came before it where nothing of ours is to stay. None where
    /// only the history is left.
    pub from: Option<About>,
    /// The change that stands then; none: what stood there before.
    pub to: Option<About>,
}

impl Back {
    /// From where to where, for the reader of a run of `cluster`.
    #[must_use]
    pub fn words(&self, cluster: &str) -> String {
        let words = |about: &About| about.words(cluster);
        let from = self.from.as_ref().map_or("the history".to_owned(), words);
        let to = self.to.as_ref().map_or("what stood there before".to_owned(), words);
        format!("from {from} to {to}")
    }
}

/// What came of one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostResult {
    /// Its name in the inventory.
    pub host: String,
    /// The address that was connected to.
    pub address: String,
    /// Its part in the cluster.
    pub part: Part,
    /// How it ended.
    pub outcome: Outcome,
    /// In which state it was when the run was stopped at once, for one that had not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_as: Option<Standing>,
    /// What it is, as far as that was read.
    pub facts: Option<Facts>,
    /// What was to change.
    pub plan: Plan,
    /// Whether the changes were made and stand.
    pub applied: bool,
    /// Whether they were made, and put back since its time was not proved.
    pub went_back: bool,
    /// How long its time took to be proved, in seconds: since its own restart, or since that of the
    /// source where only that was restarted. None where neither was, or it does not pass.
    pub synchronised_after: Option<f64>,
    /// The judgement on its time.
    pub verdict: Option<Verdict>,
    /// Its clock against the controller's.
    pub clock: Option<Clock>,
    /// When it was asked last why its time cannot be proved.
    #[serde(skip)]
    pub explained: Option<Instant>,
    /// What somebody else has changed of what ezsync wrote.
    pub drift: Vec<Drift>,
    /// In a rollback: from where to where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back: Option<Box<Back>>,
    /// What ezsync finds of itself there, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<Status>>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
    /// How many commands were run over SSH.
    pub execs: u32,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl HostResult {
    /// A host that has not come to its turn.
    #[must_use]
    pub fn interrupted(job: &Job) -> Self {
        Self {
            host: job.name.clone(),
            address: job.reach.address().to_owned(),
            part: job.part,
            outcome: Outcome::Interrupted,
            left_as: None,
            facts: None,
            plan: Plan::default(),
            applied: false,
            went_back: false,
            synchronised_after: None,
            verdict: None,
            clock: None,
            explained: None,
            drift: Vec::new(),
            back: None,
            status: None,
            notes: job.notes.clone(),
            execs: 0,
            seconds: 0.0,
        }
    }
}
