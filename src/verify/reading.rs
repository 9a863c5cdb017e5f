//! What one host says of its time: the typed form of the texts that were collected on it.

use std::net::IpAddr;

use super::chronyc::{Chronyc, Peer, SourceMode, SourceState};
use super::clip;
use super::evidence::Evidence;
use super::surroundings::Surroundings;
use super::timedatectl::Timedatectl;

/// The texts as a host printed them. An empty text means that the host could not answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawReading<'a> {
    /// `timedatectl show -p NTPSynchronized`; where that is refused (systemd before 239), plain
    /// `timedatectl`. Both, in a row, are fine; stderr may be mixed in.
    pub timedatectl: &'a str,
    /// `LC_ALL=C chronyc -n -c -m tracking sources sourcestats activity`, stderr mixed in.
    pub chronyc: &'a str,
    /// `systemctl show -p Id -p LoadState -p ActiveState -p ConditionResult
    /// -p ConditionTimestampMonotonic UNIT` of chrony's unit; `LoadState=not-found` when the host
    /// has none. Other init systems give `Id=` and `ActiveState=` with their own word.
    pub unit: &'a str,
    /// `/proc/PID/cmdline` of the running chronyd, or the same with blanks for its NULs.
    pub command_line: &'a str,
    /// Other time daemons that run now, one a line.
    pub rivals: &'a str,
    /// What the host resolves the sources' names to: one address at the start of each line, as
    /// `getent ahosts NAME` prints them, below a line `= NAME`. Without that they are the source's.
    pub source_addresses: &'a str,
    /// The last lines of chronyd's log.
    pub log: &'a str,
    /// `systemd-detect-virt --container`: the container's kind; `none` or nothing outside of one.
    pub container: &'a str,
    /// `LC_ALL=C chronyc -n -c ntpdata`; as the three below only of a host that must be explained.
    pub ntpdata: &'a str,
    /// `LC_ALL=C chronyc -n -c selectdata`.
    pub selectdata: &'a str,
    /// `LC_ALL=C chronyc -n -c authdata`.
    pub authdata: &'a str,
    /// Silent sources, asked beside the daemon: lines `ADDRESS route WORDS` with what `ip route get`
    /// said, and `ADDRESS asked WORDS` with what `chronyd -Q` said.
    pub queries: &'a str,
    /// Other time daemons that do not run, but will after the next boot, one a line.
    pub at_boot: &'a str,
    /// What else was looked at on a host that is examined: lines of a word and what it is about.
    pub system: &'a str,
}

/// What one host says of its time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// timedatectl's answer.
    pub timedatectl: Timedatectl,
    /// chronyc's answers.
    pub chronyc: Chronyc,
    /// chronyd as the host's service manager sees it.
    pub daemon: Daemon,
    /// Other time daemons that run now.
    pub rivals: Vec<String>,
    /// What the host resolves the sources' names to.
    pub source_addresses: Vec<Resolved>,
    /// The last lines of chronyd's log, the oldest first.
    pub log: Vec<String>,
    /// Whether the host is a container, whose clock is its own host's.
    pub container: bool,
    /// What else was asked, of a host that must be explained.
    pub evidence: Evidence,
    /// Other time daemons that do not run, but will after the next boot.
    pub at_boot: Vec<String>,
    /// What else was looked at, on a host that is examined.
    pub surroundings: Surroundings,
}

/// An address behind a source's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The name; none where it is the one source's.
    pub name: Option<String>,
    /// The address.
    pub address: IpAddr,
}

/// chronyd as the host's service manager sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Daemon {
    /// The unit's name: `chrony.service`, `chronyd.service`, `chronyd`.
    pub unit: Option<String>,
    /// What the unit is doing.
    pub state: DaemonState,
    /// The arguments of the running process, its own name first; empty when it does not run.
    pub command_line: Vec<String>,
    /// Whether the service manager passed the unit over because a condition was not met. The
    /// distributions' units have one: `ConditionCapability=CAP_SYS_TIME`.
    pub skipped: bool,
}

/// What chrony's unit is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DaemonState {
    /// Running.
    Active,
    /// On its way up or down.
    Changing,
    /// Not started.
    Inactive,
    /// Ended with an error.
    Failed,
    /// Kept from starting by the administrator.
    Masked,
    /// There is no such unit.
    Missing,
    /// The service manager could not be asked.
    #[default]
    Unknown,
}

/// Log lines, names and arguments longer than this are cut.
const LONGEST_LINE: usize = 400;
/// Rivals, addresses, log lines or arguments beyond this number are left out.
const MOST_LINES: usize = 50;
/// More silent sources are not asked by themselves.
const MOST_QUERIES: usize = 4;
/// chronyd's one-letter options that take a value: in `-Fx` the `x` is one. From its getopt call.
const OPTIONS_WITH_VALUE: &str = "fFlLNPtu";

