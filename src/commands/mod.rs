//! The commands: each reads its settings, does its work and says how it ended.

mod dev;

mod ingest;

mod process;

mod send;

mod order;

mod event;

mod payment;

mod dlq;

mod ask;

mod serving;

mod gateway;

mod workers;

mod linking;

mod store;

mod log_facts;

mod topics;

mod ledger;

mod check;

use crate::cli::Command;
use crate::config::{
    self, AskConfig, DevConfig, DlqConfig, IngestConfig, LedgerConfig, ProcessConfig, SendConfig,
    TopicsConfig,
};
use crate::failure::Failure;
use crate::settings::{Faults, Merged};

/// Runs `command`.
///
/// # Errors
/// How it failed; the configuration's faults come all at once.
pub fn run(command: &Command, merged: &Merged, faults: Faults) -> Result<(), Failure> {
    let host_name = config::serving::host_name();
    match command {
        Command::Dev => dev::run(DevConfig::read(merged, faults, host_name.as_deref())?),
        Command::Ingest => ingest::run(IngestConfig::read(merged, faults)?),
        Command::Process => {
            process::run(ProcessConfig::read(merged, faults, host_name.as_deref())?)
        }
        Command::Send { files } => send::run(&SendConfig::read(merged, faults)?, files),
        Command::Order { id } => order::run(AskConfig::read(merged, faults)?, id),
        Command::Event { id } => event::run(AskConfig::read(merged, faults)?, id),
        Command::Payment { id } => payment::run(AskConfig::read(merged, faults)?, id),
        Command::Dlq(what) => dlq::run(DlqConfig::read(merged, faults)?, what),
        Command::TopicsApply => topics::run(&TopicsConfig::read(merged, faults)?),
        Command::LedgerApply => ledger::run(&LedgerConfig::read(merged, faults)?),
        Command::Check => check::run(merged, faults, host_name.as_deref()),
    }
}
