//! Which chrony knows what: no directive that a host's chronyd does not know ever reaches it, for
//! one such line keeps it from starting.
//!
//! The tables come from the parsers in chrony's own releases (conf.c, cmdparse.c), 2.4 to 4.8.

use crate::facts::{ChronyFacts, Version};
use crate::problem::Problem;

/// What happens on a host whose chrony lacks something that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// It does as well without: left out, with a note.
    LeftOut,
    /// It would mean something else, or be less safe: the host fails before anything changes.
    Refused,
}

/// What a host's chrony must have for one piece of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    /// What it is called in messages.
    pub what: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The feature of `chronyd -v` that it must be built with.
    pub built_with: Option<&'static str>,
    /// What happens without.
    pub loss: Loss,
    /// What to do where it is refused.
    next: &'static str,
}

const fn gate(what: &'static str, since: Version, loss: Loss) -> Gate {
    let next = "bring a newer chrony to it, or take the setting out";
    Gate { what, since, built_with: None, loss, next }
}

pub(super) const XLEAVE: Gate = gate("xleave", Version::new(3, 0), Loss::LeftOut);
pub(super) const FILTER: Gate = gate("filter", Version::new(3, 4), Loss::LeftOut);
pub(super) const HWTIMESTAMP: Gate = gate("hwtimestamp", Version::new(3, 0), Loss::LeftOut);
/// Polls more often than once a second. Before, chronyd took its default instead.
pub(super) const FAST_POLL: Gate = gate("a poll below 0", Version::new(3, 4), Loss::LeftOut);
/// Before, only chronyd's own options -4 and -6 hold a name to a family.
pub(super) const FAMILY: Gate = Gate {
    next: "give addresses in the place of names, or bring a newer chrony to it",
    ..gate("ip_family", Version::new(4, 6), Loss::Refused)
};
pub(super) const NTS: Gate =
    Gate { built_with: Some("NTS"), ..gate("nts", Version::new(4, 0), Loss::Refused) };
pub(super) const NTS_BY_ADDRESS: Gate =
    Gate { what: "nts with a server's address", since: Version::new(4, 1), ..NTS };
/// MACs of more than SHA1's length are cut to what NTPv4 packets may have from 3.0 on: older and
/// newer ones do not understand each other.
pub(super) const LONG_HASH: Gate = Gate {
    built_with: Some("SECHASH"),
    ..gate("a key of a type beyond MD5", Version::new(3, 0), Loss::Refused)
};
pub(super) const SHA1: Gate = Gate { since: Version::OLDEST, ..LONG_HASH };
pub(super) const CMAC: Gate =
    Gate { what: "a key of type AES128 or AES256", since: Version::new(4, 0), ..LONG_HASH };

impl Gate {
    /// The gate of `directive` in lines that the user wrote; none for one that nobody knows.
    pub fn of_directive(directive: &str) -> Option<Self> {
        let (what, since) = DIRECTIVES.iter().find(|(name, _)| *name == directive)?;
        Some(gate(what, *since, Loss::Refused))
    }

    /// Why `chrony` does not have this, in words that go behind its name; none when it has it.
    fn lacking(&self, chrony: &ChronyFacts) -> Option<String> {
        if chrony.written_for < self.since {
            let has = if chrony.installed { "this host has" } else { "this host would get" };
            let version = chrony.written_for;
            return Some(format!("came with chrony {}, and {has} {version}", self.since));
        }
        let missing = self.built_with.filter(|feature| chrony.lacks(feature))?;
        Some(format!("needs {missing}, which this host's chronyd was built without"))
    }

    /// Whether `chrony` takes this; what is left out is said in `notes`.
    ///
    /// # Errors
    /// It does not, and must.
    pub fn passes(&self, chrony: &ChronyFacts, notes: &mut Vec<String>) -> Result<bool, Problem> {
        let Some(why) = self.lacking(chrony) else { return Ok(true) };
        let message = format!("{} {why}", self.what);
        match self.loss {
            Loss::Refused => Err(Problem::new(message).hint(self.next)),
            Loss::LeftOut => {
                let note = format!("{message}: it was left out");
                if !notes.contains(&note) {
                    notes.push(note);
                }
                Ok(false)
            }
        }
    }
}

