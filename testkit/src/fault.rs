//! What can go wrong between asking for a service and having it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    #[error("`{path}`: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("`{program}` cannot be run: {cause}; {way_out}")]
    Program {
        program: String,
        cause: io::Error,
        way_out: &'static str,
    },
    #[error("the jars of `{service}` cannot be had: {output}")]
    Jars {
        service: &'static str,
        output: String,
    },
    #[error("no `{count}` free ports on loopback in {tries} tries")]
    Ports { count: usize, tries: u32 },
    #[error("`{service}` ended with {status} before it was ready; its log ends:\n{log}")]
    Ended {
        service: String,
        status: std::process::ExitStatus,
        log: String,
    },
    #[error("`{service}` was not ready within {limit_s} s; its log ends:\n{log}")]
    Slow {
        service: String,
        limit_s: u64,
        log: String,
    },
    #[error("`{command}` failed with {status}: {output}")]
    Command {
        command: String,
        status: std::process::ExitStatus,
        output: String,
    },
}
