//! The words for each cause: one sentence of evidence, one next step.

use super::cause::{Cause, Offer, Words};
use crate::length::{rough, seconds};

/// chronyd slews by at most 83,333 ppm unless `maxslewrate` says otherwise: 12 s for each second.
const SECONDS_PER_SLEWED_SECOND: f64 = 12.0;
/// Nobody waits for longer until a clock is right, in seconds.
const LONGEST_WAIT: f64 = 3600.0;

/// Its file may be right by now: then setup changes nothing, and restarts nothing.
const RUN_SETUP: &str = "run setup for this host, or restart chronyd there where that changes nothing: \
                         it runs with another configuration";

fn words(what: impl Into<String>, next: impl Into<String>) -> Words {
    Words { what: what.into(), next: next.into() }
}

impl Cause {
    /// What the reader is told of it.
    #[must_use]
    pub fn words(&self) -> Words {
        self.of_daemon()
            .or_else(|| self.of_configuration())
            .or_else(|| self.of_source())
            .unwrap_or_else(|| self.of_clock())
    }

    /// What keeps chronyd from running, or from answering.
    fn of_daemon(&self) -> Option<Words> {
        Some(match self {
            Self::ContainerClock => words(
                "chronyd may not steer the clock here: it belongs to the container's host",
                "synchronise the container's host, and leave this one out of the inventory's time groups",
            ),
            Self::NotInstalled => words("chrony is not installed", "run setup for this host"),
            Self::ChronycMissing { unit } => words(
                format!("the host has no chronyc, so {unit} cannot be asked"),
                "install the whole chrony package on this host",
            ),
            Self::DaemonSkipped { unit } => words(
                format!("the service manager skipped {unit}: a start condition is not met"),
                format!("read the condition in `systemctl status {unit}` on this host"),
            ),
            Self::DaemonMasked { unit } => words(
                format!("{unit} is masked"),
                format!("run `systemctl unmask {unit}` on this host, then setup"),
            ),
            Self::DaemonDown { unit } => words(
                format!("{unit} is not running"),
                "run setup for this host, or start the unit there",
            ),
            Self::AnotherChronyd { unit } => words(
                format!("{unit} failed: another chronyd was already running"),
                "keep one chrony unit on this host, and stop and disable the other",
            ),
            Self::DaemonFailed { unit, said, limited } => {
                let mut what = format!("{unit} failed");
                if let Some(said) = said {
                    what += &format!(": {said}");
                }
                let mut next = match (self.is_of_configuration(), said) {
                    (true, _) => "run setup for this host: it writes that file anew".to_owned(),
                    (_, None) if *limited => "start it again".to_owned(),
                    _ => format!("read the log of {unit} on this host"),
                };
                if *limited {
                    what +=
                        " (systemd refuses to start it: it was started too often within seconds)";
                    next = format!(
                        "wait 10 s, or run `systemctl reset-failed {unit}` on this host; then {next}"
                    );
                }
                words(what, next)
            }
            Self::DaemonStarting { unit } => words(
                format!("{unit} is starting or stopping"),
                "wait for it, or read its log on this host",
            ),
            Self::DaemonSilent { unit, runs } => {
                let known = if *runs { "runs" } else { "may be down" };
                words(
                    format!("chronyd does not answer chronyc; {unit} {known}"),
                    format!("read the log of {unit} on this host"),
                )
            }
            Self::NotAuthorised => words(
                "chronyd refuses to answer chronyc",
                "run with sudo, and see `cmdallow` and `bindcmdaddress` in this host's chrony.conf",
            ),
            Self::Refused { answer } => words(
                format!("chronyc answered with error {answer}"),
                "run `chronyc tracking` on this host; chronyc and chronyd may differ in version",
            ),
            Self::Unreadable => words(
                "chronyc's answer cannot be read",
                "run `chronyc -n -c tracking` on this host and compare: 14 columns are expected",
            ),
            Self::SecondDaemonAtBoot { daemons } => {
                let names = daemons.join(", ");
                words(
                    format!(
                        "a second time daemon is stopped, but starts at the next boot: {names}"
                    ),
                    format!("run setup for this host, or disable {names} there"),
                )
            }
            Self::SecondDaemon { daemons } => {
                let names = daemons.join(", ");
                words(
                    format!("a second time daemon steers the same clock: {names}"),
                    format!("stop and disable {names} on this host; setup does so with services"),
                )
            }
            _ => return None,
        })
    }

    /// Whether the daemon gave up over a file that setup writes, by its own last word.
    fn is_of_configuration(&self) -> bool {
        let signs = ["Could not open /", "Could not open configuration", "Invalid directive"];
        let Self::DaemonFailed { said: Some(said), .. } = self else { return false };
        let mut signs = signs.into_iter().chain(["Could not parse", " at line "]);
        signs.any(|sign| said.contains(sign))
    }

