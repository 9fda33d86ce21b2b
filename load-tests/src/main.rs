//! `trueup-load`: the runs of this crate from the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    Generate(trueup_load_tests::generate::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Generate(options) => trueup_load_tests::generate::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("trueup-load: {fault}");
            ExitCode::FAILURE
        }
    }
}
