//! What the cluster's source says of hosts that get no answer from it.

use std::net::IpAddr;
use std::time::Duration;

use super::cause::Cause;
use super::silence::{Heard, Silence};

/// What the source answered when it was asked about its clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSide {
    /// Addresses, and whether its `allow` covers them.
    access: Vec<(IpAddr, bool)>,
    /// Addresses that requests came from, and how many seconds ago the last one did. None when the
    /// source keeps no such list, or does not show it.
    clients: Option<Vec<(IpAddr, u32)>>,
}

impl SourceSide {
    /// Reads lines of an address and what `chronyc accheck` said of it, and the output of
    /// `chronyc -n -c clients`.
    #[must_use]
    pub fn parse(access: &str, clients: &str) -> Self {
        let access = access.lines().filter_map(|line| {
            let (address, said) = line.split_once(' ')?;
            let allowed = match said.split(' ').next()? {
                "208" => true,
                "209" => false,
                _ => return None,
            };
            Some((address.parse::<IpAddr>().ok()?.to_canonical(), allowed))
        });
        // 5xx is how chronyc says no, as with `noclientlog`.
        let refused = clients.lines().any(|line| {
            line.starts_with('5') && line.get(3..4) == Some(" ") || line.contains("Could not open")
        });
        let rows = clients.lines().filter_map(|line| {
            let columns: Vec<&str> = line.trim().split(',').collect();
            let &[address, hits, _, _, _, last, ..] = columns.as_slice() else { return None };
            let hits: u32 = hits.parse().ok()?;
            let last = last.parse().ok().filter(|last| hits > 0 && *last != u32::MAX)?;
            Some((address.parse::<IpAddr>().ok()?.to_canonical(), last))
        });
        Self { access: access.collect(), clients: (!refused).then(|| rows.collect()) }
    }

    /// Why the host at `address` gets no answer, now that the source was asked as well. Where the host sent
    /// a request of its own, that was at most `since` before the source's answer.
    #[must_use]
    pub fn explain(&self, silence: &Silence, address: IpAddr, since: Duration) -> Cause {
        let address = silence.from.unwrap_or(address).to_canonical();
        let allowed = self.access.iter().find(|(known, _)| *known == address);
        let mut silence = silence.clone();
        silence.from = Some(address);
        silence.allowed = allowed.map(|(_, allowed)| *allowed);
        if silence.allowed == Some(false) {
            // Requests that are denied are not listed.
            return Cause::Denied(silence);
        }
        silence.heard = self.heard(&silence, address, since);
        let unsigned_too = silence.answers_unsigned == Some(false);
        match silence.heard {
            Heard::Ago(_) if silence.key.is_some() && !unsigned_too => Cause::KeyMismatch(silence),
            _ => Cause::NoReply(silence),
        }
    }

    fn heard(&self, silence: &Silence, address: IpAddr, since: Duration) -> Heard {
        let Some(clients) = &self.clients else { return Heard::Unknown };
        let last = clients.iter().find(|(known, _)| *known == address).map(|(_, last)| *last);
        let asked_just_now = silence.answers_unsigned.is_some();
        let before = |last: u32| silence.silent.is_some_and(|silent| f64::from(last) > silent);
        match last {
            // What was heard before may have been before the fault. Ages are rounded to seconds.
            Some(last) if asked_just_now && f64::from(last) > since.as_secs_f64() + 1.0 => {
                Heard::Never
            }
            Some(last) if before(last) => Heard::Never,
            Some(last) => Heard::Ago(last),
            None => Heard::Never,
        }
    }
}

impl Cause {
    /// The silence that the source should be asked about.
    #[must_use]
    pub fn open_silence(&self) -> Option<&Silence> {
        match self {
            Self::NoReply(silence) if !silence.upstream => Some(silence),
            _ => None,
        }
    }

    /// Whether chronyd does not run there, or not so that it could serve anybody.
    #[must_use]
    pub fn is_daemon_down(&self) -> bool {
        matches!(
            self,
            Self::ContainerClock
                | Self::NotInstalled
                | Self::DaemonSkipped { .. }
                | Self::DaemonMasked { .. }
                | Self::DaemonDown { .. }
                | Self::AnotherChronyd { .. }
                | Self::DaemonFailed { .. }
                | Self::DaemonSilent { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: &str = "10.0.0.2 208 Access allowed\n10.0.0.3 209 Access denied\n\
                          10.0.0.4 208 Access allowed\n10.0.0.5 506 Cannot talk to daemon\n";
    const CLIENTS: &str = "10.0.0.2,8,0,1,127,4,0,0,127,4294967295\n\
                           10.0.0.6,8,0,1,127,400,0,0,127,4294967295\n\
                           10.0.0.8,8,0,1,127,8,0,0,127,4294967295\n\
                           10.0.0.7,0,0,127,127,4294967295,3,0,1,2\n";

    fn silence(key: Option<u32>, answers_unsigned: Option<bool>) -> Silence {
        Silence { key, answers_unsigned, ..Silence::default() }
    }

    fn explained(silence: &Silence, clients: &str, address: &str) -> (&'static str, Heard) {
        let cause = SourceSide::parse(ACCESS, clients).explain(
            silence,
            address.parse().unwrap(),
            Duration::from_secs(5),
        );
        match cause {
            Cause::Denied(silence) => ("denied", silence.heard),
            Cause::KeyMismatch(silence) => ("key", silence.heard),
            Cause::NoReply(silence) => ("no reply", silence.heard),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_source_knows_why_a_host_gets_no_answer() {
        let asked = silence(None, Some(false));
        for (silence, address, wanted) in [
            (&asked, "10.0.0.3", ("denied", Heard::Unknown)),
            (&asked, "10.0.0.2", ("no reply", Heard::Ago(4))),
            (&asked, "::ffff:10.0.0.2", ("no reply", Heard::Ago(4))),
            (&asked, "10.0.0.4", ("no reply", Heard::Never)),
            (&asked, "10.0.0.6", ("no reply", Heard::Never)),
            (&asked, "10.0.0.8", ("no reply", Heard::Never)),
            (&asked, "10.0.0.7", ("no reply", Heard::Never)),
            (&silence(None, None), "10.0.0.6", ("no reply", Heard::Ago(400))),
            (&silence(Some(5), None), "10.0.0.2", ("key", Heard::Ago(4))),
            (&silence(Some(5), Some(false)), "10.0.0.2", ("no reply", Heard::Ago(4))),
            (&silence(Some(5), None), "10.0.0.4", ("no reply", Heard::Never)),
        ] {
            assert_eq!(explained(silence, CLIENTS, address), wanted, "{address}");
        }
        let fallen_silent = Silence { silent: Some(100.0), ..Silence::default() };
        assert_eq!(explained(&fallen_silent, CLIENTS, "10.0.0.6").1, Heard::Never);
        for refused in ["506 Cannot talk to daemon\n", "500 Failure\n", "501 Not authorised\n"] {
            assert_eq!(explained(&asked, refused, "10.0.0.2").1, Heard::Unknown);
        }
        assert_eq!(explained(&asked, "", "10.0.0.2").1, Heard::Never);
    }

    #[test]
    fn the_hosts_own_word_for_its_address_counts_most() {
        let from = Some([10, 0, 0, 3].into());
        let silence = Silence { from, ..Silence::default() };
        assert_eq!(explained(&silence, CLIENTS, "10.0.0.2").0, "denied");
    }
}
