//! Looking at hosts that a bundle is made for: what they are, and which packages they have.

use std::collections::BTreeSet;
use std::time::Duration;

use super::result::{Outcome, Trouble};
use super::shell::{Shell, exec_trouble, word};
use super::visit::{Errand, Visit, Visitee, broken_off, visit};
use super::{Doing, Means};
use crate::bundle::Stock;
use crate::facts::Facts;
use crate::remote::{Probe, Request, probe_script, stock, stock_script};

/// How long each of the two looks may take: they only read.
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);

/// What a host is and has.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// What it is.
    pub facts: Facts,
    /// Its packages.
    pub stock: Stock,
}

/// Looks at all hosts, as the login user where nothing else is said.
pub async fn survey(means: Means, hosts: Vec<Visitee>) -> Vec<Visit<Surveyed>> {
    visit(means, hosts, Survey).await
}

struct Survey;

impl Errand for Survey {
    type Answer = Surveyed;

    async fn run(
        &self,
        means: &Means,
        host: &Visitee,
        shell: &Shell,
    ) -> (Option<Surveyed>, Outcome) {
        means.tell(&host.name, Doing::Probing);
        let surveyed = tokio::select! {
            surveyed = look(shell) => surveyed,
            () = means.cancel.cancelled() => Err(Outcome::Interrupted),
        };
        match surveyed {
            Ok(surveyed) => (Some(surveyed), Outcome::Ok),
            Err(outcome) => (None, outcome),
        }
    }
}

async fn look(shell: &Shell) -> Result<Surveyed, Outcome> {
    let what = "the probe";
    let lost = |error| exec_trouble(what, &error);
    let (request, mark) = (Request::new(&BTreeSet::new(), &[]), word()?);
    let script = probe_script(&request, &mark);
    let mut talk = shell.start(what, &script, &mark, LOOK_TIMEOUT).await?;
    talk.until("end", LOOK_TIMEOUT).await.map_err(lost)?;
    let probe = Probe::parse(&request, talk.sections()).ok_or_else(|| broken_off(&talk))?;
    // It would tell the time now: that is not wanted.
    shell.leave_open(talk).await;
    let mark = word()?;
    let mut talk = shell.start(what, &stock_script(&mark), &mark, LOOK_TIMEOUT).await?;
    talk.read_to_end(LOOK_TIMEOUT).await.map_err(lost)?;
    let stock = stock(talk.sections()).ok_or_else(|| broken_off(&talk))?;
    if stock.packages.is_empty() {
        return Err(Trouble::new(
            "the host has neither dpkg nor rpm, or they list no packages",
            "bundles are for hosts with apt, dnf, yum or zypper: leave this one out with --limit",
        )
        .into());
    }
    Ok(Surveyed { facts: probe.facts, stock })
}
