//! Which OpenShift takes what.

use std::fmt;

use crate::facts::{Facts, LeapSeconds, Platform};

/// A release of OpenShift or OKD, such as 4.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The number behind `4.`.
    minor: u16,
}

impl Version {
    /// The oldest that Butane has a variant for.
    pub const OLDEST: Self = Self { minor: 8 };
    /// The newest that is known here.
    pub const NEWEST: Self = Self { minor: 22 };
    /// What is meant where nothing is said.
    pub const DEFAULT: Self = Self { minor: 14 };

    /// The release that `text` names: `4.14`, or one of its updates such as `4.14.3`.
    ///
    /// # Errors
    /// It is none that is known here; in words for the one who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::known(text).ok_or_else(|| {
            format!(
                "`{}` is no version of OpenShift that is known here: write {} to {}",
                text.escape_debug(),
                Self::OLDEST,
                Self::NEWEST
            )
        })
    }

    fn known(text: &str) -> Option<Self> {
        let is_number = |text: &&str| {
            let sound = text.len() < 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            sound && !text.is_empty() && (*text == "0" || !text.starts_with('0'))
        };
        let minor = match text.split('.').collect::<Vec<_>>().as_slice() {
            ["4", minor] => *minor,
            ["4", minor, update] if is_number(update) => *minor,
            _ => return None,
        };
        let version = Self { minor: Some(minor).filter(is_number)?.parse().ok()? };
        (Self::OLDEST..=Self::NEWEST).contains(&version).then_some(version)
    }

    /// The version of Ignition's configuration that it takes (as in Butane's variants).
    #[must_use]
    pub fn ignition(self) -> &'static str {
        match self.minor {
            ..=13 => "3.2.0",
            14..=18 => "3.4.0",
            19.. => "3.5.0",
        }
    }

    /// The version of Butane's variant `openshift`.
    #[must_use]
    pub fn butane(self) -> String {
        format!("{self}.0")
    }

    /// Whether its operator reads compressed contents (<https://bugzilla.redhat.com/1970218>).
    #[must_use]
    pub fn takes_gzip(self) -> bool {
        self.minor >= 10
    }

    /// Whether a custom pool's config goes before the worker's in any case (MCO-772). Before, the later one in
    /// the order of names did.
    #[must_use]
    pub fn custom_pools_win(self) -> bool {
        self.minor >= 15
    }

    /// Whether it has node disruption policies for all (4.16 had them as a preview).
    #[must_use]
    pub fn has_disruption_policy(self) -> bool {
        self.minor >= 17
    }

    /// What its nodes are: RHEL CoreOS, made from RHEL 8 up to 4.12 and from RHEL 9 later. chrony is part of the
    /// image: `chrony`, or at least that of the first release of this RHEL.
    #[must_use]
    pub fn facts(self, chrony: Option<crate::facts::Version>) -> Facts {
        let mut facts = Facts::typical(Platform::RedHat);
        facts.distribution = "rhel".to_owned();
        facts.distribution_version = if self.minor <= 12 { "8" } else { "9" }.to_owned();
        facts.chrony.installed = true;
        // RHEL's own chrony.conf reads them from there.
        facts.chrony.leap_seconds = vec![LeapSeconds::Zone];
        facts.chrony.written_for = chrony.unwrap_or_else(|| facts.expected_chrony(None));
        facts.chrony.version = facts.chrony.written_for.to_string();
        facts
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "4.{}", self.minor)
    }
}