    /// What chronyd was told to do, and should not have been.
    fn of_configuration(&self) -> Option<Words> {
        Some(match self {
            Self::FreeRunningClient => words(
                "a client runs free on a `local` directive of its own",
                "run setup for this host: a client's configuration has no `local`",
            ),
            Self::WrongLocalStratum { found, wanted } => words(
                format!(
                    "the source serves its own clock at stratum {found}, and {wanted} is configured"
                ),
                RUN_SETUP,
            ),
            Self::NotServing { sources: 1.. } => words(
                "the source should have no upstream, and its chronyd has; none is followed, and it does \
                 not serve its own clock",
                RUN_SETUP,
            ),
            Self::NotServing { .. } => words(
                "the source has no upstream and does not serve its own clock yet",
                "check for `local stratum` in its chrony.conf; with `orphan` it takes 300 s",
            ),
            Self::WrongReference { found, wanted } => {
                words(format!("it follows {found}, not {wanted}"), RUN_SETUP)
            }
            Self::UnexpectedUpstream { found } => words(
                format!("it follows {found}, and no upstream is configured"),
                "add that server to ntp_servers, or run setup for this host",
            ),
            Self::NoSources => words("chronyd has no source configured", RUN_SETUP),
            Self::SourceAbsent { wanted } => {
                words(format!("chronyd has sources, but {wanted} is not among them"), RUN_SETUP)
            }
            Self::Unresolved { wanted, address: Some(address) } => words(
                format!(
                    "the name of {wanted} means {address} on this host now, but chronyd has not asked \
                     again"
                ),
                "run `chronyc refresh` on this host (chrony 4.0 and later), or restart its chronyd",
            ),
            Self::Unresolved { wanted, .. } => words(
                format!("this host cannot resolve the name of {wanted}"),
                "repair name resolution on this host, or give an address instead of the name",
            ),
            Self::Offline { sources } => {
                let all = if *sources == 1 { "source is" } else { "sources are" };
                words(
                    format!("chronyd's {all} switched offline: it asks nobody for the time"),
                    "run `chronyc online` on this host",
                )
            }
            Self::KeyMissing { wanted, key } => words(
                format!("no request is sent to {wanted}: this host's key file lacks key {key}"),
                format!("run setup for this host, or put key {key} into the file of its `keyfile`"),
            ),
            Self::MinSources { wanted, usable } => words(
                format!(
                    "{wanted} could be used, but `minsources` asks for more than {usable} such source{}",
                    if *usable == 1 { "" } else { "s" }
                ),
                "set `minsources 1` in this host's chrony.conf (setup does), or give it more sources",
            ),
            _ => return None,
        })
    }

    /// What the source does, or the way to it.
    fn of_source(&self) -> Option<Words> {
        Some(match self {
            Self::NoReply(silence)
            | Self::Denied(silence)
            | Self::KeyMismatch(silence)
            | Self::CannotSend(silence)
            | Self::SourceDown(silence) => silence.words(self),
            Self::Disagreement { sources } => words(
                format!(
                    "the sources disagree, and chronyd cannot tell which one is right{}",
                    offsets(sources)
                ),
                "configure one source, or at least three",
            ),
            Self::SourceUnsynchronised { wanted, replies } => words(
                format!("{wanted} replies{}, but is not synchronised itself", times(*replies)),
                "repair that one first; a source with no upstream needs `local` in its chrony.conf",
            ),
            Self::Loop { wanted, replies } => words(
                format!(
                    "{wanted} replies{}, but follows this host itself: a loop, by which no time \
                     comes in",
                    times(*replies)
                ),
                "take this host out of the sources of that one",
            ),
            Self::Delay { wanted, delay } => {
                let took = delay.map(|delay| format!(" ({})", seconds(delay))).unwrap_or_default();
                words(
                    format!("the replies of {wanted} take longer than is allowed{took}"),
                    "see `maxdelay`, `maxdelayratio` and `maxdelaydevratio` in this host's chrony.conf, \
                     and the load of the network in between",
                )
            }
            Self::TooVariable { wanted } => words(
                format!("the replies of {wanted} vary too much to be used"),
                "look for load or congestion between the two hosts",
            ),
            Self::MaxDistance { wanted, distance } => {
                let far = distance.map(|far| format!(" ({})", seconds(far))).unwrap_or_default();
                words(
                    format!(
                        "{wanted} says that its own time may be further off than `maxdistance` \
                         allows{far}"
                    ),
                    "give that one a better source, or raise `maxdistance` (3 s by default) in this \
                     host's chrony.conf",
                )
            }
            Self::NotSelected { wanted, letter } => {
                let letter = letter.map(|l| format!(" (`chronyc selectdata`: {l})"));
                words(
                    format!(
                        "{wanted} could be used, but chronyd has not selected it{}",
                        letter.unwrap_or_default()
                    ),
                    "compare `minsources` and `maxdistance` in this host's chrony.conf with \
                     `chronyc selectdata`",
                )
            }
            Self::Measuring { wanted } => words(
                format!("chronyd has not selected {wanted} yet"),
                "wait for its first samples, or run `chronyc burst 4/4` on this host; if its clock was set by \
                 hand, `chronyc makestep` after that",
            ),
            _ => return None,
        })
    }

