//! The clocks of the whole cluster in one line, as they were read from here.

use super::Run;
use super::paint::{BAD, Paint, clean};
use super::units::seconds;
use crate::fleet::Agreement;
use crate::length::exact;
use crate::verify::Measure;

/// `clocks agree within 0.8 ms; 3.1 s ± 0.9 ms behind this controller's`. What is told for certain is an
/// upper bound: reading a clock from here is often less sure than the clock is.
pub(super) fn clocks(run: &Run) -> String {
    let Some(Agreement { agree, spread, controller }) = &run.clocks else { return String::new() };
    let controller = controller.map(against_controller);
    let said = match spread {
        None => format!("the clock is {}", controller.unwrap_or_default()),
        Some(spread) if *agree => {
            let agree = format!("clocks agree within {}", seconds(most(spread.by)));
            let unsure = if is_noise(spread.by) { ", as far as can be read from here" } else { "" };
            let controller = controller.map_or(String::new(), |it| format!("; they are {it}"));
            format!("{agree}{unsure}{controller}")
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

/// `3.1 s ± 0.9 ms behind this controller's`, or within what of it where no direction is known.
fn against_controller(ahead: Measure) -> String {
    match is_noise(ahead) {
        true => format!("within {} of this controller's", seconds(most(ahead))),
        false => format!("{} this controller's", ahead.of()),
    }
}

/// Whether it may as well be none.
fn is_noise(measure: Measure) -> bool {
    measure.seconds.abs() <= measure.uncertainty
}

/// What it is at most, in seconds.
fn most(measure: Measure) -> f64 {
    measure.seconds.abs() + measure.uncertainty
}
