//! The commands: each reads its settings, does its work and says how it ended.

mod dev;

mod ingest;

mod process;

mod sweep;

mod send;

mod order;

mod event;

mod payment;

mod gaps;

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
    self, AskConfig, DevConfig, GapsConfig, IngestConfig, LedgerConfig, ProcessConfig, SendConfig,
    SweepConfig,
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
        Command::Sweep => sweep::run(SweepConfig::read(merged, faults)?),
        Command::Send { files } => send::run(&SendConfig::read(merged, faults)?, files),
        Command::Order { id } => order::run(AskConfig::read(merged, faults)?, id),
        Command::Event { id } => event::run(AskConfig::read(merged, faults)?, id),
        Command::Payment { id } => payment::run(AskConfig::read(merged, faults)?, id),
        Command::Gaps => gaps::run(GapsConfig::read(merged, faults)?),
        Command::TopicsApply => topics::run(&TopicsConfig::read(merged, faults)?),
        Command::LedgerApply => ledger::run(&LedgerConfig::read(merged, faults)?),
        Command::Check => check::run(merged, faults, host_name.as_deref()),
    }
}
