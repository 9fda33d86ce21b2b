//! Trueup beside others that do the same job: the same records, in turns, on one machine, each
//! answer checked. A wrong answer makes its figures void.

mod admin;
mod backlog;
mod contest;
mod draining;
mod fold;
mod offsets;
mod pass;
mod process;
mod streams;
mod table;
mod versions;

use crate::audit::AuditFault;
use crate::chaos::{ChaosFault, Services};
use crate::fixtures::FixtureFault;
use crate::kafka::ReadFault;

pub use pass::PassOptions;
pub use streams::{Drains, StreamsOptions};

/// Whom to compare with.
#[derive(Debug, clap::Subcommand)]
pub enum RivalsCommand {
    /// Kafka Streams with `exactly_once_v2`, and the pass-through: one backlog, drained in turns.
    Streams(StreamsOptions),
    /// The limit: every record consumed and one of 155 bytes produced for it, in transactions.
    #[command(hide = true)]
    PassThrough(PassOptions),
}

/// A comparison that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RivalsFault {
    #[error(transparent)]
    Chaos(#[from] ChaosFault),
    #[error(transparent)]
    Fixture(#[from] FixtureFault),
    #[error(transparent)]
    Read(#[from] ReadFault),
    #[error(transparent)]
    Audit(#[from] AuditFault),
    #[error(transparent)]
    Scratch(#[from] trueup_testkit::ServiceFault),
    #[error("{doing}: {cause}")]
    Kafka {
        doing: String,
        cause: rdkafka::error::KafkaError,
    },
    #[error("`{topic}` cannot be {what}: the broker says {cause}")]
    Topic {
        topic: String,
        what: &'static str,
        cause: String,
    },
    #[error("the backlog cannot be used: {0}")]
    Backlog(String),
    #[error("`{name}` cannot be run: {cause}")]
    Run { name: String, cause: std::io::Error },
    #[error("`{name}` cannot be made ready; it says:\n{output}")]
    Unready { name: String, output: String },
    #[error("`{name}` ended with {status} before it was done; its log ends:\n{log}")]
    Ended {
        name: String,
        status: std::process::ExitStatus,
        log: String,
    },
    #[error(
        "`{name}` had consumed {consumed} of {records} records after {limit_s} s; its log ends:\n{log}"
    )]
    Slow {
        name: String,
        consumed: u64,
        records: u64,
        limit_s: u64,
        log: String,
    },
    #[error("`{name}` did not end within {limit_s} s of SIGTERM")]
    Lingers { name: String, limit_s: u64 },
}

impl RivalsFault {
    pub(crate) fn kafka(
        doing: impl Into<String>,
    ) -> impl FnOnce(rdkafka::error::KafkaError) -> Self {
        let doing = doing.into();
        |cause| Self::Kafka { doing, cause }
    }
}

impl From<crate::chaos::ClusterFault> for RivalsFault {
    fn from(fault: crate::chaos::ClusterFault) -> Self {
        Self::Chaos(fault.into())
    }
}

/// Runs one comparison and prints it; true if every answer was right.
///
/// # Errors
/// Services or processes that cannot be started, topics that cannot be read.
pub fn run(
    command: &RivalsCommand,
    services: impl FnOnce() -> Result<Box<dyn Services>, ChaosFault>,
) -> Result<bool, RivalsFault> {
    match command {
        RivalsCommand::Streams(options) => {
            let drains = streams::run(options, services()?.as_mut())?;
            println!("{drains}");
            Ok(drains.is_right())
        }
        RivalsCommand::PassThrough(options) => pass::run(options).map(|()| true),
    }
}
