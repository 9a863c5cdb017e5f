//! The words for each cause: one sentence of evidence, one next step.

use super::verdict::Cause;

/// chronyd slews by at most 83,333 ppm unless `maxslewrate` says otherwise: 12 s for each second.
const SECONDS_PER_SLEWED_SECOND: f64 = 12.0;

fn cause(what: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { what: what.into(), next: next.into() }
}

/// `0.0123` as `12.3 ms`.
fn seconds(value: f64) -> String {
    let size = value.abs();
    if size >= 1.0 {
        format!("{value:.1} s")
    } else if size >= 1e-3 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{:.1} µs", value * 1e6)
    }
}

pub(super) fn container_clock() -> Cause {
    cause(
        "chronyd may not steer the clock here: it belongs to the container's host",
        "synchronise the container's host, and leave this one out of the inventory's time groups",
    )
}

pub(super) fn not_installed() -> Cause {
    cause("chrony is not installed", "run setup for this host")
}

pub(super) fn chronyc_missing(unit: &str) -> Cause {
    cause(
        format!("the host has no chronyc, so {unit} cannot be asked"),
        "install the whole chrony package on this host",
    )
}

pub(super) fn skipped(unit: &str) -> Cause {
    cause(
        format!("the service manager skipped {unit}: a start condition is not met"),
        format!("read the condition in `systemctl status {unit}` on this host"),
    )
}

pub(super) fn masked(unit: &str) -> Cause {
    cause(
        format!("{unit} is masked"),
        format!("run `systemctl unmask {unit}` on this host, then setup"),
    )
}

pub(super) fn inactive(unit: &str) -> Cause {
    cause(format!("{unit} is not running"), "run setup for this host, or start the unit there")
}

pub(super) fn another_chronyd(unit: &str) -> Cause {
    cause(
        format!("{unit} failed: another chronyd was already running"),
        "keep one chrony unit on this host, and stop and disable the other",
    )
}

/// `last` is the daemon's own last word, already cut and free of control characters.
pub(super) fn failed(unit: &str, last: Option<&str>) -> Cause {
    let what = match last {
        Some(last) => format!("{unit} failed: {last}"),
        None => format!("{unit} failed"),
    };
    cause(what, format!("read the log of {unit} on this host"))
}

pub(super) fn starting(unit: &str) -> Cause {
    cause(format!("{unit} is starting or stopping"), "wait for it, or read its log on this host")
}

/// `runs`: the service manager says so; otherwise it could not be asked.
pub(super) fn silent(unit: &str, runs: bool) -> Cause {
    let known = if runs { "runs" } else { "may be down" };
    cause(
        format!("chronyd does not answer chronyc; {unit} {known}"),
        format!("read the log of {unit} on this host"),
    )
}

pub(super) fn not_authorised() -> Cause {
    cause(
        "chronyd refuses to answer chronyc",
        "run with sudo, and see `cmdallow` and `bindcmdaddress` in this host's chrony.conf",
    )
}

pub(super) fn refused(code: u16) -> Cause {
    cause(
        format!("chronyc answered with error {code}"),
        "run `chronyc tracking` on this host; chronyc and chronyd may differ in version",
    )
}

pub(super) fn unreadable() -> Cause {
    cause(
        "chronyc's answer cannot be read",
        "run `chronyc -n -c tracking` on this host and compare: 14 columns are expected",
    )
}

pub(super) fn second_daemon(rivals: &[String]) -> Cause {
    let names = rivals.join(", ");
    cause(
        format!("a second time daemon steers the same clock: {names}"),
        format!("run setup for this host, or stop and disable {names} there"),
    )
}

pub(super) fn free_running_client() -> Cause {
    cause(
        "a client runs free on a `local` directive of its own",
        "run setup for this host: a client's configuration has no `local`",
    )
}

pub(super) fn wrong_local_stratum(found: u8, wanted: u8) -> Cause {
    cause(
        format!("the source serves its own clock at stratum {found}, and {wanted} is configured"),
        "run setup for this host: its chronyd runs with another configuration",
    )
}

pub(super) fn not_serving_yet() -> Cause {
    cause(
        "the source has no upstream and does not serve its own clock yet",
        "check for `local stratum` in its chrony.conf; with `orphan` it takes 300 s",
    )
}

pub(super) fn wrong_reference(found: &str, wanted: &str) -> Cause {
    cause(
        format!("it follows {found}, not {wanted}"),
        "run setup for this host: its chronyd runs with another configuration",
    )
}

