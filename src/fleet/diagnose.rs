//! Asking the source why it does not answer some of its clients, when all hosts have ended.

use std::net::IpAddr;
use std::time::Duration;

use super::result::{HostResult, Outcome, Trouble};
use super::shell::word;
use super::watch::outcome;
use super::{Job, Means, Mode, Part, Shared};
use crate::cluster::TimeSource;
use crate::remote::{source_script, source_side};
use crate::verify::{Cause, Silence, SourceSide};

/// How long the source may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Completes the causes of clients that get no answer from the source by what the source says.
/// `source`: how it is reached, when it is part of this run.
pub(super) async fn ask_source(shared: &Shared, source: Option<&Job>, results: &mut [HostResult]) {
    let Shared { means, order, .. } = shared;
    let Some(first) = order.sources.first() else { return };
    let open = results.iter().filter_map(|result| address(result, silence(result, first)?));
    let asked: Vec<IpAddr> = open.collect();
    let Some(job) = source.filter(|_| !asked.is_empty() && !means.cancel.is_cancelled()) else {
        return;
    };
    let source = results.iter().find(|result| result.part == Part::Source);
    if let Some(went_back) = source.filter(|source| source.went_back) {
        // It has another configuration by now: what it says of that is no reason.
        let gone = format!("{} had a new configuration then, which was put back", went_back.host);
        explain(order.mode, first, results, |silence, _| {
            let silence = Silence { source_state: Some(gone.clone()), ..silence.clone() };
            Some(Cause::NoReply(silence))
        });
        return;
    }
    let down = source.and_then(down);
    let said = match down {
        Some(_) => None,
        // The clients' causes stand as they are where the source cannot be asked.
        None => match ask(means, job, &asked).await {
            Some(said) => Some(said),
            None => return,
        },
    };
    explain(order.mode, first, results, |silence, result| {
        match (&said, address(result, silence)) {
            (Some(said), Some(address)) => {
                let since = result.explained.map(|asked| asked.elapsed());
                let cause = said.explain(silence, address, since.unwrap_or_default());
                // It may have heard a host that went back with the configuration that this one has again.
                let is_old = matches!(&cause, Cause::NoReply(_) | Cause::KeyMismatch(_));
                (!(result.went_back && is_old)).then_some(cause)
            }
            (Some(_), None) => None,
            (None, _) => {
                Some(Cause::SourceDown(Silence { source_state: down.clone(), ..silence.clone() }))
            }
        }
    });
}

/// Gives hosts that `first` does not answer the cause that `of` finds.
fn explain(
    mode: Mode,
    first: &TimeSource,
    results: &mut [HostResult],
    of: impl Fn(&Silence, &HostResult) -> Option<Cause>,
) {
    for result in results.iter_mut() {
        let Some(cause) = silence(result, first).and_then(|silence| of(silence, result)) else {
            continue;
        };
        if let Some(verdict) = &mut result.verdict {
            let before = outcome(verdict, result.part, mode);
            verdict.cause = Some(cause);
            let now = outcome(verdict, result.part, mode);
            result.outcome = with_rest(now, &before, &result.outcome);
        }
    }
}

/// `now`, with what `told` says behind the words of `before`: that the host went back.
fn with_rest(now: Outcome, before: &Outcome, told: &Outcome) -> Outcome {
    match (now, before, told) {
        (Outcome::Failed(now), Outcome::Failed(before), Outcome::Failed(told)) => {
            let rest = told.what.strip_prefix(&before.what).unwrap_or_default();
            let what = format!("{}{rest}", now.what);
            Outcome::Failed(Trouble { what, ..now })
        }
        (now, ..) => now,
    }
}

/// What is to be asked about a client. It may also be a standby that is silent.
fn silence<'a>(result: &'a HostResult, first: &TimeSource) -> Option<&'a Silence> {
    let silence = result.verdict.as_ref()?.cause.as_ref()?.open_silence()?;
    let about_it = match first.address.parse::<IpAddr>() {
        Ok(address) => silence.address == Some(address.to_canonical()),
        Err(_) => silence.wanted.ends_with(&first.address),
    };
    about_it.then_some(silence)
}

/// The client's address as the source sees it, as far as that is known.
fn address(result: &HostResult, silence: &Silence) -> Option<IpAddr> {
    silence.from.or_else(|| result.address.parse().ok())
}

/// Why there is nobody to ask on the source.
fn down(source: &HostResult) -> Option<String> {
    if matches!(source.outcome, Outcome::Unreachable(_)) {
        return Some(format!("{} cannot be reached by SSH either", source.host));
    }
    let cause = source.verdict.as_ref()?.cause.as_ref()?;
    cause.is_daemon_down().then(|| format!("chronyd does not run on {}", source.host))
}

async fn ask(means: &Means, job: &Job, asked: &[IpAddr]) -> Option<SourceSide> {
    let shell = means.open(&job.reach).await.ok()?;
    let mark = word().ok()?;
    let script = source_script(asked, &mark);
    let mut said = None;
    if let Ok(mut talk) = shell.start("the questions", &script, &mark, ANSWER_TIMEOUT).await
        && talk.read_to_end(ANSWER_TIMEOUT).await.is_ok()
    {
        said = source_side(talk.sections());
    }
    shell.close().await;
    said
}
