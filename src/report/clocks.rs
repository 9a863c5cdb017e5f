//! The clocks of the whole cluster in one line, as they were read from here.

use super::Run;
use super::paint::{BAD, Paint, clean};
use super::units::seconds;
use crate::fleet::Agreement;
use crate::length::exact;

/// `clocks agree within 0.8 ms ± 1.2 ms; 3.1 s ± 0.9 ms behind this controller's`.
pub(super) fn clocks(run: &Run) -> String {
    let Some(Agreement { agree, spread, controller }) = &run.clocks else { return String::new() };
    let controller =
        controller.map(|it| format!("{} this controller's", it.of())).unwrap_or_default();
    let said = match spread {
        None => format!("the clock is {controller}"),
        Some(spread) if *agree => {
            let by = &spread.by;
            let within = format!("{} ± {}", seconds(by.seconds), seconds(by.uncertainty));
            format!("clocks agree within {within}; {controller}")
        }
        Some(spread) => {
            let by = exact(spread.by.seconds);
            let (ahead, behind) = (clean(&spread.ahead), clean(&spread.behind));
            let differ = format!("clocks differ by up to {by}").paint(BAD);
            format!("{differ}: {ahead} is ahead of {behind}")
        }
    };
    said + "\n"
}