pub(super) fn unexpected_upstream(found: &str) -> Cause {
    cause(
        format!("it follows {found}, and no upstream is configured"),
        "add that server to ntp_servers, or run setup for this host",
    )
}

pub(super) fn no_sources() -> Cause {
    cause("chronyd has no source configured", "run setup for this host")
}

pub(super) fn source_absent(wanted: &str) -> Cause {
    cause(
        format!("chronyd has sources, but {wanted} is not among them"),
        "run setup for this host: its chronyd runs with another configuration",
    )
}

pub(super) fn unresolved(wanted: &str) -> Cause {
    cause(
        format!("this host cannot resolve the name of {wanted}"),
        "repair name resolution on this host, or give an address instead of the name",
    )
}

pub(super) fn offline() -> Cause {
    cause("chronyd's sources are switched offline", "run `chronyc online` on this host")
}

pub(super) fn disagreement() -> Cause {
    cause(
        "the sources disagree, and chronyd cannot tell which one is right",
        "configure one source, or at least three",
    )
}

pub(super) fn no_reply(wanted: &str) -> Cause {
    cause(
        format!("no usable reply from {wanted} (reach 0)"),
        "check that it is up and synchronised itself, that it allows this host, \
         and that UDP port 123 is open on the way",
    )
}

pub(super) fn not_heard_again(wanted: &str) -> Cause {
    cause(
        format!("{wanted} has not answered since it was changed"),
        "check that it allows this host, and that UDP port 123 is open on the way",
    )
}

pub(super) fn fallen_silent(wanted: &str, silent: f64, interval: f64) -> Cause {
    cause(
        format!(
            "no answer from {wanted} for {silent:.0} s, though it is asked every {interval:.0} s"
        ),
        "check that it is up and allows this host, and that UDP port 123 is open on the way",
    )
}

pub(super) fn no_upstream_reply(wanted: &str) -> Cause {
    cause(
        format!("no usable reply from {wanted} (reach 0)"),
        "check that UDP port 123 is open on the way; with no internet, set ntp_servers to []",
    )
}

pub(super) fn source_unsynchronised(wanted: &str) -> Cause {
    cause(format!("{wanted} replies, but is not synchronised itself"), "repair that one first")
}

pub(super) fn too_variable(wanted: &str) -> Cause {
    cause(
        format!("the replies of {wanted} vary too much to be used"),
        "look for load or congestion between the two hosts",
    )
}

pub(super) fn not_selected(wanted: &str) -> Cause {
    cause(
        format!("{wanted} could be used, but chronyd has not selected it"),
        "compare `minsources` and `maxdistance` in this host's chrony.conf with \
         `chronyc selectdata`",
    )
}

pub(super) fn measuring(wanted: &str) -> Cause {
    cause(
        format!("chronyd has not selected {wanted} yet"),
        "wait for its first samples, or run `chronyc burst 4/4` on this host",
    )
}

pub(super) fn slewing(correction: f64, max_offset: f64) -> Cause {
    let at_least = seconds(correction.abs() * SECONDS_PER_SLEWED_SECOND);
    cause(
        format!(
            "the clock is still {} off ({} is allowed) and is being slewed",
            seconds(correction.abs()),
            seconds(max_offset)
        ),
        format!("wait {at_least} or longer, or run `chronyc makestep` on this host"),
    )
}

pub(super) fn interference() -> Cause {
    cause(
        "chronyd's log says that something else moves the clock too",
        "look for a second time daemon, or a hypervisor's time synchronisation, on this host",
    )
}

pub(super) fn bound_too_large(bound: f64, delay: f64, dispersion: f64, max_offset: f64) -> Cause {
    cause(
        format!(
            "the clock can be {} off ({} is allowed): root delay {}, root dispersion {}",
            seconds(bound),
            seconds(max_offset),
            seconds(delay),
            seconds(dispersion)
        ),
        "wait for more samples, use a nearer source, or raise max_offset",
    )
}

pub(super) fn kernel_flag() -> Cause {
    cause(
        "chronyc reports a good clock, but timedatectl says that it is not synchronised",
        "check for `rtcsync` in this host's chrony.conf: only with it the kernel's flag is set",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_a_fitting_unit() {
        for (value, text) in [(3600.0, "3600.0 s"), (0.0123, "12.3 ms"), (-2e-6, "-2.0 µs")] {
            assert_eq!(seconds(value), text);
        }
    }
}