const fn since(major: u16, minor: u16) -> Version {
    Version::new(major, minor)
}

const V24: Version = Version::OLDEST;

/// Every directive of a configuration file, with the version that it came with; 2.4 for all that
/// are as old or older.
pub(super) const DIRECTIVES: &[(&str, Version)] = &[
    ("acquisitionport", V24),
    ("allow", V24),
    ("bindacqaddress", V24),
    ("bindaddress", V24),
    ("bindcmdaddress", V24),
    ("broadcast", V24),
    ("clientloglimit", V24),
    ("cmdallow", V24),
    ("cmddeny", V24),
    ("cmdport", V24),
    ("cmdratelimit", V24),
    ("combinelimit", V24),
    ("commandkey", V24),
    ("corrtimeratio", V24),
    ("deny", V24),
    ("driftfile", V24),
    ("dumpdir", V24),
    ("dumponexit", V24),
    ("fallbackdrift", V24),
    ("generatecommandkey", V24),
    ("hwclockfile", V24),
    ("include", V24),
    ("initstepslew", V24),
    ("keyfile", V24),
    ("leapsecmode", V24),
    ("leapsectz", V24),
    ("linux_freq_scale", V24),
    ("linux_hz", V24),
    ("local", V24),
    ("lock_all", V24),
    ("log", V24),
    ("logbanner", V24),
    ("logchange", V24),
    ("logdir", V24),
    ("mailonchange", V24),
    ("makestep", V24),
    ("manual", V24),
    ("maxchange", V24),
    ("maxclockerror", V24),
    ("maxdistance", V24),
    ("maxdrift", V24),
    ("maxsamples", V24),
    ("maxslewrate", V24),
    ("maxupdateskew", V24),
    ("minsamples", V24),
    ("minsources", V24),
    ("noclientlog", V24),
    ("peer", V24),
    ("pidfile", V24),
    ("pool", V24),
    ("port", V24),
    ("ratelimit", V24),
    ("refclock", V24),
    ("reselectdist", V24),
    ("rtcautotrim", V24),
    ("rtcdevice", V24),
    ("rtcfile", V24),
    ("rtconutc", V24),
    ("rtcsync", V24),
    ("sched_priority", V24),
    ("server", V24),
    ("smoothtime", V24),
    ("stratumweight", V24),
    ("tempcomp", V24),
    ("user", V24),
    ("hwtimestamp", since(3, 0)),
    ("maxjitter", since(3, 0)),
    ("ntpsigndsocket", since(3, 0)),
    ("authselectmode", since(4, 0)),
    ("bindacqdevice", since(4, 0)),
    ("bindcmddevice", since(4, 0)),
    ("binddevice", since(4, 0)),
    ("clockprecision", since(4, 0)),
    ("confdir", since(4, 0)),
    ("dscp", since(4, 0)),
    ("maxntsconnections", since(4, 0)),
    ("nocerttimecheck", since(4, 0)),
    ("nosystemcert", since(4, 0)),
    ("ntscachedir", since(4, 0)),
    ("ntsdumpdir", since(4, 0)),
    ("ntsntpserver", since(4, 0)),
    ("ntsport", since(4, 0)),
    ("ntsprocesses", since(4, 0)),
    ("ntsratelimit", since(4, 0)),
    ("ntsrefresh", since(4, 0)),
    ("ntsrotate", since(4, 0)),
    ("ntsservercert", since(4, 0)),
    ("ntsserverkey", since(4, 0)),
    ("ntstrustedcerts", since(4, 0)),
    ("sourcedir", since(4, 0)),
    ("ptpport", since(4, 2)),
    ("hwtstimeout", since(4, 4)),
    ("refresh", since(4, 4)),
    ("leapseclist", since(4, 6)),
    ("ptpdomain", since(4, 6)),
    ("ntsaeads", Version::patch(4, 6, 1)),
    ("opencommands", since(4, 7)),
];

/// The names of all directives.
pub(super) fn directives() -> Vec<&'static str> {
    DIRECTIVES.iter().map(|(name, _)| *name).collect()
}