    /// What the clock does.
    fn of_clock(&self) -> Words {
        match self {
            Self::Slewing { correction, allowed, steered } => {
                slewing(*correction, *allowed, *steered)
            }
            Self::BoundTooLarge { bound, delay, dispersion, allowed } => words(
                format!(
                    "the clock can be {} off ({} is allowed): root delay {}, root dispersion {}",
                    seconds(*bound),
                    seconds(*allowed),
                    seconds(*delay),
                    seconds(*dispersion)
                ),
                "wait for more samples, use a nearer source, or raise max_offset",
            ),
            Self::KernelFlag => words(
                "chronyc reports a good clock, but timedatectl says that it is not synchronised",
                "check for `rtcsync` in this host's chrony.conf: only with it the kernel's flag is set",
            ),
            Self::HypervisorTime { by } => words(
                format!("{by} set the clock of this machine too: two masters for one clock"),
                "switch off the hypervisor's time synchronisation for this machine \
                 (`vmware-toolbox-cmd timesync disable`, or VBoxService with --disable-timesync)",
            ),
            Self::RtcsyncMissing => words(
                "the configuration has no `rtcsync`: timedatectl keeps saying no, and the hardware \
                 clock drifts away",
                "run setup for this host, or add `rtcsync` to its chrony.conf",
            ),
            Self::DriftNotKept { said } => words(
                format!("chronyd cannot keep what it has learnt of the clock: {said}"),
                "let chrony's user write the folder of its `driftfile`, and see whether the disk is full",
            ),
            Self::LostReplies { source, lost, asked } => words(
                format!("{source} did not answer {lost} of the last {asked} requests"),
                "look for load or a firewall with a limit between the two hosts",
            ),
            Self::LargeFrequency { ppm } => words(
                format!(
                    "this clock runs {ppm:.0} ppm off its nominal speed (crystals keep within 100)"
                ),
                "see the machine's clock source: /sys/devices/system/clocksource/clocksource0/",
            ),
            Self::ClockNotSet { ahead } => words(
                format!("its clock should be this controller's by now, and is {} it", ahead.of()),
                "see what else sets it: another time daemon, the hypervisor, a script; then run again",
            ),
            Self::ClockDiffers { source, ahead } => words(
                format!(
                    "by its daemon's word all is well, but its clock is {} that of {source}, as read from here",
                    ahead.of()
                ),
                "see whether chronyd may set the clock there (it does not with -x, nor in a container), \
                 and what else sets it: another time daemon, the hypervisor, a script",
            ),
            _ => words(
                "chronyd's log says that something else moves the clock too",
                "look for a second time daemon, or a hypervisor's time synchronisation, on this host",
            ),
        }
    }
}

fn slewing(correction: f64, allowed: f64, steered: bool) -> Words {
    let (left, allowed) = (rough(correction), seconds(allowed));
    let wait = correction.abs() * SECONDS_PER_SLEWED_SECOND;
    if !steered {
        return words(
            format!(
                "chronyd's own reckoning is {left} off ({allowed} is allowed); it runs with -x and does \
                 not correct the clock itself"
            ),
            "set the clock where it is kept (the container's host, or without -x), then restart chronyd \
             here",
        );
    }
    let next = if wait < 1.0 {
        "wait a moment, or run `chronyc makestep` on this host".to_owned()
    } else if wait <= LONGEST_WAIT {
        format!("wait {} or longer, or run `chronyc makestep` on this host", rough(wait))
    } else {
        format!(
            "run `chronyc makestep` on this host, or restart its chronyd: either steps the clock, so \
             see first what runs there; slewing takes {} or longer",
            rough(wait)
        )
    };
    words(format!("the clock is still {left} off ({allowed} is allowed) and is being slewed"), next)
}

/// ` 6 times`, as far as it is known.
fn times(replies: Option<u32>) -> String {
    match replies {
        Some(1) => " (once so far)".to_owned(),
        Some(replies) => format!(" ({replies} times so far)"),
        None => String::new(),
    }
}

/// `: 10.0.0.1 is 3.0 s ahead, 10.0.0.2 is 1.0 ms behind`: of this host's clock.
fn offsets(sources: &[Offer]) -> String {
    let told: Vec<String> = sources
        .iter()
        .map(|Offer { source, offset }| {
            let side = if *offset < 0.0 { "ahead" } else { "behind" };
            format!("{source} is {} {side}", rough(*offset))
        })
        .collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}
