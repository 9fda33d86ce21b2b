//! How a command ends when it does not end well, and the exit code of each way.

use std::process::ExitCode;

use thiserror::Error;

use crate::settings::Faults;

#[derive(Debug, Error)]
pub enum Failure {
    /// Exit code 2.
    #[error(transparent)]
    Configuration(#[from] Faults),
    /// Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Exit code 1; everything was said already.
    #[error("failed")]
    Said,
}

impl Failure {
    pub fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Configuration(_) => ExitCode::from(2),
            Self::Failed(_) | Self::Said => ExitCode::from(1),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(fault: std::io::Error) -> Self {
        Self::Failed(fault.to_string())
    }
}
