//! `trueup-load`: the runs of this crate from the command line. Exit code 0 for a clean run,
//! 1 for any fault found or a run that could not be made, 2 for wrong usage.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trueup_load_tests::chaos::{self, ChaosFault, ChaosOptions};
use trueup_load_tests::dev::{self, DevOptions};
use trueup_load_tests::drain::{self, DrainOptions};
use trueup_load_tests::gaps::{self, GapsOptions};
use trueup_load_tests::generate;
use trueup_load_tests::letters::{self, LettersOptions};
use trueup_load_tests::one_order::{self, OneOrderOptions};
use trueup_load_tests::restart::{self, RestartOptions};
use trueup_load_tests::rivals::{self, RivalsCommand};

#[derive(Debug, Parser)]
#[command(
    name = "trueup-load",
    about = "Streams, senders and chaos runs for Trueup"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the events and snapshots of a seed as JSON lines.
    Generate(generate::Options),
    /// Send a shop's stream while everything is killed, then audit what came out.
    Chaos(ChaosOptions),
    /// The same against one `trueup dev`, which is killed whole and whose broker misbehaves.
    Dev(DevOptions),
    /// Fill the log with nobody reading it, then measure one processor draining it.
    Drain(DrainOptions),
    /// Let every fault of a shop become a gap while everything is killed, and heal what can heal.
    Gaps(GapsOptions),
    /// Make dead letters of a shop's stream, and replay them while everything is killed.
    Letters(LettersOptions),
    /// Send everything under one order id, and measure what an event costs as they become more.
    OneOrder(OneOrderOptions),
    /// Load orders and gaps, kill the process, and measure how soon it says something new.
    Restart(RestartOptions),
    /// Let others that do the same job run beside Trueup, in turns, each answer checked.
    #[command(subcommand)]
    Rivals(RivalsCommand),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Generate(options) => generate::run(&options)
            .map(|()| true)
            .map_err(|fault| fault.to_string()),
        Command::Chaos(options) => run_chaos(&options).map_err(|fault| fault.to_string()),
        Command::Dev(options) => run_dev(&options).map_err(|fault| fault.to_string()),
        Command::Drain(options) => run_drain(&options).map_err(|fault| fault.to_string()),
        Command::Gaps(options) => run_gaps(&options).map_err(|fault| fault.to_string()),
        Command::Letters(options) => run_letters(&options).map_err(|fault| fault.to_string()),
        Command::OneOrder(options) => run_one_order(&options).map_err(|fault| fault.to_string()),
        Command::Restart(options) => run_restart(&options).map_err(|fault| fault.to_string()),
        Command::Rivals(command) => {
            rivals::run(&command, || Ok(chaos::services()?)).map_err(|fault| fault.to_string())
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("trueup-load: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run_drain(options: &DrainOptions) -> Result<bool, ChaosFault> {
    let report = drain::run(options, chaos::services()?.as_mut())?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_chaos(options: &ChaosOptions) -> Result<bool, ChaosFault> {
    let report = chaos::run(options, chaos::services()?.as_mut())?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_dev(options: &DevOptions) -> Result<bool, ChaosFault> {
    let report = dev::run(options)?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_gaps(options: &GapsOptions) -> Result<bool, ChaosFault> {
    let report = gaps::run(options)?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_letters(options: &LettersOptions) -> Result<bool, ChaosFault> {
    let report = letters::run(options)?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_one_order(options: &OneOrderOptions) -> Result<bool, ChaosFault> {
    let report = one_order::run(options)?;
    println!("{report}");
    Ok(report.is_clean())
}

/// True for a clean run.
fn run_restart(options: &RestartOptions) -> Result<bool, ChaosFault> {
    let report = restart::run(options)?;
    println!("{report}");
    Ok(report.is_clean())
}
