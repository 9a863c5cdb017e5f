//! How the program ends: one code for each way, the same ones as Ansible's where it has them.

use std::process::{ExitCode, Termination};

/// The program's exit code.
///
/// | code | meaning |
/// |---|---|
/// | 0 | all that was asked for is so; in check mode: the plan could be made |
/// | 1 | an error that is none of the others, another run of the cluster for one: nothing can be said of the hosts |
/// | 2 | a host failed, or its time is not as it should be |
/// | 4 | a host could not be reached, and none failed |
/// | 5 | bad options or bad input: no host was touched |
/// | 99 | the run was interrupted |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All that was asked for is so.
    Ok = 0,
    /// An error that is none of the others.
    Error = 1,
    /// A host failed, or its time is not as it should be.
    HostFailed = 2,
    /// A host could not be reached, and none failed.
    Unreachable = 4,
    /// Bad options or bad input.
    Usage = 5,
    /// The run was interrupted.
    Interrupted = 99,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
