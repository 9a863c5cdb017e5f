//! What is looked at around chronyd on a host that is examined: processes, hypervisors, its files.

use super::clip;

/// What was found around chronyd. Empty where nobody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The directives of the configuration that matter here; none when it could not be read.
    pub conf: Option<Vec<String>>,
    /// Programs that keep time.
    pub processes: Vec<Process>,
    /// Whether VMware Tools set the clock.
    pub vmware: bool,
    /// Lines of chronyd's log that tell of a trouble, the oldest first.
    pub complaints: Vec<String>,
}

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// The number of the one that started it.
    pub parent: u32,
    /// Its name, as the kernel has it.
    pub name: String,
    /// Its arguments, its own name first.
    pub arguments: String,
}

/// What belongs to each of these at the most: a host must not fill our memory.
const MOST_LINES: usize = 100;
const LONGEST_LINE: usize = 200;

/// VirtualBox's helper; it does more than keep the time.
const VBOX: &str = "VBoxService";

impl Surroundings {
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines().take(MOST_LINES) {
            let Some((kind, rest)) = line.split_once(' ') else { continue };
            let rest = clip(rest.trim(), LONGEST_LINE);
            match kind {
                "conf" if rest == "read" => {
                    found.conf = Some(found.conf.take().unwrap_or_default())
                }
                "conf" => found.conf.get_or_insert_default().push(rest),
                "process" => found.processes.extend(Process::parse(&rest)),
                "vmware" => found.vmware |= rest.trim() == "Enabled",
                "log" => found.complaints.push(rest),
                _ => {}
            }
        }
        found
    }

    /// Programs that steer the clock beside chronyd and beside the services in `known`.
    pub(super) fn rivals(&self, known: &[String]) -> Vec<String> {
        let chronyd = |id: u32| self.processes.iter().any(|p| p.id == id && p.name == "chronyd");
        // chronyd has helpers of its own, and those of the queries end soon.
        let daemons: Vec<&Process> = self
            .processes
            .iter()
            .filter(|p| p.name == "chronyd" && !chronyd(p.parent) && !p.is_query())
            .collect();
        let second = daemons.get(1..).unwrap_or_default().iter().copied();
        let others = self.processes.iter().filter(|p| {
            let service = known.iter().any(|service| p.belongs_to(service));
            !matches!(p.name.as_str(), "chronyd" | VBOX) && !service
        });
        second.chain(others).map(Process::shown).collect()
    }

    /// Whether VirtualBox's guest additions set the clock: they do unless they are told not to.
    pub(super) fn virtualbox(&self) -> bool {
        self.processes.iter().any(|p| p.name == VBOX && !p.arguments.contains("--disable-timesync"))
    }

    /// Whether the configuration lacks a directive. Other files may hold it: then it is not known.
    pub(super) fn lacks(&self, directive: &str) -> bool {
        let has = |lines: &[String], name: &str| lines.iter().any(|line| line.starts_with(name));
        self.conf.as_ref().is_some_and(|lines| {
            !has(lines, directive) && !has(lines, "include") && !has(lines, "confdir")
        })
    }
}

impl Process {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        Some(Self {
            id: words.next()?.parse().ok()?,
            parent: words.next()?.parse().ok()?,
            name: words.next()?.to_owned(),
            arguments: words.next().unwrap_or_default().to_owned(),
        })
    }

    /// Whether it only asks for the time and goes.
    fn is_query(&self) -> bool {
        self.arguments.split(' ').any(|argument| argument == "-Q")
    }

    /// Whether it is what `service` runs, as far as names tell.
    fn belongs_to(&self, service: &str) -> bool {
        match self.name.as_str() {
            "systemd-timesyn" => service.starts_with("systemd-timesyncd"),
            "ntp-daemon" => service.starts_with("ntpd-rs"),
            // ntp, ntpd, ntpsec and openntpd all call it so.
            "ntpd" => service.contains("ntp"),
            name => service.starts_with(name),
        }
    }

    fn shown(&self) -> String {
        format!("{} (process {})", self.name, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rivals(text: &str, known: &[&str]) -> Vec<String> {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        Surroundings::parse(text).rivals(&known)
    }

    #[test]
    fn finds_daemons_that_no_service_has_started() {
        let own = "process 10 1 chronyd /usr/sbin/chronyd -F 1\n\
                   process 11 10 chronyd /usr/sbin/chronyd -F 1\n\
                   process 12 9 chronyd chronyd -Q -t 2 server\n";
        assert!(rivals(own, &[]).is_empty());
        let second = format!("{own}process 20 1 chronyd chronyd -f /root/c\n");
        assert_eq!(rivals(&second, &[]), ["chronyd (process 20)"]);
        let ntpd =
            "process 30 1 ntpd ntpd -p pool\nprocess 31 1 systemd-timesyn x\nprocess nonsense";
        assert_eq!(rivals(ntpd, &["openntpd"]), ["systemd-timesyn (process 31)"]);
        assert_eq!(rivals(ntpd, &["systemd-timesyncd"]), ["ntpd (process 30)"]);
    }

    #[test]
    fn hypervisors_and_files() {
        let found = Surroundings::parse(
            "vmware Enabled\nprocess 5 1 VBoxService /usr/sbin/VBoxService --disable-timesync\n\
             conf read\nconf driftfile /x\nlog a\n",
        );
        assert!(found.vmware && !found.virtualbox());
        assert!(found.lacks("rtcsync") && !found.lacks("driftfile"));
        assert!(Surroundings::parse("process 5 1 VBoxService VBoxService").virtualbox());
        assert!(!Surroundings::parse("").lacks("rtcsync"), "nobody looked");
        assert!(!Surroundings::parse("conf read\nconf confdir /x").lacks("rtcsync"));
    }
}
