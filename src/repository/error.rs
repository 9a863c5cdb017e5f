//! Why packages could not be gathered.

use std::fmt;

use crate::problem::Problem;

/// Why packages could not be gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// What was asked for cannot be had: a release that nobody knows, a mirror that is no URL.
    Input(Problem),
    /// It was asked for rightly and did not work: a mirror that does not answer, a signature that is
    /// not to be trusted, a package that needs what nobody offers.
    Failed(Problem),
    /// The user ended it.
    Interrupted,
}

impl Error {
    /// Something failed; `hint` says what to do.
    pub(super) fn failed(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed(Problem::new(what).hint(hint))
    }

    /// The same failure, told as one of `what`.
    pub(super) fn of(self, what: &str) -> Self {
        match self {
            Self::Failed(problem) => Self::Failed(problem.of(what)),
            other => other,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Input(problem)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(problem) | Self::Failed(problem) => problem.fmt(f),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}
