//! What a run is for, and what a host is in it.

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything: probe, plan, apply, verify.
    Setup,
    /// Up to the plan: nothing on any host changes.
    Check,
    /// Probe and verification, with an empty plan.
    Verify,
    /// One look that asks for everything, at hosts that pass as well.
    Doctor,
    /// One look at what ezsync did on the hosts, and what became of it.
    Status,
    /// Back to what stood there before the newest change, or before all of them.
    Rollback,
    /// The same up to the plan: nothing on any host changes.
    RollbackCheck,
}

impl Mode {
    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Check => "check",
            Self::Verify => "verify",
            Self::Doctor => "doctor",
            Self::Status => "status",
            Self::Rollback => "rollback",
            Self::RollbackCheck => "rollback_check",
        }
    }

    /// Whether plans are only shown.
    #[must_use]
    pub fn is_check(self) -> bool {
        matches!(self, Self::Check | Self::RollbackCheck)
    }
}

/// A host's part in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It gives the cluster its time.
    Source,
    /// It follows the source, and gives the cluster its time when that falls silent.
    Standby,
    /// It follows the source.
    Client,
    /// None: the run is not about its time.
    Node,
}