impl Reading {
    /// Reads all texts. What cannot be read is missing from the result, never an error.
    #[must_use]
    pub fn new(raw: &RawReading<'_>) -> Self {
        let chronyc = Chronyc::parse(raw.chronyc);
        let mut evidence = Evidence::parse(raw.ntpdata, raw.selectdata, raw.authdata, raw.queries);
        let surroundings = Surroundings::parse(raw.system);
        let mut rivals = lines(raw.rivals);
        rivals.extend(surroundings.rivals(&rivals));
        let servers = chronyc.sources.iter().filter(|row| row.mode != SourceMode::ReferenceClock);
        evidence.name_rows(servers.map(|row| &row.peer));
        Self {
            timedatectl: Timedatectl::parse(raw.timedatectl),
            chronyc,
            daemon: Daemon::new(raw.unit, raw.command_line),
            rivals,
            source_addresses: resolved(raw.source_addresses),
            log: last_lines(raw.log),
            container: !matches!(raw.container.trim(), "" | "none"),
            evidence,
            at_boot: lines(raw.at_boot),
            surroundings,
        }
    }

    /// Whether chronyd corrects the clock that this host reads: not with `-x`, and not for certain
    /// in a container.
    #[must_use]
    pub fn steers_clock(&self) -> bool {
        !self.container && !self.daemon.leaves_clock()
    }

    /// How many sources chronyd has, where all of them are switched off.
    pub(super) fn offline(&self) -> Option<u32> {
        let activity = self.chronyc.activity.filter(|activity| activity.all_offline())?;
        Some(activity.switched_off())
    }

    /// Whether `peer`, which the host follows, still answers, and is not just remembered.
    pub(super) fn hears(&self, peer: &Peer) -> bool {
        self.chronyc.sources.iter().any(|row| {
            let selected = row.peer == *peer && row.state == SourceState::Selected;
            selected && row.reach != 0 && !row.is_late()
        })
    }

    /// The sources that do not answer now: those that a closer look should ask by itself.
    #[must_use]
    pub fn silent_sources(&self) -> Vec<IpAddr> {
        let silent = self.chronyc.sources.iter().filter(|row| row.reach == 0 || row.is_late());
        let addresses = silent.filter_map(|row| match &row.peer {
            Peer::Address(address) => Some(*address),
            Peer::Name(_) => None,
        });
        addresses.take(MOST_QUERIES).collect()
    }

    /// Whether the log has a line with these words.
    pub(super) fn logged(&self, words: &str) -> bool {
        self.log.iter().any(|line| line.contains(words))
    }

    /// Whether systemd has refused to start the daemon since it was started too often, and has not started it since.
    pub(super) fn is_limited(&self) -> bool {
        let last = |words: &str| self.log.iter().rposition(|line| line.contains(words));
        last("Start request repeated too quickly")
            .is_some_and(|at| last("Started ").is_none_or(|start| start < at))
    }

    /// Whether chronyd has noticed that something else moves the clock: 4.7 and later do.
    pub(super) fn shows_interference(&self) -> bool {
        self.logged("System clock interference detected")
    }

    /// The key that chronyd missed last, by its log: `Key 7 used by source 10.0.0.1 is missing`.
    pub(super) fn missing_key(&self) -> Option<u32> {
        let mut lines = self.log.iter().rev().filter(|line| line.ends_with(" is missing"));
        lines.find_map(|line| line.split_once("Key ")?.1.split(' ').next()?.parse().ok())
    }
}

impl Daemon {
    fn new(unit: &str, command_line: &str) -> Self {
        let value = |wanted: &str| {
            unit.lines().find_map(|line| {
                let (key, value) = line.trim().split_once('=')?;
                (key == wanted && !value.is_empty()).then_some(value)
            })
        };
        let state = match (value("LoadState"), value("ActiveState")) {
            // A unit that was removed while it ran is still active.
            (_, Some("active" | "started" | "running")) => DaemonState::Active,
            (Some("not-found"), _) => DaemonState::Missing,
            (Some("masked"), _) => DaemonState::Masked,
            (
                _,
                Some(
                    "activating" | "reloading" | "refreshing" | "deactivating" | "starting"
                    | "stopping",
                ),
            ) => DaemonState::Changing,
            (_, Some("inactive" | "stopped")) => DaemonState::Inactive,
            (_, Some("failed" | "crashed")) => DaemonState::Failed,
            _ => DaemonState::Unknown,
        };
        // systemd also says "no" of a condition that it never had to look at; then it has no time.
        let looked_at = value("ConditionTimestampMonotonic").is_some_and(|time| time != "0");
        Self {
            unit: value("Id").map(|id| clip(id, LONGEST_LINE)),
            state,
            command_line: command_line
                .split(|c: char| c == '\0' || c.is_whitespace())
                .filter(|argument| !argument.is_empty())
                .take(MOST_LINES)
                .map(|argument| clip(argument, LONGEST_LINE))
                .collect(),
            skipped: looked_at && value("ConditionResult") == Some("no"),
        }
    }

    /// Whether chronyd runs with `-x`: it follows its sources, but does not touch the clock.
    #[must_use]
    pub fn leaves_clock(&self) -> bool {
        self.command_line.iter().skip(1).any(|argument| {
            argument.strip_prefix('-').is_some_and(|letters| {
                letters.chars().take_while(|c| !OPTIONS_WITH_VALUE.contains(*c)).any(|c| c == 'x')
            })
        })
    }
}

fn resolved(text: &str) -> Vec<Resolved> {
    let mut name = None;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(next) = line.strip_prefix("= ") {
            name = Some(clip(next.trim(), LONGEST_LINE));
        } else if let Some(Ok(address)) = line.split_whitespace().next().map(str::parse::<IpAddr>) {
            found.push(Resolved { name: name.clone(), address: address.to_canonical() });
        }
        if found.len() == MOST_LINES {
            break;
        }
    }
    found
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(MOST_LINES)
        .map(|line| clip(line, LONGEST_LINE))
        .collect()
}

fn last_lines(text: &str) -> Vec<String> {
    let mut last: Vec<String> = text
        .lines()
        .rev()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(MOST_LINES)
        .map(|line| clip(line, LONGEST_LINE))
        .collect();
    last.reverse();
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_state_of_each_init_system() {
        for (unit, state, skipped) in [
            ("Id=chrony.service\nLoadState=loaded\nActiveState=active", DaemonState::Active, false),
            ("LoadState=not-found\nActiveState=inactive", DaemonState::Missing, false),
            ("LoadState=not-found\nActiveState=active", DaemonState::Active, false),
            ("LoadState=masked\nActiveState=inactive", DaemonState::Masked, false),
            ("LoadState=loaded\nActiveState=failed", DaemonState::Failed, false),
            ("LoadState=loaded\nActiveState=activating", DaemonState::Changing, false),
            (
                "ActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=81520",
                DaemonState::Inactive,
                true,
            ),
            (
                "ActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0",
                DaemonState::Inactive,
                false,
            ),
            ("Id=chronyd\nActiveState=started", DaemonState::Active, false),
            ("Id=chronyd\nActiveState=crashed", DaemonState::Failed, false),
            ("", DaemonState::Unknown, false),
        ] {
            let daemon = Daemon::new(unit, "");
            assert_eq!((daemon.state, daemon.skipped), (state, skipped), "{unit}");
        }
    }

    #[test]
    fn finds_the_option_that_leaves_the_clock_alone() {
        for (command_line, leaves) in [
            ("/usr/sbin/chronyd\0-x\0-F\x001\0", true),
            ("/usr/sbin/chronyd -nx", true),
            ("/usr/sbin/chronyd -F 1", false),
            ("/usr/sbin/chronyd -u x -f/etc/x.conf -F-x", false),
            ("-x", false),
            ("", false),
        ] {
            assert_eq!(Daemon::new("", command_line).leaves_clock(), leaves, "{command_line:?}");
        }
    }

    #[test]
    fn reads_addresses_and_the_container_kind() {
        let reading = Reading::new(&RawReading {
            source_addresses: "10.0.0.1       STREAM node1\n10.0.0.1       DGRAM\n= n2\n::ffff:10.0.0.2\nfe80::x\n",
            container: "systemd-nspawn\n",
            log: "one\n\ntwo\u{1b}[0m\n",
            ..RawReading::default()
        });
        let found = reading.source_addresses.iter();
        let found: Vec<(Option<&str>, String)> =
            found.map(|r| (r.name.as_deref(), r.address.to_string())).collect();
        let one = (None, "10.0.0.1".to_owned());
        assert_eq!(found, [one.clone(), one, (Some("n2"), "10.0.0.2".to_owned())]);
        assert!(reading.container);
        assert_eq!(reading.log, ["one", "two\u{fffd}[0m"]);
        for none in ["", "none\n"] {
            assert!(
                !Reading::new(&RawReading { container: none, ..RawReading::default() }).container
            );
        }
    }
}
